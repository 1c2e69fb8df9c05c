"""A call of a recurrent layer: what came in, which path it takes, and the layers one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unrolled.nn import ragged
from unrolled.nn.fallback import is_required, is_transformed, refuse, why_torch
from unrolled.nn.functions import Lengths as Counts
from unrolled.nn.functions import Results, differentiable_layer, forward_layer
from unrolled.nn.lengths import Lengths, host_lengths
from unrolled.nn.operator import layer_by_operator
from unrolled.nn.plan import LSTM, Layer, Stack, stack_of
from unrolled.nn.reference import forward_by_steps

ByTorch = Callable[[Any, Any], tuple[Any, Any]]
OneLayer = Callable[..., Results]  # with the arguments of `forward_layer`

_requires_grad = attrgetter("requires_grad")
_is_compiling = torch.compiler.is_compiling
_num_modes = torch._C._len_torch_dispatch_stack


def run(
    module: torch.nn.RNNBase,
    by_torch: ByTorch,
    input: Any,
    hx: Any,
    lengths: int | Lengths | None,
) -> tuple[Any, Any]:
    """`module(input, hx, lengths)`; `by_torch` is forward(input, hx) of torch.nn's class.

    What the fused kernels cannot take, and what does not fit, goes to `by_torch`, whose errors are
    torch's own.
    """
    if lengths is not None:
        return _with_lengths(module, by_torch, input, hx, lengths)
    return _run(module, by_torch, input, hx, None)


def _with_lengths(
    module: torch.nn.RNNBase, by_torch: ByTorch, input: Any, hx: Any, lengths: int | Lengths
) -> tuple[Tensor, Any]:
    """The same with `lengths`, checked before any work."""
    if isinstance(input, PackedSequence):
        raise TypeError("lengths was given beside a PackedSequence, which holds its own; drop one.")
    if input.dim() == 2 and _is_compiling():
        return _one_row(module, by_torch, input, hx, torch.as_tensor(lengths, device="cpu"))
    if input.dim() == 2:
        num_steps = len(input)
        one = lengths.reshape(-1) if isinstance(lengths, Tensor) else np.atleast_1d(lengths)
        count = int(host_lengths(one, num_steps, 1)[0])
        output, state = _run(module, by_torch, input[:count], hx, None)
        return torch.nn.functional.pad(output, (0, 0, 0, num_steps - count)), state
    if input.dim() != 3:
        raise ValueError(f"input has {input.dim()} axes, but must have 2 (unbatched) or 3.")
    if _is_compiling():
        return _run(module, by_torch, input, hx, torch.as_tensor(lengths, device="cpu"))
    num_sequences, num_steps = input.shape[:2] if module.batch_first else input.shape[1::-1]
    counts = host_lengths(lengths, num_steps, num_sequences)
    if np.all(counts == num_steps):
        return _run(module, by_torch, input, hx, None)
    return _run(module, by_torch, input, hx, torch.from_numpy(counts))


def _one_row(
    module: torch.nn.RNNBase, by_torch: ByTorch, input: Tensor, hx: Any, count: Tensor
) -> tuple[Tensor, Any]:
    """An unbatched input as a batch of one row: a trace cannot cut it at an unknown number."""
    axis = 0 if module.batch_first else 1
    if isinstance(hx, Tensor):
        hx = hx.unsqueeze(1)
    elif hx is not None:
        hx = tuple(state.unsqueeze(1) for state in hx)
    output, state = _run(module, by_torch, input.unsqueeze(axis), hx, count.reshape(1))
    if isinstance(state, Tensor):
        return output.squeeze(axis), state.squeeze(1)
    return output.squeeze(axis), tuple(part.squeeze(1) for part in state)


def _run(
    module: torch.nn.RNNBase, by_torch: ByTorch, input: Any, hx: Any, counts: Tensor | None
) -> tuple[Any, Any]:
    compiling = _is_compiling()
    stack = stack_of(module, compiling)
    weights = _weights(module, stack, compiling)
    packed = isinstance(input, PackedSequence)
    x = input.data if packed else input
    states = () if hx is None else tuple(hx) if module.mode == "LSTM" else (hx,)
    if not isinstance(x, Tensor) or (states and not all(isinstance(h, Tensor) for h in states)):
        return _by_torch(module, by_torch, input, hx, counts)

    reason = why_torch((x, *weights, *states), compiling)
    if reason is None and packed and compiling:
        reason = "torch.compile does not trace packed sequences"
    if reason is not None and is_required():
        refuse(module, reason)

    one_layer: OneLayer
    if reason is None:
        one_layer = layer_by_operator if compiling or _num_modes() else differentiable_layer
    elif is_transformed():
        one_layer = _layer_by_steps
    else:
        return _by_torch(module, by_torch, input, hx, counts)
    result: Any
    if packed:
        result = _run_packed(module, stack, one_layer, input, states, weights)
    else:
        result = _run_padded(module, stack, one_layer, x, states, weights, counts)
    return _by_torch(module, by_torch, input, hx, counts) if result is None else result


def _weights(module: torch.nn.RNNBase, stack: Stack, compiling: bool) -> list[Any]:
    """The parameters as they are now; parametrized or pruned ones are plain attributes."""
    if not compiling:
        try:
            return list(map(module._parameters.__getitem__, stack.names))
        except KeyError:
            pass
    return [getattr(module, name) for name in stack.names]


def _by_torch(
    module: torch.nn.RNNBase, by_torch: ByTorch, input: Any, hx: Any, counts: Tensor | None
) -> tuple[Any, Any]:
    """torch's own path; rows that end at `counts` are packed."""
    if counts is None:
        return by_torch(input, hx)
    if hx is not None:
        # Packing selects rows of hx: one with too many of them would pass unseen.
        module.check_forward_args(input, hx, None)
    num_steps = input.shape[1] if module.batch_first else input.shape[0]
    packed = pack_padded_sequence(input, counts, module.batch_first, enforce_sorted=False)
    output, state = by_torch(packed, hx)
    padded, _ = pad_packed_sequence(output, module.batch_first, total_length=num_steps)
    return padded, state


