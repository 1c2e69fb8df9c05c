"""The page about a translator: its course, its scores, examples, and where it looked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled import plots
from unrolled.cli.report import Picture, Section, Table, write_report
from unrolled.cli.summary import network, training
from unrolled.cli.translate_scores import Scored, score_columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTITY = "loss (cross-entropy in nats a symbol)"
EXAMPLES = 12
DRAWN = 4
MOST_SYMBOLS = 60  # of a text that is drawn


def write_page(
    path: Path, model: Any, name: str, scored: Scored, guess: Mapping[str, float] | None
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the file.
        model: a fitted `Translator`.
        name: its folder.
        scored: what it wrote of pairs.
        guess: the scores of the nearest training source's target; None: not taken.

    Raises:
        OSError: The page cannot be written.
    """
    columns = score_columns([scored], guess)
    names = list(dict.fromkeys(name for _, scores in columns for name in scores))
    rows = [(score, *(_rounded(scores.get(score)) for _, scores in columns)) for score in names]
    examples = [
        (source, written, " / ".join(references))
        for source, written, references in scored.examples(EXAMPLES)
    ]
    looked = [
        Picture(figure, f"Attention matrix of {source!r}")
        for source, figure in attention_figures(
            model, [source for source, _, _ in scored.examples(DRAWN)]
        )
    ]
    content: tuple[str | Picture, ...] = (
        "A row for each symbol that was written, a column for each that was read.",
        *looked,
    )
    if not looked:
        content = ("This model has no attention, so that there is nothing to show.",)
    sections = [
        Section(
            "What was trained",
            (
                f"{network(model.spec_)}; {training(model.history_)}.",
                Picture(plots.learning_curve(model.history_, quantity=QUANTITY), "Loss by epoch"),
            ),
        ),
        Section(
            "How well it writes",
            (
                f"Of the {scored.part.name} part ({scored.part.described()}).",
                Table(("score", *(heading for heading, _ in columns)), rows),
                Table(("source", "written", "reference"), examples, "Examples"),
            ),
        ),
        Section("Where it looked", content),
    ]
    write_report(path, f"Translator {Path(name).resolve().name}", sections)


def attention_figures(model: Any, sources: list[str]) -> Iterator[tuple[str, Figure]]:
    """(source, its attention matrix) of sources that are not too long; none without attention."""
    if model.spec_.decoder.attention == "none":
        return
    for source, found in zip(sources, model.attention_weights(sources), strict=True):
        if max(len(found.source), len(found.written)) <= MOST_SYMBOLS:
            yield source, plots.attention_matrix(found.weights, found.source, found.written)


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)
