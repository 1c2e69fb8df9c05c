"""`unrolled train translate`: its options, as typer reads them."""

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

NAME = "translate"
HELP = "Learn to write a text from another one: translations, sounds of spellings."
LAYOUT = paragraphs("""
DATA has a source, a tab and its target on each line, without a line of names; or it has a source a
line, and TARGETS what belongs to each. All files may be packed (.gz). It needs torch.

The pairs of --test are scored once, after training; a source that stands on several lines has as
many references, of which the closest counts. Else what --validation names is scored, else the
beginning of DATA. Beside the model's scores stand those of the target of the training source that
is most alike.

A page with the learning curve, examples and pictures of where the model looked while it wrote is
written to MODEL-plots/report.html.""")
EXAMPLES = (
    "unrolled train translate pairs.tsv --test-fraction 0.1",
    "unrolled train translate train.de train.en --unit subword --out model",
    "unrolled train translate pairs.tsv --validation val.de --validation val.en",
    "unrolled train translate words.tsv --unit character --target-unit token",
)

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="pairs with a tab between, or sources, a line each")
]
Targets = Annotated[
    Path | None, typer.Argument(metavar="[TARGETS]", help="the targets, where DATA has none")
]
Validation = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="pairs to watch instead of a held-out share; given twice, sources and targets",
        rich_help_panel=TESTING,
    ),
]
Test = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="pairs to test the trained model on; given twice, sources and targets",
        rich_help_panel=TESTING,
    ),
]
TestFraction = Annotated[
    float,
    typer.Option(
        metavar="NUMBER",
        help="share of the sources of DATA to test on instead, at random but the same each time",
        rich_help_panel=TESTING,
    ),
]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        data: Data,
        targets: Targets = None,
        out: Out = Path("model"),
        quiet: Quiet = False,
        validation: Validation = None,
        test: Test = None,
        test_fraction: TestFraction = 0.0,
        no_report: NoReport = False,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.translate_fitting import train

        for name, files in (("--validation", validation), ("--test", test)):
            if len(files or []) > 2:
                raise typer.BadParameter(
                    f"{name} is a file of pairs, or given twice: sources, then targets"
                )
        check_watched(options, validation=bool(validation))
        check_tested(test_fraction, test=bool(test))
        train(
            [data] if targets is None else [data, targets],
            out,
            options,
            validation=validation or [],
            test=test or [],
            test_fraction=test_fraction,
            resume_from=resume_from,
            report=not no_report,
            quiet=quiet,
        )

    return run
