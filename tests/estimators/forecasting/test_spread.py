"""Quantiles, samples and intervals of every loss that knows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forecast_problems import LEARNT, STRATEGIES, given, make
from hypothesis import given as examples
from hypothesis import strategies as st

from unrolled.estimators.forecasting.outputs import Outputs

SPREAD = [pair for pair in LEARNT if pair[1] not in ("squared", "absolute", "huber")]
DRAWN = [pair for pair in SPREAD if pair[1] != "quantile"]
LEVELS = (0.1, 0.25, 0.5, 0.77, 0.9)


def fitted(strategy: str, loss: str, **changes: Any) -> Any:
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    return make(strategy, loss, **changes).fit(whole.X, **whole.kept())


@pytest.mark.parametrize(("strategy", "loss"), SPREAD)
def test_quantiles_do_not_cross(strategy: str, loss: str) -> None:
    """Also of weights that are far from any fit."""
    model = fitted(strategy, loss)
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    for turn in range(3):
        q = model.predict_quantiles(LEVELS, X=whole.X, **whole.kept())
        assert q.shape == (3, 5, 5)
        assert (np.diff(q, axis=-1) >= 0).all()
        assert (np.diff(q, axis=-1) > 0).any()
        rng = np.random.default_rng(turn)
        model.weights_[:] = rng.normal(0, 0.7, len(model.weights_))


@pytest.mark.parametrize(("strategy", "loss"), SPREAD)
def test_the_point_is_the_median(strategy: str, loss: str) -> None:
    model = fitted(strategy, loss)
    np.testing.assert_allclose(model.predict(), model.predict_quantiles((0.5,))[..., 0], rtol=1e-9)
    low, high = np.moveaxis(model.predict_interval(0.8), -1, 0)
    q = model.predict_quantiles((0.1, 0.9))
    np.testing.assert_array_equal(low, q[..., 0])
    np.testing.assert_array_equal(high, q[..., 1])


@pytest.mark.parametrize(("strategy", "loss"), DRAWN)
def test_samples_agree_with_quantiles(strategy: str, loss: str) -> None:
    model = fitted(strategy, loss, num_samples=4000, log=loss == "normal")
    draws = model.sample(4000, random_state=1)
    assert draws.shape == (3, 5, 4000)
    for level, q in zip(LEVELS, np.moveaxis(model.predict_quantiles(LEVELS), -1, 0), strict=True):
        below = (draws < q[..., None]).mean(axis=-1)
        upto = (draws <= q[..., None]).mean(axis=-1)
        # Counts jump over a level; paths are themselves drawn, so that both are uncertain.
        assert (below < level + 0.045).all()
        assert (upto > level - 0.045).all()


@pytest.mark.parametrize(("strategy", "loss"), DRAWN)
def test_samples_follow_from_their_seed(strategy: str, loss: str) -> None:
    model = fitted(strategy, loss)
    a, b, c = (model.sample(5, random_state=seed) for seed in (1, 1, 2))
    assert a.tobytes() == b.tobytes()
    assert a.tobytes() != c.tobytes()
    # Each step, series and sample has numbers of its own.
    assert len(np.unique(a)) > (20 if loss == "negative_binomial" else 74)


@pytest.mark.parametrize("channels", ["shared", "joint"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_counts_are_counts(strategy: str, channels: str) -> None:
    X = given("two+missing").X * np.array([1, 40])
    model = make(strategy, "negative_binomial", channels=channels, max_epochs=30).fit(X)
    found = [model.sample(20, random_state=0), model.predict_quantiles(LEVELS)]
    for counts in [*found, model.predict(), model.predict(3), model.predict(1)]:
        np.testing.assert_array_equal(counts, np.rint(counts))
        assert (counts >= 0).all()
    # Each target has its own scale.
    ratio = np.mean(found[0][:, 1]) / np.mean(found[0][:, 0])
    assert 20 < ratio < 80
    assert 0.4 < np.mean(found[0][:, 0]) / np.nanmean(X[:, 0]) < 2.5


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("channels", ["shared", "joint"])
def test_spread_of_each_target(strategy: str, channels: str) -> None:
    """A target that varies more has a wider interval, in its own place."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) * np.array([1.0, 100.0]) + np.array([-5.0, 0.0])
    model = make(
        strategy, "normal", channels=channels, normalization="none", max_epochs=8, num_samples=300
    ).fit(X)
    q = model.predict_quantiles((0.1, 0.9))
    assert q.shape == (5, 2, 2)
    width = q[..., 1] - q[..., 0]
    assert (width[:, 0] > 1.5).all()
    assert (width[:, 0] < 4).all()
    assert (width[:, 1] > 150).all()
    assert (width[:, 1] < 400).all()
    assert (abs(model.predict()[:, 0] + 5) < 1).all()


