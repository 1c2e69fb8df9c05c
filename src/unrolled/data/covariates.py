"""Columns of numbers and of categories to one array of covariates."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.series import Covariates


@dataclass(frozen=True, eq=False)
class Categories:
    """A column of M categories: codes 1..len(levels), 0 for a missing cell, and its own levels."""

    codes: NDArray[np.int64]
    levels: tuple[str, ...]


Columns = Mapping[str, NDArray[Any] | Categories]


def covariates(columns: Columns, levels: Mapping[str, Sequence[str]] | None = None) -> Covariates:
    """P columns of M cells as one array [M, P].

    Numbers stay numbers, with None and NaN as missing; text and truth values are categories. A
    column that `levels` names is categorical whatever it holds.

    Args:
        columns: arrays [M] by name, numeric, bool, text or objects, or categories.
        levels: the levels of training by column; a level that is not there gets the code 0. Without
            an entry a column's levels are its own, sorted.

    Raises:
        TypeError: a column mixes numbers and text.
        ValueError: a number is infinite.
    """
    known = {} if levels is None else levels
    coded = []
    names: list[tuple[str, ...] | None] = []
    for name, column in columns.items():
        if not isinstance(column, Categories):
            if name not in known and not is_categorical(column, name):
                coded.append(_as_numbers(column, name))
                names.append(None)
                continue
            column = categories(column)
        wanted = tuple(str(level) for level in known.get(name, sorted(set(column.levels))))
        place = {level: code for code, level in enumerate(wanted, start=1)}
        translate = np.array([0, *(place.get(level, 0) for level in column.levels)], np.float64)
        coded.append(translate[column.codes])
        names.append(wanted)
    return Covariates(np.stack(coded, axis=1), tuple(columns), tuple(names))


def is_categorical(column: NDArray[Any], name: str) -> bool:
    """Whether a column [M] holds categories: text or truth values.

    Raises:
        TypeError: it holds neither numbers nor categories, or both of them.
    """
    if column.dtype.kind in "fiu":
        return False
    if column.dtype.kind in "bUST":
        return True
    if column.dtype.kind != "O":
        raise TypeError(
            f"covariate {name!r} has dtype {column.dtype}; give numbers, text or truth values."
        )
    types = {type(cell) for cell, missing in zip(column, _missing(column), strict=True)
             if not missing}  # fmt: skip
    text = {kind for kind in types if issubclass(kind, (str, bool, np.bool_))}
    other = types - text
    if not all(issubclass(kind, (numbers.Real, Decimal)) for kind in other):
        kind = next(k for k in other if not issubclass(k, (numbers.Real, Decimal)))
        raise TypeError(
            f"covariate {name!r} holds {kind.__name__}; give numbers, text or truth values."
        )
    if text and other:
        raise TypeError(
            f"covariate {name!r} mixes {_kinds(text)} and {_kinds(other)}; make its cells alike."
        )
    return bool(text)


def categories(column: NDArray[Any]) -> Categories:
    """The categories of a column [M]."""
    present = ~_missing(column)
    codes = np.zeros(len(column), dtype=np.int64)
    if column.dtype.kind in "fiub":
        found, places = np.unique(column[present], return_inverse=True)
        codes[present] = places + 1
        return Categories(codes, tuple(level_name(cell) for cell in found.tolist()))
    seen: dict[Any, int] = {}
    codes[present] = [seen.setdefault(cell, len(seen) + 1) for cell in column[present].tolist()]
    return Categories(codes, tuple(level_name(cell) for cell in seen))


def level_name(cell: Any) -> str:
    """The text of a level: 3 and 3.0 are one."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def finite_or_missing(
    values: NDArray[np.float64], name: str, axes: tuple[str, ...] = ("row",)
) -> None:
    """Refuse an infinity; NaN is a missing value.

    Raises:
        ValueError: `values` holds an infinity; its place is told by the names of `axes`.
    """
    bad = np.isinf(values)
    if bad.any():
        index = np.unravel_index(int(np.argmax(bad)), bad.shape)
        place = ", ".join(f"{axis} {i}" for axis, i in zip(axes, index, strict=True))
        raise ValueError(f"{name} holds infinity at {place}; correct it, or give NaN for missing.")


def _as_numbers(column: NDArray[Any], name: str) -> NDArray[np.float64]:
    if column.dtype.kind == "O":
        column = np.where(_missing(column), np.nan, column)
    values = np.asarray(column, dtype=np.float64)
    finite_or_missing(values, f"covariate {name!r}")
    return values


def _missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype.kind == "f":
        return np.asarray(np.isnan(column))
    if column.dtype.kind != "O":
        return np.zeros(len(column), dtype=bool)
    return np.array([_gone(cell) for cell in column], dtype=bool)


def _gone(cell: Any) -> bool:
    return cell is None or (isinstance(cell, (float, np.floating)) and bool(cell != cell))


def _kinds(kinds: Iterable[type]) -> str:
    return " and ".join(sorted({kind.__name__ for kind in kinds}))
