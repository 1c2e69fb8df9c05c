"""A program that computes on several threads: with torch's busy, from two at once, after a fork.

It is run by `test_threads.py` in a process of its own, since the number of threads is for the whole
process. It ends without a word if all is right.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import torch

from unrolled import nn
from unrolled.kernels import engine

SHARED = sys.platform == "linux"  # torch's OpenMP can be found there
FORKED_WRONG, FORKED_RIGHT = 1, 42


def step(layer: torch.nn.RNNBase, x: torch.Tensor) -> list[torch.Tensor]:
    """Output and gradients of a training step, with operations of torch's own around the layer."""
    output, _ = layer(x * 1.0)
    loss = (output * output.detach().cos()).sum()
    return [output.detach(), *torch.autograd.grad(loss, list(layer.parameters()))]


def assert_equal(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def main() -> None:
    assert engine.COMPILED is not None
    assert engine.COMPILED.share_openmp() == SHARED
    torch.manual_seed(0)
    nn.require_fused()
    # Threads share the rows of the first and the units of the second.
    layers = [nn.GRU(30, 70), nn.LSTM(10, 400)]
    inputs = [torch.randn(20, 40, 30), torch.randn(9, 3, 10)]
    torch.set_num_threads(1)
    right = [step(*pair) for pair in zip(layers, inputs, strict=True)]
    for threads in (2, 3, 2):
        torch.set_num_threads(threads)
        for layer, x, expected in zip(layers, inputs, right, strict=True):
            hidden, channels, rows = layer.hidden_size, x.shape[2], x.shape[1]
            sizes = (2 if layer.mode == "GRU" else 3, 4, len(x), rows, channels, hidden, hidden)
            assert engine.COMPILED.threads_for(*sizes, threads, True) > 1
            for _ in range(3):
                assert_equal(step(layer, x), expected)

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(step, layers[n % 2], inputs[n % 2]) for n in range(12)]
        for n, job in enumerate(jobs):
            assert_equal(job.result(), right[n % 2])

    child = os.fork() if hasattr(os, "fork") else None
    if child == 0:
        # Autograd refuses to work here, and torch's own operations may wait for OpenMP for ever.
        with torch.no_grad():
            outputs = [layer(x)[0].numpy() for layer, x in zip(layers, inputs, strict=True)]
        same = all(
            a.tobytes() == b[0].numpy().tobytes() for a, b in zip(outputs, right, strict=True)
        )
        os._exit(FORKED_RIGHT if same else FORKED_WRONG)
    if child is not None:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == FORKED_RIGHT
    assert_equal(step(layers[0], inputs[0]), right[0])


if __name__ == "__main__":
    main()
