"""Times to numbers that tell the hour, the weekday, the month and the like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import DAY, UNITS, Frequency

# Feature: the number it begins with, and how many steps it goes on from there.
RANGES = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "weekday": (0, 6),  # Monday is 0
    "month_day": (1, 30),
    "year_day": (1, 365),
    "week": (1, 52),  # of ISO 8601
    "month": (1, 11),
}


def calendar_features(times: NDArray[Any], names: Sequence[str]) -> NDArray[np.float32]:
    """Calendar features of times, each from -0.5 to 0.5 over its range, as GluonTS has them.

    Args:
        times: array [n], datetime64.
        names: of "second", "minute", "hour", "weekday" (Monday first), "month_day", "year_day",
            "week" (of ISO 8601), "month".

    Returns:
        Array [n, F] float32, a column per name.

    Raises:
        TypeError: times are not datetime64.
        ValueError: an unknown name.
    """
    if times.dtype.kind != "M":
        raise TypeError(f"calendar features need times that are dates, got {times.dtype}.")
    features = np.empty((len(times), len(names)), dtype=np.float32)
    for column, name in enumerate(names):
        if name not in RANGES:
            raise ValueError(f"calendar must be of {', '.join(RANGES)}, got {name!r}.")
        start, width = RANGES[name]
        features[:, column] = (_number(times, name) - start) / width - 0.5
    return features


def default_calendar(frequency: Frequency | None) -> tuple[str, ...]:
    """The features that tell something of steps of a frequency; none without dates.

    Months for months and quarters; day of the month and week for weeks; days of week, month and
    year for days; the hour besides below a day, the minute below an hour, the second below a
    minute.
    """
    if frequency is None or frequency.kind == "number":
        return ()
    if frequency.kind == "months":
        return ("month",) if frequency.step % 12 else ()
    days = ("weekday", "month_day", "year_day")
    if frequency.kind == "business":
        return days
    if frequency.step % UNITS["W"] == 0:
        return ("month_day", "week")
    if frequency.step % DAY == 0:
        return days
    if frequency.step % UNITS["h"] == 0:
        return ("hour", *days)
    if frequency.step % UNITS["min"] == 0:
        return ("minute", "hour", *days)
    return ("second", "minute", "hour", *days)


def _number(times: NDArray[Any], name: str) -> NDArray[np.int64]:
    day = times.astype("datetime64[D]")
    if name in ("second", "minute", "hour"):
        unit = {"second": "s", "minute": "m", "hour": "h"}[name]
        whole = times.astype(f"datetime64[{unit}]").astype(np.int64)
        return np.asarray(whole % (24 if name == "hour" else 60))
    if name == "weekday":
        return _weekday(day)
    if name == "month_day":
        return _count(day - day.astype("datetime64[M]")) + 1
    if name == "year_day":
        return _count(day - day.astype("datetime64[Y]")) + 1
    if name == "month":
        return np.asarray(day.astype("datetime64[M]").astype(np.int64) % 12) + 1
    # The year and week of a day are those of its Thursday.
    thursday = day + (3 - _weekday(day)).astype("timedelta64[D]")
    return _count(thursday - thursday.astype("datetime64[Y]")) // 7 + 1


def _weekday(day: NDArray[Any]) -> NDArray[np.int64]:
    # 1970-01-01 was a Thursday.
    return np.asarray((day.astype(np.int64) + 3) % 7)


def _count(days: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(days.astype("timedelta64[D]").astype(np.int64))
