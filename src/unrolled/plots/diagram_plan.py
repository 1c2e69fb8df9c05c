"""Where the parts of a recurrent network stand: rows, columns, sizes and colours."""

from __future__ import annotations

from dataclasses import dataclass

from unrolled.plots.diagram_network import Network
from unrolled.plots.measure import text_size
from unrolled.plots.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

# keyed by whether the network is bidirectional
MOST_LAYERS = {False: 4, True: 3}  # layers drawn before some are left out
MOST_STEPS = {False: 6, True: 4}
BOX_HEIGHT = {False: 0.46, True: 0.42}
BOX_WIDTH = {False: 0.84, True: 0.7}  # at least
BETWEEN = {False: 0.46, True: 1.0}  # from a box to the next one

# inches
ROW = 1.46  # from one layer to the next
NARROW_ROW = 0.95  # where no label of two lines stands between
CROSSING = 0.85  # from the forward row to the reverse row
JOINING = 0.75  # from the reverse row to the pills that join both directions
PILL = (0.52, 0.3)
BAR = 0.36  # height of the pooling bar
SHIFT = 0.42  # of forward boxes to the left and of reverse boxes to the right
STATE_SIZE = 11.5  # points

COLOUR_IH = {"": BLUE, "_reverse": SKY}
COLOUR_HH = {"": VERMILLION, "_reverse": ORANGE}
ARROWS = {"": r"\overrightarrow{h}", "_reverse": r"\overleftarrow{h}"}
INKS = {
    BLUE: "#00588a",
    SKY: "#1f6f9e",
    VERMILLION: "#a94a00",
    ORANGE: "#8a5f00",
    GREEN: "#006b4e",
    PURPLE: "#8f4a70",
}


@dataclass(frozen=True)
class Plan:
    """Places in inches; x_t stands at height 0, the first time step at x = 0."""

    columns: tuple[tuple[str, float], ...]  # name of a time step and its x
    dots: float | None  # x of the dots for the steps left out
    shown: tuple[int, ...]  # layers drawn
    rows: dict[tuple[int, str], float]  # (layer, direction) -> height of its boxes
    joined: dict[int, float]  # layer -> height of the pills that join both directions
    gap: float | None  # height of the dots for the layers left out
    embedded: float | None  # height of e_t
    pooled: float | None  # height of the bar over the steps, below the output layers
    top: tuple[float, ...]  # heights of the dense layers and, last, of the output
    box: tuple[float, float]  # width and height of a state
    shift: dict[str, float]  # direction -> its boxes' distance from the column's x

    @property
    def entrance(self) -> float:
        """Height from which arrows lead to the first layer."""
        return (self.embedded or 0.0) + PILL[1] / 2


def plan_network(network: Network, steps: int, length: int | None) -> Plan:
    both, total = network.bidirectional, network.num_layers
    most = MOST_LAYERS[both]
    shown = tuple(range(total)) if total <= most else (*range(most - 2), total - 1)
    y = 0.0
    embedded = pooled = gap = None
    if network.embedding_size:
        y = embedded = NARROW_ROW
    rows: dict[tuple[int, str], float] = {}
    joined: dict[int, float] = {}
    for layer in shown:
        if layer and layer - 1 not in shown:
            y = gap = y + 0.76
        y += ROW
        rows[layer, ""] = y
        if both:
            y += CROSSING
            rows[layer, "_reverse"] = y
            if layer != total - 1 or network.pooling != "last":
                y += JOINING
                joined[layer] = y
    if network.pooling in ("mean", "max") or (network.pooling == "last" and both):
        y += JOINING if total - 1 in joined else NARROW_ROW
        pooled = y
    top: list[float] = []
    for _ in range(len(network.hidden) + 1):
        y += NARROW_ROW if top or pooled is not None else ROW
        top.append(y)

    steps = min(steps, MOST_STEPS[both])
    last = "T" if length is None else str(length)
    width = text_size(state_text(network, total - 1, "", last), STATE_SIZE)[0] + 0.16
    width = max(BOX_WIDTH[both], width)
    columns, dots = _columns(steps, length, last, width + BETWEEN[both])
    shift = {"": -SHIFT, "_reverse": SHIFT} if both else {"": 0.0}
    return Plan(
        columns=columns,
        dots=dots,
        shown=shown,
        rows=rows,
        joined=joined,
        gap=gap,
        embedded=embedded,
        pooled=pooled,
        top=tuple(top),
        box=(width, BOX_HEIGHT[both]),
        shift=shift,
    )


def _columns(
    steps: int, length: int | None, last: str, pitch: float
) -> tuple[tuple[tuple[str, float], ...], float | None]:
    if length is not None and length <= steps:
        return tuple((str(t + 1), t * pitch) for t in range(length)), None
    first = tuple((str(t + 1), t * pitch) for t in range(steps - 1))
    return (*first, (last, (steps - 0.25) * pitch)), (steps - 1.125) * pitch


def state_text(network: Network, layer: int, suffix: str, step: str) -> str:
    """The state of one layer, direction and step; an LSTM's has two parts."""
    power = power_text(network, layer)
    if network.bidirectional:
        return rf"${ARROWS[suffix]}_{{{step}}}{power}$"
    if network.cell == "lstm":
        return rf"$h_{{{step}}}{power},\, c_{{{step}}}{power}$"
    return rf"$h_{{{step}}}{power}$"


def power_text(network: Network, layer: int) -> str:
    """The layer as torch's names have it, where there are several."""
    return rf"^{{\,l{layer}}}" if network.num_layers > 1 else ""
