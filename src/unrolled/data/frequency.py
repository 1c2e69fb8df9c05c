"""What leads from the time of one step to the time of the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Microseconds of each unit of fixed length, the longest first.
UNITS = {
    "W": 604_800_000_000,
    "D": 86_400_000_000,
    "h": 3_600_000_000,
    "min": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
DAY = UNITS["D"]
# Months of each unit of a calendar, and whether its steps are the last days of months.
CALENDAR = {
    "MS": (1, False), "ME": (1, True), "M": (1, True),
    "QS": (3, False), "QE": (3, True), "Q": (3, True),
    "YS": (12, False), "YE": (12, True), "Y": (12, True),
}  # fmt: skip
NAMES = {"W": "weeks", "D": "days", "h": "hours", "min": "minutes", "s": "seconds"}
SEASONS = {"W": 52, "D": 7, "h": 24}
OLD_NAMES = {"H": "h", "T": "min", "S": "s", "L": "ms", "U": "us", "A": "Y", "AS": "YS"}


@dataclass(frozen=True)
class Frequency:
    """A regular step of time.

    Attributes:
        kind: "time" for a step of fixed length, "months", "business" for Monday to Friday, or
            "number" where times are whole numbers.
        step: microseconds, months, business days or units of the number, at least 1.
        month_end: whether the steps are the last days of their months; "months" only.

    Raises:
        ValueError: an unknown kind, a step below 1, or ends of something else than months.
    """

    kind: str
    step: int
    month_end: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("time", "months", "business", "number"):
            raise ValueError(
                f"kind must be 'time', 'months', 'business' or 'number', got {self.kind!r}."
            )
        if self.step < 1:
            raise ValueError(f"step must be at least 1, got {self.step}.")
        if self.month_end and self.kind != "months":
            raise ValueError(f"month_end goes with months alone, not with {self.kind!r}.")

    @classmethod
    def parse(cls, text: str) -> Frequency:
        """The frequency of a name: "h", "15min", "D", "W", "MS", "ME", "QS", "YS", "B", "1".

        A whole number alone is the step of times that are whole numbers. Anchors, as in "W-SUN",
        are left to the times themselves.

        Raises:
            ValueError: no such name.
        """
        found = re.fullmatch(r"(\d*)\s*([A-Za-z]*)(?:-[A-Z]{3})?", text.strip())
        if found is not None and any(found.groups()):
            number, unit = int(found[1] or 1), OLD_NAMES.get(found[2], found[2])
            if number and unit == "":
                return cls("number", number)
            if number and unit == "B":
                return cls("business", number)
            if number and unit in UNITS:
                return cls("time", number * UNITS[unit])
            if number and unit in CALENDAR:
                months, month_end = CALENDAR[unit]
                return cls("months", number * months, month_end)
        raise ValueError(
            f"frequency must be 's', 'min', 'h', 'D', 'B', 'W', 'MS', 'ME', 'QS', 'QE', 'YS', 'YE' "
            f"or a whole number, with a number before it where wanted ('15min'), got {text!r}."
        )

    @property
    def name(self) -> str:
        """The shortest name that `parse` reads."""
        if self.kind == "number":
            return str(self.step)
        if self.kind == "business":
            return _named(self.step, "B")
        if self.kind == "months":
            letter, months = next(
                (letter, months)
                for letter, months in (("Y", 12), ("Q", 3), ("M", 1))
                if self.step % months == 0
            )
            return _named(self.step // months, letter + ("E" if self.month_end else "S"))
        unit = next(unit for unit, length in UNITS.items() if self.step % length == 0)
        return _named(self.step // UNITS[unit], unit)

    @property
    def steps_are(self) -> str:
        """The word for many steps: "hours", "months", "business days", or "steps of 15min"."""
        if self.kind == "number":
            return "steps" if self.step == 1 else f"steps of {self.step}"
        if self.kind == "business" and self.step == 1:
            return "business days"
        if self.kind == "months" and self.step in (1, 3, 12):
            return {1: "months", 3: "quarters", 12: "years"}[self.step]
        return NAMES.get(self.name, f"steps of {self.name}")

    @property
    def season(self) -> int:
        """Steps of the usual season, 1 where there is none.

        A day for steps of minutes and hours that divide it, five business days, a week of days, 52
        weeks, a year of months or quarters.
        """
        if self.kind == "business":
            return 5 if self.step == 1 else 1
        if self.kind == "months":
            return 12 // self.step if 12 % self.step == 0 else 1
        if self.kind == "time" and UNITS["min"] <= self.step < DAY and DAY % self.step == 0:
            return DAY // self.step
        return SEASONS.get(self.name, 1)

    def at(self, first: Any, i: Any) -> NDArray[Any]:
        """The times of steps `i` (int64, any shape, also negative) from `first`, broadcast.

        Args:
            first: datetime64, or int64 for "number".
            i: how many steps later.

        Returns:
            datetime64[us], or int64.
        """
        i = np.asarray(i, dtype=np.int64) * self.step
        if self.kind == "number":
            return np.asarray(np.asarray(first, dtype=np.int64) + i)
        first = np.asarray(first, dtype="datetime64[us]")
        if self.kind == "time":
            return np.asarray(first + i.astype("timedelta64[us]"))
        day = first.astype("datetime64[D]")
        clock = first - day
        if self.kind == "business":
            return np.asarray(np.busday_offset(day, i).astype("datetime64[us]") + clock)
        start = day.astype("datetime64[M]")
        month = start + i.astype("timedelta64[M]")
        last = (month + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
        if not self.month_end:
            # The 31st of a shorter month is its last day.
            last = np.minimum(last, month.astype("datetime64[D]") + (day - start))
        return np.asarray(last.astype("datetime64[us]") + clock)

    def index(self, first: Any, times: NDArray[Any]) -> NDArray[np.int64]:
        """How many steps after `first` each of `times` lies; -1 for a time between the steps.

        Args:
            first: datetime64 or int64, broadcast with `times`, none of which is earlier.
            times: datetime64[us], or int64 for "number".
        """
        if self.kind == "number":
            i = (times - first) // self.step
        elif self.kind == "time":
            i = (times - first).astype(np.int64) // self.step
        elif self.kind == "business":
            if not np.is_busday(_days(first)).all():
                return np.full(np.broadcast(first, times).shape, -1)
            i = np.busday_count(_days(first), _days(times)) // self.step
        else:
            i = (_months(times) - _months(first)) // self.step
        i = np.asarray(i, dtype=np.int64)
        return np.where(self.at(first, i) == times, i, -1)


def infer(times: NDArray[Any], starts: NDArray[np.int64] | None = None) -> Frequency:
    """The step that explains times: the smallest if all are multiples of it, else the commonest.

    Times on one day of the month, or on the last, are months apart; times on weekdays that leave
    out the weekends between them are business days apart.

    Args:
        times: array [M], datetime64 or whole numbers, in rising order inside each series.
        starts: array [S], where each of several series begins in `times`; one series without.

    Raises:
        ValueError: no series has two times, or times do not rise.
    """
    # Which times have the time before them in the same series.
    follows = np.ones(len(times), dtype=bool)
    follows[0 if starts is None else starts] = False
    if not follows.any():
        raise ValueError("one time alone tells no frequency; name it, as in frequency='D'.")
    now = np.flatnonzero(follows)
    if not (times[now] > times[now - 1]).all():
        raise ValueError("times must rise from step to step, and no time may come twice.")
    if times.dtype.kind != "M":
        return Frequency("number", _step(times, now))
    times = times.astype("datetime64[us]")
    step = _step(times, now)
    months = _monthly(times, now) if step >= 28 * DAY else None
    if months is not None:
        return months
    if step == DAY and _skips_weekends(_days(times), now):
        return Frequency("business", 1)
    return Frequency("time", step)


def _step(times: NDArray[Any], now: NDArray[np.int64]) -> int:
    numbers: NDArray[np.int64] = times.astype(np.int64)
    differences = numbers[now] - numbers[now - 1]
    smallest = int(differences.min())
    if not (differences % smallest).any():
        return smallest
    steps, counts = np.unique(differences, return_counts=True)
    return int(steps[np.argmax(counts)])


def _monthly(times: NDArray[Any], now: NDArray[np.int64]) -> Frequency | None:
    days = _days(times)
    clock = times - days
    months = days.astype("datetime64[M]")
    if (clock[now] != clock[now - 1]).any() or not (months[now] > months[now - 1]).all():
        return None
    step = _step(months, now)
    tomorrow = days + np.timedelta64(1, "D")
    if (tomorrow.astype("datetime64[M]") > months).all():
        return Frequency("months", step, month_end=True)
    day = days - months
    return Frequency("months", step) if (day[now] == day[now - 1]).all() else None


def _skips_weekends(days: NDArray[Any], now: NDArray[np.int64]) -> bool:
    if not np.is_busday(days).all():
        return False
    before, after = days[now - 1], days[now]
    return bool((np.busday_count(before, after) < (after - before).astype(np.int64)).any())


def _days(times: Any) -> NDArray[Any]:
    return np.asarray(times, dtype="datetime64[us]").astype("datetime64[D]")


def _months(times: Any) -> NDArray[np.int64]:
    return np.asarray(times, dtype="datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _named(number: int, unit: str) -> str:
    return unit if number == 1 else f"{number}{unit}"
