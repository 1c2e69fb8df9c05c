"""Many to one: a sequence to one output, such as a review to its sentiment."""

from __future__ import annotations

import torch
from torch import Tensor

from unrolled.models.recurrent import RecurrentModel, State


class ManyToOne(RecurrentModel):
    """Embedding, recurrent stack, pooling over the valid steps, output layer.

    Args:
        spec: a spec with a recurrent stack.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.

    Raises:
        ValueError: the spec has no recurrent stack.
    """

    poolings = ("last", "mean", "max")

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
