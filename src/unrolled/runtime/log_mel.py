"""Log-mel features of sound: how loud each band of pitch is, a frame every few milliseconds."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.config_checks import check_flag, check_keys, is_finite_number, shown

# A damaged file may ask for more than any sound has, and its filters would fill the memory.
MAX_RATE = 192_000
MAX_SECONDS = 1.0
MAX_MELS = 256
# About the power that rounding to 16 bits leaves in a filter.
FLOOR = 1e-8
# Spread of the natural logarithm of a power, 0.004 dB, below which a filter counts as constant.
LEAST_SPREAD = 1e-3
# Numbers of the spectra that are held at a time.
BLOCK = 2**19


@dataclass(frozen=True)
class LogMel:
    """Frames of the logarithm of the power in filters that are evenly spaced in pitch.

    The wave is cut into windows that begin `step` seconds after one another, as many as fit into
    it; one that is shorter than a window is filled with zeros. Each is weighted by a periodic Hann
    window; its power spectrum |rfft|^2, of the next power of two, goes through triangular filters,
    whose corners are evenly spaced in mel = 2595 log10(1 + Hz / 700) and whose sides are straight
    in mel, 1 at the peak; a feature is log(max(power, 1e-8)). Source of mel and filters: Young et
    al. (2006), The HTK Book, section 5.4.

    Attributes:
        sample_rate: Hz, of the waves; 1 to 192,000.
        window: seconds of a window, at most 1.
        step: seconds between the beginnings of two windows, at most `window`.
        num_mels: F, the number of filters, 1 to 256.
        low: Hz, where the first filter begins.
        high: Hz, where the last one ends; None is half of the sample rate, the highest there is.
        normalize: whether each filter's features get mean 0 and variance 1 over the frames of the
            wave; one that does not vary gets 0.

    Raises:
        ValueError: a value is not so, or a filter is so narrow that the spectrum has no number in
            it.
    """

    sample_rate: int = 8000
    window: float = 0.025
    step: float = 0.010
    num_mels: int = 40
    low: float = 20.0
    high: float | None = None
    normalize: bool = True

    def __post_init__(self) -> None:
        for name, most in (("sample_rate", MAX_RATE), ("num_mels", MAX_MELS)):
            object.__setattr__(self, name, _whole(name, getattr(self, name), most))
        for name in ("window", "step", "low", "high"):
            value = getattr(self, name)
            if name == "high" and value is None:
                continue
            if not is_finite_number(value) or value < 0:
                raise ValueError(f"{name} needs a finite number of at least 0, not {shown(value)}")
            object.__setattr__(self, name, float(value))
        check_flag("normalize", self.normalize)
        if not 0 < self.step <= self.window <= MAX_SECONDS:
            raise ValueError(
                f"step={self.step} and window={self.window} need 0 < step <= window <= "
                f"{MAX_SECONDS} seconds"
            )
        if self.window_samples < 2 or self.step_samples < 1:
            raise ValueError(
                f"window={self.window} and step={self.step} are shorter than the samples of "
                f"sample_rate={self.sample_rate}; a window of 2 and a step of 1 are needed"
            )
        if not self.low < self._top <= self.sample_rate / 2:
            raise ValueError(
                f"low={self.low} and high={self._top} need low < high <= {self.sample_rate / 2}, "
                f"half of the sample rate"
            )
        narrow = np.flatnonzero(~self.filters.any(axis=1))
        if narrow.size:
            raise ValueError(
                f"num_mels={self.num_mels} makes filter {narrow[0]} too narrow for a window of "
                f"{self.window_samples} samples; ask for fewer filters or a longer window"
            )

    @property
    def channels(self) -> int:
        """F, the features of a frame."""
        return self.num_mels

    @property
    def window_samples(self) -> int:
        """Samples of a window."""
        return round(self.window * self.sample_rate)

    @property
    def step_samples(self) -> int:
        """Samples between the beginnings of two windows."""
        return round(self.step * self.sample_rate)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Hz of the peak of each filter, [F]."""
        return 700.0 * (10.0 ** (self._corners[1:-1] / 2595.0) - 1.0)

    @cached_property
    def filters(self) -> NDArray[np.float64]:
        """Weight of each number of the spectrum in each filter, [F, spectrum]."""
        hertz = np.arange(self._fft // 2 + 1) * (self.sample_rate / self._fft)
        mel, corners = _mel(hertz), self._corners[:, None]
        up = (mel - corners[:-2]) / (corners[1:-1] - corners[:-2])
        down = (corners[2:] - mel) / (corners[2:] - corners[1:-1])
        weights: NDArray[np.float64] = np.clip(np.minimum(up, down), 0.0, None)
        weights.setflags(write=False)
        return weights

    def steps(self, num_samples: int) -> int:
        """T, the frames of a wave of so many samples, at least 1 of which is needed."""
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, got {num_samples}")
        return max(0, num_samples - self.window_samples) // self.step_samples + 1

    def seconds(self, step: ArrayLike) -> NDArray[np.float64]:
        """Time of the middle of frames, in seconds after the wave's beginning, of step's shape."""
        middle = np.asarray(step, dtype=np.float64) * self.step_samples + self.window_samples / 2
        time: NDArray[np.float64] = middle / self.sample_rate
        return time

    def apply(self, wave: ArrayLike) -> NDArray[np.float32]:
        """Features of a whole wave.

        Args:
            wave: array [M] of finite floats, M >= 1, at `sample_rate`.

        Returns:
            [T, F] float32 with T = steps(M).

        Raises:
            TypeError: the wave holds no floats.
            ValueError: it has another shape, is empty, or holds NaN or infinity.
        """
        return self.apply_blocks([np.asarray(wave)])

    def apply_blocks(self, blocks: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
        """The bits of `apply` of a wave that comes in blocks [m], of any and unequal lengths.

        Of the wave only the block and the window it ends in are held; see `frames` for features
        that come in blocks too.

        Raises:
            TypeError: a block holds no floats.
            ValueError: a block has another shape, holds NaN or infinity, or all are empty.
        """
        features = np.concatenate(list(self.frames(blocks)))
        return normalized(features) if self.normalize else features

    def frames(self, blocks: Iterable[NDArray[Any]]) -> Iterator[NDArray[np.float32]]:
        """Features [t, F] float32 of a wave that comes in blocks [m], not normalised.

        How the wave is cut changes no bit of them.

        Raises:
            TypeError: a block holds no floats.
            ValueError: a block has another shape, holds NaN or infinity, or all are empty.
        """
        # Always so many frames at once, that the same numbers are added in the same order.
        at_once = max(1, BLOCK // self._fft)
        needed = self.window_samples + (at_once - 1) * self.step_samples
        parts: list[NDArray[np.float32]] = []
        held = received = 0
        for block in blocks:
            parts.append(_checked(block, received))
            held, received = held + len(block), received + len(block)
            if held < needed:
                continue
            wave, start = np.concatenate(parts), 0
            while held - start >= needed:
                yield self._features(wave[start : start + needed])
                start += at_once * self.step_samples
            parts = [wave[start:].copy()]
            held = len(parts[0])
        if received == 0:
            raise ValueError("the wave is empty; at least one sample is needed")
        wave = np.concatenate(parts)
        if received < self.window_samples:
            wave = np.pad(wave, (0, self.window_samples - received))
        if len(wave) >= self.window_samples:
            yield self._features(wave)

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LogMel:
        """Inverse of `to_config`.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        names = tuple(field.name for field in fields(cls))
        check_keys("log-mel", config, names)
        return cls(*(config[name] for name in names))

    @property
    def _top(self) -> float:
        return self.sample_rate / 2 if self.high is None else self.high

    @property
    def _fft(self) -> int:
        return 1 << (self.window_samples - 1).bit_length()

    @property
    def _corners(self) -> NDArray[np.float64]:
        """Mel where filters begin, peak and end, [F + 2]: filter i has corners i to i + 2."""
        return np.linspace(_mel(self.low), _mel(self._top), self.num_mels + 2)

    @cached_property
    def _hann(self) -> NDArray[np.float64]:
        W = self.window_samples
        weights: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(W) / W)
        return weights

    def _features(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        cuts = np.lib.stride_tricks.sliding_window_view(wave, self.window_samples)
        spectrum = np.fft.rfft(cuts[:: self.step_samples] * self._hann, self._fft)
        power = spectrum.real**2 + spectrum.imag**2
        features: NDArray[np.float32] = np.log(np.maximum(power @ self.filters.T, FLOOR)).astype(
            np.float32
        )
        return features


def normalized(frames: NDArray[Any], least: float = LEAST_SPREAD) -> NDArray[np.float32]:
    """Frames [T, F] with mean 0 and variance 1 of each feature; 0 of one that varies by `least`."""
    mean = frames.mean(axis=0, dtype=np.float64)
    spread = frames.std(axis=0, dtype=np.float64)
    scale = np.where(spread > least, spread, 1.0)
    mean = np.where(spread > least, mean, frames[0])
    found: NDArray[np.float32] = ((frames - mean) / scale).astype(np.float32)
    return found


def _mel(hertz: float | NDArray[Any]) -> Any:
    return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)


def _whole(name: str, value: object, most: int) -> int:
    whole = not isinstance(value, (bool, np.bool_)) and hasattr(value, "__index__")
    if not whole or not 1 <= operator.index(value) <= most:  # type: ignore[arg-type]
        raise ValueError(f"{name} needs a whole number of 1 to {most}, not {shown(value)}")
    return operator.index(value)  # type: ignore[arg-type]


def _checked(block: NDArray[Any], received: int) -> NDArray[np.float32]:
    """A part of a wave, `received` samples after its beginning."""
    if block.dtype.kind != "f":
        raise TypeError(f"the wave needs floats, got {block.dtype}")
    if block.ndim != 1:
        raise ValueError(f"the wave needs the shape [M], got {list(block.shape)}")
    with np.errstate(over="ignore"):
        wave = block.astype(np.float32)
    finite = np.isfinite(wave)
    if not finite.all():
        place = int(np.argmin(finite))
        kind = "NaN" if np.isnan(block[place]) else "infinity or a number beyond float32"
        raise ValueError(f"the wave holds {kind} at sample {received + place}")
    return wave
