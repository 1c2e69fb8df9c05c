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

LARGE = 2**20


@pytest.fixture(autouse=True)
def lend_everything(monkeypatch):
    gc.collect()
    monkeypatch.setattr(functions, "LENT_FROM", 1)


def idle():
    gc.collect()
    return engine.COMPILED.idle_memory()


@pytest.mark.parametrize("item", [4, 8])
def test_memory_comes_back_and_is_lent_again(item):
    before = idle()
    array = engine.COMPILED.lend(LARGE, item)
    assert array.shape == (LARGE,)
    assert array.dtype.itemsize == item
    address = array.ctypes.data
    assert address % 64 == 0
    array[...] = 1
    del array
    assert idle() == before + LARGE * item
    # A little less fits; half of it would waste the rest.
    small = engine.COMPILED.lend(LARGE // 2, item)
    again = engine.COMPILED.lend(LARGE - 100, item)
    assert again.ctypes.data == address
    assert small.ctypes.data != address
    assert idle() <= before


def test_no_more_is_kept_than_said():
    arrays = [engine.COMPILED.lend(2**24, 8) for _ in range(3)]
    del arrays
    assert idle() <= 256 * 2**20
    with pytest.raises(ValueError, match="at least one element"):
        engine.COMPILED.lend(0, 4)


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
    assert idle() < kept
    output.sum().backward()
    del output
    assert idle() == kept
