"""torch.nn's own recurrent layers with `lengths` as a plain keyword.

`RNN`, `GRU` and `LSTM` are subclasses: constructor, parameters, state_dict and every call that
torch.nn's classes accept are unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unrolled.nn.lengths import Lengths, host_lengths

State = Tensor | tuple[Tensor, Tensor]


def _forward_with_lengths(
    layer: torch.nn.RNNBase,
    forward: Callable[[Any, Any], tuple[Any, Any]],
    input: Tensor | PackedSequence,
    hx: State | None,
    lengths: int | Lengths,
) -> tuple[Tensor, Any]:
    """`forward(input, hx)` of torch.nn's class, each sequence ending at its own length."""
    if isinstance(input, PackedSequence):
        raise TypeError("lengths was given beside a PackedSequence, which holds its own; drop one.")
    if input.dim() == 2:
        return _forward_unbatched(forward, input, hx, lengths)
    if input.dim() != 3:
        raise ValueError(f"input has {input.dim()} axes, but must have 2 (unbatched) or 3.")
    num_sequences, num_steps = input.shape[:2] if layer.batch_first else input.shape[1::-1]
    counts = host_lengths(lengths, num_steps, num_sequences)
    if np.all(counts == num_steps):
        return forward(input, hx)
    if hx is not None:
        # Packing selects rows of hx: one with too many of them would pass unseen.
        layer.check_forward_args(input, hx, None)  # type: ignore[arg-type]
    packed = pack_padded_sequence(
        input, torch.from_numpy(counts), layer.batch_first, enforce_sorted=False
    )
    output, state = forward(packed, hx)
    padded, _ = pad_packed_sequence(output, layer.batch_first, total_length=num_steps)
    return padded, state


def _forward_unbatched(
    forward: Callable[[Any, Any], tuple[Any, Any]],
    input: Tensor,
    hx: State | None,
    lengths: int | Lengths,
) -> tuple[Tensor, Any]:
    """`forward` of a single sequence [T, C]; `lengths` is one integer or holds one."""
    num_steps = len(input)
    one = lengths.reshape(-1) if isinstance(lengths, Tensor) else np.atleast_1d(lengths)
    count = int(host_lengths(one, num_steps, 1)[0])
    output, state = forward(input[:count], hx)
    return torch.nn.functional.pad(output, (0, 0, 0, num_steps - count)), state


class RNN(torch.nn.RNN):
    """torch.nn.RNN whose call takes `lengths`; see there for the constructor and the equations."""

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
        """
        if lengths is None:
            return super().forward(input, hx)
        return _forward_with_lengths(self, super().forward, input, hx, lengths)


class GRU(torch.nn.GRU):
    """torch.nn.GRU whose call takes `lengths`; see there for the constructor and the equations.

    The reset gate is applied after the matrix product, as in torch and cuDNN.
    """

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | None = None,
        lengths: int | Lengths | None = None,
    ) -> tuple[Any, Tensor]:
        """Run all time steps; arguments, results and errors as those of `RNN.forward`."""
        if lengths is None:
            return super().forward(input, hx)
        return _forward_with_lengths(self, super().forward, input, hx, lengths)


class LSTM(torch.nn.LSTM):
    """torch.nn.LSTM whose call takes `lengths`; see there for the constructor and the equations."""

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
        if lengths is None:
            return super().forward(input, hx)
        return _forward_with_lengths(self, super().forward, input, hx, lengths)
