"""Autograd around the compiled kernels: one layer, all its directions, forward and backward.

What comes in has been checked: CPU tensors of one type, float32 or float64, shapes that fit,
weights and initial states contiguous, x with a contiguous last axis, one step and one row at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.kernels import engine
from unrolled.nn.plan import LSTM, Layer
from unrolled.nn.reference import gradients_by_torch


class Lengths(NamedTuple):
    """The valid steps of each row, and their sum."""

    counts: Tensor  # [N] int64, contiguous, each from 1 to T
    total: int


Results = tuple[Tensor, Tensor, Tensor | None]  # output, h_n [D, N, P], c_n [D, N, H]

_compiled: Any = engine.COMPILED
if _compiled is not None:
    # torch's threads stay busy for milliseconds after each of its own operations; others of ours
    # would have to share the processors with them.
    _compiled.share_openmp()
_empty_like = torch.empty_like
_data_ptr = Tensor.data_ptr
_num_threads = torch.get_num_threads


def forward_layer(
    layer: Layer,
    lengths: Lengths | None,
    x_batch_first: bool,
    output_batch_first: bool,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    saved: Tensor | None = None,
) -> Results:
    """One layer's output, h_n, c_n (None but for the LSTM).

    Args:
        layer: what the layer is.
        lengths: valid steps, or None: all T.
        x_batch_first: x is [N, T, C], else [T, N, C]; any strides but for the last axis.
        output_batch_first: output is [N, T, D*P], else [T, N, D*P]; contiguous.
        x: input.
        h0: [D, N, P], or None: zeros.
        c0: [D, N, H], or None: zeros.
        weights: as `Layer` says.
        saved: at least `saved_size` items, filled with what backward needs; None: nothing is.
    """
    cell, _, C, H, P, D, bias, projected, _ = layer
    stride_t, stride_n, _ = x.stride()
    T, N, _ = x.shape
    if x_batch_first:
        T, N, stride_t, stride_n = N, T, stride_n, stride_t
    width = D * P
    if output_batch_first:
        output = x.new_empty((N, T, width))
        out_t, out_n = width, T * width
    else:
        output = x.new_empty((T, N, width))
        out_t, out_n = N * width, width
    h_n = x.new_empty((D, N, P)) if h0 is None else _empty_like(h0)
    c_n = None
    if cell == LSTM:
        c_n = x.new_empty((D, N, H)) if c0 is None else _empty_like(c0)
    item = x.element_size()
    h0_at = 0 if h0 is None else h0.data_ptr()
    c0_at = 0 if c0 is None else c0.data_ptr()
    h_at = h_n.data_ptr()
    c_at = 0 if c_n is None else c_n.data_ptr()
    saved_at = 0 if saved is None else saved.data_ptr()
    at = tuple(map(_data_ptr, weights))
    addresses: tuple[int, ...]
    if D == 1 and bias and not projected:  # written out: most layers are of this kind
        addresses = (0, *at, 0, h0_at, c0_at, h_at, c_at, saved_at)
    else:
        states, cells = N * P * item, N * H * item
        one = 0 if saved is None else _saved_size(layer, lengths, T * N, item)
        addresses = ()
        for direction in range(D):
            own = at[direction * len(at) // D : (direction + 1) * len(at) // D]
            addresses += (direction, *own[:2])
            addresses += own[2:4] if bias else (0, 0)
            addresses += (own[-1] if projected else 0, h0_at, c0_at, h_at, c_at, saved_at)
            h_at += states
            h0_at += states if h0_at else 0
            c_at += cells if c_at else 0
            c0_at += cells if c0_at else 0
            saved_at += one * item
    _compiled.forward(
        cell,
        item,
        T,
        N,
        C,
        H,
        P,
        _num_threads(),
        x.data_ptr(),
        stride_t,
        stride_n,
        0 if lengths is None else lengths.counts.data_ptr(),
        output.data_ptr(),
        out_t,
        out_n,
        addresses,
    )
    return output, h_n, c_n


def backward_layer(
    layer: Layer,
    lengths: Lengths | None,
    x_batch_first: bool,
    output_batch_first: bool,
    grads: Sequence[Tensor | None],
    saved: Tensor,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    needs: Sequence[bool],
) -> list[Tensor | None]:
    """The gradients of x, h0, c0 and the weights, None where `needs` says that none is needed.

    Args:
        layer: what the layer is.
        lengths: valid steps, or None: all T.
        x_batch_first: x is [N, T, C], else [T, N, C].
        output_batch_first: output was [N, T, D*P], else [T, N, D*P].
        grads: the gradients of output, h_n and c_n; None: zeros. Any strides.
        saved: what `forward_layer` saved.
        x: input.
        h0: [D, N, P], or None: zeros.
        c0: [D, N, H], or None: zeros.
        weights: as `Layer` says.
        needs: for x, h0, c0 and each weight, whether its gradient is needed.
    """
    cell, _, C, H, P, D, bias, projected, _ = layer
    grad_output, grad_h_n, grad_c_n = (None if grad is None else _plain(grad) for grad in grads)
    stride_t, stride_n, _ = x.stride()
    T, N, _ = x.shape
    if x_batch_first:
        T, N, stride_t, stride_n = N, T, stride_n, stride_t
    g_at = g_t = g_n = 0
    if grad_output is not None:
        if grad_output.stride(2) != 1:
            grad_output = grad_output.contiguous()
        g_at = grad_output.data_ptr()
        g_t, g_n, _ = grad_output.stride()
        if output_batch_first:
            g_t, g_n = g_n, g_t
    grad_x = None
    gx_at = gx_t = gx_n = 0
    if needs[0]:
        grad_x = x.new_empty(x.shape)
        gx_at = grad_x.data_ptr()
        gx_t, gx_n = (C, T * C) if x_batch_first else (N * C, C)
    grad_h0 = _empty_like(h0) if needs[1] and h0 is not None else None
    grad_c0 = _empty_like(c0) if needs[2] and c0 is not None else None
    grad_weights = [
        _empty_like(weight) if need else None
        for weight, need in zip(weights, needs[3:], strict=True)
    ]

    item = x.element_size()
    h0_at, grad_h0_at = _address(h0), _address(grad_h0)
    c0_at, grad_c0_at = _address(c0), _address(grad_c0)
    if grad_h_n is not None:
        grad_h_n = grad_h_n.contiguous()
    if grad_c_n is not None:
        grad_c_n = grad_c_n.contiguous()
    grad_h_at, grad_c_at = _address(grad_h_n), _address(grad_c_n)
    saved_at = saved.data_ptr()
    at, into = tuple(map(_data_ptr, weights)), tuple(map(_address, grad_weights))
    count = len(weights) // D
    states, cells = N * P * item, N * H * item
    one = item * _saved_size(layer, lengths, T * N, item) if D == 2 else 0
    addresses: tuple[int, ...] = ()
    for direction in range(D):
        start, end = direction * count, (direction + 1) * count
        addresses += (
            direction,
            at[start],
            at[start + 1],
            at[end - 1] if projected else 0,
            h0_at,
            c0_at,
            saved_at,
            grad_h_at,
            grad_c_at,
            into[start],
            into[start + 1],
            into[start + 2] if bias else 0,
            into[start + 3] if bias else 0,
            into[end - 1] if projected else 0,
            grad_h0_at,
            grad_c0_at,
        )
        saved_at += one
        h0_at += states if h0_at else 0
        c0_at += cells if c0_at else 0
        grad_h_at += states if grad_h_at else 0
        grad_c_at += cells if grad_c_at else 0
        grad_h0_at += states if grad_h0_at else 0
        grad_c0_at += cells if grad_c0_at else 0
    _compiled.backward(
        cell,
        item,
        T,
        N,
        C,
        H,
        P,
        _num_threads(),
        x.data_ptr(),
        stride_t,
        stride_n,
        0 if lengths is None else lengths.counts.data_ptr(),
        g_at,
        g_t,
        g_n,
        gx_at,
        gx_t,
        gx_n,
        addresses,
    )
    return [grad_x, grad_h0, grad_c0, *grad_weights]


def _saved_size(layer: Layer, lengths: Lengths | None, num_steps: int, item: int) -> int:
    """Items of the buffer for backward, one direction's; `num_steps` is T*N."""
    total = num_steps if lengths is None else lengths.total
    size: int = _compiled.saved_size(
        layer.cell, item, total, layer.hidden_size, layer.output_size, layer.projected
    )
    return size


