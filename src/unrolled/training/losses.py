"""Losses: raw outputs and targets to one number a row."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]


def squared(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the outputs of `(y - t)^2`: [N, K], [N, K] to [N]."""
    return F.mse_loss(output, target, reduction="none").mean(dim=1)


def absolute(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the outputs of `|y - t|`: [N, K], [N, K] to [N]."""
    return F.l1_loss(output, target, reduction="none").mean(dim=1)


def huber(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the outputs of `0.5 e^2 if |e| <= 1 else |e| - 0.5`: [N, K], [N, K] to [N]."""
    return F.huber_loss(output, target, reduction="none").mean(dim=1)


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """`-log softmax(y)[t]`: scores [N, K] and class indices [N] to [N]."""
    return F.cross_entropy(output, target, reduction="none")


LOSSES: dict[str, Loss] = {
    "squared": squared,
    "absolute": absolute,
    "huber": huber,
    "cross_entropy": cross_entropy,
}


def mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    """`sum(w l) / N`: [N] to one number.

    The weights have the mean 1 in the data set, not in each batch: divided by a batch's own sum of
    weights, a weight would count for less the smaller the batch, and for nothing in one of one row.
    """
    return losses.mean() if weight is None else (weight * losses).mean()
