"""Output layers: dense layers and the last linear one.

`y = W_hy h + b_y`: a "point" head gives numbers, a "class" head scores, which
`unrolled.runtime.outputs.probabilities` turns into shares of 1.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from unrolled.models.dropout import dropped
from unrolled.runtime.spec import Spec

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


class DenseHead(nn.Module):
    """Dense layers and the output layer of a model; base of the models, which put h in front.

    Attributes:
        spec: the model as plain data.
        hidden: the dense layers.
        head: the output layer.
    """

    hidden: nn.ModuleList
    head: nn.Linear

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec

    def add_head(self, size: int) -> None:
        """Add the layers that read h [N, size], behind those that give it."""
        sizes = [size, *(layer.size for layer in self.spec.hidden)]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.head = nn.Linear(sizes[-1], self.spec.output_size)

    def read_out(self, h: Tensor) -> Tensor:
        """h [..., F] to the raw outputs [..., K]."""
        for layer, dense in zip(self.hidden, self.spec.hidden, strict=True):
            h = ACTIVATIONS[dense.activation](layer(h))
            h = dropped(h, self.spec.hidden_dropout, self.training)
        h = dropped(h, self.spec.head_dropout, self.training, locked=self.spec.locked_dropout)
        y: Tensor = self.head(h)
        return y
