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


class Transitions(nn.Module):
    """Scores of a linear-chain conditional random field beside those of each step.

    Attributes:
        start: [K] of the first label.
        end: [K] of the last label.
        transition: [K, K] of label j being followed by label k.
    """

    def __init__(self, num_labels: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(num_labels))
        self.end = nn.Parameter(torch.zeros(num_labels))
        self.transition = nn.Parameter(torch.zeros(num_labels, num_labels))


class DenseHead(nn.Module):
    """Dense layers and the output layer of a model; base of the models, which put h in front.

    Attributes:
        spec: the model as plain data.
        hidden: the dense layers.
        head: the output layer.
        crf: scores of labels side by side, of the loss "crf"; None with another.
    """

    hidden: nn.ModuleList
    head: nn.Linear
    crf: Transitions | None

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec

    def add_head(self, size: int) -> None:
        """Add the layers that read h [N, size], behind those that give it."""
        sizes = [size, *(layer.size for layer in self.spec.hidden)]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.head = nn.Linear(sizes[-1], self.spec.output_size)
        self.crf = Transitions(self.spec.output_size) if self.spec.loss == "crf" else None

    def read_out(self, h: Tensor) -> Tensor:
        """h [..., F] to the raw outputs [..., K]."""
        for layer, dense in zip(self.hidden, self.spec.hidden, strict=True):
            h = ACTIVATIONS[dense.activation](layer(h))
            h = dropped(h, self.spec.hidden_dropout, self.training)
        h = dropped(h, self.spec.head_dropout, self.training, locked=self.spec.locked_dropout)
        y: Tensor = self.head(h)
        return y
