"""`unrolled train`: a file to a saved model, a command a task."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from unrolled.cli import (
    train_caption,
    train_forecast,
    train_language,
    train_tag,
    train_transcribe,
    train_translate,
)
from unrolled.cli.helptext import examples, paragraphs
from unrolled.cli.train_options import TESTING, Out, Quiet, ResumeFrom, check_tested

HELP = {
    "classify": "Learn to give sequences, texts or rows a label.",
    "regress": "Learn to give sequences, texts or rows a number.",
    "forecast": train_forecast.HELP,
    train_tag.NAME: train_tag.HELP,
    train_language.NAME: train_language.HELP,
    train_translate.NAME: train_translate.HELP,
    train_caption.NAME: train_caption.HELP,
    train_transcribe.NAME: train_transcribe.HELP,
}
LAYOUTS = paragraphs("""
DATA has a line of column names, and one of these layouts:

- A row a sequence, its other columns of numbers being its steps in their order; empty cells at
the end of a row end its sequence. This needs no option.

- A row a step: --id says whose step it is and --time when. A channel for each other column of
numbers, or for each --value.

- A row a text: --text.

- A row of numbers without order, for a feed-forward network: --table.

How the columns were read is saved with the model: the other commands need not be told.""")
EXAMPLES = {
    "classify": (
        "unrolled train classify train.csv --target label",
        "unrolled train classify train.csv --target label --test test.csv --out model",
        "unrolled train classify steps.csv --target label --id id --time t --out model",
        "unrolled train classify texts.tsv --target label --text sentence --out model",
        "unrolled train classify train.parquet --target label --table --out model",
    ),
    "regress": (
        "unrolled train regress walks.csv --target next --out model",
        "unrolled train regress walks.csv --target next --test-fraction 0.2 --out model",
        "unrolled train regress walks.csv --target next --cell lstm --out model",
        "unrolled train regress walks.csv --target next --checkpoint run --out model",
        "unrolled train regress walks.csv --target next --resume-from run --out model",
    ),
    "forecast": train_forecast.EXAMPLES,
    train_tag.NAME: train_tag.EXAMPLES,
    train_language.NAME: train_language.EXAMPLES,
    train_translate.NAME: train_translate.EXAMPLES,
    train_caption.NAME: train_caption.EXAMPLES,
    train_transcribe.NAME: train_transcribe.EXAMPLES,
}

Data = Annotated[Path, typer.Argument(metavar="DATA", help="a .csv, .tsv or .parquet file")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="the column to predict")]
COLUMNS = "Columns"
Id = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="column that names the sequences or rows", rich_help_panel=COLUMNS
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="column that orders the steps of an id", rich_help_panel=COLUMNS
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--value",
        metavar="COLUMN",
        help="column of numbers to read, may be given again; all other ones without it",
        rich_help_panel=COLUMNS,
    ),
]
Text = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="column of texts", rich_help_panel=COLUMNS)
]
Table = Annotated[
    bool,
    typer.Option(
        "--table", help="rows have no order: a feed-forward network", rich_help_panel=COLUMNS
    ),
]
Drop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN", help="column to leave alone, may be given again", rich_help_panel=COLUMNS
    ),
]
Test = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="rows to test the trained model on", rich_help_panel=TESTING),
]
TestFraction = Annotated[
    float,
    typer.Option(
        metavar="NUMBER",
        help="share of the rows of DATA to test on instead, at random but the same each time",
        rich_help_panel=TESTING,
    ),
]


class Tasks(TyperGroup):
    """Commands whose options are read from the estimators, which bring NumPy along.

    They are read when a command is run, and not to list the commands.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and _command(str(name)), rest


app = typer.Typer(
    cls=Tasks,
    no_args_is_help=True,
    help="Train a network on a file and save it.",
    epilog=examples(*(EXAMPLES[task][0] for task in HELP)),
)


@app.command(help=HELP["classify"])
def classify() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(help=HELP["regress"])
def regress() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(help=HELP["forecast"])
def forecast() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(help=HELP[train_tag.NAME])
def tag() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(train_language.NAME, help=HELP[train_language.NAME])
def language_model() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(help=HELP[train_translate.NAME])
def translate() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(help=HELP[train_caption.NAME])
def caption() -> None:
    """Stands in the list of commands, see `Tasks`."""


@app.command(help=HELP[train_transcribe.NAME])
def transcribe() -> None:
    """Stands in the list of commands, see `Tasks`."""


def _command(task: str) -> Any:
    """A task's command with all its options."""
    from unrolled.cli.options import parameters

    if task == "forecast":
        from unrolled.estimators import Forecaster

        layouts, options = train_forecast.LAYOUT, parameters(Forecaster)
        run = train_forecast.command()
    elif task == train_language.NAME:
        from unrolled.estimators import LanguageModel

        layouts, options = train_language.LAYOUT, parameters(LanguageModel)
        run = train_language.command()
    elif task == train_translate.NAME:
        from unrolled.estimators import Translator

        layouts, options = train_translate.LAYOUT, parameters(Translator)
        run = train_translate.command()
    elif task == train_caption.NAME:
        from unrolled.estimators import ImageCaptioner

        layouts, options = train_caption.LAYOUT, parameters(ImageCaptioner, without={"reads"})
        run = train_caption.command()
    elif task == train_transcribe.NAME:
        from unrolled.estimators import SpeechRecognizer

        layouts, options = (
            train_transcribe.LAYOUT,
            parameters(SpeechRecognizer, without={"features"}),
        )
        run = train_transcribe.command()
    elif task == train_tag.NAME:
        from unrolled.estimators import SequenceTagger

        layouts, options = train_tag.LAYOUT, parameters(SequenceTagger, without={"standardize"})
        run = train_tag.command()
    else:
        from unrolled.cli.fitting import KINDS

        layouts, options, run = LAYOUTS, parameters(*KINDS[task]), _run(task)
    whole = typer.Typer(add_completion=False, rich_markup_mode="rich")
    whole.command(task, help=f"{HELP[task]}\n\n{layouts}", epilog=examples(*EXAMPLES[task]))(
        _with_options(run, options)
    )
    return typer.main.get_command(whole)


def _run(task: str) -> Callable[..., None]:
    def run(
        *,
        data: Data,
        target: Target,
        out: Out = Path("model"),
        quiet: Quiet = False,
        id: Id = None,
        time: Time = None,
        value: Values = None,
        text: Text = None,
        table: Table = False,
        drop: Drop = None,
        test: Test = None,
        test_fraction: TestFraction = 0.0,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.columns import ColumnOptions
        from unrolled.cli.fitting import train

        check_tested(test_fraction, test=test is not None)
        if options["patience"] is not None and not options["validation_fraction"]:
            raise typer.BadParameter("--patience needs --validation-fraction, something to watch")
        columns = ColumnOptions(
            target=target,
            id=id,
            time=time,
            values=tuple(value or ()),
            text=text,
            feed_forward=table,
            drop=tuple(drop or ()),
        )
        train(
            task,
            data,
            columns,
            out,
            options,
            test=test,
            test_fraction=test_fraction,
            resume_from=resume_from,
            quiet=quiet,
        )

    return run


def _with_options(
    command: Callable[..., None], options: list[inspect.Parameter]
) -> Callable[..., None]:
    """The command, its `**options` written out as typer reads them."""
    written = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    # The last one written stands in the last panel, below the checkpoint's options.
    signature = inspect.Signature([*written[:-1], *options, written[-1]])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {
        name: parameter.annotation for name, parameter in signature.parameters.items()
    }
    return command
