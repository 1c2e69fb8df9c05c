"""The folded network: one box a layer and direction, the recurrence as a loop."""

from __future__ import annotations

from unrolled.plots.diagram_canvas import Canvas
from unrolled.plots.diagram_network import Network
from unrolled.plots.diagram_plan import BAR, COLOUR_HH, COLOUR_IH, INKS, PILL, Plan
from unrolled.plots.style import GREEN, INK, MUTED, PURPLE

WIDTH = {False: 2.6, True: 4.0}  # inches it takes, by whether it is bidirectional
BOX = {False: (1.0, 0.5), True: (0.9, 0.5)}
SHIFT = 0.5  # of forward boxes to the left and of reverse boxes to the right


def draw_folded(network: Network, plan: Plan, canvas: Canvas) -> None:
    """Draw the folded network, and an equals sign, left of what the canvas holds."""
    both = network.bidirectional
    sign = canvas.left - 0.35
    x = sign - (2.1 if both else 1.75)
    middle = (min(plan.rows.values()) + max(plan.rows.values())) / 2
    canvas.text(sign, middle, "=", size=20, colour=MUTED)

    half = PILL[1] / 2
    canvas.box(x, 0.0, *PILL, "$x_t$", "input")
    if plan.embedded is not None:
        canvas.box(x, plan.embedded, *PILL, "$e_t$", "embedding")
        canvas.arrow((x, half), (x, plan.embedded - half), PURPLE)
    below = plan.entrance
    shift = {"": -SHIFT, "_reverse": SHIFT} if both else {"": 0.0}
    for position, layer in enumerate(plan.shown):
        if plan.gap is not None and position and plan.shown[position - 1] != layer - 1:
            canvas.arrow((x, below), (x, plan.gap - 0.15), MUTED)
            canvas.text(x, plan.gap, "⋮", size=15, colour=MUTED)
            below = plan.gap + 0.15
        tops = []
        for suffix in network.directions:
            y, place = plan.rows[layer, suffix], x + shift[suffix]
            _cell(canvas, network, suffix, (x, below), (place, y))
            tops.append((place, y + BOX[both][1] / 2))
        if layer in plan.joined:
            y = plan.joined[layer]
            canvas.box(x, y, *PILL, "$h_t$", "pooled", size=11)
            for top in tops:
                canvas.arrow(top, (x, y - half), MUTED)
            tops = [(x, y + half)]
        if layer == network.num_layers - 1 and plan.pooled is not None:
            for top in tops:
                canvas.arrow(top, (top[0], plan.pooled - BAR / 2), MUTED)
        below = tops[-1][1]
    if plan.pooled is not None:
        text = {"mean": "mean", "max": "maximum", "last": "last states"}[network.pooling]
        canvas.box(x, plan.pooled, 1.6 if both else 1.0, BAR, text, "pooled", size=10)
        below = plan.pooled + BAR / 2
    for index, y in enumerate(plan.top):
        if index == len(network.hidden):
            canvas.arrow((x, below), (x, y - 0.17), GREEN)
            text = r"$\hat{y}_t$" if network.pooling == "every" else r"$\hat{y}$"
            canvas.box(x, y, 0.56, 0.34, text, "output", size=12)
        else:
            canvas.arrow((x, below), (x, y - 0.21), INK)
            canvas.box(x, y, 1.0, 0.42, "{} {}".format(*network.hidden[index]), "hidden", size=10)
            below = y + 0.21


def _cell(
    canvas: Canvas,
    network: Network,
    suffix: str,
    source: tuple[float, float],
    centre: tuple[float, float],
) -> None:
    """One box with its loop, and the arrow from `source` to it."""
    both = network.bidirectional
    width, height = BOX[both]
    (x, below), (place, y) = source, centre
    bottom = y - height / 2
    side = -1 if both and not suffix else 1
    ha = "left" if side > 0 else "right"
    text = f"{network.cell_name}\n{network.hidden_size} units"
    canvas.box(place, y, width, height, text, "hidden", size=9)
    canvas.arrow(source, (place, bottom), COLOUR_IH[suffix])
    edge = place + side * width / 2
    canvas.loop(edge, y, side, 0.22, COLOUR_HH[suffix])
    ink = INKS[COLOUR_HH[suffix]]
    canvas.text(edge + side * 0.4, y, "$W_{hh}$", size=10.5, colour=ink, ha=ha)
    level = bottom - 0.34
    on_arrow = x + (place - x) * (level - below) / (bottom - below)
    ink = INKS[COLOUR_IH[suffix]]
    canvas.text(on_arrow + side * 0.12, level, "$W_{ih}$", size=10.5, colour=ink, ha=ha)
