"""One layer on torch's own differentiable operations, for what the kernels cannot give.

That is gradients of gradients, through torch's layers, and the transforms of torch.func, to some
of which torch's layers are opaque too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import _VF, Tensor
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled.nn.plan import GRU, LSTM, RNN_RELU, Layer

FUNCTIONS: tuple[Any, ...] = (_VF.rnn_tanh, _VF.rnn_relu, _VF.gru, _VF.lstm)


def forward_by_torch(
    layer: Layer,
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """x [T, N, C] -> output [T, N, D*P], 0 in padding, h_n [D, N, P], the LSTM's c_n [D, N, H].

    Args:
        layer: what the layer is.
        x: [T, N, C].
        lengths: [N] int64, or None: all T.
        h0: [D, N, P], or None: zeros.
        c0: [D, N, H], or None: zeros.
        weights: as `Layer` says.
    """
    num_steps, num_sequences = x.shape[:2]
    if h0 is None:
        h0 = x.new_zeros(layer.directions, num_sequences, layer.output_size)
    hx = [h0]
    if layer.cell == LSTM:
        if c0 is None:
            c0 = x.new_zeros(layer.directions, num_sequences, layer.hidden_size)
        hx.append(c0)
    run = FUNCTIONS[layer.cell]
    options = (layer.bias, 1, 0.0, False, layer.directions == 2)
    if lengths is None:
        state = tuple(hx) if layer.cell == LSTM else h0
        result: tuple[Tensor, ...] = run(x, state, list(weights), *options, False)
        return result
    packed: Any = pack_padded_sequence(x, lengths, enforce_sorted=False)
    hx = [part.index_select(1, packed.sorted_indices) for part in hx]
    state = tuple(hx) if layer.cell == LSTM else hx[0]
    data, *final = run(packed.data, packed.batch_sizes, state, list(weights), *options)
    output, _ = pad_packed_sequence(packed._replace(data=data), total_length=num_steps)
    return output, *(part.index_select(1, packed.unsorted_indices) for part in final)


def forward_by_steps(
    layer: Layer,
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """`forward_by_torch` step by step, in operations that every transform of torch.func knows."""
    num_steps, num_sequences = x.shape[:2]
    valid = None
    if lengths is not None:
        steps = torch.arange(num_steps, device=lengths.device)
        valid = (steps[:, None] < lengths)[:, :, None].to(x.device)
        x = torch.where(valid, x, 0)
    count = len(weights) // layer.directions
    outputs, finals = [], []
    for direction in range(layer.directions):
        w_ih, w_hh, *rest = weights[direction * count : (direction + 1) * count]
        b_ih, b_hh = rest[:2] if layer.bias else (None, None)
        a_x = linear(x, w_ih, b_ih)
        h = x.new_zeros(num_sequences, layer.output_size) if h0 is None else h0[direction]
        c = x.new_zeros(num_sequences, layer.hidden_size) if c0 is None else c0[direction]
        output = []
        for t in reversed(range(num_steps)) if direction else range(num_steps):
            h_next, c_next = _step(layer.cell, a_x[t], linear(h, w_hh, b_hh), h, c)
            if layer.projected:
                h_next = linear(h_next, rest[-1])
            if valid is not None:
                output.append(torch.where(valid[t], h_next, 0))
                h_next = torch.where(valid[t], h_next, h)
                c_next = torch.where(valid[t], c_next, c)
            else:
                output.append(h_next)
            h, c = h_next, c_next
        outputs.append(torch.stack(output[::-1] if direction else output))
        finals.append((h, c) if layer.cell == LSTM else (h,))
    return torch.cat(outputs, -1), *(torch.stack(parts) for parts in zip(*finals, strict=True))


def _step(cell: int, a_x: Tensor, a_h: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The equations of `unrolled.kernels.equations`: next h, before any projection, and c."""
    if cell < GRU:
        a = a_x + a_h
        return (torch.relu(a) if cell == RNN_RELU else torch.tanh(a)), c
    if cell == GRU:
        (x_r, x_z, x_n), (h_r, h_z, m) = a_x.chunk(3, -1), a_h.chunk(3, -1)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * m)
        return (1 - z) * n + z * h, c
    i, f, g, o = (a_x + a_h).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gradients_by_torch(
    layer: Layer,
    lengths: Tensor | None,
    inputs: Sequence[Tensor | None],
    grads: Sequence[Tensor | None],
    needs: Sequence[bool],
    x_batch_first: bool,
    output_batch_first: bool,
) -> list[Tensor | None]:
    """The gradients of a layer as differentiable functions of its inputs and of `grads`.

    Args:
        layer: what the layer is.
        lengths: [N] int64, or None: all T.
        inputs: x, h0, c0 and the weights, each connected to what it was computed from.
        grads: the gradients of output, h_n and c_n; None: zeros.
        needs: which of `inputs` need a gradient.
        x_batch_first: x is [N, T, C].
        output_batch_first: the gradient of output is [N, T, D*P].

    Returns:
        A gradient for each of `inputs`, None where none is needed.
    """
    with torch.enable_grad():
        # Views, since one tensor may come in twice (as x and as h0, or as two weights).
        views: list[Any] = [None if value is None else value.view_as(value) for value in inputs]
        x, h0, c0, *weights = views
        x = x.transpose(0, 1) if x_batch_first else x
        results = list(forward_by_torch(layer, x, lengths, h0, c0, weights))
        if output_batch_first:
            results[0] = results[0].transpose(0, 1)
        pairs = [(y, grad) for y, grad in zip(results, grads, strict=False) if grad is not None]
        wanted = [view for view, need in zip(views, needs, strict=True) if need]
        found = torch.autograd.grad(
            [y for y, _ in pairs],
            wanted,
            [grad for _, grad in pairs],
            create_graph=True,
            materialize_grads=True,
        )
    left = iter(found)
    return [next(left) if need else None for need in needs]
