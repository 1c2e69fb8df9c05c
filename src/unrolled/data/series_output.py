"""Forecasts as a table of the library that the data came in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import DAY, Frequency
from unrolled.data.local_clock import in_utc, zone_of
from unrolled.data.series import SeriesSet
from unrolled.data.tables import frame_of, type_of

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def forecast_frame(
    like: Any,
    series: SeriesSet,
    columns: Mapping[str, NDArray[Any]],
    *,
    time: str | None,
    group: str | None,
    horizon: int,
) -> Any:
    """A DataFrame with a row per series and step ahead.

    Its columns are `group` (or "series" where several series have no group column, as in wide
    form), `time` (or "step", 1..H, where steps have no times) and `columns`. Series and time have
    the types that they have in `like`, times as text its precision too.

    Args:
        like: DataFrame of the library wanted.
        series: S series; the forecast begins behind each one's end.
        columns: arrays [S, H] by name.
        time: the name of the time column; None for "step".
        group: the name of the column of ids; None without.
        horizon: H.

    Returns:
        DataFrame of S * H rows, of the library of `like`.

    Raises:
        ValueError: an array is not [S, H], or two columns would have the same name.
    """
    import narwhals.stable.v2 as nw

    table = frame_of(like, "like")
    S = len(series)
    made: dict[str, Any] = {}
    backend = table.implementation
    if group is not None or S > 1:
        ids = [label for label in series.ids for _ in range(horizon)]
        made["series" if group is None else group] = _like(ids, table, group)
    if time is None or series.first is None or series.frequency is None:
        made["step"] = np.tile(np.arange(1, horizon + 1), S)
    else:
        steps = series.lengths[:, None] + np.arange(horizon)
        ahead = series.frequency.at(series.first[:, None], steps).reshape(-1)
        made[time] = _times_like(ahead, table, time, series.frequency)
    for name, values in columns.items():
        if values.shape != (S, horizon):
            raise ValueError(
                f"column {name!r} must be [S, H] = {[S, horizon]}, got shape {list(values.shape)}."
            )
        if name in made:
            raise ValueError(f"a forecast cannot be named {name!r} beside the column {name!r}.")
        made[name] = np.ascontiguousarray(values).reshape(-1)
    cells = [
        column if isinstance(column, nw.Series) else nw.new_series(name, column, backend=backend)
        for name, column in made.items()
    ]
    # Not nw.from_dict, which for pandas forgets time zones.
    return cells[0].to_frame().with_columns(*cells[1:]).to_native()


def _like(ids: list[Any], table: nw.DataFrame[Any], group: str | None) -> Any:
    import narwhals.stable.v2 as nw

    column = nw.new_series("series" if group is None else group, ids, backend=table.implementation)
    if group is None or group not in table.columns:
        return column
    wanted = table.get_column(group).dtype
    return column if wanted in (column.dtype, nw.Object) else column.cast(wanted)


def _times_like(
    times: NDArray[Any], table: nw.DataFrame[Any], name: str, frequency: Frequency
) -> Any:
    import narwhals.stable.v2 as nw

    backend = table.implementation
    if name not in table.columns:
        return nw.new_series(name, times, backend=backend)
    before = table.get_column(name)
    wanted = type_of(before)
    if wanted in (nw.String, nw.Categorical):
        return nw.new_series(name, _text_like(times, str(before[0])), backend=backend)
    if wanted == nw.Object:
        return nw.new_series(name, _moments_like(times, before[0]), backend=backend)
    column = nw.new_series(name, times, backend=backend)
    if isinstance(wanted, nw.Datetime):
        if wanted.time_zone is None:
            return column.cast(nw.Datetime(wanted.time_unit))
        local = frequency.kind != "time" or frequency.step >= DAY
        zone = zone_of(wanted.time_zone) if local else None
        if zone is not None:
            column = nw.new_series(name, in_utc(times, zone), backend=backend)
        column = column.cast(nw.Datetime(wanted.time_unit))
        if zone is not None or not local:
            return column.dt.replace_time_zone("UTC").dt.convert_time_zone(wanted.time_zone)
        return column.dt.replace_time_zone(wanted.time_zone)
    if wanted == nw.Date and (times != times.astype("datetime64[D]")).any():
        return column
    return column.cast(wanted)


def _moments_like(times: NDArray[Any], example: Any) -> list[Any]:
    """Times as dates or datetimes, as an example is; in UTC where it has a UTC offset."""
    if not isinstance(example, datetime):
        return [moment.date() for moment in times.tolist()]
    zone = None if example.tzinfo is None else timezone.utc
    return [moment.replace(tzinfo=zone) for moment in times.tolist()]


def _text_like(times: NDArray[Any], example: str) -> list[str]:
    """Times as ISO 8601 writes them, to the precision and with the marks of an example."""
    offset = re.search(r"(Z|[+-]\d\d:?\d\d)$", example) if len(example) > 10 else None
    zone = "" if offset is None else "Z" if offset[0] == "Z" else "+00:00"
    length = len(example) if offset is None else offset.start()
    whole = times.astype(str)
    lengths = (length, len("2024-01-01T00:00:00"), len("2024-01-01T00:00:00.000000"))
    # The shortest that loses nothing, but no shorter than the example.
    text = next(
        cut
        for cut in (whole.astype(f"U{n}") for n in lengths)
        if (cut.astype("datetime64[us]") == times).all()
    )
    between = example[10] if length > 10 else "T"
    return [cell.replace("T", between) + zone for cell in text.tolist()]
