"""Sound in: files of several formats and arrays become waves of one channel and one rate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data import checks, tables
from unrolled.data.open_files import existing_file
from unrolled.data.wave_files import wave_blocks, wave_layout

Wave = NDArray[np.float32]

# Samples of all channels that are read at a time.
BLOCK = 2**20
MAX_RATE = 2**31 - 1
# How much longer or shorter resampling makes a wave at most.
MAX_RATIO = 1000
# What is subtracted from whole numbers of a kind, and what they are divided by.
INTEGERS = {"int8": (0, 2**7), "uint8": (128, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}


def read_audio(path: str | os.PathLike[str], sample_rate: int | None = None) -> tuple[Wave, int]:
    """The wave of a sound file.

    WAV files of whole numbers and floats are read by this package; other encodings, FLAC, OGG and
    what else libsndfile knows, by the library soundfile. Resampling is that of the library soxr,
    in its high quality. Both come with: pip install 'unrolled[audio]'.

    Args:
        path: a file; several channels are averaged.
        sample_rate: Hz, at which the wave is wanted; None leaves it as the file has it.

    Returns:
        samples: [M] float32; files of whole numbers are scaled to -1..1. After resampling loud
            parts may lie a little beyond.
        rate: Hz, `sample_rate` where it was given.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no sound file, or a damaged or empty one, holds NaN or infinity, or is too
            short to be resampled.
        ModuleNotFoundError: it needs a library that is not installed.
    """
    rate, blocks = _opened(path, sample_rate)
    return np.concatenate(list(blocks)), rate


def audio_blocks(path: str | os.PathLike[str], sample_rate: int) -> Iterator[Wave]:
    """The wave that `read_audio` reads, bit for bit, in blocks: a file of any length.

    Args:
        path: a file; several channels are averaged.
        sample_rate: Hz, at which the wave is wanted.

    Yields:
        [m] float32, of unequal lengths of about a million samples at most.

    Raises:
        FileNotFoundError, ValueError, ModuleNotFoundError: as by `read_audio`; of damage within the
            file when it is come to.
    """
    return _opened(path, sample_rate)[1]


def as_waves(X: Any, sample_rate: int, *, name: str = "X") -> list[Wave]:
    """Check X once and see it as waves of one rate.

    Args:
        X: N items in a list, tuple, Series or the first axis of an array; each a path of a sound
            file, an array [M] that is at `sample_rate`, or a pair (array [M], its rate in Hz).
            Floats are kept as they are; int8, uint8, int16 and int32 are scaled to -1..1 as sound
            files are.
        sample_rate: Hz, at which the waves are wanted.
        name: what X is called in errors.

    Returns:
        N arrays [M_i] float32.

    Raises:
        TypeError: X is no collection of these, or holds other numbers.
        FileNotFoundError: a file is not there.
        ValueError: X is empty, or a wave is, or it has several channels, holds NaN or infinity, or
            is too short to be resampled; or a file is none that can be read.
        ModuleNotFoundError: a library is needed that is not installed.
    """
    return list(each_wave(X, sample_rate, name=name))


def each_wave(X: Any, sample_rate: int, *, name: str = "X") -> Iterator[Wave]:
    """The waves of `as_waves`, one at a time: a file is read when it is come to.

    Args and errors: as of `as_waves`.
    """
    rate = _rate(sample_rate, "sample_rate")
    items = sound_items(X, name)
    return (_as_wave(item, rate, f"{name}[{i}]") for i, item in enumerate(items))


def sound_items(X: Any, name: str = "X") -> list[Any]:
    """The N items of a collection of sounds, before any of them is read.

    Raises:
        TypeError: X is no collection, or a single path or wave.
        ValueError: it is empty.
    """
    checks.refuse_sparse(X, name)
    wanted = "a list of paths, arrays [M] or pairs (array, rate)"
    if isinstance(X, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} is a single path, {os.fspath(X)!r}; pass {wanted}.")
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "fiu":
        raise TypeError(f"{name} is a single wave of {len(X)} samples; pass {wanted}.")
    if tables.is_dataframe(X) or not isinstance(X, Iterable) or isinstance(X, (dict, set)):
        raise TypeError(f"{name} must be {wanted}, got {type(X).__name__}.")
    items = list(X)
    if not items:
        raise checks.too_few(name, "sample", (0,))
    return items


def resample(wave: ArrayLike, rate: float, new_rate: float) -> Wave:
    """A wave at another rate, by the library soxr in its high quality.

    Frequencies above half of the lower rate are left out. Source: Smith (2002), Digital audio
    resampling (band-limited interpolation); the filters are those of the SoX resampler library.

    Args:
        wave: array [M] of floats.
        rate: Hz, of the wave.
        new_rate: Hz, wanted.

    Returns:
        [about M new_rate / rate] float32.

    Raises:
        ValueError: the rates are not above 0, or too unlike, or nothing is left of the wave.
        ModuleNotFoundError: the library is not installed.
    """
    x = np.ascontiguousarray(wave, dtype=np.float32)
    if rate == new_rate:
        same: Wave = x.copy()
        return same
    return np.concatenate(list(_resampled([x], rate, new_rate, "the wave")))


def _opened(
    path: str | os.PathLike[str], sample_rate: int | None
) -> tuple[int, Iterator[NDArray[np.float32]]]:
    """Rate of what comes, and the blocks [m] of a file, at least one."""
    file = existing_file(path)
    if sample_rate is not None:
        sample_rate = _rate(sample_rate, "sample_rate")
    layout = wave_layout(file)
    if layout is None:
        rate, num_samples, blocks = _by_soundfile(file)
    else:
        rate, num_samples = layout.sample_rate, layout.num_samples
        blocks = wave_blocks(file, layout, max(1, BLOCK // layout.channels))
    if num_samples == 0:
        raise ValueError(f"{file} holds no samples; drop it.")
    waves = _one_channel(file, blocks)
    if sample_rate is None or sample_rate == rate:
        return rate, waves
    return sample_rate, _resampled(waves, rate, sample_rate, str(file))


def _by_soundfile(file: Path) -> tuple[int, int, Iterator[NDArray[np.float32]]]:
    """Rate, number of samples and blocks [m, C] of a file."""
    soundfile = _library("soundfile", f"{file} is no plain WAV file and")
    try:
        with soundfile.SoundFile(file) as opened:
            rate, count = int(opened.samplerate), int(opened.frames)
            size = max(1, BLOCK // int(opened.channels))
    except soundfile.LibsndfileError as error:
        raise _unreadable(file, error) from error

    def blocks() -> Iterator[NDArray[np.float32]]:
        received = 0
        with soundfile.SoundFile(file) as opened:
            while True:
                try:
                    block = opened.read(size, dtype="float32", always_2d=True)
                except soundfile.LibsndfileError as error:
                    raise _unreadable(file, error) from error
                if len(block) == 0:
                    break
                received += len(block)
                yield block
        if received < count:
            raise ValueError(
                f"{file} is no whole sound file: it ends after {received} of its {count} samples."
            )

    return rate, count, blocks()


def _unreadable(file: Path, error: Exception) -> ValueError:
    said = getattr(error, "error_string", str(error)).removeprefix("Error : ").rstrip(".")
    return ValueError(f"{file} is no sound file that can be read: {said}.")


def _one_channel(file: Path, blocks: Iterator[NDArray[np.float32]]) -> Iterator[Wave]:
    received = 0
    for block in blocks:
        found = checks.first_not_finite(block)
        if found is not None:
            raise checks.not_finite(str(file), block[found], f"at sample {received + found[0]}")
        received += len(block)
        yield block[:, 0] if block.shape[1] == 1 else _average(block)


def _average(block: NDArray[np.float32]) -> Wave:
    mean: Wave = block.mean(axis=1, dtype=np.float64).astype(np.float32)
    return mean


def _resampled(
    waves: Iterable[Wave], rate: float, new_rate: float, name: str
) -> Iterator[NDArray[np.float32]]:
    for value in (rate, new_rate):
        if not 0 < value < np.inf:
            raise ValueError(f"a rate must be above 0 Hz, got {value}.")
    if not 1 / MAX_RATIO <= rate / new_rate <= MAX_RATIO:
        raise ValueError(
            f"{name} of rate {rate} cannot get the rate {new_rate}; at most {MAX_RATIO} times as "
            f"high or as low is possible."
        )
    soxr = _library("soxr", f"resampling {name}")
    return _through(soxr.ResampleStream(rate, new_rate, 1, dtype="float32"), waves, name)


def _through(stream: Any, waves: Iterable[Wave], name: str) -> Iterator[Wave]:
    received = given = 0
    for wave in waves:
        received += len(wave)
        block = stream.resample_chunk(np.ascontiguousarray(wave))
        given += len(block)
        if len(block):
            yield block
    block = stream.resample_chunk(np.empty(0, np.float32), last=True)
    if given + len(block) == 0:
        raise ValueError(f"{name} has {received} sample(s), too few to be resampled.")
    if len(block):
        yield block


def _as_wave(item: Any, sample_rate: int, name: str) -> Wave:
    if isinstance(item, (str, os.PathLike)):
        return read_audio(item, sample_rate)[0]
    rate = sample_rate
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], (np.ndarray, list)):
        rate = _rate(item[1], f"the rate of {name}")
        item = item[0]
    wave = _samples(item, name)
    return wave if rate == sample_rate else resample(wave, rate, sample_rate)


def _samples(item: Any, name: str) -> Wave:
    """An array [M] as float32 in the scale of sound files."""
    array = item if isinstance(item, np.ndarray) else _array(item, name)
    if array.ndim == 0 or array.dtype.kind not in "fiu":
        raise TypeError(
            f"{name} must be a path, an array [M] or a pair (array, rate), got "
            f"{type(item).__name__} of {array.dtype}."
        )
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be [M], got {list(array.shape)}; average the channels of a wave first."
        )
    if len(array) == 0:
        raise checks.too_few(name, "step", array.shape)
    if array.dtype.kind in "iu":
        if array.dtype.name not in INTEGERS:
            raise TypeError(
                f"{name} holds {array.dtype}, whose scale is not known; pass "
                f"{', '.join(INTEGERS)}, or floats in -1..1."
            )
        zero, scale = INTEGERS[array.dtype.name]
        scaled: Wave = (array.astype(np.float32) - np.float32(zero)) / np.float32(scale)
        return scaled
    found = checks.first_not_finite(array)
    if found is not None:
        raise checks.not_finite(name, array[found], f"at sample {found[0]}")
    with np.errstate(over="ignore"):
        wave: Wave = array.astype(np.float32)
    if not np.isfinite(wave).all():
        raise ValueError(f"{name} holds numbers beyond float32; divide them first.")
    return wave


def _array(item: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(item)
    except ValueError as error:
        raise ValueError(f"{name} is nested unevenly and makes no array [M].") from error


def _rate(value: Any, name: str) -> int:
    rate = checks.as_count(value, name)
    if rate > MAX_RATE:
        raise ValueError(f"{name} must be at most {MAX_RATE} Hz, got {rate}.")
    return rate


def _library(library: str, what: str) -> Any:
    """The module of a library of the extra `audio`; `what` needs it."""
    try:
        if library == "soxr":
            import soxr

            return soxr
        import soundfile

        return soundfile
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise ModuleNotFoundError(
            f"{what} needs the library {library}, which is not installed; run: "
            "pip install 'unrolled[audio]'",
            name=library,
        ) from error
