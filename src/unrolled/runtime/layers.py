"""Layers as plain data: their sizes, and how they begin and are dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unrolled.kernels.layout import GATES
from unrolled.runtime.spec_checks import (
    MAX_SIZE,
    check_choice,
    check_flag,
    check_probability,
    check_size,
    shown,
)

ACTIVATIONS = ("relu", "tanh")
INITIALS = ("uniform", "orthogonal", "identity")
MAX_LAYERS = 256


@dataclass(frozen=True)
class Dense:
    """A dense layer `y = phi(W x + b)` of `size` units.

    Attributes:
        size: number of units.
        activation: phi, "relu" or "tanh".
    """

    size: int
    activation: str = "relu"

    def __post_init__(self) -> None:
        check_size("size", self.size)
        check_choice("activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True)
class Recurrent:
    """A stack of L recurrent layers of H units, in one or two directions.

    Attributes:
        cell: "rnn", "gru" or "lstm".
        hidden_size: H, units of a layer and direction.
        num_layers: L.
        bidirectional: a second stack reads from the last step to the first.
        dropout: probability of zeroing an output between layers, in training only.
        nonlinearity: "tanh" or "relu", read by the cell "rnn" alone.
        weight_dropout: probability of zeroing a weight of the recurrence W_hh, in training only;
            the same weights at all steps of a batch (Merity, Keskar & Socher 2018,
            arXiv 1708.02182).
        initializer: how W_hh begins: "uniform" as torch has it; "orthogonal", each gate's block
            (Saxe, McClelland & Ganguli 2014, arXiv 1312.6120); "identity", each gate's block, with
            biases of 0 (Le, Jaitly & Hinton 2015, arXiv 1504.00941).
        forget_bias: what the bias of the forget gate begins with, of "lstm" alone (Gers,
            Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever 2015); None leaves it.
        chrono: T, the longest span of time to remember, at least 2: biases of the gates that keep
            the state begin with log u, u uniform from 1 to T - 1, and those that let in, of "lstm",
            with -log u (Tallec & Ollivier 2018, arXiv 1804.11188); of "lstm" and "gru"; 0 is off.
    """

    cell: str
    hidden_size: int
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    nonlinearity: str = "tanh"
    weight_dropout: float = 0.0
    initializer: str = "uniform"
    forget_bias: float | None = None
    chrono: int = 0

    def __post_init__(self) -> None:
        check_choice("cell", self.cell, tuple(GATES))
        check_size("hidden_size", self.hidden_size)
        check_size("num_layers", self.num_layers, MAX_LAYERS)
        check_flag("bidirectional", self.bidirectional)
        check_probability("dropout", self.dropout)
        check_choice("nonlinearity", self.nonlinearity, ACTIVATIONS)
        check_probability("weight_dropout", self.weight_dropout)
        check_choice("initializer", self.initializer, INITIALS)
        self._check_biases()

    def _check_biases(self) -> None:
        check_size("chrono", self.chrono, MAX_SIZE, least=0)
        if self.chrono == 1:
            raise ValueError("chrono must be 0 or a span of at least 2 steps, got 1")
        if self.chrono and self.cell == "rnn":
            raise ValueError('chrono needs the cell "lstm" or "gru": "rnn" has no gates')
        if self.forget_bias is None:
            return
        if self.cell != "lstm":
            raise ValueError(f'forget_bias needs the cell "lstm", got {shown(self.cell)}')
        if self.chrono:
            raise ValueError("forget_bias and chrono both set the forget gate's bias; give one")
        number = isinstance(self.forget_bias, int | float) and not isinstance(
            self.forget_bias, bool
        )
        if not number or not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias must be a finite number, got {shown(self.forget_bias)}")

    @property
    def output_size(self) -> int:
        """Size of an output: D * H."""
        return self.hidden_size * (2 if self.bidirectional else 1)
