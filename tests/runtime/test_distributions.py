"""Distributions from raw outputs, beside SciPy's."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import stats

from unrolled.runtime.distributions import DISTRIBUTIONS, Distribution
from unrolled.runtime.spec import DISTRIBUTION_SIZES, LOSSES

LEVELS = (0.001, 0.1, 0.5, 0.75, 0.99)
rng = np.random.default_rng(5)
SCALE = np.exp(rng.uniform(-2, 4, (4, 7, 3)))
NAMES = list(LOSSES["distribution"])


def raw(name: str) -> np.ndarray:
    """Raw outputs [4, 7, targets * parameters] of three targets."""
    size = DISTRIBUTION_SIZES[name]
    return np.random.default_rng(size).normal(scale=2.0, size=(4, 7, 3 * size))


def law(name: str, o: np.ndarray, scale: np.ndarray) -> Any:
    """SciPy's distribution [..., targets] by the formulas."""
    o = o.reshape(*o.shape[:-1], -1, DISTRIBUTION_SIZES[name])
    positive = np.log(1 + np.exp(o))
    if name == "negative_binomial":
        mean, shape = scale * positive[..., 0], positive[..., 1] / np.sqrt(scale)
        return stats.nbinom(1 / shape, 1 / (1 + shape * mean))
    if name == "normal":
        return stats.norm(o[..., 0], positive[..., 1] + 0.001)
    return stats.t(2 + positive[..., 2], o[..., 0], positive[..., 1] + 0.001)


def scale_of(name: str) -> np.ndarray | None:
    return SCALE if name == "negative_binomial" else None


