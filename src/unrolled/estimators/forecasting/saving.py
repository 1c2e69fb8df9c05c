"""A fitted forecaster as plain data and arrays of a saved model, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from unrolled.data.tables import frame_of
from unrolled.estimators.conformal import Conformal
from unrolled.estimators.forecasting.learning import ForecastLearning
from unrolled.estimators.forecasting.prepare import Preparation
from unrolled.estimators.forecasting.reading import Kind
from unrolled.estimators.forecasting.saved import (
    memory_from_arrays,
    memory_to_arrays,
    series_from_saved,
    series_to_config,
)


@dataclass(kw_only=True, eq=False, repr=False)
class ForecastSaving(ForecastLearning):
    """What `unrolled.estimators.saving` asks of a forecaster."""

    def _inputs_to_config(self) -> dict[str, Any]:
        return {
            "lookback": self.lookback_,
            "segment": self._segment,
            "season": self.season_,
            "indicator": self._indicator,
            "preparation": self._preparation.to_config(),
            "series": series_to_config(self._memory.tail),
            "fitted_on": self.series_,
            "kind": {
                "single": self._kind.single,
                "flat": self._kind.flat,
                "table": self._kind.like is not None,
                "time": self._time_as_text(),
            },
        }

    def _targets_to_config(self) -> dict[str, Any]:
        conformal = self._conformal
        return {
            "names": list(self.targets_),
            "conformal": None if conformal is None else conformal.to_config(),
        }

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        for name in ("lookback", "segment", "season", "fitted_on"):
            if type(config[name]) is not int or config[name] < 1:
                raise ValueError(f"its {name} is {config[name]!r:.80}")
        self.lookback_, self._segment = config["lookback"], config["segment"]
        self.season_, self.series_ = config["season"], config["fitted_on"]
        self._indicator = bool(config["indicator"])
        transform = self._target_transform()
        self._preparation = Preparation.from_config(transform, config["preparation"])
        self._saved_series, kind = config["series"], config["kind"]
        like = self._first_row(config["series"], kind["time"]) if kind["table"] else None
        self._kind = Kind(bool(kind["single"]), bool(kind["flat"]), like)

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        self.targets_ = tuple(map(str, config["names"]))
        conformal = config["conformal"]
        self._conformal = None if conformal is None else Conformal.from_config(conformal)
        self._category_sizes = self._codes()

    def _arrays_to_save(self) -> dict[str, NDArray[Any]]:
        return memory_to_arrays(self._memory)

    def _arrays_from_saved(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        series = series_from_saved(vars(self).pop("_saved_series"), arrays, self._preparation)
        self._check_targets(series)
        self._memory = memory_from_arrays(self._network(), self._preparation, series, arrays)

    def _time_as_text(self) -> str | None:
        """The first time of the table that was given, where times were texts."""
        if self._kind.like is None or self.time_column is None:
            return None
        time = frame_of(self._kind.like, "X").get_column(self.time_column)[0]
        return time if isinstance(time, str) else None

    def _first_row(self, config: Mapping[str, Any], time: str | None) -> Any:
        """A table of one row, with the types that time and group have."""
        import polars as pl

        columns: dict[str, pl.Series] = {}
        if self.time_column is not None:
            kind = pl.Datetime("us") if config["dates"] else pl.Int64
            name = self.time_column
            columns[name] = pl.Series(name, [time], dtype=kind if time is None else pl.String)
        if self.group_column is not None:
            texts = all(isinstance(one, str) for one in config["ids"])
            name = self.group_column
            columns[name] = pl.Series(name, [None], dtype=pl.String if texts else pl.Int64)
        return pl.DataFrame(columns)
