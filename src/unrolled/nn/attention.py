"""Attention: a query's weighted mean of what was read, additive and multiplicative.

`weights = softmax over s of score(q_t, m_s)`, `context_t = sum over s of weights_ts m_s`.
Letters: S steps that were read, T queries, N rows, M numbers of a step, H numbers of a query, A
attention units.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Memory(NamedTuple):
    """What was read, ready to be asked.

    Attributes:
        values: [N, S, M], 0 where padded.
        keys: [N, S, A] what queries are compared with.
        padded: [N, S] steps behind a row's end; None where there are none.
        of: [R] which of the N rows each of R queries asks; None: as many, in their order.
        turn: [R] its number among the queries of that row, from 0; None likewise.
    """

    values: Tensor
    keys: Tensor
    padded: Tensor | None
    of: Tensor | None = None
    turn: Tensor | None = None

    def take(self, rows: Tensor) -> Memory:
        """To be asked by these rows in this order; what was read is copied only to drop half."""
        of = rows if self.of is None else self.of[rows]
        kept, place = of.unique(return_inverse=True)
        memory = self
        if 2 * len(kept) <= len(self.values):
            padded = None if self.padded is None else self.padded[kept]
            memory, of = Memory(self.values[kept], self.keys[kept], padded), place
        order = place.argsort(stable=True)
        first = torch.searchsorted(place[order], place[order])
        turn = torch.empty_like(of)
        turn[order] = torch.arange(len(of), device=of.device) - first
        return memory._replace(of=of, turn=turn)


class Attention(nn.Module):
    """Base of the two: masks and weighted means. What padding holds changes no bit of a result."""

    def remember(self, memory: Tensor, lengths: Tensor | None = None) -> Memory:
        """Prepare memory [S, N, M] for many queries; `lengths` [N] are valid, None: all S."""
        values, padded = memory.transpose(0, 1), None
        if lengths is not None and int(lengths.min()) < len(memory):
            steps = torch.arange(len(memory), device=memory.device)
            padded = steps >= lengths.to(memory.device)[:, None]
            values = values.masked_fill(padded[:, :, None], 0.0)
        return Memory(values, self.keys(values), padded)

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Ask.

        Args:
            query: [T, N, H].
            memory: of `remember`.

        Returns:
            (context [T, N, M], weights [T, N, S], 0 where padded).
        """
        if memory.of is None or memory.turn is None:
            return self._asked(query, memory)
        # [turns of a row of memory, N, T, H]: what was read is gone through once for all of them.
        T, H = query.shape[0], query.shape[2]
        turns, N = int(memory.turn.max()) + 1, len(memory.values)
        grid = query.new_zeros(turns, N, T, H)
        grid[memory.turn, memory.of] = query.transpose(0, 1)
        together = grid.transpose(1, 2).reshape(turns * T, N, H)
        context, weights = (
            part.reshape(turns, T, N, -1)[memory.turn, :, memory.of].transpose(0, 1)
            for part in self._asked(together, memory)
        )
        return context, weights

    def _asked(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        scores = self.scores(query.transpose(0, 1), memory.keys)
        if memory.padded is not None:
            scores = scores.masked_fill(memory.padded[:, None], -torch.inf)
        weights = scores.softmax(dim=2)
        context = torch.bmm(weights, memory.values)
        return context.transpose(0, 1), weights.transpose(0, 1)

    def keys(self, values: Tensor) -> Tensor:
        """[N, S, M] to what queries are compared with."""
        raise NotImplementedError

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Queries [N, T, H] and keys [N, S, A] to scores [N, T, S]."""
        raise NotImplementedError


class MultiplicativeAttention(Attention):
    """`score(q, m) = q^T W m` (Luong, Pham & Manning 2015, arXiv 1508.04025, "general").

    Args:
        query_size: H.
        memory_size: M.
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.memory = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """W m, [N, S, H]."""
        keys: Tensor = self.memory(values)
        return keys

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """q^T (W m)."""
        return torch.bmm(query, keys.transpose(1, 2))


class AdditiveAttention(Attention):
    """`score(q, m) = v^T tanh(W q + U m + b)` (Bahdanau, Cho & Bengio 2015, arXiv 1409.0473).

    Args:
        query_size: H.
        memory_size: M.
        size: A.
    """

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, size, bias=False)
        self.memory = nn.Linear(memory_size, size)
        self.score = nn.Linear(size, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """U m + b, [N, S, A]."""
        keys: Tensor = self.memory(values)
        return keys

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """v^T tanh(W q + (U m + b)); [N, T, S, A] numbers are held at once."""
        together = torch.tanh(self.query(query)[:, :, None] + keys[:, None])
        scores: Tensor = self.score(together).squeeze(3)
        return scores
