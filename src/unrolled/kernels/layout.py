"""How the arrays of a recurrent network are laid out: gate order, names and shapes.

The order and the names are those of `torch.nn`, so that parameters go in and out of torch without
conversion. The letters used throughout the kernels:

    T time steps    N sequences in a batch    C inputs    H hidden units
    G gates         L layers                  D directions (2 if bidirectional)
    P channels of the state h: H, or fewer by the projection of an LSTM

A layer's weights are `weight_ih [G*H, C]` and `weight_hh [G*H, P]`, its biases `bias_ih [G*H]` and
`bias_hh [G*H]`; gate k is rows `k*H` to `(k+1)*H`. A projection is `weight_hr [P, H]`. A layer
above the first has `C = D*P` inputs.

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
    proj_size: int = 0,
) -> dict[str, tuple[int, ...]]:
    """Name and shape of each parameter of a recurrent stack, in torch's order.

    Args:
        cell: "rnn", "gru" or "lstm".
        input_size: C, the number of inputs of the first layer.
        hidden_size: H, the number of hidden units of each direction.
        num_layers: L.
        bidirectional: whether each layer also runs from the end (names ending in `_reverse`).
        proj_size: P, the number of channels to which an LSTM projects its state; 0: none.

    Returns:
        Shapes by name: `weight_ih_l0 [G*H, C]`, `weight_hh_l0 [G*H, P]`, `bias_ih_l0 [G*H]`,
        `bias_hh_l0 [G*H]`, with a projection `weight_hr_l0 [P, H]`, then the same for
        `_l0_reverse`, `_l1`, ...

    Raises:
        ValueError: if `cell` is none of the three, or has a projection and is no LSTM.
    """
    if cell not in GATES:
        raise ValueError(f"cell is {cell!r}, but must be one of {', '.join(map(repr, GATES))}.")
    if proj_size and cell != "lstm":
        raise ValueError(f"proj_size is {proj_size}, but only an lstm has a projection, no {cell}.")
    rows = GATES[cell] * hidden_size
    state_size = proj_size or hidden_size
    directions = ("", "_reverse") if bidirectional else ("",)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(num_layers):
        columns = input_size if layer == 0 else len(directions) * state_size
        for direction in directions:
            shapes[f"weight_ih_l{layer}{direction}"] = (rows, columns)
            shapes[f"weight_hh_l{layer}{direction}"] = (rows, state_size)
            shapes[f"bias_ih_l{layer}{direction}"] = (rows,)
            shapes[f"bias_hh_l{layer}{direction}"] = (rows,)
            if proj_size:
                shapes[f"weight_hr_l{layer}{direction}"] = (proj_size, hidden_size)
    return shapes


def check_arrays(
    cell: str,
    x: np.ndarray,
    others: Mapping[str, np.ndarray],
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None = None,
    bias_hh: np.ndarray | None = None,
    weight_hr: np.ndarray | None = None,
) -> None:
    """Check that the arrays of one layer and direction fit each other; None is absent.

    Args:
        cell: "rnn", "gru" or "lstm".
        x: [T, N, C] float32 or float64; [N, C] if `others` holds h, the state before one step.
        others: states and gradients by name: h, h0, grad_h_n [N, P]; c, c0, grad_c_n [N, H];
            grad_output [T, N, P].
        weight_ih: [G*H, C].
        weight_hh: [G*H, P].
        bias_ih: [G*H].
        bias_hh: [G*H].
        weight_hr: [P, H]; None: no projection, P = H.

    Raises:
        ValueError: if a shape does not fit.
        TypeError: if one is no NumPy array, if a dtype is neither float32 nor float64, or differs
            from that of `x`.
    """
    optional = {"bias_ih": bias_ih, "bias_hh": bias_hh, "weight_hr": weight_hr}
    arrays = {"x": x, "weight_ih": weight_ih, "weight_hh": weight_hh}
    arrays |= {name: array for name, array in optional.items() if array is not None}
    arrays |= others
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(f"{name} is {type(array).__name__}, but must be a NumPy array.")
    number, axes = ("two", "[N, C]") if "h" in others else ("three", "[T, N, C]")
    if x.ndim != axes.count(",") + 1:
        raise ValueError(f"x has shape {x.shape}, but must have {number} axes {axes}.")
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"x is {x.dtype}, but must be float32 or float64.")
    if weight_hh.ndim != 2:
        raise ValueError(f"weight_hh has shape {weight_hh.shape}, but must have two axes.")
    if weight_hr is not None and (weight_hr.ndim != 2 or len(weight_hr) == 0):
        raise ValueError(f"weight_hr has shape {weight_hr.shape}, but must be [P, H] with P >= 1.")

    hidden_size = (weight_hh if weight_hr is None else weight_hr).shape[1]
    proj_size = 0 if weight_hr is None else len(weight_hr)
    state_size = proj_size or hidden_size
    num_sequences, input_size = x.shape[-2:]
    units = f"{hidden_size} hidden units" + (f" projected to {proj_size}" if proj_size else "")

    shapes = recurrent_shapes(cell, input_size, hidden_size, proj_size=proj_size)
    expected = {name.removesuffix("_l0"): shape for name, shape in shapes.items()}
    expected |= dict.fromkeys(("h", "h0", "grad_h_n"), (num_sequences, state_size))
    expected |= dict.fromkeys(("c", "c0", "grad_c_n"), (num_sequences, hidden_size))
    expected |= {"grad_output": (*x.shape[:-1], state_size), "x": x.shape}
    for name, array in arrays.items():
        if array.shape != expected[name]:
            raise ValueError(
                f"{name} has shape {array.shape}, but x of shape {x.shape} and {units} "
                f"need {expected[name]}."
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


def valid_steps(lengths: ArrayLike | None, num_steps: int, num_sequences: int) -> np.ndarray:
    """[T, N, 1] bool: whether row n has a step t; arguments and errors of `check_lengths`."""
    if lengths is None:
        return np.ones((num_steps, num_sequences, 1), bool)
    counts = check_lengths(lengths, num_steps, num_sequences)
    valid: np.ndarray = np.arange(num_steps)[:, None, None] < counts[:, None]
    return valid
