"""Forecasts as tables of three libraries, with the types of the data that came in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data.series_arrays import series_from_arrays
from unrolled.data.series_output import forecast_frame
from unrolled.data.series_tables import series_from_table

KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
Frame = Callable[[dict[str, Any]], Any]


@pytest.fixture(params=KINDS)
def frame(request: pytest.FixtureRequest) -> Frame:
    """Makes a DataFrame of one library from columns."""
    make: Frame = KINDS[request.param]
    return make


def hours(first: str, n: int) -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(first) + dt.timedelta(hours=i) for i in range(n)]


def cells(table: Any) -> dict[str, list[Any]]:
    return {name: column.to_list() for name, column in nw.from_native(table).to_dict().items()}


def test_long_form(frame: Frame) -> None:
    table = frame(
        {
            "id": ["b", "b", "a", "b"],
            "t": [*hours("2024-01-01", 2), dt.datetime(2024, 5, 1), dt.datetime(2024, 1, 1, 2)],
            "y": [1.0, 2.0, 3.0, 4.0],
        }
    )
    series = series_from_table(table, time="t", target="y", group="id")
    mean, low = np.array([[1.0, 2], [3, 4]]), np.array([[0.5, 1.5], [2.5, 3.5]])
    made = forecast_frame(table, series, {"y": mean, "low": low}, time="t", group="id", horizon=2)
    assert type(made) is type(table)
    assert cells(made) == {
        "id": ["b", "b", "a", "a"],
        "t": [*hours("2024-01-01T03:00", 2), *hours("2024-05-01T01:00", 2)],
        "y": [1, 2, 3, 4],
        "low": [0.5, 1.5, 2.5, 3.5],
    }
    schemas = [nw.from_native(part).schema for part in (made, table)]
    assert [schemas[0][name] for name in ("id", "t")] == [schemas[1][name] for name in ("id", "t")]


def test_without_group_or_times(frame: Frame) -> None:
    table = frame({"t": [1, 2, 3], "a": [1.0, 2.0, 4.0], "b": [1.0, 2.0, 4.0]})
    one = series_from_table(table, time="t", target="a")
    forecast = {"a": np.array([[5.0, 6.0]])}
    made = forecast_frame(table, one, forecast, time="t", group=None, horizon=2)
    assert cells(made) == {"t": [4, 5], "a": [5, 6]}
    made = forecast_frame(table, one, forecast, time=None, group=None, horizon=2)
    assert cells(made) == {"step": [1, 2], "a": [5, 6]}
    rows = series_from_table(table, time="t", target="a", frequency="rows")
    made = forecast_frame(table, rows, forecast, time="t", group=None, horizon=2)
    assert cells(made) == {"step": [1, 2], "a": [5, 6]}
    wide = series_from_table(table, time="t")
    both = {"forecast": np.array([[5.0, 6.0], [7.0, 8.0]])}
    made = forecast_frame(table, wide, both, time="t", group=None, horizon=2)
    assert cells(made) == {
        "series": ["a", "a", "b", "b"], "t": [4, 5, 4, 5], "forecast": [5, 6, 7, 8],
    }  # fmt: skip
    other = forecast_frame(
        frame({"z": [1]}), series_from_arrays([[1.0], [2.0]], times=[[1], [2]], frequency="1"),
        both, time="t", group="id", horizon=2,
    )  # fmt: skip
    assert cells(other)["id"] == [0, 0, 1, 1]
    assert cells(other)["t"] == [2, 3, 3, 4]


@pytest.mark.parametrize(
    ("given", "ahead"),
    [
        (["2024-01-01", "2024-01-02"], ["2024-01-03", "2024-01-04"]),
        (["2023-11", "2023-12"], ["2024-01", "2024-02"]),
        (["2024-01-01T22:00", "2024-01-01T23:00"], ["2024-01-02T00:00", "2024-01-02T01:00"]),
        (["2024-01-01 22:00:00", "2024-01-01 23:00:00"],
         ["2024-01-02 00:00:00", "2024-01-02 01:00:00"]),
        (["2024-01-01T22:00:00Z", "2024-01-01T23:00:00Z"],
         ["2024-01-02T00:00:00Z", "2024-01-02T01:00:00Z"]),
        (["2024-01-01T22:00:00+01:00", "2024-01-01T23:00:00+01:00"],
         ["2024-01-01T23:00:00+00:00", "2024-01-02T00:00:00+00:00"]),
        (["2024-01-01T00:00:00", "2024-01-01T00:00:00.500000"],
         ["2024-01-01T00:00:01.000000", "2024-01-01T00:00:01.500000"]),
        (["2024-01-01", "2024-01-01T12:00"], ["2024-01-02T00:00:00", "2024-01-02T12:00:00"]),
        ([dt.date(2024, 2, 28), dt.date(2024, 2, 29)], [dt.date(2024, 3, 1), dt.date(2024, 3, 2)]),
        ([7, 14], [21, 28]),
        ([7.0, 14.0], [21.0, 28.0]),
    ],
)  # fmt: skip
def test_times_look_as_those_given(frame: Frame, given: list[Any], ahead: list[Any]) -> None:
    table = frame({"t": given, "y": [1.0, 2.0]})
    series = series_from_table(table, time="t", target="y")
    made = forecast_frame(table, series, {"y": np.ones((1, 2))}, time="t", group=None, horizon=2)
    assert cells(made)["t"] == ahead
    assert nw.from_native(made).schema["t"] == nw.from_native(table).schema["t"]


def test_moments_of_python_in_pandas() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    for given, ahead in (
        (hours("2024-01-01", 2), hours("2024-01-01T02:00", 1)),
        ([moment.replace(tzinfo=zone) for moment in hours("2024-01-01", 2)],
         [dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)]),
    ):  # fmt: skip
        table = pd.DataFrame({"t": pd.Series(given, dtype=object), "y": [1.0, 2.0]})
        series = series_from_table(table, time="t", target="y")
        made = forecast_frame(
            table, series, {"y": np.ones((1, 1))}, time="t", group=None, horizon=1
        )
        assert made["t"].tolist() == ahead


def test_a_date_column_gets_hours_where_they_are_needed() -> None:
    table = pl.DataFrame({"t": [dt.date(2024, 1, 1)], "y": [1.0]})
    series = series_from_table(table, time="t", target="y", frequency="12h")
    made = forecast_frame(table, series, {"y": np.ones((1, 2))}, time="t", group=None, horizon=2)
    assert made["t"].to_list() == [dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 2)]


@pytest.mark.parametrize("pandas", [False, True])
def test_time_zones_over_a_change_of_the_clock(pandas: bool) -> None:
    for step in ("1h", "1d"):
        times = pl.datetime_range(
            dt.datetime(2024, 3, 28), dt.datetime(2024, 4, 3), step, time_zone="Europe/Paris",
            eager=True, time_unit="ms",
        )  # fmt: skip
        whole = pl.DataFrame({"t": times}).with_columns(y=1.0)
        table = whole.head(len(whole) // 2 - 1)
        H = len(whole) - len(table)
        given = table.to_pandas() if pandas else table
        series = series_from_table(given, time="t", target="y")
        made = forecast_frame(
            given, series, {"y": np.ones((1, H))}, time="t", group=None, horizon=H
        )
        expected = whole["t"].tail(H).to_list()
        assert [moment.isoformat() for moment in made["t"]] == [m.isoformat() for m in expected]
        assert made["t"].dtype == given["t"].dtype


@pytest.mark.parametrize("pandas", [False, True])
def test_days_that_begin_where_the_clock_skips(pandas: bool) -> None:
    """Midnight of 8 September 2024 does not exist in Chile; that of 7 April comes twice there."""
    for first, ahead in (
        (dt.datetime(2024, 9, 5), ["08T01:00:00-03:00", "09T00:00:00-03:00"]),
        (dt.datetime(2024, 4, 4), ["07T00:00:00-04:00", "08T00:00:00-04:00"]),
    ):
        days = pl.Series([first + dt.timedelta(days=i) for i in range(3)])
        table = pl.DataFrame({"t": days.dt.replace_time_zone("America/Santiago"), "y": [1.0] * 3})
        given = table.to_pandas() if pandas else table
        series = series_from_table(given, time="t", target="y")
        made = forecast_frame(
            given, series, {"y": np.ones((1, 2))}, time="t", group=None, horizon=2
        )
        assert [moment.isoformat()[8:] for moment in made["t"]] == ahead
        assert made["t"].dtype == given["t"].dtype


def test_days_of_a_clock_with_a_fixed_offset() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    days = [dt.datetime(2024, 1, day, tzinfo=zone) for day in (1, 2)]
    table = pd.DataFrame({"t": pd.Series(days), "y": [1.0, 2.0]})
    series = series_from_table(table, time="t", target="y")
    made = forecast_frame(table, series, {"y": np.ones((1, 1))}, time="t", group=None, horizon=1)
    assert made["t"].tolist() == [dt.datetime(2024, 1, 3, tzinfo=zone)]


def test_ids_have_the_type_of_the_group() -> None:
    columns = {"id": ["b", "a"], "t": [1, 1], "y": [1.0, 2.0]}
    for table in (
        pl.DataFrame(columns).with_columns(pl.col("id").cast(pl.Enum(["a", "b", "c"]))),
        pl.DataFrame(columns).with_columns(pl.col("id").cast(pl.Categorical)),
        pl.DataFrame({**columns, "id": [2, 1]}).with_columns(pl.col("id").cast(pl.Int16)),
        pd.DataFrame(columns).astype({"id": "category"}),
        pd.DataFrame(columns).astype({"id": object}),
    ):
        series = series_from_table(table, time="t", target="y", group="id", frequency="1")
        made = forecast_frame(
            table, series, {"y": np.ones((2, 1))}, time="t", group="id", horizon=1
        )
        schemas = [nw.from_native(part).schema for part in (made, table)]
        assert schemas[0]["id"] == schemas[1]["id"]
        assert made["id"].to_list() == list(series.ids)


def test_what_makes_no_table() -> None:
    table = pl.DataFrame({"t": [1, 2], "y": [1.0, 2.0]})
    series = series_from_table(table, time="t", target="y")
    with pytest.raises(
        ValueError, match=r"^column 'y' must be \[S, H\] = \[1, 2\], got shape \[2\]"
    ):
        forecast_frame(table, series, {"y": np.ones(2)}, time="t", group=None, horizon=2)
    with pytest.raises(ValueError, match=r"^a forecast cannot be named 't' beside the column 't'"):
        forecast_frame(table, series, {"t": np.ones((1, 1))}, time="t", group=None, horizon=1)
    with pytest.raises(TypeError, match=r"^like must be a DataFrame, got ndarray"):
        forecast_frame(np.ones(2), series, {}, time="t", group=None, horizon=1)
