"""DataFrames of any kind, through narwhals: a table with a row per sample to an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.data import checks
from unrolled.data.table_files import read

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

__all__ = ["column_names", "frame_of", "is_dataframe", "numbers_of", "read", "wide"]


def is_dataframe(X: Any) -> bool:
    """Whether X is a DataFrame that narwhals knows: pandas, polars, pyarrow and others."""
    if isinstance(X, (np.ndarray, list, tuple, str)):
        return False
    import narwhals.stable.v2 as nw

    return bool(nw.dependencies.is_into_dataframe(X) or nw.dependencies.is_into_lazyframe(X))


def column_names(X: Any) -> list[str] | None:
    """Column names of a DataFrame whose names are all text; None otherwise, or for no DataFrame."""
    if not is_dataframe(X):
        return None
    names = list(frame_of(X, "X").columns)
    if not all(isinstance(name, str) for name in names):
        return None
    return names


def wide(X: Any, *, name: str = "X") -> np.ndarray:
    """The numbers of a DataFrame with a row per sample, [N, T] floating.

    One floating dtype in all columns is kept; otherwise the result is what NumPy makes of them,
    with integers and bools as float64.

    Raises:
        TypeError: a column holds text, dates or other things that are no numbers; the column is
            named.
        ValueError: a value is missing, NaN or infinite; row and column are named.
    """
    frame = frame_of(X, name)
    columns = [numbers_of(frame.get_column(column), name) for column in frame.columns]
    if not columns:
        return np.empty((len(frame), 0))
    table = np.stack(columns, axis=1)
    found = checks.first_not_finite(table)
    if found is not None:
        row, column = found
        raise checks.not_finite(
            name, table[found], f"in row {row} of column {frame.columns[column]!r}"
        )
    return table


def frame_of(X: Any, name: str) -> nw.DataFrame[Any]:
    """X as narwhals sees it.

    Raises:
        TypeError: X is no DataFrame, or a lazy one.
        ValueError: two columns have the same name.
    """
    import narwhals.stable.v2 as nw

    if nw.dependencies.is_into_lazyframe(X) and not nw.dependencies.is_into_dataframe(X):
        raise TypeError(f"{name} is a lazy table; collect it first.")
    try:
        return nw.from_native(X, eager_only=True)
    except TypeError as error:
        raise TypeError(f"{name} must be a DataFrame, got {type(X).__name__}.") from error
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"{name} has columns of the same name; rename one of them.") from error


def numbers_of(series: nw.Series[Any], name: str) -> np.ndarray:
    """One column as floats [N]; a missing cell is NaN."""
    import narwhals.stable.v2 as nw

    column = series.name
    dtype = series.dtype
    if dtype.is_float():
        return series.to_numpy()
    if dtype.is_numeric() or dtype == nw.Boolean:
        if series.null_count():
            series = series.cast(nw.Float64)
        return np.asarray(series.to_numpy(), dtype=np.float64)
    if dtype == nw.Object:
        return checks.as_float(series.to_numpy(), f"column {column!r} of {name}")
    if dtype in (nw.String, nw.Categorical, nw.Enum):
        row, text = _first_text(series.to_list())
        raise TypeError(
            f"column {column!r} of {name} holds text ({text!r} in row {row}), not numbers; "
            f"drop the column or encode it first."
        )
    raise TypeError(
        f"column {column!r} of {name} holds {dtype}, not numbers; drop the column or convert it."
    )


def _first_text(cells: list[Any]) -> tuple[int, Any]:
    """Row and content of the first cell that does not read as a number, else of the first."""
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        try:
            float(cell)
        except ValueError:
            return row, cell
    return 0, cells[0] if cells else ""


def type_of(series: nw.Series[Any]) -> Any:
    """The type of a column, as narwhals names it.

    Of pandas' datetimes narwhals knows no time zone whose name holds `_`, a digit or a sign, such
    as America/New_York, and takes their type for unknown.
    """
    import narwhals.stable.v2 as nw

    if isinstance(series.dtype, nw.Unknown):
        native = getattr(series.to_native(), "dtype", None)
        zone, unit = getattr(native, "tz", None), getattr(native, "unit", None)
        if zone is not None and unit is not None:
            return nw.Datetime(unit, str(zone))
    return series.dtype
