"""Recurrent layers for PyTorch: torch.nn's own classes with `lengths`, and the plain loop."""

from __future__ import annotations

from unrolled import _needs_torch as _needs_torch
from unrolled.nn.recurrent import GRU, LSTM, RNN
from unrolled.nn.unroll import unroll

__all__ = ["GRU", "LSTM", "RNN", "unroll"]
