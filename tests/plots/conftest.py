"""What a look at a picture would find at once: texts that overlap or are cut off."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

SLACK = 1.0  # pixels by which boxes around letters may touch


def drawn_texts(figure: Figure) -> tuple[list[str], np.ndarray]:
    """The n texts of the figure that are seen, and their places [n, (x0, y0, x1, y1)] in pixels."""
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = canvas.get_renderer()
    unseen = ticks_out_of_view(figure)
    texts, places = [], []
    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)
        if artist.get_visible() and artist.get_text().strip() and artist not in unseen:
            texts.append(artist.get_text())
            places.append(Text.get_window_extent(artist, renderer).extents)
    return texts, np.array(places)


def ticks_out_of_view(figure: Figure) -> set[Text]:
    unseen = set()
    for axis in (axis for ax in figure.findobj(Axes) for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        slack = 1e-6 * (high - low)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not low - slack <= tick.get_loc() <= high + slack:
                unseen |= {tick.label1, tick.label2}
    return unseen


@pytest.fixture(scope="session")
def collisions() -> Callable[[Figure], list[str]]:
    """Sentences on each pair of texts that overlap and on each text that leaves the figure."""

    def find(figure: Figure) -> list[str]:
        texts, places = drawn_texts(figure)
        low, high = places[:, :2], places[:, 2:]
        outside = (low < 0).any(axis=1) | (high > figure.bbox.extents[2:]).any(axis=1)
        shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)  # [n, n, 2]
        pairs = np.argwhere(np.triu((shared > SLACK).all(axis=2), k=1))
        return [
            *(f"{texts[i]!r} leaves the figure" for i in np.flatnonzero(outside)),
            *(f"{texts[i]!r} overlaps {texts[j]!r}" for i, j in pairs),
        ]

    return find
