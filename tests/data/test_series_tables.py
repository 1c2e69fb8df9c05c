"""DataFrames of three libraries to series: order, times, gaps, covariates, and every refusal."""

from __future__ import annotations

import cProfile
import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data import regular_times
from unrolled.data.frequency import Frequency
from unrolled.data.series_tables import series_from_table

KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
Frame = Callable[[dict[str, Any]], Any]


@pytest.fixture(params=KINDS)
def frame(request: pytest.FixtureRequest) -> Frame:
    """Makes a DataFrame of one library from columns."""
    make: Frame = KINDS[request.param]
    return make


def hours(n: int, first: str = "2024-01-01") -> list[dt.datetime]:
    start = dt.datetime.fromisoformat(first)
    return [start + dt.timedelta(hours=i) for i in range(n)]


def days(n: int, first: str = "2024-01-01") -> list[dt.datetime]:
    start = dt.datetime.fromisoformat(first)
    return [start + dt.timedelta(days=i) for i in range(n)]


def shuffled(columns: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    order = np.random.default_rng(seed).permutation(len(next(iter(columns.values()))))
    return {name: [cells[i] for i in order] for name, cells in columns.items()}


class TestLongForm:
    def test_rows_of_any_order(self, frame: Frame) -> None:
        columns = {
            "who": ["b"] * 4 + ["a"] * 3,
            "when": hours(4, "2024-02-28T22:00") + hours(3),
            "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            "x": [10, 20, 30, 40, 50, 60, 70],
        }
        for seed in range(3):
            mixed = shuffled(columns, seed)
            series = series_from_table(
                frame(mixed), time="when", target=["y", "x"], group="who", past=[]
            )
            assert series.ids == tuple(dict.fromkeys(mixed["who"]))
            assert series.targets == ("y", "x")
            assert series.frequency is not None
            assert series.frequency.name == "h"
            b, a = series.ids.index("b"), series.ids.index("a")
            np.testing.assert_array_equal(series[b], [[1, 10], [2, 20], [3, 30], [4, 40]])
            np.testing.assert_array_equal(series[a], [[5, 50], [6, 60], [7, 70]])
            assert series.times(b, 3, 5).astype(object).tolist() == hours(2, "2024-02-29T01:00")

    def test_one_series(self, frame: Frame) -> None:
        series = series_from_table(frame({"t": [3, 1, 2], "y": [1, 2, None]}), time="t", target="y")
        assert series.ids == (0,)
        np.testing.assert_array_equal(series[0][:, 0], [2, np.nan, 1])
        assert series.times(0, 2, 4).tolist() == [3, 4]

    @pytest.mark.parametrize("ids", [[7, 3], ["x", "y"], [True, False], [2.5, -1.0],
                                     [dt.date(2024, 1, 1), dt.date(2023, 1, 1)]])  # fmt: skip
    def test_ids_keep_their_kind(self, frame: Frame, ids: list[Any]) -> None:
        columns = {"id": [ids[0], ids[1]] * 2, "t": [1, 1, 2, 2], "y": [1.0, 2.0, 3.0, 4.0]}
        series = series_from_table(frame(columns), time="t", target="y", group="id")
        assert series.ids == tuple(ids)
        np.testing.assert_array_equal(series[1][:, 0], [2, 4])

    def test_categorical_ids(self) -> None:
        columns = {"id": ["b", "b", "a", "a"], "t": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0]}
        for table in (
            pl.DataFrame(columns).with_columns(pl.col("id").cast(pl.Categorical)),
            pl.DataFrame(columns).with_columns(pl.col("id").cast(pl.Enum(["a", "b"]))),
            pd.DataFrame(columns).astype({"id": "category"}),
            pd.DataFrame(columns).astype({"id": object}),
        ):
            assert series_from_table(table, time="t", target="y", group="id").ids == ("b", "a")

    @pytest.mark.parametrize("times", [
        days(3), [str(day) for day in days(3)], [day.isoformat() for day in days(3)],
        [day.date() for day in days(3)], [f"{day.date()}" for day in days(3)],
        [f"{day.isoformat()}Z" for day in days(3)],
    ])  # fmt: skip
    def test_times_of_any_kind(self, frame: Frame, times: list[Any]) -> None:
        series = series_from_table(frame({"t": times[::-1], "y": [3, 2, 1]}), time="t", target="y")
        assert series.frequency is not None
        assert series.frequency.name == "D"
        assert series[0][:, 0].tolist() == [1, 2, 3]
        assert series.times(0, 0, 3).astype(object).tolist() == days(3)

    def test_months_as_text(self, frame: Frame) -> None:
        table = frame({"t": ["2023-12", "2024-01", "2024-02"], "y": [1, 2, 3]})
        series = series_from_table(table, time="t", target="y")
        assert str(series.times(0, 3, 4)[0])[:10] == "2024-03-01"

    def test_time_zones(self) -> None:
        """Across a change of the clock hours are regular in UTC and days by the local clock."""
        for step, unit, count in (("1h", "h", 50), ("1d", "D", 4)):
            table = pl.DataFrame({"t": pl.datetime_range(
                dt.datetime(2024, 3, 30), dt.datetime(2024, 5, 1), step,
                time_zone="Europe/Paris", eager=True).head(count)}).with_columns(y=1.0)  # fmt: skip
            for form in (table, table.to_pandas()):
                for frequency in (None, unit):
                    series = series_from_table(form, time="t", target="y", frequency=frequency)
                    assert series.frequency is not None
                    assert series.frequency.name == unit
                    first = {"h": "2024-03-29T23", "D": "2024-03-30"}[unit]
                    assert series.times(0, 0, 1)[0] == np.datetime64(first)

    def test_the_hour_that_the_clock_shows_twice(self) -> None:
        times = pl.datetime_range(
            dt.datetime(2024, 10, 26), dt.datetime(2024, 10, 28), "1h",
            time_zone="Europe/Paris", eager=True,
        )  # fmt: skip
        table = pl.DataFrame({"t": times}).with_columns(y=1.0)
        series = series_from_table(table, time="t", target="y")
        assert series.lengths.tolist() == [50]
        assert series.frequency is not None
        assert series.frequency.name == "h"

    def test_a_column_may_be_group_and_static(self, frame: Frame) -> None:
        columns = {"id": ["b", "b", "a", "a"], "t": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0]}
        static = series_from_table(
            frame(columns), time="t", target="y", group="id", static=["id"]
        ).static
        assert static is not None
        assert static.values.tolist() == [[2], [1]]

    def test_many_rows_are_sorted_in_either_way(self) -> None:
        rng = np.random.default_rng(0)
        ids, t = np.repeat(rng.permutation(300), 40), np.tile(np.arange(40), 300)
        order = rng.permutation(len(ids))
        table = pl.DataFrame({"id": ids, "t": t, "y": ids * 100.0 + t})[order]
        for frequency in (None, "rows"):
            for kind in (pl.Int64, pl.Float64):
                series = series_from_table(
                    table.with_columns(pl.col("t").cast(kind) * (2**50 if kind == pl.Int64 else 1)),
                    time="t", target="y", group="id", frequency=frequency,
                )  # fmt: skip
                assert series.ids == tuple(dict.fromkeys(ids[order].tolist()))
                expected = np.array(series.ids)[:, None] * 100.0 + np.arange(40)
                np.testing.assert_array_equal(series.values.reshape(300, 40), expected)


