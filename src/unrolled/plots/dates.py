"""Times on an axis: numbers stay numbers, dates of any kind become datetime64."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import (
    HOURLY,
    MINUTELY,
    MONTHLY,
    SECONDLY,
    AutoDateLocator,
    date2num,
    num2date,
)
from matplotlib.ticker import Formatter
from numpy.typing import ArrayLike

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_date(values: np.ndarray) -> bool:
    return bool(np.issubdtype(values.dtype, np.datetime64))


def as_times(values: ArrayLike, name: str) -> np.ndarray:
    """[T] float64 or datetime64[us], strictly increasing.

    Raises:
        TypeError: `values` are neither numbers nor dates, or carry a time zone.
        ValueError: They are not one row, or do not increase, or one is missing.
    """
    times: np.ndarray = np.asarray(values)
    if times.dtype == object and times.size and all(isinstance(v, date) for v in times.flat):
        if any(getattr(v, "tzinfo", None) is not None for v in times.flat):
            raise TypeError(f"{name} must carry no time zone; drop it, pictures show plain times.")
        times = times.astype("datetime64[us]")
    if not (is_date(times) or np.issubdtype(times.dtype, np.number)) or np.iscomplexobj(times):
        raise TypeError(f"{name} must be numbers, dates or datetime64, got {times.dtype}.")
    if times.ndim != 1 or times.size == 0:
        raise ValueError(f"{name} must have shape [T] with T >= 1, got {list(times.shape)}.")
    missing = np.isnat(times) if is_date(times) else ~np.isfinite(times)
    if missing.any():
        raise ValueError(f"{name} must have no gap, got {times[missing][0]} at {missing.argmax()}.")
    falling = np.flatnonzero(times[1:] <= times[:-1])
    if falling.size:
        before, after = times[falling[0] : falling[0] + 2]
        raise ValueError(f"{name} must increase, got {after} after {before}.")
    # microseconds, because half of a step must be a time too
    return times.astype("datetime64[us]") if is_date(times) else times.astype(np.float64)


def date_locator(least: int, most: int) -> AutoDateLocator:
    """Places of so many ticks at round dates.

    Of its own matplotlib knows no interval for, say, 4 years in at most 8 ticks: 6 months are too
    many, and years too few to be thought of.
    """
    locator = AutoDateLocator(minticks=least, maxticks=most)
    for unit, whole in ((MONTHLY, 12), (HOURLY, 24), (MINUTELY, 60), (SECONDLY, 60)):
        locator.intervald[unit] = [*locator.intervald[unit], whole]
    return locator


class DateLabels(Formatter):
    """The part that changes from tick to tick and, below it, the larger part where it is new."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        return tick_labels([num2date(value).replace(tzinfo=None) for value in values])


def tick_labels(ticks: Sequence[datetime]) -> list[str]:
    """Labels of one or two lines; what ticks share is written at the first of them only.

    >>> tick_labels([datetime(2024, 5, 6, 12), datetime(2024, 5, 7), datetime(2024, 5, 7, 12)])
    ['12:00\\n6 May 2024', '00:00\\n7 May', '12:00']
    """
    midnight = all((t.hour, t.minute, t.second, t.microsecond) == (0, 0, 0, 0) for t in ticks)
    first_of_month = midnight and all(t.day == 1 for t in ticks)
    if first_of_month and all(t.month == 1 for t in ticks):
        return [f"{t.year}" for t in ticks]
    labels = []
    before: datetime | None = None
    for t in ticks:
        month = MONTHS[t.month - 1]
        new_year = before is None or t.year != before.year
        if first_of_month:
            upper, lower = month, f"{t.year}" if new_year else ""
        elif midnight:
            new_month = before is None or t.month != before.month
            upper = f"{t.day}"
            lower = f"{month} {t.year}" if new_year else month if new_month else ""
        else:
            upper = f"{t:%H:%M}"
            if any(tick.second or tick.microsecond for tick in ticks):
                upper += f"{t::%S.%f}".rstrip("0").rstrip(".")
            new_day = before is None or t.date() != before.date()
            lower = f"{t.day} {month}{f' {t.year}' if new_year else ''}" if new_day else ""
        labels.append(f"{upper}\n{lower}" if lower else upper)
        before = t
    return labels


def date_axis(ax: Axes) -> None:
    ax.xaxis.set_major_locator(date_locator(4, 8))
    ax.xaxis.set_major_formatter(DateLabels())


def date_ticks(times: np.ndarray, most: int) -> tuple[np.ndarray, list[str]]:
    """Positions among 0 .. T-1 and labels, for dates that are drawn at equal distances."""
    numbers: Any = date2num(times)
    if len(times) == 1:
        return np.zeros(1), tick_labels([times[0].astype(datetime)])
    locator = date_locator(min(4, most), most)
    ticks = np.asarray(locator.tick_values(times[0].astype(datetime), times[-1].astype(datetime)))
    ticks = ticks[(ticks >= numbers[0]) & (ticks <= numbers[-1])]
    places = np.interp(ticks, numbers, np.arange(len(numbers)))
    return places, DateLabels().format_ticks(list(ticks))
