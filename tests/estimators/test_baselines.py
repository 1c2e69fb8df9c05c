from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_scores import scores

from unrolled.data.series import SeriesSet
from unrolled.estimators.baselines import Predict, drift, naive2, repeat_last, seasonal_naive
from unrolled.estimators.forecast_metrics import season_scale
from unrolled.estimators.linear_baseline import LinearBaseline, baselines
from unrolled.estimators.origins import RollingOrigins

NAN = np.nan


def as_set(*parts: Any) -> SeriesSet:
    """Series [T, K] or [T] behind each other, with a row of no series between them."""
    arrays = [np.asarray(part, dtype=float).reshape(len(part), -1) for part in parts]
    gap = np.full((1, arrays[0].shape[1]), 1e9)
    rows = [piece for array in arrays for piece in (gap, array)]
    lengths = np.array([len(array) for array in arrays])
    starts = np.cumsum(lengths + 1) - lengths
    names = tuple(f"y{k}" for k in range(gap.shape[1]))
    return SeriesSet(np.concatenate(rows), starts, lengths, tuple(range(len(parts))), names)


def forecast(method: Predict, series: SeriesSet, pairs: Any, horizon: int) -> np.ndarray:
    which, origins = np.array(pairs, dtype=np.int64).T
    return method(series, which, origins, horizon)


