"""The page about a captioner: its course, captions beside images, and where it looked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled import plots
from unrolled.cli.captioned import Captioned
from unrolled.cli.report import Picture, Section, Table, write_report
from unrolled.cli.summary import network, training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTITY = "loss (cross-entropy in nats a symbol)"
SHOWN = 12  # images with captions
LOOKED = 3  # images with attention
MOST_SYMBOLS = 35  # of a caption whose attention is drawn


def write_page(
    path: Path,
    model: Any,
    name: str,
    part: Captioned,
    scores: Sequence[tuple[str, Mapping[str, float]]],
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the file.
        model: a fitted `ImageCaptioner`.
        name: its folder.
        part: images that are shown.
        scores: what it came to, by their headings.

    Raises:
        OSError: The page cannot be written.
    """
    names = list(dict.fromkeys(score for _, found in scores for score in found))
    rows = [(score, *(_rounded(found.get(score)) for _, found in scores)) for score in names]
    curve = plots.learning_curve(model.history_, quantity=QUANTITY)
    looked = [
        Picture(figure, f"Attention as {text!r} was written")
        for text, figure in attention_figures(model, spread(part, LOOKED))
    ]
    about = "The image once for each symbol, the bluer the more the model looked there."
    sections = [
        Section(
            "What was trained",
            (
                f"{network(model.spec_)}; {training(model.history_)}.",
                Picture(curve, "Loss by epoch"),
            ),
        ),
        Section(
            "What it writes",
            (
                f"Of the {part.name} images ({part.described()}).",
                Table(("score", *(heading for heading, _ in scores)), rows),
                Picture(captions_figure(model, part), "Images with their captions"),
            ),
        ),
        Section(
            "Where it looked",
            (about, *looked) if looked else ("This model has no attention to places.",),
        ),
    ]
    write_report(path, f"Captioner {Path(name).resolve().name}", sections)


def captions_figure(model: Any, part: Captioned, title: str | None = None) -> Figure:
    """Images spread over a part, with what is written of them and what is right."""
    some = spread(part, SHOWN)
    references = model._as_written(some.captions) if any(some.captions) else None
    return plots.captions(some.images, model.predict(some.images), references, title=title)


def attention_figures(model: Any, part: Captioned) -> Iterator[tuple[str, Figure]]:
    """(caption, where the model looked) of images; none without attention to places."""
    if model.spec_.decoder.attention == "none" or not model.spec_.has_places:
        return
    for image, found in zip(part.images, model.attention_weights(part.images), strict=True):
        if len(found.written) <= MOST_SYMBOLS:
            joint = "" if model.vocabulary_.unit == "character" else " "
            text = joint.join(symbol for symbol in found.written if symbol != "<end>")
            yield text, plots.captions([image], [text], attention=found, title=text)


def spread(part: Captioned, most: int) -> Captioned:
    """Images from all over a part."""
    num = min(most, len(part.paths))
    rows = np.linspace(0, len(part.paths) - 1, num).round().astype(int)
    return part.taken(rows, part.name)


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)
