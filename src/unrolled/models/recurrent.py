"""A recurrent stack with its embedding, and the head that reads it: base of the models with one."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.models.dropout import DroppingStack, State, dropped, embedded, forgotten
from unrolled.models.heads import DenseHead
from unrolled.models.sharing import share
from unrolled.nn.recurrent import GRU, LSTM, RNN
from unrolled.runtime.spec import Recurrent, Spec, initial_values

__all__ = ["RecurrentModel", "State", "stack"]


class RecurrentModel(DenseHead):
    """Embedding, recurrent stack and output layer; what is between the last two is the model's.

    Args:
        spec: a spec with a recurrent stack and one of the model's poolings.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.

    Raises:
        ValueError: the spec has no recurrent stack, or another pooling.
    """

    poolings: ClassVar[tuple[str, ...]]

    def __init__(self, spec: Spec, flat: NDArray[np.float32] | None = None) -> None:
        name = type(self).__name__
        if spec.recurrent is None:
            raise ValueError(f"{name} takes a spec with a recurrent stack; use OneToOne")
        if spec.pooling not in self.poolings:
            raise ValueError(
                f"{name} takes a spec with the pooling {' or '.join(self.poolings)}, got "
                f"{spec.pooling!r}"
            )
        super().__init__(spec)
        with torch.device("meta"):
            self.embedding = (
                nn.Embedding(spec.input_size, spec.embedding_size) if spec.embedding_size else None
            )
            self.categories = nn.ModuleList(nn.Embedding(*table) for table in spec.categories)
            self.recurrent = stack(spec.recurrent, spec.step_size)
            self.add_head(spec.recurrent.output_size)
            self._dropping = self._dropping_stack(spec.recurrent)
        share(self, spec, initial_values(spec, 0) if flat is None else flat)

    def states(
        self, x: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Hidden states [T, N, D*H] of the last layer (0 where padded), and the last state.

        Raises:
            ValueError: a code of a category is none.
        """
        s, training = self.spec, self.training
        if self.embedding is not None:
            unknown = forgotten(x, s.symbol_dropout, training)
            x = x if unknown is None else x.masked_fill(unknown, 0)
            x = embedded(x, self.embedding.weight, s.embedding_dropout, training)
        if s.categories:
            x = self._embed_categories(x, lengths)
        x = dropped(x, s.input_dropout, training, locked=s.locked_dropout)
        output: Tensor
        if training and self._dropping is not None:
            output, state = self._dropping(x, state, lengths)
        else:
            output, state = self.recurrent(x, state, lengths=lengths)
        return output, state

    def _dropping_stack(self, r: Recurrent) -> DroppingStack | None:
        """What runs in training, where the stack alone does not drop what it should."""
        between = r.dropout and r.num_layers > 1
        if not (r.weight_dropout or (between and self.spec.locked_dropout)):
            return None
        one, deeper = replace(r, num_layers=1, dropout=0.0), r.output_size
        sizes = [self.spec.step_size] + [deeper] * (r.num_layers - 1)
        layers = [stack(one, size) for size in sizes]
        return DroppingStack(self.recurrent, layers, r, self.spec.locked_dropout)

    def _embed_categories(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """x [T, N, C] with codes in its last columns to what the stack reads, [T, N, ...]."""
        numbers = x.shape[-1] - len(self.categories)
        unknown = forgotten(x[..., numbers], self.spec.symbol_dropout, self.training)
        parts, steps = [x[..., :numbers]], torch.arange(len(x), device=x.device)[:, None]
        for i, (codes, _) in enumerate(self.spec.categories):
            column = x[..., numbers + i]
            if lengths is not None:
                column = column.masked_fill(steps >= lengths, 0.0)
            index = column.long()
            wrong = (index != column) | (index < 0) | (index >= codes)
            if wrong.any():
                raise ValueError(
                    f"inputs holds {column[wrong][0].item():g} in column {numbers + i}, but a code "
                    f"there is a whole number from 0 to {codes - 1}"
                )
            if unknown is not None and i < self.spec.symbol_columns:
                index = index.masked_fill(unknown, 0)
            parts.append(self.categories[i](index))
        return torch.cat(parts, dim=-1)


def stack(recurrent: Recurrent, input_size: int) -> RNN | GRU | LSTM:
    """The recurrent layers of a spec, reading inputs of `input_size`, time-major."""
    size, layers = recurrent.hidden_size, recurrent.num_layers
    two_ways, dropout = recurrent.bidirectional, recurrent.dropout
    if recurrent.cell == "gru":
        return GRU(input_size, size, layers, dropout=dropout, bidirectional=two_ways)
    if recurrent.cell == "lstm":
        return LSTM(input_size, size, layers, dropout=dropout, bidirectional=two_ways)
    return RNN(
        input_size,
        size,
        layers,
        nonlinearity=recurrent.nonlinearity,
        dropout=dropout,
        bidirectional=two_ways,
    )
