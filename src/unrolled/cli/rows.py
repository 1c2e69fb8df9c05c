"""The rows of a file as an estimator takes them: inputs, target and names of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unrolled.cli.columns import ROW, SHOWN, Layout, is_numeric
from unrolled.data import checks, long, tables
from unrolled.data.sequences import Sequences
from unrolled.estimators.parts import take


@dataclass(frozen=True, eq=False)
class Rows:
    """N samples of a file.

    Attributes:
        X: N sequences, texts, or a table [N, C]
        ids: N names of the samples, called as their column
        y: [N] targets; None where they were not asked for
    """

    X: Sequences | NDArray[Any] | list[str]
    ids: pl.Series
    y: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.ids)

    def with_labels(self, name: str, classes: NDArray[Any] | None = None) -> Rows:
        """The same with targets that are labels, of a classifier where its `classes` are given.

        A file whose labels all look like numbers is read as numbers, though the model knows text.

        Raises:
            TypeError: The target holds dates or the like, or text where the classes are numbers.
        """
        y = self.targets()
        if y.dtype.kind not in "biufU":
            raise TypeError(
                f"the target column of {name} holds {type(y[0]).__name__} ({y[0]}), which is no "
                f"label; write labels as text or numbers"
            )
        if classes is None or (classes.dtype.kind in "UO") == (y.dtype.kind == "U"):
            return self
        if y.dtype.kind == "U":
            raise TypeError(
                f"the target column of {name} holds text ({str(y[0])!r}), and the model's classes "
                f"are numbers: {', '.join(map(str, classes[:SHOWN]))}"
            )
        texts = [str(label).lower() if y.dtype.kind == "b" else str(label) for label in y]
        return replace(self, y=np.array(texts))

    def with_numbers(self, name: str) -> Rows:
        """The same with targets that are numbers, float64.

        Raises:
            TypeError: The target holds anything else.
            ValueError: It holds NaN or infinity.
        """
        y = self.targets()
        if y.dtype.kind not in "biuf":
            raise TypeError(
                f"the target column of {name} holds {type(y[0]).__name__} ({y[0]}), not numbers; "
                f"`unrolled train classify` learns labels"
            )
        y = y.astype(np.float64)
        found = checks.first_not_finite(y)
        if found is not None:
            raise checks.not_finite(f"the target column of {name}", y[found], f"in row {found[0]}")
        return replace(self, y=y)

    def targets(self) -> NDArray[Any]:
        """`y`, which was asked for."""
        assert self.y is not None
        return self.y

    def take(self, rows: NDArray[np.int64]) -> Rows:
        """Some of the samples."""
        y = None if self.y is None else self.y[rows]
        return Rows(take(self.X, rows), self.ids[rows], y)

    def steps(self) -> tuple[int, int] | None:
        """Least and greatest length of the sequences; None for other inputs."""
        if not isinstance(self.X, Sequences):
            return None
        return int(self.X.lengths.min()), int(self.X.lengths.max())


def read_rows(table: pl.DataFrame, layout: Layout, name: str, *, target: bool) -> Rows:
    """Read the samples of a table.

    Args:
        table: the data
        layout: which columns are read, and as what
        name: the file, for errors
        target: whether the target is read too

    Raises:
        ValueError: A column or a cell is missing, or a cell holds what cannot be used.
        TypeError: A column is of a kind that cannot be used.
    """
    layout.check(table, name, target=target)
    if layout.kind == "long":
        return _long(table, layout, name, target=target)
    ids = pl.Series(ROW, np.arange(len(table)))
    if layout.id is not None and layout.id in table.columns:
        ids = table[layout.id]
    y = _targets(table[layout.target], name) if target else None
    if layout.kind == "text":
        return Rows(_texts(table[layout.columns[0]], name), ids, y)
    frame = _numbers(table, layout)
    if layout.kind == "table":
        return Rows(tables.wide(frame, name=name), ids, y)
    return Rows(_wide(frame, name), ids, y)


def _wide(frame: pl.DataFrame, name: str) -> Sequences:
    """A sequence a row; empty cells at the end of a row end its sequence."""
    empty = frame.select(pl.all().is_null()).to_numpy()
    N, T = empty.shape
    lengths = T - np.argmin(empty[:, ::-1], axis=1).astype(np.int64)
    lengths[empty.all(axis=1)] = 0
    if not lengths.all():
        raise ValueError(f"row {int(np.argmin(lengths))} of {name} is empty; drop it")
    gaps = empty & (np.arange(T) < lengths[:, None])
    if gaps.any():
        row, column = (int(i) for i in np.argwhere(gaps)[0])
        raise ValueError(
            f"column {frame.columns[column]!r} of {name} is empty in row {row} with values "
            f"after it; fill it (only empty cells at the end of a row end its sequence)"
        )
    values = tables.wide(frame.with_columns(pl.all().fill_null(strategy="zero")), name=name)
    return Sequences(values.reshape(-1, 1), np.arange(N, dtype=np.int64) * T, lengths)


def _long(table: pl.DataFrame, layout: Layout, name: str, *, target: bool) -> Rows:
    assert layout.id is not None
    assert layout.time is not None
    try:
        found = long(
            _numbers(table, layout, table.columns),
            layout.id,
            layout.time,
            list(layout.columns),
            layout.target if target else None,
        )
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    # The order of `long`: ids as they come first in the table.
    ids = table[layout.id].unique(maintain_order=True)
    return Rows(found.sequences, ids, found.target)


def _numbers(table: pl.DataFrame, layout: Layout, columns: list[str] | None = None) -> pl.DataFrame:
    """Columns of a table; those of numbers that are empty altogether, which have no type."""
    empty = [
        pl.col(column).cast(pl.Float64)
        for column in layout.columns
        if table[column].null_count() == len(table)
    ]
    return table.with_columns(empty).select(columns or list(layout.columns))


def _texts(column: pl.Series, name: str) -> list[str]:
    if is_numeric(column):
        raise TypeError(
            f"column {column.name!r} of {name} holds numbers, not texts (in a Parquet file texts "
            f"that look like numbers stay texts)"
        )
    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        raise TypeError(f"column {column.name!r} of {name} holds {column.dtype}, not texts")
    _complete(column, name)
    return column.to_list()


def _targets(column: pl.Series, name: str) -> NDArray[Any]:
    _complete(column, name)
    return np.asarray(column.to_list())


def _complete(column: pl.Series, name: str) -> None:
    if column.null_count():
        row = column.is_null().arg_max()
        raise ValueError(f"column {column.name!r} of {name} is empty in row {row}; fill or drop it")
