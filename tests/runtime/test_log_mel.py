"""Log-mel features against definitions written out, a number at a time."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from unrolled.runtime import log_mel
from unrolled.runtime.log_mel import LogMel


def mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


def by_definition(wave: np.ndarray, kind: LogMel) -> np.ndarray:
    """Features before normalisation: sums over samples and over the spectrum, by hand."""
    W = round(kind.window * kind.sample_rate)
    S = round(kind.step * kind.sample_rate)
    size = 2 ** math.ceil(math.log2(W))
    high = kind.sample_rate / 2 if kind.high is None else kind.high
    corners = np.linspace(mel(kind.low), mel(high), kind.num_mels + 2)
    n, k = np.arange(W), np.arange(size // 2 + 1)
    turn = np.exp(-2j * np.pi * np.outer(n, k) / size)
    rows = []
    for start in range(0, max(1, len(wave) - W + 1), S):
        cut = np.zeros(W)
        cut[: len(wave[start : start + W])] = wave[start : start + W]
        power = np.abs((cut * np.sin(np.pi * n / W) ** 2) @ turn) ** 2
        row = []
        for left, middle, right in zip(corners[:-2], corners[1:-1], corners[2:], strict=True):
            total = 0.0
            for j in k:
                at = mel(j * kind.sample_rate / size)
                if left < at <= middle:
                    total += power[j] * (at - left) / (middle - left)
                elif middle < at < right:
                    total += power[j] * (right - at) / (right - middle)
            row.append(math.log(max(total, 1e-8)))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    "kind",
    [
        LogMel(normalize=False),
        LogMel(16000, 0.02, 0.0125, 23, 100.0, 7000.0, normalize=False),
        LogMel(11025, num_mels=7, low=0, normalize=False),
    ],
)
@pytest.mark.parametrize("num_samples", [1, 150, 1234])
def test_is_the_definition(kind: LogMel, num_samples: int) -> None:
    wave = np.random.default_rng(num_samples).normal(0, 0.1, num_samples).astype(np.float32)
    features = kind.apply(wave)
    assert features.dtype == np.float32
    assert features.shape == (kind.steps(num_samples), kind.channels)
    np.testing.assert_allclose(features, by_definition(wave, kind), atol=2e-5)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_sine_peaks_in_its_filter(rate: int) -> None:
    kind = LogMel(rate, normalize=False)
    times = np.arange(rate // 5) / rate
    # Below them the spectrum is coarser than the filters.
    for i in range(8, kind.num_mels):
        features = kind.apply(0.3 * np.sin(2 * np.pi * kind.frequencies[i] * times))
        assert (features.argmax(axis=1) == i).all()


def test_power_is_that_of_the_samples() -> None:
    # By Parseval: the sum of |rfft|^2 over the whole spectrum is the size times the sum of squares.
    kind = LogMel(8000, 0.032, 0.032, 1, 0.0, 4000.0, normalize=False)
    wave = np.random.default_rng(0).normal(size=256)
    weighted = wave * np.sin(np.pi * np.arange(256) / 256) ** 2
    spectrum = np.abs(np.fft.fft(weighted)) ** 2
    assert spectrum.sum() == pytest.approx(256 * (weighted**2).sum())
    assert np.exp(kind.apply(wave)[0, 0]) == pytest.approx(
        (spectrum[:129] * kind.filters[0]).sum(), rel=1e-5
    )


def test_filters_cover_the_band_evenly() -> None:
    kind = LogMel(16000, num_mels=20, low=200, high=6000)
    hertz = np.arange(kind.filters.shape[1]) * 16000 / 512
    inside = (hertz >= kind.frequencies[0]) & (hertz <= kind.frequencies[-1])
    np.testing.assert_allclose(kind.filters.sum(axis=0)[inside], 1.0)
    assert not kind.filters[:, (hertz <= 200) | (hertz >= 6000)].any()
    np.testing.assert_allclose(np.diff([mel(f) for f in kind.frequencies]), 2595 * math.log10(
        (1 + 6000 / 700) / (1 + 200 / 700)) / 21)  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        kind.filters[0, 0] = 1


def test_normalises_each_filter() -> None:
    wave = np.random.default_rng(1).normal(0, 0.1, 4000)
    plain = LogMel(normalize=False).apply(wave).astype(np.float64)
    features = LogMel().apply(wave)
    np.testing.assert_allclose(
        features, (plain - plain.mean(axis=0)) / plain.std(axis=0), atol=1e-5
    )
    # Loudness is a constant of the logarithm.
    np.testing.assert_allclose(LogMel().apply(7 * wave), features, atol=1e-4)


def test_what_does_not_vary_is_nought() -> None:
    for wave in (np.zeros(3000), np.full(50, 0.5), np.tile([0.1, -0.2, 0.3, 0.4], 500)):
        features = LogMel().apply(wave)
        assert (features[0] == 0).all()
        assert np.abs(features).max() < 1e-2
    assert (LogMel(normalize=False).apply(np.zeros(300)) == np.float32(math.log(1e-8))).all()


@pytest.mark.parametrize("normalize", [True, False])
def test_blocks_have_the_same_bits(normalize: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_mel, "BLOCK", 256 * 7)
    kind = LogMel(normalize=normalize)
    rng = np.random.default_rng(2)
    for num_samples in (3, 199, 200, 280, 200 + 6 * 80, 200 + 7 * 80, 5003):
        wave = rng.normal(0, 0.1, num_samples).astype(np.float32)
        whole = kind.apply(wave)
        assert len(whole) == kind.steps(num_samples)
        for num_cuts in (1, 4, 60):
            cuts = np.sort(rng.integers(0, num_samples + 1, num_cuts))
            blocks = np.split(wave, cuts)
            np.testing.assert_array_equal(kind.apply_blocks(iter(blocks)), whole)
    monkeypatch.undo()
    np.testing.assert_allclose(kind.apply(wave), whole, atol=1e-5)


def test_holds_no_more_than_a_block() -> None:
    """Features come while the wave does."""
    kind, given = LogMel(), 0

    def endless() -> Any:
        nonlocal given
        while True:
            given += 1
            yield np.zeros(8000, np.float32)

    frames = kind.frames(endless())
    assert sum(len(next(frames)) for _ in range(3)) >= 3 * 2000
    assert given < 70


def test_time_of_steps() -> None:
    kind = LogMel(8000)
    assert [kind.steps(m) for m in (1, 200, 279, 280, 8000)] == [1, 1, 1, 2, 98]
    np.testing.assert_allclose(
        kind.seconds([[0, 1], [97, 2.5]]), [[0.0125, 0.0225], [0.9825, 0.0375]]
    )
    # A click is loudest in the frame whose middle it is at.
    wave = np.full(8000, 1e-4)
    wave[round(0.5125 * 8000)] = 1
    loudest = int(LogMel(normalize=False).apply(wave).sum(axis=1).argmax())
    assert kind.seconds(loudest) == pytest.approx(0.5125)
    with pytest.raises(ValueError, match=r"^num_samples must be at least 1, got 0$"):
        kind.steps(0)


@pytest.mark.parametrize("kind", [LogMel(), LogMel(16000, 0.03, 0.015, 12, 50.5, 6000, False)])
def test_config_gives_it_back(kind: LogMel) -> None:
    again = LogMel.from_config(json.loads(json.dumps(kind.to_config())))
    assert again == kind
    assert hash(again) == hash(kind)
    assert json.dumps(LogMel(np.int64(8000), num_mels=np.int32(40)).to_config())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sample_rate": 8000.0}, "sample_rate needs a whole number of 1 to 192000, not 8000.0"),
        ({"sample_rate": True}, "not True"),
        ({"sample_rate": 10**9}, "not 1000000000"),
        ({"num_mels": 0}, "num_mels needs a whole number of 1 to 256, not 0"),
        ({"num_mels": 250}, "num_mels=250 makes filter 0 too narrow for a window of 200 samples"),
        ({"window": "long"}, "window needs a finite number of at least 0, not 'long'"),
        ({"window": math.nan}, "not nan"),
        ({"window": 5}, "window=5.0 need 0 < step <= window <= 1.0 seconds"),
        ({"step": 0.03}, "step=0.03 and window=0.025 need"),
        ({"step": 0}, "step=0.0"),
        ({"step": 1e-5}, "shorter than the samples of sample_rate=8000"),
        ({"low": -1}, "low needs a finite number of at least 0, not -1"),
        ({"low": None}, "not None"),
        ({"low": 4000}, "low=4000.0 and high=4000.0 need low < high <= 4000.0"),
        ({"high": 4001.0}, "high=4001.0"),
        ({"normalize": 1}, "normalize needs True or False, not 1"),
        ({"pitch": 1}, "the log-mel holds 'pitch'"),
    ],
)
def test_refuses(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        LogMel.from_config(LogMel().to_config() | change)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("wave", "kind", "said"),
    [
        (np.array([]), ValueError, "the wave is empty; at least one sample is needed"),
        (np.zeros((3, 2)), ValueError, r"the wave needs the shape \[M\], got \[3, 2\]"),
        (np.zeros(3, np.int16), TypeError, "the wave needs floats, got int16"),
        (np.array([0, 0, np.nan]), ValueError, "the wave holds NaN at sample 2"),
        (np.array([0, -np.inf]), ValueError, "the wave holds infinity .* at sample 1"),
        (np.array([1e39]), ValueError, "a number beyond float32 at sample 0"),
    ],
)
def test_refuses_waves(wave: np.ndarray, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        LogMel().apply(wave)


def test_names_the_place_in_the_whole_wave() -> None:
    with pytest.raises(ValueError, match="NaN at sample 501"):
        LogMel().apply_blocks([np.zeros(500), np.array([0, np.nan])])
