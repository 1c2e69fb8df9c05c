"""Columns of a DataFrame as what series need: times, labels, numbers and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import iso_times
from unrolled.data.covariates import Categories, categories, is_categorical, level_name
from unrolled.data.tables import numbers_of, type_of

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def codes_of(series: nw.Series[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes [M] from 1 in order of first appearance, 0 for a missing cell, and what they stand for.

    Any column whose cells can be told apart will do.
    """
    import narwhals.stable.v2 as nw

    if series.dtype.is_float():
        series = series.fill_nan(None)
    if series.dtype == nw.Object or not _plain(series.dtype):
        seen: dict[Any, int] = {}
        cells = series.to_list()
        gone = [cell is None or bool(cell != cell) for cell in cells]
        codes = [
            0 if missing else seen.setdefault(cell, len(seen) + 1)
            for cell, missing in zip(cells, gone, strict=True)
        ]
        return np.array(codes, dtype=np.int64), list(seen)
    import polars as pl

    native = series.to_native()
    column = native if isinstance(native, pl.Series) else pl.Series(_cells(series))
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    labels = column.drop_nulls().unique(maintain_order=True)
    numbers = pl.Series(range(1, len(labels) + 1), dtype=pl.Int64)
    coded = column.replace_strict(labels, numbers, default=None).fill_null(0)
    return coded.to_numpy(), labels.to_list()


def _cells(series: nw.Series[Any]) -> list[Any]:
    """The cells of a column, None where one is missing, which pandas may have as NaN."""
    cells = series.to_list()
    if not series.null_count():
        return cells
    gone = series.is_null().to_list()
    return [None if missing else cell for cell, missing in zip(cells, gone, strict=True)]


def _plain(dtype: nw.dtypes.DType) -> bool:
    import narwhals.stable.v2 as nw

    return dtype.is_numeric() or dtype in (nw.String, nw.Categorical, nw.Enum, nw.Boolean)


def time_column(series: nw.Series[Any], *, wall_clock: bool = False) -> NDArray[Any]:
    """A column of times [M] as datetime64[us] or int64.

    Args:
        series: datetimes, dates, ISO 8601 text or whole numbers.
        wall_clock: for datetimes with a time zone the local time, not UTC.

    Raises:
        TypeError: the column holds no times.
        ValueError: a time is missing, finer than a microsecond or no whole number.
    """
    import narwhals.stable.v2 as nw

    name = f"column {series.name!r} of table"
    gone = (series.is_null() | series.is_nan()) if series.dtype.is_float() else series.is_null()
    if gone.any():
        row = int(np.argmax(gone.to_numpy()))
        raise ValueError(f"{name} is missing in row {row}; fill or drop it.")
    if series.dtype in (nw.String, nw.Object, nw.Categorical):
        codes, labels = codes_of(series)
        return iso_times.parsed(labels, name)[codes - 1]
    if has_time_zone(series):
        if not wall_clock:
            series = _in_utc(series)
        series = series.dt.replace_time_zone(None)
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    return iso_times.as_times(series.to_numpy(), name)


def _in_utc(series: nw.Series[Any]) -> nw.Series[Any]:
    import narwhals.stable.v2 as nw

    if isinstance(series.dtype, nw.Unknown):  # see type_of
        return nw.from_native(series.to_native().dt.tz_convert("UTC"), series_only=True)
    return series.dt.convert_time_zone("UTC")


def has_time_zone(series: nw.Series[Any]) -> bool:
    """Whether a column holds datetimes with a time zone."""
    import narwhals.stable.v2 as nw

    dtype = type_of(series)
    return isinstance(dtype, nw.Datetime) and dtype.time_zone is not None


def order_column(series: nw.Series[Any]) -> NDArray[Any]:
    """A column [M] to sort by: times, or any numbers."""
    if series.dtype.is_float() and not series.is_null().any():
        cells = np.asarray(series.to_numpy(), dtype=np.float64)
        if np.isfinite(cells).all():
            return cells
    return time_column(series)


def covariate_column(series: nw.Series[Any], *, category: bool) -> NDArray[Any] | Categories:
    """A column of numbers [M] with NaN for missing, or of categories.

    Args:
        series: numbers, text, categories or truth values.
        category: whether its cells are categories even where they are numbers.

    Raises:
        TypeError: it holds something else, or mixes numbers and text.
    """
    import narwhals.stable.v2 as nw

    if series.dtype == nw.Object:
        cells = np.empty(len(series), dtype=object)
        cells[:] = series.to_list()
        return categories(cells) if is_categorical(cells, series.name) or category else cells
    if not category and series.dtype.is_numeric():
        return np.asarray(numbers_of(series, "table"), dtype=np.float64)
    if not _plain(series.dtype):
        raise TypeError(
            f"column {series.name!r} of table holds {series.dtype}; a covariate is numbers, text "
            f"or truth values."
        )
    codes, labels = codes_of(series)
    return Categories(codes, tuple(level_name(label) for label in labels))


def missing_cells(column: NDArray[Any] | Categories) -> NDArray[np.bool_]:
    """Which cells [M] of a covariate are missing."""
    if isinstance(column, Categories):
        return np.asarray(column.codes == 0)
    return np.asarray(np.isnan(column.astype(np.float64)))
