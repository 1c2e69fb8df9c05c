"""The page about a trained tagger: its course, its labels, and sentences that it got wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled import plots
from unrolled.cli.report import Picture, Section, Table, Verbatim, write_report
from unrolled.cli.summary import network, training
from unrolled.estimators.tag_report import SCORES, TagReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unrolled.cli.tag_fitting import Tagged

MOST_LABELS = 40  # of a picture of which label was taken for which
MOST_ROWS = 100  # of the table
SHOWN = 6  # sentences


def write_page(path: Path, model: Any, name: str, part: Tagged, table: TagReport) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the file.
        model: a fitted `SequenceTagger`.
        name: its folder.
        part: sentences that the table is of.
        table: its report on them.

    Raises:
        OSError: The page cannot be written.
    """
    shown = sorted(table.rows, key=lambda row: -row["support"])[:MOST_ROWS]
    left_out = len(table.rows) - len(shown)
    rows = [
        (row["label"], *(round(row[score], 4) for score in SCORES), row["support"])
        for row in (shown if left_out else table.rows)
    ]
    accuracy = f"{table.micro['f1']:.2%} of the words got their label right"
    by_label: list[Any] = [
        f"Of the {part.name} sentences ({part.described()}), {accuracy}.",
        Picture(scores_figure(table), "Bars: the F1 of each label, with precision and recall"),
        Table(("label", *SCORES, "words"), rows),
    ]
    unknown = part.unknown(model.classes_)
    if unknown is not None:
        by_label.insert(1, f"There are {unknown}.")
    if left_out:
        by_label.append(
            f"The table has the {MOST_ROWS} labels with the most words and leaves out "
            f"{left_out:,}; `unrolled evaluate` prints all."
        )
    predicted = model.predict(part.words)
    if len(table.rows) <= MOST_LABELS:
        by_label.append(
            Picture(
                confusion_figure(part.labels, predicted, [row["label"] for row in table.rows]),
                "Which label was taken for which",
            )
        )
    else:
        by_label.append(
            f"Which label was taken for which is drawn of {MOST_LABELS} labels at most."
        )
    sections = [
        Section(
            "What was trained",
            (
                f"{network(model.spec_)}; {training(model.history_)}.",
                Picture(
                    plots.learning_curve(model.history_, quantity=quantity(model)), "Loss by epoch"
                ),
            ),
        ),
        Section("Label by label", by_label),
        Section(
            "Sentences with mistakes",
            (
                (
                    "Each word with the label that it was given and, where that is wrong, the "
                    "right one in brackets."
                ),
                Verbatim(_mistakes(part, predicted) or "None."),
            ),
        ),
    ]
    write_report(path, f"Tagger {Path(name).resolve().name}", sections)


def quantity(model: Any) -> str:
    """What the loss of a tagger is."""
    kind = "negative log-likelihood" if model.crf else "cross-entropy"
    return f"loss ({kind} in nats a step)"


def scores_figure(table: TagReport, title: str | None = None) -> Figure:
    """A bar for each label."""
    precision, recall, f1, support = (
        [row[name] for row in table.rows] for name in (*SCORES, "support")
    )
    labels = [row["label"] for row in table.rows]
    return plots.label_scores(labels, precision, recall, f1, support, title=title)


def confusion_figure(
    truth: list[list[str]], predicted: list[list[Any]], labels: list[Any], title: str | None = None
) -> Figure:
    """Which label was taken for which."""
    from sklearn.metrics import confusion_matrix

    true, guess = ([str(label) for one in part for label in one] for part in (truth, predicted))
    names = [str(label) for label in labels]
    return plots.confusion_matrix(
        confusion_matrix(np.array(true), np.array(guess), labels=names), names, title=title
    )


def _mistakes(part: Tagged, predicted: list[list[Any]]) -> str:
    shown: list[str] = []
    for words, true, guess in zip(part.words, part.labels, predicted, strict=True):
        if len(shown) < SHOWN and true != guess:
            shown.append(
                " ".join(
                    f"{word}/{g}" if g == t else f"{word}/{g}[{t}]"
                    for word, t, g in zip(words, true, guess, strict=True)
                )
            )
    return "\n\n".join(shown)
