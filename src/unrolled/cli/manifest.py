"""A table that names sound files and what is said in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.cli.columns import require
from unrolled.cli.screen import count

SUFFIXES = (".csv", ".tsv", ".parquet")
HEADER = 2  # the line of the first row below the column names


@dataclass(frozen=True)
class Columns:
    """Which columns name the sounds and hold their texts."""

    audio: str = "path"
    text: str = "text"

    def to_config(self) -> dict[str, str]:
        """Plain data, to be stored with a model."""
        return {"audio": self.audio, "text": self.text}

    @classmethod
    def from_config(cls, config: object) -> Columns:
        """What `to_config` gave; the defaults where a model was not trained by the command line.

        Raises:
            ValueError: It is something else.
        """
        if config is None:
            return cls()
        if (
            not isinstance(config, Mapping)
            or set(config) != {"audio", "text"}
            or not all(isinstance(name, str) for name in config.values())
        ):
            raise ValueError("the model does not say as it should which columns to read")
        return cls(**config)


@dataclass(frozen=True, eq=False)
class Sounds:
    """N sound files, their texts, and what they are called together.

    Attributes:
        name: of the part.
        paths: the files.
        listed: the files as they were written down.
        texts: what is said; empty where it was not asked for.
    """

    name: str
    paths: list[Path]
    listed: list[str]
    texts: list[str]

    @classmethod
    def read(cls, name: str, file: Path, columns: Columns, *, texts: bool = True) -> Sounds:
        """Those of a manifest; relative paths are relative to its folder.

        Raises:
            FileNotFoundError: It, or a file that it names, is not there; names its line.
            ValueError: It is no table, lacks a column, or a cell is empty; names the line.
            TypeError: A column of a Parquet file holds no texts.
        """
        from unrolled.data.table_files import read

        table = read(file, texts=True)
        for column in (columns.audio, *([columns.text] if texts else [])):
            require(table, column, str(file))
        line = 0 if file.suffix.lower() == ".parquet" else HEADER
        where = "row" if line == 0 else "line"
        listed = _cells(table[columns.audio], file, where, line)
        paths = [file.parent / path for path in listed]
        for i, path in enumerate(paths):
            if not path.is_file():
                raise FileNotFoundError(
                    f"{where} {i + line} of {file} names {listed[i]}, and there is no file {path}"
                )
        said = _cells(table[columns.text], file, where, line) if texts else []
        return cls(name, paths, listed, said)

    @classmethod
    def files(cls, name: str, files: Sequence[Path]) -> Sounds:
        """Sound files by themselves.

        Raises:
            FileNotFoundError: One is not there.
        """
        for file in files:
            if not file.is_file():
                raise FileNotFoundError(f"{file} is not a file")
        return cls(name, list(files), [str(file) for file in files], [])

    def __len__(self) -> int:
        return len(self.paths)

    def described(self) -> str:
        """How many there are."""
        return count(len(self), "sound")

    def take(self, rows: Sequence[int], name: str) -> Sounds:
        """Some of them, by another name."""
        return Sounds(
            name,
            [self.paths[i] for i in rows],
            [self.listed[i] for i in rows],
            [self.texts[i] for i in rows] if self.texts else [],
        )

    def held_out(self, fraction: float, seed: int) -> tuple[Sounds, Sounds]:
        """Those that are kept and a share that is not.

        Raises:
            ValueError: One of the two would be empty.
        """
        N = len(self)
        held = round(N * fraction)
        if not 1 <= held < N:
            raise ValueError(
                f"--test-fraction {fraction:g} of {self.described()} leaves none in one part; "
                f"give another one"
            )
        order = np.random.default_rng(seed).permutation(N)
        kept, tested = np.sort(order[held:]).tolist(), np.sort(order[:held]).tolist()
        return self.take(kept, self.name), self.take(tested, "held out")


def _cells(column: Any, file: Path, where: str, line: int) -> list[str]:
    """The texts of a column, none of them empty."""
    cells: list[Any] = column.to_list()
    for i, cell in enumerate(cells):
        if cell is not None and not isinstance(cell, str):
            raise TypeError(
                f"column {column.name!r} of {file} holds {type(cell).__name__}, not texts"
            )
        if cell is None or not cell.strip():
            raise ValueError(
                f"column {column.name!r} of {file} is empty in {where} {i + line}; fill it or "
                f"leave the {where} out"
            )
    return cells
