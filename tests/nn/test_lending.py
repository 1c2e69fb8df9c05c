"""Large memory for backward is lent by the kernels and taken back: never while a graph holds it."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from layer_problems import assert_same, normal, outcome

from unrolled import nn
from unrolled.kernels import engine
from unrolled.nn import functions


@pytest.fixture(autouse=True)
def lend_everything(monkeypatch):
    gc.collect()
    monkeypatch.setattr(functions, "LENT_FROM", 1)


def idle():
    gc.collect()
    return engine.COMPILED.idle_memory()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_graphs_that_live_at_once_do_not_share(kind, dtype, monkeypatch):
    layer = kind(3, 4, num_layers=2, bidirectional=True, dtype=dtype)
    inputs = [normal(5, 2, 3, seed=k, dtype=dtype).requires_grad_() for k in range(3)]
    monkeypatch.setattr(functions, "LENT_FROM", 2**62)
    expected = [outcome(layer, x) for x in inputs]
    monkeypatch.setattr(functions, "LENT_FROM", 1)
    outputs = [layer(x)[0] for x in inputs]
    losses = [(normal(*y.shape, seed=9, dtype=dtype) * y).sum() for y in outputs]
    states = [layer(x)[1] for x in inputs]
    for k, x in enumerate(inputs):
        final = states[k] if isinstance(states[k], tuple) else (states[k],)
        loss = losses[k] + sum(
            (normal(*part.shape, seed=10 + i, dtype=dtype) * part).sum()
            for i, part in enumerate(final)
        )
        for retain in (True, False):
            grads = torch.autograd.grad(loss, (x, *layer.parameters()), retain_graph=retain)
            assert_same(list(grads), expected[k][-len(grads) :], dtype)


def test_threads_that_train_at_once():
    layers = [nn.GRU(3, 8) for _ in range(4)]
    x = normal(20, 4, 3, dtype=torch.float32)

    def gradients(layer):
        return [
            torch.autograd.grad(layer(x)[0].square().sum(), list(layer.parameters()))
            for _ in range(20)
        ]

    alone = [gradients(layer)[0] for layer in layers]
    with ThreadPoolExecutor(4) as pool:
        for found, expected in zip(pool.map(gradients, layers), alone, strict=True):
            for grads in found:
                assert all(map(torch.equal, grads, expected))


def test_a_layer_leaves_its_memory_to_the_next_step():
    layer, x = nn.LSTM(8, 64), torch.randn(100, 8, 8)
    layer(x)[0].sum().backward()
    kept = idle()
    output, _ = layer(x)
    during = idle()
    assert during < kept
    output.sum().backward()
    del output
    assert idle() > during
