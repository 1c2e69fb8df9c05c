"""Masks of spans, and waves played faster and slower."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.data import change_speed, mask_spans


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_hides_one_span_of_steps_or_features() -> None:
    frames = rng(0).normal(size=(50, 12)).astype(np.float32)
    before = frames.copy()
    lengths: dict[str, set[int]] = {"steps": set(), "features": set()}
    for seed in range(300):
        by_step = mask_spans(frames, rng(seed), num_time=1, max_steps=6, num_feature=0)
        by_feature = mask_spans(frames, rng(seed), num_time=0, num_feature=1, max_features=4)
        for axis, masked in (("steps", by_step), ("features", by_feature.T)):
            hidden = np.flatnonzero((masked == 0).all(axis=1))
            lengths[axis].add(len(hidden))
            assert (np.diff(hidden) == 1).all()
            assert (masked == 0).any(axis=1).sum() == len(hidden)
        assert by_step.dtype == np.float32
        assert ((by_step == frames) | (by_step == 0)).all()
    assert lengths == {"steps": set(range(7)), "features": set(range(5))}
    np.testing.assert_array_equal(frames, before)


def test_every_place_can_be_hidden_and_short_frames_keep_most() -> None:
    frames = np.ones((10, 5), np.float32)
    counts = np.zeros((10, 5))
    for seed in range(400):
        masked = mask_spans(frames, rng(seed), num_time=1, num_feature=1, max_features=2, value=3)
        assert set(np.unique(masked)) <= {1, 3}
        assert (masked[:, 0] == 3).sum() <= 2 or (masked[:, 0] == 3).all()
        counts += masked == 3
    assert counts.min() > 40
    assert (mask_spans(frames, rng(0), max_share=0, num_feature=0) == frames).all()
    assert mask_spans(np.ones((1, 2), np.float32), rng(0)).shape == (1, 2)


def test_same_generator_same_bits() -> None:
    frames = rng(1).normal(size=(90, 40))
    np.testing.assert_array_equal(mask_spans(frames, rng(5)), mask_spans(frames, rng(5)))
    assert (mask_spans(frames, rng(5)) != mask_spans(frames, rng(6))).any()


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"rng": 3}, TypeError, "rng must be a numpy.random.Generator, got int"),
        ({"frames": [[0.0, 1.0]]}, TypeError, r"^frames must be an array \[T, F\], got list\.$"),
        ({"frames": np.zeros(4)}, ValueError, r"frames must be \[T, F\], got \[4\]"),
        ({"max_share": 1.5}, ValueError, "max_share must be in 0..1, got 1.5"),
        ({"num_time": -1}, ValueError, "num_time must be at least 0, got -1"),
        ({"max_features": 2.5}, TypeError, "max_features must be a whole number"),
    ],
)
def test_refuses(change: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        mask_spans(**({"frames": np.zeros((4, 3)), "rng": rng(0)} | change))


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1, 2.0])
def test_speed_moves_the_pitch(factor: float) -> None:
    wave = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
    before = wave.copy()
    changed = change_speed(wave, factor)
    assert changed.dtype == np.float32
    assert abs(len(changed) - 8000 / factor) <= 2
    spectrum = np.abs(np.fft.rfft(changed * np.hanning(len(changed)), 2**16))
    assert spectrum.argmax() * 8000 / 2**16 == pytest.approx(440 * factor, abs=0.2)
    changed[:] = 0
    np.testing.assert_array_equal(wave, before)


@pytest.mark.parametrize("factor", [0, -1, 11, np.nan])
def test_refuses_speeds(factor: float) -> None:
    with pytest.raises(ValueError, match=r"^factor must be in 0.1 .. 10, got"):
        change_speed(np.zeros(100), factor)


@pytest.mark.parametrize("factor", [0.9, 1.0])
@pytest.mark.parametrize(
    ("wave", "kind", "said"),
    [
        (
            np.zeros((100, 2)),
            ValueError,
            r"wave must be \[M\], got \[100, 2\]; average its channels",
        ),
        ([], ValueError, r"wave: found array with 0 sample\(s\)"),
        (0.5, TypeError, "wave must be an array or a list of numbers, got float 0.5"),
    ],
)
def test_refuses_waves(wave: Any, kind: type[Exception], said: str, factor: float) -> None:
    with pytest.raises(kind, match=f"^{said}"):
        change_speed(wave, factor)
