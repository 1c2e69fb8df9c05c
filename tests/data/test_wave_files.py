"""WAV files read by hand, beside two other readers of them."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from unrolled.data import read_audio, write_wave
from unrolled.data.wave_files import wave_blocks, wave_layout


def read(file: Path, size: int = 1000) -> np.ndarray:
    layout = wave_layout(file)
    assert layout is not None
    return np.concatenate(list(wave_blocks(file, layout, size)))


def chunks(*parts: tuple[bytes, bytes]) -> bytes:
    """A WAV file of these parts."""
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in parts
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def form(encoding: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    align = channels * bits // 8
    return struct.pack("<HHIIHH", encoding, channels, rate, rate * align, align, bits)


DATA = (b"data", struct.pack("<4h", 0, 16384, -32768, 32767))
NUMBERS = [0, 0.5, -1, 32767 / 32768]


@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 3])
def test_has_the_bits_of_another_reader(
    tmp_path: Path, kind: str, form: str, channels: int
) -> None:
    file = tmp_path / "sound.wav"
    samples = np.random.default_rng(0).uniform(-1, 1, (2345, channels))
    soundfile.write(file, samples, 11025, subtype=kind, format=form)
    expected, rate = soundfile.read(file, dtype="float32", always_2d=True)
    layout = wave_layout(file)
    assert layout is not None
    assert (layout.sample_rate, layout.channels, layout.num_samples) == (rate, channels, 2345)
    for size in (1, 100, 5000)[channels == 3 :]:
        found = read(file, size)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["ALAW", "ULAW", "IMA_ADPCM"])
def test_leaves_other_encodings(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "sound.wav"
    samples = np.sin(np.arange(3000) / 9) / 2
    soundfile.write(file, samples, 8000, subtype=kind)
    assert wave_layout(file) is None
    found, rate = read_audio(file)
    assert rate == 8000
    # An adaptive encoding needs some samples to become as loud as they are.
    np.testing.assert_allclose(found[100:3000], samples[100:], atol=0.05)


def test_leaves_other_files(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    for content in (b"", b"RIFF", b"fLaC" + bytes(40), b"RIFF\x00\x00\x00\x00AVI " + bytes(40)):
        file.write_bytes(content)
        assert wave_layout(file) is None


def test_real_recordings(data_folder: Callable[[str], Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(data_folder("fsdd") / "recordings.zip") as recordings:
        for name in sorted(recordings.namelist())[5:3000:600]:
            content = recordings.read(name)
            (tmp_path / "digit.wav").write_bytes(content)
            with wave.open(io.BytesIO(content)) as opened:
                expected = np.frombuffer(opened.readframes(opened.getnframes()), "<i2") / 32768
            found, rate = read_audio(tmp_path / "digit.wav")
            assert rate == opened.getframerate() == 8000
            np.testing.assert_array_equal(found, expected)


def test_other_parts_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(chunks((b"LIST", b"odd"), (b"fmt ", form()), (b"fact", bytes(4)), DATA))
    assert read(file)[:, 0].tolist() == NUMBERS
    file.write_bytes(chunks((b"fmt ", form()), DATA, (b"LIST", b"odd")))
    assert read(file)[:, 0].tolist() == NUMBERS


def test_a_length_not_known_is_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    content = chunks((b"fmt ", form()), DATA)
    place = content.index(b"data") + 4
    file.write_bytes(content[:place] + b"\xff" * 4 + content[place + 4 :])
    assert read(file)[:, 0].tolist() == NUMBERS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (chunks((b"fmt ", form())), "it has no samples behind a description of them"),
        (chunks(DATA, (b"fmt ", form())), "it has no samples behind a description of them"),
        (chunks((b"fmt ", form()[:9]), DATA), "the description of its samples has 9 bytes, not 16"),
        (chunks((b"fmt ", form()), DATA)[:-3], "it ends after 5 of its 8 bytes of samples"),
        (
            chunks((b"fmt ", form(encoding=7, bits=8)), DATA)[:-3],
            "it ends after 5 of its 8 bytes of samples",
        ),
        (
            chunks((b"fmt ", form(channels=3)), DATA),
            "its 8 bytes of samples end within one",
        ),
        (
            chunks((b"fmt ", form(rate=0)), DATA),
            "1 channels of 16 bits in 2 bytes at 0 Hz are impossible",
        ),
    ],
)
def test_refuses_damage(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]+\.$") as error:
        read_audio(file)
    assert str(error.value) == f"{file} is no whole WAV file: {said}."


def sentence(file: Path) -> str:
    """What is said of a file that cannot be read; nothing of one that can, which has samples."""
    try:
        samples, _ = read_audio(file)
    except ValueError as error:
        return str(error)
    return "" if len(samples) else "no samples"


def test_any_damage_is_one_sentence_or_other_sound(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    whole = chunks((b"fmt ", form()), DATA)
    for place in range(len(whole) - len(DATA[1])):
        for value in (0, 1, 0x7F, 0xFF):
            file.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            said = sentence(file)
            assert not said or said.startswith(str(file))
            assert "\n" not in said
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert sentence(file).startswith(f"{file} is no ")


def test_a_file_that_becomes_shorter_is_told(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    write_wave(file, np.zeros(100), 8000)
    layout = wave_layout(file)
    assert layout is not None
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="it became shorter while it was read"):
        list(wave_blocks(file, layout, 30))


@pytest.mark.parametrize("shape", [(500,), (500, 2)])
def test_writes_what_others_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    file = tmp_path / "folder" / "sound.wav"
    samples = np.random.default_rng(0).uniform(-1, 1, shape)
    samples[0], samples[1] = 1, -1
    write_wave(file, samples, 16000)
    found, rate = soundfile.read(file, dtype="float32")
    assert rate == 16000
    assert found.shape == shape
    np.testing.assert_allclose(found[1:], samples[1:], atol=0.5001 / 32768)
    assert (found[0] == 32767 / 32768).all()
    with wave.open(str(file)) as opened:
        assert opened.getparams()[:4] == (2 if shape[1:] else 1, 2, 16000, 500)
    write_wave(file, found, 16000)
    np.testing.assert_array_equal(soundfile.read(file, dtype="float32")[0], found)


@pytest.mark.parametrize(
    ("samples", "rate", "said"),
    [
        (np.zeros((1, 2, 3)), 8000, r"samples must be \[M\] or \[M, C\] and not empty"),
        ([], 8000, r"not empty, got \[0\]"),
        ([1.5], 8000, r"samples must lie in -1..1"),
        ([np.nan], 8000, r"samples must lie in -1..1"),
        ([0.5], 0, "sample_rate must be at least 1, got 0"),
        (np.zeros(2), 2**31, "sample_rate of 1 channel.s. must be at most 2147483647 Hz, got 2147"),
        (np.zeros((1, 2)), 2 * 10**9, "of 2 channel.s. must be at most 1073741823 Hz, got 2000000"),
        (np.zeros((1, 2**15)), 1, r"samples must have at most 32767 channels, got \[1, 32768\]"),
    ],
)
def test_refuses_to_write(tmp_path: Path, samples: np.ndarray, rate: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        write_wave(tmp_path / "sound.wav", samples, rate)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [8000.0, "8000", None, True])
def test_refuses_to_write_another_kind_of_rate(tmp_path: Path, rate: Any) -> None:
    with pytest.raises(TypeError, match=r"^sample_rate must be a whole number, got "):
        write_wave(tmp_path / "sound.wav", [0.5], rate)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("channels", "rate"), [(1, 2**31 - 1), (2, 2**30 - 1), (2**15 - 1, 65538)])
def test_writes_the_most_channels_and_highest_rates(
    tmp_path: Path, channels: int, rate: int
) -> None:
    file = tmp_path / "sound.wav"
    write_wave(file, np.full((1, channels), 0.5), rate)
    layout = wave_layout(file)
    assert layout is not None
    assert (layout.sample_rate, layout.channels, layout.num_samples) == (rate, channels, 1)
    assert (read(file) == 0.5).all()
