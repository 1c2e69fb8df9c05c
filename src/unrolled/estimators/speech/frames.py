"""Utterances as frames of features, of sound or as they are given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.audio import each_wave
from unrolled.data.augmentation import change_speed
from unrolled.data.sequences import Sequences, as_sequences
from unrolled.runtime.log_mel import LogMel, normalized

F32 = NDArray[np.float32]
# Spread of a given feature, as a share of the utterance's largest number, that is rounding alone.
ROUNDING = 1e-6


def of_sound(
    X: Any, log_mel: LogMel, speeds: Sequence[float], name: str = "X"
) -> tuple[Sequences, ...]:
    """Frames of N sounds, as they are and then at each speed.

    Raises:
        TypeError, ValueError, FileNotFoundError, ModuleNotFoundError: as of `data.as_waves`.
    """
    versions: list[list[F32]] = [[] for _ in (1.0, *speeds)]
    for wave in each_wave(X, log_mel.sample_rate, name=name):
        plain = log_mel.apply(wave)
        for speed, frames in zip((1.0, *speeds), versions, strict=True):
            frames.append(plain if speed == 1 else log_mel.apply(change_speed(wave, float(speed))))
    # One that is played as it is holds the numbers of the first.
    whole = joined(versions[0])
    others = [whole if s == 1 else joined(f) for s, f in zip(speeds, versions[1:], strict=True)]
    return (whole, *others)


def given(X: Any, normalize: bool, name: str = "X") -> Sequences:
    """Frames [T_i, F] of N utterances that are given, float32.

    Raises:
        TypeError, ValueError: as of `data.as_sequences`, or a number is beyond float32.
    """
    found = as_sequences(X, name=name)
    frames = []
    for i in range(len(found)):
        values = found[i].reshape(len(found[i]), -1)
        if normalize:
            frames.append(normalized(values, ROUNDING * float(np.abs(values).max())))
            continue
        with np.errstate(over="ignore"):
            frames.append(values.astype(np.float32))
        if not np.isfinite(frames[-1]).all():
            raise ValueError(f"{name}[{i}] holds numbers beyond float32; divide them first")
    return joined(frames)


def joined(parts: Iterable[F32]) -> Sequences:
    """Arrays [T_i, F] as sequences."""
    parts = list(parts)
    lengths = np.array([len(part) for part in parts], np.int64)
    return Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)
