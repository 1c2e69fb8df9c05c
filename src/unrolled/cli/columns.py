"""Which columns of a file are a model's inputs and target: chosen once, stored with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

import polars as pl
import typer

SHOWN = 8
ROW = "row"


@dataclass(frozen=True)
class Layout:
    """How a table is read.

    Attributes:
        kind: "wide" (a row a sequence, a column a time step), "long" (a row a step), "text" (a
            row a text) or "table" (a row of numbers without order, for feed-forward networks).
        target: the column to predict.
        columns: the columns read: steps, channels, the one of texts, or features.
        id: the column that names a sequence or a row; None numbers the rows.
        time: the column that orders the steps of an id, for "long".
    """

    kind: str
    target: str
    columns: tuple[str, ...]
    id: str | None = None
    time: str | None = None

    def to_config(self) -> dict[str, Any]:
        """Plain data, to be stored with a model."""
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_config(cls, config: object, name: str) -> Layout:
        """What `to_config` gave.

        Args:
            config: as stored with a model
            name: the model, for errors

        Raises:
            ValueError: It is something else.
        """
        if not isinstance(config, Mapping) or not _is_layout(config):
            raise ValueError(f"{name} does not say as it should which columns to read")
        return cls(**{**config, "columns": tuple(config["columns"])})

    def check(self, table: pl.DataFrame, name: str, *, target: bool) -> None:
        """Check that a table has the columns.

        Raises:
            ValueError: One is missing; names it and those that are there.
        """
        wanted = [*self.columns, self.time, self.id if self.kind == "long" else None]
        for column in [*wanted, self.target if target else None]:
            if column is not None:
                require(table, column, name)


@dataclass(frozen=True)
class ColumnOptions:
    """What the options of a command say about columns; `choose` makes a layout of it.

    Attributes:
        target: the column to predict.
        id: names the rows, or with `time` the sequences.
        time: orders the steps of an id.
        values: columns to read; all other columns of numbers where empty.
        text: the column of texts.
        feed_forward: read a table for a feed-forward network.
        drop: columns to leave alone.
    """

    target: str
    id: str | None = None
    time: str | None = None
    values: tuple[str, ...] = ()
    text: str | None = None
    feed_forward: bool = False
    drop: tuple[str, ...] = ()

    def kind(self) -> str:
        """The kind of layout.

        Raises:
            typer.BadParameter: The options contradict each other.
        """
        if self.time is not None and self.id is None:
            raise typer.BadParameter("--time needs --id, the column that says whose steps they are")
        if self.text is not None and (self.time is not None or self.values or self.feed_forward):
            raise typer.BadParameter("--text goes without --time, --value and --table")
        if self.feed_forward and self.time is not None:
            raise typer.BadParameter("--table goes without --time: its rows are not steps")
        if self.text is not None:
            return "text"
        if self.feed_forward:
            return "table"
        return "wide" if self.time is None else "long"

    def used(self) -> dict[str, str]:
        """Columns to the options that name them.

        Raises:
            typer.BadParameter: A column is named twice.
        """
        named = [("--target", self.target), ("--id", self.id), ("--time", self.time)]
        named += [("--text", self.text), *((f"--value {column}", column) for column in self.values)]
        named += [(f"--drop {column}", column) for column in self.drop]
        used: dict[str, str] = {}
        for option, column in named:
            if column is None:
                continue
            if column in used:
                raise typer.BadParameter(f"{used[column]} and {option} name the same column")
            used[column] = option
        return used


def choose(table: pl.DataFrame, name: str, options: ColumnOptions) -> tuple[Layout, list[str]]:
    """Choose the columns of a table that are read.

    Args:
        table: the data
        name: its file, for errors
        options: what was asked for

    Returns:
        The layout, and the columns that it leaves out because they hold no numbers.

    Raises:
        typer.BadParameter: The options contradict each other.
        ValueError: A column is missing, or holds numbers and text.
    """
    kind, used = options.kind(), options.used()
    for column in used:
        require(table, column, name)
    target, id, time = options.target, options.id, options.time
    if options.text is not None:
        return Layout(kind, target, (options.text,), id), []
    if options.values:
        return Layout(kind, target, options.values, id, time), []
    rest = [column for column in table.columns if column not in used]
    columns = [column for column in rest if _holds_numbers(table[column], name)]
    if not columns:
        raise ValueError(
            f"{name} has no column of numbers to read besides {', '.join(map(repr, used))}; "
            f"--text reads a column of texts"
        )
    left_out = [column for column in rest if column not in columns]
    return Layout(kind, target, tuple(columns), id, time), left_out


def require(table: pl.DataFrame, column: str, name: str) -> None:
    """Check that a table has a column.

    Raises:
        ValueError: It has not; names those that are there.
    """
    if column in table.columns:
        return
    known = [repr(known) for known in table.columns[:SHOWN]]
    if len(table.columns) > SHOWN:
        known.append(f"{len(table.columns) - SHOWN:,} more")
    close = get_close_matches(column, table.columns, n=1)
    meant = f" (is {close[0]!r} meant?)" if close else ""
    has = "it has" if name.lower().endswith(".parquet") else "its first line names"
    raise ValueError(f"{name} has no column {column!r}; {has} {', '.join(known)}{meant}")


def is_numeric(column: pl.Series) -> bool:
    """Whether a column holds numbers or bools, or nothing at all."""
    return column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)


def _holds_numbers(column: pl.Series, name: str) -> bool:
    """Whether a column is read; one with some numbers among text is an error, not left out."""
    if is_numeric(column):
        return column.null_count() < len(column)
    if column.dtype != pl.String or column.null_count() == len(column):
        return False
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    if numbers.null_count() == len(column):
        return False
    row = (numbers.is_null() & column.is_not_null()).arg_max()
    assert row is not None
    raise ValueError(
        f"column {column.name!r} of {name} holds numbers and text ({column[row]!r} in row {row}); "
        f"mend it, or leave it out by --drop {column.name}"
    )


def _is_layout(config: Mapping[Any, Any]) -> bool:
    if set(config) != {"kind", "target", "columns", "id", "time"}:
        return False
    columns, kind = config["columns"], config["kind"]
    return (
        kind in ("wide", "long", "text", "table")
        and isinstance(config["target"], str)
        and isinstance(columns, list)
        and len(columns) >= 1
        and all(isinstance(column, str) for column in columns)
        and all(isinstance(config[key], str) for key in (("id", "time") if kind == "long" else ()))
        and all(config[key] is None or isinstance(config[key], str) for key in ("id", "time"))
    )
