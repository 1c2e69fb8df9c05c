from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from unrolled.estimators.conformal import MOST, Conformal, Residuals

RNG = np.random.default_rng(8)
RESIDUALS = RNG.normal(size=(40, 3, 2)) * np.array([1.0, 5.0])


def test_reach_is_the_residual_of_the_corrected_rank() -> None:
    ordered = np.sort(np.abs(RESIDUALS), axis=0)
    fitted = Conformal.fit(RESIDUALS)
    np.testing.assert_array_equal(fitted.reach(0.8), ordered[33 - 1])  # ceil(41 * 0.8) = 33
    np.testing.assert_array_equal(fitted.reach(20 / 41), ordered[20 - 1])
    hundred = np.arange(1.0, 100).reshape(99, 1, 1)
    assert Conformal.fit(hundred).reach(0.55) == 55  # though 100 * 0.55 > 55 in float64
    forecast = RNG.normal(size=(5, 2, 2))
    low, high = fitted.interval(forecast, 0.8)
    np.testing.assert_array_equal(high, forecast + ordered[32][:2])
    np.testing.assert_array_equal(low, forecast - ordered[32][:2])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("gaps", [False, True])
def test_coverage_holds_for_new_values(coverage: float, gaps: bool) -> None:
    # 3,000 calibration sets of 19 skewed residuals, each with one new value, as 3,000 channels
    residuals = RNG.exponential(size=(20, 1, 3000)) - 0.3
    if gaps:
        residuals[:10][RNG.random((10, 1, 3000)) < 0.2] = np.nan
    low, high = Conformal.fit(residuals[:19]).interval(np.zeros((1, 3000)), coverage)
    inside = np.mean((low <= residuals[19]) & (residuals[19] <= high))
    error = 3.5 * np.sqrt(coverage * (1 - coverage) / 3000)
    assert inside >= coverage - error
    # without ties at most 1 / (n + 1) too much; with gaps n is 9 at least
    assert inside <= coverage + (1 / 10 if gaps else 1 / 20) + error


def test_widths_scale_each_row() -> None:
    widths = RNG.uniform(0.5, 8, (40, 1, 2))
    fitted = Conformal.fit(RESIDUALS, widths)
    ordered = np.sort(np.abs(RESIDUALS) / widths, axis=0)
    forecast, new = RNG.normal(size=(7, 3, 2)), RNG.uniform(1, 2, (7, 1, 1))
    low, high = fitted.interval(forecast, 0.8, new)
    np.testing.assert_allclose(high - forecast, ordered[32] * new)
    np.testing.assert_allclose(forecast - low, ordered[32] * new)


def test_with_many_residuals_the_next_higher_kept_rank_is_taken() -> None:
    many = RNG.normal(size=(5300, 2, 1))
    many[100:3000, 1] = np.nan
    fitted = Conformal.fit(many)
    assert fitted.scores.shape == (MOST, 2, 1)
    np.testing.assert_array_equal(fitted.counts, [[5300], [2400]])
    for coverage in (0.001, 0.5, 0.8, 0.99, 0.9998):
        if coverage > 2400 / 2401:
            continue
        for h, n in enumerate((5300, 2400)):
            ordered = np.sort(np.abs(many[:, h, 0]))
            exact = int(np.ceil((n + 1) * coverage))
            rank = int(np.searchsorted(ordered[:n], fitted.reach(coverage)[h, 0])) + 1
            assert exact <= rank <= exact + n // MOST


def blocks(residuals: np.ndarray, widths: np.ndarray | None, most: int | None) -> Conformal:
    found = Residuals(most)
    for start in range(0, len(residuals), 7):
        part = None if widths is None else widths[start : start + 7]
        found.add(residuals[start : start + 7], part)
    return found.conformal()


@pytest.mark.parametrize("scaled", [False, True])
def test_residuals_that_come_in_blocks_are_those_of_one(scaled: bool) -> None:
    widths = RNG.uniform(0.5, 8, (40, 1, 2)) if scaled else None
    assert blocks(RESIDUALS, widths, None).to_config() == (
        Conformal.fit(RESIDUALS, widths).to_config()
    )


