"""Scaling of numbers: fitted once and obeyed ever after, as `Vocabulary` is for symbols.

Both are plain data. They are saved with the model, and the same code runs in training, in
prediction and one step at a time. Every mistake is a `ValueError` or `TypeError` of one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.config_checks import check_keys, is_finite_number, shown, whole_number
from unrolled.runtime.vocabulary import Vocabulary as Vocabulary

MAX_CHANNELS = 1_000_000


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardises each channel: `(x - mean) / scale`.

    Attributes:
        mean: array [C] float64, finite; a read-only copy.
        scale: array [C] float64, finite and above 0; a read-only copy.

    Raises:
        ValueError: a value or a shape is not so.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("mean", "scale"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or not 1 <= values.size <= MAX_CHANNELS:
                raise ValueError(
                    f"scaler {name} has shape {values.shape}; "
                    f"one number for each of 1 to {MAX_CHANNELS} channels is needed"
                )
            if not np.isfinite(values).all():
                raise ValueError(f"scaler {name} holds NaN or infinity; finite numbers are needed")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        if self.mean.size != self.scale.size:
            raise ValueError(
                f"scaler mean has {self.mean.size} channels and scale has {self.scale.size}; "
                "both need the same number"
            )
        if not (self.scale > 0).all():
            raise ValueError("scaler scale holds a number that is not above zero")

    @property
    def channels(self) -> int:
        """Number of channels C."""
        return self.mean.size

    @classmethod
    def fit(cls, values: ArrayLike, weight: ArrayLike | None = None) -> Scaler:
        """Mean and population standard deviation of each channel, in float64.

        A channel that does not vary (beyond the rounding of its own magnitude) gets scale 1.

        Args:
            values: array [M, C] of finite numbers, M >= 1.
            weight: array [M], finite, >= 0, not all zero; rows of weight zero count for nothing.

        Raises:
            ValueError: a shape is another one, there is NaN or infinity, or the numbers are so
                large that their spread is no float64.
        """
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 2 or x.shape[0] == 0 or x.shape[1] == 0:
            raise ValueError(f"values has shape {x.shape}; [M, C] with M >= 1 and C >= 1 is needed")
        w = None
        if weight is not None:
            w = np.asarray(weight, dtype=np.float64)
            if w.shape != x.shape[:1]:
                raise ValueError(f"weight has shape {w.shape}; {x.shape[:1]} is needed")
            if not np.isfinite(w).all() or (w < 0).any() or not (w > 0).any():
                raise ValueError("weight needs finite numbers, none below zero and one above")
            x, w = x[w > 0], w[w > 0]
            w = w / w.max()
        if not np.isfinite(x).all():
            raise ValueError("values holds NaN or infinity; finite numbers are needed")
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            mean = np.average(x, axis=0, weights=w)
            deviation = x - mean
            largest = np.abs(deviation).max(axis=0)
            # Squares of deviations over their largest neither overflow nor vanish.
            unit = np.where(largest > 0, largest, 1.0)
            scale = largest * np.sqrt(np.average((deviation / unit) ** 2, axis=0, weights=w))
        too_large = np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(scale))
        if too_large.size:
            raise ValueError(
                f"channel {too_large[0]} of values holds numbers too large to be standardised "
                "in float64; divide them first"
            )
        rounding = 8 * np.finfo(np.float64).eps * np.abs(x).max(axis=0)
        constant = (x.max(axis=0) == x.min(axis=0)) | (scale <= rounding)
        return cls(mean, np.where(constant, 1.0, scale))

    @classmethod
    def identity(cls, channels: int) -> Scaler:
        """The scaler of C channels that changes nothing."""
        count = whole_number("channels", channels, least=1)
        return cls(np.zeros(count), np.ones(count))

    def apply(self, values: ArrayLike) -> NDArray[np.float32]:
        """Scaled values [..., C] float32, computed in float64.

        Raises:
            ValueError: there is another number of channels, or a result is beyond float32.
        """
        x = self._checked(values)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            scaled: NDArray[np.float32] = ((x - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError(
                "values holds NaN, infinity or numbers that are beyond float32 after scaling"
            )
        return scaled

    def invert(self, values: ArrayLike) -> NDArray[np.float64]:
        """Scaled values [..., C] in the units that `fit` saw, [..., C] float64.

        Raises:
            ValueError: there is another number of channels.
        """
        original: NDArray[np.float64] = self._checked(values) * self.scale + self.mean
        return original

    def _checked(self, values: ArrayLike) -> NDArray[np.float64]:
        x = np.asarray(values, dtype=np.float64)
        if x.ndim == 0 or x.shape[-1] != self.channels:
            raise ValueError(
                f"values has shape {x.shape}; its last axis needs the {self.channels} channels "
                "that the scaler was fitted on"
            )
        return x

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_config` gives back the same bits."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Scaler:
        """Inverse of `to_config`.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        check_keys("scaler", config, ("mean", "scale"))
        for name in ("mean", "scale"):
            numbers = config[name]
            if not isinstance(numbers, list) or not 1 <= len(numbers) <= MAX_CHANNELS:
                raise ValueError(
                    f"scaler {name} needs a list of 1 to {MAX_CHANNELS} numbers, "
                    f"not {shown(numbers)}"
                )
            for number in numbers:
                if not is_finite_number(number):
                    raise ValueError(
                        f"scaler {name} needs finite numbers, but holds {shown(number)}"
                    )
        return cls(
            np.array(config["mean"], dtype=np.float64), np.array(config["scale"], dtype=np.float64)
        )
