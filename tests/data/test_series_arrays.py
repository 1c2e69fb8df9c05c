"""Arrays and lists to series: every nesting, covariates, times, and every refusal."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unrolled.data.series_arrays import series_from_arrays

RNG = np.random.default_rng(0)
ONE = RNG.normal(size=7)
TWO = RNG.normal(size=(7, 2))
HOURS = np.arange("2024-02-29T20", "2024-03-01T03", dtype="datetime64[h]")


class TestTargets:
    def test_one_series_is_shared(self) -> None:
        for X in (ONE, TWO):
            series = series_from_arrays(X)
            assert len(series) == 1
            assert np.shares_memory(series.values, X)
            np.testing.assert_array_equal(series[0], X.reshape(7, -1))
            assert series.first is series.frequency is series.past is series.future is None
        assert series_from_arrays(ONE).targets == ("y",)
        assert series_from_arrays(TWO).targets == ("y0", "y1")
        np.testing.assert_array_equal(series_from_arrays([1, 2, 4])[0], [[1], [2], [4]])
        assert series_from_arrays(pl.Series([1, 2])).values.tolist() == [[1.0], [2.0]]
        assert series_from_arrays(pd.Series([1, None])).lengths.tolist() == [2]

    def test_many_series(self) -> None:
        ragged = series_from_arrays([ONE, ONE[:3], [1, 2]])
        assert ragged.lengths.tolist() == [7, 3, 2]
        assert ragged.starts.tolist() == [0, 7, 10]
        assert ragged.ids == (0, 1, 2)
        np.testing.assert_array_equal(ragged[1][:, 0], ONE[:3])
        cube = series_from_arrays(np.stack([TWO, 2 * TWO]), ids=["a", "b"])
        assert cube.ids == ("a", "b")
        np.testing.assert_array_equal(cube[1], 2 * TWO)

    def test_series_are_passed_through(self) -> None:
        series = series_from_arrays(ONE)
        assert series_from_arrays(series) is series
        with pytest.raises(ValueError, match=r"^X is a SeriesSet, which holds its own past; leave"):
            series_from_arrays(series, past=ONE)

    def test_missing_values_are_kept(self) -> None:
        series = series_from_arrays([[1.0, np.nan, 3.0], [np.nan, 1.0]])
        np.testing.assert_array_equal(np.isnan(series.values[:, 0]), [0, 1, 0, 1, 0])

    @pytest.mark.parametrize(
        ("X", "fault"),
        [
            ([1.0, np.inf], "^X holds infinity at step 1, target 0; correct it, or give NaN"),
            ([ONE, [1.0, -np.inf]], r"^X\[1\] holds infinity at step 1, target 0"),
            ([ONE, [np.nan, np.nan]], r"^X\[1\] has no value for target 0: all 2 are missing"),
            ([TWO, ONE], "^X has 2 targets in series 0 and 1 in series 1; all need the same"),
            ([], r"^X: found array with 0 series"),
            ([ONE, []], r"X\[1\].*0 step\(s\)"),
            (np.ones((3, 0)), r"0 target\(s\)"),
            ([np.ones((2, 2, 2))], r"^X\[0\] must be \[T\] or \[T, K\], got shape \[2, 2, 2\]"),
        ],
    )
    def test_what_is_no_series(self, X: Any, fault: str) -> None:
        with pytest.raises(ValueError, match=fault):
            series_from_arrays(X)

    def test_text_and_tables_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"^X holds text"):
            series_from_arrays(np.array(["a", "b"]))
        for make in (pd.DataFrame, pl.DataFrame):
            table = make({"a": [1.0]})
            with pytest.raises(TypeError, match=r"^X is a DataFrame; read it by series_from_table"):
                series_from_arrays(table)
            for name in ("past", "future", "static"):
                with pytest.raises(TypeError, match=f"^{name} is a DataFrame; read it by"):
                    series_from_arrays(ONE[:1], **{name: table})

    def test_ids(self) -> None:
        with pytest.raises(ValueError, match=r"^ids must be 2 labels, one a series, got 1"):
            series_from_arrays([ONE, ONE], ids=["a"])
        with pytest.raises(ValueError, match=r"^ids must differ from each other, got 'a' twice"):
            series_from_arrays([ONE, ONE], ids=["a", "a"])


class TestCovariates:
    def test_of_one_series(self) -> None:
        series = series_from_arrays(ONE, past=TWO, future=np.arange(9), static=[1.5, "red"])
        assert series.past is not None
        assert series.future is not None
        assert series.static is not None
        np.testing.assert_array_equal(series.past.values, TWO)
        assert series.past.names == ("past0", "past1")
        np.testing.assert_array_equal(series.future.values[:, 0], np.arange(9))
        assert series.future_lengths is not None
        assert series.future_lengths.tolist() == [9]
        assert series.static.values.tolist() == [[1.5, 1.0]]
        assert series.static.levels == (None, ("red",))

    def test_of_many_series(self) -> None:
        series = series_from_arrays(
            [ONE, ONE[:2]],
            past=[TWO, TWO[:2]],
            future=[["b"] * 7 + ["a"], [None, "c", "a", "b"]],
            static=np.array([[1, True], [2, False]], dtype=object),
        )
        assert series.future is not None
        assert series.static is not None
        assert series.future_starts is not None
        assert series.future_lengths is not None
        assert series.future_starts.tolist() == [0, 8]
        assert series.future_lengths.tolist() == [8, 4]
        assert series.future.levels == (("a", "b", "c"),)
        assert series.future.values[:, 0].tolist() == [2] * 7 + [1, 0, 3, 1, 2]
        assert series.static.values.tolist() == [[1, 2], [2, 1]]
        assert series.static.levels == (None, ("False", "True"))

    def test_levels_of_training(self) -> None:
        levels = {"past0": ("b", "a"), "past1": ("1", "3")}
        past = np.array([["a", 1], ["z", 2.5], ["b", 3.0]], dtype=object)
        series = series_from_arrays(ONE[:3], past=past, levels=levels)
        assert series.past is not None
        assert series.past.levels == (("b", "a"), ("1", "3"))
        assert series.past.values.tolist() == [[2, 1], [0, 0], [1, 2]]

    @pytest.mark.parametrize("cells", [
        np.array(["u", "v", "u"]), np.array([True, False, True]), ["u", "v", "u"],
        np.array([True, False, True], dtype=object),
    ])  # fmt: skip
    def test_text_and_truth_values_are_categories(self, cells: Any) -> None:
        past = series_from_arrays(ONE[:3], past=cells).past
        assert past is not None
        assert past.levels in ((("u", "v"),), (("False", "True"),))
        assert past.values[0] == past.values[2] != past.values[1]

    def test_missing_numbers_are_kept(self) -> None:
        for cells in ([1.0, None, 3], np.array([1.0, np.nan, 3])):
            past = series_from_arrays(ONE[:3], past=cells).past
            assert past is not None
            assert past.levels == (None,)
            np.testing.assert_array_equal(past.values[:, 0], [1, np.nan, 3])

    @pytest.mark.parametrize(
        ("given", "fault"),
        [
            ({"past": ONE[:6]}, "^past must have 7 rows for series 0, whose X has 7 steps; got 6"),
            ({"past": np.arange(8)}, "^past must have 7 rows for series 0"),
            ({"future": ONE[:6]}, "^future must have at least 7 rows for series 0"),
            ({"past": np.ones((7, 2, 2))}, r"^past must be \[T\] or \[T, P\], got shape \[7, 2, 2"),
            ({"past": np.where(ONE > 9, 0, np.inf)}, "^covariate 'past0' holds infinity at row 0;"),
            ({"static": np.ones((2, 3))}, r"^static must be \[Q\] or \[1, Q\], got shape \[2, 3\]"),
        ],
    )
    def test_of_a_wrong_shape(self, given: dict[str, Any], fault: str) -> None:
        with pytest.raises(ValueError, match=fault):
            series_from_arrays(ONE, **given)

    def test_of_another_nesting(self) -> None:
        X = [ONE, ONE[:2]]
        with pytest.raises(ValueError, match=r"^past must be nested like X, which is 2 series"):
            series_from_arrays(X, past=TWO)
        with pytest.raises(ValueError, match=r"^past has 2 columns in series 0 and 1 in series 1"):
            series_from_arrays(X, past=[TWO, ONE[:2]])
        with pytest.raises(
            ValueError, match=r"^static must be \[S, Q\] with a row for each of the"
        ):
            series_from_arrays(X, static=[1, 2])

    def test_mixed_cells_are_refused(self) -> None:
        with pytest.raises(TypeError, match=r"^covariate 'past0' mixes str and float; make its"):
            series_from_arrays(ONE[:2], past=["a", 1.5])
        with pytest.raises(TypeError, match=r"^covariate 'past0' holds date; give numbers, text"):
            series_from_arrays(ONE[:1], past=[dt.date(2024, 1, 1)])
        with pytest.raises(TypeError, match=r"^covariate 'past0' has dtype datetime64\[h\]; give"):
            series_from_arrays(ONE, past=HOURS)


class TestTimes:
    @pytest.mark.parametrize("times", [
        HOURS, list(HOURS.astype(str)), list(HOURS.astype("datetime64[us]").astype(object)),
        pd.DatetimeIndex(HOURS), pl.Series(HOURS.astype("datetime64[us]")),
        [f"{hour}:00:00+02:00" for hour in (HOURS + np.timedelta64(2, "h")).astype(str)],
    ])  # fmt: skip
    def test_of_any_kind(self, times: Any) -> None:
        series = series_from_arrays(ONE, times=times)
        assert series.frequency is not None
        assert series.frequency.name == "h"
        np.testing.assert_array_equal(series.times(0, 0, 7), HOURS)
        assert series.times(0, 7, 8)[0] == np.datetime64("2024-03-01T03")

    def test_whole_numbers(self) -> None:
        for times in (np.arange(10, 31, 3), np.arange(10.0, 31, 3), list(range(10, 31, 3))):
            series = series_from_arrays(ONE, times=times)
            assert series.frequency is not None
            assert series.frequency.name == "3"
            assert series.times(0, 6, 8).tolist() == [28, 31]

    def test_of_many_series(self) -> None:
        series = series_from_arrays([ONE, ONE[:2]], times=[HOURS, HOURS[3:5]])
        assert series.times(1, 0, 1)[0] == HOURS[3]
        for times in (HOURS, list(HOURS)):
            series = series_from_arrays([ONE, ONE], times=times)
            assert series.first is not None
            assert series.first.tolist() == [HOURS.astype("datetime64[us]")[0].item()] * 2

    def test_a_named_frequency(self) -> None:
        series = series_from_arrays(ONE[:1], times=["2024-01-31"], frequency="ME")
        assert series.times(0, 1, 2)[0] == np.datetime64("2024-02-29")
        with pytest.raises(ValueError, match=r"^one time alone tells no frequency; name it"):
            series_from_arrays(ONE[:1], times=["2024-01-31"])

    @pytest.mark.parametrize(
        ("times", "fault"),
        [
            (HOURS[:6], "^times must have 7 entries for series 0, got 6"),
            (HOURS[::-1], "^times must rise from step to step, and no time may come twice"),
            ([1, 2, 3, 4, 6, 7, 8], "rise regularly: after 4 series 0 has 6 where .* '1' gives 5"),
            ([1, 2, 3, 4, 5.5, 6, 7], r"^times holds 5.5 in row 4, which is no time; write times"),
            ([1, 2, 3, np.nan, 5, 6, 7], "^times is missing in row 3"),
            ([HOURS], r"^times must be \[T\], got shape \[1, 7\]"),
            (np.where(max(HOURS) == HOURS, np.datetime64("NaT"), HOURS), "is missing in row 6"),
            ([*HOURS.astype(str)[:6], "2024-03-01T02:00+00:00"], (
                r"^times has times with and without a UTC offset, '2024-03-01T02:00.00:00' in row 6"
            )),
            (HOURS.astype("datetime64[ns]") + np.timedelta64(7, "ns"), "finer than a microsecond"),
        ],
    )  # fmt: skip
    def test_irregular_times_are_refused(self, times: Any, fault: str) -> None:
        with pytest.raises((ValueError, TypeError), match=fault):
            series_from_arrays(ONE, times=times)

    def test_no_times_are_refused(self) -> None:
        with pytest.raises(
            TypeError, match=r"^times holds 'noon' in row 1, which is no time; write"
        ):
            series_from_arrays(ONE[:2], times=["2024-01-01", "noon"])
        with pytest.raises(TypeError, match=r"^times has dtype bool, which holds no times"):
            series_from_arrays(ONE, times=ONE > 0)

    def test_times_that_no_step_can_be_at(self) -> None:
        saturdays = ["2024-01-06", "2024-01-08"]
        with pytest.raises(ValueError, match=r"^times of series 0 begin at 2024-01-06, .* 'B' can"):
            series_from_arrays(ONE[:2], times=saturdays, frequency="B")
        with pytest.raises(
            ValueError, match=r"^times of series 0 begin at 2024-01-06, .* 'ME' can"
        ):
            series_from_arrays(ONE[:2], times=saturdays, frequency="ME")
        with pytest.raises(
            ValueError, match=r"^times of series 0 are int64, which have no steps of"
        ):
            series_from_arrays(ONE[:2], times=[1, 2], frequency="D")
