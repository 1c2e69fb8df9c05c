"""A recurrent network unrolled over time, and folded beside it."""

from __future__ import annotations

from unrolled.plots.diagram_canvas import Canvas
from unrolled.plots.diagram_folded import WIDTH, draw_folded
from unrolled.plots.diagram_network import GATES, Network
from unrolled.plots.diagram_plan import plan_network
from unrolled.plots.diagram_unrolled import Unrolled

MOST_WIDTH = 11.5  # inches, up to which the folded network is drawn too


def draw_recurrent(network: Network, steps: int, length: int | None) -> tuple[Canvas, list[str]]:
    """The drawing and the lines of text below it."""
    plan = plan_network(network, steps, length)
    canvas = Canvas()
    Unrolled(network, plan, canvas).draw()
    if canvas.right - canvas.left + WIDTH[network.bidirectional] <= MOST_WIDTH:
        draw_folded(network, plan, canvas)
    return canvas, _notes(network, plan.columns[-1][0])


def _notes(network: Network, last: str) -> list[str]:
    notes = []
    if network.cell == "rnn":
        phi = r"\tanh" if network.nonlinearity == "tanh" else r"\mathrm{relu}"
        notes.append(
            rf"Each box: $h_t = {phi}\,(W_{{ih}}\,x_t + b_{{ih}} + W_{{hh}}\,h_{{t-1}} + b_{{hh}})$"
        )
    else:
        gates = GATES[network.cell or ""]
        rows = len(gates) * network.hidden_size
        notes.append(
            f"Rows of each recurrent weight: {len(gates)} gates ({', '.join(gates)}) × "
            f"{network.hidden_size} units = {rows}; each box also adds two biases [{rows}]."
        )
    share = "Arrows of one colour in one row share one weight matrix. States start at 0."
    if last == "T":
        share += " T is the length of the sequence."
    notes.append(share)
    return notes
