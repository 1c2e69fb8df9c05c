"""What a backtest measured: sums by model, series and step, and the tables made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTS = ("model", "series", "step")
# What is summed for each metric; coverage and width are those of an interval, "coverage_80".
TERMS = {
    "mae": ("absolute",),
    "mse": ("squared",),
    "rmse": ("squared",),
    "smape": ("symmetric",),
    "mase": ("scaled",),
    "owa": ("symmetric", "scaled"),
    "crps": ("crps",),
}
TINY, HUGE = 1e-3, 1e9  # numbers below the one and from the other on have an exponent

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Backtest:
    """Errors of A models over all origins of S series.

    A metric of a group is the average over all its known values, so a series with more origins
    counts for more. `owa` is formed from the averages of the group.

    Attributes:
        models: A names.
        metrics: names of the columns.
        ids: S labels.
        origins: [S] int64, forecasts made of each series by each model.
        sums: name of a term -> [A, S, H], NaN for a model that forecasts no quantiles, or
            nothing.
        reference: name of a term -> [S, H] of the method naive2, for `owa`.
        known: [S, H] int64, known values that were summed.
        scaled: [S, H] int64, those among them whose series has a scale, for `mase` and `owa`.
        notes: what else a reader of the table should know, a sentence each.
    """

    models: tuple[str, ...]
    metrics: tuple[str, ...]
    ids: tuple[Any, ...]
    origins: NDArray[np.int64]
    sums: Mapping[str, Floats]
    reference: Mapping[str, Floats]
    known: NDArray[np.int64]
    scaled: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Model -> metric -> value; None where it was not, or cannot be, measured."""
        return {row["model"]: {m: row[m] for m in self.metrics} for row in self.rows()}

    def rows(self, by: Sequence[str] = ("model",)) -> list[dict[str, Any]]:
        """One dict a group: its model, series and step (1 to H) as asked for, and each metric.

        Args:
            by: what the groups are formed by: any of "model", "series" and "step"; "model" may be
                left out only where there is a single one

        Raises:
            ValueError: `by` holds anything else, or leaves out the model of several.
        """
        columns = self._columns(by)
        names = list(columns)
        return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def frame(self, by: Sequence[str] = ("model",), library: str = "polars") -> Any:
        """The rows as a DataFrame of "polars" or "pandas".

        Raises:
            ValueError: `by` is as in `rows`, or there is no such library.
            ImportError: The library is not installed.
        """
        if library not in ("polars", "pandas"):
            raise ValueError(f"library must be 'polars' or 'pandas', got {library!r}.")
        import narwhals as nw

        # a metric that is None for all is a column of numbers nevertheless
        numbers = [nw.col(metric).cast(nw.Float64) for metric in self.metrics]
        backend: Any = library
        return nw.from_dict(self._columns(by), backend=backend).with_columns(numbers).to_native()

    def table(self, by: Sequence[str] = ("model",)) -> str:
        """The rows as text for a terminal, and below them what they are averages of."""
        columns = self._columns(by)
        written = {
            name: [name, *(_numbers(values) if name in self.metrics else map(str, values))]
            for name, values in columns.items()
        }
        padded = []
        for name, cells in written.items():
            width = max(map(len, cells))
            right = name != "model" and name != "series"
            padded.append([cell.rjust(width) if right else cell.ljust(width) for cell in cells])
        lines = ["  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]
        lines.insert(1, "  ".join("-" * len(cells[0]) for cells in padded))
        return "\n".join([*lines, *self._notes()])

    def _notes(self) -> list[str]:
        used = int((self.origins > 0).sum())
        known = int(self.known.sum())
        notes = [f"{used:,} series, {int(self.origins.sum()):,} origins, {known:,} values a model"]
        if used < len(self.ids):
            notes.append(f"{len(self.ids) - used:,} more series have no origin: too short")
        if {"mase", "owa"} & set(self.metrics):
            flat = int(((self.known > 0) & (self.scaled == 0)).any(axis=1).sum())
            if flat:
                notes.append(f"mase and owa leave out {flat:,} series without a seasonal step")
        return [*notes, *self.notes]

    def _columns(self, by: Sequence[str]) -> dict[str, list[Any]]:
        chosen = [by] if isinstance(by, str) else list(by)
        if not chosen or set(chosen) - set(PARTS) or len(set(chosen)) < len(chosen):
            raise ValueError(f"by must name one or more of {', '.join(PARTS)}, got {by!r}.")
        if "model" not in chosen and len(self.models) > 1:
            raise ValueError(
                f"by must hold 'model', since there are {len(self.models)} models, got {by!r}."
            )
        kept = [part for part in PARTS if part in chosen]
        labels = {
            "model": list(self.models),
            "series": list(self.ids),
            "step": list(range(1, self.known.shape[1] + 1)),
        }
        shape = [len(labels[part]) for part in kept]
        columns: dict[str, list[Any]] = {}
        for axis, part in enumerate(kept):
            index = np.indices(shape)[axis].ravel()
            columns[part] = [labels[part][i] for i in index]
        away = tuple(axis for axis, part in enumerate(PARTS) if part not in kept)
        for metric in self.metrics:
            values = self._values(metric, away).ravel()
            columns[metric] = [float(v) if np.isfinite(v) else None for v in values]
        return columns

    def _values(self, metric: str, away: tuple[int, ...]) -> Floats:
        """The metric of all groups; `away` are the axes of [A, S, H] that are averaged over."""

        def mean(sums: Floats, term: str) -> Floats:
            count = self.scaled if term == "scaled" else self.known
            shape = (len(sums), *count.shape)
            over = np.broadcast_to(count, shape).sum(axis=away)
            averages: Floats = sums.sum(axis=away) / np.where(over > 0, over, np.nan)
            return averages

        def naive2(term: str) -> Floats:
            one = np.broadcast_to(self.reference[term], self.sums[term].shape)
            averages = mean(one, term)
            return np.where(averages > 0, averages, np.nan)

        terms = TERMS.get(metric, (metric,))
        means = [mean(self.sums[term], term) for term in terms]
        if metric == "owa":
            shares = [m / naive2(term) for m, term in zip(means, terms, strict=True)]
            return (shares[0] + shares[1]) / 2
        return np.sqrt(means[0]) if metric == "rmse" else means[0]


def merged(parts: Sequence[Backtest]) -> Backtest:
    """One backtest of several that differ in their origins alone, such as one a refitted model.

    Raises:
        ValueError: There is none, or their models, metrics, series or horizons differ.
    """
    if not parts:
        raise ValueError("parts must hold one backtest or more, got none.")
    whole = parts[0]
    for part in parts[1:]:
        for name in ("models", "metrics", "ids"):
            if getattr(part, name) != getattr(whole, name):
                raise ValueError(f"parts must have the same {name}; they differ.")
        if part.known.shape != whole.known.shape:
            raise ValueError(
                f"parts must have one horizon, got {whole.known.shape[1]} and "
                f"{part.known.shape[1]} steps."
            )
        whole = replace(
            whole,
            origins=whole.origins + part.origins,
            sums={name: sums + part.sums[name] for name, sums in whole.sums.items()},
            reference={name: sums + part.reference[name] for name, sums in whole.reference.items()},
            known=whole.known + part.known,
            scaled=whole.scaled + part.scaled,
            notes=tuple(dict.fromkeys(whole.notes + part.notes)),
        )
    return whole


def _numbers(values: Sequence[float | None]) -> list[str]:
    """One column: all with the decimals that give its smallest number four digits, at most 4."""
    sizes = [abs(value) for value in values if value]
    decimals = 3 - int(np.floor(np.log10(min(sizes)))) if sizes else 0
    decimals = min(max(decimals, 0), 4)
    return ["-" if value is None else _number(value, decimals) for value in values]


def _number(value: float, decimals: int) -> str:
    whole = value == 0 or TINY <= abs(value) < HUGE
    return f"{value:,.{decimals}f}" if whole else f"{value:.3e}"
