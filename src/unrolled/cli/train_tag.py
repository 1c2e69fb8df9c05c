"""`unrolled train tag`: its options, as typer reads them."""

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

NAME = "tag"
HELP = "Learn to give each word of a sentence a label."
LAYOUT = paragraphs("""
DATA is CoNLL-U where its name ends in .conllu, with the labels in UPOS unless --labels names
another field. Any other file has a word a line with its label behind it, between tabs or blanks,
and a blank line between sentences: the first column is the word and the last one the label, unless
--words and --labels give other numbers, counted from 1. Both may be packed (.gz).

Words that are not in DATA are read by their letters and shape; --word-dropout makes the model rely
on these.

A table by label is printed, of --test, else of --validation, else of DATA, and a page of pictures
is written to MODEL-plots/report.html.""")
EXAMPLES = (
    "unrolled train tag train.conllu --crf --out model",
    "unrolled train tag train.conllu --labels xpos --validation dev.conllu",
    "unrolled train tag train.conllu --test dev.conllu --word-dropout 0.05",
    "unrolled train tag entities.tsv --labels 2 --crf --test-fraction 0.2",
)

COLUMNS = "Columns"
Data = Annotated[Path, typer.Argument(metavar="DATA", help="a .conllu file, or one of columns")]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD|N",
        help="the labels: a field of CoNLL-U such as xpos, or the number of a column",
        rich_help_panel=COLUMNS,
    ),
]
Words = Annotated[
    str | None,
    typer.Option(metavar="FIELD|N", help="the words, in the same way", rich_help_panel=COLUMNS),
]
Validation = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="sentences to watch instead of a held-out share",
        rich_help_panel=TESTING,
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="sentences to test the trained model on", rich_help_panel=TESTING
    ),
]
TestFraction = Annotated[
    float,
    typer.Option(
        metavar="NUMBER",
        help="share of the sentences of DATA to test on instead, at random but the same each time",
        rich_help_panel=TESTING,
    ),
]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        data: Data,
        out: Out = Path("model"),
        quiet: Quiet = False,
        labels: Labels = None,
        words: Words = None,
        validation: Validation = None,
        test: Test = None,
        test_fraction: TestFraction = 0.0,
        no_report: NoReport = False,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.tag_fitting import train
        from unrolled.cli.tagged import TagColumns

        check_watched(options, validation=validation is not None)
        check_tested(test_fraction, test=test is not None)
        train(
            data,
            TagColumns.typed(data, words, labels),
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