def _run_padded(
    module: torch.nn.RNNBase,
    stack: Stack,
    one_layer: OneLayer,
    x: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    counts: Tensor | None,
) -> tuple[Tensor, Any] | None:
    """Output and final state of a tensor; None if an argument does not fit."""
    batch_first = module.batch_first
    num_axes = x.dim()
    unbatched = num_axes == 2
    if unbatched:
        if any(state.dim() != 2 for state in states):
            return None
        x, batch_first = x.unsqueeze(1), False
        states = [state.unsqueeze(1) for state in states]
    elif num_axes != 3:
        return None
    num_sequences = x.shape[0] if batch_first else x.shape[1]
    if not _fits(stack, x, num_sequences, states, weights):
        return None
    dropout = module.dropout if module.training else 0.0
    lengths = places = None
    if one_layer is layer_by_operator:
        lengths = None if counts is None else Counts(counts, 0)
    elif 0 in x.shape:
        return None
    elif counts is not None:
        lengths = Counts(counts, int(counts.sum()))
        places = ragged.packed_places(counts) if dropout and len(stack.layers) > 1 else None
    results = run_stack(stack, one_layer, x, batch_first, lengths, places, states, weights, dropout)
    if unbatched:
        results = [result.squeeze(1) for result in results]
    output, *final = results
    return output, (final[0] if len(final) == 1 else tuple(final))


def _run_packed(
    module: torch.nn.RNNBase,
    stack: Stack,
    one_layer: OneLayer,
    packed: PackedSequence,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
) -> tuple[PackedSequence, Any] | None:
    """Output and final state of a PackedSequence; None if an argument does not fit."""
    data = packed.data
    read = ragged.lengths_of(packed)
    if data.dim() != 2 or read is None:
        return None
    lengths, places, num_steps = read
    num_sequences = len(lengths.counts)
    if not _fits(stack, data, num_sequences, states, weights):
        return None
    x = ragged.pad_rows(data, places, num_steps, num_sequences)
    dropout = module.dropout if module.training else 0.0
    results = run_stack(stack, one_layer, x, False, lengths, places, states, weights, dropout)
    output, *final = results
    rows = ragged.pack_rows(output, places)
    result = PackedSequence(rows, *packed[1:])
    return result, (final[0] if len(final) == 1 else tuple(final))


def _fits(
    stack: Stack,
    x: Tensor,
    num_sequences: int,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
) -> bool:
    """Whether all sizes and types are what the layers need."""
    first = stack.layers[0]
    dtype = x.dtype
    if x.shape[-1] != first.input_size:
        return False
    for weight, shape in zip(weights, stack.shapes, strict=True):
        if weight.shape != shape or weight.dtype is not dtype:
            return False
    if states:
        rows = len(stack.layers) * first.directions
        widths = (first.output_size, first.hidden_size)[: 1 + (first.cell == LSTM)]
        if len(states) != len(widths):
            return False
        for state, width in zip(states, widths, strict=True):
            if state.dtype is not dtype or state.shape != (rows, num_sequences, width):
                return False
    return True


def run_stack(
    stack: Stack,
    one_layer: OneLayer,
    x: Tensor,
    batch_first: bool,
    lengths: Counts | None,
    places: Tensor | None,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    dropout: float,
) -> list[Tensor]:
    """All layers: output, h_n and for the LSTM c_n. `places`: dropout is drawn for packed rows."""
    if one_layer is differentiable_layer:
        if x.stride(2) != 1:
            x = x.contiguous()
        if not all(map(Tensor.is_contiguous, weights)):
            weights = [weight.contiguous() for weight in weights]
        states = [state.contiguous() for state in states]
        if not (torch.is_grad_enabled() and any(map(_requires_grad, (x, *weights, *states)))):
            one_layer = forward_layer
    layers = stack.layers
    h0, c0 = (*states, None, None)[:2]
    if len(layers) == 1:
        results = one_layer(layers[0], lengths, batch_first, batch_first, x, h0, c0, weights)
        return [result for result in results if result is not None]
    finals = []
    count = len(weights) // len(layers)
    for number, layer in enumerate(layers):
        start = number * layer.directions
        last = number == len(layers) - 1
        # Time-major between the layers, as in torch: so dropout meets the same elements.
        x, h_n, c_n = one_layer(
            layer,
            lengths,
            batch_first and number == 0,
            batch_first and last,
            x,
            None if h0 is None else h0[start : start + layer.directions],
            None if c0 is None else c0[start : start + layer.directions],
            weights[number * count : (number + 1) * count],
        )
        finals.append([h_n] if c_n is None else [h_n, c_n])
        if dropout and not last:
            if places is None:
                x = torch.dropout(x, dropout, True)
            else:
                x = ragged.drop_packed(x, places, dropout)
    return [x, *(torch.cat(parts) for parts in zip(*finals, strict=True))]


def _layer_by_steps(
    layer: Layer,
    lengths: Counts | None,
    x_batch_first: bool,
    output_batch_first: bool,
    x: Tensor,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
) -> Results:
    """`forward_layer` by `forward_by_steps`."""
    x = x.transpose(0, 1) if x_batch_first else x
    counts = None if lengths is None else lengths.counts
    output, h_n, *c_n = forward_by_steps(layer, x, counts, h0, c0, weights)
    output = output.transpose(0, 1) if output_batch_first else output
    return output, h_n, c_n[0] if c_n else None
