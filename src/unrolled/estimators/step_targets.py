"""Targets of each step, as they come: numbers or labels of N sequences, some of them missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.data.sequences import Sequences, rows_of
from unrolled.data.tables import frame_of, is_dataframe, numbers_of
from unrolled.data.text import is_texts
from unrolled.estimators.targets import NO_TARGET, is_missing

MISSING_LABEL = -1
_KINDS = (str, bool, int, float)


@dataclass(frozen=True, eq=False)
class StepNumbers:
    """Numbers of each step of N sequences.

    Attributes:
        steps: values [M, K] float64, NaN where a number is missing.
        one_number: a step's target was one number rather than a row of them.
    """

    steps: Sequences
    one_number: bool

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, rows: NDArray[np.int64]) -> StepNumbers:
        return StepNumbers(self.steps.take(rows), self.one_number)

    def flat(self) -> NDArray[np.float64]:
        """The numbers [S, K] of all sequences, one after the other."""
        return flat(self.steps)


@dataclass(frozen=True, eq=False)
class StepLabels:
    """Labels of each step of N sequences.

    Attributes:
        steps: values [M] int64, the place of each label among `labels`, -1 where it is missing.
        labels: the labels there are, sorted.
    """

    steps: Sequences
    labels: NDArray[Any]

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, rows: NDArray[np.int64]) -> StepLabels:
        return StepLabels(self.steps.take(rows), self.labels)

    def flat(self) -> NDArray[np.int64]:
        """The places [S] of all sequences, one after the other."""
        return flat(self.steps)


def flat(steps: Sequences) -> NDArray[Any]:
    """The steps of all sequences, one sequence after the other: [S] or [S, K]."""
    values: NDArray[Any] = steps.values[rows_of(steps)]
    return values


def read_numbers(y: Any, estimator: object) -> StepNumbers:
    """Check y once: numbers of each step.

    Args:
        y: N arrays or lists [T_i] or [T_i, K], one array [N, T] or [N, T, K], a DataFrame with a
            row a sequence and a column a step, or Sequences. None and NaN are missing.
        estimator: whose class errors name.

    Raises:
        TypeError: y holds something else than numbers.
        ValueError: y is of another shape, is empty, has an empty sequence, or holds infinity.
    """
    if y is None:
        raise ValueError(NO_TARGET.format(type(estimator).__name__))
    parts = [_numbers(part, f"y[{i}]") for i, part in enumerate(_items(y))]
    if not parts:
        raise checks.too_few("y", "sample", (0,))
    for i, part in enumerate(parts):
        if part.ndim not in (1, 2):
            raise ValueError(
                f"y[{i}] must be [T] or [T, K] numbers, got {part.ndim} dimensions "
                f"{list(part.shape)}"
            )
        if len(part) == 0:
            raise ValueError(f"y[{i}] is empty; every sequence needs a target for each step")
        if part.shape[1:] != parts[0].shape[1:] or 0 in part.shape:
            raise ValueError(
                f"y[0] has the shape {list(parts[0].shape)} and y[{i}] {list(part.shape)}; all "
                "need the same numbers of at least one a step"
            )
        infinite = np.argwhere(np.isinf(part))
        if len(infinite):
            step, *column = infinite[0].tolist()
            where = f"in sequence {i} at step {step}{''.join(f', column {c}' for c in column)}"
            raise ValueError(f"y holds infinity {where}; numbers or NaN for missing ones will do")
    # A column of Sequences is one number a step, as it is for X.
    one = parts[0].ndim == 1 or (isinstance(y, Sequences) and parts[0].shape[1] == 1)
    columns = [part[:, None] if part.ndim == 1 else part for part in parts]
    lengths = np.array([len(part) for part in parts], np.int64)
    values = np.concatenate(columns).astype(np.float64, copy=False)
    return StepNumbers(Sequences(values, np.cumsum(lengths) - lengths, lengths), one)


def read_labels(y: Any, estimator: object) -> StepLabels:
    """Check y once: a label for each step.

    Args:
        y: N lists or arrays [T_i] of labels, one array [N, T], or Sequences of whole numbers. None
            and NaN are missing.
        estimator: whose class errors name.

    Raises:
        TypeError: labels are of several kinds, or of one that is no text, whole number or bool.
        ValueError: y is of another shape, is empty, has an empty sequence, or holds fractions.
    """
    if y is None:
        raise ValueError(NO_TARGET.format(type(estimator).__name__))
    if is_dataframe(y):
        raise TypeError("y is a DataFrame; give a list of N lists, a label for each step")
    if is_texts(y):
        raise ValueError(
            f"y[0] is the text {next(iter(y))!r:.80}, not a list with a label for each step; "
            "list(text) makes one where each character is a label"
        )
    parts = [_labels(part, f"y[{i}]") for i, part in enumerate(_items(y))]
    if not parts:
        raise checks.too_few("y", "sample", (0,))
    kinds: set[type] = set()
    index: dict[Any, int] = {}
    codes: list[int] = []
    for i, part in enumerate(parts):
        if not part:
            raise ValueError(f"y[{i}] is empty; every sequence needs a label for each step")
        for label in part:
            if is_missing(label):
                codes.append(MISSING_LABEL)
                continue
            kinds.add(type(label))
            try:
                codes.append(index.setdefault(label, len(index)))
            except TypeError:
                break
    labels = _sorted(list(index), kinds)
    # Places in the order of first sight to places among the sorted, -1 to -1.
    place = {label: i for i, label in enumerate(labels.tolist())}
    sorted_place = np.array([*(place[label] for label in index), MISSING_LABEL], np.int64)
    lengths = np.array([len(part) for part in parts], np.int64)
    values = sorted_place[np.array(codes, np.int64)]
    return StepLabels(Sequences(values, np.cumsum(lengths) - lengths, lengths), labels)


def check_steps(lengths: NDArray[np.int64], y: StepNumbers | StepLabels) -> None:
    """Check that there is a target for each step of each sequence.

    Raises:
        ValueError: there are more or fewer; says where.
    """
    differ = np.flatnonzero(lengths != y.steps.lengths)
    if len(differ):
        i = int(differ[0])
        raise ValueError(
            f"X[{i}] has {lengths[i]} steps and y[{i}] {y.steps.lengths[i]}; y needs a target for "
            "each step of X, None or NaN where it is missing"
        )


def _items(y: Any) -> Iterator[Any]:
    """The targets of each sequence."""
    checks.refuse_sparse(y, "y")
    if is_dataframe(y):
        frame = frame_of(y, "y")
        return iter(np.stack([numbers_of(frame.get_column(c), "y") for c in frame.columns], axis=1))
    if not isinstance(y, Sequences | list | tuple):
        y = np.asarray(y)
        if y.ndim == 0:
            raise TypeError(
                f"y must be a list with the targets of each sequence, got {y[()]!r:.80}"
            )
    return (y[i] for i in range(len(y)))


def _numbers(part: Any, name: str) -> NDArray[Any]:
    if is_dataframe(part):
        frame = frame_of(part, name)
        columns = [numbers_of(frame.get_column(column), name) for column in frame.columns]
        return np.stack(columns, axis=1)
    _refuse_single(part, name, "number")
    if not isinstance(part, np.ndarray):
        try:
            part = np.asarray(part)
        except ValueError:
            return checks.as_float(part, name)
    if part.dtype == object:
        missing = np.frompyfunc(is_missing, 1, 1)(part).astype(bool)
        part = np.where(missing, np.nan, part)
    return checks.as_float(part, name)


def _labels(part: Any, name: str) -> list[Any]:
    _refuse_single(part, name, "label")
    if isinstance(part, list | tuple):
        return [label.item() if isinstance(label, np.generic) else label for label in part]
    if hasattr(part, "to_list"):
        return list(part.to_list())
    array = np.asarray(part)
    if array.ndim != 1:
        raise ValueError(f"{name} must be [T] labels, got {array.ndim} dimensions")
    return list(array.tolist())


def _refuse_single(part: Any, name: str, what: str) -> None:
    if isinstance(part, str | bytes) or np.ndim(_shape_like(part)) == 0:
        raise TypeError(
            f"{name} is {part!r:.80}, not a list with a {what} for each step of the sequence"
        )


def _shape_like(part: Any) -> Any:
    """The part, or a short stand-in where NumPy would go through a long list."""
    return [0] if isinstance(part, list | tuple) or hasattr(part, "__len__") else part


def _sorted(labels: list[Any], kinds: set[type]) -> NDArray[Any]:
    if not labels and not kinds:
        raise ValueError("y holds no label: all of them are missing")
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) > 1 or not kinds <= set(_KINDS):
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(
            f"y holds labels of the type {names}; give all texts, whole numbers or bools"
        )
    fraction = next((x for x in labels if isinstance(x, float) and not x.is_integer()), None)
    if fraction is not None:
        raise ValueError(f"y holds {fraction!r}, which is no label: SignalRegressor learns numbers")
    return np.array(sorted(labels))
