"""From options and a file of series to a trained and saved forecaster."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from unrolled.cli.fitting import check_folder, resumable
from unrolled.cli.options import arguments
from unrolled.cli.saved_forecaster import SavedForecaster
from unrolled.cli.screen import count, show_facts
from unrolled.cli.series import SeriesColumns
from unrolled.cli.summary import of_training
from unrolled.data.series import SeriesSet
from unrolled.data.table_files import read
from unrolled.estimators import Forecaster
from unrolled.estimators.backtest_result import Backtest


def train(
    data: Path,
    out: Path,
    options: Mapping[str, Any],
    *,
    columns: Mapping[str, Any],
    test_steps: int,
    resume_from: Path | None,
    quiet: bool,
) -> None:
    """Train on a file, save the model, and print what came of it.

    Args:
        data: the file.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        columns: what was typed of each role, see `SeriesColumns.choose`.
        test_steps: last steps of each series to test on; 0 tests on none.
        resume_from: checkpoint to go on from, or None.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Data, checkpoint or folder cannot be used.
    """
    given = arguments(Forecaster, options, texts=False)
    check_folder(out)
    table = read(data)
    chosen = SeriesColumns.choose(table, str(data), **columns)
    model = Forecaster(**given, **chosen.arguments(), verbose=False if quiet else "auto")
    if 0 < test_steps < model.horizon:
        raise typer.BadParameter(
            f"--test-steps {test_steps} are fewer than the {model.horizon} of --horizon"
        )
    table = chosen.prepare(table, str(data))
    saved = SavedForecaster(model, str(out), chosen, test_steps)
    series = saved.series(table, str(data))
    known, held = table, None
    if test_steps:
        known, held = chosen.split(table, str(data), series, test_steps)
    with resumable(model):
        model.fit(known, resume_from=resume_from)
    tested = None
    if held is not None:
        tested = model.backtest(table, steps=test_steps)
        model.update(held)
    saved.save(out)
    if not quiet:
        _tell(saved, data, series, tested)


def _tell(saved: SavedForecaster, data: Path, series: SeriesSet, tested: Backtest | None) -> None:
    model, columns = saved.model, saved.columns
    facts = [("data", f"{data}, {described(series)}")]
    if tested is not None:
        facts.append(("test", f"the last {count(saved.test_steps, 'step')} of each series"))
    facts.append(("target", ", ".join(columns.targets)))
    covariates = {"past": columns.past, "future": columns.future, "static": columns.static}
    facts += [(role, ", ".join(names)) for role, names in covariates.items() if names]
    reads = f"reads {count(model.lookback_, 'step')}, forecasts {model.horizon:,}"
    facts += of_training(model, saved.name, ["forecast", saved.name, "--plot"], reads=f"; {reads}")
    show_facts(facts)
    if tested is not None:
        sys.stdout.write(f"\n{tested.table()}\n")


def described(series: SeriesSet) -> str:
    """How many series there are, how long, and how often they have a step."""
    least, most = int(series.lengths.min()), int(series.lengths.max())
    steps = count(most, "step") if least == most else f"{least:,} to {count(most, 'step')}"
    every = ""
    if series.frequency is not None and series.frequency.name != "1":
        every = f", frequency {series.frequency.name}"
    return f"{len(series):,} series of {steps}{every}"