@examples(st.integers(0, 20), st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True))
def test_learnt_quantiles_between_their_levels(seed: int, levels: list[int]) -> None:
    known = np.array(sorted(levels)) / 100
    raw = np.random.default_rng(seed).normal(size=(3, len(known)))
    outputs = Outputs("quantile", tuple(known))
    asked = np.linspace(known[0], known[-1], 7)
    found = outputs.quantiles(raw, asked)
    for row, mine in zip(np.sort(raw), found, strict=True):
        np.testing.assert_allclose(mine, np.interp(asked, known, row), atol=1e-9)
    np.testing.assert_array_equal(outputs.quantiles(raw, known), np.sort(raw))


def test_what_is_not_learnt_is_told() -> None:
    X = given("one").X
    point = make("direct").fit(X)
    for ask in (point.predict_quantiles, point.predict_interval):
        with pytest.raises(ValueError, match=r"loss='squared' learns one number and no spread"):
            ask()
    for ask in (point.sample, make("direct", "quantile").fit(X).sample):
        with pytest.raises(ValueError, match="learns no distribution to draw from"):
            ask()
    recursive = make("recursive").fit(X)
    for ask in (recursive.predict_quantiles, recursive.sample, recursive.predict_interval):
        with pytest.raises(ValueError, match="loss='squared' learns no distribution"):
            ask()
    quantile = make("direct", "quantile").fit(X)
    with pytest.raises(ValueError, match=r"from 0.1 to 0.9 were learnt, got the level 0.05"):
        quantile.predict_quantiles((0.05, 0.5))
    with pytest.raises(ValueError, match=r"from 0.1 to 0.9 were learnt, got the level 0.025"):
        quantile.predict_interval(0.95)


@pytest.mark.parametrize(
    "levels", [(), (0.5, 0.1), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5), ("a",), 0.5, None]
)
def test_levels_that_are_none(levels: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="levels"):
        make("direct", "normal").fit(given("one").X).predict_quantiles(levels)


@pytest.mark.parametrize("coverage", [0, 1, 1.0, -0.5, 2.0, True, "0.8", None, np.nan])
def test_coverages_that_are_none(coverage: Any) -> None:
    model = make("direct", "normal").fit(given("one").X)
    with pytest.raises(ValueError, match="coverage must be between 0 and 1, got"):
        model.predict_interval(coverage)


@pytest.mark.parametrize("num", [0, -1, 2.5, True, "a", None])
def test_numbers_of_samples_that_are_none(num: Any) -> None:
    model = make("direct", "normal").fit(given("one").X)
    with pytest.raises(ValueError, match="num_samples must be a whole number of at least 1, got"):
        model.sample(num)


# Conformal


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("loss", ["squared", "normal"])
def test_measured_intervals_cover(strategy: str, loss: str) -> None:
    """Of series of quite different sizes, new ones, whatever the network has learnt."""
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.integers(-2, 4, 60)
    walks = [size * np.cumsum(rng.standard_t(4, size=45)) for size in sizes]
    model = make(strategy, loss, calibration_steps=15).fit(walks[:30])
    for coverage in (0.5, 0.8, 0.9):
        before, after = [w[:40] for w in walks[30:]], np.array([w[40:] for w in walks[30:]])
        low, high = np.moveaxis(model.predict_interval(coverage, X=before), -1, 0)
        held = ((low <= after) & (after <= high)).mean()
        assert coverage - 0.13 < held < coverage + 0.13
    # Narrower where the series is calm, and the wider the further ahead.
    width = high - low
    assert np.corrcoef(np.log(width[:, 0]), np.log(sizes[30:]))[0, 1] > 0.95
    assert (width[:, 4] > width[:, 0]).mean() > 0.9
    points = model.predict(X=before)
    if loss == "squared":
        np.testing.assert_allclose((low + high) / 2, points, rtol=1e-6)


def test_measured_intervals_reach_as_far_as_they_were_measured() -> None:
    model = make("recursive", calibration_steps=9).fit(given("one").X)
    assert model.predict_interval(0.5, horizon=2).shape == (2, 2)
    with pytest.raises(ValueError, match="measured for 5 steps ahead, got horizon=6; fit with"):
        model.predict_interval(0.5, horizon=6)
    # Too few errors for so sure an interval: its ends are not finite numbers, or it is refused.
    X = given("one").X
    X[-9:] = np.nan
    with pytest.raises(ValueError, match="calibration_steps=9 leave no value to measure step 1 by"):
        make("direct", calibration_steps=9).fit(X)
