"""Inputs of one size each: vectors, labels, pictures; scaled as they are taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.transforms import Scaler

CHUNK = 2**22


@dataclass(frozen=True, eq=False)
class FixedInputs:
    """N inputs out of an array, in any order, each perhaps several times; nothing is copied.

    Attributes:
        values: [M, ...] floating, uint8 pixels (which are taken as shares of 255), or [M] int64
            labels.
        rows: [N] int64, which of the values each is.
        scaler: of the channels, the last axis; None leaves values as they are.
    """

    values: NDArray[Any]
    rows: NDArray[np.int64]
    scaler: Scaler | None = None

    @classmethod
    def of(cls, values: NDArray[Any], scaler: Scaler | None = None) -> FixedInputs:
        """All of them, in their order."""
        return cls(values, np.arange(len(values)), scaler)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[N] ones: they have no steps."""
        return np.ones(len(self.rows), np.int64)

    def take(self, rows: NDArray[np.int64]) -> FixedInputs:
        """Some of them."""
        return replace(self, rows=self.rows[rows])

    def gather(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Some of them, ready to be read: [n, ...] float32, or [n] int64 labels."""
        x = self.values[self.rows[rows]]
        if x.dtype == np.int64:
            return x
        if x.dtype == np.uint8:
            x = x * np.float32(1 / 255)
        if self.scaler is not None:
            x = self.scaler.apply(x)
        return np.ascontiguousarray(x, np.float32)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All that they depend on."""
        of_scaler = () if self.scaler is None else (self.scaler.mean, self.scaler.scale)
        return (self.values, self.rows, *of_scaler)


def fit_scaler(inputs: FixedInputs) -> Scaler:
    """The mean and deviation of each channel, of large arrays a part at a time.

    Where a channel does not vary its scale is 1.
    """
    values = inputs.values
    channels = values.shape[-1]
    of_one = int(np.prod(values.shape[1:-1]))
    at_once = max(1, CHUNK // (of_one * channels))

    def mean_of(power: int, centre: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the powers of distances from the centre."""
        total = np.zeros(channels)
        for start in range(0, len(inputs), at_once):
            part = values[inputs.rows[start : start + at_once]].astype(np.float64)
            part = part.reshape(-1, channels) / (255.0 if values.dtype == np.uint8 else 1.0)
            total += ((part - centre) ** power).sum(axis=0) / (len(inputs) * of_one)
        return total

    mean = mean_of(1, np.zeros(channels))
    scale = np.sqrt(mean_of(2, mean))
    constant = scale <= 1e-7 * np.abs(mean)
    return Scaler(mean, np.where(constant, 1.0, scale))
