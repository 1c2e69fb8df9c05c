"""A fitted forecaster as plain data and arrays of a saved model, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from unrolled.data.table_style import first_row, style
from unrolled.estimators.conformal import Conformal
from unrolled.estimators.forecasting.fitted_on import FittedOn
from unrolled.estimators.forecasting.learning import ForecastLearning
from unrolled.estimators.forecasting.prepare import Preparation
from unrolled.estimators.forecasting.reading import Kind
from unrolled.estimators.forecasting.saved import (
    memory_from_arrays,
    memory_to_arrays,
    series_from_saved,
    series_to_config,
)
from unrolled.estimators.inputs import INPUTS
from unrolled.estimators.targets import TARGETS
from unrolled.runtime.config_checks import check_keys

INPUT_KEYS = (
    "lookback", "segment", "season", "indicator", "preparation", "series", "fitted_on", "kind",
)  # fmt: skip


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
                "table": self._table_to_config(),
            },
        }

    def _targets_to_config(self) -> dict[str, Any]:
        conformal = self._conformal
        return {
            "names": list(self.targets_),
            "conformal": None if conformal is None else conformal.to_config(),
        }

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys(INPUTS, config, (), INPUT_KEYS)
        for name in ("lookback", "segment", "season", "fitted_on"):
            if type(config[name]) is not int or config[name] < 1:
                raise ValueError(f"its {name} is {config[name]!r:.80}")
        self.lookback_, self._segment = config["lookback"], config["segment"]
        self.season_, self.series_ = config["season"], config["fitted_on"]
        self._indicator = bool(config["indicator"])
        transform = self._target_transform()
        self._preparation = Preparation.from_config(transform, config["preparation"])
        self._saved_series, kind = config["series"], config["kind"]
        check_keys("kind of inputs", kind, ("single", "flat", "table"))
        like = None if kind["table"] is None else first_row(kind["table"])
        self._kind = Kind(bool(kind["single"]), bool(kind["flat"]), like)

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys(TARGETS, config, (), ("names", "conformal"))
        self.targets_ = tuple(map(str, config["names"]))
        conformal = config["conformal"]
        self._conformal = None if conformal is None else Conformal.from_config(conformal)
        self._category_sizes = self._codes()

    def _arrays_to_save(self) -> dict[str, NDArray[Any]]:
        return {**memory_to_arrays(self._memory), **self._fitted_on.to_arrays()}

    def _arrays_from_saved(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        series = series_from_saved(vars(self).pop("_saved_series"), arrays, self._preparation)
        self._check_targets(series)
        self._fitted_on = FittedOn.from_arrays(arrays, series)
        self._memory = memory_from_arrays(self._network(), self._preparation, series, arrays)

    def _table_to_config(self) -> dict[str, Any] | None:
        """How the table that was given writes its times and its series' names."""
        like = self._kind.like
        if like is None:
            return None
        names = (self.time_column, self.group_column)
        return style(like, [name for name in names if name is not None])
