"""`unrolled train language-model`: its options, as typer reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.helptext import paragraphs
from unrolled.cli.train_forecast import Out, Quiet, ResumeFrom

NAME = "language-model"
HELP = "Learn to go on from a text: by characters, words or pieces of words."
LAYOUT = paragraphs("""
Each FILE is a text, plain or .gz, in UTF-8 and of any size; with several of them the model also
learns where a text ends.

What --validation or --validation-fraction holds out is scored: perplexity, and bits per character,
which compare between all models. Beside them stand the scores of the symbols' shares alone, without
any memory.

A page with the learning curve, texts that the model wrote and a text coloured by what it did not
foresee is written to MODEL-plots/report.html.""")
EXAMPLES = (
    "unrolled train language-model corpus.txt --validation-fraction 0.1",
    "unrolled train language-model corpus.txt --validation other.txt --out model",
    "unrolled train language-model corpus.txt other.txt --unit word --min-count 2",
    "unrolled train language-model corpus.txt --hidden-size 512 --dropout 0.2",
)

TESTING = "Testing"
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="texts, plain or .gz")]
Validation = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="text to watch and score instead of a held-out share, may be given again",
        rich_help_panel=TESTING,
    ),
]
NoReport = Annotated[
    bool,
    typer.Option("--no-report", help="write no page of pictures", rich_help_panel=TESTING),
]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        files: Files,
        out: Out = Path("model"),
        quiet: Quiet = False,
        validation: Validation = None,
        no_report: NoReport = False,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.language_fitting import train

        if validation and options["validation_fraction"]:
            raise typer.BadParameter(
                "--validation and --validation-fraction both say what to watch"
            )
        if options["patience"] is not None and not (validation or options["validation_fraction"]):
            raise typer.BadParameter("--patience needs --validation-fraction, something to watch")
        train(
            files,
            out,
            options,
            validation=validation or [],
            resume_from=resume_from,
            report=not no_report,
            quiet=quiet,
        )

    return run
