"""A model that reads and writes as `unrolled.models.decoding` asks for: rows side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unrolled.models.decoder import Written
from unrolled.models.reading import ReadsThenWrites


class Writer:
    """Writes with a model, without gradients; a `Stepwise`.

    Args:
        module: the model, which is put into its mode of evaluation.
    """

    def __init__(self, module: ReadsThenWrites) -> None:
        self._module = module.eval()

    def read(self, x: NDArray[Any], lengths: NDArray[np.int64] | None) -> Written:
        """What is read, of lengths [N] or all as long, to the state before the first step."""
        with torch.inference_mode():
            ends = None if lengths is None else torch.from_numpy(lengths)
            return self._module.read(torch.from_numpy(x), ends)

    def step(
        self, tokens: NDArray[np.int64], state: Written
    ) -> tuple[NDArray[np.float32], Written]:
        """See `Stepwise`."""
        with torch.inference_mode():
            symbols = torch.from_numpy(tokens.copy())[None]
            scores, written, _ = self._module.decoder(symbols, state)
            log_p: NDArray[np.float32] = scores[0].log_softmax(dim=1).numpy()
            return log_p, written

    def take(self, state: Written, rows: NDArray[np.int64]) -> Written:
        """See `Stepwise`; what was read is not copied."""
        with torch.inference_mode():
            return state.take(torch.from_numpy(rows.copy()))

    def attention(
        self,
        x: NDArray[Any],
        lengths: NDArray[np.int64] | None,
        symbols: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Weights [T, N, S] while symbols [T, N] are read by the decoder.

        Raises:
            ValueError: the model has no attention.
        """
        with torch.inference_mode():
            ends = None if lengths is None else torch.from_numpy(lengths)
            _, weights = self._module(torch.from_numpy(x), ends, torch.from_numpy(symbols))
        if weights is None:
            raise ValueError('this model has no attention; fit one with attention="additive"')
        found: NDArray[np.float32] = weights.numpy()
        return found
