"""The kernels as torch operators, `unrolled::layer` and `unrolled::layer_backward`.

torch.compile, torch.export and dispatch modes see a layer as one call. Eager code does not go
through here: a dispatched operator costs more than a small layer itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.kernels import engine
from unrolled.nn.functions import Lengths, Results, backward_layer, forward_layer
from unrolled.nn.operands import check_gradients, check_inputs, layer_of
from unrolled.nn.plan import LSTM, Layer
from unrolled.nn.reference import gradients_by_torch

Triple = tuple[Tensor, Tensor, Tensor]

_compiled: Any = engine.COMPILED

_INPUTS = "Tensor x, Tensor? lengths, Tensor? h0, Tensor? c0, Tensor[] weights"
# sizes: the fields of `Layer` up to `projected`, `gates` left out.
_OPTIONS = "int[] sizes, bool x_batch_first, bool output_batch_first"
_library = torch.library.Library("unrolled", "DEF")
# (output, h_n, c_n); c_n is empty but for the LSTM.
_library.define(f"layer({_INPUTS}, {_OPTIONS}) -> (Tensor, Tensor, Tensor)")
# The same and what backward needs.
_library.define(f"layer_saving({_INPUTS}, {_OPTIONS}) -> (Tensor, Tensor, Tensor, Tensor)")
# The gradients of x, h0, c0 and each weight, empty where none is needed.
_library.define(
    "layer_backward(Tensor? grad_output, Tensor? grad_h_n, Tensor? grad_c_n, Tensor saved, "
    f"{_INPUTS}, {_OPTIONS}, bool[] needs) -> Tensor[]"
)
_layer = torch.ops.unrolled.layer.default
_layer_saving = torch.ops.unrolled.layer_saving.default
_layer_backward = torch.ops.unrolled.layer_backward.default


def _sizes(layer: Layer) -> list[int]:
    return [
        layer.cell,
        layer.input_size,
        layer.hidden_size,
        layer.output_size,
        layer.directions,
        int(layer.bias),
        int(layer.projected),
    ]


def layer_by_operator(
    layer: Layer,
    lengths: Lengths | None,
    x_batch_first: bool,
    output_batch_first: bool,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
) -> Results:
    """`forward_layer` as an operator; `lengths.counts` is checked when it runs, `total` unread."""
    output, h_n, c_n = _layer(
        x,
        None if lengths is None else lengths.counts,
        h0,
        c0,
        list(weights),
        _sizes(layer),
        x_batch_first,
        output_batch_first,
    )
    return output, h_n, c_n if layer.cell == LSTM else None


def _meta(x: Tensor, layer: Layer, x_batch_first: bool, output_batch_first: bool) -> Triple:
    """Empty results of the right shapes."""
    N, T = (x.shape[0], x.shape[1]) if x_batch_first else (x.shape[1], x.shape[0])
    width = layer.directions * layer.output_size
    output = x.new_empty((N, T, width) if output_batch_first else (T, N, width))
    h_n = x.new_empty((layer.directions, N, layer.output_size))
    cells = (layer.directions, N, layer.hidden_size) if layer.cell == LSTM else (0,)
    return output, h_n, x.new_empty(cells)


def _saved_size(x: Tensor, layer: Layer) -> Any:
    """Items of the buffer for backward; the kernels' own count is in proportion to T*N.

    T and N may be symbols here, and lengths unknown: the buffer has room for all steps.
    """
    one = _compiled.saved_size(
        layer.cell, x.dtype.itemsize, 1, layer.hidden_size, layer.output_size, layer.projected
    )
    return layer.directions * one * x.shape[0] * x.shape[1]


def _fake_layer(
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
) -> Triple:
    return _meta(x, layer_of(sizes), x_batch_first, output_batch_first)


def _fake_layer_saving(
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    layer = layer_of(sizes)
    saved = x.new_empty(_saved_size(x, layer))
    return *_meta(x, layer, x_batch_first, output_batch_first), saved


def _fake_layer_backward(
    grad_output: Tensor | None,
    grad_h_n: Tensor | None,
    grad_c_n: Tensor | None,
    saved: Tensor,
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
    needs: Sequence[bool],
) -> list[Tensor]:
    return [
        x.new_empty(value.shape if need and value is not None else (0,))
        for value, need in zip((x, h0, c0, *weights), needs, strict=True)
    ]


def _layer_saving_on_cpu(
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
    save: bool = True,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    layer = layer_of(sizes)
    checked = check_inputs(layer, x, lengths, h0, c0, weights, x_batch_first)
    saved = x.new_empty(_saved_size(x, layer) if save else 0)
    if 0 in x.shape[:2]:
        return *_meta(x, layer, x_batch_first, output_batch_first), saved
    output, h_n, c_n = forward_layer(
        layer,
        checked,
        x_batch_first,
        output_batch_first,
        _dense_rows(x),
        _dense(h0),
        _dense(c0),
        [weight.contiguous() for weight in weights],
        saved if save else None,
    )
    return output, h_n, x.new_empty(0) if c_n is None else c_n, saved


def _layer_on_cpu(
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
) -> Triple:
    return _layer_saving_on_cpu(
        x, lengths, h0, c0, weights, sizes, x_batch_first, output_batch_first, save=False
    )[:3]


def _layer_backward_on_cpu(
    grad_output: Tensor | None,
    grad_h_n: Tensor | None,
    grad_c_n: Tensor | None,
    saved: Tensor,
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
    needs: Sequence[bool],
) -> list[Tensor]:
    layer = layer_of(sizes)
    checked = check_inputs(layer, x, lengths, h0, c0, weights, x_batch_first)
    grads = grad_output, grad_h_n, grad_c_n
    size = _saved_size(x, layer)
    check_gradients(layer, x, grads, saved, size, needs, x_batch_first, output_batch_first)
    if 0 in x.shape[:2]:
        return [
            x.new_zeros(value.shape if need and value is not None else 0)
            for value, need in zip((x, h0, c0, *weights), needs, strict=True)
        ]
    found = backward_layer(
        layer,
        checked,
        x_batch_first,
        output_batch_first,
        grads,
        saved.contiguous(),
        _dense_rows(x),
        _dense(h0),
        _dense(c0),
        [weight.contiguous() for weight in weights],
        needs,
    )
    return [x.new_empty(0) if grad is None else grad for grad in found]


def _dense_rows(x: Tensor) -> Tensor:
    return x if x.stride(2) == 1 else x.contiguous()


def _dense(state: Tensor | None) -> Tensor | None:
    return None if state is None else state.contiguous()


class _OperatorFunction(torch.autograd.Function):
    """`unrolled::layer` in autograd, in whose graphs `layer_saving` and `layer_backward` stand."""

    @staticmethod
    def forward(
        ctx: Any,
        sizes: Sequence[int],
        x_batch_first: bool,
        output_batch_first: bool,
        lengths: Tensor | None,
        x: Tensor,
        h0: Tensor | None,
        c0: Tensor | None,
        *weights: Tensor,
    ) -> Triple:
        with torch._C._AutoDispatchBelowAutograd():
            output, h_n, c_n, saved = _layer_saving(
                x, lengths, h0, c0, list(weights), sizes, x_batch_first, output_batch_first
            )
        ctx.save_for_backward(saved, lengths, x, h0, c0, *weights)
        ctx.options = sizes, x_batch_first, output_batch_first
        ctx.set_materialize_grads(False)
        return output, h_n, c_n

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        saved, lengths, *inputs = ctx.saved_tensors
        needs = list(ctx.needs_input_grad[4:])
        sizes, x_batch_first, output_batch_first = ctx.options
        found: list[Tensor | None]
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            layer = layer_of(sizes)
            if layer.cell != LSTM:
                grads = (*grads[:2], None)
            found = gradients_by_torch(
                layer, lengths, inputs, grads, needs, x_batch_first, output_batch_first
            )
        else:
            x, h0, c0, *weights = inputs
            grads = (*grads[:2], grads[2] if sizes[0] == LSTM else None)
            found = _layer_backward(*grads, saved, x, lengths, h0, c0, weights, *ctx.options, needs)
            found = [grad if need else None for grad, need in zip(found, needs, strict=True)]
        return (None, None, None, None, *found)


def _layer_in_autograd(
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    sizes: Sequence[int],
    x_batch_first: bool,
    output_batch_first: bool,
) -> Triple:
    if torch.is_grad_enabled() and torch._C._any_requires_grad(x, h0, c0, list(weights)):
        options = sizes, x_batch_first, output_batch_first
        found: Triple = _OperatorFunction.apply(  # type: ignore[no-untyped-call]
            *options, lengths, x, h0, c0, *weights
        )
    else:
        with torch._C._AutoDispatchBelowAutograd():
            found = _layer(x, lengths, h0, c0, weights, sizes, x_batch_first, output_batch_first)
    return found


_library.impl("layer", _layer_on_cpu, "CPU")
_library.impl("layer_saving", _layer_saving_on_cpu, "CPU")
_library.impl("layer_backward", _layer_backward_on_cpu, "CPU")
_library.impl("layer", _layer_in_autograd, "Autograd")
torch.library.register_fake("unrolled::layer", _fake_layer, lib=_library)
torch.library.register_fake("unrolled::layer_saving", _fake_layer_saving, lib=_library)
torch.library.register_fake("unrolled::layer_backward", _fake_layer_backward, lib=_library)
