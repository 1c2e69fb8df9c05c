"""One step of a cell again and again, with the same weights: streams of single values.

A call of `rnn_step`, `gru_step` or `lstm_step` spends most of its time on checks and on the
addresses of its arrays. Here they are checked and looked up once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from unrolled.kernels import engine
from unrolled.kernels.call import CODES, address
from unrolled.kernels.layout import GATES, check_arrays

# So little work that a second thread costs more than it does.
ROWS_OF_ONE_THREAD = 16
ALIGNMENT = 64  # bytes, a line of the cache


class RepeatedStep:
    """A step of N rows by the compiled kernels; the arguments and results are those of the cell's.

    Several threads may call one object; they take turns.

    Args:
        cell: "rnn", "gru" or "lstm".
        weights: weight_ih [G*H, C], weight_hh [G*H, H], bias_ih [G*H] and bias_hh [G*H], which are
            read anew at each call, so that changes in place count, unless they are frozen.
        num_rows: N, at least 1.
        nonlinearity: "tanh" or "relu", of the cell "rnn".
        frozen: the weights are read once, here, which takes most of the time of a step of few rows;
            changes of them do not count.

    Raises:
        ImportError: the compiled kernels are not there.
        TypeError, ValueError: the weights do not fit each other.
    """

    def __init__(
        self,
        cell: str,
        weights: Sequence[np.ndarray],
        num_rows: int,
        nonlinearity: str = "tanh",
        *,
        frozen: bool = False,
    ) -> None:
        if engine.COMPILED is None:
            raise ImportError(f"The compiled kernels {engine.why_not}; {engine.REMEDY}.")
        self._made_of = (cell, tuple(weights), num_rows, nonlinearity, frozen)
        weight_ih, weight_hh = weights[:2]
        dtype, C, H = weight_ih.dtype, weight_ih.shape[1], len(weight_hh) // GATES[cell]
        self._x = np.zeros((num_rows, C), dtype)
        self._before = [np.zeros((num_rows, H), dtype) for _ in range(1 + (cell == "lstm"))]
        named = dict(zip(("h", "c"), self._before, strict=False))
        check_arrays(cell, self._x, named, *weights)
        if not all(w.flags.c_contiguous and w.flags.aligned for w in weights):
            raise ValueError("weights must be contiguous; np.ascontiguousarray makes them so")
        self._after = [np.zeros_like(part) for part in self._before]
        self._output = np.zeros((num_rows, H), dtype)
        self._weights, self._lock = tuple(weights), threading.Lock()
        self._few = num_rows <= ROWS_OF_ONE_THREAD
        code = CODES[nonlinearity if cell == "rnn" else cell]
        self._shape = (code, dtype.itemsize, 1, num_rows, C, H, H)
        states = [*self._before, None][:2] + [*self._after, None][:2]
        pointers = (*self._weights, None, *states, None)
        self._packed, self._packed_for, self._at = np.empty(0, np.uint8), "", 0
        self._pack_shape, self._frozen = (code, dtype.itemsize, C, H), frozen
        self._arrays = (
            *(address(self._x), num_rows * C, C, 0, address(self._output), num_rows * H, H),
            (0, *map(address, pointers)),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew by a copy, whose arrays lie elsewhere."""
        return _made, self._made_of

    def __call__(self, x: np.ndarray, *states: np.ndarray) -> tuple[np.ndarray, ...]:
        """The states [N, H] after a step x [N, C] from `states`: h, or h and c.

        Raises:
            ValueError: an array is of another shape.
        """
        kernels: Any = engine.COMPILED
        with self._lock:
            # A shape that only fits after being stretched would be read as another input.
            for held, given in zip((self._x, *self._before), (x, *states), strict=True):
                if given.shape != held.shape:
                    raise ValueError(f"a step takes {list(held.shape)}, got {list(given.shape)}.")
                held[...] = given
            threads = 1 if self._few else engine.get_num_threads()
            if self._frozen and kernels.simd() != self._packed_for:
                self._pack()
            kernels.forward(*self._shape, threads, *self._arrays, self._at)
            return tuple(part.copy() for part in self._after)

    def _pack(self) -> None:
        """The weights as the kernels in use read them."""
        kernels: Any = engine.COMPILED
        size = kernels.packed_size(*self._pack_shape)
        self._packed = np.empty(size + ALIGNMENT, np.uint8)
        self._at = -(-address(self._packed) // ALIGNMENT) * ALIGNMENT
        kernels.pack(*self._pack_shape, tuple(map(address, self._weights)), self._at)
        self._packed_for = kernels.simd()


def _made(
    cell: str, weights: tuple[np.ndarray, ...], num_rows: int, nonlinearity: str, frozen: bool
) -> RepeatedStep:
    return RepeatedStep(cell, weights, num_rows, nonlinearity, frozen=frozen)