class TestWideForm:
    def test_a_column_is_a_series(self, frame: Frame) -> None:
        table = frame({"a": [3.0, None, 1.0], "t": [3, 2, 1], "b": [6, 5, 4]})
        series = series_from_table(table, time="t")
        assert series.ids == ("a", "b")
        assert series.targets == ("y",)
        np.testing.assert_array_equal(series[0][:, 0], [1, np.nan, 3])
        np.testing.assert_array_equal(series[1][:, 0], [4, 5, 6])
        assert series.times(1, 0, 2).tolist() == [1, 2]

    def test_gaps_are_filled(self, frame: Frame) -> None:
        table = frame({"a": [3.0, 1.0], "t": [4, 1], "b": [6.0, 4.0], "c": [1.0, 1.0]})
        series = series_from_table(table, time="t", gaps="fill", frequency="1")
        np.testing.assert_array_equal(series[1][:, 0], [4, np.nan, np.nan, 6])
        assert series.lengths.tolist() == [4, 4, 4]

    def test_what_needs_a_target(self, frame: Frame) -> None:
        table = frame({"a": [3.0, 1.0], "t": [2, 1], "b": [6.0, 4.0]})
        for given in ({"past": ["a"]}, {"future": ["a"]}, {"static": ["a"]}, {"group": "a"}):
            name = next(iter(given))
            with pytest.raises(ValueError, match=f"^{name} needs a target column: without target"):
                series_from_table(table, time="t", **given)
        with pytest.raises(ValueError, match=r"^table has no column but time 't'; it needs one"):
            series_from_table(frame({"t": [1, 2]}), time="t")
        with pytest.raises(TypeError, match=r"^column 'b' of table holds text \('x' in row 0\)"):
            series_from_table(frame({"t": [1, 2], "b": ["x", "y"]}), time="t")


