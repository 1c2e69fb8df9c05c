"""A saved forecaster with what the command line needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from unrolled.cli.series import SeriesColumns
from unrolled.data.series import SeriesSet
from unrolled.estimators import Forecaster, load
from unrolled.estimators.forecasting.arguments import DISTRIBUTIONS

COVERAGE = 0.8


@dataclass(frozen=True, eq=False)
class SavedForecaster:
    """A fitted forecaster and how its columns are read.

    Attributes:
        model: the forecaster.
        name: its path as it was typed, for errors.
        columns: which columns are what.
        test_steps: last steps that it remembers and was not trained on.
    """

    model: Forecaster
    name: str
    columns: SeriesColumns
    test_steps: int = 0

    @classmethod
    def read(cls, path: Path) -> SavedForecaster:
        """Read what `save` wrote, or a forecaster that Python fitted on a DataFrame.

        Raises:
            ArtifactError: There is no model, or it is damaged.
            ValueError: It is no forecaster, or was fitted on arrays.
        """
        model, name = load(path), str(path)
        if not isinstance(model, Forecaster):
            raise ValueError(
                f"{name} is a {type(model).__name__}, which forecasts no series; `unrolled "
                f"evaluate` scores it"
            )
        if model.time_column is None:
            raise ValueError(
                f"{name} was fitted on arrays and does not say which columns to read; load it in "
                f"Python by unrolled.load({name!r})"
            )
        if model.frequency is None and model.tail_.frequency is not None:
            # New data has the steps that the model knows, also where a row or two tell none.
            model.frequency = model.tail_.frequency.name
        stored: Any = model.table_
        if stored is None:
            stored = {"in_order": False, "test_steps": 0}
        if not isinstance(stored, Mapping) or not _is_stored(stored):
            raise ValueError(f"{name} does not say as it should which columns to read")
        columns = SeriesColumns.of(model, in_order=stored["in_order"])
        return cls(model, name, columns, stored["test_steps"])

    def save(self, path: Path) -> None:
        """Write the model as a folder, whole or not at all."""
        stored = {"in_order": self.columns.in_order, "test_steps": self.test_steps}
        self.model.save(path, table=stored)

    def series(self, table: pl.DataFrame, name: str) -> SeriesSet:
        """The series of a prepared table, whose file has this name."""
        model = self.model
        return self.columns.series(table, name, frequency=model.frequency, gaps=model.gaps)

    @property
    def coverage(self) -> float | None:
        """Of an interval that the model can tell: 0.8, or the widest that it has learnt."""
        model = self.model
        if model.calibration_steps or model.loss in DISTRIBUTIONS:
            return COVERAGE
        if model.loss != "quantile":
            return None
        tail = max(model.quantiles[0], 1 - model.quantiles[-1])
        return min(COVERAGE, round(1 - 2 * tail, 12)) if tail < 0.5 else None


def _is_stored(stored: Mapping[Any, Any]) -> bool:
    return (
        set(stored) == {"in_order", "test_steps"}
        and isinstance(stored["in_order"], bool)
        and type(stored["test_steps"]) is int
        and stored["test_steps"] >= 0
    )
