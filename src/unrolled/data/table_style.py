"""Of which library and of which types a DataFrame is, as plain data and back."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from unrolled.data.tables import frame_of, type_of

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

LIBRARIES = ("pandas", "polars", "pyarrow", "modin", "cudf")
# Of a library that is not installed, or has no column of a type.
OTHER = "polars"
KINDS = (
    "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64",
    "Boolean", "String", "Categorical", "Enum", "Date", "Datetime", "Object",
)  # fmt: skip


def style(frame: Any, columns: Sequence[str]) -> dict[str, Any]:
    """The library of a DataFrame and the types of some of its columns, as JSON has them.

    Raises:
        ValueError: a column is of a type that `first_row` does not make.
    """
    table = frame_of(frame, "frame")
    return {
        "library": table.implementation.value,
        "columns": {name: _type_of(table.get_column(name)) for name in columns},
    }


def first_row(config: Mapping[str, Any]) -> Any:
    """A DataFrame of one row, of the library and types that `style` told.

    A library that is not installed is replaced by polars, with the same types.

    Raises:
        KeyError, ValueError, TypeError: it is nothing that `style` told.
    """
    import narwhals.stable.v2 as nw

    library = config["library"]
    if library not in LIBRARIES:
        raise ValueError(f"its tables are of {library!r:.80}, not {', '.join(LIBRARIES)}")
    if importlib.util.find_spec(library) is None:
        library = OTHER
    made = [_column(name, told, library) for name, told in config["columns"].items()]
    if not made:
        return nw.from_dict({"": [0]}, backend=library).to_native()
    # Not nw.from_dict, which for pandas forgets time zones.
    return made[0].to_frame().with_columns(*made[1:]).to_native()


def _type_of(column: nw.Series[Any]) -> dict[str, Any]:
    """Its type, and the first cell where others are written as that is."""
    import narwhals.stable.v2 as nw

    dtype = type_of(column)
    told = {"type": type(dtype).__name__}
    if told["type"] not in KINDS:
        raise ValueError(f"column {column.name!r} holds {dtype}, which no saved model keeps")
    found: dict[str, Any] = dict(told)
    if isinstance(dtype, nw.Datetime):
        found |= {"unit": dtype.time_unit, "zone": dtype.time_zone}
    if isinstance(dtype, nw.Enum):
        found["categories"] = list(dtype.categories)
    if dtype in (nw.String, nw.Categorical, nw.Enum, nw.Object):
        found["first"] = _cell(column[0])
    return found


def _cell(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat(timespec="microseconds")}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    return str(cell)


def _cell_of(told: Any) -> Any:
    if isinstance(told, Mapping):
        if "date" in told:
            return date.fromisoformat(told["date"])
        return datetime.fromisoformat(told["datetime"])
    return str(told)


def _column(name: str, told: Mapping[str, Any], library: Any) -> nw.Series[Any]:
    import narwhals.stable.v2 as nw

    kind = told["type"]
    if kind not in KINDS:
        raise ValueError(f"its column {name!r:.80} holds {kind!r:.80}, which is no type")
    if kind == "Datetime":
        column = nw.new_series(name, [datetime(1970, 1, 1, 12)], backend=library)
        column = column.cast(nw.Datetime(told["unit"]))
        zone = told["zone"]
        return column if zone is None else column.dt.replace_time_zone(zone)
    if kind == "Date":
        column = nw.new_series(name, [datetime(1970, 1, 1)], backend=library)
        return column.cast(nw.Date)
    if "first" in told:
        cell = _cell_of(told["first"])
        if kind == "Object":
            return _object(name, cell, library)
        column = nw.new_series(name, [cell], backend=library)
        wanted = nw.Enum(told["categories"]) if kind == "Enum" else getattr(nw, kind)
        return column if column.dtype == wanted else column.cast(wanted)
    return nw.new_series(name, [0], backend=library).cast(getattr(nw, kind))


def _object(name: str, cell: Any, library: Any) -> nw.Series[Any]:
    """Only pandas keeps objects as they are; others have a type of their own for them."""
    import narwhals.stable.v2 as nw

    if library != "pandas":
        return nw.new_series(name, [cell], backend=library)
    pd: Any = nw.Implementation.PANDAS.to_native_namespace()
    return nw.from_native(pd.Series([cell], name=name, dtype=object), series_only=True)
