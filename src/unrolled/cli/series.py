"""The rows of a file as time series: which columns are what, and how the last steps are cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import typer

from unrolled.cli.columns import require
from unrolled.data.series import SeriesSet
from unrolled.data.series_columns import codes_of, order_column
from unrolled.data.series_tables import series_from_table
from unrolled.data.tables import frame_of

# The column that numbers the rows where none says when they were; "_" is added while it is taken.
ORDER = "step"


@dataclass(frozen=True)
class SeriesColumns:
    """Which columns of a file are what.

    Attributes:
        targets: the columns to forecast.
        time: when; of a file whose rows are in order, the name of the column that is added.
        group: which series a row is of, or None.
        past: known up to the present.
        future: known ahead.
        static: do not change within a series.
        in_order: the rows of each series are its steps in their order.
    """

    targets: tuple[str, ...]
    time: str
    group: str | None = None
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    in_order: bool = False

    @classmethod
    def choose(
        cls,
        table: pl.DataFrame,
        name: str,
        *,
        target: Sequence[str],
        time: str | None,
        group: str | None,
        past: Sequence[str],
        future: Sequence[str],
        static: Sequence[str],
    ) -> SeriesColumns:
        """From what was typed: names with commas between them, each given once or again.

        Raises:
            typer.BadParameter: A column is named twice.
            ValueError: One is not there.
        """
        typed = {"target": target, "past": past, "future": future, "static": static}
        several = {role: _names(texts, table.columns) for role, texts in typed.items()}
        one = {"time": time, "group": group}
        named = [(role, (column,)) for role, column in one.items() if column is not None]
        used: dict[str, str] = {}
        for role, columns in [*several.items(), *named]:
            for column in columns:
                if column in used and {used[column], role} != {"static", "group"}:
                    raise typer.BadParameter(
                        f"--{used[column]} and --{role} name the same column {column!r}"
                    )
                used[column] = role
        for column in used:
            require(table, column, name)
        order = ORDER
        while order in table.columns:
            order += "_"
        return cls(
            several["target"], time or order, group,
            several["past"], several["future"], several["static"], in_order=time is None,
        )  # fmt: skip

    @classmethod
    def of(cls, model: Any, *, in_order: bool) -> SeriesColumns:
        """Those of a forecaster."""
        return cls(
            _several(model.target_columns), model.time_column, model.group_column,
            _several(model.past_columns), _several(model.future_columns),
            _several(model.static_columns), in_order,
        )  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """The arguments of a forecaster that reads them."""
        return {
            "time_column": self.time,
            "group_column": self.group,
            "target_columns": self.targets,
            "past_columns": self.past,
            "future_columns": self.future,
            "static_columns": self.static,
        }

    def prepare(self, table: pl.DataFrame, name: str) -> pl.DataFrame:
        """A table that has the columns; of rows in order with their numbers.

        Raises:
            ValueError: One is missing.
        """
        named = [*self.targets, self.group, *self.past, *self.future, *self.static]
        for column in [*named, None if self.in_order else self.time]:
            if column is not None:
                require(table, column, name)
        if not self.in_order:
            return table
        number = pl.int_range(pl.len(), dtype=pl.Int64)
        return table.with_columns(
            (number if self.group is None else number.over(self.group)).alias(self.time)
        )

    def series(
        self, table: pl.DataFrame, name: str, *, frequency: str | None, gaps: str
    ) -> SeriesSet:
        """The series of a prepared table.

        Raises:
            TypeError, ValueError: As `unrolled.data.series_from_table`, with the file's name.
        """
        try:
            return series_from_table(
                table, time=self.time, target=self.targets, group=self.group, past=self.past,
                future=self.future, static=self.static, frequency=frequency, gaps=gaps,
            )  # fmt: skip
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from error

    def split(
        self, table: pl.DataFrame, name: str, series: SeriesSet, steps: int
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows before the last steps of each series, and those that follow them.

        What is known ahead stays with the first: their targets are empty there.

        Args:
            table: prepared, without gaps in its times.
            name: its file.
            series: its series.
            steps: to cut off.

        Raises:
            ValueError: A series has no step left, or its last ones no value.
        """
        cuts = series.lengths - steps
        for s, cut in enumerate(cuts):
            where = f"{name}: the series {series.ids[s]!r}" if self.group is not None else name
            if cut < 1:
                raise ValueError(
                    f"{where} has {series.lengths[s]:,} steps, and the last {steps:,} leave none "
                    f"before them"
                )
            missing = np.isnan(series[s])
            for k, target in enumerate(self.targets):
                if missing[cut:, k].all() or missing[:cut, k].all():
                    side = "in" if missing[cut:, k].all() else "before"
                    raise ValueError(f"{where} has no {target} {side} its last {steps:,} steps")
            if self.future:
                # The steps without a value before a cut are known ahead, as those behind it.
                cuts[s] = 1 + int(np.flatnonzero(~missing[:cut].all(axis=1))[-1])
        frame = frame_of(table, "table")
        time = order_column(frame.get_column(self.time))
        codes = np.zeros(len(time), np.int64)
        if self.group is not None:
            codes = codes_of(frame.get_column(self.group))[0] - 1
        order = np.lexsort((time, codes))
        counts = np.bincount(codes)
        rank = np.empty(len(time), np.int64)
        rank[order] = np.arange(len(time)) - np.repeat(np.cumsum(counts) - counts, counts)
        behind = pl.Series(rank >= cuts[codes])
        if not self.future:
            return table.filter(~behind), table.filter(behind)
        empty = [pl.when(~behind).then(pl.col(target)).alias(target) for target in self.targets]
        return table.with_columns(empty), table.filter(behind)


def _names(texts: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Names with commas between them, and whole ones that hold a comma."""
    found: list[str] = []
    for text in texts:
        found += [text] if text in columns else [name.strip() for name in text.split(",")]
    return tuple(found)


def _several(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
