"""Forecasts as tables: times as the data writes them, before and after saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unrolled import Forecaster, load


@pytest.fixture
def table() -> pl.DataFrame:
    """Two series of days, whose times are texts."""
    rng = np.random.default_rng(0)
    days = [f"2024-01-{day:02d}" for day in range(1, 31)]
    return pl.DataFrame(
        {"shop": ["a"] * 30 + ["b"] * 30, "day": days * 2, "sales": rng.normal(size=60)}
    )


def forecaster(**more: object) -> Forecaster:
    return Forecaster(
        horizon=2, hidden_size=3, max_epochs=1, random_state=0, verbose=False,
        time_column="day", target_columns="sales", **more,
    )  # fmt: skip


def test_times_that_are_texts_stay_texts(table: pl.DataFrame, tmp_path: Path) -> None:
    model = forecaster(group_column="shop").fit(table)
    found = model.predict()
    assert found["day"].to_list() == ["2024-01-31", "2024-02-01"] * 2
    assert found["shop"].to_list() == ["a", "a", "b", "b"]
    assert model.predict(X=table).equals(found)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.predict().equals(found)
    again.save(tmp_path / "again")
    assert load(tmp_path / "again").predict().equals(found)


def test_a_backtest_that_fits_anew_leaves_the_checkpoint_alone(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    saved = tmp_path / "run.ckpt"
    model = forecaster(group_column="shop", checkpoint=saved, checkpoint_epochs=1).fit(table)
    before = saved.read_bytes()
    model.backtest(table, steps=4, refit=True)
    assert saved.read_bytes() == before


def test_a_backtest_of_series_that_are_shorter_than_a_window(table: pl.DataFrame) -> None:
    model = forecaster(group_column="shop", lookback=26, segment=2).fit(table)
    found = model.backtest(table, steps=4, refit=True)
    assert found.models[1:] == ("repeat last", "seasonal naive", "drift", "linear")
    assert all(row["mae"] > 0 for row in found.rows())


@pytest.mark.parametrize("frequency", ["h", "D", "MS"])
@pytest.mark.parametrize("zone", ["America/New_York", "Etc/GMT+5", "Europe/Berlin"])
def test_time_zones_of_pandas(zone: str, frequency: str, tmp_path: Path) -> None:
    """Also those whose names hold what narwhals does not read, over a change of the clock."""
    times = pd.date_range("2024-01-01", periods=150, freq=frequency, tz=zone)
    table = pd.DataFrame({"t": times, "y": np.sin(np.arange(150.0))})
    model = Forecaster(
        time_column="t", target_columns="y", horizon=3, lookback=12, max_epochs=1, random_state=0
    ).fit(table[:148])
    found = model.predict(2)
    assert found["t"].tolist() == times[148:].tolist()
    assert found["t"].dtype == table["t"].dtype
    model.update(table[148:]).save(tmp_path / "model")
    again = Forecaster.load(tmp_path / "model").predict(1)
    assert again["t"].dtype == table["t"].dtype
    assert again["t"].tolist() == pd.date_range(times[-1], periods=2, freq=frequency)[1:].tolist()
