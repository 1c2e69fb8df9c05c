"""`unrolled train transcribe`: its options, as typer reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.helptext import paragraphs
from unrolled.cli.train_options import (
    TESTING,
    NoReport,
    Out,
    Quiet,
    ResumeFrom,
    check_tested,
    check_watched,
)

NAME = "transcribe"
HELP = "Learn to write down what is said: sounds to texts."
LAYOUT = paragraphs("""
MANIFEST is a .csv, .tsv or .parquet file with a sound file in its column "path" and what is said
in "text", unless --audio and --text name others. Relative paths are relative to its folder. WAV
files are read as they are; other formats and other sample rates than --sample-rate need the extra
"audio", and error rates of words the extra "metrics". It needs torch.

The sounds of --validation, and of --test or --test-fraction, are scored after training; without
them the beginning of MANIFEST. Beside the model's scores stand those of always writing the
commonest text.

A page with the learning curve, examples that can be listened to, and pictures of what was heard
when is written to MODEL-plots/report.html.""")
EXAMPLES = (
    "unrolled train transcribe manifest.csv --test-fraction 0.1 --out model",
    "unrolled train transcribe train.tsv --validation dev.tsv --patience 5",
    "unrolled train transcribe train.csv --text sentence --sample-rate 8000",
    "unrolled train transcribe train.csv --speeds 0.9,1,1.1 --time-masks 2",
)

COLUMNS = "Columns"
Manifest = Annotated[
    Path, typer.Argument(metavar="MANIFEST", help="a .csv, .tsv or .parquet file of sounds")
]
Audio = Annotated[
    str,
    typer.Option(metavar="COLUMN", help="column of the sound files", rich_help_panel=COLUMNS),
]
Text = Annotated[
    str, typer.Option(metavar="COLUMN", help="column of what is said", rich_help_panel=COLUMNS)
]
Validation = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="manifest of sounds to watch instead of a held-out share",
        rich_help_panel=TESTING,
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="manifest of sounds to test the trained model on",
        rich_help_panel=TESTING,
    ),
]
TestFraction = Annotated[
    float,
    typer.Option(
        metavar="NUMBER",
        help="share of the sounds of MANIFEST to test on instead, at random but the same each time",
        rich_help_panel=TESTING,
    ),
]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        manifest: Manifest,
        out: Out = Path("model"),
        quiet: Quiet = False,
        audio: Audio = "path",
        text: Text = "text",
        validation: Validation = None,
        test: Test = None,
        test_fraction: TestFraction = 0.0,
        no_report: NoReport = False,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.manifest import Columns
        from unrolled.cli.transcribe_fitting import train

        check_watched(options, validation=validation is not None)
        check_tested(test_fraction, test=test is not None)
        train(
            manifest,
            Columns(audio, text),
            out,
            options,
            validation=validation,
            test=test,
            test_fraction=test_fraction,
            resume_from=resume_from,
            report=not no_report,
            quiet=quiet,
        )

    return run