def test_of_many_residuals_a_random_part_is_kept() -> None:
    many = np.abs(RNG.normal(size=(5000, 2, 2))) * np.arange(1, 5001)[:, None, None]
    many[RNG.random(many.shape) < 0.5] = np.nan
    many[:, 1, 1] = np.nan
    many[::700, 1, 1] = 3.0  # 8 known ones, which are all kept
    found = blocks(many, None, 300)
    np.testing.assert_array_equal(found.counts, [[300, 300], [300, 8]])
    assert np.isin(found.scores[:, 0, 0], many[:, 0, 0]).all()
    whole = Conformal.fit(many)
    # each of 300 residuals is below the q-quantile with probability q
    for coverage in (0.3, 0.5, 0.8):
        below = many[:, 0, 0] <= found.reach(coverage)[0, 0]
        share = below.sum() / whole.counts[0, 0]
        assert abs(share - coverage) < 3.5 * np.sqrt(coverage * (1 - coverage) / 300)
    assert blocks(many, None, 300).to_config() == found.to_config()


def test_it_is_saved_to_the_bit() -> None:
    fitted = Conformal.fit(RESIDUALS, np.full((40, 1, 1), 3.0))
    loaded = Conformal.from_config(json.loads(json.dumps(fitted.to_config())))
    np.testing.assert_array_equal(loaded.scores, fitted.scores)
    np.testing.assert_array_equal(loaded.counts, fitted.counts)
    assert loaded.counts.dtype == np.int64
    assert loaded.scaled


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Conformal.fit(np.ones(3)), r"residuals has shape \[3\]; \[n, H, K\]"),
        (lambda: Conformal.fit(np.full((2, 1, 1), np.inf)), "residuals holds infinity"),
        (
            lambda: Conformal.fit(np.array([[[1.0], [np.nan]]])),
            "residuals holds no number for step 2, channel 0",
        ),
        (lambda: Conformal.fit(RESIDUALS, np.zeros((40, 1, 2))), "finite numbers above 0"),
        (lambda: Conformal.fit(RESIDUALS, np.ones((39, 1, 2))), r"widths has shape \[39, 1, 2\]"),
        (lambda: Conformal.fit(RESIDUALS).reach(0.98), "needs 49 residuals .* there are 40"),
        (lambda: Conformal.fit(RESIDUALS).reach(1.0), "coverage must be between 0 and 1"),
        (
            lambda: Conformal.fit(RESIDUALS).interval(np.ones((1, 4, 2)), 0.8),
            r"\[..., h, 2\] with h from 1 to 3 is needed",
        ),
        (
            lambda: Conformal.fit(RESIDUALS).interval(np.ones((1, 3, 2)), 0.8, np.ones((1, 3, 2))),
            "widths was given, but",
        ),
        (
            lambda: Conformal.fit(RESIDUALS, np.ones((40, 1, 1))).interval(np.ones((3, 2)), 0.8),
            "widths is needed",
        ),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": None}, "conformal scores needs 3 nested lists"),
        ({"scores": [[["1.0"]]]}, "conformal scores needs 3 nested lists of numbers"),
        ({"scores": [[[1.0]], [[1.0], [2.0]]]}, "conformal scores needs lists of one length"),
        ({"scores": [[[float("nan")]]]}, "conformal scores needs finite numbers"),
        ({"scores": [[[2.0]], [[1.0]]]}, "rising numbers"),
        ({"scores": [[[-1.0]]]}, "rising numbers"),
        ({"scores": [[[1.0, 2.0]]]}, r"shape \[1, 1, 2\] beside counts \[1, 1\]"),
        ({"scores": [[[1.0]]] * (MOST + 1)}, "with J up to 1000"),
        ({"counts": [[0]]}, "whole numbers from 1 on"),
        ({"counts": [[1.5]]}, "whole numbers from 1 on"),
        ({"counts": [[1e300]]}, "whole numbers from 1 on"),
        ({"scaled": 1}, "conformal scaled needs true or false"),
        ({"more": 1}, "exactly the fields"),
    ],
)
def test_bad_files_are_refused(change: dict[str, Any], message: str) -> None:
    config = {"scores": [[[1.0]]], "counts": [[1]], "scaled": False}
    assert Conformal.from_config(config).reach(0.5) == 1
    with pytest.raises(ValueError, match=message):
        Conformal.from_config(config | change)
