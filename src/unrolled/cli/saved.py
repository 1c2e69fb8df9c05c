"""What the command line stores with a model beside what the estimator stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from unrolled.cli.columns import Layout
from unrolled.cli.rows import Rows, read_rows
from unrolled.cli.scores import Guess
from unrolled.estimators import Forecaster, load


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A fitted estimator, how its columns are read, and what it is compared with.

    Attributes:
        model: the estimator
        name: its path as it was typed, for errors
        layout: which columns are read
        guess: what a plain guess is
        steps: least and greatest length of the training sequences, or None
    """

    model: Any
    name: str
    layout: Layout
    guess: Guess
    steps: tuple[int, int] | None

    @classmethod
    def read(cls, path: Path) -> SavedModel:
        """Read what `save` wrote.

        Raises:
            ArtifactError: There is no model, or it is damaged.
            ValueError: It was saved from Python, without columns, or it is a forecaster.
        """
        model, name = load(path), str(path)
        if isinstance(model, Forecaster):
            raise ValueError(
                f"{name} forecasts series: `unrolled forecast` tells what follows them, and "
                f"`unrolled backtest` scores it"
            )
        table = model.table_
        if table is None:
            raise ValueError(
                f"{name} was not trained by the command line and does not say which columns to "
                f"read; load it in Python by unrolled.load({name!r})"
            )
        if not isinstance(table, Mapping):
            raise ValueError(f"{name} does not say as it should which columns to read")
        layout = Layout.from_config(table.get("layout"), name)
        guess = Guess.from_config(model, table.get("guess"), name)
        return cls(model, name, layout, guess, _steps(table.get("steps"), name))

    @property
    def is_classifier(self) -> bool:
        """Whether it gives labels, not numbers."""
        return hasattr(self.model, "classes_")

    def save(self, path: Path) -> None:
        """Write the model as a folder, whole or not at all."""
        table = {
            "layout": self.layout.to_config(),
            "guess": list(self.guess.numbers),
            "steps": None if self.steps is None else list(self.steps),
        }
        self.model.save(path, table=table)

    def rows(self, table: pl.DataFrame, name: str, *, target: bool) -> Rows:
        """The samples of a table, read as in training.

        Raises:
            TypeError, ValueError: As `read_rows`; or the targets are of another kind.
        """
        rows = read_rows(table, self.layout, name, target=target)
        if not target:
            return rows
        if self.is_classifier:
            return rows.with_labels(name, self.model.classes_)
        return rows.with_numbers(name)


def _steps(config: object, name: str) -> tuple[int, int] | None:
    if config is None:
        return None
    if isinstance(config, list) and len(config) == 2 and all(isinstance(n, int) for n in config):
        return config[0], config[1]
    raise ValueError(f"{name} does not say as it should how long its sequences were")