def seasonal(T: int, seed: int, season: int = 6, K: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(T)[:, None]
    wave = 1 + 0.4 * np.sin(2 * np.pi * t / season + rng.uniform(0, 6, K))
    noise: np.ndarray = (50 + rng.uniform(-0.1, 0.2, K) * t) * wave * rng.lognormal(0, 0.05, (T, K))
    return noise


def test_by_hand() -> None:
    series = as_set([1, 2, 3, 5, 8], [4, NAN, 6, NAN], [NAN, NAN, 3, 5])
    found = forecast(repeat_last, series, [(0, 5), (0, 2), (1, 4), (1, 2)], 2)[..., 0]
    np.testing.assert_array_equal(found, [[8, 8], [2, 2], [6, 6], [4, 4]])
    found = forecast(drift, series, [(0, 5), (0, 3), (0, 1), (1, 4), (2, 4)], 2)[..., 0]
    # series 1: one more a step; its last value seen is one step behind the origin
    np.testing.assert_array_equal(found, [[9.75, 11.5], [4, 5], [1, 1], [8, 9], [7, 9]])


def test_seasonal_naive_by_hand() -> None:
    series = as_set([1, 2, 3, 4, NAN, 6, 7], [NAN, 5])
    pairs = [(0, 7), (0, 5), (0, 4), (0, 2), (1, 2)]
    found = forecast(seasonal_naive(3), series, pairs, 4)[..., 0]
    # before origin 2 there are the steps -1, 0 and 1 of a season, of which -1 is not known
    expected = [[2, 6, 7, 2], [3, 4, 2, 3], [2, 3, 4, 2], [2, 1, 2, 2], [5, 5, 5, 5]]
    np.testing.assert_array_equal(found, expected)
    one = forecast(seasonal_naive(1), series, pairs, 2)
    np.testing.assert_array_equal(one, forecast(repeat_last, series, pairs, 2))


@pytest.mark.parametrize("gap", [1, 31, 32, 33, 64, 200])
def test_the_last_value_seen_is_found_behind_any_gap(gap: int) -> None:
    y = np.full((gap + 3, 2), NAN)
    y[0], y[1, 1], y[-1, 1] = [5, 6], 7, 8
    series = as_set(y, y[1:])
    found = forecast(repeat_last, series, [(0, gap + 3), (1, gap + 2), (0, gap + 2)], 1)
    np.testing.assert_array_equal(found[:, 0], [[5, 8], [NAN, 8], [5, 7]])
    # the season's place is searched in steps of the season
    long = np.full(4 * gap + 8, NAN)
    long[:4] = [1, 2, 3, 4]
    found = forecast(seasonal_naive(4), as_set(long), [(0, 4 * gap + 8)], 5)
    np.testing.assert_array_equal(found[0, :, 0], [1, 2, 3, 4, 1])


@pytest.mark.parametrize("season", [4, 5])
def test_naive2_follows_its_definition(season: int) -> None:
    x = seasonal(70, seed=1, season=season, K=2)
    x[40:, 1] = x[40:, 1][::-1]
    series = as_set(x[:30] + 100, x)
    pairs = [(1, o) for o in range(2, 71)] + [(0, 30), (0, 7)]
    found = forecast(naive2(season), series, pairs, 9)
    adjusted = 0
    for row, (s, origin) in enumerate(pairs):
        for k in range(2):
            expected, is_seasonal = by_definition(series[s][:origin, k], season, 9)
            adjusted += is_seasonal
            np.testing.assert_allclose(found[row, :, k], expected, rtol=1e-9)
    assert 40 < adjusted < 140 - 2 * (3 * season - 2)


def by_definition(x: np.ndarray, m: int, horizon: int) -> tuple[np.ndarray, bool]:
    T = len(x)
    flat = np.repeat(x[-1], horizon)
    if m * 3 > T:
        return flat, False
    z = x - x.mean()
    r = np.array([np.sum(z[lag:] * z[: T - lag]) / np.sum(z * z) for lag in range(m + 1)])
    if not abs(r[m]) > 1.645 * np.sqrt((1 + 2 * np.sum(r[1:m] ** 2)) / T):
        return flat, False
    kernel = np.ones(m) / m if m % 2 else np.r_[0.5, np.ones(m - 1), 0.5] / m
    ratio = np.full(T, NAN)
    ratio[m // 2 : T - m // 2] = x[m // 2 : T - m // 2] / np.convolve(x, kernel, "valid")
    index = np.array([np.nanmean(ratio[place::m]) for place in range(m)])
    index /= index.mean()
    return x[-1] / index[(T - 1) % m] * index[(T + np.arange(horizon)) % m], True


def test_naive2_without_a_season_to_adjust_is_the_last_value() -> None:
    wave = np.tile([1.0, 2, 4, 2], 20)
    zero, late_zero = wave.copy(), wave.copy()
    zero[3], late_zero[-1] = 0, 0
    series = as_set(wave, zero, late_zero, np.full(80, 3.0))
    pairs = [(0, 80), (1, 80), (2, 80), (2, 79), (3, 80), (0, 11)]
    found = forecast(naive2(4), series, pairs, 4)[..., 0]
    expected = [[1, 2, 4, 2], [2] * 4, [0] * 4, [2, 1, 2, 4], [3] * 4, [4] * 4]
    np.testing.assert_allclose(found, expected)
    # three seasons are enough
    spike = as_set(np.tile([1.0, 1, 1, 9, 1, 1], 3))
    found = forecast(naive2(6), spike, [(0, 18), (0, 17)], 5)[..., 0]
    np.testing.assert_allclose(found, [[1, 1, 1, 9, 1], [1] * 5])
    np.testing.assert_array_equal(
        forecast(naive2(1), series, pairs, 4), forecast(repeat_last, series, pairs, 4)
    )


def test_naive2_takes_missing_values_as_the_last_seen() -> None:
    x = seasonal(60, seed=2, season=4, K=1)
    gaps = x.copy()
    gaps[[0, 1, 20, 21, 59]] = NAN
    filled = x[2:].copy()
    filled[[18, 19]], filled[57] = filled[17], filled[56]
    found = forecast(naive2(4), as_set(gaps, np.full(60, NAN)), [(0, 60), (0, 2), (1, 60)], 5)
    expected = forecast(naive2(4), as_set(filled), [(0, 58)], 5)
    np.testing.assert_allclose(found[0], expected[0])
    assert np.ptp(found[0]) > 5
    assert np.isnan(found[1:]).all()


def ragged() -> SeriesSet:
    parts = [seasonal(T, seed=T) for T in (40, 73, 25)]
    parts[1][5:9] = parts[0][30, 1] = parts[2][:3, 0] = NAN
    return as_set(*parts)


def every_method(series: SeriesSet) -> dict[str, Predict]:
    stops = np.array([30, 40, 20])
    named = baselines(series, season=6, lookback=8, horizon=4, stops=stops)
    return {**named, "naive2": naive2(6)}


@pytest.mark.parametrize("name", ["repeat last", "seasonal naive", "drift", "linear", "naive2"])
def test_methods_read_nothing_behind_the_origin_and_mix_no_series(name: str) -> None:
    series = ragged()
    method = every_method(series)[name]
    which, origins = RollingOrigins(np.array([1, 1, 4]), series.lengths).block(0, 1000)
    assert len(which) == 40 + 73 + 22
    order = np.random.default_rng(0).permutation(len(which))
    together = method(series, which[order], origins[order], 4)
    for row in range(0, len(which), 7):
        s, origin = which[order][row], origins[order][row]
        alone = as_set(series[s][:origin])
        np.testing.assert_allclose(
            together[row], forecast(method, alone, [(0, origin)], 4)[0], rtol=1e-12
        )
    later = SeriesSet(
        series.values.copy(), series.starts, series.lengths, series.ids, series.targets
    )
    later.values[series.starts[1] + 50 : series.starts[1] + 73] = -1e6
    same = (which[order] == 1) & (origins[order] <= 50)
    rows = np.flatnonzero(same)
    changed = method(later, which[order][rows], origins[order][rows], 4)
    np.testing.assert_array_equal(changed, method(series, *pick(which, origins, order[rows]), 4))


def pick(which: np.ndarray, origins: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return which[rows], origins[rows]


def test_linear_is_least_squares_on_the_windows_that_know_a_step(monkeypatch: Any) -> None:
    series = ragged()
    stops = np.array([30, 40, 20])
    L, H = 5, 3
    rows, targets = [], []
    for s in range(3):
        for k in range(2):
            y = series[s][: stops[s], k]
            filled = y.copy()
            for t in range(1, len(y)):
                if np.isnan(filled[t]):
                    filled[t] = filled[t - 1]
            for o in range(L, stops[s] - H + 1):
                past = filled[o - L : o]
                first = past[~np.isnan(past)][0] if not np.isnan(past).all() else NAN
                # a gap at the window's beginning takes its first value, not the one before it
                inside = np.where(np.isnan(np.asarray(y[o - L : o])), past, y[o - L : o])
                known = np.flatnonzero(~np.isnan(y[o - L : o]))
                if known.size:
                    inside[: known[0]] = y[o - L : o][known[0]]
                inside = np.where(np.isnan(inside), first, inside)
                spread = np.nanstd(y)
                rows.append((inside[:-1] - inside[-1]) / spread)
                targets.append((y[o : o + H] - inside[-1]) / spread)
    x, y = np.array(rows), np.array(targets)
    known = ~np.isnan(y)
    assert 0 < known.all(axis=1).sum() < known.any(axis=1).sum()
    each = [np.linalg.lstsq(x[k], y[k, h], rcond=None)[0] for h, k in enumerate(known.T)]
    expected = np.stack(each, axis=1)
    monkeypatch.setattr("unrolled.estimators.linear_baseline.MATRICES", 2 * (L - 1) ** 2)
    fitted = LinearBaseline.fit(series, L, H, stops)
    np.testing.assert_allclose(fitted.weights, expected, rtol=1e-3, atol=1e-4)
    found = forecast(fitted, series, [(1, 60)], 2)
    past = series[1][55:60]
    np.testing.assert_allclose(
        found[0], past[-1] + fitted.weights[:, :2].T @ (past[:-1] - past[-1])
    )


def test_linear_learns_a_linear_rule_at_any_scale_in_blocks(monkeypatch: Any) -> None:
    rng = np.random.default_rng(4)
    parts = []
    for scale in (1e-3, 1.0, 1e5):
        y = rng.normal(size=(300, 2))
        for t in range(2, 300):
            y[t] = 1.7 * y[t - 1] - 0.9 * y[t - 2] + 0.2 * y[0]  # 0.2 y[0]: a level of its own
        parts.append(scale * y)
    series = as_set(*parts)
    stops = series.lengths - 50
    whole = LinearBaseline.fit(series, 4, 6, stops)
    monkeypatch.setattr("unrolled.estimators.linear_baseline.BLOCK", 37 * 20)
    blocks = LinearBaseline.fit(series, 4, 6, stops)
    np.testing.assert_allclose(blocks.weights, whole.weights, rtol=1e-8)
    for s in range(3):
        found = forecast(whole, series, [(s, 250)], 6)[0]
        size = np.abs(series[s]).max(axis=0)
        np.testing.assert_allclose(found / size, series[s][250:256] / size, atol=1e-3)


def test_linear_fills_what_is_missing_or_before_the_series() -> None:
    linear = LinearBaseline(np.array([[1.0], [10.0], [100.0]]))  # L 4, H 1
    series = as_set([3, 5, 6], [2, NAN, NAN, 7, NAN, NAN, NAN, NAN, 1])
    pairs = [(0, 3), (0, 1), (1, 4), (1, 6), (1, 8), (1, 9)]
    windows = [[3, 3, 5, 6], [3] * 4, [2, 2, 2, 7], [7, 7, 7, 7], [7] * 4, [1] * 4]
    expected = [w[3] + np.dot([1, 10, 100], np.subtract(w[:3], w[3])) for w in windows]
    np.testing.assert_array_equal(forecast(linear, series, pairs, 1)[:, 0, 0], expected)


def test_linear_of_many_gaps_knows_every_step() -> None:
    rng = np.random.default_rng(3)
    y = np.sin(np.arange(600) * np.pi / 6) + 5
    gaps = np.where(rng.random(600) < 0.3, NAN, y)
    fitted = LinearBaseline.fit(as_set(gaps), 24, 24, np.array([600]))
    found = forecast(fitted, as_set(y), [(0, 576)], 24)[0, :, 0]
    assert np.abs(found - y[576:]).mean() < 0.2 * np.abs(y[575] - y[576:]).mean()
    # what no window knows is the last value
    never = np.array([1.0, 2, 4, NAN, 5, 7, 8, NAN, 3, 1, 6, NAN])
    weights = LinearBaseline.fit(as_set(never), 11, 2, np.array([12])).weights
    assert np.abs(weights[:, 0]).sum() > 0
    np.testing.assert_array_equal(weights[:, 1], 0)


def test_linear_of_one_step_and_of_windows_longer_than_the_series() -> None:
    series = as_set([3, 5, 6, 2, 8], [1, 4])
    one = LinearBaseline.fit(series, 1, 2, series.lengths)
    np.testing.assert_array_equal(forecast(one, series, [(0, 3)], 2)[0, :, 0], [6, 6])
    # one window of series 0: 3, 3, 3, 5, 6 -> 2, 8
    fitted = LinearBaseline.fit(series, 5, 2, series.lengths)
    found = forecast(fitted, series, [(0, 3)], 2)[0, :, 0]
    np.testing.assert_allclose(found, [2, 8], rtol=1e-4)


def test_linear_is_left_out_where_nothing_can_be_fitted() -> None:
    series = as_set([3, 5, 6, 2, 8])
    found = baselines(series, season=1, lookback=2, horizon=3, stops=np.array([3]))
    assert found["linear"] is None


def test_linear_of_constant_series_repeats_the_value() -> None:
    series = as_set(np.full(20, 4.0))
    fitted = LinearBaseline.fit(series, 3, 2, series.lengths)
    np.testing.assert_array_equal(forecast(fitted, series, [(0, 20)], 2), np.full((1, 2, 1), 4.0))


def test_baselines_by_name() -> None:
    series = ragged()
    options: dict[str, Any] = {"lookback": 4, "horizon": 2, "stops": series.lengths}
    assert list(baselines(series, season=6, **options)) == [
        "repeat last", "seasonal naive", "drift", "linear",
    ]  # fmt: skip
    assert list(baselines(series, season=1, **options)) == ["repeat last", "drift", "linear"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: seasonal_naive(0), "season must be a whole number"),
        (lambda s: naive2(2.0), "season must be a whole number"),  # type: ignore[arg-type]
        (lambda s: LinearBaseline.fit(s, 0, 3, s.lengths), "lookback must be 1 or more, got 0"),
        (lambda s: LinearBaseline.fit(s, 3, 0, s.lengths), "horizon must be 1 or more, got 0"),
        (lambda s: LinearBaseline.fit(s, 60, 73, s.lengths), "window of 60 .* has 73 steps"),
        (
            lambda s: forecast(LinearBaseline.fit(s, 3, 2, s.lengths), s, [(0, 9)], 3),
            "horizon is 3, but this linear baseline was fitted for 2 steps",
        ),
    ],
)
def test_errors_say_what_is_wrong(call: Callable[[SeriesSet], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(ragged())


def read(path: Path) -> list[np.ndarray]:
    with path.open() as file:
        rows = list(csv.reader(file))[1:]
    return [np.array([float(value) for value in row[1:] if value]) for row in rows]


def test_published_figures_of_m4_hourly(data_folder: Callable[[str], Path]) -> None:
    folder = data_folder("m4")
    series = as_set(*read(folder / "Hourly-train.csv"))
    truth = np.stack(read(folder / "Hourly-test.csv"))[..., None]
    assert truth.shape == (414, 48, 1)
    scale = season_scale(series.values, series.starts, series.lengths, 24)
    pairs = np.stack([np.arange(414), series.lengths], axis=1)
    reference = forecast(naive2(24), series, pairs, 48)
    found = scores(truth, reference, scale=scale, naive2=reference)
    # "Evaluation and Ranks" of the competition: sMAPE, MASE, OWA of Naive2 and of sNaive
    assert [round(found[name], 3) for name in ("smape", "mase", "owa")] == [18.383, 2.395, 1]
    found = scores(
        truth, forecast(seasonal_naive(24), series, pairs, 48), scale=scale, naive2=reference
    )
    # OWA 0.6275 is printed there as .627 and .628
    assert [round(found[name], 3) for name in ("smape", "mase")] == [13.912, 1.193]
    assert found["owa"] == pytest.approx(0.6275, abs=6e-4)
