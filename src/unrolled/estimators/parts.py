"""The rows that are trained on and the rows held out, with their weights and seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from unrolled.data.sequences import Sequences

Inputs = Sequences | NDArray[Any] | list[str]


@dataclass(frozen=True, eq=False)
class Part:
    """Checked rows of a data set before any transform.

    Attributes:
        inputs: N sequences, a table [N, C], or N texts.
        y: [N] or [N, K] targets as they came.
        weight: [N] float64 weights above 0, or None.
    """

    inputs: Inputs
    y: NDArray[Any]
    weight: NDArray[np.float64] | None

    def take(self, rows: NDArray[np.int64]) -> Part:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Part(take(self.inputs, rows), self.y[rows], weight)


@dataclass(frozen=True)
class Seeds:
    """Seeds of a fit, one for each use of random numbers, all drawn from `base`."""

    base: int

    def of(self, use: str) -> int:
        """The seed for "weights", "order", "dropout" or "split"."""
        uses = ("weights", "order", "dropout", "split")
        state = np.random.SeedSequence(self.base).generate_state(len(uses))
        return int(state[uses.index(use)])


def seeds(random_state: Any) -> Seeds:
    """Seeds from what scikit-learn takes as `random_state`: None, an integer or a RandomState."""
    return Seeds(int(check_random_state(random_state).randint(2**31 - 1)))


def take(inputs: Inputs, rows: NDArray[np.int64]) -> Inputs:
    """Some rows of any kind of inputs."""
    if isinstance(inputs, Sequences):
        return inputs.take(rows)
    if isinstance(inputs, list):
        return [inputs[i] for i in rows]
    return inputs[rows]


def hold_out(
    part: Part, fraction: float, seed: int, labels: NDArray[Any] | None
) -> tuple[Part, Part]:
    """Split rows at random into (training part, held-out part).

    Args:
        part: all rows.
        fraction: share of the rows to hold out.
        seed: of the split.
        labels: [N] classes to keep in proportion where each has two rows or more; None does not.

    Raises:
        ValueError: a part would be empty.
    """
    N = len(part.inputs)
    if N < 2 or round(N * fraction) < 1:
        raise ValueError(
            f"validation_fraction={fraction:g} of {N} samples holds out none; give "
            "validation_data, more samples or a larger fraction"
        )
    if labels is not None:
        _, counts = np.unique(labels, return_counts=True)
        held = round(N * fraction)
        if counts.min() < 2 or min(held, N - held) < len(counts):
            labels = None
    rows, held_rows = train_test_split(
        np.arange(N), test_size=round(N * fraction), random_state=seed % 2**32, stratify=labels
    )
    return part.take(np.sort(rows)), part.take(np.sort(held_rows))


def read_weight(sample_weight: Any, num_rows: int) -> NDArray[np.float64] | None:
    """Check `sample_weight`: [N] float64, or None for equal weights.

    Raises:
        ValueError: not one finite number of at least 0 a sample, or all are 0.
    """
    if sample_weight is None:
        return None
    weight = np.asarray(sample_weight, np.float64)
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be 1D array or scalar, got {weight.ndim} dimensions")
    if len(weight) != num_rows:
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(num_rows,)}: one weight a sample"
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must hold finite numbers of at least 0")
    if not weight.any():
        raise ValueError("sample_weight is zero for all samples; at least one must be above zero")
    return weight
