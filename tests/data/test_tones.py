"""Telephone tones, read back by their frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.data import telephone_tones

# ITU-T Q.23, written out.
KEYS = {
    (697, 1209): "1", (697, 1336): "2", (697, 1477): "3", (697, 1633): "A",
    (770, 1209): "4", (770, 1336): "5", (770, 1477): "6", (770, 1633): "B",
    (852, 1209): "7", (852, 1336): "8", (852, 1477): "9", (852, 1633): "C",
    (941, 1209): "*", (941, 1336): "0", (941, 1477): "#", (941, 1633): "D",
}  # fmt: skip


def read_back(wave: np.ndarray, rate: int) -> str:
    """The keys of a wave without noise: its sounding parts, by their strongest row and column."""
    sounding = np.flatnonzero(np.abs(wave) > 1e-6)
    text = ""
    for part in np.split(sounding, np.flatnonzero(np.diff(sounding) > 0.02 * rate) + 1):
        tone = wave[part[0] : part[-1] + 1]
        turn = np.exp(-2j * np.pi * np.arange(len(tone)) / rate)
        low = max((697, 770, 852, 941), key=lambda f: abs(tone @ turn**f))
        high = max((1209, 1336, 1477, 1633), key=lambda f: abs(tone @ turn**f))
        text += KEYS[low, high]
    return text


@pytest.mark.parametrize("rate", [8000, 11025])
def test_texts_are_what_sounds(rate: int) -> None:
    waves, texts = telephone_tones(
        30, random_state=1, keys="0123456789*#ABCD", noise=0, sample_rate=rate
    )
    assert set("".join(texts)) == set("0123456789*#ABCD")
    assert [read_back(wave, rate) for wave in waves] == texts


def test_noise_lengths_and_kinds() -> None:
    waves, texts = telephone_tones(40, random_state=2)
    assert len(waves) == len(texts) == 40
    assert {len(text) for text in texts} == {3, 4, 5, 6, 7}
    assert set("".join(texts)) == set("0123456789")
    assert {wave.dtype for wave in waves} == {np.dtype(np.float32)}
    assert max(np.abs(wave).max() for wave in waves) <= 1
    # Every wave begins with a gap of at least 0.04 seconds, where the noise is alone.
    gaps = np.concatenate([wave[:320] for wave in waves])
    assert gaps.std() == pytest.approx(0.1, rel=0.03)
    assert abs(gaps.mean()) < 0.003
    for wave, text in zip(waves, texts, strict=True):
        n = len(text)
        assert n * 0.05 + (n + 1) * 0.04 <= len(wave) / 8000 + 0.002
        assert len(wave) / 8000 <= n * 0.20 + (n + 1) * 0.15 + 0.002


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keys": "12x"}, "^keys must be some of '.*', got '12x'.$"),
        ({"keys": ""}, "got ''"),
        ({"min_keys": 0}, "min_keys must be at least 1, got 0"),
        ({"max_keys": 2}, "max_keys must be at least 3, got 2"),
        ({"tone": (0.2, 0.1)}, r"tone must be the shortest and longest seconds, got \(0.2, 0.1\)"),
        ({"tone": (0.1,)}, r"^tone must be the shortest and longest seconds, got \(0.1,\)\.$"),
        ({"tone": 0.1}, r"^tone must be the shortest and longest seconds, got 0.1\.$"),
        ({"gap": [0.1, 0.2, 0.3]}, r"^gap must be the shortest .*, got \[0.1, 0.2, 0.3\]\.$"),
        ({"gap": (0, 0.1)}, "gap must be"),
        ({"noise": -1}, "noise must be a finite number of at least 0, got -1"),
        ({"sample_rate": 3000}, "sample_rate must be at least 3267, got 3000"),
    ],
)
def test_refuses(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        telephone_tones(2, **change)


@pytest.mark.parametrize("gap", [None, "ab", ("0.1", "0.2")])
def test_refuses_seconds_that_are_no_numbers(gap: Any) -> None:
    with pytest.raises(TypeError, match=r"^gap (must be|holds text)"):
        telephone_tones(2, gap=gap)
