"""Turn what a user gives into a finite floating array, or say in one sentence why not."""

from __future__ import annotations

import numbers
import sys
from decimal import Decimal
from typing import Any

import numpy as np

_REAL = "argument must be a string or a real number"


def refuse_sparse(X: Any, name: str = "X") -> None:
    """Let everything pass but scipy's sparse matrices and arrays.

    Raises:
        TypeError: X is one.
    """
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(X):
        raise TypeError(
            f"{name} is a sparse {type(X).__name__}, which recurrent networks do not take; "
            f"pass a dense array, for example {name}.toarray()."
        )


def as_float(X: Any, name: str = "X") -> np.ndarray:
    """X as a real floating array, without a copy where it is one already.

    Floating dtypes are kept; integers, bools and objects that are real numbers become float64.

    Raises:
        TypeError: X is sparse, or holds text, dates or other things that are no numbers.
        ValueError: X is complex, ragged, or a masked array with hidden values.
    """
    refuse_sparse(X, name)
    # Where there is a masked array, numpy.ma is imported; it need not be for any other.
    if "numpy.ma" in sys.modules and np.ma.isMaskedArray(X) and np.ma.getmaskarray(X).any():
        raise ValueError(f"{name} is a masked array with hidden values; fill or drop them first.")
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"{name} is nested unevenly and makes no array; make its rows equally long."
        ) from error
    if array.ndim == 0:
        raise TypeError(f"{name} must be an array or a list of numbers, got {_short(X)}.")
    if array.dtype.kind == "f":
        return array
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    if array.dtype.kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} has dtype {array.dtype}; "
            f"pass real and imaginary parts as two channels."
        )
    if array.dtype.kind == "O":
        return _objects_as_float(array, name)
    if array.dtype.kind in "USaT":
        first = array.reshape(-1)[0] if array.size else ""
        raise TypeError(f"{name} holds text ({str(first)!r}), not numbers; encode it first.")
    raise TypeError(f"{name} has dtype {array.dtype}, which holds no numbers; convert it first.")


def _objects_as_float(array: np.ndarray, name: str) -> np.ndarray:
    for index in np.ndindex(array.shape):
        item = array[index]
        if isinstance(item, (numbers.Real, Decimal, np.bool_)):
            continue
        where = f"{name}[{', '.join(map(str, index))}]"
        if isinstance(item, (complex, np.complexfloating)):
            raise ValueError(f"Complex data not supported: {where} is {item!r}.")
        raise TypeError(f"{where}: {_REAL}, and text must be encoded first; got {_short(item)}.")
    return array.astype(np.float64)


def _short(item: Any) -> str:
    shown = repr(item)
    if len(shown) > 40:
        shown = shown[:37] + "..."
    return f"{type(item).__name__} {shown}"


def first_not_finite(values: np.ndarray) -> tuple[int, ...] | None:
    """Index of the first NaN or infinity in row order, or None when all are finite."""
    finite = np.isfinite(values)
    if finite.all():
        return None
    return tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), values.shape))


def not_finite(name: str, value: Any, where: str) -> ValueError:
    """The error for a NaN or an infinity, to be raised by the caller."""
    kind = "NaN" if np.isnan(value) else "infinity"
    return ValueError(f"{name} holds {kind} {where}; fill or drop such values first.")


def too_few(name: str, what: str, shape: tuple[int, ...]) -> ValueError:
    """The error for an array without samples, steps or features, in scikit-learn's wording."""
    return ValueError(
        f"{name}: found array with 0 {what}(s) (shape={shape}) while a minimum of 1 is required."
    )


def one_dimensional(name: str, shape: tuple[int, ...], wanted: str) -> ValueError:
    """The error for a 0-D or 1-D array where samples are rows, in scikit-learn's wording."""
    return ValueError(
        f"Expected 2D array, got {len(shape)}D array instead: {name} has shape {shape} where "
        f"{wanted} is needed. Reshape your data using array.reshape(-1, 1) if it has a single "
        f"feature or array.reshape(1, -1) if it is a single sample."
    )


def as_count(value: Any, name: str, minimum: int = 1) -> int:
    """A whole number of at least `minimum`.

    Raises:
        TypeError: the value is no whole number.
        ValueError: the value is below `minimum`.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {_short(value)}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {int(value)}.")
    return int(value)
