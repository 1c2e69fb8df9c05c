"""Times of any kind to datetime64 or whole numbers."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DO = "write times as 2024-01-31 or 2024-01-31T12:00:00, or as whole numbers"


def as_times(X: Any, name: str) -> NDArray[Any]:
    """Datetimes, dates, ISO 8601 text or whole numbers, [T], as datetime64[us] or int64.

    Times with a UTC offset are given in UTC.

    Raises:
        TypeError: a cell is no time.
        ValueError: a time is missing, finer than a microsecond, no whole number, or only some times
            have a UTC offset.
    """
    array = np.asarray(X, dtype=None if isinstance(X, np.ndarray) else _dtype(X))
    if array.ndim != 1:
        raise ValueError(f"{name} must be [T], got shape {list(array.shape)}.")
    if array.dtype.kind == "M":
        return microseconds(array, name)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return whole(array, name)
    if array.dtype.kind in "OUT":
        return parsed(array.tolist(), name)
    raise TypeError(f"{name} has dtype {array.dtype}, which holds no times; {_DO}.")


def microseconds(times: NDArray[Any], name: str) -> NDArray[Any]:
    """datetime64 of any unit as datetime64[us], without loss."""
    if np.isnat(times).any():
        raise ValueError(f"{name} is missing in row {int(np.argmax(np.isnat(times)))}.")
    result = times.astype("datetime64[us]")
    lost = result != times
    if lost.any():
        raise ValueError(
            f"{name} holds {times[np.argmax(lost)]}, which is finer than a microsecond; round it."
        )
    return np.asarray(result)


def whole(times: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Floating whole numbers as int64."""
    off = ~(np.isfinite(times) & (times == np.floor(times)) & (np.abs(times) < 2**53))
    if off.any():
        row = int(np.argmax(off))
        if np.isnan(times[row]):
            raise ValueError(f"{name} is missing in row {row}.")
        raise ValueError(f"{name} holds {times[row]} in row {row}, which is no time; {_DO}.")
    return times.astype(np.int64)


def parsed(cells: list[Any], name: str) -> NDArray[Any]:
    """Dates, datetimes and ISO 8601 text as datetime64[us]; times with an offset are in UTC."""
    times = np.empty(len(cells), dtype="datetime64[us]")
    zoned: set[bool] = set()
    for row, cell in enumerate(cells):
        moment = _moment(cell)
        if moment is None:
            raise TypeError(f"{name} holds {cell!r} in row {row}, which is no time; {_DO}.")
        zoned.add(moment.tzinfo is not None)
        if len(zoned) > 1:
            raise ValueError(
                f"{name} has times with and without a UTC offset, {cell!r} in row {row} is the "
                f"first of the other kind; use one of them."
            )
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        times[row] = np.datetime64(moment, "us")
    return times


def _moment(cell: Any) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if not isinstance(cell, str):
        return None
    text = f"{cell}-01" if len(cell) == len("2024-01") else cell
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None


def _dtype(X: Any) -> Any:
    return object if len(X) and isinstance(X[0], (str, date)) else None
