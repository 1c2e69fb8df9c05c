"""Steps of time: names, the times that they lead to and back, and what times tell of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.frequency import Frequency, infer

# Name: a first time, the times of steps -1, 1 and 13, and the season.
KNOWN = {
    "us": ("2024-02-28", "2024-02-27T23:59:59.999999", "2024-02-28T00:00:00.000001", None, 1),
    "s": ("2024-02-28", "2024-02-27T23:59:59", "2024-02-28T00:00:01", "2024-02-28T00:00:13", 1),
    "min": ("2024-02-28", "2024-02-27T23:59", "2024-02-28T00:01", "2024-02-28T00:13", 1440),
    "15min": ("2024-02-28", "2024-02-27T23:45", "2024-02-28T00:15", "2024-02-28T03:15", 96),
    "h": ("2024-02-28T22", "2024-02-28T21", "2024-02-28T23", "2024-02-29T11", 24),
    "D": ("2024-02-28", "2024-02-27", "2024-02-29", "2024-03-12", 7),
    "3D": ("2024-02-28", "2024-02-25", "2024-03-02", "2024-04-07", 1),
    "W": ("2024-02-28", "2024-02-21", "2024-03-06", "2024-05-29", 52),
    "B": ("2024-03-01T09", "2024-02-29T09", "2024-03-04T09", "2024-03-20T09", 5),
    "2B": ("2024-03-01", "2024-02-28", "2024-03-05", "2024-04-08", 1),
    "MS": ("2023-12-15T06", "2023-11-15T06", "2024-01-15T06", "2025-01-15T06", 12),
    "ME": ("2024-01-31", "2023-12-31", "2024-02-29", "2025-02-28", 12),
    "2MS": ("2024-01-01", "2023-11-01", "2024-03-01", "2026-03-01", 6),
    "QS": ("2024-01-01", "2023-10-01", "2024-04-01", "2027-04-01", 4),
    "QE": ("2024-03-31", "2023-12-31", "2024-06-30", "2027-06-30", 4),
    "2QE": ("2023-12-31", "2023-06-30", "2024-06-30", "2030-06-30", 2),
    "YS": ("2024-01-01", "2023-01-01", "2025-01-01", "2037-01-01", 1),
    "YE": ("2024-02-29", "2023-02-28", "2025-02-28", "2037-02-28", 1),
    "1": (5, 4, 6, 18, 1),
    "12": (5, -7, 17, 161, 1),
}


def time_of(cell: str | int) -> np.ndarray:
    return np.asarray(np.datetime64(cell, "us") if isinstance(cell, str) else np.int64(cell))


@pytest.mark.parametrize("name", KNOWN)
def test_known_steps(name: str) -> None:
    frequency = Frequency.parse(name)
    start, *others, season = KNOWN[name]
    first = time_of(start)
    assert frequency.name == name
    assert frequency.season == season
    for i, cell in zip((-1, 1, 13), others, strict=True):
        if cell is not None:
            assert frequency.at(first, i) == time_of(cell)
    times = frequency.at(first, np.arange(30))
    assert times.dtype == first.dtype
    np.testing.assert_array_equal(frequency.index(first, times), np.arange(30))
    np.testing.assert_array_equal(frequency.index(times[3], times[3:]), np.arange(27))
    assert frequency.at(times[:4, None], np.arange(5)).shape == (4, 5)
    assert infer(times) == frequency or name == "2B"


def test_short_months_keep_the_day() -> None:
    times = Frequency.parse("MS").at(time_of("2024-01-30"), np.arange(4))
    assert [str(day)[:10] for day in times] == [
        "2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30",
    ]  # fmt: skip


def test_times_between_steps_have_no_index() -> None:
    def index(name: str, first: str, *times: str) -> list[int]:
        found = Frequency.parse(name).index(time_of(first), np.array([time_of(t) for t in times]))
        return [int(i) for i in found]

    assert index("h", "2024-01-01", "2024-01-01T02", "2024-01-01T02:30") == [2, -1]
    assert index("B", "2024-01-05", "2024-01-08", "2024-01-06", "2024-01-08T01") == [1, -1, -1]
    assert index("B", "2024-01-06", "2024-01-06", "2024-01-08") == [-1, -1]
    assert index("2B", "2024-01-05", "2024-01-08", "2024-01-09") == [-1, 1]
    assert index("MS", "2024-01-15", "2024-03-15", "2024-03-16") == [2, -1]
    assert index("QS", "2024-01-01", "2024-04-01", "2024-03-01") == [1, -1]
    assert index("ME", "2024-01-31", "2024-02-29", "2024-02-28") == [1, -1]
    assert index("ME", "2024-01-30", "2024-01-30") == [-1]
    found = Frequency.parse("3").index(2, np.array([2, 5, 6]))
    assert found.tolist() == [0, 1, -1]


@given(
    st.sampled_from(["h", "15min", "2D", "W", "MS", "ME", "QS", "YE", "B", "7"]),
    st.integers(min_value=0, max_value=20_000),
    st.sets(st.integers(min_value=1, max_value=500), max_size=20),
)
def test_index_is_the_inverse_of_at(name: str, day: int, later: set[int]) -> None:
    frequency = Frequency.parse(name)
    first = np.datetime64(day, "D").astype("datetime64[us]")
    if name == "B":
        first = np.busday_offset(first.astype("datetime64[D]"), 0, roll="forward")
        first = first.astype("datetime64[us]")
    if name == "7":
        first = np.int64(day)
    if frequency.month_end:
        first = frequency.at(first, 0)
    steps = np.array([0, *sorted(later)])
    np.testing.assert_array_equal(frequency.index(first, frequency.at(first, steps)), steps)


@pytest.mark.parametrize("name", ["h", "15min", "D", "W-SUN", "MS", "ME", "QS", "QE", "YE", "B"])
def test_steps_are_those_of_pandas(name: str) -> None:
    times = pd.date_range("2023-11-05", periods=60, freq=name).to_numpy()
    frequency = Frequency.parse(name)
    np.testing.assert_array_equal(frequency.at(times[0], np.arange(60)), times)
    assert infer(times) == frequency


class TestNames:
    def test_other_names(self) -> None:
        for other, name in (("1h", "h"), (" 60 min", "h"), ("H", "h"), ("24h", "D"), ("7D", "W"),
                            ("M", "ME"), ("A", "YE"), ("3MS", "QS"), ("Q-DEC", "QE"),
                            ("15T", "15min"), ("4QS", "YS"), ("W-SAT", "W")):  # fmt: skip
            assert Frequency.parse(other).name == name

    @pytest.mark.parametrize("text", ["", "hourly", "0h", "0", "-1", "1.5h", "15m", "W-", "x"])
    def test_unknown_names(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^frequency must be 's', 'min', 'h', .* got '"):
            Frequency.parse(text)

    def test_words(self) -> None:
        words = {"h": "hours", "D": "days", "W": "weeks", "15min": "steps of 15min", "1": "steps",
                 "5": "steps of 5", "MS": "months", "ME": "months", "QE": "quarters", "YS": "years",
                 "B": "business days", "2B": "steps of 2B", "2MS": "steps of 2MS"}  # fmt: skip
        assert {name: Frequency.parse(name).steps_are for name in words} == words

    def test_fields_are_checked(self) -> None:
        with pytest.raises(ValueError, match=r"^kind must be 'time', .*, got 'weeks'"):
            Frequency("weeks", 1)
        with pytest.raises(ValueError, match=r"^step must be at least 1, got 0"):
            Frequency("time", 0)
        with pytest.raises(ValueError, match=r"^month_end goes with months alone"):
            Frequency("time", 1, month_end=True)


class TestInfer:
    @staticmethod
    def name(*times: str, starts: list[int] | None = None) -> str:
        array = np.array(times, dtype="datetime64[us]")
        return infer(array, None if starts is None else np.array(starts)).name

    def test_gaps_are_seen_through(self) -> None:
        hours = np.arange("2024-01-01", "2024-01-03", dtype="datetime64[h]")
        assert infer(np.delete(hours, [3, 4, 17])).name == "h"
        assert infer(hours[[0, 2, 4, 6, 8, 9]]).name == "h"
        assert infer(np.array([1, 3, 9, 11])).name == "2"
        assert self.name("2024-01-31", "2024-02-29", "2024-06-30") == "ME"
        assert self.name("2024-01-15", "2024-07-15", "2025-07-15") == "2QS"

    def test_the_commonest_step_where_none_explains_all(self) -> None:
        hours = np.arange("2024-01-01", "2024-01-03", dtype="datetime64[h]").astype("M8[us]")
        hours[5] += np.timedelta64(7, "m")
        assert infer(hours).name == "h"

    def test_business_days_need_a_weekend_left_out(self) -> None:
        assert self.name("2024-01-01", "2024-01-02", "2024-01-05") == "D"
        assert self.name("2024-01-04", "2024-01-05", "2024-01-08") == "B"
        assert self.name("2024-01-05", "2024-01-06", "2024-01-08") == "D"
        assert self.name("2024-01-05", "2024-01-08", "2024-01-12") == "3D"

    def test_months_need_one_day_and_one_clock(self) -> None:
        assert self.name("2023-02-01", "2023-03-01") == "MS"
        assert self.name("2023-01-31", "2023-02-28") == "ME"
        assert self.name("2023-02-01", "2023-03-01T01:00") != "MS"
        assert self.name("2024-01-01", "2024-01-29", "2024-02-26") == "4W"
        assert self.name("2024-01-30", "2024-02-27", "2024-03-26") == "4W"

    def test_many_series(self) -> None:
        assert (
            self.name("2024-01-09", "2024-01-10", "2024-01-01", "2024-01-02", starts=[0, 2]) == "D"
        )
        assert (
            self.name("2024-01-15", "2024-02-15", "2023-01-01", "2023-02-01", starts=[0, 2]) == "MS"
        )
        assert self.name("2024-01-31", "2023-01-01", "2023-01-02", starts=[0, 1]) == "D"
        numbers = np.array([5, 6, 7, 0, 2, 4])
        assert infer(numbers, np.array([0, 3])).name == "1"

    def test_no_frequency(self) -> None:
        with pytest.raises(ValueError, match=r"^one time alone tells no frequency; name it"):
            self.name("2024-01-01")
        with pytest.raises(ValueError, match=r"^one time alone tells no frequency; name it"):
            self.name("2024-01-01", "2024-01-02", starts=[0, 1])
        for times in (["2024-01-02", "2024-01-01"], ["2024-01-01", "2024-01-01"]):
            with pytest.raises(ValueError, match=r"^times must rise from step to step"):
                self.name(*times)


def test_steps_that_do_not_divide_a_day_or_a_year_have_no_season() -> None:
    assert [Frequency.parse(name).season for name in ("7h", "25min", "5MS", "24MS")] == [1] * 4
