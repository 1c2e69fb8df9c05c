"""The unrolled network: one column a time step, arrows of shared weights in one colour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from unrolled.plots.diagram_canvas import Canvas
from unrolled.plots.diagram_network import Network, shape_text
from unrolled.plots.diagram_plan import (
    BAR,
    COLOUR_HH,
    COLOUR_IH,
    INKS,
    PILL,
    STATE_SIZE,
    Plan,
    power_text,
    state_text,
)
from unrolled.plots.measure import text_size
from unrolled.plots.style import GREEN, INK, MUTED, PURPLE


@dataclass(frozen=True)
class Unrolled:
    """Draws a network on a canvas, from the inputs at the bottom to the output on top."""

    network: Network
    plan: Plan
    canvas: Canvas

    def draw(self) -> None:
        shown = self.plan.shown
        self._inputs()
        below = self.plan.entrance
        for position, layer in enumerate(shown):
            if position and shown[position - 1] != layer - 1:
                below = self._gap(below, layer)
            for suffix in self.network.directions:
                self._row(layer, suffix, below)
            below = self._join(layer)
        self._top(below)

    def _inputs(self) -> None:
        network, plan, canvas = self.network, self.plan, self.canvas
        first, half = plan.columns[0][1], PILL[1] / 2
        for name, x in plan.columns:
            self._pill(x, 0.0, f"$x_{{{name}}}$", "input")
            if plan.embedded is not None:
                self._pill(x, plan.embedded, f"$e_{{{name}}}$", "embedding")
                canvas.arrow((x, half), (x, plan.embedded - half), PURPLE)
        self._dots(0.0)
        side = first - PILL[0] / 2 - 0.12
        canvas.text(side, 0.0, network.input_text(), colour=MUTED, ha="right")
        if plan.embedded is not None:
            self._dots(plan.embedded)
            shape = shape_text(network.shapes()["embedding.weight"])
            self._label(first - 0.1, plan.embedded / 2, f"embedding.weight {shape}", PURPLE)
            text = f"{network.embedding_size} values a step"
            canvas.text(side, plan.embedded, text, colour=MUTED, ha="right")

    def _row(self, layer: int, suffix: str, below: float) -> None:
        """Boxes of one layer and direction, what comes in from below, and the recurrence."""
        canvas, y = self.canvas, self.plan.rows[layer, suffix]
        (width, height), shift = self.plan.box, self.plan.shift[suffix]
        places = [x + shift for _, x in self.plan.columns]
        for (name, x), place in zip(self.plan.columns, places, strict=True):
            text = state_text(self.network, layer, suffix, name)
            canvas.box(place, y, width, height, text, "hidden", size=STATE_SIZE)
            canvas.arrow((x, below), (place, y - height / 2), COLOUR_IH[suffix])
        for left, right in pairwise(places):
            is_last = right == places[-1]
            self._recurrence(left, right, y, suffix, self.plan.dots if is_last else None)

        # the zero state and the names of both weights stand where this direction starts
        reverse = suffix == "_reverse"
        away, ha = (1, "left") if reverse else (-1, "right")
        first = places[-1 if reverse else 0]
        edge = first + away * width / 2
        start = edge + away * 0.62
        zero = "0, 0" if self.network.cell == "lstm" else "0"
        canvas.box(start + away * 0.21, y, 0.42, 0.3, zero, "start", size=10)
        canvas.arrow((start, y), (edge, y), COLOUR_HH[suffix])
        name = self._weight("hh", layer, suffix)
        self._label(edge + away * 0.1, y + 0.36, name, COLOUR_HH[suffix], ha)
        middle = y - height / 2 - 0.3 if reverse else (below + y - height / 2) / 2 + 0.06
        name = self._weight("ih", layer, suffix)
        self._label(first + away * 0.12, middle, name, COLOUR_IH[suffix], ha)

    def _recurrence(
        self, left: float, right: float, y: float, suffix: str, dots: float | None
    ) -> None:
        half = self.plan.box[0] / 2
        spans = [(left + half, right - half)]
        if dots is not None:
            centre = dots + self.plan.shift[suffix]
            self.canvas.text(centre, y, "⋯", size=15, colour=MUTED)
            spans = [(left + half, centre - 0.17), (centre + 0.17, right - half)]
        for start, end in spans:
            if suffix == "_reverse":
                start, end = end, start
            self.canvas.arrow((start, y), (end, y), COLOUR_HH[suffix])

    def _join(self, layer: int) -> float:
        """Join both directions; the height from which the next arrows start."""
        network, plan, canvas = self.network, self.plan, self.canvas
        half = plan.box[1] / 2
        if layer not in plan.joined:
            return plan.rows[layer, network.directions[-1]] + half
        y, power = plan.joined[layer], power_text(network, layer)
        for name, x in plan.columns:
            self._pill(x, y, f"$h_{{{name}}}{power}$", "pooled")
            for suffix in network.directions:
                start = (x + plan.shift[suffix], plan.rows[layer, suffix] + half)
                canvas.arrow(start, (x, y - PILL[1] / 2), MUTED)
        parts = ",\\; ".join(state_text(network, layer, s, "t")[1:-1] for s in network.directions)
        text = f"$h_t{power} = [{parts}]$, {network.state_size} values"
        canvas.text(plan.columns[0][1] - PILL[0] / 2 - 0.14, y, text, colour=MUTED, ha="right")
        self._dots(y)
        return y + PILL[1] / 2

    def _gap(self, below: float, layer: int) -> float:
        """Dots for the layers left out; the height from which the next arrows start."""
        y = self.plan.gap or 0.0
        for _, x in self.plan.columns:
            self.canvas.arrow((x, below), (x, y - 0.15), MUTED)
            self.canvas.text(x, y, "⋮", size=15, colour=MUTED)
        first = self.plan.shown[self.plan.shown.index(layer) - 1] + 1
        names = f"l{first}" if first == layer - 1 else f"l{first} to l{layer - 1}"
        x = self.plan.columns[0][1] - 0.35
        self.canvas.text(x, y, f"{names}: {layer - first} more alike", colour=MUTED, ha="right")
        return y + 0.15

    def _pool(self, y: float, below: float) -> None:
        """A bar over all steps: mean, maximum, or the last state of each direction."""
        network, plan, canvas = self.network, self.plan, self.canvas
        left, right = plan.columns[0][1], plan.columns[-1][1]
        bottom = y - BAR / 2
        reach = PILL[0]
        if network.pooling == "last":
            layer = network.num_layers - 1
            for suffix, x in (("", right), ("_reverse", left)):
                place = x + plan.shift[suffix]
                start = plan.rows[layer, suffix] + plan.box[1] / 2
                canvas.arrow((place, start), (place, bottom), MUTED)
            last = state_text(network, layer, "", plan.columns[-1][0])[1:-1]
            first = state_text(network, layer, "_reverse", plan.columns[0][0])[1:-1]
            text = rf"last states $[{last},\; {first}]$, {network.state_size} values"
            reach = plan.shift["_reverse"] + plan.box[0] / 2
        else:
            for _, x in plan.columns:
                canvas.arrow((x, below), (x, bottom), MUTED)
            kind = {"mean": "mean", "max": "maximum of each unit"}[network.pooling]
            text = f"{kind} over the steps"
            if not network.bidirectional:
                self._dots(bottom - 0.28)
        width = max(right - left + 2 * reach, text_size(text, 10)[0] + 0.3)
        canvas.box((left + right) / 2, y, width, BAR, text, "pooled", size=10)

    def _top(self, below: float) -> None:
        plan = self.plan
        x = plan.columns[-1][1]
        if self.network.pooling == "every":
            for name, place in plan.columns:
                self._output(place, below, rf"$\hat{{y}}_{{{name}}}$")
            for y in plan.top:
                self._dots(y)
            return
        if plan.pooled is not None:
            self._pool(plan.pooled, below)
            x, below = (plan.columns[0][1] + x) / 2, plan.pooled + BAR / 2
        self._output(x, below, r"$\hat{y}$")

    def _output(self, x: float, below: float, text: str) -> None:
        """Dense layers and the output; of several columns the first names the weights."""
        network, plan, canvas = self.network, self.plan, self.canvas
        every = network.pooling == "every"
        first = not every or x == plan.columns[0][1]
        last = not every or x == plan.columns[-1][1]
        shapes = network.shapes()
        for index, y in enumerate(plan.top):
            is_head = index == len(network.hidden)
            name = "head.weight" if is_head else f"hidden.{index}.weight"
            height = 0.34 if is_head else 0.42
            colour = GREEN if is_head else INK
            canvas.arrow((x, below), (x, y - height / 2), colour)
            label = f"{name} {shape_text(shapes[name])}"
            if first:
                self._label(x - 0.1, (below + y - height / 2) / 2, label, colour)
            if is_head:
                canvas.box(x, y, 0.56, height, text, "output", size=12)
                if last:
                    canvas.text(x + 0.4, y, network.output_text(), colour=MUTED, ha="left")
            else:
                dense = "{} {}".format(*network.hidden[index])
                canvas.box(x, y, 1.0, height, dense, "hidden", size=10)
            below = y + height / 2

    def _pill(self, x: float, y: float, text: str, kind: str) -> None:
        width = max(PILL[0], text_size(text, STATE_SIZE)[0] + 0.14)
        self.canvas.box(x, y, width, PILL[1], text, kind, size=STATE_SIZE)

    def _dots(self, y: float) -> None:
        if self.plan.dots is not None:
            self.canvas.text(self.plan.dots, y, "⋯", size=15, colour=MUTED)

    def _weight(self, kind: str, layer: int, suffix: str) -> str:
        name = f"weight_{kind}_l{layer}{suffix}"
        return f"$W_{{{kind}}}$ = {name}\n{shape_text(self.network.shapes()[name])}"

    def _label(self, x: float, y: float, text: str, colour: str, ha: str = "right") -> None:
        self.canvas.text(x, y, text, colour=INKS.get(colour, colour), ha=ha)
