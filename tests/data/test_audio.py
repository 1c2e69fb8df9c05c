"""Sound files and arrays as waves: formats, channels, rates and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import soundfile
from scipy import sparse

from unrolled.data import LogMel, as_waves, audio, audio_blocks, read_audio, write_wave


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * hertz * times).astype(np.float32)


def pitch(wave: np.ndarray, rate: int) -> float:
    """Hz of the strongest sine."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 2**18))
    return float(spectrum.argmax() * rate / 2**18)


FORMATS = [
    ("wav", "PCM_16", 1e-4),
    ("wav", "FLOAT", 0),
    ("wav", "ULAW", 0.02),
    ("flac", "PCM_16", 1e-4),
    ("flac", "PCM_24", 1e-6),
    ("ogg", "VORBIS", 0.1),
]


@pytest.mark.parametrize(("suffix", "kind", "within"), FORMATS)
def test_every_format(tmp_path: Path, suffix: str, kind: str, within: float) -> None:
    file = tmp_path / f"sound.{suffix}"
    samples = sine(440, 16000)
    soundfile.write(file, samples, 16000, subtype=kind)
    found, rate = read_audio(str(file))
    assert (found.dtype, found.shape, rate) == (np.float32, samples.shape, 16000)
    np.testing.assert_allclose(found, samples, atol=within)
    np.testing.assert_array_equal(found, soundfile.read(file, dtype="float32")[0])


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_channels_are_averaged(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"sound.{suffix}"
    left, right, low = sine(440, 8000), sine(700, 8000), sine(100, 8000)
    soundfile.write(file, np.stack([left, right, low], axis=1), 8000)
    np.testing.assert_allclose(read_audio(file)[0], (left + right + low) / 3, atol=1e-4)


@pytest.mark.parametrize(("rate", "new_rate"), [(8000, 16000), (44100, 16000), (16000, 8000)])
def test_resampling_keeps_a_sine(tmp_path: Path, rate: int, new_rate: int) -> None:
    file = tmp_path / "sound.wav"
    soundfile.write(file, sine(1000, rate), rate, subtype="FLOAT")
    found, told = read_audio(file, new_rate)
    assert told == new_rate
    assert abs(len(found) - 0.5 * new_rate) <= 2
    assert pitch(found, new_rate) == pytest.approx(1000, abs=0.1)
    middle = slice(len(found) // 4, len(found) // 2)
    np.testing.assert_allclose(found[middle], sine(1000, new_rate)[middle], atol=1e-3)


def test_resampling_lets_nothing_fold_back() -> None:
    (found,) = as_waves([(sine(6000, 16000), 16000)], 8000)
    assert np.abs(found[500:-500]).max() < 1e-3


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("sample_rate", [8000, 5000])
def test_blocks_have_the_same_bits(
    tmp_path: Path, suffix: str, sample_rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"sound.{suffix}"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (9001, 2))
    soundfile.write(file, samples, 8000)
    whole = read_audio(file, sample_rate)[0]
    monkeypatch.setattr(audio, "BLOCK", 1234)
    blocks = list(audio_blocks(file, sample_rate))
    assert len(blocks) > 5
    assert max(map(len, blocks)) < 1500
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    kind = LogMel(sample_rate)
    np.testing.assert_array_equal(
        kind.apply_blocks(audio_blocks(file, sample_rate)), kind.apply(whole)
    )


def test_waves_of_every_kind(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    write_wave(file, sine(440, 8000), 8000)
    (tmp_path / "sound.flac").write_bytes(b"")
    soundfile.write(tmp_path / "sound.flac", sine(440, 16000), 16000)
    kept = np.array([0.25, -3.0, 7.5])
    waves = as_waves(
        [
            file,
            str(tmp_path / "sound.flac"),
            kept,
            [0.5, 0.25],
            (kept, 8000),
            (sine(440, 44100), 44100),
            np.zeros(4, np.float16),
        ],
        8000,
    )
    assert {wave.dtype for wave in waves} == {np.dtype(np.float32)}
    for wave in (waves[0], waves[1], waves[5]):
        assert abs(len(wave) - 4000) <= 2
        assert pitch(wave, 8000) == pytest.approx(440, abs=0.3)
    assert [w.tolist() for w in waves[2:5]] == [kept.tolist(), [0.5, 0.25], kept.tolist()]
    assert waves[6].tolist() == [0] * 4


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("int8", [-128, 64, 127]), ("uint8", [0, 192, 255]), ("int16", [-(2**15), 2**14, 32767]),
        ("int32", [-(2**31), 2**30, 2**31 - 1]),
    ],
)  # fmt: skip
def test_whole_numbers_are_scaled_as_files_are(kind: str, values: list[int]) -> None:
    (wave,) = as_waves([np.array(values, kind)], 8000)
    assert wave[:2].tolist() == [-1, 0.5]
    assert 0.99 < wave[2] <= 1


def test_collections(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    write_wave(file, [0.5, 0.25], 8000)
    for X in (
        (file,), np.array([str(file)]), pd.Series([str(file)], index=[7]), pl.Series([str(file)]),
        np.array([[0.5, 0.25]]), pl.Series([[0.5, 0.25]]),
    ):  # fmt: skip
        assert [wave.tolist() for wave in as_waves(X, 8000)] == [[0.5, 0.25]]


@pytest.mark.parametrize(
    ("X", "kind", "said"),
    [
        ("a.wav", TypeError, "^X is a single path, 'a.wav'; pass a list of paths"),
        (Path("a.wav"), TypeError, "X is a single path"),
        (np.zeros(9), TypeError, "^X is a single wave of 9 samples; pass a list"),
        (3, TypeError, "^X must be a list of paths, .*, got int"),
        ({"a": 1}, TypeError, "got dict"),
        (pd.DataFrame({"a": ["b.wav"]}), TypeError, "got DataFrame"),
        (sparse.eye(3), TypeError, "sparse"),
        ([], ValueError, "X: found array with 0 sample"),
        ([np.zeros(2), []], ValueError, r"X\[1\]: found array with 0 step"),
        ([np.zeros((2, 5))], ValueError, r"^X\[0\] must be \[M\], got \[2, 5\]; average"),
        ([np.array([0, np.nan])], ValueError, r"^X\[0\] holds NaN at sample 1"),
        ([np.array([np.inf, 0])], ValueError, r"^X\[0\] holds infinity at sample 0"),
        ([np.array([1e300])], ValueError, r"^X\[0\] holds numbers beyond float32"),
        ([np.arange(3)], TypeError, r"^X\[0\] holds int64, whose scale is not known"),
        ([np.array([True])], TypeError, r"^X\[0\] must be a path, .* got ndarray of bool"),
        ([np.array([1j])], TypeError, "got ndarray of complex128"),
        ([None], TypeError, "got NoneType of object"),
        ([[1.0, [2.0]]], ValueError, r"^X\[0\] is nested unevenly"),
        ([np.array(["a", None])], TypeError, "got ndarray of object"),
        ([("a.wav", 8000)], TypeError, "got tuple of <U"),
        ([(np.zeros(5), 8000.5)], TypeError, r"^the rate of X\[0\] must be a whole number"),
        ([(np.zeros(5), 0)], ValueError, r"^the rate of X\[0\] must be at least 1, got 0"),
        ([(np.zeros(5), 1)], ValueError, "at most 1000 times as"),
        ([(np.zeros(1), 48000)], ValueError, r"has 1 sample\(s\), too few to be resampled"),
    ],
)
def test_refuses_waves(X: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as error:
        as_waves(X, 8000)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("rate", "kind", "said"),
    [
        (0, ValueError, "^sample_rate must be at least 1, got 0"),
        (2**31, ValueError, "^sample_rate must be at most"),
        (8000.0, TypeError, "^sample_rate must be a whole number"),
    ],
)
def test_refuses_rates(tmp_path: Path, rate: Any, kind: type[Exception], said: str) -> None:
    write_wave(tmp_path / "sound.wav", [0.0], 8000)
    for call in (as_waves, read_audio):
        with pytest.raises(kind, match=said):
            call([np.zeros(3)] if call is as_waves else tmp_path / "sound.wav", rate)


def test_refuses_files(tmp_path: Path) -> None:
    file = tmp_path / "sound.flac"
    with pytest.raises(FileNotFoundError, match="is not a file"):
        read_audio(file)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        as_waves([str(tmp_path)], 8000)
    for content in (b"", b"no sound at all" * 99):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"^\S+ is no sound file that can be read: [^\n]+\.$"):
            read_audio(file)
    soundfile.write(file, np.random.default_rng(0).uniform(-1, 1, 20000), 8000)
    file.write_bytes(file.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"^\S+ is no (whole )?sound file[^\n]+\.$"):
        read_audio(file)
    # The second kind is read by soundfile.
    for kind in ("PCM_16", "ULAW"):
        empty = tmp_path / "empty.wav"
        soundfile.write(empty, np.zeros(0), 8000, subtype=kind)
        with pytest.raises(ValueError, match=r"^\S+ holds no samples; drop it\.$"):
            read_audio(empty)
    broken = tmp_path / "nan.wav"
    soundfile.write(broken, np.array([0, 0, np.nan], np.float32), 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"nan.wav holds NaN at sample 2; "):
        read_audio(broken)


def test_without_the_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, other = tmp_path / "sound.wav", tmp_path / "sound.flac"
    write_wave(plain, [0.5, 0.25], 8000)
    soundfile.write(other, sine(440, 8000), 8000)
    for library in ("soundfile", "soxr"):
        monkeypatch.setitem(sys.modules, library, None)
    assert read_audio(plain, 8000)[0].tolist() == [0.5, 0.25]
    for library, call in (
        ("soundfile", lambda: read_audio(other)),
        ("soxr", lambda: read_audio(plain, 16000)),
        ("soxr", lambda: as_waves([(np.zeros(9), 16000)], 8000)),
    ):
        with pytest.raises(
            ModuleNotFoundError, match=r"run: pip install 'unrolled\[audio\]'$"
        ) as error:
            call()
        assert error.value.name == library
        assert "\n" not in str(error.value)
