"""The textbook job: random walks, 64 tanh units, 50 epochs, beside a hand-written torch loop.

    python benchmarks/textbook.py [--repeats 10]

Prints, for 10, 1,000 and 10,000 samples, the seconds of the training part of `fit` and of a plain
torch loop that does the same arithmetic (the same batches of 32, Adam in its fused form, clipping
of the gradient's norm), alternating in one process, and the mean squared error of both over seeds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from machine import LastState, describe, median_and_spread, shuffled
from torch import nn

from unrolled import SequenceRegressor
from unrolled.data import random_walk

EPOCHS, BATCH, UNITS = 50, 32, 64


def by_torch(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """Seconds of training and the error on the training samples after it."""
    torch.manual_seed(seed)
    x = torch.tensor(X, dtype=torch.float32).T[:, :, None].contiguous()
    target = torch.tensor(y, dtype=torch.float32)[:, None]
    model = LastState("rnn", 1, UNITS, 1)
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    started = time.perf_counter()
    for _ in range(EPOCHS):
        total = 0.0
        for rows in shuffled(len(y), BATCH):
            loss = nn.functional.mse_loss(model(x[:, rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            total += loss.item() * len(rows)
    seconds = time.perf_counter() - started
    with torch.inference_mode():
        return seconds, float(nn.functional.mse_loss(model(x), target))


def by_torch_on_one_thread(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """`by_torch` on one thread, which is faster for a network of this size."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return by_torch(X, y, seed)
    finally:
        torch.set_num_threads(before)


def by_unrolled(X: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """The same of `SequenceRegressor.fit`, checks and transforms included."""
    model = SequenceRegressor(
        cell="rnn",
        hidden_size=UNITS,
        max_epochs=EPOCHS,
        batch_size=BATCH,
        standardize=False,
        random_state=seed,
        verbose=False,
    )
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    return seconds, model.evaluate(X, y)["mse"]


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10, help="runs at 10 samples (seeds)")
    parser.add_argument("--samples", type=int, nargs="+", default=[10, 1000, 10_000])
    arguments = parser.parse_args()
    print(describe())
    ways = {
        "unrolled": by_unrolled,
        "torch loop": by_torch,
        "torch loop, 1 thread": by_torch_on_one_thread,
    }
    X, y = random_walk(num_samples=32, random_state=0)
    for way in ways.values():
        way(X, y, 0)
    print(f"{'samples':>8}  {'':20}{'seconds: median':>16}{'min':>8}{'max':>8}", end="")
    print(f"{'error: mean':>14}{'min':>8}{'max':>8}")
    for num_samples in arguments.samples:
        X, y = random_walk(num_samples=num_samples, random_state=0)
        repeats = arguments.repeats if num_samples <= 1000 else 3
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        errors: dict[str, list[float]] = {name: [] for name in ways}
        for seed in range(repeats):
            for name, way in ways.items():
                taken, error = way(X, y, seed)
                seconds[name].append(taken)
                errors[name].append(error)
        for name in ways:
            middle, least, most = median_and_spread(seconds[name])
            print(f"{num_samples:>8}  {name:20}{middle:>16.3f}{least:>8.3f}{most:>8.3f}", end="")
            mean = np.mean(errors[name])
            print(f"{mean:>14.4f}{min(errors[name]):>8.4f}{max(errors[name]):>8.4f}")
        for other in ("torch loop", "torch loop, 1 thread"):
            pairs = zip(seconds["unrolled"], seconds[other], strict=True)
            ratio = float(np.median([ours / theirs for ours, theirs in pairs]))
            print(f"{'':10}unrolled takes {ratio:.2f} times the time of the {other}")


if __name__ == "__main__":
    main()
