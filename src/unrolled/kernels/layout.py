"""How the arrays of a recurrent network are laid out: gate order, names and shapes.

The order and the names are those of `torch.nn`, so that parameters go in and out of torch without
conversion. The letters used throughout the kernels:

    T time steps    N sequences in a batch    C inputs    H hidden units
    G gates         L layers                  D directions (2 if bidirectional)

A layer's weights are `weight_ih [G*H, C]` and `weight_hh [G*H, H]`, its biases `bias_ih [G*H]` and
`bias_hh [G*H]`; gate k is rows `k*H` to `(k+1)*H`. A layer above the first has `C = D*H` inputs.

Inputs are time-major: `x [T, N, C]` holds N sequences side by side, each padded at its end to T
steps; `lengths [N]` says how many of them count.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

# rnn: h the new state.
# gru: r reset, z update, n new (candidate).
# lstm: i input, f forget, g cell (candidate), o output.
GATE_NAMES: dict[str, tuple[str, ...]] = {
    "rnn": ("h",),
    "gru": ("r", "z", "n"),
    "lstm": ("i", "f", "g", "o"),
}

GATES: dict[str, int] = {cell: len(names) for cell, names in GATE_NAMES.items()}


def recurrent_shapes(
    cell: str,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    bidirectional: bool = False,
) -> dict[str, tuple[int, ...]]:
    """Name and shape of each parameter of a recurrent stack, in torch's order.

    Args:
        cell: "rnn", "gru" or "lstm".
        input_size: C, the number of inputs of the first layer.
        hidden_size: H, the number of hidden units of each direction.
        num_layers: L.
        bidirectional: whether each layer also runs from the end (names ending in `_reverse`).

    Returns:
        Shapes by name: `weight_ih_l0 [G*H, C]`, `weight_hh_l0 [G*H, H]`, `bias_ih_l0 [G*H]`,
        `bias_hh_l0 [G*H]`, then the same for `_l0_reverse`, `_l1`, ...

    Raises:
        ValueError: if `cell` is none of the three.
    """
    if cell not in GATES:
        raise ValueError(f"cell is {cell!r}, but must be one of {', '.join(map(repr, GATES))}.")
    rows = GATES[cell] * hidden_size
    directions = ("", "_reverse") if bidirectional else ("",)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(num_layers):
        columns = input_size if layer == 0 else len(directions) * hidden_size
        for direction in directions:
            shapes[f"weight_ih_l{layer}{direction}"] = (rows, columns)
            shapes[f"weight_hh_l{layer}{direction}"] = (rows, hidden_size)
            shapes[f"bias_ih_l{layer}{direction}"] = (rows,)
            shapes[f"bias_hh_l{layer}{direction}"] = (rows,)
    return shapes


def check_arrays(
    cell: str,
    x: np.ndarray,
    states: Mapping[str, np.ndarray],
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> None:
    """Check that the arrays of one layer and direction fit each other.

    Args:
        cell: "rnn", "gru" or "lstm".
        x: [T, N, C] float32 or float64.
        states: the initial states by name (h0, c0), each [N, H].
        weight_ih: [G*H, C].
        weight_hh: [G*H, H].
        bias_ih: [G*H].
        bias_hh: [G*H].

    Raises:
        ValueError: if a shape does not fit.
        TypeError: if a dtype is neither float32 nor float64, or differs from that of `x`.
    """
    if x.ndim != 3:
        raise ValueError(f"x has shape {x.shape}, but must have three axes [T, N, C].")
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"x is {x.dtype}, but must be float32 or float64.")
    hidden_size = weight_hh.shape[-1]
    shapes = recurrent_shapes(cell, x.shape[2], hidden_size).values()
    parameters = {
        "weight_ih": weight_ih,
        "weight_hh": weight_hh,
        "bias_ih": bias_ih,
        "bias_hh": bias_hh,
    }
    expected = dict(zip(parameters, shapes, strict=True))
    expected |= dict.fromkeys(states, (x.shape[1], hidden_size))
    for name, array in {**parameters, **states}.items():
        if array.shape != expected[name]:
            raise ValueError(
                f"{name} has shape {array.shape}, but x of shape {x.shape} and {hidden_size} "
                f"hidden units need {expected[name]}."
            )
        if array.dtype != x.dtype:
            raise TypeError(f"{name} is {array.dtype}, but must be {x.dtype} like x.")


def check_lengths(lengths: ArrayLike, num_steps: int, num_sequences: int) -> np.ndarray:
    """The number of valid steps of each sequence, checked, as one integer type.

    Args:
        lengths: [N] of any integer type: an array, a list or a tensor in main memory.
        num_steps: T.
        num_sequences: N.

    Returns:
        [N] int64, each from 1 to T.

    Raises:
        TypeError: if `lengths` holds anything but integers.
        ValueError: if its shape is not [N] or a length is not from 1 to T.
    """
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu":
        raise TypeError(f"lengths holds {array.dtype}, but must hold integers.")
    if array.shape != (num_sequences,):
        raise ValueError(
            f"lengths has shape {array.shape}, but must be one length for each of the "
            f"{num_sequences} sequences, shape ({num_sequences},)."
        )
    wrong = np.flatnonzero((array < 1) | (array > num_steps))
    if wrong.size:
        raise ValueError(
            f"lengths[{wrong[0]}] is {array[wrong[0]]}, but must be from 1 to {num_steps}, "
            "the number of time steps."
        )
    return array.astype(np.int64)
