"""A feed-forward network as a chain of layers, left to right."""

from __future__ import annotations

from math import log

from unrolled.plots.diagram_canvas import Canvas
from unrolled.plots.diagram_network import Network, shape_text
from unrolled.plots.measure import text_size
from unrolled.plots.style import MUTED

MOST_HIDDEN = 3
WIDTH = 1.0
LABEL = 9.5


def draw_chain(network: Network) -> tuple[Canvas, list[str]]:
    """Boxes whose height grows with the logarithm of the layer's size."""
    shapes = network.shapes()
    sizes = [network.input_size, *(size for size, _ in network.hidden), network.output_size]
    texts = [
        f"$x$\n{network.input_size} values",
        *(f"$h_{{{i + 1}}}$\n{size} {act}" for i, (size, act) in enumerate(network.hidden)),
        f"$\\hat{{y}}$\n{_output(network)}",
    ]
    names = [*(f"hidden.{i}.weight" for i in range(len(network.hidden))), "head.weight"]
    kinds = ["input", *("hidden" for _ in network.hidden), "output"]
    shown = list(range(len(sizes)))
    if len(network.hidden) > MOST_HIDDEN:
        shown = [0, 1, 2, *shown[-2:]]

    canvas = Canvas()
    x = 0.0
    last_width, previous = 0.0, -1
    for place in shown:
        width = max(WIDTH, text_size(texts[place], LABEL)[0] + 0.2)
        if previous >= 0 and place > previous + 1:
            start = x + last_width / 2
            canvas.arrow((start, 0.0), (start + 0.5, 0.0), MUTED)
            canvas.text(start + 0.72, 0.0, "⋯", size=15, colour=MUTED)
            x, last_width = start + 0.94, 0.0
            canvas.text(x - 0.22, 0.3, f"{place - previous - 1} more", colour=MUTED)
        if previous >= 0:
            label = f"{names[place - 1]}\n{shape_text(shapes[names[place - 1]])}"
            length = text_size(label, LABEL)[0] + 0.3
            start = x + last_width / 2
            canvas.arrow((start, 0.0), (start + length, 0.0), MUTED)
            canvas.text(start + length / 2 - 0.04, 0.24, label, size=LABEL)
            x = start + length + width / 2
        height = 0.75 + 1.3 * log(sizes[place] + 1) / log(max(sizes) + 1)
        canvas.box(x, 0.0, width, height, texts[place], kinds[place], size=LABEL + 0.5)
        last_width, previous = width, place
    notes = ["Each layer also adds its bias; the height of a box grows with the layer's size."]
    return canvas, notes


def _output(network: Network) -> str:
    if network.head == "class":
        return f"{network.output_size} classes"
    return "1 number" if network.output_size == 1 else f"{network.output_size} numbers"
