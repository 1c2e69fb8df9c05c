"""The jobs inside the kernels: `Network.train`, a call an epoch."""

from __future__ import annotations

import time

import numpy as np

from textbook_bench.jobs import BATCH, RATE, Characters, Job
from unrolled.data.sequences import Sequences, as_sequences
from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import initial_values

PLAIN = Settings("adam", clip_norm=None)


def train(job: Job) -> tuple[float, float]:
    """Seconds of training, and the mean squared error on the training rows after it."""
    inputs = as_sequences(job.x)
    network = Network(job.spec, job.weights)
    state = TrainState.new(job.spec, PLAIN)
    orders = [job.order(epoch) for epoch in range(job.epochs)]
    started = time.perf_counter()
    for order in orders:
        done = network.train(inputs, job.y, None, order, [RATE] * len(order), state)
    seconds = time.perf_counter() - started
    assert done.done == len(orders[-1])
    outputs = network.predict(inputs, np.arange(len(job.x)))
    return seconds, float(np.mean((outputs - job.y) ** 2))


def seconds_of_a_step(job: Job) -> float:
    """Seconds of one optimizer step, whole batches only, from many in one call."""
    inputs = as_sequences(job.x)
    network = Network(job.spec, job.weights)
    state = TrainState.new(job.spec, PLAIN)
    rows = [np.arange(at, at + BATCH) for at in range(0, len(job.x) - BATCH + 1, BATCH)]
    started = time.perf_counter()
    network.train(inputs, job.y, None, rows, [RATE] * len(rows), state)
    return (time.perf_counter() - started) / len(rows)


def train_characters(job: Characters) -> float:
    """Seconds of one epoch, the state going on from window to window."""
    N, length = job.streams.shape
    symbols = np.ascontiguousarray(job.streams).reshape(-1)
    targets = np.append(symbols[1:], -1)  # of a stream's last symbol none is used
    starts = np.arange(job.num_windows)[:, None] * job.window + np.arange(N) * length
    lengths = np.full(starts.size, job.window)
    inputs = Sequences(symbols, starts.reshape(-1), lengths)
    rows = list(np.arange(starts.size).reshape(starts.shape))
    network = Network(job.spec, initial_values(job.spec, 0))
    state = TrainState.new(job.spec, PLAIN, carry=True)
    started = time.perf_counter()
    done = network.train(inputs, targets, None, rows, [RATE] * len(rows), state)
    seconds = time.perf_counter() - started
    assert done.done == len(rows)
    return seconds
