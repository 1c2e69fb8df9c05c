"""Memory for backward that waits for the next step."""

from __future__ import annotations

import gc

import pytest
import torch

from unrolled import nn
from unrolled.nn import functions, reserve


@pytest.fixture(autouse=True)
def empty_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "_waiting", [])
    monkeypatch.setattr(functions, "LARGE", 1)


def gradients(layer: torch.nn.GRU, x: torch.Tensor, retain: bool = False) -> list[torch.Tensor]:
    loss = layer(x)[0].square().sum()
    found = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=retain)
    again = torch.autograd.grad(loss, list(layer.parameters())) if retain else found
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))
    return list(found)


def test_a_step_uses_the_memory_of_the_step_before() -> None:
    layer, x = nn.GRU(3, 5), torch.randn(7, 4, 3)
    first = gradients(layer, x)
    (waiting,) = reserve._waiting
    waiting.fill_(torch.nan)
    second = gradients(layer, x)
    assert [buffer.data_ptr() for buffer in reserve._waiting] == [waiting.data_ptr()]
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_no_two_graphs_share_memory() -> None:
    layer, inputs = nn.GRU(3, 5), [torch.randn(7, 4, 3) for _ in range(3)]
    expected = [gradients(layer, x, retain=True) for x in inputs]
    losses = [layer(x)[0].square().sum() for x in inputs]
    for loss, right in zip(losses, expected, strict=True):
        found = torch.autograd.grad(loss, list(layer.parameters()))
        assert all(torch.equal(a, b) for a, b in zip(found, right, strict=True))


def test_a_graph_that_is_kept_keeps_its_memory() -> None:
    layer, x = nn.GRU(3, 5), torch.randn(7, 4, 3)
    output = layer(x)[0]
    gradients(layer, x)
    assert len(reserve._waiting) == 1
    del output
    gc.collect()
    assert len(reserve._waiting) == 2


def test_only_so_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "MOST_BYTES", 4000)
    for _ in range(3):
        reserve.Lease(torch.empty(400))
    assert reserve.bytes_waiting() == 3200
    reserve.Lease(torch.empty(2000))
    assert reserve.bytes_waiting() == 0


@pytest.mark.parametrize(("size", "taken"), [(50, True), (100, True), (101, False), (49, False)])
def test_what_is_taken_fits(size: int, taken: bool) -> None:
    reserve.Lease(torch.empty(100))
    reserve.Lease(torch.empty(100, dtype=torch.float64))
    buffer = reserve.take(size, torch.float64)
    assert buffer.dtype is torch.float64
    assert buffer.numel() == (100 if taken else size)
    assert len(reserve._waiting) == (1 if taken else 2)
