from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from unrolled.nn.attention import (
    AdditiveAttention,
    Attention,
    Memory,
    MultiplicativeAttention,
)

S, T, N, M, H, A = 5, 3, 4, 6, 2, 7
LENGTHS = [5, 2, 1, 4]
KINDS = ["additive", "multiplicative"]


def attention(kind: str) -> Attention:
    torch.manual_seed(0)
    if kind == "additive":
        return AdditiveAttention(H, M, A)
    return MultiplicativeAttention(H, M)


def problem(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Queries [T, N, H], memory [S, N, M], and how many steps of each row are valid."""
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(T, N, H, generator=generator, dtype=dtype)
    memory = torch.randn(S, N, M, generator=generator, dtype=dtype)
    return query, memory, torch.tensor(LENGTHS)


def score_by_hand(module: Any, q: Tensor, m: Tensor) -> float:
    if isinstance(module, MultiplicativeAttention):
        W = module.memory.weight
        return sum(float(q[i] * W[i, j] * m[j]) for i in range(H) for j in range(M))
    total = 0.0
    for a in range(A):
        inside = float(module.memory.bias[a])
        inside += sum(float(module.query.weight[a, i] * q[i]) for i in range(H))
        inside += sum(float(module.memory.weight[a, j] * m[j]) for j in range(M))
        total += float(module.score.weight[0, a]) * math.tanh(inside)
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_context_are_those_of_the_formulas(kind: str) -> None:
    module = attention(kind)
    query, memory, lengths = problem()
    with torch.no_grad():
        context, weights = module(query, module.remember(memory, lengths))
        assert (context.shape, weights.shape) == ((T, N, M), (T, N, S))
        for t in range(T):
            for n, length in enumerate(LENGTHS):
                shares = [
                    math.exp(score_by_hand(module, query[t, n], memory[s, n]))
                    for s in range(length)
                ]
                expected = torch.zeros(S)
                expected[:length] = torch.tensor(shares) / sum(shares)
                torch.testing.assert_close(weights[t, n], expected, rtol=1e-5, atol=1e-6)
                mean = expected[:length] @ memory[:length, n]
                torch.testing.assert_close(context[t, n], mean, rtol=1e-5, atol=1e-6)


def test_a_case_in_whole_numbers() -> None:
    """Scores log 1 and log 3 give shares of 1/4 and 3/4."""
    module = MultiplicativeAttention(1, 2)
    with torch.no_grad():
        module.memory.weight.copy_(torch.tensor([[math.log(3.0), 0.0]]))
        memory = torch.tensor([[[0.0, 8.0]], [[1.0, 4.0]]])
        context, weights = module(torch.ones(1, 1, 1), module.remember(memory))
    torch.testing.assert_close(weights, torch.tensor([[[0.25, 0.75]]]))
    torch.testing.assert_close(context, torch.tensor([[[0.75, 5.0]]]))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_differences(kind: str) -> None:
    module = attention(kind).double()
    query, memory, lengths = (
        t.requires_grad_() if t.is_floating_point() else t for t in problem(torch.float64)
    )

    def asked(query: Tensor, memory: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        return module(query, module.remember(memory, lengths))  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(asked, (query, memory, *module.parameters()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filling", [1e30, -3.0, torch.nan, torch.inf])
def test_what_stands_in_padding_changes_no_bit(kind: str, filling: float) -> None:
    module = attention(kind)
    query, memory, lengths = problem()
    found = []
    for value in (0.0, filling):
        padded = torch.arange(S)[:, None] >= lengths
        filled = memory.masked_fill(padded[:, :, None], value).requires_grad_()
        module.zero_grad()
        context, weights = module(query, module.remember(filled, lengths))
        (context.square().sum() + weights.square().sum()).backward()
        assert filled.grad is not None
        assert not filled.grad[padded].any()
        grads = [p.grad.clone() for p in module.parameters() if p.grad is not None]
        assert weights.masked_select(padded.T[None].expand_as(weights)).eq(0).all()
        found.append([context.detach(), weights.detach(), filled.grad, *grads])
    for ours, theirs in zip(*found, strict=True):
        assert ours.isfinite().all()
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_the_same_without_its_padding(kind: str) -> None:
    module = attention(kind)
    query, memory, lengths = problem()
    context, weights = module(query, module.remember(memory, lengths))
    for n, length in enumerate(LENGTHS):
        alone = module.remember(memory[:length, n : n + 1])
        assert alone.padded is None
        own_context, own_weights = module(query[:, n : n + 1], alone)
        torch.testing.assert_close(context[:, n], own_context[:, 0])
        torch.testing.assert_close(weights[:, n, :length], own_weights[:, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_memory_in_another_order_some_twice(kind: str) -> None:
    module = attention(kind)
    query, memory, lengths = problem()
    kept = module.remember(memory, lengths)
    rows = torch.tensor([3, 0, 3])
    context, weights = module(query[:, rows], kept.take(rows))
    whole_context, whole_weights = module(query, kept)
    torch.testing.assert_close(context, whole_context[:, rows])
    torch.testing.assert_close(weights, whole_weights[:, rows])
    assert Memory(kept.values, kept.keys, None).take(rows).padded is None
    # Again, from several that ask the same row, and those of one row alone.
    for again in ([2, 1, 0, 2], [0, 2]):
        some, _ = module(query[:, rows[again]], kept.take(rows).take(torch.tensor(again)))
        torch.testing.assert_close(some, whole_context[:, rows[again]])


def test_rows_of_full_length_have_no_mask() -> None:
    module = attention("additive")
    _, memory, _ = problem()
    assert module.remember(memory, torch.full((N,), S)).padded is None
