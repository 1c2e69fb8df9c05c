"""`unrolled train forecast`: its options, as typer reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.helptext import paragraphs
from unrolled.cli.train_options import TESTING, Out, Quiet, ResumeFrom

HELP = "Learn to forecast what follows in one series or in thousands."
LAYOUT = paragraphs("""
DATA has a line of column names and a row a step: --time says when, --target what is forecast and
--group whose step it is, where there are several series. Without --time the rows of each series
are in order.

Columns beside them are read where they are named: --past known up to the present, --future known
ahead, --static constant within a series. Rows at the end of a series whose targets are empty tell
what is known ahead. Several names have commas between them.

How the columns were read is saved with the model, and so are the last steps of each series:
`unrolled forecast` needs nothing else.""")
EXAMPLES = (
    "unrolled train forecast prices.csv --time date --target price --group symbol",
    "unrolled train forecast temps.csv --time date --target temp --horizon 24",
    "unrolled train forecast temps.csv --time date --target temp --test-steps 48",
    "unrolled train forecast shop.csv --time day --target sales --future holiday",
    "unrolled train forecast temps.csv --target temp --calibration-steps 72",
)

COLUMNS = "Columns"
Data = Annotated[Path, typer.Argument(metavar="DATA", help="a .csv, .tsv or .parquet file")]
TestSteps = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="last steps of each series to test on beside plain baselines; the model does not "
        "learn from them, but goes on from their end",
        rich_help_panel=TESTING,
    ),
]


def _named(help: str) -> Any:
    return typer.Option(metavar="COLUMN,...", help=help, rich_help_panel=COLUMNS)


Target = Annotated[
    list[str], typer.Option(metavar="COLUMN,...", help="the column to forecast, or several")
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="dates, times or whole numbers; without it the rows are in order",
        rich_help_panel=COLUMNS,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="column that names the series of a row", rich_help_panel=COLUMNS
    ),
]
Past = Annotated[list[str] | None, _named("columns known up to the present")]
Future = Annotated[list[str] | None, _named("columns known ahead")]
Static = Annotated[list[str] | None, _named("columns that do not change within a series")]


def command() -> Callable[..., None]:
    """The command; its `**options` are the arguments of the estimator."""

    def run(
        *,
        data: Data,
        target: Target,
        out: Out = Path("model"),
        quiet: Quiet = False,
        time: Time = None,
        group: Group = None,
        past: Past = None,
        future: Future = None,
        static: Static = None,
        test_steps: TestSteps = 0,
        resume_from: ResumeFrom = None,
        **options: Any,
    ) -> None:
        from unrolled.cli.forecast_fitting import train

        watches = options["validation_steps"] or options["validation_fraction"]
        if options["patience"] is not None and not watches:
            raise typer.BadParameter("--patience needs --validation-steps, something to watch")
        if test_steps and options["gaps"] == "fill":
            raise typer.BadParameter("--test-steps needs times without gaps, not --gaps fill")
        train(
            data,
            out,
            options,
            columns={
                "target": target,
                "time": time,
                "group": group,
                "past": past or [],
                "future": future or [],
                "static": static or [],
            },
            test_steps=test_steps,
            resume_from=resume_from,
            quiet=quiet,
        )

    return run
