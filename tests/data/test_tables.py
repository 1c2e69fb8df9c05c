"""DataFrames of three libraries: wide and long tables, and every refusal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data import as_sequences, as_table, long
from unrolled.data.tables import column_names, is_dataframe, wide

KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


@pytest.fixture(params=KINDS)
def frame(request: pytest.FixtureRequest) -> Callable[[dict[str, Any]], Any]:
    """Makes a DataFrame of one library from columns."""
    make: Callable[[dict[str, Any]], Any] = KINDS[request.param]
    return make


Frame = Callable[[dict[str, Any]], Any]


class TestWide:
    def test_rows_are_sequences(self, frame: Frame) -> None:
        table = frame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})
        assert is_dataframe(table)
        expected = [[1, 1, 0.5], [2, 0, 1.5]]
        for made in (wide(table), as_table(table)):
            np.testing.assert_array_equal(made, expected)
            assert made.dtype == np.float64
        sequences = as_sequences(table)
        np.testing.assert_array_equal(sequences[1][:, 0], expected[1])

    def test_one_floating_dtype_is_kept(self, frame: Frame) -> None:
        column = np.array([1, 2, 3], dtype=np.float32)
        assert wide(frame({"a": column, "b": column})).dtype == np.float32
        assert wide(frame({"a": column, "b": np.arange(3)})).dtype == np.float64

    def test_text_is_refused_by_column(self, frame: Frame) -> None:
        with pytest.raises(
            TypeError, match=r"^column 'b' of X holds text \('x' in row 0\), not numbers; drop the"
        ):
            wide(frame({"a": [1, 2], "b": ["x", "y"]}))
        with pytest.raises(TypeError, match=r"^column 'b' of X holds text \('n/a' in row 2\)"):
            wide(frame({"a": [1, 2, 3], "b": ["1", "2.5", "n/a"]}))

    def test_dates_are_refused_by_column(self, frame: Frame) -> None:
        dates = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]
        with pytest.raises(TypeError, match=r"^column 'when' of rows holds Datetime.*not numbers"):
            wide(frame({"when": dates}), name="rows")

    def test_missing_values_are_refused_by_row_and_column(self, frame: Frame) -> None:
        for cells in ([1.0, 2.0, None], [1.0, 2.0, np.nan], [1, 2, None]):
            with pytest.raises(ValueError, match=r"^X holds NaN in row 2 of column 'b'; fill or"):
                wide(frame({"a": [1, 2, 3], "b": cells}))
        with pytest.raises(ValueError, match=r"^X holds infinity in row 1 of column 'a'"):
            wide(frame({"a": [1.0, np.inf], "b": [2.0, np.nan]}))

    def test_empty(self, frame: Frame) -> None:
        with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 1\)\)"):
            as_table(frame({"a": np.array([], dtype=float)}))

    def test_column_names(self, frame: Frame) -> None:
        assert column_names(frame({"a": [1], "b": [2]})) == ["a", "b"]


def test_things_of_one_library() -> None:
    nullable = pd.DataFrame({"a": pd.array([1, None], dtype="Int64")})
    with pytest.raises(ValueError, match=r"^X holds NaN in row 1 of column 'a'"):
        wide(nullable)
    np.testing.assert_array_equal(wide(nullable[:1]), [[1]])
    for cells in (
        pd.DataFrame({"a": pd.array([True, None], dtype="boolean")}),
        pd.DataFrame({"a": pd.array([0.5, None], dtype="Float32")}),
        pl.DataFrame({"a": [True, None]}),
        pl.DataFrame({"a": [Decimal("0.5"), None]}),
        pa.table({"a": [True, None]}),
        pa.table({"a": [Decimal("0.5"), None]}),
    ):
        with pytest.raises(ValueError, match=r"^X holds NaN in row 1 of column 'a'"):
            wide(cells)
    np.testing.assert_array_equal(
        wide(pd.DataFrame({"a": np.array([1, 2.5], object)})), [[1], [2.5]]
    )
    with pytest.raises(TypeError, match=r"^column 'a' of X\[1\]: argument must be .* got dict"):
        wide(pd.DataFrame({"a": np.array([1, {}], object)}))
    np.testing.assert_array_equal(wide(pl.DataFrame({"a": [Decimal("1.5")]})), [[1.5]])
    for table in (
        pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
        pl.DataFrame({"a": ["x", "y"]}, schema={"a": pl.Categorical}),
    ):
        with pytest.raises(TypeError, match=r"^column 'a' of X holds text \('x' in row 0\)"):
            wide(table)
    hours = [pd.Timestamp(2024, 1, 1, hour) for hour in (3, 2, 1, 9, 1)]
    objects = pd.DataFrame(ROWS | {"when": np.array(hours, dtype=object)})
    table = long(objects, "who", "when", ["x"])
    np.testing.assert_array_equal(table.sequences.values[:, 0], [1, 3, 10, 20, 30])
    with pytest.raises(TypeError, match=r"^column 'when' of table holds Boolean, not times or num"):
        long(pl.DataFrame(ROWS | {"when": [True] * 5}), "who", "when", ["x"])
    with pytest.raises(TypeError, match=r"^X is a lazy table; collect it first\.$"):
        as_sequences(pl.DataFrame({"a": [1]}).lazy())
    assert column_names(pd.DataFrame(np.ones((2, 2)))) is None
    assert wide(pd.DataFrame(np.ones((2, 2)))).shape == (2, 2)
    with pytest.raises(ValueError, match=r"^X has columns of the same name; rename one of them"):
        wide(pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]))
    with pytest.raises(ValueError, match=r"0 feature\(s\) \(shape=\(2, 0\)\)"):
        as_table(pd.DataFrame(index=[0, 1]))


@pytest.mark.parametrize("X", [np.ones((2, 2)), [[1.0]], pd.Series([1.0]), None, "a", {"a": [1]}])
def test_what_is_no_dataframe(X: object) -> None:
    assert not is_dataframe(X)
    assert column_names(X) is None


ROWS = {
    "who": ["b", "a", "b", "a", "a"],
    "when": [3, 2, 1, 9, 1],
    "x": [3.0, 20.0, 1.0, 30.0, 10.0],
    "y": [0, 1, 0, 1, 1],
    "goal": ["up", "down", "up", "down", "down"],
}


class TestLong:
    def test_sequences_by_id_in_order_of_time(self, frame: Frame) -> None:
        table = long(frame(ROWS), "who", "when", ["x", "y"], "goal")
        assert list(table.ids) == ["b", "a"]
        assert list(table.target) == ["up", "down"]
        np.testing.assert_array_equal(table.sequences.lengths, [2, 3])
        np.testing.assert_array_equal(table.sequences[0], [[1, 0], [3, 0]])
        np.testing.assert_array_equal(table.sequences[1], [[10, 1], [20, 1], [30, 1]])

    def test_without_a_target(self, frame: Frame) -> None:
        table = long(frame(ROWS), "who", "when", ["x"])
        assert table.target is None
        assert table.sequences.channels == 1

    def test_numbers_stay_numbers(self, frame: Frame) -> None:
        rows = ROWS | {"who": [7, 5, 7, 5, 5], "goal": [0.5, 2, 0.5, 2, 2]}
        table = long(frame(rows), "who", "when", ["x"], "goal")
        np.testing.assert_array_equal(table.ids, [7, 5])
        np.testing.assert_array_equal(table.target, [0.5, 2])

    @pytest.mark.parametrize(
        "times",
        [
            ["2024-01-03", "2024-01-02", "2023-12-31", "2024-01-09", "2024-01-01"],
            ["2024-03", "2024-02", "2024-01", "2024-09", "2024-01"],
            ["2024-01-01 10:00", "2024-01-01 09:00", "2023-01-01", "2025-01-01", "2020-01-01"],
            # 12:00 at +05:00 is 07:00 in UTC, before 08:00Z.
            [f"2024-01-01T{t}" for t in ("08:00Z", "08:00Z", "12:00+05:00", "09:00Z", "07:59Z")],
            [dt.datetime(2024, 1, day) for day in (3, 2, 1, 9, 1)],
            [dt.date(2024, 1, day) for day in (3, 2, 1, 9, 1)],
            [dt.datetime(2024, 1, 1, hour, tzinfo=dt.timezone.utc) for hour in (3, 2, 1, 9, 1)],
            [2**62 + 3, 2**62 + 2, 2**62 + 1, 2**62 + 9, 2**62 + 1],
            [0.3, 0.2, -0.1, 0.9, 0.1],
        ],
    )
    def test_times_of_many_kinds(self, frame: Frame, times: list[Any]) -> None:
        table = long(frame(ROWS | {"when": times}), "who", "when", ["x"])
        np.testing.assert_array_equal(table.sequences.values[:, 0], [1, 3, 10, 20, 30])

    def test_missing_column(self, frame: Frame) -> None:
        with pytest.raises(
            ValueError, match=r"^table has no column 'z'; it has 'who', 'when', 'x', 'y', 'goal'\.$"
        ):
            long(frame(ROWS), "who", "when", ["x", "z"])
        with pytest.raises(ValueError, match=r"^table has no column 'aim'"):
            long(frame(ROWS), "who", "when", ["x"], "aim")

    def test_values_must_be_a_list(self, frame: Frame) -> None:
        for values in ("x", []):
            with pytest.raises(TypeError, match=r"^values must be a list of column names, got"):
                long(frame(ROWS), "who", "when", values)  # type: ignore[arg-type]

    def test_row_that_occurs_twice(self, frame: Frame) -> None:
        with pytest.raises(ValueError, match=r"^table holds who 'a', when 2 twice; keep one"):
            long(frame(ROWS | {"when": [3, 2, 1, 2, 1]}), "who", "when", ["x"])

    def test_missing_value(self, frame: Frame) -> None:
        for bad in (None, np.nan):
            with pytest.raises(
                ValueError, match=r"^column 'x' of table holds NaN at who 'a', when 9; fill or drop"
            ):
                long(frame(ROWS | {"x": [3.0, 2.0, 1.0, bad, 1.0]}), "who", "when", ["y", "x"])
        days = [dt.date(2024, 1, day) for day in (3, 2, 1, 9, 1)]
        with pytest.raises(ValueError, match=r"holds NaN at who 'a', when 2024-01-09"):
            long(
                frame(ROWS | {"x": [3.0, 2.0, 1.0, None, 1.0], "when": days}), "who", "when", ["x"]
            )
        with pytest.raises(ValueError, match=r"holds infinity at who 'b', when 3"):
            long(frame(ROWS | {"x": [np.inf, 2.0, 1.0, 3.0, 1.0]}), "who", "when", ["x"])

    def test_missing_id_or_time(self, frame: Frame) -> None:
        with pytest.raises(ValueError, match=r"^column 'who' of table is missing in row 1; fill"):
            long(frame(ROWS | {"who": ["b", None, "b", "a", "a"]}), "who", "when", ["x"])
        missing_times: list[list[Any]] = [
            [3.0, None, 1.0, 9.0, 1.0],
            [3, None, 1, 9, 1],
            ["2024-01-03", None, "2024-01-01", "2024-01-09", "2024-01-01"],
            [dt.datetime(2024, 1, 3), None, *[dt.datetime(2024, 1, 1)] * 3],
        ]
        for times in missing_times:
            with pytest.raises(
                ValueError, match=r"^column 'when' of table is missing for id 'a' in row 1; fill"
            ):
                long(frame(ROWS | {"when": times}), "who", "when", ["x"])

    def test_columns_without_numbers(self, frame: Frame) -> None:
        with pytest.raises(
            TypeError, match=r"^column 'goal' of table holds text \('up' in row 0\)"
        ):
            long(frame(ROWS), "who", "when", ["goal"])

    @pytest.mark.parametrize("bad", ["Jan 1 2000", "1/2/2024", "10", "soon"])
    def test_text_that_does_not_sort_as_time(self, frame: Frame, bad: str) -> None:
        times = ["2024-01-03", "2024-01-02", bad, "2024-01-09", "2024-01-01"]
        with pytest.raises(
            TypeError, match=rf"holds '{bad}' for id 'b', which is no time that sorts"
        ):
            long(frame(ROWS | {"when": times}), "who", "when", ["x"])

    def test_times_with_and_without_offset(self, frame: Frame) -> None:
        times = ["2024-01-03", "2024-01-02T00:00Z", "2024-01-01", "2024-01-09", "2024-01-01"]
        with pytest.raises(ValueError, match=r"times with and without a UTC offset, '2024-01-02T"):
            long(frame(ROWS | {"when": times}), "who", "when", ["x"])

    def test_target_that_changes(self, frame: Frame) -> None:
        goals = ["up", "down", "up", "down", "left"]
        with pytest.raises(
            ValueError,
            match=r"^target column 'goal' of table changes inside id 'a', from 'down' to",
        ):
            long(frame(ROWS | {"goal": goals}), "who", "when", ["x"], "goal")

    def test_target_that_is_missing(self, frame: Frame) -> None:
        goals = ["up", None, "up", "down", "down"]
        with pytest.raises(
            ValueError, match=r"^target column 'goal' of table is missing for id 'a' in row 1"
        ):
            long(frame(ROWS | {"goal": goals}), "who", "when", ["x"], "goal")

    def test_no_rows(self, frame: Frame) -> None:
        with pytest.raises(ValueError, match=r"^table: found array with 0 row\(s\)"):
            long(frame({"who": [], "when": [], "x": []}), "who", "when", ["x"])

    def test_what_is_no_table(self) -> None:
        with pytest.raises(TypeError, match=r"^table must be a DataFrame, got ndarray\.$"):
            long(np.ones((2, 2)), "who", "when", ["x"])
