"""Dropout of the models with a recurrent stack: of symbols, of weights, and locked over time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.nn.recurrent import GRU, LSTM, RNN
from unrolled.runtime.spec import Recurrent

State = Tensor | tuple[Tensor, Tensor]


def dropped(x: Tensor, p: float, training: bool, *, locked: bool = False) -> Tensor:
    """x with numbers zeroed by probability p and the others scaled by 1/(1 - p), in training alone.

    Locked, those of x [T, N, F] are the same at all T steps (Gal & Ghahramani 2016,
    arXiv 1512.05287).
    """
    if not p or not training:
        return x
    if not locked or x.dim() < 3:
        return F.dropout(x, p)
    return x * F.dropout(x.new_ones(x.shape[1:]), p)


def embedded(x: Tensor, table: Tensor, p: float, training: bool) -> Tensor:
    """Rows [..., E] of table [V, E] of symbols x, each symbol dropped whole by probability p."""
    rows = F.embedding(x, table)
    if not p or not training:
        return rows
    return rows * F.dropout(table.new_ones(len(table)), p)[x].unsqueeze(-1)


def forgotten(x: Tensor, p: float, training: bool) -> Tensor | None:
    """Where symbols x are read as number 0, each by probability p, in training alone."""
    if not p or not training:
        return None
    return torch.rand(x.shape, device=x.device) < p


def _part(state: State | None, rows: slice) -> State | None:
    if isinstance(state, tuple):
        return state[0][rows], state[1][rows]
    return None if state is None else state[rows]


class DroppingStack:
    """A stack's layers run one by one in training, with dropout of W_hh and locked between them.

    Args:
        module: the stack, whose parameters these layers read.
        layers: one module for each layer, on the device "meta", of which only the form counts.
        recurrent: the stack as plain data.
        locked: whether dropout between layers is.
    """

    def __init__(
        self,
        module: RNN | GRU | LSTM,
        layers: list[RNN | GRU | LSTM],
        recurrent: Recurrent,
        locked: bool,
    ) -> None:
        self._layers, self._recurrent, self._locked = layers, recurrent, locked
        self._module = module

    def __call__(
        self, x: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """As the stack itself: x [T, N, C] to states [T, N, D*H] and the final state."""
        r, finals = self._recurrent, []
        ways = 1 + r.bidirectional
        for number, layer in enumerate(self._layers):
            own = _part(state, slice(number * ways, (number + 1) * ways))
            x, final = torch.func.functional_call(
                layer, self._weights(layer, number), (x, own), {"lengths": lengths}
            )
            finals.append(final if isinstance(final, tuple) else (final,))
            if number + 1 < r.num_layers:
                x = dropped(x, r.dropout, True, locked=self._locked)
        after = tuple(map(torch.cat, zip(*finals, strict=True)))
        return x, (after[0], after[1]) if len(after) == 2 else after[0]

    def _weights(self, layer: RNN | GRU | LSTM, number: int) -> dict[str, Tensor]:
        """The parameters of a layer by their names in a stack of one."""
        named: dict[str, Tensor] = {}
        for name, _ in layer.named_parameters():
            weight = self._module.get_parameter(name.replace("_l0", f"_l{number}"))
            p = self._recurrent.weight_dropout if name.startswith("weight_hh") else 0.0
            named[name] = dropped(weight, p, True)
        return named
