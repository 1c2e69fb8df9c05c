"""Checks of what the registered operators are given, before any address goes to the kernels.

torch.nn's layers check their own arguments; the operators may be called by anyone, with anything
that their schemas let through. Devices and layouts are seen to by torch's dispatcher.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.nn.fallback import FUSED_DTYPES
from unrolled.nn.functions import Lengths
from unrolled.nn.lengths import host_lengths
from unrolled.nn.plan import LSTM, Layer, make_layer


def layer_of(sizes: Sequence[int]) -> Layer:
    """The layer that the operators' `sizes` tell of.

    Raises:
        ValueError: if there is no such layer.
    """
    if len(sizes) != 7:
        raise ValueError(f"sizes has {len(sizes)} numbers, but must have 7.")
    cell, input_size, hidden_size, output_size, directions, bias, projected = sizes
    ranges = {
        "cell": (cell, 0, LSTM),
        "input_size": (input_size, 0, None),
        "hidden_size": (hidden_size, 1, None),
        "output_size": (output_size, 1, None),
        "directions": (directions, 1, 2),
        "bias": (bias, 0, 1),
        "projected": (projected, 0, 1 if cell == LSTM else 0),
    }
    for name, (value, least, most) in ranges.items():
        if value < least or (most is not None and value > most):
            wanted = f"at least {least}" if most is None else f"from {least} to {most}"
            raise ValueError(f"{name} in sizes is {value}, but must be {wanted}.")
    if not projected and output_size != hidden_size:
        raise ValueError(
            f"output_size in sizes is {output_size}, but without a projection must be hidden_size, "
            f"{hidden_size}."
        )
    return make_layer(
        cell, input_size, hidden_size, output_size, directions, bool(bias), bool(projected)
    )


def check_inputs(
    layer: Layer,
    x: Tensor,
    lengths: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    weights: Sequence[Tensor],
    x_batch_first: bool,
) -> Lengths | None:
    """`lengths` as the kernels take them, all inputs having been checked.

    Raises:
        RuntimeError: if x has no time step, in torch's words.
        TypeError: if a dtype is not float32 or float64 or not that of x, or `lengths` holds
            anything but integers.
        ValueError: if a shape does not fit, or a length is not from 1 to T.
    """
    if x.dtype not in FUSED_DTYPES:
        raise TypeError(f"x is {x.dtype}, but must be torch.float32 or torch.float64.")
    if x.dim() != 3 or x.shape[2] != layer.input_size:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, but must have 3 axes, the last of "
            f"{layer.input_size} channels."
        )
    num_sequences, num_steps = x.shape[:2] if x_batch_first else x.shape[1::-1]
    if num_steps == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    if c0 is not None and layer.cell != LSTM:
        raise ValueError("c0 was given, but only an LSTM has one; drop it.")
    if len(weights) != len(layer.shapes):
        raise ValueError(f"weights has {len(weights)} tensors, but must have {len(layer.shapes)}.")
    _check("h0", h0, x, (layer.directions, num_sequences, layer.output_size))
    _check("c0", c0, x, (layer.directions, num_sequences, layer.hidden_size))
    for number, (weight, shape) in enumerate(zip(weights, layer.shapes, strict=True)):
        _check(f"weights[{number}]", weight, x, shape)
    if lengths is None:
        return None
    counts = torch.from_numpy(host_lengths(lengths, num_steps, num_sequences))
    return Lengths(counts, int(counts.sum()))


def check_gradients(
    layer: Layer,
    x: Tensor,
    grads: Sequence[Tensor | None],
    saved: Tensor,
    saved_size: int,
    needs: Sequence[bool],
    x_batch_first: bool,
    output_batch_first: bool,
) -> None:
    """Check what backward is given beside the inputs, which `check_inputs` has seen.

    Raises:
        TypeError: if a dtype is not that of x.
        ValueError: if a shape or a number of items does not fit.
    """
    grad_output, grad_h_n, grad_c_n = grads
    N, T = x.shape[:2] if x_batch_first else x.shape[1::-1]
    D, P, H = layer.directions, layer.output_size, layer.hidden_size
    if grad_c_n is not None and layer.cell != LSTM:
        raise ValueError("grad_c_n was given, but only an LSTM has one; drop it.")
    if len(needs) != 3 + len(layer.shapes):
        raise ValueError(f"needs has {len(needs)} items, but must have {3 + len(layer.shapes)}.")
    _check("grad_output", grad_output, x, (N, T, D * P) if output_batch_first else (T, N, D * P))
    _check("grad_h_n", grad_h_n, x, (D, N, P))
    _check("grad_c_n", grad_c_n, x, (D, N, H))
    _check("saved", saved, x, (saved_size,))


def _check(name: str, value: Tensor | None, x: Tensor, shape: Sequence[int]) -> None:
    """Check a tensor that goes to the kernels beside x; None is absent."""
    if value is None:
        return
    if value.dtype is not x.dtype:
        raise TypeError(f"{name} is {value.dtype}, but must be {x.dtype} as x is.")
    if value.shape != tuple(shape):
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}, but must have shape {tuple(shape)}."
        )
