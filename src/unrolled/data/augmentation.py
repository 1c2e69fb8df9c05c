"""Sound changed at random so that a model meets more of it; nothing is changed in place."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.data import checks
from unrolled.data.audio import resample


def mask_spans(
    frames: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    num_time: int = 2,
    max_steps: int = 20,
    max_share: float = 0.2,
    num_feature: int = 2,
    max_features: int = 8,
    value: float = 0.0,
) -> NDArray[np.float32]:
    """Frames with some spans of steps and of features hidden.

    The length of each span is uniform in 0 .. its limit, and its beginning uniform among those that
    keep it inside; spans may overlap. Source: Park et al. (2019), SpecAugment, without the warping
    of time.

    Args:
        frames: array [T, F], such as `LogMel.apply` gives.
        rng: the generator that is drawn from.
        num_time: spans of steps.
        max_steps: limit of the steps of such a span.
        max_share: limit too, as a share of T, in 0..1.
        num_feature: spans of features.
        max_features: limit of the features of such a span.
        value: what hidden numbers become; of normalised frames 0 is the mean.

    Returns:
        A copy [T, F] of the same dtype.

    Raises:
        TypeError: frames is no array, a count no whole number, or `rng` no generator.
        ValueError: frames is not [T, F], a count is below 0, or max_share is not in 0..1.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}.")
    if not isinstance(frames, np.ndarray):
        raise TypeError(f"frames must be an array [T, F], got {type(frames).__name__}.")
    if frames.ndim != 2:
        raise ValueError(f"frames must be [T, F], got {list(frames.shape)}.")
    if not 0 <= max_share <= 1:
        raise ValueError(f"max_share must be in 0..1, got {max_share}.")
    steps = min(checks.as_count(max_steps, "max_steps", 0), int(max_share * len(frames)))
    features = min(checks.as_count(max_features, "max_features", 0), frames.shape[1])
    masked: NDArray[np.float32] = frames.copy()
    for _ in range(checks.as_count(num_time, "num_time", 0)):
        masked[_span(rng, len(frames), steps)] = value
    for _ in range(checks.as_count(num_feature, "num_feature", 0)):
        masked[:, _span(rng, frames.shape[1], features)] = value
    return masked


def change_speed(wave: ArrayLike, factor: float) -> NDArray[np.float32]:
    """A wave played `factor` times as fast, and as much higher in pitch, by resampling.

    Source: Ko et al. (2015), Audio augmentation for speech recognition, which trains on factors of
    0.9, 1 and 1.1.

    Args:
        wave: array [M] of floats.
        factor: in 0.1 .. 10.

    Returns:
        [about M / factor] float32.

    Raises:
        TypeError: the wave is no array of numbers.
        ValueError: the factor is outside, the wave is not [M], or nothing is left of it.
        ModuleNotFoundError: the library soxr is not installed: pip install 'unrolled[audio]'.
    """
    if not 0.1 <= factor <= 10:
        raise ValueError(f"factor must be in 0.1 .. 10, got {factor}.")
    x = checks.as_float(wave, "wave")
    if x.ndim != 1:
        raise ValueError(f"wave must be [M], got {list(x.shape)}; average its channels first.")
    if len(x) == 0:
        raise checks.too_few("wave", "sample", x.shape)
    return resample(x, factor, 1.0)


def _span(rng: np.random.Generator, size: int, limit: int) -> slice:
    length = int(rng.integers(0, limit, endpoint=True))
    start = int(rng.integers(0, size - length, endpoint=True))
    return slice(start, start + length)
