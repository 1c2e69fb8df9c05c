"""DataFrames of any kind, through narwhals: a wide or a long table to arrays and sequences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from unrolled.data import checks
from unrolled.data.table_files import read

if TYPE_CHECKING:
    from unrolled.data.sequences import Sequences

__all__ = ["LongTable", "column_names", "is_dataframe", "long", "read", "wide"]


@dataclass(frozen=True, eq=False)
class LongTable:
    """What `long` reads from a table with a row per id and time.

    Attributes:
        sequences: N sequences with a channel per value column
        ids: array [N], in order of first appearance in the table
        target: array [N], the target of each id; None without a target column
    """

    sequences: Sequences
    ids: np.ndarray
    target: np.ndarray | None


def is_dataframe(X: Any) -> bool:
    """Whether X is a DataFrame that narwhals knows: pandas, polars, pyarrow and others."""
    if isinstance(X, (np.ndarray, list, tuple)):
        return False
    return bool(nw.dependencies.is_into_dataframe(X) or nw.dependencies.is_into_lazyframe(X))


def column_names(X: Any) -> list[str] | None:
    """Column names of a DataFrame whose names are all text; None otherwise, or for no DataFrame."""
    if not is_dataframe(X):
        return None
    names = list(_frame(X, "X").columns)
    if not all(isinstance(name, str) for name in names):
        return None
    return names


def wide(X: Any, *, name: str = "X") -> np.ndarray:
    """The numbers of a DataFrame with a row per sample, [N, T] floating.

    One floating dtype in all columns is kept; otherwise the result is what NumPy makes of them,
    with integers and bools as float64.

    Raises:
        TypeError: A column holds text, dates or other things that are no numbers; the column is
            named.
        ValueError: A value is missing, NaN or infinite; row and column are named.
    """
    frame = _frame(X, name)
    columns = [_numbers(frame.get_column(column), name) for column in frame.columns]
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


def long(table: Any, id: str, time: str, values: list[str], target: str | None = None) -> LongTable:
    """Sequences from a DataFrame with a row per id and time; each id is sorted by time.

    Args:
        table: DataFrame, rows in any order
        id: the column that says which sequence a row belongs to
        time: the column to sort by: numbers, dates, or text as ISO 8601 writes dates
        values: the numeric columns, one channel each
        target: a column that is constant inside each id, if there is one

    Raises:
        TypeError: A value column holds no numbers, or the time column no times.
        ValueError: A column is missing, a cell is missing, an (id, time) pair occurs twice, or the
            target changes inside an id.
    """
    from unrolled.data.sequences import Sequences

    frame = _frame(table, "table")
    if not isinstance(values, (list, tuple)) or not values:
        raise TypeError(f"values must be a list of column names, got {values!r}.")
    for column in [id, time, *values, *([] if target is None else [target])]:
        if column not in frame.columns:
            raise ValueError(
                f"table has no column {column!r}; it has {', '.join(map(repr, frame.columns))}."
            )
    if len(frame) == 0:
        raise checks.too_few("table", "row", frame.shape)
    ids = _complete(frame, id)
    seen: dict[Any, int] = {}
    codes = np.array([seen.setdefault(i, len(seen)) for i in ids], dtype=np.int64)
    times = _times(frame, time, ids)
    order = np.lexsort((times, codes))
    codes, times = codes[order], times[order]
    again = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
    if again.any():
        row = int(order[np.argmax(again) + 1])
        raise ValueError(f"table holds {_place(frame, id, time, row)} twice; keep one of the rows.")
    columns = []
    for column in values:
        array = _numbers(frame.get_column(column), "table")
        bad = checks.first_not_finite(array)
        if bad is not None:
            raise checks.not_finite(
                f"column {column!r} of table", array[bad], f"at {_place(frame, id, time, bad[0])}"
            )
        columns.append(array)
    lengths = np.bincount(codes, minlength=len(seen)).astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    sequences = Sequences(np.stack(columns, axis=1)[order], starts, lengths)
    goals = None if target is None else _constant(frame, ids, target)
    return LongTable(sequences, _as_array(list(seen)), goals)


def _frame(X: Any, name: str) -> nw.DataFrame[Any]:
    if nw.dependencies.is_into_lazyframe(X) and not nw.dependencies.is_into_dataframe(X):
        raise TypeError(f"{name} is a lazy table; collect it first.")
    try:
        return nw.from_native(X, eager_only=True)
    except TypeError as error:
        raise TypeError(f"{name} must be a DataFrame, got {type(X).__name__}.") from error
    except nw.exceptions.DuplicateError as error:
        raise ValueError(f"{name} has columns of the same name; rename one of them.") from error


def _numbers(series: nw.Series[Any], name: str) -> np.ndarray:
    """One column as floats [N]; a missing cell is NaN."""
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


def _complete(frame: nw.DataFrame[Any], column: str) -> list[Any]:
    """The cells of an id column, none of which may be missing."""
    cells = frame.get_column(column).to_list()
    for row, cell in enumerate(cells):
        if _is_missing(cell):
            raise ValueError(
                f"column {column!r} of table is missing in row {row}; fill or drop it."
            )
    return cells


def _times(frame: nw.DataFrame[Any], column: str, ids: list[Any]) -> np.ndarray:
    """The time column [M] as numbers or datetime64."""
    series = frame.get_column(column)
    if series.dtype.is_float():
        missing = np.isnan(series.to_numpy())
    else:
        missing = series.is_null().to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(
            f"column {column!r} of table is missing for id {ids[row]!r} in row {row}; "
            f"fill or drop it."
        )
    if series.dtype in (nw.String, nw.Object):
        return _iso_times(series.to_list(), column, ids)
    times = series.to_numpy()
    if times.dtype.kind not in "Mmfiu":
        raise TypeError(f"column {column!r} of table holds {series.dtype}, not times or numbers.")
    return times


def _iso_times(cells: list[Any], column: str, ids: list[Any]) -> np.ndarray:
    """Dates, or text as ISO 8601 writes them, [M] datetime64; times with an offset are in UTC."""
    times = np.empty(len(cells), dtype="datetime64[us]")
    zoned: set[bool] = set()
    for row, cell in enumerate(cells):
        try:
            moment = _moment(cell)
        except ValueError as error:
            raise TypeError(
                f"column {column!r} of table holds {cell!r} for id {ids[row]!r}, which is no time "
                f"that sorts; write times as 2024-01-31 or 2024-01-31T12:00:00, or as numbers."
            ) from error
        zoned.add(moment.tzinfo is not None)
        if len(zoned) > 1:
            raise ValueError(
                f"column {column!r} of table has times with and without a UTC offset, "
                f"{cell!r} for id {ids[row]!r} is the first of the other kind; use one of them."
            )
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        times[row] = np.datetime64(moment, "us")
    return times


def _moment(cell: Any) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if not isinstance(cell, str):
        raise ValueError(f"{cell!r} is neither text nor a date")
    text = f"{cell}-01" if len(cell) == len("2024-01") else cell
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _constant(frame: nw.DataFrame[Any], ids: list[Any], column: str) -> np.ndarray:
    """The target of each id [N], which must be one value inside the id."""
    goals: dict[Any, Any] = {}
    for row, (who, cell) in enumerate(zip(ids, frame.get_column(column).to_list(), strict=True)):
        if _is_missing(cell):
            raise ValueError(
                f"target column {column!r} of table is missing for id {who!r} in row {row}; "
                f"fill or drop it."
            )
        if goals.setdefault(who, cell) != cell:
            raise ValueError(
                f"target column {column!r} of table changes inside id {who!r}, from "
                f"{goals[who]!r} to {cell!r}; a target is one value for a whole sequence."
            )
    return _as_array(list(goals.values()))


def _is_missing(cell: Any) -> bool:
    return cell is None or bool(cell != cell)


def _as_array(cells: list[Any]) -> np.ndarray:
    """Numbers or texts as an array of their own dtype, never one turned into the other."""
    array = np.asarray(cells)
    if array.dtype.kind in "US" and not all(isinstance(cell, str) for cell in cells):
        return np.asarray(cells, dtype=object)
    return array


def _place(frame: nw.DataFrame[Any], id: str, time: str, row: int) -> str:
    cells = (frame.get_column(column).to_list()[row] for column in (id, time))
    return ", ".join(
        f"{column} {cell if isinstance(cell, date) else repr(cell)}"
        for column, cell in zip((id, time), cells, strict=True)
    )
