"""What the benchmarks share: a line about the machine, and a plain torch model to compare with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import processor
import torch
from torch import nn


def describe() -> str:
    """Processor, threads and versions, in one line."""
    return processor.describe(f"torch uses {torch.get_num_threads()}")


def shuffled(num_rows: int, batch_size: int) -> Iterator[torch.Tensor]:
    """Rows of the batches of one epoch in a new order."""
    order = torch.randperm(num_rows)
    for start in range(0, num_rows, batch_size):
        yield order[start : start + batch_size]


class LastState(nn.Module):
    """A torch.nn layer and a linear one on its last state, as a plain program has it."""

    def __init__(self, cell: str, channels: int, hidden_size: int, outputs: int) -> None:
        super().__init__()
        kinds = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        self.recurrent = kinds[cell](channels, hidden_size)
        self.head = nn.Linear(hidden_size, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [T, N, C] to [N, K]."""
        output, _ = self.recurrent(x)
        return self.head(output[-1])


def median_and_spread(values: list[float]) -> tuple[float, float, float]:
    """Median, minimum and maximum."""
    return float(np.median(values)), min(values), max(values)
