"""Targets to what a network reads, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data.series import SeriesSet
from unrolled.data.series_arrays import series_from_arrays
from unrolled.estimators.forecasting.prepare import Preparation, Prepared
from unrolled.estimators.forecasting.transform import (
    SCALINGS,
    Scales,
    TargetTransform,
    fill_forward,
)

LENGTHS = (30, 7, 19)
H = 5


def series(*, missing: bool, seed: int = 0, K: int = 2) -> SeriesSet:
    """Series above 0 of quite different sizes, with gaps but at their ends."""
    rng = np.random.default_rng(seed)
    parts = []
    for s, T in enumerate(LENGTHS):
        part = np.exp(rng.normal(size=(T, K))) * 10.0 ** (2 * s)
        if missing:
            gone = rng.random(part.shape) < 0.3
            gone[-3:] = False
            part[gone] = np.nan
        parts.append(part)
    return series_from_arrays(parts)


def prepare(transform: TargetTransform, known: SeriesSet, scales: Scales) -> Prepared:
    return Preparation(transform, None, None, None, ()).apply(known, scales, 0)


@given(
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(SCALINGS),
    st.booleans(),
    st.integers(0, 5),
)
def test_what_is_known_comes_back(
    log: bool, difference: int, scaling: str, missing: bool, seed: int
) -> None:
    """The last H steps of each series, inverted from what the network would have forecast."""
    transform = TargetTransform(log, difference, scaling)
    whole = series(missing=missing, seed=seed)
    if missing:  # the horizon itself has no gaps, for differences to add up
        whole = series_from_arrays(
            [np.concatenate([whole[s], whole[s][-3:], whole[s][-3:-1]]) for s in range(3)]
        )
    stops = whole.lengths - H
    scales = transform.fit(whole.upto(stops))
    scaled = transform.apply(whole, scales)
    prepared = prepare(transform, whole, scales)
    which = np.array([2, 0, 1, 0])
    origins = stops[which]
    rows = (scaled.starts[which] + origins)[:, None] + np.arange(H)
    # What was lost to gaps just before the origin cannot come back: there nothing is missing.
    there = scaled.observed[rows].all(axis=1)
    forecast = scaled.values[rows]
    found = transform.invert(forecast, scales, which, prepared.before(which, origins, difference))
    truth = np.stack([whole[s][o : o + H] for s, o in zip(which, origins, strict=True)])
    assert there.any()
    for n, k in np.argwhere(there):
        np.testing.assert_allclose(found[n, :, k], truth[n, :, k], rtol=1e-9)
    # With more axes behind, as of quantiles and paths.
    many = np.stack([forecast, forecast + 1], axis=-1)
    found = transform.invert(many, scales, which, prepared.before(which, origins, difference))
    for n, k in np.argwhere(there):
        np.testing.assert_allclose(found[n, :, k, 0], truth[n, :, k], rtol=1e-9)
        assert (found[n, :, k, 1] != found[n, :, k, 0]).all()


@pytest.mark.parametrize("difference", [0, 1, 3])
@pytest.mark.parametrize("log", [True, False])
def test_scales_are_those_of_each_series(log: bool, difference: int) -> None:
    whole = series(missing=True)
    expected = []
    for s in range(3):
        values = np.log(whole[s]) if log else whole[s]
        expected.append(values[difference:] - values[:-difference] if difference else values)
    standard = TargetTransform(log, difference, "standard").fit(whole)
    np.testing.assert_allclose(standard.center, [np.nanmean(v, 0) for v in expected], rtol=1e-9)
    np.testing.assert_allclose(standard.scale, [np.nanstd(v, 0) for v in expected], rtol=1e-9)
    mean = TargetTransform(log, difference, "mean").fit(whole)
    assert not mean.center.any()
    np.testing.assert_allclose(mean.scale, [np.nanmean(abs(v), 0) for v in expected], rtol=1e-9)
    none = TargetTransform(log, difference, "none").fit(whole)
    assert not none.center.any()
    assert (none.scale == 1).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9, -3e-9])
def test_a_constant_series_keeps_its_unit(value: float) -> None:
    whole = series_from_arrays(np.full(50, value))
    assert TargetTransform().fit(whole).scale.item() == 1


def test_scaled_targets_of_a_plain_loop() -> None:
    whole, d = series(missing=True), 2
    transform = TargetTransform(True, d, "standard")
    scales = transform.fit(whole)
    scaled = transform.apply(whole, scales)
    row = 0
    for s in range(3):
        logs = np.log(whole[s])
        last, base = np.zeros(2), np.zeros(2)
        for t in range(LENGTHS[s]):
            change = logs[t] - logs[t - d] if t >= d else np.full(2, np.nan)
            value = (change - scales.center[s]) / scales.scale[s]
            last = np.where(np.isnan(value), last, value)
            base = np.where(np.isnan(logs[t]), base, logs[t])
            np.testing.assert_allclose(scaled.values[row], last, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(scaled.base[row], base, rtol=1e-12)
            np.testing.assert_array_equal(scaled.observed[row], ~np.isnan(value))
            row += 1
    assert row == len(scaled.values)


def test_a_gap_is_not_filled_from_the_series_before() -> None:
    values = np.array([[1.0], [np.nan], [np.nan], [3.0], [np.nan]])
    found = fill_forward(values, np.array([0, 0, 2, 2, 2]), -5.0)
    assert found.ravel().tolist() == [1, 1, -5, 3, 3]


@pytest.mark.parametrize("value", [0.0, -2.5])
def test_logarithms_need_values_above_zero(value: float) -> None:
    parts = [np.ones(4), np.ones(5)]
    parts[1][3] = value
    with pytest.raises(ValueError, match=rf"log=True needs values above 0, got {value:g} in .*1"):
        TargetTransform(log=True).fit(series_from_arrays(parts))


def test_nothing_behind_an_origin_changes_its_scales() -> None:
    whole, stops = series(missing=True), np.array([12, 4, 9])
    other = series_from_arrays([whole[s].copy() for s in range(3)])
    for s, stop in enumerate(stops):
        other[s][stop:] *= 7
    for scaling in SCALINGS:
        for difference in (0, 2):
            transform = TargetTransform(True, difference, scaling)
            found, after = (transform.fit(one.upto(stops)) for one in (whole, other))
            assert found.center.tobytes() == after.center.tobytes()
            assert found.scale.tobytes() == after.scale.tobytes()
