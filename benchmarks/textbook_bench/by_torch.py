"""The jobs as a plain program on torch.nn does them, with Adam in its fused form."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from textbook_bench.jobs import RATE, Characters, Job
from unrolled.runtime.spec import views

KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class LastState(nn.Module):
    """A recurrent layer and a linear one on its last state."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.recurrent = KINDS[job.cell](job.x.shape[2], job.hidden_size, batch_first=True)
        self.head = nn.Linear(job.hidden_size, 1)
        self.load_state_dict(
            {name: torch.from_numpy(w) for name, w in views(job.spec, job.weights).items()}
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, T, C] to [N, 1]."""
        output, _ = self.recurrent(x)
        return self.head(output[:, -1])


def train(job: Job) -> tuple[float, float]:
    """Seconds of training, and the mean squared error on the training rows after it."""
    x, y = torch.from_numpy(job.x), torch.from_numpy(job.y)
    orders = [[torch.from_numpy(r) for r in job.order(epoch)] for epoch in range(job.epochs)]
    model = LastState(job)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    started = time.perf_counter()
    for order in orders:
        total = 0.0
        for rows in order:
            loss = nn.functional.mse_loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
    seconds = time.perf_counter() - started
    with torch.inference_mode():
        return seconds, float(nn.functional.mse_loss(model(x), y))


class NextSymbol(nn.Module):
    """Embedding, LSTM and a linear layer at every step."""

    def __init__(self, job: Characters) -> None:
        super().__init__()
        self.embedding = nn.Embedding(job.num_symbols, job.embedding_size)
        self.recurrent = nn.LSTM(job.embedding_size, job.hidden_size, batch_first=True)
        self.head = nn.Linear(job.hidden_size, job.num_symbols)

    def forward(self, x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
        """Symbols [N, T] to scores [N, T, V]."""
        output, state = self.recurrent(self.embedding(x), state)
        return self.head(output), state


def train_characters(job: Characters) -> float:
    """Seconds of one epoch, the state going on from window to window."""
    streams = torch.from_numpy(job.streams)
    torch.manual_seed(0)
    model = NextSymbol(job)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    state = None
    started = time.perf_counter()
    for start in range(0, job.num_windows * job.window, job.window):
        x = streams[:, start : start + job.window]
        target = streams[:, start + 1 : start + job.window + 1]
        scores, state = model(x, state)
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = tuple(part.detach() for part in state)
    seconds = time.perf_counter() - started
    assert np.isfinite(loss.item())
    return seconds
