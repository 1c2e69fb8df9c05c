"""Many to many of other lengths without a decoder: frames to symbols, or none, at each step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.models.dropout import dropped
from unrolled.models.recurrent import stack
from unrolled.models.sharing import share
from unrolled.runtime.transcription import TranscriberSpec


class Transcriber(nn.Module):
    """Convolutions, a recurrent stack, and the output layer at every step.

    Args:
        spec: the model as plain data.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.
    """

    def __init__(self, spec: TranscriberSpec, flat: NDArray[np.float32] | None = None) -> None:
        super().__init__()
        self.spec = spec
        sizes = [spec.input_size, *(c.channels for c in spec.convolutions)]
        with torch.device("meta"):
            self.convolutions = nn.ModuleList(
                nn.Conv1d(size, c.channels, c.width, c.stride)
                for size, c in zip(sizes, spec.convolutions, strict=False)
            )
            self.recurrent = stack(spec.recurrent, spec.step_size)
            self.head = nn.Linear(spec.recurrent.output_size, spec.output_size)
        share(self, spec, spec.initial_values(0) if flat is None else flat)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """A batch of sequences to log-probabilities of each step.

        Args:
            x: [T, N, F] float32.
            lengths: [N] valid frames of each row; None when all have T.

        Returns:
            (log-probabilities [T', N, K], of no meaning behind a row's end; the steps [N] of each
            row, or None).
        """
        x = x.permute(1, 2, 0)
        for convolution, layer in zip(self.spec.convolutions, self.convolutions, strict=True):
            # What stands behind a row's end is what a row alone has there: zeros.
            x = F.pad(_cut(x, lengths), (convolution.left, convolution.right))
            x = torch.relu(layer(x))
            lengths = None if lengths is None else convolution.steps(lengths)
        x = dropped(x.permute(2, 0, 1), self.spec.input_dropout, self.training)
        h, _ = self.recurrent(x.contiguous(), lengths=lengths)
        h = dropped(h, self.spec.head_dropout, self.training)
        return self.head(h).log_softmax(dim=2), lengths


def _cut(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x [N, C, T] with zeros behind the end of each row."""
    if lengths is None:
        return x
    return x.masked_fill(torch.arange(x.shape[2]) >= lengths[:, None, None], 0.0)
