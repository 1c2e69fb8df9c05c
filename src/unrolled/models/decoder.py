"""The part that writes: from a first state, symbol by symbol, looking at what was read."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.models.dropout import State, dropped
from unrolled.models.recurrent import stack
from unrolled.nn.attention import AdditiveAttention, Attention, Memory, MultiplicativeAttention
from unrolled.runtime.encoder_decoder import Decoder


class Written(NamedTuple):
    """What stands behind a step of N rows.

    Attributes:
        state: of the stack, [L, N, H], a pair of them of an LSTM.
        combined: [N, A] a_t, which input feeding reads.
        memory: what was read; None without attention.
    """

    state: State
    combined: Tensor
    memory: Memory | None

    def take(self, rows: Tensor) -> Written:
        """These rows, in this order; rows may repeat, and share what was read."""
        parts = self.state if isinstance(self.state, tuple) else (self.state,)
        taken = tuple(part[:, rows] for part in parts)
        state = taken if len(taken) == 2 else taken[0]
        memory = None if self.memory is None else self.memory.take(rows)
        return Written(state, self.combined[rows], memory)


class RecurrentDecoder(nn.Module):
    """A decoder over memory of M numbers a step, see `unrolled.runtime.encoder_decoder.Decoder`.

    Args:
        spec: the decoder as plain data.
        memory_size: M.
    """

    def __init__(self, spec: Decoder, memory_size: int) -> None:
        super().__init__()
        self.spec = spec
        E, C, H = spec.embedding_size, spec.combined_size, spec.recurrent.hidden_size
        self.embedding = nn.Embedding(spec.output_size, E)
        self.recurrent = stack(spec.recurrent, E + C * spec.input_feeding)
        self.attention: Attention | None = None
        if spec.attention == "additive":
            self.attention = AdditiveAttention(H, memory_size, spec.attention_size)
        elif spec.attention == "multiplicative":
            self.attention = MultiplicativeAttention(H, memory_size)
        asked = 0 if self.attention is None else memory_size
        self.combine = nn.Linear(H + asked, C, bias=False)
        self.head = nn.Linear(C, spec.output_size)

    def start(self, state: State, memory: Tensor, lengths: Tensor | None) -> Written:
        """Before the first symbol: the stack's state, memory [S, N, M] and its valid steps [N]."""
        kept = None if self.attention is None else self.attention.remember(memory, lengths)
        combined = memory.new_zeros(memory.shape[1], self.spec.combined_size)
        return Written(state, combined, kept)

    def forward(self, symbols: Tensor, before: Written) -> tuple[Tensor, Written, Tensor | None]:
        """Steps whose symbols are given (teacher forcing).

        Args:
            symbols: [T, N] int64, what each step reads: the symbol before the one it foretells.
            before: what stands before the first of them.

        Returns:
            (scores [T, N, V], what stands behind the last, attention [T, N, S] or None).
        """
        x = F.embedding(symbols, self.embedding.weight)
        if not self.spec.input_feeding:
            combined, state, weights = self._steps(x, before.state, before.memory)
            return (
                self._scores(combined),
                before._replace(state=state, combined=combined[-1]),
                weights,
            )
        found, asked, combined, state = [], [], before.combined, before.state
        for step in x:
            joined = torch.cat([step, combined], dim=1)[None]
            one, state, weights = self._steps(joined, state, before.memory)
            combined = one[0]
            found.append(combined)
            asked.append(weights)
        weights = None if asked[0] is None else torch.cat([w for w in asked if w is not None])
        after = before._replace(state=state, combined=combined)
        return self._scores(torch.stack(found)), after, weights

    def _steps(
        self, x: Tensor, state: State, memory: Memory | None
    ) -> tuple[Tensor, State, Tensor | None]:
        """a [T, N, A], the state behind them, and the attention, of inputs x [T, N, .]."""
        x = dropped(x, self.spec.input_dropout, self.training)
        s, state = self.recurrent(x, state)
        weights = None
        if self.attention is not None:
            assert memory is not None
            context, weights = self.attention(s, memory)
            s = torch.cat([context, s], dim=2)
        return torch.tanh(self.combine(s)), state, weights

    def _scores(self, combined: Tensor) -> Tensor:
        scores: Tensor = self.head(dropped(combined, self.spec.head_dropout, self.training))
        return scores


class Bridge(nn.Module):
    """What was read at last, [N, Q], to the first state of a decoder's stack, [L, N, H] each."""

    def __init__(self, size: int, spec: Decoder) -> None:
        super().__init__()
        self._shape = (spec.recurrent.num_layers, spec.recurrent.hidden_size)
        together = self._shape[0] * self._shape[1]
        self.h = nn.Linear(size, together)
        self.c = nn.Linear(size, together) if spec.recurrent.cell == "lstm" else None

    def forward(self, summary: Tensor) -> State:
        """tanh(W q + b) of each layer; of an LSTM the pair (h, c)."""
        h = self._part(self.h, summary)
        return h if self.c is None else (h, self._part(self.c, summary))

    def _part(self, layer: nn.Linear, summary: Tensor) -> Tensor:
        L, H = self._shape
        return torch.tanh(layer(summary)).view(-1, L, H).transpose(0, 1).contiguous()
