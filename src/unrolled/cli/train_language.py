"""`unrolled train language-model`: its options, as typer reads them."""

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
    check_watched,
)

NAME = "language-model"
HELP = "Learn to go on from a text: by characters, words or pieces of words."
LAYOUT = paragraphs("""
Each FILE is a text, plain or .gz, in UTF-8 and of any size; with several of them the model also
learns where a text ends.

The texts of --test are scored once, after training: perplexity, and bits per character, which
compare between all models. So is what --validation or --validation-fraction holds out, but that was
watched, and --patience ends training where it does best. Beside them stand the scores of the
symbols' shares alone, without any memory.

A page with the learning curve, texts that the model wrote and a text coloured by what it did not
foresee is written to MODEL-plots/report.html.""")
EXAMPLES = (
    "unrolled train language-model corpus.txt --validation-fraction 0.1",
    "unrolled train language-model corpus.txt --unit word --test other.txt",
    "unrolled train language-model corpus.txt other.txt --unit word --min-count 2",
    "unrolled train language-model corpus.txt --hidden-size 512 --dropout 0.2",
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="texts, plain or .gz")]
Validation = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="text to watch instead of a held-out share, may be given again",
        rich_help_panel=TESTING,
    ),
]
Test = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="text to score once the model is trained, may be given again",
        rich_help_panel=TESTING,
    ),
]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        files: Files,
        out: Out = Path("model"),
        quiet: Quiet = False,
        validation: Validation = None,
        test: Test = None,
        no_report: NoReport = False,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.language_fitting import train

        check_watched(options, validation=bool(validation))
        train(
            files,
            out,
            options,
            validation=validation or [],
            test=test or [],
            resume_from=resume_from,
            report=not no_report,
            quiet=quiet,
        )

    return run
