"""The network drawn from its own description: folded, and unrolled over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from unrolled.plots.diagram_chain import draw_chain
from unrolled.plots.diagram_network import Network, read_config
from unrolled.plots.diagram_recurrent import draw_recurrent


def unrolled_diagram(
    spec_config: Mapping[str, Any],
    *,
    steps: int = 4,
    length: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a network from its description, with the sizes and names of its weights.

    Time runs to the right. The input x_t stands at the bottom, a row for each layer (two, one
    for each direction, when bidirectional) holds the hidden states h_t, and the output stands on
    top where the head reads. Arrows of one colour in one row share one weight matrix; its name
    and shape stand once, at the left (those of the reverse direction at the right). The folded
    network stands beside the unrolled one where there is room for it. Without a recurrent part
    the layers are drawn as a chain.

    Args:
        spec_config: what `Spec.to_config()` gives
        steps: number of time steps that are drawn, at least 2; fewer where they would not fit
        length: number of steps of the sequences when all have it; when it is not larger than
            `steps` every step is drawn, else (and by default) dots stand before the last one
        title: title of the picture

    Raises:
        ValueError: The description lacks a field, or `steps` or `length` is too small.
    """
    if steps < 2:
        raise ValueError(f"steps must be at least 2, got {steps}.")
    if length is not None and length < 1:
        raise ValueError(f"length must be at least 1, got {length}.")
    network = read_config(spec_config)
    if network.cell is None:
        canvas, notes = draw_chain(network)
    else:
        canvas, notes = draw_recurrent(network, steps, length)
    name = "The network" if network.cell is None else "The network, unrolled over time"
    return canvas.figure(title or name, _subtitle(network), notes)


def _subtitle(network: Network) -> str:
    parts = []
    if network.cell is not None:
        layers = "1 layer" if network.num_layers == 1 else f"{network.num_layers} layers"
        way = "bidirectional " if network.bidirectional else ""
        units = f"{network.hidden_size} units" + (" a direction" if way else "")
        parts.append(f"{way}{network.cell_name}, {layers} of {units}")
        if network.dropout and network.num_layers > 1:
            parts.append(f"dropout {network.dropout:g} between layers")
    parts.append(f"{network.num_parameters():,} parameters")
    text = "; ".join(parts)
    return text[0].upper() + text[1:] if network.bidirectional else text
