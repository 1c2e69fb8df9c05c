"""Many to one: a sequence to one output, such as a review to its sentiment."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unrolled.models.heads import DenseHead
from unrolled.models.sharing import share
from unrolled.nn.recurrent import GRU, LSTM, RNN
from unrolled.runtime.spec import Recurrent, Spec, initial_values

State = Tensor | tuple[Tensor, Tensor]


class ManyToOne(DenseHead):
    """Embedding, recurrent stack, pooling over the valid steps, output layer.

    Args:
        spec: a spec with a recurrent stack.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.

    Raises:
        ValueError: the spec has no recurrent stack.
    """

    def __init__(self, spec: Spec, flat: NDArray[np.float32] | None = None) -> None:
        if spec.recurrent is None:
            raise ValueError("ManyToOne takes a spec with a recurrent stack; use OneToOne")
        super().__init__(spec)
        with torch.device("meta"):
            self.embedding = (
                nn.Embedding(spec.input_size, spec.embedding_size) if spec.embedding_size else None
            )
            self.recurrent = stack(spec.recurrent, spec.embedding_size or spec.input_size)
            self.add_head(spec.recurrent.output_size)
        share(self, spec, initial_values(spec, 0) if flat is None else flat)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """A batch of sequences to one output each.

        Args:
            x: [T, N, C] float32, or [T, N] int64 tokens where there is an embedding.
            lengths: [N] valid steps of each row; None when all have T.
            state: first hidden state [L*D, N, H] (a pair of them for the LSTM); None is zeros.

        Returns:
            (raw outputs [N, K], state after each row's last valid step).
        """
        if lengths is not None:
            lengths = torch.as_tensor(lengths)
        output, state = self.states(x, lengths, state)
        return self.read_out(self.pool(output, lengths, state)), state

    def states(
        self, x: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Hidden states [T, N, D*H] of the last layer (0 where padded), and the last state."""
        if self.embedding is not None:
            x = self.embedding(x)
        output: Tensor
        output, state = self.recurrent(x, state, lengths=lengths)
        return output, state

    def pool(self, output: Tensor, lengths: Tensor | None, state: State) -> Tensor:
        """What the output layer reads, [N, D*H]."""
        if self.spec.pooling == "last":
            h = state[0] if isinstance(state, tuple) else state
            return torch.cat((h[-2], h[-1]), dim=1) if self.recurrent.bidirectional else h[-1]
        if lengths is None:
            return output.mean(dim=0) if self.spec.pooling == "mean" else output.amax(dim=0)
        if self.spec.pooling == "mean":
            return output.sum(dim=0) / lengths[:, None]
        steps = torch.arange(len(output), device=output.device)
        padded = steps[:, None] >= lengths
        return output.masked_fill(padded[:, :, None], -torch.inf).amax(dim=0)


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
