"""WAV files without a library: whole numbers of 8 to 32 bits and floats, read in blocks."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data import checks
from unrolled.runtime.files import write_whole

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
# What a program writes as a length that it does not know yet.
UNKNOWN_LENGTH = 0xFFFFFFFF
# Bytes of a sample, of one channel, in each encoding that is read here.
WIDTHS = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}
# Of samples of 16 bits: a header has 16 bits for the bytes of one sample of all channels.
MAX_CHANNELS = (2**16 - 1) // 2


@dataclass(frozen=True)
class WaveLayout:
    """Where the samples of a WAV file are, and how they are written.

    Attributes:
        sample_rate: Hz.
        channels: C.
        encoding: 1 for whole numbers, 3 for floats.
        width: bytes of a sample of one channel.
        start: place of the first byte of samples.
        num_samples: M, of each channel.
    """

    sample_rate: int
    channels: int
    encoding: int
    width: int
    start: int
    num_samples: int


def wave_layout(file: Path) -> WaveLayout | None:
    """The layout of a WAV file; None for another kind of file, or an encoding not read here.

    Raises:
        ValueError: it is a WAV file that is damaged or ends too early.
    """
    length = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        form: bytes | None = None
        while len(chunk := stream.read(8)) == 8:
            name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
            place = stream.tell()
            if name == b"fmt ":
                form = stream.read(min(size, 40))
            elif name == b"data":
                if form is None:
                    break
                return _layout(file, form, place, size, length)
            # A chunk of an odd size has one byte more.
            stream.seek(place + size + size % 2)
    raise _damaged(file, "it has no samples behind a description of them")


def wave_blocks(file: Path, layout: WaveLayout, size: int) -> Iterator[NDArray[np.float32]]:
    """The samples of a WAV file, whole numbers scaled to -1..1, in blocks.

    Args:
        file: the file.
        layout: what `wave_layout` found in it.
        size: samples of a block, of each channel.

    Yields:
        [m, C] float32 with m of at most `size`.

    Raises:
        ValueError: the file has become shorter.
    """
    with file.open("rb") as stream:
        stream.seek(layout.start)
        for first in range(0, layout.num_samples, size):
            count = min(size, layout.num_samples - first)
            yield _decoded(_exactly(file, stream, count, layout), layout)


def write_wave(path: str | os.PathLike[str], samples: ArrayLike, sample_rate: int) -> None:
    """Write a WAV file of 16 bits, whole or not at all.

    Args:
        path: the file; one that is there is replaced.
        samples: as of `wave_bytes`.
        sample_rate: likewise.

    Raises:
        TypeError, ValueError: as of `wave_bytes`.
        OSError: the file cannot be written.
    """
    write_whole(path, *_encoded(samples, sample_rate))


def wave_bytes(samples: ArrayLike, sample_rate: int) -> bytes:
    """What a WAV file of 16 bits holds.

    Args:
        samples: array [M] or, of several channels, [M, C] of floats in -1..1, M >= 1, which are
            rounded to 1/32768; 1 becomes 32767/32768.
        sample_rate: Hz, C times which is below 2**31; C is at most 32767.

    Raises:
        TypeError: the rate is no whole number.
        ValueError: the samples have another shape, are too many, or one is outside -1..1; or the
            rate is below 1 or too high.
    """
    return b"".join(_encoded(samples, sample_rate))


def _encoded(samples: ArrayLike, sample_rate: int) -> tuple[bytes, bytes]:
    """The head and the samples of a file."""
    rate = checks.as_count(sample_rate, "sample_rate")
    x = np.asarray(samples, dtype=np.float64)
    if x.ndim not in (1, 2) or x.size == 0:
        raise ValueError(f"samples must be [M] or [M, C] and not empty, got {list(x.shape)}.")
    channels = x.shape[1] if x.ndim == 2 else 1
    if not (np.abs(x) <= 1).all():
        raise ValueError("samples must lie in -1..1; divide them by the largest, np.abs(x).max().")
    if 2 * x.size > 2**31:
        raise ValueError(
            f"samples must fit a WAV file of 2 GB, {2**30} numbers, got {list(x.shape)}."
        )
    if channels > MAX_CHANNELS:
        raise ValueError(
            f"samples must have at most {MAX_CHANNELS} channels, got {list(x.shape)} for [M, C]."
        )
    highest = (2**32 - 1) // (2 * channels)
    if rate > highest:
        raise ValueError(
            f"sample_rate of {channels} channel(s) must be at most {highest} Hz, got {rate}."
        )
    body = np.clip(np.rint(x * 32768), -32768, 32767).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", PCM, channels, rate, 2 * channels * rate, 2 * channels, 16)
    parts = (
        b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body))
    )
    return b"RIFF" + struct.pack("<I", len(parts) + len(body)) + parts, body


def _layout(file: Path, form: bytes, start: int, size: int, length: int) -> WaveLayout | None:
    held = length - start
    if size == UNKNOWN_LENGTH:
        size = held
    if size > held:
        raise _damaged(file, f"it ends after {held} of its {size} bytes of samples")
    if len(form) < 16:
        raise _damaged(file, f"the description of its samples has {len(form)} bytes, not 16")
    encoding, channels, rate, _, align, bits = struct.unpack("<HHIIHH", form[:16])
    if encoding == EXTENSIBLE and len(form) >= 26:
        encoding = int.from_bytes(form[24:26], "little")
    width = align // max(1, channels)
    if bits != 8 * width or width not in WIDTHS.get(encoding, ()):
        return None
    if channels < 1 or align != channels * width or rate < 1:
        raise _damaged(
            file, f"{channels} channels of {bits} bits in {align} bytes at {rate} Hz are impossible"
        )
    if size % align:
        raise _damaged(file, f"its {size} bytes of samples end within one")
    return WaveLayout(rate, channels, encoding, width, start, size // align)


def _exactly(file: Path, stream: BinaryIO, count: int, layout: WaveLayout) -> bytes:
    wanted = count * layout.channels * layout.width
    data = stream.read(wanted)
    if len(data) < wanted:
        raise _damaged(file, "it became shorter while it was read")
    return data


def _decoded(data: bytes, layout: WaveLayout) -> NDArray[np.float32]:
    return _flat(data, layout).astype(np.float32, copy=False).reshape(-1, layout.channels)


def _flat(data: bytes, layout: WaveLayout) -> NDArray[Any]:
    if layout.encoding == FLOAT:
        with np.errstate(over="ignore"):
            return np.frombuffer(data, f"<f{layout.width}").astype(np.float32)
    if layout.width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if layout.width == 3:
        # The three bytes are the upper ones of a number of 32 bits.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float32) / 2**31
    whole = np.frombuffer(data, f"<i{layout.width}").astype(np.float32)
    scaled: NDArray[np.float32] = whole / np.float32(2 ** (8 * layout.width - 1))
    return scaled


def _damaged(file: Path, reason: str) -> ValueError:
    return ValueError(f"{file} is no whole WAV file: {reason}.")
