"""`unrolled backtest`: a saved forecaster on the last steps of series, beside plain baselines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.helptext import examples, paragraphs
from unrolled.cli.pictures import picture_path, short, write_picture

HELP = paragraphs("""
Score forecasts of the last steps beside plain baselines.

From each origin - the step before the last --steps, then every --stride steps - the horizon is
forecast from what was known then. Beside the model stand the last value, that of a season before, a
line through first and last value, and a linear layer of the same look-back, fitted on what lies
before the first origin; mase, owa and sMAPE are those of the M4 competition.

The model must not have learnt from the steps that are scored: train it with --test-steps, or let
--refit train it anew at each origin on what is before.
""")
EXAMPLES = (
    "unrolled backtest model temps.csv",
    "unrolled backtest model temps.csv --steps 24 --by step --plot errors.png",
    "unrolled backtest model temps.csv --metrics mae,mase --json",
)
REFIT_EXAMPLE = "unrolled backtest model prices.csv --steps 48 --stride 24 --refit"
EPILOG = examples(*EXAMPLES, REFIT_EXAMPLE)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="folder of a trained forecaster")]
Data = Annotated[Path, typer.Argument(metavar="DATA", help="a .csv, .tsv or .parquet file")]
Steps = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="last steps of each series that are forecast; without it those of --test-steps in "
        "training, or one horizon",
    ),
]
Horizon = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="steps of a forecast; as trained without it")
]
Stride = Annotated[int, typer.Option(min=1, metavar="N", help="steps from an origin to the next")]
Refit = Annotated[
    bool, typer.Option("--refit", help="train anew at each origin, on what is before it")
]
By = Annotated[
    str,
    typer.Option(
        metavar="NAME,...", help="a row for each of these: model, series, step (of the horizon)"
    ),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="of mae, mse, rmse, smape, mase, owa and, where a spread is learnt, crps, coverage, "
        "width",
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="[FILE]",
        help="draw the error by step as a PNG file, MODEL-plots/backtest.png without a name",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object for other programs")]


def backtest(
    model: Model,
    data: Data,
    steps: Steps = None,
    horizon: Horizon = None,
    stride: Stride = 1,
    refit: Refit = False,
    by: By = "model",
    metrics: Metrics = None,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Read a model and series, forecast what is known, and print scores."""
    picture = picture_path(plot, model, "backtest.png")
    parts = _parts(by)
    from unrolled.data.table_files import read

    table = read(data)
    from unrolled.cli.backtesting import error_figure, told, wanted
    from unrolled.cli.saved_forecaster import SavedForecaster
    from unrolled.cli.screen import progress

    saved = SavedForecaster.read(model)
    table = saved.columns.prepare(table, str(data))
    asked = wanted(saved, steps, horizon, metrics)
    series = saved.series(table, str(data))
    if refit:
        saved.model.verbose = False
    with progress("origins") as tell:
        found = saved.model.backtest(
            table,
            steps=asked.steps,
            horizon=asked.horizon,
            stride=stride,
            refit=refit,
            metrics=asked.metrics,
            tell=tell,
        )
    if picture is not None:
        write_picture(error_figure(found, data.name), picture)
    if as_json:
        origins = int(found.origins.sum())
        whole = {"origins": origins, "rows": found.rows(parts), "notes": list(found.notes)}
        typer.echo(json.dumps(whole))
    else:
        told(saved, data, series, asked)
        sys.stdout.write(f"\n{found.table(parts)}\n")
    if picture is not None:
        typer.echo(short(picture), err=as_json)


def _parts(by: str) -> tuple[str, ...]:
    parts = tuple(name.strip() for name in by.split(","))
    if set(parts) - {"model", "series", "step"} or len(set(parts)) < len(parts):
        raise typer.BadParameter(f"--by {by} is not one or more of model, series and step")
    # Every row is of a model: there are always several.
    return parts if "model" in parts else ("model", *parts)
