"""Many to many of other lengths: a sequence is read whole, then another is written."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.models.decoder import Bridge, RecurrentDecoder
from unrolled.models.dropout import State, dropped
from unrolled.models.reading import ReadsThenWrites
from unrolled.models.recurrent import stack
from unrolled.models.sharing import share
from unrolled.runtime.encoder_decoder import EncoderDecoderSpec


class Encoder(nn.Module):
    """An embedding and a recurrent stack over symbols, of one direction or both."""

    def __init__(self, spec: EncoderDecoderSpec) -> None:
        super().__init__()
        self._dropout = spec.input_dropout
        self.embedding = nn.Embedding(spec.input_size, spec.embedding_size)
        self.recurrent = stack(spec.recurrent, spec.embedding_size)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Symbols [S, N] to memory [S, N, M], 0 where padded, and a summary [N, Q].

        The summary is the last state of the last layer: h of each direction, then c of an LSTM.
        """
        x = F.embedding(x, self.embedding.weight)
        x = dropped(x, self._dropout, self.training)
        memory, state = self.recurrent(x, lengths=lengths)
        return memory, torch.cat(_last_layer(state, 1 + self.recurrent.bidirectional), dim=1)


class EncoderDecoder(ReadsThenWrites):
    """An encoder, a bridge of states, and a decoder with attention.

    Args:
        spec: the model as plain data.
        flat: [P] float32 parameters, shared with the module; None draws them from seed 0.
    """

    def __init__(self, spec: EncoderDecoderSpec, flat: NDArray[np.float32] | None = None) -> None:
        super().__init__()
        self.spec = spec
        M = spec.recurrent.output_size
        with torch.device("meta"):
            self.encoder = Encoder(spec)
            self.bridge = Bridge(M * (2 if spec.recurrent.cell == "lstm" else 1), spec.decoder)
            self.decoder = RecurrentDecoder(spec.decoder, M)
        share(self, spec, spec.initial_values(0) if flat is None else flat)


def _last_layer(state: State, directions: int) -> list[Tensor]:
    parts = state if isinstance(state, tuple) else (state,)
    return [one for part in parts for one in part[-directions:]]
