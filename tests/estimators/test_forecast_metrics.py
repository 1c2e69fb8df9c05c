from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.estimators import forecast_metrics as metrics

RNG = np.random.default_rng(5)
N, H, K = 4, 3, 2
TRUTH = RNG.normal(3, 2, (N, H, K))
FORECAST = TRUTH + RNG.normal(0, 1, (N, H, K))


def test_errors_of_single_values_by_hand() -> None:
    y, f = np.array([1.0, -2.0, 0.0, np.nan]), np.array([3.0, -3.0, 0.0, np.nan])
    np.testing.assert_array_equal(metrics.absolute_error(y, f), [2, 1, 0, np.nan])
    np.testing.assert_array_equal(metrics.squared_error(y, f), [4, 1, 0, np.nan])
    np.testing.assert_allclose(metrics.symmetric_error(y, f), [100, 40, 0, np.nan])


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


def test_crps_of_quantiles_is_the_formula_for_the_normal() -> None:
    from scipy.stats import norm

    y = np.array([-1.0, 0.3, 2.0])
    z = y / 1.5
    formula = 1.5 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = np.tile(1.5 * norm.ppf(levels), (3, 1))
    from_quantiles = metrics.crps_from_quantiles(y, quantiles, levels.tolist())
    np.testing.assert_allclose(from_quantiles, formula, rtol=2e-3)


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
            lambda: metrics.squared_error(TRUTH, np.where(TRUTH[1, 2, 0] == TRUTH, np.nan, TRUTH)),
            r"forecast holds NaN for 1 known values, the first at \[1, 2, 0\]",
        ),
        (lambda: metrics.pinball(TRUTH, FORECAST, [0.5]), r"\[4, 3, 2, 1\] is needed"),
        (lambda: metrics.pinball(1.0, [2.0, 1.0], [0.9, 0.1]), "levels must be rising"),
        (lambda: metrics.pinball(1.0, [np.nan], [0.5]), "quantiles holds NaN"),
        (lambda: metrics.covered(TRUTH, TRUTH * np.nan, TRUTH), "low holds NaN"),
        (lambda: metrics.check_season(0), "season must be a whole number of steps from 1 on"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_what_repeats_itself_but_for_rounding_has_no_scale() -> None:
    values = 10 + np.sin(2 * np.pi * np.arange(96) / 24)[:, None]
    starts, stops = np.array([0]), np.array([96])
    assert np.isnan(metrics.season_scale(values, starts, stops, 24)).all()
    assert np.isfinite(metrics.season_scale(values, starts, stops, 1)).all()
