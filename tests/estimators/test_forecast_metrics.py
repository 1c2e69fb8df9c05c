from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.estimators import forecast_metrics as metrics

RNG = np.random.default_rng(5)
N, H, K = 4, 3, 2
TRUTH = RNG.normal(3, 2, (N, H, K))
FORECAST = TRUTH + RNG.normal(0, 1, (N, H, K))
GAPS = np.where(RNG.random((N, H, K)) < 0.3, np.nan, TRUTH)


def test_errors_of_single_values_by_hand() -> None:
    y, f = np.array([1.0, -2.0, 0.0, np.nan]), np.array([3.0, -3.0, 0.0, np.nan])
    np.testing.assert_array_equal(metrics.absolute_error(y, f), [2, 1, 0, np.nan])
    np.testing.assert_array_equal(metrics.squared_error(y, f), [4, 1, 0, np.nan])
    np.testing.assert_allclose(metrics.symmetric_error(y, f), [100, 40, 0, np.nan])


def test_scores_are_averages_over_known_values() -> None:
    scale = np.array([[1.0, 2.0], [0.5, 4.0], [np.nan, 1.0], [3.0, 0.25]])
    naive2 = TRUTH + RNG.normal(0, 2, TRUTH.shape)
    found = metrics.scores(GAPS, FORECAST, scale=scale, naive2=naive2)
    sums: dict[str, list[float]] = {name: [] for name in ("a", "s", "m", "ns", "nm")}
    for n, h, k in np.argwhere(~np.isnan(GAPS)):
        y, f, g = GAPS[n, h, k], FORECAST[n, h, k], naive2[n, h, k]
        sums["a"].append(abs(y - f))
        sums["s"].append(200 * abs(y - f) / (abs(y) + abs(f)))
        sums["ns"].append(200 * abs(y - g) / (abs(y) + abs(g)))
        if not np.isnan(scale[n, k]):
            sums["m"].append(abs(y - f) / scale[n, k])
            sums["nm"].append(abs(y - g) / scale[n, k])
    mean = {name: float(np.mean(values)) for name, values in sums.items()}
    mse = float(np.mean(np.square(sums["a"])))
    assert found == pytest.approx(
        {
            "mae": mean["a"],
            "mse": mse,
            "rmse": mse**0.5,
            "smape": mean["s"],
            "mase": mean["m"],
            "owa": (mean["s"] / mean["ns"] + mean["m"] / mean["nm"]) / 2,
        }
    )


def test_scale_is_the_mean_seasonal_step_before_the_stop() -> None:
    values = np.array([[9.0, 9], [1, 0], [4, 0], [np.nan, 0], [2, 0], [8, 0], [70, 5], [5, 1]])
    starts, stops = np.array([1, 6, 0]), np.array([5, 1, 3])
    scale = metrics.season_scale(values, starts, stops, 1)
    # |4 - 1| and |8 - 2|: the pairs with the missing value, and 70 behind the stop, do not count
    np.testing.assert_allclose(scale[0], [4.5, np.nan])
    np.testing.assert_allclose(scale[1], [np.nan, np.nan])  # one step alone has no pair
    np.testing.assert_allclose(scale[2], [(8 + 3) / 2, 4.5])
    np.testing.assert_allclose(
        metrics.season_scale(values, starts, stops, 3)[0], [(1 + 4) / 2, np.nan]
    )


def test_pinball_by_hand() -> None:
    loss = metrics.pinball(np.array([1.0, np.nan]), np.array([[0.0, 3.0], [0, 0]]), [0.1, 0.9])
    np.testing.assert_allclose(loss, [[0.1, 0.2], [np.nan, np.nan]])


def test_crps_of_samples_is_the_energy_form() -> None:
    samples = RNG.normal(3, 2, (N, H, K, 7))
    first = np.abs(samples - TRUTH[..., None]).mean(-1)
    pairs = np.abs(samples[..., :, None] - samples[..., None, :]).mean((-1, -2))
    np.testing.assert_allclose(metrics.crps_from_samples(TRUTH, samples), first - pairs / 2)


def test_crps_of_quantiles_samples_and_formula_agree_for_the_normal() -> None:
    from scipy.stats import norm

    y = np.array([-1.0, 0.3, 2.0])
    z = y / 1.5
    formula = 1.5 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = np.tile(1.5 * norm.ppf(levels), (3, 1))
    from_quantiles = metrics.crps_from_quantiles(y, quantiles, levels.tolist())
    np.testing.assert_allclose(from_quantiles, formula, rtol=2e-3)
    np.testing.assert_allclose(metrics.crps_from_samples(y, quantiles), formula, rtol=2e-3)


def test_coverage_and_width_leave_missing_truth_out() -> None:
    y = np.array([1.0, 2.0, 3.0, np.nan])
    low, high = np.array([1.0, 2.5, 0.0, 0.0]), np.array([2.0, 3.0, 3.0, 9.0])
    np.testing.assert_array_equal(metrics.covered(y, low, high), [1, 0, 1, np.nan])
    np.testing.assert_array_equal(metrics.interval_width(y, low, high), [1, 0.5, 3, np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.absolute_error(TRUTH, FORECAST[1:]), r"forecast has shape \[3, 3, 2\]"),
        (
            lambda: metrics.scores(TRUTH, np.where(TRUTH[1, 2, 0] == TRUTH, np.nan, TRUTH)),
            r"forecast holds NaN for 1 known values, the first at \[1, 2, 0\]",
        ),
        (lambda: metrics.scores(TRUTH * np.nan, TRUTH), "truth holds no known value"),
        (lambda: metrics.scores(TRUTH, TRUTH, naive2=TRUTH), "naive2 was given without scale"),
        (lambda: metrics.scaled_error(TRUTH, TRUTH, np.ones(N)), r"scale has shape \[4\]"),
        (lambda: metrics.pinball(TRUTH, FORECAST, [0.5]), r"\[4, 3, 2, 1\] is needed"),
        (lambda: metrics.pinball(1.0, [2.0, 1.0], [0.9, 0.1]), "levels must be rising"),
        (lambda: metrics.pinball(1.0, [np.nan], [0.5]), "quantiles holds NaN"),
        (lambda: metrics.crps_from_samples(TRUTH, TRUTH), "samples has shape"),
        (lambda: metrics.crps_from_samples([1.0], [[np.nan]]), "samples holds NaN"),
        (lambda: metrics.covered(TRUTH, TRUTH * np.nan, TRUTH), "low holds NaN"),
        (lambda: metrics.check_season(0), "season must be a whole number of steps from 1 on"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
