"""Libraries and types of DataFrames as plain data."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled.data.table_style import first_row, style

DAY, NOON = dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12)
ZONED = NOON.replace(tzinfo=dt.timezone.utc)
FRAMES = {
    "zones of pandas": pd.DataFrame({"t": pd.Series([NOON]).dt.tz_localize("Asia/Tokyo")}),
    "objects of pandas": pd.DataFrame({"t": pd.Series([ZONED], dtype=object), "g": [DAY]}),
    "nanoseconds": pd.DataFrame({"t": pd.Series([NOON]).astype("datetime64[ns]")}),
    "categories of pandas": pd.DataFrame({"t": ["2024"], "g": pd.Categorical(["a"])}),
    "small numbers": pd.DataFrame({"t": [1.0], "g": [True]}).astype({"t": "float32"}),
    "dates of polars": pl.DataFrame({"t": [DAY], "g": [0.5]}),
    "zones of polars": pl.DataFrame(
        {"t": [NOON], "g": ["a"]},
        schema={"t": pl.Datetime("ms", "Europe/Paris"), "g": pl.Enum(["a", "b"])},
    ),
    "categories of polars": pl.DataFrame({"g": ["a"]}, schema={"g": pl.Categorical}),
    "pyarrow": pa.table({"t": [NOON], "g": ["x"]}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_there_and_back(name: str) -> None:
    frame = FRAMES[name]
    columns = nw.from_native(frame).columns
    again = first_row(json.loads(json.dumps(style(frame, columns))))
    assert type(again) is type(frame)
    assert nw.from_native(again).schema == nw.from_native(frame).schema
    for column in columns:
        if nw.from_native(frame).schema[column] in (nw.String, nw.Object):
            cells = [nw.from_native(one).get_column(column)[0] for one in (frame, again)]
            assert cells[0] == cells[1]
            assert type(cells[0]) is type(cells[1])


def test_no_column_is_told() -> None:
    assert type(first_row(style(pd.DataFrame({"t": [1]}), []))) is pd.DataFrame


def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    config = style(FRAMES["zones of pandas"], ["t"])
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pandas" else find(name)
    )
    again = first_row(config)
    assert type(again) is pl.DataFrame
    assert nw.from_native(again).schema == nw.from_native(FRAMES["zones of pandas"]).schema


@pytest.mark.parametrize(
    "config",
    [
        {"library": "os", "columns": {}},
        {"library": "polars", "columns": {"t": {"type": "__class__"}}},
        {"library": "polars"},
        {"library": "polars", "columns": {"t": {"type": "Object", "first": {"date": "x"}}}},
    ],
)
def test_what_was_not_told(config: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        first_row(config)


def test_a_type_that_is_not_kept() -> None:
    with pytest.raises(ValueError, match=r"column 'g' holds Duration.* which no saved model keeps"):
        style(pl.DataFrame({"g": [dt.timedelta(1)]}), ["g"])
