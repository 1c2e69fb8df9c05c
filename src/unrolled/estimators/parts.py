"""The rows that are trained on and the rows held out, with their weights and seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.data.sequences import Sequences

# A list is of texts, or of sentences as lists of words.
Inputs = Sequences | NDArray[Any] | list[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """Checked rows of a data set before any transform.

    Attributes:
        inputs: N sequences, a table [N, C], N texts, or N sentences as lists of words.
        y: [N] or [N, K] targets as they came; or N rows of targets, one each step (see
            `unrolled.estimators.step_targets`), which are indexed by rows as an array is.
        weight: [N] float64 weights, or None.
    """

    inputs: Inputs
    y: Any
    weight: NDArray[np.float64] | None

    def take(self, rows: NDArray[np.int64]) -> Part:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Part(take(self.inputs, rows), self.y[rows], weight)

    def weighed(self, weight: NDArray[np.float64] | None) -> Part:
        """The rows with other weights [N] of at least 0, scaled to a mean of 1.

        Rows of weight 0, or so small beside the largest that float32 makes it 0, are left out.

        Raises:
            ValueError: all weights are 0.
        """
        if weight is None:
            return replace(self, weight=None)
        largest = weight.max()
        if not largest > 0:
            raise ValueError("class_weight and sample_weight leave no sample a weight above zero")
        shares = weight / largest
        counts = shares.astype(np.float32) > 0
        part = replace(self, weight=shares / shares[counts].mean())
        return part if counts.all() else part.take(np.flatnonzero(counts))


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
    """Seeds from a `random_state`: None, a whole number, a RandomState or a Generator.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(random_state, np.random.Generator):
        return Seeds(int(random_state.integers(2**31 - 1)))
    if random_state is None:
        return Seeds(int(np.random.randint(2**31 - 1)))  # noqa: NPY002  (as scikit-learn does)
    if not isinstance(random_state, np.random.RandomState):
        try:
            random_state = np.random.RandomState(random_state)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "random_state must be None, a whole number from 0 to 2**32 - 1 or a "
                f"numpy.random.RandomState or Generator, got {random_state!r:.80}"
            ) from error
    return Seeds(int(random_state.randint(2**31 - 1)))


def take(inputs: Inputs, rows: NDArray[np.int64]) -> Inputs:
    """Some rows of any kind of inputs."""
    if isinstance(inputs, Sequences):
        return inputs.take(rows)
    if isinstance(inputs, list):
        return [inputs[i] for i in rows]
    return inputs[rows]


def hold_out(
    part: Part,
    fraction: float,
    seed: int,
    labels: NDArray[Any] | None,
    groups: NDArray[np.int64] | None = None,
) -> tuple[Part, Part]:
    """Split rows at random into (training part, held-out part).

    Windows that overlap are not split at random, for neighbours share most of their steps: the last
    ones are held out, and those that share a step with them are left out of both parts.

    Args:
        part: all rows.
        fraction: share of the rows to hold out.
        seed: of the split.
        labels: [N] classes to keep in proportion where each has two rows or more; None does not.
        groups: [N] numbers from 0 on; those of a group are held out together, and `fraction` is of
            the groups. None holds out row by row.

    Raises:
        ValueError: a part would be empty.
    """
    N = len(part.inputs) if groups is None else int(groups.max()) + 1
    held = round(N * fraction)
    if not 1 <= held < N:
        kept, change = ("none", "a larger") if held < 1 else ("all", "a smaller")
        what = "samples" if groups is None else "different samples"
        raise ValueError(
            f"validation_fraction={fraction:g} of {N} {what} holds out {kept}; give "
            f"validation_data, more samples or {change} fraction"
        )
    if isinstance(part.inputs, Sequences) and part.inputs.overlapping:
        return _hold_out_last(part, part.inputs, held)
    if labels is not None:
        _, counts = np.unique(labels, return_counts=True)
        if counts.min() < 2 or min(held, N - held) < len(counts):
            labels = None
    from sklearn.model_selection import train_test_split

    rows, held_rows = train_test_split(
        np.arange(N), test_size=held, random_state=seed % 2**32, stratify=labels
    )
    if groups is not None:
        rows, held_rows = (np.flatnonzero(np.isin(groups, some)) for some in (rows, held_rows))
    return part.take(np.sort(rows)), part.take(np.sort(held_rows))


def _hold_out_last(part: Part, windows: Sequences, held: int) -> tuple[Part, Part]:
    last = np.sort(np.argsort(windows.starts, kind="stable")[-held:])
    before = np.flatnonzero(windows.starts + windows.lengths <= windows.starts[last].min())
    if len(before) == 0:
        raise ValueError(
            f"the last {held} windows share steps with all others, so that none are left to train "
            "on; give validation_data or a smaller validation_fraction"
        )
    return part.take(before), part.take(last)


def read_weight(sample_weight: Any, num_rows: int) -> NDArray[np.float64] | None:
    """Check `sample_weight`: [N] float64 with 1 the largest, or None for equal weights.

    Raises:
        ValueError: not one finite number of at least 0 a sample, or all are 0.
        TypeError: not numbers.
    """
    if sample_weight is None:
        return None
    weight = checks.as_float(sample_weight, "sample_weight").astype(np.float64, copy=False)
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, got {weight.ndim} dimensions")
    if len(weight) != num_rows:
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected {(num_rows,)}: one weight a sample"
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must hold finite numbers of at least 0")
    if not weight.any():
        raise ValueError("sample_weight is zero for all samples; at least one must be above zero")
    shares: NDArray[np.float64] = weight / weight.max()
    return shares
