"""Tones of telephone keys: sound with its text, drawn from a random generator."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from unrolled.data import checks
from unrolled.data.generated import RandomState, generator

# Hz of the rows and the columns of the keys. Source: ITU-T Q.23 (1988).
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = ("123A", "456B", "789C", "*0#D")
TONES = {
    key: (row, column)
    for row, keys in zip(ROWS, KEYS, strict=True)
    for column, key in zip(COLUMNS, keys, strict=True)
}


def telephone_tones(
    num_samples: int = 1000,
    random_state: RandomState = None,
    *,
    keys: str = "0123456789",
    min_keys: int = 3,
    max_keys: int = 7,
    tone: tuple[float, float] = (0.05, 0.20),
    gap: tuple[float, float] = (0.04, 0.15),
    noise: float = 0.1,
    sample_rate: int = 8000,
) -> tuple[list[np.ndarray], list[str]]:
    """Waves of keys pressed one after another, and the keys; a sequence to one of another length.

    A key sounds as the sum of two sines, one of its row and one of its column, each of an amplitude
    in 0.1 .. 0.4 and of any phase. Silence comes before, between and after keys, and normal noise
    over all. Each key, duration, amplitude and phase is drawn by itself and uniformly. Source:
    ITU-T Q.23, Technical features of push-button telephone sets.

    Args:
        num_samples: N, the number of waves.
        random_state: a seed, a generator, or None.
        keys: those that are pressed, of "0123456789*#ABCD".
        min_keys: keys of a wave at least, 1 or more.
        max_keys: keys of a wave at most.
        tone: shortest and longest seconds of a tone.
        gap: shortest and longest seconds of silence.
        noise: standard deviation of the noise, 0 or more.
        sample_rate: Hz, above twice the highest tone.

    Returns:
        waves: N arrays [M_i] float32, clipped to -1..1.
        texts: N strings of keys.

    Raises:
        TypeError: a count is no whole number, or seconds are no numbers.
        ValueError: an argument is not so.
    """
    N = checks.as_count(num_samples, "num_samples")
    fewest = checks.as_count(min_keys, "min_keys")
    most = checks.as_count(max_keys, "max_keys", fewest)
    rate = checks.as_count(sample_rate, "sample_rate", int(2 * COLUMNS[-1]) + 1)
    unknown = [key for key in keys if key not in TONES]
    if unknown or not keys:
        raise ValueError(f"keys must be some of {''.join(sorted(TONES))!r}, got {keys!r}.")
    tone, gap = _seconds(tone, "tone", rate), _seconds(gap, "gap", rate)
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must be a finite number of at least 0, got {noise}.")
    rng = generator(random_state)
    waves, texts = [], []
    for _ in range(N):
        count = int(rng.integers(fewest, most, endpoint=True))
        text = "".join(keys[i] for i in rng.integers(0, len(keys), count))
        parts = [_silence(rng, gap, rate)]
        for key in text:
            parts += [_tone(rng, key, tone, rate), _silence(rng, gap, rate)]
        wave = np.concatenate(parts)
        wave += noise * rng.standard_normal(len(wave))
        waves.append(np.clip(wave, -1.0, 1.0).astype(np.float32))
        texts.append(text)
    return waves, texts


def _seconds(value: Any, name: str, rate: int) -> tuple[float, float]:
    pair = checks.as_float([value] if isinstance(value, numbers.Real) else value, name)
    if pair.shape != (2,) or not 1 / rate <= pair[0] <= pair[1] < np.inf:
        raise ValueError(f"{name} must be the shortest and longest seconds, got {value}.")
    return float(pair[0]), float(pair[1])


def _silence(rng: np.random.Generator, seconds: tuple[float, float], rate: int) -> np.ndarray:
    return np.zeros(round(rng.uniform(*seconds) * rate))


def _tone(
    rng: np.random.Generator, key: str, seconds: tuple[float, float], rate: int
) -> np.ndarray:
    times = np.arange(round(rng.uniform(*seconds) * rate)) / rate
    angles = 2 * np.pi * (np.outer(TONES[key], times) + rng.random((2, 1)))
    return np.asarray((rng.uniform(0.1, 0.4, (2, 1)) * np.sin(angles)).sum(axis=0))
