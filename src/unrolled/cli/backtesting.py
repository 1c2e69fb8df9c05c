"""What a backtest of the command line is asked for, prints and draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unrolled.cli.forecast_fitting import described
from unrolled.cli.saved_forecaster import SavedForecaster
from unrolled.cli.screen import count, show_facts
from unrolled.data.series import SeriesSet
from unrolled.estimators.backtest_result import Backtest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The first of these that was measured is drawn.
DRAWN = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "mse": "mean squared error",
    "smape": "sMAPE (%)",
    "mase": "MASE",
    "owa": "OWA",
}


@dataclass(frozen=True)
class Asked:
    """Arguments of a backtest."""

    steps: int
    horizon: int
    metrics: tuple[str, ...] | None


def wanted(
    saved: SavedForecaster, steps: int | None, horizon: int | None, metrics: str | None
) -> Asked:
    """What was asked for, with defaults from the model.

    Raises:
        ValueError: the steps are fewer than the horizon.
    """
    H = int(saved.model.horizon) if horizon is None else horizon
    chosen = steps or max(saved.test_steps, H)
    if chosen < H:
        raise ValueError(f"--steps {chosen} are fewer than the {H} of a forecast")
    names = None if metrics is None else tuple(name.strip() for name in metrics.split(","))
    return Asked(chosen, H, names)


def told(saved: SavedForecaster, data: Path, series: SeriesSet, asked: Asked) -> None:
    """Print what is forecast from what."""
    show_facts(
        [
            ("model", f"{saved.name}, {type(saved.model).__name__}"),
            ("data", f"{data}, {described(series)}, target {', '.join(saved.columns.targets)}"),
            ("scored", f"the last {count(asked.steps, 'step')} of each, {asked.horizon:,} at once"),
        ]
    )


def error_figure(found: Backtest, name: str) -> Figure:
    """The error of each model by the number of steps ahead.

    Raises:
        ValueError: No error was measured, but intervals alone.
    """
    from unrolled import plots

    metric = next((metric for metric in DRAWN if metric in found.metrics), None)
    if metric is None:
        raise ValueError(f"--plot draws an error: --metrics needs one of {', '.join(DRAWN)}")
    rows = found.rows(("model", "step"))
    lines = {
        model: [
            np.nan if row[metric] is None else row[metric] for row in rows if row["model"] == model
        ]
        for model in found.models
    }
    drawn = {model: line for model, line in lines.items() if not np.isnan(line).all()}
    return plots.backtest(drawn, metric=DRAWN[metric], title=f"Forecasts of {name}")
