"""Recurrent layers for PyTorch: torch.nn's own classes, faster, with `lengths`; the plain loop."""

from __future__ import annotations

from unrolled import _needs_torch as _needs_torch
from unrolled.nn.accelerate import accelerate, decelerate
from unrolled.nn.explain import Explanation, LayerPath, explain
from unrolled.nn.fallback import require_fused
from unrolled.nn.recurrent import GRU, LSTM, RNN
from unrolled.nn.unroll import unroll

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Explanation",
    "LayerPath",
    "accelerate",
    "decelerate",
    "explain",
    "require_fused",
    "unroll",
]
