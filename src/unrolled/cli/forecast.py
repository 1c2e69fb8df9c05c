"""`unrolled forecast`: what follows the series that a saved model remembers, or those of a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.helptext import examples, paragraphs
from unrolled.cli.pictures import picture_path, short, write_picture
from unrolled.cli.predict import check_file, content
from unrolled.cli.screen import count

HELP = paragraphs("""
Forecast what follows by a saved model.

Without DATA that is what follows the series that the model was trained on, of which it remembers
the last steps. With DATA, which needs the same columns, it is what follows the series of DATA, also
others than those in training. Columns known ahead are read from rows at the end of a series whose
targets are empty.

A row is written for each step of each series, as CSV to standard output or to a file of the kind
that its name ends in.
""")
EXAMPLES = (
    "unrolled forecast model",
    "unrolled forecast model --horizon 12 --plot",
    "unrolled forecast model prices.csv --plot next.png --series IBM",
    "unrolled forecast model prices.csv --out forecasts.csv",
)
SPREAD_EXAMPLE = "unrolled forecast model --coverage 0.5,0.8 --out forecasts.parquet"
EPILOG = examples(*EXAMPLES, SPREAD_EXAMPLE)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="folder of a trained forecaster")]
Data = Annotated[
    Path | None, typer.Argument(metavar="[DATA]", help="a .csv, .tsv or .parquet file")
]
Horizon = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="steps to forecast; as trained without it")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="a .csv, .tsv or .parquet file, written whole or not at all; one that is there is "
        "replaced, unless it is DATA",
    ),
]
Coverage = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NUMBER,...",
        help="add columns for the ends of intervals that hold a value with this probability",
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="[FILE]",
        help="draw history and forecast as a PNG file, MODEL-plots/forecast.png without a name",
    ),
]
Series = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="a series to draw, may be given again; the first ones without it"
    ),
]


def forecast(
    model: Model,
    data: Data = None,
    horizon: Horizon = None,
    out: Out = None,
    coverage: Coverage = None,
    plot: Plot = None,
    series: Series = None,
) -> None:
    """Read a model, and perhaps series, and write what follows."""
    picture = picture_path(plot, model, "forecast.png")
    if out is not None:
        check_file(out, data)
    if series and picture is None:
        raise typer.BadParameter("--series says what is drawn, and needs --plot")
    levels = _coverages(coverage or [])
    from unrolled.data.table_files import read

    table = None if data is None else read(data)
    from unrolled.cli.saved_forecaster import SavedForecaster

    saved = SavedForecaster.read(model)
    if levels and saved.coverage is None:
        raise ValueError(
            f"{model} does not know how far off it is, which --coverage asks for; train it with "
            f"--calibration-steps, --loss quantile or a distribution such as --loss student_t"
        )
    if table is not None:
        table = saved.columns.prepare(table, str(data))
    from unrolled.cli.forecasts import forecasts, with_short_times

    frame, made = forecasts(saved, table, str(data), horizon, levels)
    if picture is not None:
        from unrolled.cli.forecast_pictures import choose, forecast_figure

        drawn = made
        if not levels and saved.coverage is not None:
            _, drawn = forecasts(saved, table, str(data), horizon, [saved.coverage])
        which = choose(drawn.series, series or [])
        figure = forecast_figure(drawn, which, lookback=saved.model.lookback_)
        write_picture(figure, picture)
    if out is None:
        sys.stdout.write(with_short_times(frame).write_csv())
    else:
        from unrolled.runtime.files import write_whole

        parquet = out.suffix.lower() == ".parquet"
        written = frame if parquet else with_short_times(frame)
        write_whole(out, content(written, out.suffix.lower()))
        typer.echo(f"{out}: {count(len(frame), 'forecast')}")
    if picture is not None:
        typer.echo(short(picture), err=out is None)


def _coverages(typed: list[str]) -> list[float]:
    """Numbers between 0 and 1, rising; with commas between them, or given again."""
    from unrolled.cli.options import numbers

    text = ",".join(typed)
    try:
        found = set(numbers(text)) if text else set()
    except ValueError as error:
        raise typer.BadParameter(f"--coverage {text} is not one or more numbers") from error
    for coverage in found:
        if not 0.0 < coverage < 1.0:
            raise typer.BadParameter(f"--coverage must be between 0 and 1, got {coverage:g}")
    return sorted(found)