def _address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


def _plain(grad: Tensor) -> Tensor:
    """A gradient whose memory is its values: autograd may hand on a negation not yet done."""
    return grad.resolve_neg() if grad.is_neg() else grad


# Items from which memory for backward is lent by the kernels, who take it back for the next step:
# the system takes up to a fifth of a training step to give pages anew.
LENT_FROM = 2**20


def _lent(x: Tensor, size: int) -> Tensor:
    """`size` items of x's type, uninitialised."""
    tensor: Tensor = torch.from_numpy(_compiled.lend(size, x.element_size()))
    return tensor


class _LayerFunction(torch.autograd.Function):
    """One layer in autograd; the arguments are those of `forward_layer`."""

    @staticmethod
    def forward(
        ctx: Any,
        layer: Layer,
        lengths: Lengths | None,
        x_batch_first: bool,
        output_batch_first: bool,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        *weights: Tensor,
    ) -> Results:
        num_steps = x.shape[0] * x.shape[1]
        size = layer.directions * _saved_size(layer, lengths, num_steps, x.element_size())
        saved = _lent(x, size) if size >= LENT_FROM else x.new_empty(size)
        results = forward_layer(
            layer, lengths, x_batch_first, output_batch_first, x, h0, c0, weights, saved
        )
        # Not the output: it may be changed in place.
        ctx.save_for_backward(saved, x, h0, c0, *weights)
        ctx.options = layer, lengths, x_batch_first, output_batch_first
        ctx.set_materialize_grads(False)
        return results

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, *inputs = ctx.saved_tensors
        needs = ctx.needs_input_grad[4:]
        layer, lengths, x_batch_first, output_batch_first = ctx.options
        if all(grad is None for grad in grads):  # (==) would ask the tensors
            return (None,) * (4 + len(inputs))
        if torch.is_grad_enabled():
            found = gradients_by_torch(
                layer,
                None if lengths is None else lengths.counts,
                inputs,
                grads,
                needs,
                x_batch_first,
                output_batch_first,
            )
        else:
            x, h0, c0, *weights = inputs
            found = backward_layer(
                layer,
                lengths,
                x_batch_first,
                output_batch_first,
                grads,
                saved,
                x,
                h0,
                c0,
                weights,
                needs,
            )
        return (None, None, None, None, *found)


# What Function.apply calls once it has looked for transforms of torch.func, which never come here.
_apply: Any = super(torch.autograd.Function, _LayerFunction).apply


def differentiable_layer(
    layer: Layer,
    lengths: Lengths | None,
    x_batch_first: bool,
    output_batch_first: bool,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
) -> Results:
    """`forward_layer` in autograd's graph: output, h_n, c_n."""
    results: Results = _apply(
        layer, lengths, x_batch_first, output_batch_first, x, h0, c0, *weights
    )
    return results
