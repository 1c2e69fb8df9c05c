"""Recurrent layers for PyTorch: torch.nn's own classes with `lengths`, and the plain loop."""

from __future__ import annotations

from unrolled.nn.recurrent import GRU, LSTM, RNN
from unrolled.nn.unroll import unroll

__all__ = ["GRU", "LSTM", "RNN", "unroll"]
