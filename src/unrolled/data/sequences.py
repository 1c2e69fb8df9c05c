"""N sequences of unequal length: one flat array and its cuts; padding, masks and the checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from unrolled.data import checks, tables


@dataclass(frozen=True, eq=False)
class Sequences:
    """N sequences of unequal length as rows of one flat array; nothing is copied.

    Sequence i is `values[starts[i] : starts[i] + lengths[i]]`. Sequences may overlap, as windows
    over one series do.

    Attributes:
        values: array [M, C] floating, or [M] int64 tokens.
        starts: array [N] int64, the first row of each sequence in `values`.
        lengths: array [N] int64, steps of each sequence, at least 1.

    Raises:
        TypeError: `values` is neither floating nor int64 tokens, or the cuts are not int64.
        ValueError: `values` has a wrong number of dimensions, or a cut is empty or leaves `values`.
    """

    values: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __post_init__(self) -> None:
        _check_values(self.values)
        for name, cuts in (("starts", self.starts), ("lengths", self.lengths)):
            if cuts.dtype != np.int64 or cuts.ndim != 1:
                raise TypeError(f"{name} must be [N] int64, got {cuts.dtype} {list(cuts.shape)}.")
        if len(self.starts) != len(self.lengths):
            raise ValueError(
                f"starts and lengths must be equally many, got {len(self.starts)} and "
                f"{len(self.lengths)}."
            )
        if len(self.starts) == 0:
            return
        if self.lengths.min() < 1:
            empty = int(np.argmin(self.lengths))
            raise ValueError(f"sequence {empty} is empty; every sequence needs at least one step.")
        ends = self.starts + self.lengths
        if self.starts.min() < 0 or ends.max() > len(self.values):
            outside = int(np.argmax((self.starts < 0) | (ends > len(self.values))))
            raise ValueError(
                f"sequence {outside} takes rows {self.starts[outside]} to {ends[outside] - 1} of "
                f"values, which has {len(self.values)} rows."
            )

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, i: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, i: slice | np.ndarray | list[int]) -> Sequences: ...
    def __getitem__(self, i: int | slice | np.ndarray | list[int]) -> np.ndarray | Sequences:
        """Sequence i as a view, [T_i, C] or [T_i] tokens; for a slice or an array see `take`."""
        start = self.starts[i]
        if start.ndim:
            return Sequences(self.values, start, self.lengths[i])
        return self.values[start : start + self.lengths[i]]

    def take(self, rows: np.ndarray) -> Sequences:
        """The sequences that `rows` (indices or a mask over N) names; `values` is shared."""
        rows = np.asarray(rows)
        return Sequences(self.values, self.starts[rows], self.lengths[rows])

    def with_values(self, values: np.ndarray) -> Sequences:
        """The same cuts over other values, [M, C'] floating or [M] tokens, of the same M."""
        if len(values) != len(self.values):
            raise ValueError(f"values must keep {len(self.values)} rows, got {len(values)}.")
        return Sequences(values, self.starts, self.lengths)

    @property
    def channels(self) -> int:
        """C; 1 for tokens."""
        return int(self.values.shape[1]) if self.values.ndim == 2 else 1

    @cached_property
    def overlapping(self) -> bool:
        """Whether two sequences share a step, as windows over a series do."""
        order = np.argsort(self.starts, kind="stable")
        ends = (self.starts + self.lengths)[order]
        return bool((self.starts[order][1:] < np.maximum.accumulate(ends)[:-1]).any())

    @cached_property
    def ragged(self) -> bool:
        """Whether lengths differ."""
        return len(self) > 0 and bool((self.lengths != self.lengths[0]).any())


def _check_values(values: np.ndarray) -> None:
    tokens = values.dtype == np.int64 and values.ndim == 1
    if not tokens and values.dtype.kind != "f":
        raise TypeError(
            f"values must be [M, C] floating or [M] int64 tokens, got {values.dtype} "
            f"{list(values.shape)}."
        )
    if not tokens and values.ndim != 2:
        raise ValueError(f"values must be [M, C], got shape {list(values.shape)}.")


def as_sequences(X: Any, *, name: str = "X") -> Sequences:
    """Check X once and see it as sequences; a contiguous floating array is viewed, not copied.

    Args:
        X: Sequences, array [N, T, C] or [N, T] (one channel), list of N arrays or DataFrames [T_i,
            C] or [T_i], or a DataFrame with a row per sequence and a column per time step. Floating
            dtypes are kept; integers and bools become float64.
        name: what X is called in errors.

    Raises:
        TypeError: X is sparse or holds anything but real numbers.
        ValueError: X is 1-D, complex, empty, has an empty sequence or NaN or infinity, or its
            sequences differ in their number of channels.
    """
    if isinstance(X, Sequences):
        if len(X) == 0:
            raise checks.too_few(name, "sample", (0,))
        _check_finite(X, name)
        return X
    checks.refuse_sparse(X, name)
    if tables.is_dataframe(X):
        X = tables.wide(X, name=name)
    elif hasattr(X, "__array__") and not isinstance(X, np.ndarray):
        X = np.asarray(X)
    if _is_ragged(X):
        sequences = _from_list(X, name)
    else:
        sequences = _from_array(checks.as_float(X, name), name)
    _check_finite(sequences, name)
    return sequences


def _is_ragged(X: Any) -> bool:
    """Whether X is a list, or a 1-D object array, of sequences rather than of numbers."""
    if isinstance(X, np.ndarray):
        return X.dtype == object and X.ndim == 1 and any(map(_has_steps, X))
    return isinstance(X, (list, tuple)) and any(map(_has_steps, X))


def _has_steps(x: Any) -> bool:
    return isinstance(x, (list, tuple)) or len(getattr(x, "shape", ())) > 0


def _from_array(array: np.ndarray, name: str) -> Sequences:
    if array.shape == (0,):
        raise checks.too_few(name, "sample", array.shape)
    if array.ndim < 2:
        raise checks.one_dimensional(name, array.shape, "[N, T] or [N, T, C]")
    if array.ndim > 3:
        raise ValueError(
            f"{name} must be [N, T] or [N, T, C], got {array.ndim} dimensions {list(array.shape)}; "
            f"reshape it to three."
        )
    if array.shape[0] == 0:
        raise checks.too_few(name, "sample", array.shape)
    if array.shape[-1] == 0:
        raise checks.too_few(name, "feature", array.shape)
    if array.shape[1] == 0:
        raise checks.too_few(name, "step", array.shape)
    N, T = array.shape[:2]
    values = array.reshape(N * T, -1)
    return Sequences(values, np.arange(N, dtype=np.int64) * T, np.full(N, T, dtype=np.int64))


def _from_list(X: Any, name: str) -> Sequences:
    parts: list[np.ndarray] = []
    for i, x in enumerate(X):
        item = f"{name}[{i}]"
        part = tables.wide(x, name=item) if tables.is_dataframe(x) else checks.as_float(x, item)
        if part.ndim == 1:
            part = part[:, None]
        if part.ndim != 2:
            raise ValueError(
                f"{item} must be [T] or [T, C], got {part.ndim} dimensions {list(part.shape)}."
            )
        parts.append(part)
    # An empty list item has shape [0, 1] whatever its channels would have been: length first.
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    if (lengths == 0).all():
        raise checks.too_few(name, "feature", (len(parts), 0))
    if (lengths == 0).any():
        raise ValueError(
            f"{name}[{int(np.argmin(lengths))}] is an empty sequence; drop it, every sequence "
            f"needs at least one step."
        )
    channels = [part.shape[1] for part in parts]
    for i, count in enumerate(channels):
        if count != channels[0]:
            raise ValueError(
                f"{name}[0] has {channels[0]} channels and {name}[{i}] has {count}; every sequence "
                f"needs the same channels."
            )
    if channels[0] == 0:
        raise checks.too_few(name, "feature", parts[0].shape)
    values = np.concatenate(parts) if len(parts) > 1 else parts[0]
    return Sequences(values, np.cumsum(lengths) - lengths, lengths)


def _check_finite(sequences: Sequences, name: str) -> None:
    values = sequences.values
    if values.dtype.kind != "f" or checks.first_not_finite(values) is None:
        return
    for i in range(len(sequences)):
        found = checks.first_not_finite(sequences[i])
        if found is not None:
            step, channel = found
            raise checks.not_finite(
                name, sequences[i][found], f"in sequence {i} at step {step}, channel {channel}"
            )


def as_table(X: Any, *, name: str = "X") -> np.ndarray:
    """Check X once and see it as a table [N, C] floating, a row per sample.

    Args:
        X: array [N, C], nested lists of that shape, or a DataFrame.
        name: what X is called in errors.

    Raises:
        TypeError: X is sparse or holds anything but real numbers.
        ValueError: X is not 2-D, complex, empty, or holds NaN or infinity.
    """
    checks.refuse_sparse(X, name)
    if tables.is_dataframe(X):
        X = tables.wide(X, name=name)
    array = checks.as_float(X, name)
    if array.shape == (0,):
        raise checks.too_few(name, "sample", array.shape)
    if array.ndim < 2:
        raise checks.one_dimensional(name, array.shape, "[N, C]")
    if array.ndim > 2:
        raise ValueError(
            f"{name} must be [N, C], got {array.ndim} dimensions {list(array.shape)}; flatten each "
            f"sample with {name}.reshape(len({name}), -1)."
        )
    if array.shape[0] == 0:
        raise checks.too_few(name, "sample", array.shape)
    if array.shape[1] == 0:
        raise checks.too_few(name, "feature", array.shape)
    found = checks.first_not_finite(array)
    if found is not None:
        raise checks.not_finite(name, array[found], f"in sample {found[0]}, feature {found[1]}")
    return array


def pad(sequences: Sequences, value: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """All sequences in one array, filled behind their ends with `value`.

    Returns:
        x: array [N, T, C], or [N, T] for tokens, of the values' dtype; T is the greatest length.
        lengths: array [N] int64.
    """
    values, lengths = sequences.values, sequences.lengths
    if values.dtype.kind == "i" and not float(value).is_integer():
        raise ValueError(f"value must be a whole number for tokens, got {value}.")
    T = int(lengths.max()) if len(lengths) else 0
    x = np.full((len(lengths), T, *values.shape[1:]), value, dtype=values.dtype)
    x[valid_mask(lengths, T).T] = values[rows_of(sequences)]
    return x, lengths.copy()


def rows_of(sequences: Sequences) -> np.ndarray:
    """Rows of `values` of all sequences, one sequence after the other: [sum of lengths] int64."""
    lengths = sequences.lengths
    before = np.cumsum(lengths) - lengths
    return np.repeat(sequences.starts - before, lengths) + np.arange(int(lengths.sum()))


def unpad(x: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The valid part of each row of a padded array [N, T, ...] as views [T_i, ...].

    Raises:
        ValueError: there are not N lengths, or one is below 0 or above T.
    """
    lengths = np.asarray(lengths)
    if x.ndim < 2 or lengths.shape != x.shape[:1]:
        raise ValueError(
            f"x must be [N, T, ...] and lengths [N], got {list(x.shape)} and {list(lengths.shape)}."
        )
    outside = (lengths < 0) | (lengths > x.shape[1])
    if outside.any():
        i = int(np.argmax(outside))
        raise ValueError(f"lengths[{i}] is {lengths[i]}, but x has {x.shape[1]} steps.")
    return [row[:length] for row, length in zip(x, lengths, strict=True)]


def valid_mask(lengths: np.ndarray, num_steps: int) -> np.ndarray:
    """[T, N] bool, true where step t is inside sequence n, that is t < lengths[n]."""
    return np.arange(num_steps)[:, None] < np.asarray(lengths)[None, :]
