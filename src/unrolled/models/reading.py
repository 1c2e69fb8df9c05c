"""What models share that read something whole, then write a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrolled.models.decoder import Bridge, RecurrentDecoder, Written


class ReadsThenWrites(nn.Module):
    """An encoder to memory [S, N, M] and a summary [N, Q], a bridge of states, and a decoder."""

    encoder: nn.Module
    bridge: Bridge
    decoder: RecurrentDecoder

    def read(self, x: Tensor, lengths: Tensor | None = None) -> Written:
        """What is read, of lengths [N] or all as long, to what stands before the first step."""
        memory, summary = self.encoder(x, lengths)
        return self.decoder.start(self.bridge(summary), memory, lengths)

    def forward(
        self, x: Tensor, lengths: Tensor | None, symbols: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Read, then foretell every symbol of a sequence from those before it.

        Args:
            x: what is read: symbols [S, N] int64, or as the model says.
            lengths: [N] valid steps of x; None when all rows have S.
            symbols: [T, N] int64, the one before each that is foretold.

        Returns:
            (scores [T, N, V], attention [T, N, S] or None).
        """
        before = self.read(x, lengths)
        p = self.decoder.spec.scheduled_sampling
        if self.training and p:
            symbols = self._mixed(symbols, before, p)
        scores, _, weights = self.decoder(symbols, before)
        return scores, weights

    def _mixed(self, symbols: Tensor, before: Written, p: float) -> Tensor:
        """Symbols [T, N], all but the first by probability p the model's own guesses."""
        with torch.no_grad():
            guessed = self.decoder(symbols, before)[0].argmax(dim=2)[:-1]
        own = torch.rand(guessed.shape, device=symbols.device) < p
        return torch.cat([symbols[:1], torch.where(own, guessed, symbols[1:])])
