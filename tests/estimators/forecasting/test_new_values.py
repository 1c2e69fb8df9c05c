"""What `update` and `predict` take: nothing new of a series, revised futures, other frequencies."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from forecast_problems import START, STRATEGIES, make

from unrolled import Forecaster
from unrolled.data.series_arrays import series_from_arrays

H = np.timedelta64(1, "h")


def wave(T: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(10, 2, T) + np.sin(np.arange(T))


def hours(start: int, stop: int, step: int = 1) -> np.ndarray:
    return START + np.arange(start, stop, step) * H


def frame(start: int, stop: int, names: str = "ab", **more: Any) -> pd.DataFrame:
    """Rows of hourly series; `warm` is known ahead and `place` of a series."""
    steps = np.arange(start, stop)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "time": hours(start, stop), "name": name, "y": wave(90, ord(name))[steps],
                    "warm": np.cos(steps), "place": name.upper(), **more,
                }
            )
            for name in names
        ],
        ignore_index=True,
    )  # fmt: skip


def framed(**changes: Any) -> Forecaster:
    columns = {"time_column": "time", "group_column": "name", "target_columns": "y"}
    return make(**{"strategy": "segments", **columns, **changes})


# Series without new values


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_lists_of_unequal_lengths(strategy: str) -> None:
    y = wave(40)
    model = make(strategy).fit([y, 2 * y])
    once = copy.deepcopy(model).update([y[:2], y[:3].tolist()])
    each = copy.deepcopy(model).update([y[:2], []]).update([(), y[:2]])
    each.update([np.empty(0), y[2:3]])
    np.testing.assert_allclose(each.predict(), once.predict(), rtol=1e-5)
    np.testing.assert_array_equal(once.tail_[0][-2:, 0], y[:2])
    np.testing.assert_array_equal(each.tail_[1][-3:, 0], y[:3])
    with pytest.raises(ValueError, match=r"values hold no step of any of the 2 series"):
        model.update([[], []])
    with pytest.raises(ValueError, match="nested unevenly"):
        model.update([[[1.0], [2.0, 3.0]], [1.0]])


def test_covariates_of_series_without_new_values() -> None:
    y, z = wave(40), wave(60, 1)[:, None]
    model = make("segments").fit([y, 2 * y], past=[z[:40]] * 2, future=[z[:46]] * 2)
    some = copy.deepcopy(model)
    some.update([[], y[:2]], past=[[], z[40:42]], future=[[], z[40:50]])
    assert some.tail_.future_lengths is not None
    assert (some.tail_.future_lengths - some.tail_.lengths).tolist() == [6, 8]
    before, after = model.predict(), some.predict()
    np.testing.assert_array_equal(after[0], before[0])
    assert not np.allclose(after[1], before[1])
    with pytest.raises(ValueError, match="future is given for series 0, which has no new values"):
        some.update([[], y[:2]], past=[[], z[:2]], future=[z[:9], z[:9]])
    with pytest.raises(ValueError, match="past must be nested like the 2 series"):
        some.update([[], y[:2]], past=[z[:2]])


# What is known of the future


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_revised_future_replaces_what_was_known(strategy: str) -> None:
    y, z = wave(60), wave(90, 1)[:, None]
    late = z.copy()
    late[52:] += 3.0  # another weather forecast
    first = make(strategy, scaling="none").fit(y[:50], future=z[:70])
    last = copy.deepcopy(first).update(y[50:52], future=late[50:60])
    assert last.tail_.future is not None
    np.testing.assert_array_equal(
        last.tail_.future.values[-18:], np.concatenate([late[52:60], z[60:70]])
    )
    longer = copy.deepcopy(first).update(y[50:52], future=late[50:85])
    assert longer.tail_.future is not None
    np.testing.assert_array_equal(longer.tail_.future.values[-33:], late[52:85])
    plain = copy.deepcopy(first).update(y[50:52])
    assert not np.allclose(last.predict(), plain.predict())
    np.testing.assert_array_equal(last.predict(), longer.predict())
    # The same for one call, without new values.
    np.testing.assert_array_equal(plain.predict(future=late[52:60]), last.predict())
    np.testing.assert_array_equal(plain.predict(1, future=late[52:60]), last.predict(1))
    assert plain.predict().tobytes() == copy.deepcopy(first).update(y[50:52]).predict().tobytes()


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_revised_future_of_tables(library: Any) -> None:
    model = framed(future_columns="warm", scaling="none")
    model.fit(pd.concat([frame(0, 40), frame(40, 45, y=np.nan)]))
    ahead = frame(40, 45, "b").assign(warm=5.0)[["time", "name", "warm"]]
    given = pl.from_pandas(ahead) if library is pl else ahead
    before, after = model.predict(), model.predict(future=given)
    np.testing.assert_array_equal(after["y"][:5], before["y"][:5])
    assert not np.allclose(after["y"][5:], before["y"][5:])
    late = frame(41, 46, "b")[["time", "name", "warm"]]
    with pytest.raises(
        ValueError, match=r"series 'b' begin at .*T22:00, but its next step is .*21"
    ):
        model.predict(future=late)


def test_futures_that_cannot_be_used() -> None:
    y, z = wave(40), wave(60, 1)[:, None]
    with pytest.raises(ValueError, match="were given without covariates known ahead"):
        make("segments").fit(y).predict(future=z[:9])
    model = make("segments").fit([y, y], future=[z, z])
    with pytest.raises(ValueError, match="future must be nested like the 2 series"):
        model.predict(future=z[:9])
    with pytest.raises(ValueError, match="future is a DataFrame, but the series were given as"):
        model.predict(future=frame(40, 45))
    with pytest.raises(ValueError, match="covariates of the new values are future0, future1"):
        model.predict(future=[np.ones((5, 2))] * 2)
    alone = model.predict(future=[[], z[::-1][:9]])
    np.testing.assert_array_equal(alone[0], model.predict()[0])
    assert not np.allclose(alone[1], model.predict()[1])


# Times


def test_updates_by_tables_need_no_static_columns() -> None:
    model = framed(static_columns="place").fit(frame(0, 40))
    bare = copy.deepcopy(model).update(frame(40, 42).drop(columns="place"))
    pd.testing.assert_frame_equal(bare.predict(), model.update(frame(40, 42)).predict())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gaps_of_new_values_are_filled(strategy: str) -> None:
    past = {} if strategy == "recursive" else {"past_columns": "cold"}
    model = framed(strategy=strategy, future_columns="warm", gaps="fill", **past)
    model.fit(pd.concat([frame(0, 40), frame(40, 60, y=np.nan)]).assign(cold=1.0))
    new = frame(40, 46).assign(cold=1.0)
    new.loc[~new["time"].isin(hours(0, 60)[[41, 42, 45]]), ["y", "cold"]] = np.nan
    whole = copy.deepcopy(model).update(new)
    found = copy.deepcopy(model).update(new[new["y"].notna()])
    pd.testing.assert_frame_equal(found.predict(), whole.predict())
    np.testing.assert_array_equal(found.tail_.values, whole.tail_.values)
    far = new[-1:].assign(time=hours(10**6, 10**6 + 1))
    with pytest.raises(ValueError, match="would put 999960 missing steps before 1 new ones"):
        model.update(far)
    strict = framed().fit(frame(0, 40))
    with pytest.raises(ValueError, match=r"begin at \S+T22:00, .* step is \S+T21:00 .gaps='fill'"):
        strict.update(frame(41, 43))


def test_arrays_with_times_and_gaps() -> None:
    gap = np.delete(hours(0, 41), 20)
    with pytest.raises(ValueError, match=r"as NaN \(gaps='fill' does so for DataFrames, not for"):
        make("direct", gaps="fill").fit(wave(40), times=gap)
    with pytest.raises(ValueError, match=r"frequency='rows' takes each row as a step .* leave out"):
        make("direct", frequency="rows").fit(wave(40), times=gap)


@pytest.mark.parametrize("gaps", ["error", "fill"])
def test_another_frequency_is_refused(gaps: str) -> None:
    model = framed(gaps=gaps).fit(frame(0, 40))
    daily = frame(0, 60).assign(time=np.tile(hours(0, 60 * 24, 24), 2))
    match = "X has days, but the forecaster was fitted on hours; give"
    with pytest.raises(ValueError, match=match):
        model.predict(X=daily)
    with pytest.raises(ValueError, match=match):
        model.backtest(daily)
    array = make("direct").fit(wave(40), times=hours(0, 40))
    for given in ({"X": wave(40), "times": hours(0, 960, 24)},
                  {"X": series_from_arrays(wave(40), times=hours(0, 960, 24))}):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            array.predict(**given)
        with pytest.raises(ValueError, match=match):
            array.backtest(**given)
    # What is wrong otherwise is told as it is.
    if gaps == "error":
        with pytest.raises(ValueError, match="series 'a' lacks 1 of 20 hours"):
            model.predict(X=frame(0, 20).drop(index=7))
    else:
        model.predict(X=frame(0, 20).drop(index=7))
        alone = frame(0, 20, "a").assign(y=[1.0, np.nan] * 10)
        assert len(model.predict(X=alone)) == 5


def test_one_row_has_the_known_frequency() -> None:
    model = framed().fit(frame(0, 40))
    assert model.predict(X=frame(7, 8, "a"))["time"].tolist() == [*pd.Series(hours(8, 13))]
    array = make("direct").fit(wave(40), times=hours(0, 40))
    assert array.predict(X=[3.0], times=hours(0, 1)).shape == (5,)


# Series where they are not expected


def test_series_come_by_name() -> None:
    y = wave(40)
    model = make("direct", "normal").fit(y)
    for wrong in (y, y.tolist(), frame(0, 5), [y, y[:3]]):
        for method in (model.predict, model.predict_interval, model.sample):
            with pytest.raises(TypeError, match="give series as X="):
                method(wrong)


def test_more_targets_than_steps() -> None:
    """Series in rows of an array are read as targets, which is told where it cannot work."""
    hint = r"array \[4, 40\] is one series of 4 steps and 40 targets, so give 4 series of 40"
    X = np.stack([wave(40, seed) for seed in range(4)])
    with pytest.raises(ValueError, match=hint):
        make("direct").fit(X)
    with pytest.raises(ValueError, match=hint):
        make("direct", validation_steps=5).fit(X)
    model = make("direct").fit(list(X))
    assert model.predict().shape == (4, 5)
    with pytest.raises(ValueError, match=hint):
        model.predict(X=X)


def test_days_that_begin_where_the_clock_skips() -> None:
    """The first moment of 8 September 2024 is one o'clock in Chile, which is that day's."""

    def days(first: int, stop: int) -> pd.DataFrame:
        when = pd.Series(pd.date_range("2024-08-01", periods=60)[first:stop]).reset_index(drop=True)
        when = when.dt.tz_localize("America/Santiago", nonexistent="shift_forward")
        return pd.DataFrame({"t": when, "y": wave(60)[first:stop]})

    model = make("direct", time_column="t", target_columns="y").fit(days(0, 38))
    assert model.predict()["t"].astype(str).tolist()[:2] == [
        "2024-09-08 01:00:00-03:00", "2024-09-09 00:00:00-03:00",
    ]  # fmt: skip
    whole = copy.deepcopy(model).update(days(38, 41)).predict()
    for part in ((38, 39), (39, 40), (40, 41)):
        model.update(days(*part))
    pd.testing.assert_frame_equal(model.predict(), whole)
    assert model.predict(X=days(30, 41))["t"].tolist() == whole["t"].tolist()
    assert model.predict(X=days(38, 41))["t"].tolist() == whole["t"].tolist()
