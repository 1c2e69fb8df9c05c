"""What the layers of a stack are: sizes, parameter names and shapes, read off torch.nn's module."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch

from unrolled.kernels.layout import GATES

# How `_kernels` numbers the cells, by torch.nn's `mode`.
CELLS = {"RNN_TANH": 0, "RNN_RELU": 1, "GRU": 2, "LSTM": 3}
_, RNN_RELU, GRU, LSTM = CELLS.values()


class Layer(NamedTuple):
    """One layer, all its directions; its parameters stand in torch.nn's order.

    For each direction: weight_ih [G*H, C], weight_hh [G*H, P], then with biases bias_ih and bias_hh
    [G*H], then with a projection weight_hr [P, H].
    """

    cell: int
    gates: int  # G
    input_size: int  # C
    hidden_size: int  # H
    output_size: int  # P: H without a projection
    directions: int  # D
    bias: bool
    projected: bool
    shapes: tuple[tuple[int, ...], ...]  # of the parameters of all directions


class Stack(NamedTuple):
    """All layers of a module, and its parameters' names and shapes in one row."""

    layers: tuple[Layer, ...]
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]


def make_layer(
    cell: int,
    input_size: int,
    hidden_size: int,
    output_size: int,
    directions: int,
    bias: bool,
    projected: bool,
) -> Layer:
    """A layer from its sizes; `cell` is one of `CELLS`."""
    gates = GATES["lstm"] if cell == LSTM else GATES["gru"] if cell == GRU else GATES["rnn"]
    rows = gates * hidden_size
    shapes: list[tuple[int, ...]] = [(rows, input_size), (rows, output_size)]
    if bias:
        shapes += [(rows,), (rows,)]
    if projected:
        shapes += [(output_size, hidden_size)]
    return Layer(
        cell,
        gates,
        input_size,
        hidden_size,
        output_size,
        directions,
        bias,
        projected,
        tuple(shapes) * directions,
    )


def make_stack(
    mode: str,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bias: bool,
    bidirectional: bool,
    proj_size: int,
) -> Stack:
    """A stack from the attributes of torch.nn's module."""
    directions = 2 if bidirectional else 1
    output_size = proj_size or hidden_size
    kinds = ["weight_ih", "weight_hh"]
    kinds += ["bias_ih", "bias_hh"] if bias else []
    kinds += ["weight_hr"] if proj_size else []
    layers, names = [], []
    for number in range(num_layers):
        size = input_size if number == 0 else directions * output_size
        layers.append(
            make_layer(CELLS[mode], size, hidden_size, output_size, directions, bias, proj_size > 0)
        )
        for suffix in ("", "_reverse")[:directions]:
            names += [f"{kind}_l{number}{suffix}" for kind in kinds]
    shapes = tuple(shape for layer in layers for shape in layer.shapes)
    return Stack(tuple(layers), tuple(names), shapes)


_cached_stack = functools.lru_cache(maxsize=1024)(make_stack)


def stack_of(module: torch.nn.RNNBase, compiling: bool = False) -> Stack:
    """The stack of torch.nn's module, by its attributes as they are now.

    torch.compile warns of caches, so where it is at work there is none.
    """
    return (make_stack if compiling else _cached_stack)(
        module.mode,
        module.input_size,
        module.hidden_size,
        module.num_layers,
        module.bias,
        module.bidirectional,
        module.proj_size,
    )
