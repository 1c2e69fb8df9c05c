"""Images with what was written of them, and where a model looked meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from unrolled.plots.confusion_matrix import BLUES
from unrolled.plots.glyphs import visible
from unrolled.plots.measure import shortened, wrap
from unrolled.plots.style import DPI, GREEN, INK, LABEL_SIZE, MUTED, PAPER, TITLE_SIZE, VERMILLION

SIDE = 1.05  # inches of an image
BESIDE = 2.15  # of the text at its right
GAP, MARGIN = 0.16, 0.18
COLUMNS = 2
LINE = LABEL_SIZE * 1.3 / 72
TITLE_ROOM = 0.42
SYMBOL = 0.24  # above an image with attention
MOST_BESIDE = 7  # images with attention in a row
SMALL = 96  # pixels of a side up to which each is drawn as a square
RIGHT, WRONG = "as the reference", "reference: "


def captions(
    images: Sequence[ArrayLike],
    written: Sequence[str],
    references: Sequence[str | Sequence[str]] | None = None,
    attention: tuple[Sequence[str], ArrayLike] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw images with the captions that were written of them, each beside its image.

    With attention it is the picture of a single image, once for each symbol, coloured by where the
    model looked as it wrote this one.

    Args:
        images: N images [H, W], [H, W, 1] or [H, W, 3], uint8 or from 0 to 1.
        written: N captions.
        references: for each a caption, or several, that are right; None: not known.
        attention: T symbols of the one caption, and weights [T, rows, columns], each symbol's those
            of equal parts of the image.
        title: title of the picture.

    Raises:
        ValueError: there are no images, not as many texts, or an image or the weights have another
            shape; with attention there are several images.
    """
    pixels = [_pixels(image, i) for i, image in enumerate(images)]
    if not pixels or len(written) != len(pixels):
        raise ValueError(
            f"written must have a caption for each of at least one image, got {len(written)} for "
            f"{len(pixels)} images."
        )
    if references is not None and len(references) != len(pixels):
        raise ValueError(
            f"references must be for each of the {len(pixels)} images, got {len(references)}."
        )
    if attention is not None:
        if len(pixels) > 1:
            raise ValueError(f"attention is drawn of a single image, got {len(pixels)}.")
        return _attended(pixels[0], *attention, title=title)
    return _beside(pixels, written, references, title)


def _beside(
    pixels: list[NDArray[Any]],
    written: Sequence[str],
    references: Sequence[str | Sequence[str]] | None,
    title: str | None,
) -> Figure:
    texts = [
        _lines(text, None if references is None else references[i])
        for i, text in enumerate(written)
    ]
    columns = min(COLUMNS, len(pixels))
    heights = [max(SIDE, LINE * sum(len(part) for part, _ in lines)) for lines in texts]
    rows = [max(heights[i : i + columns]) for i in range(0, len(heights), columns)]
    cell = SIDE + GAP + BESIDE
    width = 2 * MARGIN + columns * cell + (columns - 1) * GAP
    head = TITLE_ROOM if title else 0.0
    height = 2 * MARGIN + head + sum(rows) + GAP * (len(rows) - 1)
    figure = _figure(width, height, title)
    for i, (image, lines) in enumerate(zip(pixels, texts, strict=True)):
        row, column = divmod(i, columns)
        left = MARGIN + column * (cell + GAP)
        top = height - MARGIN - head - sum(rows[:row]) - GAP * row
        ax = figure.add_axes((left / width, (top - SIDE) / height, SIDE / width, SIDE / height))
        _show(ax, image)
        for part, colour in lines:
            for line in part:
                figure.text(
                    (left + SIDE + GAP) / width,
                    top / height,
                    line,
                    fontsize=LABEL_SIZE,
                    color=colour,
                    va="top",
                    parse_math=False,
                )
                top -= LINE
    return figure


def _attended(
    image: NDArray[Any], symbols: Sequence[str], weights: ArrayLike, *, title: str | None
) -> Figure:
    shares = np.asarray(weights, dtype=float)
    if shares.ndim != 3 or len(shares) != len(symbols) or not shares.size:
        raise ValueError(
            f"attention must have weights [T, rows, columns] of {len(symbols)} symbols, got shape "
            f"{list(shares.shape)}."
        )
    across = min(len(symbols), MOST_BESIDE)
    down = -(-len(symbols) // across)
    head = TITLE_ROOM if title else 0.0
    width = 2 * MARGIN + across * SIDE + (across - 1) * GAP
    high = SIDE + SYMBOL
    height = 2 * MARGIN + head + down * high + (down - 1) * GAP
    figure = _figure(width, height, title)
    grey = image if image.ndim == 2 else image @ np.array([0.299, 0.587, 0.114])
    for i, (symbol, share) in enumerate(zip(symbols, shares, strict=True)):
        row, column = divmod(i, across)
        left = MARGIN + column * (SIDE + GAP)
        top = height - MARGIN - head - row * (high + GAP)
        ax = figure.add_axes((left / width, (top - high) / height, SIDE / width, SIDE / height))
        _show(ax, grey)
        extent = (-0.5, grey.shape[1] - 0.5, grey.shape[0] - 0.5, -0.5)
        ax.imshow(
            share, cmap=BLUES, vmin=0.0, vmax=float(share.max()) or 1.0, alpha=0.62, extent=extent,
            interpolation="bilinear" if min(share.shape) > 1 else "nearest",
        )  # fmt: skip
        ax.set_title(
            shortened(visible(symbol.strip()) or "␣", SIDE + GAP / 2, LABEL_SIZE),
            fontsize=LABEL_SIZE,
            color=INK,
            pad=3,
            parse_math=False,
        )
    return figure


def _figure(width: float, height: float, title: str | None) -> Figure:
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    if title:
        figure.text(
            MARGIN / width,
            1 - MARGIN / height,
            shortened(visible(title), width - 2 * MARGIN, TITLE_SIZE * 1.12),
            fontsize=TITLE_SIZE,
            fontweight="bold",
            color=INK,
            va="top",
            parse_math=False,
        )
    return figure


def _lines(text: str, right: str | Sequence[str] | None) -> list[tuple[list[str], str]]:
    """What stands beside an image: lines and their colour."""
    own = wrap(visible(text), BESIDE, LABEL_SIZE).split("\n") if text.strip() else ["(nothing)"]
    if right is None:
        return [(own, INK)]
    several = [right] if isinstance(right, str) else list(right)
    if text in several:
        return [(own, INK), ([RIGHT], GREEN)]
    below = [wrap(WRONG + visible(several[0]), BESIDE, LABEL_SIZE).split("\n")] if several else []
    below += [wrap(f"or {visible(more)}", BESIDE, LABEL_SIZE).split("\n") for more in several[1:3]]
    return [(own, VERMILLION), *((part, MUTED) for part in below)]


def _pixels(image: ArrayLike, i: int) -> NDArray[Any]:
    """[H, W] or [H, W, 3] from 0 to 1."""
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or not pixels.size:
        raise ValueError(
            f"images[{i}] must be [H, W], [H, W, 1] or [H, W, 3], got {list(pixels.shape)}."
        )
    if pixels.dtype == np.uint8:
        return pixels / 255
    shares: NDArray[Any] = np.clip(pixels.astype(float), 0.0, 1.0)
    return shares


def _show(ax: Axes, image: NDArray[Any]) -> None:
    small = max(image.shape[:2]) <= SMALL
    ax.imshow(
        image, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest" if small else "antialiased"
    )
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_edgecolor(MUTED)
        spine.set_linewidth(0.6)