class TestCovariates:
    def test_of_every_kind(self, frame: Frame) -> None:
        columns = {
            "id": ["b"] * 3 + ["a"] * 2,
            "t": [1, 2, 3, 1, 2],
            "y": [1.0, 2.0, 3.0, 4.0, 5.0],
            "number": [1, 2, None, 4, 5],
            "text": ["v", "u", None, "v", "w"],
            "flag": [True, False, True, True, False],
            "size": [1.5, 1.5, 1.5, 2.5, 2.5],
            "kind": ["z", "z", "z", "k", "k"],
        }
        series = series_from_table(
            frame(shuffled(columns)), time="t", target="y", group="id",
            past=["number", "text"], future=["flag"], static=["size", "kind"],
        )  # fmt: skip
        assert series.past is not None
        assert series.future is not None
        assert series.static is not None
        rows = np.concatenate([series.starts[series.ids.index(i)] + np.arange(n)
                               for i, n in (("b", 3), ("a", 2))])  # fmt: skip
        assert series.past.names == ("number", "text")
        assert series.past.levels == (None, ("u", "v", "w"))
        np.testing.assert_array_equal(
            series.past.values[rows], [[1, 2], [2, 1], [np.nan, 0], [4, 2], [5, 3]]
        )
        assert series.future.levels == (("False", "True"),)
        np.testing.assert_array_equal(series.future.values[rows, 0], [2, 1, 2, 2, 1])
        assert series.static.levels == (None, ("k", "z"))
        by_id = series.static.values[[series.ids.index("b"), series.ids.index("a")]]
        np.testing.assert_array_equal(by_id, [[1.5, 2], [2.5, 1]])

    def test_levels_of_training(self, frame: Frame) -> None:
        columns = {"t": [1, 2, 3], "y": [1.0, 2.0, 3.0], "c": ["b", "new", "a"], "n": [3, 1, 2]}
        levels = {"c": ("b", "a"), "n": ("1", "3")}
        table = frame(columns)
        past = series_from_table(table, time="t", target="y", past=["c", "n"], levels=levels).past
        assert past is not None
        assert past.levels == (("b", "a"), ("1", "3"))
        assert past.values.tolist() == [[1, 2], [0, 1], [2, 0]]

    def test_rows_without_targets_at_the_end_are_the_known_future(self, frame: Frame) -> None:
        columns = {
            "id": ["a"] * 5 + ["b"] * 4 + ["c"] * 3,
            "t": [1, 2, 3, 4, 5, 1, 2, 3, 4, 1, 2, 3],
            "y": [1, None, 3, None, None, 1, 2, None, None, 1, 2, 3],
            "z": [1, 2, None, None, None, 1, 2, None, None, 1, 2, 3],
            "f": [1, 2, 3, 4, 5, 6, 7, None, None, 8, 9, 10],
            "p": [1.0] * 12,
        }
        table = frame(columns)
        given = {"time": "t", "target": ["y", "z"], "group": "id"}
        series = series_from_table(table, **given, future=["f"], past=["p"])
        assert series.lengths.tolist() == [3, 4, 3]  # of b nothing is known ahead
        assert series.future_lengths is not None
        assert series.future_lengths.tolist() == [5, 4, 3]
        assert series.future is not None
        assert series.future_starts is not None
        start = series.future_starts[0]
        np.testing.assert_array_equal(series.future.values[start : start + 5, 0], [1, 2, 3, 4, 5])
        assert series_from_table(table, **given).lengths.tolist() == [5, 4, 3]

    def test_a_known_category_ahead(self, frame: Frame) -> None:
        columns = {"t": [1, 2, 3], "y": [1, 2, None], "f": ["a", "b", "new"]}
        series = series_from_table(
            frame(columns), time="t", target="y", future=["f"], levels={"f": ["a", "b"]}
        )
        assert series.lengths.tolist() == [2]
        assert series.future is not None
        assert series.future.values[:, 0].tolist() == [1, 2, 0]

    def test_a_missing_category_is_not_known_ahead(self, frame: Frame) -> None:
        columns = {"t": [1, 2, 3, 4], "y": [1, 2, None, None], "f": ["a", "b", None, None]}
        series = series_from_table(frame(columns), time="t", target="y", future=["f"])
        assert series.lengths.tolist() == [4]
        columns["f"][2] = "b"
        columns["g"] = [1, 2, None, 3]
        for future in (["f"], ["g"], ["f", "g"]):
            series = series_from_table(frame(columns), time="t", target="y", future=future)
            assert series.lengths.tolist() == [2]

    def test_a_static_column_that_varies(self, frame: Frame) -> None:
        columns = {"id": ["a", "a", "b", "b"], "t": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0],
                   "s": ["u", "u", "u", "v"], "n": [1.0, None, None, None]}  # fmt: skip
        given = {"time": "t", "target": "y", "group": "id"}
        with pytest.raises(ValueError, match=r"^static column 's' changes inside 1 series, first "
                           r"in series 'b' from 'u' to 'v' at 2; name it in past"):  # fmt: skip
            series_from_table(frame(columns), **given, static=["s"])
        with pytest.raises(ValueError, match=r"^static column 'n' changes .* 'a' from 1.0 to nan"):
            series_from_table(frame(columns), **given, static=["n"])

    def test_a_static_number_may_be_missing(self, frame: Frame) -> None:
        columns = {"id": ["a", "a", "b", "b"], "t": [1, 2, 1, 2], "y": [1.0, 2.0, 3.0, 4.0],
                   "n": [1.0, 1.0, None, None]}  # fmt: skip
        static = series_from_table(
            frame(columns), time="t", target="y", group="id", static=["n"]
        ).static
        assert static is not None
        np.testing.assert_array_equal(static.values, [[1], [np.nan]])

    def test_what_is_no_covariate(self, frame: Frame) -> None:
        columns = {"t": [1, 2], "y": [1.0, 2.0], "when": days(2), "big": [1.0, np.inf]}
        with pytest.raises(TypeError, match=r"^column 'when' of table holds Datetime.*; a covari"):
            series_from_table(frame(columns), time="t", target="y", past=["when"])
        with pytest.raises(ValueError, match=r"^covariate 'big' holds infinity at row 1"):
            series_from_table(frame(columns), time="t", target="y", past=["big"])
        mixed = pd.DataFrame({"t": [1, 2], "y": [1.0, 2.0], "m": ["a", 2]})
        with pytest.raises(TypeError, match=r"^covariate 'm' mixes str and int; make its cells"):
            series_from_table(mixed, time="t", target="y", past=["m"])

    def test_columns_without_a_cell(self) -> None:
        columns = {"t": [1, 2], "y": [1.0, 2.0], "p": [None, None]}
        for table in (
            pl.DataFrame(columns).with_columns(pl.col("p").cast(pl.String)),
            pd.DataFrame(columns).astype({"p": "str"}),
        ):
            past = series_from_table(table, time="t", target="y", past=["p"]).past
            assert past is not None
            assert past.levels == ((),)
            assert past.values.tolist() == [[0], [0]]


