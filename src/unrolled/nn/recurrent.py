"""torch.nn's own recurrent layers on the compiled kernels, with `lengths` as a plain keyword.

`RNN`, `GRU` and `LSTM` are subclasses: constructor, parameters, state_dict and every call that
torch.nn's classes accept are unchanged. On a CPU, in float32 and float64, the compiled kernels
compute; what they do not cover runs on torch's own path, and `unrolled.nn.explain` says why.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn import dynamo
from unrolled.nn.lengths import Lengths
from unrolled.nn.stack import run

State = Tensor | tuple[Tensor, Tensor]


class RNN(torch.nn.RNN):
    """torch.nn.RNN, faster on CPUs, whose call takes `lengths`.

    See torch.nn.RNN for the constructor and the equations.
    """

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        lengths: int | Lengths | None = None,
    ) -> tuple[Any, Tensor]:
        """Run all time steps.

        Args:
            input: [T, N, C], or [N, T, C] with `batch_first`, or [T, C], or a PackedSequence.
            hx: initial state [L*D, N, H], or [L*D, H] if unbatched; None: zeros.
            lengths: valid steps of each sequence, [N] integers from 1 to T of any integer type,
                in any order, on any device (one integer if unbatched); None: all T. What stands
                in padding is never used.

        Returns:
            output in the layout of `input` with D*H channels, 0 at padding (a PackedSequence for
            a PackedSequence), and the final state in the shape of `hx`, each sequence's own:
            after its last valid step, and in the reverse direction after its first.

        Raises:
            TypeError: if `lengths` holds anything but integers or stands beside a PackedSequence.
            ValueError: if its shape is not [N] or a length is not from 1 to T.
            RuntimeError: if `require_fused` is in force and torch's own path would run.
        """
        return run(self, super().forward, input, hx, lengths)


class GRU(torch.nn.GRU):
    """torch.nn.GRU, faster on CPUs, whose call takes `lengths`.

    See torch.nn.GRU for the constructor and the equations. The reset gate is applied after the
    matrix product, as in torch and cuDNN.
    """

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        lengths: int | Lengths | None = None,
    ) -> tuple[Any, Tensor]:
        """Run all time steps; arguments, results and errors as those of `RNN.forward`."""
        return run(self, super().forward, input, hx, lengths)


class LSTM(torch.nn.LSTM):
    """torch.nn.LSTM, faster on CPUs, whose call takes `lengths`.

    See torch.nn.LSTM for the constructor and the equations.
    """

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        lengths: int | Lengths | None = None,
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Run all time steps; arguments, results and errors as those of `RNN.forward`.

        `hx` and the final state are pairs (h, c); with `proj_size` P, h and output have P channels
        in place of H.
        """
        return run(self, super().forward, input, hx, lengths)


dynamo.let_in((RNN, GRU, LSTM))
