"""Gradients: clipping of their norm."""

from __future__ import annotations

import torch
from torch import Tensor


def clip(gradient: Tensor, most: float | None) -> float:
    """Scale the gradient [P] in place so that its norm is at most `most`.

    `g <- g * min(1, most / |g|)` (Pascanu, Mikolov & Bengio 2013). The norm is taken in float64, as
    the kernels take it: squares of float32 overflow from 1.8e19 on.

    Returns:
        The norm before clipping; infinity or NaN where the gradient holds one, then unscaled.
    """
    norm = float(torch.linalg.vector_norm(gradient, dtype=torch.float64))
    if most is not None and most < norm < float("inf"):
        gradient.mul_(most / norm)
    return norm
