"""Clocks that skip hours, beside those of pandas."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unrolled.data.local_clock import in_utc, without_skips, zone_of
from unrolled.data.series_tables import series_from_table

PLACES = ["America/Santiago", "Europe/Paris", "Asia/Tokyo", "Africa/Cairo"]


def test_zones() -> None:
    assert zone_of("Europe/Paris") == ZoneInfo("Europe/Paris")
    assert [zone_of(name) for name in ("UTC+02:00", "+02:00", "nowhere", "../x")] == [None] * 4


@pytest.mark.parametrize("place", PLACES)
def test_in_utc(place: str) -> None:
    times = pd.Series(pd.date_range("2024-01-01T00:30", periods=24 * 366, freq="h"))[::-1]
    shift = pd.Timedelta("1h")
    expected = times.dt.tz_localize(place, nonexistent=shift, ambiguous=np.ones(len(times), bool))
    found = in_utc(times.to_numpy("datetime64[us]"), ZoneInfo(place))
    assert (found == expected.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()).all()


@pytest.mark.parametrize("hour", [0, 1, 7])
@pytest.mark.parametrize("place", PLACES)
def test_days_of_a_year(place: str, hour: int) -> None:
    """Each day a step, also where a series begins on the day of a skip."""
    zone = ZoneInfo(place)
    nominal = np.datetime64("2024-01-01T00", "us") + np.arange(366) * np.timedelta64(24, "h")
    nominal += np.timedelta64(hour, "h")
    utc = in_utc(nominal, zone)
    local = pl.Series(utc).dt.replace_time_zone("UTC").dt.convert_time_zone(place)
    rows = local.dt.replace_time_zone(None).to_numpy()
    for begin in range(0, 366, 2 if hour else 1):
        part = slice(begin, min(366, begin + 3))
        n = part.stop - begin
        found = without_skips(rows[part], utc[part], np.array([0]), np.array([n]), zone)
        if n > 1 or hour == 0:
            np.testing.assert_array_equal(found, nominal[part])
    series = series_from_table(
        pl.DataFrame({"t": local, "y": np.arange(366.0)}), time="t", target="y"
    )
    assert series.frequency is not None
    assert (series.frequency.name, len(series.values)) == ("D", 366)


def test_hours_are_taken_in_utc() -> None:
    times = pl.Series(np.datetime64("2024-09-01", "us") + np.arange(400) * np.timedelta64(1, "h"))
    table = pl.DataFrame({"t": times.dt.replace_time_zone("UTC"), "y": np.arange(400.0)})
    local = table.with_columns(pl.col("t").dt.convert_time_zone("America/Santiago"))
    series = series_from_table(local, time="t", target="y")
    assert series.frequency is not None
    assert (series.frequency.name, series.times(0, 0, 1)[0]) == ("h", times.to_numpy()[0])
