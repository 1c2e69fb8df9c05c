"""CSV, TSV and Parquet files to DataFrames."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read(path: str | os.PathLike[str], *, texts: bool = False) -> pl.DataFrame:
    """Read a table; the suffix says how: .csv, .tsv or .parquet.

    With `texts` the cells of .csv and .tsv stay as they are written: 007 is no number then.

    Text files are UTF-8 with a line of column names. A cell may be quoted, an empty cell is a
    missing value, blanks around numbers and names are ignored, and dates stay text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the suffix is another one, or the file is damaged or empty; the line is named.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in _SEPARATORS and suffix != ".parquet":
        raise ValueError(f"{file} must end in .csv, .tsv or .parquet.")
    if not file.is_file():
        raise FileNotFoundError(f"{file} is not a file.")
    table = (
        _read_parquet(file)
        if suffix == ".parquet"
        else _read_text(file, _SEPARATORS[suffix], texts)
    )
    if table.height == 0:
        raise ValueError(f"{file} holds no rows below its column names.")
    return table


def _read_parquet(file: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(file)
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{file} is no whole Parquet file: {_first_line(error)}.") from error


def _read_text(file: Path, separator: str, texts: bool) -> pl.DataFrame:
    import polars as pl

    content = file.read_bytes().rstrip(b"\r\n")
    names = _names(file, content, separator)
    try:
        table = pl.read_csv(
            content,
            has_header=True,
            new_columns=names,
            separator=separator,
            infer_schema=not texts,
            infer_schema_length=None,
        )
    except pl.exceptions.PolarsError as error:
        reason = _fault(content, separator) or _first_line(error)
        raise ValueError(f"{file} cannot be read: {reason}.") from error
    # A line that is too short leaves its last column empty, as an empty cell does.
    if table.height and table[names[-1]].null_count():
        fault = _fault(content, separator)
        if fault is not None:
            raise ValueError(f"{file} cannot be read: {fault}.")
    return table if texts else table.with_columns([_number(column) for column in table])


def _number(column: pl.Series) -> pl.Series:
    """A text column as numbers where every cell is one between blanks."""
    import polars as pl

    if column.dtype != pl.String:
        return column
    numbers = column.str.strip_chars().cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == column.null_count() < len(column) else column


def _names(file: Path, content: bytes, separator: str) -> list[str]:
    """The column names of line 1, checked."""
    try:
        records = csv.reader(_text(content), delimiter=separator, strict=True)
        names = [name.strip() for name in next(records, [])]
    except (csv.Error, UnicodeDecodeError) as error:
        reason = _fault(content, separator) or str(error)
        raise ValueError(f"{file} cannot be read: {reason}.") from error
    if not names:
        raise ValueError(f"{file} is empty; its first line must name the columns.")
    for i, name in enumerate(names):
        if not name:
            raise ValueError(
                f"{file} has no name for column {i + 1} in line 1; name it, or leave it out if it "
                f"only counts the rows."
            )
        if name in names[:i]:
            raise ValueError(f"{file} has two columns {name!r} in line 1; rename one of them.")
    other = next((mark for mark in ";\t," if mark != separator and mark in names[0]), None)
    if len(names) == 1 and other is not None:
        raise ValueError(
            f"{file} separates its columns with {other!r}, where its suffix says {separator!r}; "
            f"rename or rewrite the file."
        )
    return names


def _fault(content: bytes, separator: str) -> str | None:
    """What is wrong with the first damaged line; None when every line is whole."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} is not UTF-8 text"
    records = csv.reader(_text(content), delimiter=separator, strict=True)
    width = 0
    line = 0
    try:
        for record in records:
            line += 1
            width = width or len(record)
            if len(record) not in (0, width):
                return f"line {line} has {len(record)} cells where line 1 has {width}"
            if not record and width > 1:
                return f"line {line} is blank"
            line = records.line_num
    except csv.Error as error:
        return f"the cell quoted in line {line + 1} is not closed as it should be ({error})"
    return None


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")