COLUMNS: dict[str, Any] = {
    "id": ["a"] * 4 + ["b"] * 3,
    "t": [*hours(3), dt.datetime(2024, 1, 1, 6), *hours(3, "2024-01-02T05:00")],
    "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
    "f": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
    "c": ["u", "v", "u", "v", "u", "v", "u"],
}
GIVEN: dict[str, Any] = {"time": "t", "target": "y", "group": "id"}


class TestGaps:
    def test_are_an_error(self, frame: Frame) -> None:
        with pytest.raises(
            ValueError,
            match=r"^series 'a' lacks 3 of 7 hours, first 2024-01-01T03:00; give gaps='fill' to "
            r"take them as missing, or frequency='rows' to take each row as a step\.$",
        ):
            series_from_table(frame(COLUMNS), **GIVEN)
        twice = {**COLUMNS, "t": [*COLUMNS["t"][:5], *hours(2, "2024-01-02T08:00")]}
        with pytest.raises(ValueError, match=r"^series 'a' lacks 3 of 7 hours, first 2024-01-01T03:"
                           r"00, and 1 more series lack some; give"):  # fmt: skip
            series_from_table(frame(twice), **GIVEN)
        with pytest.raises(ValueError, match=r"^the table lacks 1 of 4 steps, first 3; give"):
            series_from_table(frame({"t": [1, 2, 4], "y": [1, 2, 3]}), time="t", target="y")

    def test_are_filled(self, frame: Frame) -> None:
        series = series_from_table(frame(COLUMNS), **GIVEN, gaps="fill", past=["c"], future=["f"])
        nan = np.nan
        assert series.lengths.tolist() == [7, 3]
        assert series.past is not None
        assert series.future is not None
        np.testing.assert_array_equal(series[0][:, 0], [1, 2, 3, nan, nan, nan, 4])
        np.testing.assert_array_equal(series[1][:, 0], [5, 6, 7])
        np.testing.assert_array_equal(series.past.values[:, 0], [1, 2, 1, 0, 0, 0, 2, 1, 2, 1])
        np.testing.assert_array_equal(
            series.future.values[:, 0], [1, 2, 3, nan, nan, nan, 4, 5, 6, 7]
        )
        assert series.times(0, 6, 7)[0] == np.datetime64("2024-01-01T06")

    def test_before_the_known_future_are_filled(self, frame: Frame) -> None:
        columns = {"t": [1, 2, 4, 5, 7], "y": [1, 2, 3, None, None], "f": [1, 2, 3, 4, 5]}
        series = series_from_table(frame(columns), time="t", target="y", future=["f"], gaps="fill")
        assert series.lengths.tolist() == [4]
        assert series.future_lengths is not None
        assert series.future_lengths.tolist() == [7]

    def test_are_of_no_matter_by_rows(self, frame: Frame) -> None:
        series = series_from_table(frame(COLUMNS), **GIVEN, frequency="rows")
        assert series.first is series.frequency is None
        assert series.lengths.tolist() == [4, 3]
        odd = frame({"t": [0.5, 0.1, 7.25], "y": [2, 1, 3]})
        series = series_from_table(odd, time="t", target="y", frequency="rows")
        assert series[0][:, 0].tolist() == [1, 2, 3]

    def test_too_many_to_fill(self, frame: Frame) -> None:
        table = frame({"t": [1, 2, 10**9], "y": [1, 2, 3]})
        with pytest.raises(ValueError, match=r"^gaps='fill' would make 1000000000 steps of 3 rows, "
                           r"1000000000 of them in the table; correct its times"):  # fmt: skip
            series_from_table(table, time="t", target="y", gaps="fill")

    def test_weekends_and_holidays(self, frame: Frame) -> None:
        weekdays = [day for day in days(12) if day.weekday() < 5]
        table = frame({"t": weekdays, "y": list(range(len(weekdays)))})
        series = series_from_table(table, time="t", target="y")
        assert series.frequency is not None
        assert series.frequency.name == "B"
        holiday = frame({"t": weekdays[:2] + weekdays[3:], "y": list(range(len(weekdays) - 1))})
        with pytest.raises(ValueError, match=r"^the table lacks 1 of 10 business days, first "
                           r"2024-01-03; give"):  # fmt: skip
            series_from_table(holiday, time="t", target="y")


