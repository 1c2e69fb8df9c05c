"""Sets of series: cuts without copies, subsets, known pasts, times, and every refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unrolled.data.frequency import Frequency
from unrolled.data.series import Covariates, SeriesSet


def numeric(values: np.ndarray, name: str) -> Covariates:
    P = values.shape[1]
    return Covariates(values, tuple(f"{name}{p}" for p in range(P)), (None,) * P)


@pytest.fixture
def series() -> SeriesSet:
    """Three series of 4, 3 and 5 steps, not in the order of their rows, two of which overlap."""
    rng = np.random.default_rng(0)
    return SeriesSet(
        values=rng.normal(size=(10, 2)),
        starts=np.array([6, 0, 2]),
        lengths=np.array([4, 3, 5]),
        ids=("c", "a", "b"),
        targets=("x", "y"),
        past=numeric(rng.normal(size=(10, 1)), "p"),
        future=numeric(rng.normal(size=(17, 3)), "f"),
        future_starts=np.array([0, 4, 9]),
        future_lengths=np.array([4, 5, 8]),
        static=numeric(rng.normal(size=(3, 2)), "s"),
        first=np.array(["2024-01-01", "2024-01-05", "2024-02-28"], dtype="datetime64[us]"),
        frequency=Frequency.parse("D"),
    )


def test_series_are_views(series: SeriesSet) -> None:
    assert len(series) == 3
    np.testing.assert_array_equal(series[0], series.values[6:10])
    np.testing.assert_array_equal(series[2], series.values[2:7])
    assert np.shares_memory(series[1], series.values)
    assert [len(part) for part in series] == [4, 3, 5]


def test_subset_shares_flat_arrays(series: SeriesSet) -> None:
    assert series.static is not None
    for which in (np.array([2, 0]), np.array([-1, -3])):
        part = series.take(which)
        assert part.ids == ("b", "c")
        assert part.values is series.values
        assert part.past is series.past
        assert part.future is series.future
        np.testing.assert_array_equal(part[0], series[2])
        assert part.future_starts is not None
        assert part.future_lengths is not None
        assert part.static is not None
        assert part.first is not None
        assert list(part.future_starts) == [9, 0]
        assert list(part.future_lengths) == [8, 4]
        np.testing.assert_array_equal(part.static.values, series.static.values[[2, 0]])
        assert list(part.times(0, 0, 1)) == list(series.times(2, 0, 1))
    assert series.take(np.array([False, True, True])).ids == ("a", "b")
    assert series.take(np.array([1, 1])).ids == ("a", "a")


def test_upto_cuts_values_and_leaves_the_known_future(series: SeriesSet) -> None:
    part = series.upto(np.array([2, 3, 1]))
    np.testing.assert_array_equal(part[0], series[0][:2])
    assert [len(one) for one in part] == [2, 3, 1]
    assert part.future_lengths is series.future_lengths
    for stops in ([2, 4, 1], [0, 3, 1]):
        with pytest.raises(
            ValueError, match=r"^stops must lie in 1\.\.[34] for series '[ac]', got"
        ):
            series.upto(np.array(stops))
    with pytest.raises(ValueError, match=r"^stops must have an entry for each of the 3 series"):
        series.upto(np.array([2, 3]))


def test_times_go_on_behind_the_end(series: SeriesSet) -> None:
    times = series.times(2, 0, 7)
    assert times.dtype == np.dtype("datetime64[us]")
    np.testing.assert_array_equal(
        times, np.arange("2024-02-28", "2024-03-06", dtype="datetime64[D]")
    )
    np.testing.assert_array_equal(series.times(2, 5, 7), times[5:])
    untimed = replace(series, first=None, frequency=None)
    with pytest.raises(ValueError, match=r"^these series have no times; make them with"):
        untimed.times(0, 0, 1)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"targets": ("x",)}, r"^values must be \[M, K\] for the 1 targets, got shape \[10, 2\]"),
        ({"values": np.ones(10)}, r"^values must be \[M, K\] for the 2 targets, got shape \[10\]"),
        ({"lengths": np.array([4, 3])}, "^lengths must have an entry for each of the 3 series"),
        ({"ids": ("a",)}, "^ids must have an entry for each of the 3 series, got 1"),
        ({"lengths": np.array([4, 0, 5])}, "^series 1 has no step in values"),
        ({"starts": np.array([7, 0, 2])}, "^series 0 takes rows 7 to 10 of values, which has 10"),
        ({"starts": np.array([6, -1, 2])}, "^series 1 takes rows -1 to 1 of values"),
        ({"past": numeric(np.ones((9, 1)), "p")}, "^past must have a row for each of the 10 rows"),
        ({"static": numeric(np.ones((2, 1)), "s")}, "^static must have an entry for each of the 3"),
        ({"first": None}, "^first and frequency must be given together"),
        ({"first": np.array([1, 2])}, "^first must have an entry for each of the 3"),
        ({"future": None}, "^future, future_starts and future_lengths must be given together"),
        ({"future_lengths": None}, "^future, future_starts and future_lengths must be given"),
        ({"future_starts": np.array([0])}, "^future_starts must have an entry for each"),
        ({"future_starts": np.array([0, 4, 10])}, "^series 2 takes rows 10 to 17 of future"),
        (
            {"future_lengths": np.array([4, 2, 8])},
            "^future must cover its series: series 'a' has 3 steps and future 2",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    series: SeriesSet, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        replace(series, **changes)


def test_covariates_need_a_name_and_levels_each() -> None:
    with pytest.raises(ValueError, match=r"^values must be \[M, P\] for P names and P levels, got"):
        Covariates(np.ones((3, 2)), ("a",), (None, None))
    with pytest.raises(ValueError, match=r"got shape \[3, 2\] for 2 and 1"):
        Covariates(np.ones((3, 2)), ("a", "b"), (None,))
