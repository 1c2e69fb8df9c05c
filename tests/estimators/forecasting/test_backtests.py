"""Backtests of forecasters: what they are scaled by, what stands beside them, what they tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from forecast_problems import given, make

from unrolled import load
from unrolled.estimators.forecasting import evaluation, learning
from unrolled.estimators.linear_baseline import LinearBaseline

H = 5


def wave(T: int, seed: int = 0, size: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return size * (10 + np.sin(np.arange(T) * np.pi / 2) + rng.normal(0, 0.3, T))


@pytest.mark.parametrize(
    ("strategy", "lookback", "gaps"),
    [("direct", 1, 0.0), ("recursive", 1, 0.0), ("direct", 90, 0.0), ("direct", 8, 0.5)],
)
def test_what_can_be_fitted_can_be_backtested(strategy: str, lookback: int, gaps: float) -> None:
    y = wave(60)
    y[np.random.default_rng(1).random(60) < gaps] = np.nan
    model = make(strategy, lookback=lookback).fit(y[:50])
    found = model.backtest(y, steps=10).scores()
    assert list(found) == ["Forecaster", "repeat last", "seasonal naive", "drift", "linear"]
    for scores in found.values():
        assert scores["mae"] > 0


def test_a_baseline_that_cannot_be_fitted_is_empty_and_noted() -> None:
    model = make("direct").fit(wave(60))
    short = [wave(9, 1), wave(8, 2)]
    found = model.backtest(short)
    assert found.scores()["Forecaster"]["mae"] > 0
    assert set(found.scores()["linear"].values()) == {None}
    assert "linear has no scores: no 5 steps to fit it on before an origin" in found.table()


def test_a_series_that_begins_behind_the_first_origin() -> None:
    late = wave(40, 1)
    late[:35] = np.nan
    model = make("direct").fit([wave(60), wave(40)])
    found = model.backtest([wave(60), late])
    assert found.scores()["Forecaster"]["owa"] > 0
    expected = "baselines forecast 0 for 1 series without a value before an origin"
    assert found.notes[-1] == expected


@pytest.mark.parametrize("loss", ["squared", "normal", "quantile"])
def test_the_intervals_that_are_scored_are_those_of_predict_interval(loss: str) -> None:
    y = np.stack([wave(80), wave(80, 3, 7.0)], axis=1)
    model = make("direct", loss, calibration_steps=20).fit(y[:70])
    low, high = np.moveaxis(model.predict_interval(0.8), -1, 0)
    truth = y[70:75]
    found = model.backtest(y[:75], metrics=("coverage_80", "width_80", "crps"))
    scores = found.scores()["Forecaster"]
    assert scores["coverage_80"] == ((low <= truth) & (truth <= high)).mean()
    np.testing.assert_allclose(scores["width_80"], (high - low).mean(), rtol=1e-12)
    assert scores["crps"] > 0
    if loss != "squared":  # the quantiles themselves are those that were learnt
        q = model.predict_quantiles((0.1, 0.5, 0.9))
        levels = np.array([0.1, 0.5, 0.9])
        over = truth[..., None] - q
        pinball = np.maximum(levels * over, (levels - 1) * over).mean()
        by_hand = model.backtest(y[:75], levels=(0.1, 0.5, 0.9), metrics="crps").scores()
        np.testing.assert_allclose(by_hand["Forecaster"]["crps"], 2 * pinball, rtol=1e-9)


def test_levels_that_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    plain = evaluation.backtest

    def watch(*args: Any, **how: Any) -> Any:
        asked.append(how["levels"])
        return plain(*args, **how)

    monkeypatch.setattr(evaluation, "backtest", watch)
    y = wave(60)
    nine = tuple(round(0.1 * i, 1) for i in range(1, 10))
    columns = make("direct", "normal").fit(y[:55]).backtest(y).metrics
    assert columns[-3:] == ("crps", "coverage_80", "width_80")
    make("direct", "quantile", quantiles=(0.05, 0.3, 0.5, 0.95)).fit(y[:55]).backtest(y)
    make("direct", calibration_steps=6).fit(y[:55]).backtest(y)  # 2 errors a step
    make("direct").fit(y[:55]).backtest(y)
    assert asked == [nine, (0.05, 0.3, 0.5, 0.95), (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), ()]


def test_a_horizon_behind_the_measured_errors_is_noted() -> None:
    y = wave(60)
    model = make("recursive", calibration_steps=10).fit(y[:50])
    found = model.backtest(y, horizon=8)
    assert "coverage_80" not in found.metrics
    assert "5 steps ahead were measured, fewer than 8" in found.table()


def test_series_of_the_fit_keep_its_scales() -> None:
    """A backtest from the end of the fit is what predict says."""
    parts = [wave(60), wave(50, 1, 5.0)]
    model = make("direct", validation_steps=10).fit([part[:-H] for part in parts])
    expected = model.predict()
    for s in range(2):
        found = model.forecasts(parts, series=s)
        np.testing.assert_array_equal(found.forecast[0], expected[s])
        np.testing.assert_array_equal(found.truth[0], parts[s][-H:])
    # of other series, what is before the first origin tells the scale
    alone = model.forecasts(parts[1])
    other = model.predict(X=parts[1][:-H])
    np.testing.assert_array_equal(alone.forecast[0], other)
    assert (other != expected[1]).any()


def frame(parts: dict[str, np.ndarray], start: str = "2024-01-01") -> pd.DataFrame:
    rows = [
        pd.DataFrame({"day": pd.date_range(start, periods=len(y)), "shop": name, "sales": y})
        for name, y in parts.items()
    ]
    return pd.concat(rows, ignore_index=True)


def test_series_of_tables_are_known_by_name() -> None:
    parts = {"a": wave(60), "b": wave(60, 1, 5.0)}
    columns = {"time_column": "day", "group_column": "shop", "target_columns": "sales"}
    model = make("direct", validation_steps=10, calendar=(), **columns)
    model.fit(frame({name: y[:-H] for name, y in parts.items()}))
    predicted = model.predict()
    expected = predicted.loc[predicted["shop"] == "b", predicted.columns[-1]]
    swapped = frame({"c": parts["a"], "b": parts["b"]})
    np.testing.assert_array_equal(model.forecasts(swapped, series="b").forecast[0], expected)
    other = model.predict(X=frame({"c": parts["a"][:-H]}))
    np.testing.assert_array_equal(
        model.forecasts(swapped, series="c").forecast[0], other[other.columns[-1]]
    )


def test_steps_of_the_fit_are_noted(tmp_path: Path) -> None:
    columns = {"time_column": "day", "group_column": "shop", "target_columns": "sales"}
    parts = {"a": wave(60), "b": wave(60, 1)}
    model = make("direct", **columns).fit(frame({"a": parts["a"][:52], "b": parts["b"][:40]}))
    note = "up to 2 scored steps of 1 series were part of the fit"
    model.save(tmp_path / "model")
    for one in (model, load(tmp_path / "model")):
        assert note in one.backtest(frame(parts), steps=10).notes[0]
        assert not one.backtest(frame(parts), steps=8).notes
        assert not one.backtest(frame(parts), steps=10, refit=True, stride=5).notes
    # a table that begins later knows the times nevertheless
    later = frame({"a": parts["a"][20:]}, "2024-01-21")
    assert note in model.backtest(later, steps=10).notes[0]
    # what update adds was not learnt from
    model.update(frame({"a": parts["a"][52:]}, "2024-02-22"))
    assert note in model.backtest(frame(parts), steps=10).notes[0]


def test_steps_of_the_fit_are_noted_without_times() -> None:
    y = wave(60)
    model = make("direct").fit(y[:53])
    assert "up to 3 scored steps" in model.backtest(y, steps=10).notes[0]
    assert not model.backtest(y, steps=7).notes
    assert not model.backtest(y[7:], steps=20).notes  # other steps, as far as can be seen


def test_a_refit_also_fits_the_linear_layer_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    stops = []
    plain = LinearBaseline.fit.__func__  # type: ignore[attr-defined]

    def watch(cls: Any, series: Any, lookback: int, horizon: int, upto: Any) -> Any:
        stops.append(upto.tolist())
        return plain(cls, series, lookback, horizon, upto)

    monkeypatch.setattr(LinearBaseline, "fit", classmethod(watch))
    model = make("direct")
    found = model.backtest([wave(40), wave(30, 1)], steps=9, stride=2, refit=True)
    assert stops == [[31, 21], [33, 23], [35, 25]]
    assert found.origins.tolist() == [3, 3]
    assert found.scores()["linear"]["mae"] > 0


def test_errors_are_measured_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = given("many+missing")
    fitted = make("direct", calibration_steps=12).fit(whole.X)
    rows = []
    points = learning.ForecastNetwork.points

    def watch(self: Any, prepared: Any, which: Any, *more: Any) -> Any:
        rows.append(len(which))
        return points(self, prepared, which, *more)

    monkeypatch.setattr(learning, "CALIBRATED", 5)
    monkeypatch.setattr(learning.ForecastNetwork, "points", watch)
    blocks = make("direct", calibration_steps=12).fit(whole.X)
    assert max(rows) == 5
    assert sum(rows) == 3 * 8
    np.testing.assert_allclose(
        blocks._conformal.scores, fitted._conformal.scores, rtol=1e-5, atol=1e-6
    )


def test_forecasts_beside_what_came() -> None:
    two = given("two+calendar")
    model = make("segments").fit(two.X[:-8], times=two.times[:-8])
    found = model.forecasts(two.X, steps=8, stride=2, times=two.times)
    assert found.origins.tolist() == [40, 42]
    assert found.truth.shape == found.forecast.shape == (2, H, 2)
    np.testing.assert_array_equal(found.times[1], two.times[42:47])
    np.testing.assert_array_equal(found.truth[1], two.X[42:47])
    error = np.abs(found.truth - found.forecast).mean()
    scores = model.backtest(two.X, steps=8, stride=2, times=two.times, metrics="mae").scores()
    np.testing.assert_allclose(scores["Forecaster"]["mae"], error, rtol=1e-9)
    many = make("segments").fit(given("many").X)
    with pytest.raises(ValueError, match=r"name one of the 3 series \(0, 1, 2\), got None"):
        many.forecasts(given("many").X)
