"""The page about a trained language model: its course, its texts, and what surprised it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled import plots
from unrolled.cli.language_scores import SHARES, Scores
from unrolled.cli.report import Picture, Section, Table, Verbatim, write_report
from unrolled.cli.summary import network, training
from unrolled.data.text_files import source_pieces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPERATURES = (0.5, 0.8, 1.0)
LENGTHS = {"character": 500}  # symbols of a text that is written
LENGTH = 100
READ, DRAWN = 4000, 900  # characters of a text that are read, and drawn at most


def write_page(
    path: Path, model: Any, name: str, scores: Scores | None, text: Any, *, held_out: bool
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the file.
        model: a fitted `LanguageModel`.
        name: its folder.
        scores: of what was held out, or None.
        text: a text or file whose beginning is coloured.
        held_out: whether the model has not learnt from it.

    Raises:
        OSError: The page cannot be written.
    """
    course: list[Any] = [Picture(learning_curve(model, scores), "Bits a symbol by epoch")]
    if scores is not None:
        rows = [(score, value, scores.guess.get(score)) for score, value in scores.model.items()]
        course.insert(0, Table(("score", "model", SHARES), rows, "Held out"))
    seed = model.random_state if isinstance(model.random_state, int) else 0
    length = LENGTHS.get(model.vocabulary_.unit, LENGTH)
    texts = [
        Verbatim(
            "".join(model.generate(length=length, temperature=t, random_state=seed)),
            f"Temperature {t:g}",
        )
        for t in TEMPERATURES
    ]
    whose = "a text that it has not seen" if held_out else "the text that it learnt from"
    sections = [
        Section(
            "What was trained",
            (f"{network(model.spec_)}; {training(model.history_)}.", *course),
        ),
        Section(
            "Texts that the model wrote",
            (
                (
                    "Each symbol is drawn by its probability to follow all before it; the lower "
                    "the temperature, the more the likely ones are preferred."
                ),
                *texts,
            ),
        ),
        Section(
            "What it did not foresee",
            (
                Picture(
                    surprise_figure(model, beginning(text)),
                    "A text, each symbol on a ground that is darker the less it was foreseen",
                    f"The beginning of {whose}; each symbol on a ground by its surprise, "
                    f"-log2 p given all before it.",
                ),
            ),
        ),
    ]
    title = f"Language model {Path(name).resolve().name}"
    write_report(path, title, sections, f"{model.vocabulary_.unit}s, one after the other")


def learning_curve(model: Any, scores: Scores | None = None, title: str | None = None) -> Figure:
    """Bits a symbol by epoch."""
    records = [
        {
            "epoch": record["epoch"],
            "train_bits": record["train_loss"] / np.log(2),
            "valid_bits": None
            if record["valid_loss"] is None
            else record["valid_loss"] / np.log(2),
        }
        for record in model.history_
    ]
    baseline = None if scores is None else {SHARES: scores.guess["nats"] / np.log(2)}
    quantity = f"bits per {model.vocabulary_.unit}"
    return plots.learning_curve(
        records, metric="bits", quantity=quantity, baseline=baseline, title=title
    )


def surprise_figure(model: Any, text: str, title: str | None = None) -> Figure:
    """The beginning of a text, coloured by -log2 p.

    Raises:
        ValueError: the text has no symbols.
    """
    vocabulary, text = model.vocabulary_, whole_lines(text, DRAWN)
    nats = -model.log_probabilities(text)
    if vocabulary.unit == "subword":
        symbols = [vocabulary.decode([token]) or "·" for token in vocabulary.encode(text)]
    else:
        symbols = vocabulary.split(text)
    spaced = vocabulary.unit in ("word", "token")
    ends = np.cumsum([len(symbol) + spaced for symbol in symbols])
    count = max(1, int((ends <= DRAWN).sum()))
    return plots.surprise(
        symbols[:count], np.maximum(nats[:count], 0.0), spaced=spaced, title=title
    )


def beginning(text: Any) -> str:
    """The first few thousand characters of a text or file, with lines whole if they are short."""
    pieces = islice(source_pieces([text], piece=READ, anywhere=True), 3)
    found = ""
    for piece in pieces:
        if found.strip() and len(found) > READ:
            break
        found += piece
    return whole_lines(found, READ)


def whole_lines(text: str, most: int) -> str:
    """At most so many characters of a text, cut behind a line, or else behind a word.

    A line that would be less than half of them is not cut behind, nor a word.
    """
    if len(text) <= most:
        return text
    head = text[:most]
    line = head.rfind("\n") + 1
    blank = max((i + 1 for i, mark in enumerate(head) if mark.isspace()), default=0)
    word = most if text[most].isspace() else blank
    return head[: next((edge for edge in (line, word) if edge >= most / 2), most)]
