"""One call of the compiled kernels on arrays: memory in their layout, addresses and strides.

What comes here has been checked (`layout.check_arrays`) and has no empty axis. What has no fitting
layout is copied first. Each call uses at most `engine.get_num_threads()` threads; no result depends
on how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.kernels import engine
from unrolled.kernels.layout import GATES, check_lengths

CODES = {"tanh": 0, "relu": 1, "gru": 2, "lstm": 3}


@dataclass(frozen=True, eq=False)
class Call:
    """What forward and backward of one layer and direction must agree on."""

    code: int  # of the cell, in CODES
    dtype: np.dtype[Any]
    sizes: tuple[int, int, int, int, int]  # T, N, C, H, P
    projected: bool  # P may be H with a projection too
    lengths: np.ndarray | None  # [N] int64; None: all T
    reverse: bool

    @property
    def saved_size(self) -> int:
        """How many items forward keeps for backward."""
        num_steps, num_sequences, _, *channels = self.sizes
        valid = num_steps * num_sequences if self.lengths is None else int(self.lengths.sum())
        item = self.dtype.itemsize
        size: int = _kernels().saved_size(self.code, item, valid, *channels, self.projected)
        return size

    def agrees(self, other: Call) -> bool:
        for name in ("code", "dtype", "sizes", "projected", "reverse"):
            if getattr(self, name) != getattr(other, name):
                return False
        if self.lengths is None or other.lengths is None:
            return self.lengths is other.lengths
        return bool((self.lengths == other.lengths).all())


@dataclass(frozen=True, eq=False)
class Saved:
    """What backward needs of forward: the initial states and the values of each valid step."""

    call: Call
    states: tuple[np.ndarray, ...]
    values: np.ndarray  # [saved_size]


def _kernels() -> Any:
    if engine.COMPILED is None:
        raise ImportError(f"The compiled kernels {engine.why_not}; {engine.REMEDY}.")
    return engine.COMPILED


def describe_call(
    cell: str,
    x: np.ndarray,
    weight_hh: np.ndarray,
    lengths: ArrayLike | None,
    reverse: bool,
    weight_hr: np.ndarray | None = None,
) -> Call:
    """`cell` is a key of CODES; lengths are checked here.

    Raises:
        TypeError: if `lengths` holds anything but integers.
        ValueError: if its shape is not [N] or a length is not from 1 to T.
    """
    num_steps, num_sequences, input_size = x.shape
    counts = None
    if lengths is not None:
        counts = np.ascontiguousarray(check_lengths(lengths, num_steps, num_sequences))
        if (counts == num_steps).all():
            counts = None
    hidden_size = len(weight_hh) // GATES.get(cell, 1)
    sizes = (num_steps, num_sequences, input_size, hidden_size, weight_hh.shape[1])
    return Call(CODES[cell], x.dtype, sizes, weight_hr is not None, counts, bool(reverse))


def _whole(array: np.ndarray) -> np.ndarray:
    """The same values, contiguous and aligned."""
    ready = array.flags.c_contiguous and array.flags.aligned
    return array if ready else np.array(array, order="C", subok=False)


def _rows(array: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """[T, N, ...] with a contiguous last axis, and its first two strides in items."""
    item = array.itemsize
    ready = array.flags.aligned and (array.strides[2] == item or array.shape[2] == 1)
    if not ready or any(stride % item for stride in array.strides[:2]):
        array = np.array(array, order="C", subok=False)
    return array, (array.strides[0] // item, array.strides[1] // item)


def address(array: np.ndarray | None) -> int:
    """Of an array's memory; 0 for None."""
    return 0 if array is None else array.ctypes.data


def _pair(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray | None, ...]:
    """(h, c), c None where a cell has none."""
    return (*arrays, None)[:2]


def run_forward(
    call: Call,
    x: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    training: bool = True,
) -> tuple[np.ndarray, tuple[np.ndarray, ...], Saved | None]:
    """Output [T, N, P], the final states and, in training, what backward needs.

    `states` is h0, or h0 and c0; `weights` is weight_ih, weight_hh, bias_ih, bias_hh, or these and
    weight_hr.
    """
    num_steps, num_sequences, *_, state_size = call.sizes
    x, strides = _rows(x)
    weights = tuple(map(_whole, weights))
    states = tuple(np.array(state, order="C", subok=False) for state in states)
    output = np.empty((num_steps, num_sequences, state_size), call.dtype)
    final = tuple(map(np.empty_like, states))
    values = np.empty(call.saved_size, call.dtype) if training else None
    weight_hr = weights[4] if len(weights) > 4 else None

    pointers = (*weights[:4], weight_hr, *_pair(states), *_pair(final), values)
    _kernels().forward(
        call.code,
        call.dtype.itemsize,
        *call.sizes,
        engine.get_num_threads(),
        address(x),
        *strides,
        address(call.lengths),
        address(output),
        num_sequences * state_size,
        state_size,
        (int(call.reverse), *map(address, pointers)),
    )
    return output, final, None if values is None else Saved(call, states, values)


def run_backward(
    call: Call,
    saved: Any,
    x: np.ndarray,
    grad_output: np.ndarray,
    grad_final: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> tuple[np.ndarray, ...]:
    """The gradients of x, h0, (c0,) weight_ih, weight_hh, bias_ih, bias_hh (and weight_hr).

    `weights` is weight_ih and weight_hh, or these and weight_hr.

    Raises:
        TypeError: if `saved` is not of a forward of these kernels.
        ValueError: if `saved` is of another call.
    """
    if not isinstance(saved, Saved):
        kind = type(saved).__name__
        raise TypeError(f"saved is {kind}, but must be what the forward of this cell returned.")
    if not saved.call.agrees(call):
        raise ValueError(
            "saved is of a forward with another cell, x, lengths or reverse than are given here, "
            "but must be of the same."
        )
    x, strides = _rows(x)
    grad_output, grad_strides = _rows(grad_output)
    weights = tuple(map(_whole, weights))
    grad_final = tuple(map(_whole, grad_final))
    grad_x = np.empty(x.shape, call.dtype)
    grad_initial = tuple(map(np.empty_like, saved.states))
    grad_ih, grad_hh, *grad_hr = tuple(map(np.empty_like, weights))
    grad_biases = np.empty(len(weights[0]), call.dtype), np.empty(len(weights[0]), call.dtype)
    weight_hr, grad_weight_hr = (weights[2], grad_hr[0]) if grad_hr else (None, None)

    pointers = (
        *(*weights[:2], weight_hr, *_pair(saved.states), saved.values, *_pair(grad_final)),
        *(grad_ih, grad_hh, *grad_biases, grad_weight_hr, *_pair(grad_initial)),
    )
    _kernels().backward(
        call.code,
        call.dtype.itemsize,
        *call.sizes,
        engine.get_num_threads(),
        address(x),
        *strides,
        address(call.lengths),
        address(grad_output),
        *grad_strides,
        address(grad_x),
        x.shape[1] * x.shape[2],
        x.shape[2],
        (int(call.reverse), *map(address, pointers)),
    )
    return (grad_x, *grad_initial, grad_ih, grad_hh, *grad_biases, *grad_hr)
