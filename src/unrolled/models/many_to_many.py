"""Many to many, aligned: an output at every step, such as words to their parts of speech."""

from __future__ import annotations

import torch
from torch import Tensor

from unrolled.models.recurrent import RecurrentModel, State


class ManyToMany(RecurrentModel):
    """Embedding, recurrent stack, and the output layer at every step.

    Args:
        spec: a spec with a recurrent stack and pooling="every".
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.

    Raises:
        ValueError: the spec has no recurrent stack, or another pooling.
    """

    poolings = ("every",)

    def forward(
        self, x: Tensor, lengths: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """A batch of sequences to an output for each step.

        Args:
            x: [T, N, C] float32, or [T, N] int64 tokens where there is an embedding.
            lengths: [N] valid steps of each row; None when all have T.
            state: first hidden state [L*D, N, H] (a pair of them for the LSTM); None is zeros.

        Returns:
            (raw outputs [T, N, K], of no meaning behind a row's end; state after each row's last
            valid step).
        """
        if lengths is not None:
            lengths = torch.as_tensor(lengths)
        output, state = self.states(x, lengths, state)
        return self.read_out(output), state
