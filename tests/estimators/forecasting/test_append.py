"""More steps behind series, beside lists that simply grow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.frequency import Frequency
from unrolled.data.series import Covariates, SeriesSet
from unrolled.data.series_arrays import series_from_arrays
from unrolled.estimators.forecasting.append import appended, last_steps, revised

Rng = np.random.Generator


def make(lengths: list[int], ahead: list[int], rng: Rng) -> SeriesSet:
    """Series with all covariates, of the future `ahead` steps more, and a time."""
    X = [rng.normal(size=(T, 2)) for T in lengths]
    past = [rng.normal(size=(T, 1)) for T in lengths]
    future = [rng.normal(size=(T + more, 2)) for T, more in zip(lengths, ahead, strict=True)]
    series = series_from_arrays(X, past, future, rng.normal(size=(len(lengths), 1)))
    first = np.arange(len(lengths)) * 100
    return replace(series, first=first, frequency=Frequency.parse("1"))


def future(series: SeriesSet, s: int) -> np.ndarray:
    assert series.future is not None
    assert series.future_starts is not None
    assert series.future_lengths is not None
    start = series.future_starts[s]
    return series.future.values[start : start + series.future_lengths[s]]


def past(series: SeriesSet, s: int) -> np.ndarray:
    assert series.past is not None
    return series.past.values[series.starts[s] : series.starts[s] + series.lengths[s]]


@given(st.integers(0, 40), st.integers(1, 9))
def test_series_grow_as_lists_do(seed: int, keep: int) -> None:
    rng = np.random.default_rng(seed)
    lengths, ahead = rng.integers(1, 8, 4).tolist(), rng.integers(0, 6, 4).tolist()
    series = make(lengths, ahead, rng)
    which = rng.permutation(4)[: rng.integers(1, 5)]
    more = rng.integers(1, 5, len(which)).tolist()
    # What is new of the future reaches as far as the new values at least.
    new = make(more, rng.integers(0, 4, len(which)).tolist(), rng)
    values = [series[s] for s in range(4)]
    pasts, futures = [past(series, s) for s in range(4)], [future(series, s) for s in range(4)]
    for i, s in enumerate(which):
        values[s] = np.concatenate([values[s], new[i]])
        pasts[s] = np.concatenate([pasts[s], past(new, i)])
        ahead = future(new, i)  # from the first new step on, over what was known
        behind = futures[s][lengths[s] + len(ahead) :]
        futures[s] = np.concatenate([futures[s][: lengths[s]], ahead, behind])
    found = appended(series, new, which, keep)
    for s in range(4):
        drop = max(0, len(values[s]) - keep)
        np.testing.assert_array_equal(found[s], values[s][drop:])
        np.testing.assert_array_equal(past(found, s), pasts[s][drop:])
        np.testing.assert_array_equal(future(found, s), futures[s][drop:])
        assert found.times(s, 0, 1) == 100 * s + drop
    assert found.static is series.static
    assert found.ids == series.ids


def test_the_first_step_that_is_kept_holds_what_gaps_are_filled_with() -> None:
    gone = np.nan
    X = [np.array([[5, 1], [gone, 2], [gone, gone], [gone, 4]]), np.array([[gone, 7], [8.0, 9]])]
    kept = last_steps(series_from_arrays(X), 2)
    np.testing.assert_array_equal(kept[0], [[5, 2], [gone, 4]])
    np.testing.assert_array_equal(kept[1], X[1])
    new = series_from_arrays([np.full((1, 2), 0.0)])
    np.testing.assert_array_equal(appended(kept, new, np.array([0]), 2)[0], [[5, 4], [0, 0]])


def test_arrays_of_their_own() -> None:
    whole = np.arange(10.0)
    kept = last_steps(series_from_arrays(whole), 3)
    whole[:] = -1
    assert kept[0].ravel().tolist() == [7, 8, 9]
    assert kept.values.nbytes == 24


def test_a_future_that_ends_too_early() -> None:
    rng = np.random.default_rng(0)
    series = make([4, 5], [2, 1], rng)
    new = replace(make([3, 2], [0, 0], rng), future=None, future_starts=None, future_lengths=None)
    with pytest.raises(ValueError, match=r"series 0 are known for 2 steps .* the 3 new values"):
        appended(series, new, np.array([0, 1]), 9)


def test_a_row_without_any_number_keeps_what_was_known() -> None:
    rng = np.random.default_rng(0)
    series, new = make([4, 5], [3, 3], rng), make([2], [2], rng)
    assert new.future is not None
    new.future.values[1] = np.nan
    new.future.values[2, 0] = np.nan
    before = future(series, 1).copy()
    found = future(revised(series, new, np.array([1])), 1)
    np.testing.assert_array_equal(
        found[5:], [*new.future.values[:1], before[6], *future(new, 0)[2:]]
    )
    np.testing.assert_array_equal(future(series, 1), before)


def test_other_covariates() -> None:
    rng = np.random.default_rng(0)
    series, new = make([4, 5], [2, 1], rng), make([1, 1], [0, 0], rng)
    assert new.past is not None
    which = np.array([0, 1])
    wide = Covariates(np.zeros((2, 2)), ("past0", "past1"), (None, None))
    text = Covariates(np.ones((2, 1)), ("past0",), (("a",),))
    for changed in (wide, text):
        with pytest.raises(ValueError, match=r"covariates of the new values are past0.* give the"):
            appended(series, replace(new, past=changed), which, 9)
    with pytest.raises(ValueError, match="new values have past covariates, but the series were"):
        appended(replace(series, past=None), new, which, 9)
    bare = replace(series, future=None, future_starts=None, future_lengths=None)
    with pytest.raises(ValueError, match="new values have future covariates, but the series were"):
        appended(bare, new, which, 9)
