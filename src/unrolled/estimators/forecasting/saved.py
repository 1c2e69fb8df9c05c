"""What a forecaster remembers, as plain data and arrays of a saved model, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import Frequency
from unrolled.data.series import Covariates, SeriesSet
from unrolled.estimators.forecasting.memory import Memory
from unrolled.estimators.forecasting.network import ForecastNetwork
from unrolled.estimators.forecasting.prepare import Columns, Preparation
from unrolled.estimators.forecasting.transform import Scales
from unrolled.runtime.stepper import Stepper

Arrays = dict[str, NDArray[Any]]
IDS = (str, int, float, bool)


def check_ids(ids: tuple[Any, ...]) -> None:
    """Whether a saved model can keep the names of series.

    Raises:
        ValueError: it cannot.
    """
    wrong = [one for one in ids if not _is_kept(_item(one))]
    if wrong:
        raise ValueError(
            f"the series {wrong[0]!r:.80} has a name of the type {type(wrong[0]).__name__}, which "
            "no saved model keeps; name series by text, numbers or dates without a time zone"
        )


def _item(one: Any) -> Any:
    return one.item() if isinstance(one, np.generic) else one


def _is_kept(one: Any) -> bool:
    if isinstance(one, datetime):
        return one.tzinfo is None and not getattr(one, "nanosecond", 0)
    if isinstance(one, float):
        return math.isfinite(one)
    return isinstance(one, (*IDS, date))


def _id_to_plain(one: Any) -> Any:
    """A name as JSON has it; of dates {"date": ISO text} or {"datetime": ISO text}."""
    one = _item(one)
    if isinstance(one, datetime):
        return {"datetime": one.isoformat()}
    return {"date": one.isoformat()} if isinstance(one, date) else one


def _id_from_plain(one: Any) -> Any:
    if isinstance(one, Mapping):
        if "date" in one:
            return date.fromisoformat(one["date"])
        return datetime.fromisoformat(one["datetime"])
    if not isinstance(one, IDS):
        raise ValueError(f"it names a series {one!r:.80}")
    return one


def series_to_config(series: SeriesSet) -> dict[str, Any]:
    """Names and times; `series_from_saved` reads them back."""
    frequency = series.frequency
    return {
        "ids": [_id_to_plain(one) for one in series.ids],
        "targets": list(series.targets),
        "frequency": None if frequency is None else frequency.name,
        "dates": series.first is not None and series.first.dtype.kind == "M",
    }


def series_to_arrays(series: SeriesSet) -> Arrays:
    """Values, cuts and times; a missing value is 0, and told by another array."""
    arrays: Arrays = {"series.starts": series.starts, "series.lengths": series.lengths}
    arrays.update(_gaps("series.values", series.values))
    for name in ("past", "future", "static"):
        covariates: Covariates | None = getattr(series, name)
        if covariates is not None:
            arrays.update(_gaps(f"series.{name}", covariates.values))
    if series.future_starts is not None and series.future_lengths is not None:
        arrays["series.future_starts"] = series.future_starts
        arrays["series.future_lengths"] = series.future_lengths
    if series.first is not None:
        arrays["series.first"] = series.first.astype(np.int64)
    return arrays


def series_from_saved(
    config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], preparation: Preparation
) -> SeriesSet:
    """From what `series_to_config` and `series_to_arrays` gave.

    Raises:
        KeyError, ValueError, TypeError: they do not fit each other.
    """
    columns = {kind: getattr(preparation, kind) for kind in ("past", "future", "static")}
    first = frequency = None
    if config["frequency"] is not None:
        frequency = Frequency.parse(config["frequency"])
        first = _whole(arrays, "series.first")
        first = first.astype("datetime64[us]") if config["dates"] else first
    has_future = columns["future"] is not None
    return SeriesSet(
        values=_filled(arrays, "series.values"),
        starts=_whole(arrays, "series.starts"),
        lengths=_whole(arrays, "series.lengths"),
        ids=tuple(map(_id_from_plain, config["ids"])),
        targets=tuple(map(str, config["targets"])),
        past=_covariates(arrays, "past", columns["past"]),
        future=_covariates(arrays, "future", columns["future"]),
        future_starts=_whole(arrays, "series.future_starts") if has_future else None,
        future_lengths=_whole(arrays, "series.future_lengths") if has_future else None,
        static=_covariates(arrays, "static", columns["static"]),
        first=first,
        frequency=frequency,
    )


def memory_to_arrays(memory: Memory) -> Arrays:
    """All that a memory keeps."""
    arrays = series_to_arrays(memory.tail)
    arrays["scales.center"], arrays["scales.scale"] = memory.scales
    arrays["scales.error"] = memory.error_scale
    arrays.update({f"state.{i}": part for i, part in enumerate(memory.state)})
    return arrays


def memory_from_arrays(
    network: ForecastNetwork,
    preparation: Preparation,
    series: SeriesSet,
    arrays: Mapping[str, NDArray[Any]],
) -> Memory:
    """From what `memory_to_arrays` gave.

    Raises:
        KeyError, ValueError: the arrays do not fit the network and the series.
    """
    shape = (len(series), len(series.targets))
    tables = [np.array(arrays[f"scales.{name}"]) for name in ("center", "scale", "error")]
    if any(one.shape != shape or one.dtype != np.float64 for one in tables):
        raise ValueError(f"its scales are not those of {shape[0]} series and {shape[1]} targets")
    scales, state = Scales(tables[0], tables[1]), None
    if network.layout.teacher:
        blank = Stepper(network.spec, network.weights).zeros(
            shape[0] * (shape[1] if network.layout.shared else 1)
        )
        state = tuple(np.array(arrays[f"state.{i}"]) for i in range(len(blank)))
        for part, wanted in zip(state, blank, strict=True):
            if part.shape != wanted.shape or part.dtype != wanted.dtype:
                raise ValueError(f"its state is not of the shape {list(wanted.shape)}")
    return Memory(network, preparation, series, scales, tables[2], state)


def _gaps(name: str, values: NDArray[np.float64]) -> Arrays:
    missing = np.isnan(values)
    arrays: Arrays = {name: np.where(missing, 0.0, values)}
    if missing.any():
        arrays[f"{name}.missing"] = missing.astype(np.int64)
    return arrays


def _filled(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float64]:
    values, missing = arrays[name], arrays.get(f"{name}.missing")
    if values.dtype != np.float64 or values.ndim != 2:
        raise ValueError(f"its {name} are no table of float64")
    if missing is None:
        return np.array(values)
    if missing.shape != values.shape:
        raise ValueError(f"its {name} and what is missing of them have different shapes")
    return np.where(missing != 0, np.nan, values)


def _whole(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.int64]:
    found = arrays[name]
    if found.dtype != np.int64 or found.ndim != 1:
        raise ValueError(f"its {name} are no row of whole numbers")
    return np.array(found)


def _covariates(
    arrays: Mapping[str, NDArray[Any]], kind: str, columns: Columns | None
) -> Covariates | None:
    if columns is None:
        return None
    return Covariates(_filled(arrays, f"series.{kind}"), columns.names, columns.levels)
