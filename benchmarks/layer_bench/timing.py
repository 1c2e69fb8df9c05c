"""Times of several calls that take turns, and the speed that the machine could reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

SAMPLE_SECONDS = 4e-3  # a sample is at least as long, by an inner loop
# Before a sample its call is repeated for as long: the threads of the library before stop spinning,
# and caches, threads and clock are as in a loop that trains.
WARM_SECONDS = 12e-3
SECONDS = 0.4  # samples of one call go on for as long, if more than asked for fit
MOST_SAMPLES = 60
SLOW_SECONDS = 0.05  # one call before the samples is enough
COLD_SECONDS = 0.15  # what a call that is slower loses at its beginning does not matter


def alternate(calls: Mapping[str, Callable[[], Any]], least_samples: int) -> dict[str, list[float]]:
    """Seconds of a call, in samples; the calls take turns, each round beginning with another.

    Args:
        calls: by name; each has ended its work when it returns.
        least_samples: samples of each; quick calls get more, up to `MOST_SAMPLES`.
    """
    loops, warming, slowest = {}, {}, 0.0
    for name, call in calls.items():
        once = _sample(call, 1)
        if once < SLOW_SECONDS:
            once = min(_sample(call, 1) for _ in range(5))
        loops[name] = max(1, int(np.ceil(SAMPLE_SECONDS / once)))
        warming[name] = 0.0 if once > COLD_SECONDS else max(WARM_SECONDS, once)
        slowest = max(slowest, once * loops[name] + warming[name])
    rounds = max(least_samples, min(MOST_SAMPLES, int(SECONDS / slowest)))
    names, samples = list(calls), {name: [] for name in calls}
    for k in range(rounds):
        first = k % len(names)
        for name in names[first:] + names[:first]:
            _repeat(calls[name], warming[name])
            samples[name].append(_sample(calls[name], loops[name]))
    return samples


def _repeat(call: Callable[[], Any], seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        call()


def _sample(call: Callable[[], Any], loops: int) -> float:
    started = time.perf_counter()
    for _ in range(loops):
        call()
    return (time.perf_counter() - started) / loops


def peak(threads: int, dtype: str) -> tuple[float, str]:
    """GFLOP/s that the machine's multiply-adds reach, and how that was measured."""
    import torch

    from unrolled.kernels.engine import COMPILED

    if COMPILED is not None and hasattr(COMPILED, "fma_peak"):
        best = max(COMPILED.fma_peak(threads, 0.3) for _ in range(3))
        if dtype == "float64":
            return best / 2, "half of the FMA peak of float32"
        return best, "FMA peak"
    size = 2048
    a, b = (torch.randn(size, size, dtype=getattr(torch, dtype)) for _ in range(2))
    best = min(_sample(lambda: a @ b, 1) for _ in range(6))
    return 2 * size**3 / best / 1e9, f"best product of {size} x {size} matrices, not the FMA peak"