@pytest.mark.parametrize("name", NAMES)
def test_means_and_quantiles(name: str) -> None:
    expected = law(name, raw(name), SCALE)
    found = Distribution.of(name).mean(raw(name), scale_of(name))
    assert found.shape == (4, 7, 3)
    np.testing.assert_allclose(found, expected.mean(), rtol=1e-9)
    quantiles = Distribution.of(name).quantile(raw(name), LEVELS, scale_of(name))
    assert quantiles.shape == (4, 7, 3, 5)
    assert quantiles.dtype == np.float64
    for i, level in enumerate(LEVELS):
        np.testing.assert_allclose(quantiles[..., i], expected.ppf(level), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_likelihoods(name: str) -> None:
    expected = law(name, raw(name), SCALE)
    y = np.round(expected.ppf(rng.uniform(size=(4, 7, 3))))
    found = Distribution.of(name).log_prob(raw(name), y, scale_of(name))
    by_scipy = expected.logpmf(y) if name == "negative_binomial" else expected.logpdf(y)
    np.testing.assert_allclose(found, by_scipy, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_distribution(name: str) -> None:
    """The share of draws up to a quantile, within 5 standard errors, target by target."""
    num = 40_000
    o, scale = raw(name)[0, 0], SCALE[0, 0]
    given = scale if name == "negative_binomial" else None
    draws = Distribution.of(name).sample(
        np.tile(o, (num, 1)), np.random.default_rng(1), None if given is None else given
    )
    assert draws.shape == (num, 3)
    if given is not None:
        assert (draws == np.round(draws)).all()
        assert (draws >= 0).all()
    expected = law(name, o, scale)
    for level in (0.05, 0.5, 0.9):
        border = expected.ppf(level)
        share = expected.cdf(border)
        error = np.sqrt(share * (1 - share) / num)
        assert (np.abs((draws <= border).mean(axis=0) - share) <= 5 * error + 1e-12).all()
    # One target is not the other's twin.
    assert np.abs(np.corrcoef(stats.rankdata(draws, axis=0).T) - np.eye(3)).max() < 0.03


def test_the_same_generator_draws_the_same() -> None:
    for name in NAMES:
        d, o = Distribution.of(name), raw(name)
        one, two, other = (
            d.sample(o, np.random.default_rng(seed), scale_of(name)) for seed in (3, 3, 4)
        )
        np.testing.assert_array_equal(one, two)
        assert (one != other).any()


@pytest.mark.parametrize("spread", [-24.0, -60.0, -1e3, -1e30])
def test_of_a_small_shape_counts_are_of_the_poisson_distribution(spread: float) -> None:
    counts = Distribution.of("negative_binomial")
    o, scale = np.array([[3.0, spread], [-2.0, spread], [-1e3, spread]]), np.full((3, 1), 5.0)
    mean = 5 * np.log1p(np.exp(o[:, :1]))
    np.testing.assert_allclose(counts.mean(o, scale), mean)
    found = counts.quantile(o, LEVELS, scale)[:, 0]
    np.testing.assert_array_equal(found, stats.poisson(mean).ppf(LEVELS))
    y = np.array([[12.0], [1.0], [0.0]])
    by_scipy = stats.poisson(mean).logpmf(y)
    np.testing.assert_allclose(counts.log_prob(o, y, scale), by_scipy, rtol=1e-8, atol=1e-12)
    draws = counts.sample(np.tile(o[0], (9000, 1)), np.random.default_rng(0), np.full((9000, 1), 5))
    assert draws.mean() == pytest.approx(mean[0, 0], rel=0.03)
    assert draws.var() == pytest.approx(mean[0, 0], rel=0.1)


@pytest.mark.parametrize(
    ("mean", "shape"), [(1e4, 9e-7), (400.0, 3.0), (3.0, 40.0), (1e6, 0.01), (1e-3, 5.0)]
)
def test_quantiles_of_counts_that_are_skewed_or_nearly_poisson(mean: float, shape: float) -> None:
    # log(1 + exp(o)) is o where exp(o) is large.
    level = mean / 7 if mean > 1000 else np.log(np.expm1(mean / 7))
    o = np.array([[level, np.log(np.expm1(shape * np.sqrt(7)))]])
    levels = np.linspace(0.001, 0.999, 499)
    found = Distribution.of("negative_binomial").quantile(o, levels.tolist(), np.array([[7.0]]))
    expected = stats.nbinom(1 / shape, 1 / (1 + shape * mean)).ppf(levels)
    np.testing.assert_array_equal(found[0, 0], expected)


def test_counts_beyond_whole_numbers_of_a_float() -> None:
    counts = Distribution.of("negative_binomial")
    o, scale = np.array([[2.0, 3.0]]), np.array([[1e20]])
    mean = counts.mean(o, scale)
    quantiles = counts.quantile(o, (0.01, 0.5, 0.99), scale)[0, 0]
    assert (np.diff(quantiles) > 0).all()
    assert quantiles[1] == pytest.approx(mean[0, 0], rel=1e-3)
    draws = counts.sample(np.tile(o, (2000, 1)), np.random.default_rng(0), scale)
    share = (draws < quantiles[0]).mean()
    assert 0.001 < share < 0.03
    assert draws.mean() == pytest.approx(mean[0, 0], rel=1e-3)


def test_of_many_degrees_of_freedom_it_is_the_normal_distribution() -> None:
    o = rng.normal(size=(50, 2))
    many = np.column_stack((o, np.full(50, 1e9)))
    for y in (0.0, 9.0):
        np.testing.assert_allclose(
            Distribution.of("student_t").log_prob(many, np.full((50, 1), y)),
            Distribution.of("normal").log_prob(o, np.full((50, 1), y)),
            rtol=1e-5,
        )
    np.testing.assert_allclose(
        Distribution.of("student_t").quantile(many, LEVELS),
        Distribution.of("normal").quantile(o, LEVELS),
        rtol=1e-6,
    )


def test_scales_broadcast() -> None:
    counts = Distribution.of("negative_binomial")
    o = raw("negative_binomial")
    one = counts.quantile(o, LEVELS, SCALE[:, :1, :1])
    whole = counts.quantile(o, LEVELS, np.broadcast_to(SCALE[:, :1, :1], SCALE.shape))
    np.testing.assert_array_equal(one, whole)
    drawn = counts.sample(o, np.random.default_rng(0), SCALE[:, :1, :1])
    assert drawn.shape == (4, 7, 3)


def test_float32_outputs_are_computed_in_float64() -> None:
    for name in NAMES:
        o = raw(name).astype(np.float32)
        found = Distribution.of(name).quantile(o, LEVELS, scale_of(name))
        again = Distribution.of(name).quantile(o.astype(np.float64), LEVELS, scale_of(name))
        np.testing.assert_array_equal(found, again)
        assert Distribution.of(name).mean(o, scale_of(name)).dtype == np.float64


def test_what_does_not_fit_is_told() -> None:
    normal, counts = Distribution.of("normal"), Distribution.of("negative_binomial")
    with pytest.raises(ValueError, match="loss must be of a distribution, normal, student_t, neg"):
        Distribution.of("squared")
    with pytest.raises(ValueError, match="got None"):
        Distribution.of(None)
    for levels in ((0.0, 0.5), (0.5, 1.0), (np.nan,), [[0.5]]):
        with pytest.raises(ValueError, match="levels must be numbers between 0 and 1, got"):
            normal.quantile(np.zeros(2), levels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must have 2 numbers a target, got the shape \[4, 3\]"):
        normal.mean(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="a normal distribution takes no scale; pass None"):
        normal.mean(np.zeros((4, 2)), np.ones((4, 1)))
    with pytest.raises(ValueError, match="needs the scale of each row"):
        counts.mean(np.zeros((4, 2)))
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=f"scale must be above 0, got {wrong}"):
            counts.mean(np.zeros((2, 2)), np.array([[1.0], [wrong]]))


def test_every_loss_of_the_head_has_its_distribution() -> None:
    assert sorted(DISTRIBUTIONS) == sorted(NAMES) == sorted(DISTRIBUTION_SIZES)


def test_nothing_heavy_is_imported_with_the_module() -> None:
    code = "import sys, unrolled.runtime.distributions; assert 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
