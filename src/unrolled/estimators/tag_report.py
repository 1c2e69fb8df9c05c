"""Precision and recall of each label, as rows, as text and as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCORES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class TagReport:
    """How well each label was found.

    `precision` is how many of the steps that were given a label have it, `recall` how many of those
    that have it were given it, as shares; `f1` is their harmonic mean `2 p r / (p + r)`. Each is 0
    where it is 0 / 0. `support` is how many steps have the label.

    Attributes:
        rows: a dict with label, precision, recall, f1 and support for each label that steps have or
            were given, sorted by label.
        micro: the same over all steps together, without label; all three are the accuracy.
        macro: the means over the labels.

    `str` gives a table as text.
    """

    rows: tuple[dict[str, Any], ...]
    micro: dict[str, Any]
    macro: dict[str, Any]

    def frame(self, library: str = "polars") -> Any:
        """The rows as a DataFrame of "polars" or "pandas".

        Raises:
            ValueError: there is no such library.
            ImportError: the library is not installed.
        """
        if library not in ("polars", "pandas"):
            raise ValueError(f"library must be 'polars' or 'pandas', got {library!r:.80}")
        import narwhals as nw

        names = ("label", *SCORES, "support")
        columns = {name: [row[name] for row in self.rows] for name in names}
        backend: Any = library
        return nw.from_dict(columns, backend=backend).to_native()

    def __str__(self) -> str:
        ends = ({"label": "micro", **self.micro}, {"label": "macro", **self.macro})
        body, foot = ([_cells(row) for row in rows] for rows in (self.rows, ends))
        lines = [["label", *SCORES, "support"], *body, *foot]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        rule = "  ".join("-" * width for width in widths)
        written = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        ]
        written.insert(1, rule)
        written.insert(len(written) - len(ends), rule)
        return "\n".join(written)


def tag_report(
    labels: Sequence[Any], truth: NDArray[np.int64], guess: NDArray[np.int64]
) -> TagReport:
    """The report of S >= 1 steps.

    Args:
        labels: names of the labels.
        truth: [S] the place of each step's label among them.
        guess: [S] of the label it was given.
    """
    right, support, given = counts(len(labels), truth, guess, None)
    scores = _scores(right, support, given)
    there = np.flatnonzero(support + given > 0)
    total = int(support.sum())
    accuracy = float(right.sum() / total)
    return TagReport(
        rows=tuple(
            {
                "label": labels[i],
                **{name: float(each[i]) for name, each in zip(SCORES, scores, strict=True)},
                "support": int(support[i]),
            }
            for i in there.tolist()
        ),
        micro={**dict.fromkeys(SCORES, accuracy), "support": total},
        macro={
            **{n: float(each[there].mean()) for n, each in zip(SCORES, scores, strict=True)},
            "support": total,
        },
    )


def counts(
    num_labels: int,
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    weight: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """[K] each: weight of the steps that have a label and were given it, have it, were given it."""
    hits = truth == guess
    of_hits = None if weight is None else weight[hits]
    pairs = ((truth[hits], of_hits), (truth, weight), (guess, weight))
    right, support, given = (
        np.bincount(places, w, minlength=num_labels).astype(np.float64) for places, w in pairs
    )
    return right, support, given


def f1_macro(
    right: NDArray[np.float64], support: NDArray[np.float64], given: NDArray[np.float64]
) -> float:
    """The mean f1 of the labels that steps have or were given."""
    return float(_scores(right, support, given)[2][support + given > 0].mean())


def _scores(
    right: NDArray[np.float64], support: NDArray[np.float64], given: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision, recall and f1 `2 right / (support + given)` of each label, 0 for 0 / 0."""

    def share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = part / np.where(whole > 0, whole, 1.0)
        return found

    return share(right, given), share(right, support), share(2.0 * right, support + given)


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        str(row["label"]),
        *(f"{row[name]:.4f}" for name in SCORES),
        f"{row['support']:,}",
    ]