class TestTimes:
    @staticmethod
    def of(*parts: tuple[str, list[Any]]) -> pl.DataFrame:
        ids = [name for name, times in parts for _ in times]
        return pl.DataFrame(
            {"id": ids, "t": [t for _, times in parts for t in times], "y": [1.0] * len(ids)}
        )

    def test_twice(self, frame: Frame) -> None:
        columns = {"id": ["a", "b", "a", "a", "b"], "t": [2, 1, 2, 2, 2], "y": [1.0] * 5}
        with pytest.raises(ValueError, match=r"^a time comes twice in 2 rows of table, first 2 in "
                           r"series 'a'; keep one row a time, or"):  # fmt: skip
            series_from_table(frame(columns), time="t", target="y", group="id")
        for frequency in (None, "rows", "1"):
            with pytest.raises(ValueError, match=r"^a time comes twice in 3 rows of table, first"):
                series_from_table(frame(columns), time="t", target="y", frequency=frequency)

    def test_different_frequencies(self) -> None:
        months = [dt.datetime(2024, m, 1) for m in range(1, 6)]
        for parts, words in (
            ((("a", hours(30)), ("b", days(5))), "series 'a' has hours and series 'b' days"),
            ((("a", days(5)), ("b", hours(30))), "series 'b' has hours and series 'a' days"),
            ((("a", days(60)), ("b", months)), "series 'a' has days and series 'b' months"),
            ((("a", hours(9)[::2]), ("b", hours(9)[::3])), "series '.' has steps of .h and series"),
            ((("a", days(9)), ("c", [*days(3), *days(2, "2024-01-06")]), ("b", days(9)[::2])),
             "series 'a' has days and series 'b' steps of 2D"),
            ((("a", days(15)), ("b", [d for d in days(15) if d.weekday() < 5])),
             "series 'a' has days and series 'b' business days"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=f"^series have different frequencies: {words}"):
                series_from_table(self.of(*parts), time="t", target="y", group="id")
        table = self.of(("a", hours(30)), ("b", days(5)))
        with pytest.raises(ValueError, match=r"^series have different frequencies: "):
            series_from_table(table, time="t", target="y", group="id", gaps="fill")
        series = series_from_table(
            table, time="t", target="y", group="id", gaps="fill", frequency="h"
        )
        assert series.lengths.tolist() == [30, 97]

    def test_between_the_steps(self) -> None:
        odd = hours(6)
        odd[3] += dt.timedelta(minutes=7)
        with pytest.raises(ValueError, match=r"^series 'a' has 2024-01-01T03:07, which lies betwe"
                           r"en its hours from 2024-01-01; correct it, or"):  # fmt: skip
            series_from_table(self.of(("a", odd)), time="t", target="y", group="id")
        with pytest.raises(
            ValueError, match=r"between its days from 2024-01-01 \(5 times in all\)"
        ):
            series_from_table(self.of(("a", hours(6))), time="t", target="y", frequency="D")

    def test_a_named_frequency(self) -> None:
        table = self.of(("a", hours(1)), ("b", hours(1)))
        with pytest.raises(ValueError, match=r"^one time alone tells no frequency; name it"):
            series_from_table(table, time="t", target="y", group="id")
        for frequency in ("h", Frequency.parse("h")):
            series = series_from_table(table, time="t", target="y", group="id", frequency=frequency)
            assert series.times(1, 1, 2)[0] == np.datetime64("2024-01-01T01")
        with pytest.raises(
            ValueError, match=r"^times are datetime64\[us\], which have no steps of"
        ):
            series_from_table(table, time="t", target="y", group="id", frequency="2")
        with pytest.raises(ValueError, match=r"^frequency must be 's', .* got 'often'"):
            series_from_table(table, time="t", target="y", group="id", frequency="often")

    @pytest.mark.parametrize("cells", [
        [None, dt.datetime(2024, 1, 1)], ["2024-01-01", None][::-1], [None, 1], [float("nan"), 1.0],
    ])  # fmt: skip
    def test_missing(self, frame: Frame, cells: list[Any]) -> None:
        table = frame({"t": cells, "y": [1.0, 2.0]})
        for frequency in (None, "rows"):
            with pytest.raises(ValueError, match=r"^column 't' of table is missing in row 0"):
                series_from_table(table, time="t", target="y", frequency=frequency)

    def test_no_times(self, frame: Frame) -> None:
        for cells, fault in ((["2024-01-01", "soon"], r"^column 't' of table holds 'soon' in"),
                             ([True, False], r"^column 't' of table has dtype bool")):  # fmt: skip
            with pytest.raises(TypeError, match=fault):
                series_from_table(frame({"t": cells, "y": [1.0, 2.0]}), time="t", target="y")
        with pytest.raises(
            ValueError, match=r"^column 't' of table holds 1.5 in row 0, which is no"
        ):
            series_from_table(frame({"t": [1.5, 2.5], "y": [1.0, 2.0]}), time="t", target="y")

    def test_are_shown_short(self) -> None:
        for text in (
            "2024-01-01",
            "2024-01-01T05:00",
            "2024-01-01T05:00:01",
            "2024-01-01T05:00:00.5",
        ):
            shown = regular_times.shown(np.datetime64(text, "us"))
            assert shown.rstrip("0" if "." in text else "") == text


class TestColumns:
    @pytest.mark.parametrize(
        ("given", "fault"),
        [
            ({"time": "when"}, r"^table has no time column 'when'; it has 't', 'y', 'x', 'id'"),
            ({"target": "sales"}, r"^table has no target column 'sales'; it has 't', 'y', 'x'"),
            ({"group": "shop"}, r"^table has no group column 'shop'"),
            ({"past": ["p"]}, r"^table has no past column 'p'"),
            ({"future": ["p"]}, r"^table has no future column 'p'"),
            ({"static": ["p"]}, r"^table has no static column 'p'"),
            ({"target": ["y", "y"]}, r"^column 'y' is named twice as target; name it once"),
            ({"past": ["x"], "future": ["x"]}, r"^column 'x' cannot be both past and future"),
            ({"past": ["y"]}, r"^column 'y' cannot be both target and past; choose one"),
            ({"group": "t"}, r"^column 't' cannot be both time and group; choose one"),
            ({"gaps": "drop"}, r"^gaps must be 'error' or 'fill', got 'drop'"),
        ],
    )
    def test_that_are_not_there_or_twice(
        self, frame: Frame, given: dict[str, Any], fault: str
    ) -> None:
        table = frame({"t": [1, 2], "y": [1.0, 2.0], "x": [1.0, 2.0], "id": [1, 1]})
        with pytest.raises(ValueError, match=fault):
            series_from_table(table, **{"time": "t", "target": "y", **given})

    def test_an_index_is_no_column(self) -> None:
        table = pd.DataFrame({"y": [1.0, 2.0]}, index=pd.Index(days(2), name="t"))
        with pytest.raises(
            ValueError, match=r"no time column 't'.* becomes a column by reset_index"
        ):
            series_from_table(table, time="t", target="y")
        series_from_table(table.reset_index(), time="t", target="y")

    def test_text_where_a_list_is_needed(self, frame: Frame) -> None:
        table = frame({"t": [1, 2], "y": [1.0, 2.0], "x": [1.0, 2.0]})
        with pytest.raises(
            TypeError, match=r"^past must be a list of column names, got the text 'x"
        ):
            series_from_table(table, time="t", target="y", past="x")

    def test_targets(self, frame: Frame) -> None:
        given = {"time": "t", "target": "y", "group": "id"}
        columns = {"id": ["a", "a", "b", "c"], "t": [1, 2, 1, 1]}
        with pytest.raises(
            TypeError, match=r"^column 'y' of table holds text \('p' in row 0\), not"
        ):
            series_from_table(frame({**columns, "y": ["p", "q", "r", "s"]}), **given)
        with pytest.raises(ValueError, match=r"^target 'y' holds infinity at row 2; correct it"):
            series_from_table(frame({**columns, "y": [1.0, 2.0, np.inf, 1.0]}), **given)
        with pytest.raises(
            ValueError, match=r"^target 'y' has no value in series 'b' and 1 more: al"
        ):
            series_from_table(frame({**columns, "y": [1.0, 2.0, None, None]}), **given)

    def test_missing_groups(self, frame: Frame) -> None:
        for ids in (["a", None], [1.0, None], [1.0, float("nan")]):
            table = frame({"id": ids, "t": [1, 2], "y": [1.0, 2.0]})
            with pytest.raises(
                ValueError, match=r"^column 'id' of table is missing in row 1; fill"
            ):
                series_from_table(table, time="t", target="y", group="id")

    def test_no_rows(self, frame: Frame) -> None:
        table = frame({"t": np.array([], dtype=int), "y": np.array([], dtype=float)})
        with pytest.raises(ValueError, match=r"^table: found array with 0 row\(s\)"):
            series_from_table(table, time="t", target="y")


def test_known_data_sets(data_folder: Callable[[str], Any]) -> None:
    """Hours of one table, and months written as text."""
    ett = pl.read_csv(data_folder("ett") / "ETTh1.csv")
    series = series_from_table(ett, time="date", target=ett.columns[1:])
    assert series.values.shape == (17420, 7)
    assert series.frequency is not None
    assert series.frequency.name == "h"
    np.testing.assert_array_equal(series.values, ett.drop("date").to_numpy())


def test_many_series_need_no_loop_over_rows() -> None:
    """A call for each row would make more than a quarter as many calls as there are rows."""
    S, T = 2000, 20
    table = pl.DataFrame(
        {
            "id": np.repeat([f"s{i}" for i in range(S)], T),
            "t": np.tile([time.isoformat() for time in hours(T)], S),
            "y": np.random.default_rng(0).normal(size=S * T),
            "c": np.tile(["u", "v"], S * T // 2),
        }
    ).sample(fraction=1, shuffle=True, seed=0)
    series_from_table(table.head(1), **GIVEN, past=["c"], frequency="h")
    profile = cProfile.Profile()
    profile.enable()
    series = series_from_table(table, **GIVEN, past=["c"])
    profile.disable()
    assert len(series) == S
    assert sum(entry.callcount for entry in profile.getstats()) < S * T / 4
