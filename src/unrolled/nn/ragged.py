"""Packed rows (torch's PackedSequence) and padded ones [T, N, ...], into each other at once.

In packed data the rows of all sequences stand step by step, at each step those of the sequences
that have it, longest first: row `places[k]` of a padded [T*N, ...] is row k of the packed data.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unrolled.nn.fallback import is_transformed
from unrolled.nn.functions import Lengths


def packed_places(lengths: Tensor) -> Tensor:
    """Where the packed rows of sequences of `lengths` [N], padded in that order, stand: [sum]."""
    ordered, order = torch.sort(lengths, descending=True)
    return _places(ordered, order, int(ordered[0]))


def _places(ordered: Tensor, order: Tensor | None, num_steps: int) -> Tensor:
    """The same for lengths in falling order, `order` being where each sequence is to be padded."""
    steps = torch.arange(num_steps, device="cpu")[:, None]
    rows = torch.arange(len(ordered), device="cpu") if order is None else order
    return (steps * len(ordered) + rows)[steps < ordered]


def lengths_of(packed: PackedSequence) -> tuple[Lengths, Tensor, int] | None:
    """Lengths in the order of the caller's sequences, `places` for it, and T.

    None if the parts of `packed`, which anyone may put together, do not fit each other.
    """
    data, batch_sizes, order, back = packed
    num_steps = len(batch_sizes)
    if batch_sizes.dim() != 1 or num_steps == 0 or int(batch_sizes[-1]) < 1:
        return None
    num_sequences = int(batch_sizes[0])
    if bool((batch_sizes[1:] > batch_sizes[:-1]).any()) or int(batch_sizes.sum()) != len(data):
        return None
    rows = torch.arange(num_sequences, device="cpu")
    ordered = (batch_sizes[:, None] > rows).sum(0)
    counts = ordered
    if order is not None and back is not None:
        order, back = order.cpu(), back.cpu()
        if back.shape != (num_sequences,) or order.shape != (num_sequences,):
            return None
        if int(back.min()) < 0 or int(back.max()) >= num_sequences:
            return None
        if not torch.equal(order[back], rows):
            return None
        counts = ordered[back]
    elif order is not None or back is not None:
        return None
    return Lengths(counts, len(data)), _places(ordered, order, num_steps), num_steps


def pad_rows(data: Tensor, places: Tensor, num_steps: int, num_sequences: int) -> Tensor:
    """Packed rows [S, C] -> [T, N, C]; what stands in padding is undefined."""
    padded = data.new_empty((num_steps * num_sequences, data.shape[1]))
    if is_transformed():
        padded = padded.index_copy(0, places.to(data.device), data)
    else:
        padded.index_copy_(0, places, data)
    return padded.view(num_steps, num_sequences, data.shape[1])


class _TakeRows(torch.autograd.Function):
    """index_select by indices that are all different: its gradient needs no sum.

    torch.func and forward-mode differentiation know nothing of it.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.size = rows.shape[0]
        return rows.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        padded = grad.new_zeros((ctx.size, grad.shape[1]))
        return padded.index_copy(0, places, grad), None


def pack_rows(padded: Tensor, places: Tensor) -> Tensor:
    """[T, N, C] -> packed rows [S, C]."""
    rows = padded.flatten(0, 1)
    if is_transformed():
        return rows.index_select(0, places.to(rows.device))
    packed: Tensor = _TakeRows.apply(rows, places)  # type: ignore[no-untyped-call]
    return packed


def drop_packed(x: Tensor, places: Tensor, probability: float) -> Tensor:
    """Dropout of x [T, N, C] with the random numbers that torch would draw for its packed rows."""
    ones = x.new_ones((len(places), x.shape[2]))
    factors = torch.dropout(ones, probability, True)
    padded = x.new_zeros((x.shape[0] * x.shape[1], x.shape[2]))
    return x * padded.index_copy_(0, places.to(x.device), factors).view_as(x)
