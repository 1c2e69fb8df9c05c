"""One step of a whole network again and again: checked, packed and laid out once."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels import engine
from unrolled.runtime.description import address, describe_data, describe_network
from unrolled.runtime.spec import Spec

F32 = NDArray[np.float32]
# h of each layer, then c of each layer of an LSTM, [N, H] each.
State = tuple[F32, ...]

# So little work that a second thread costs more than it does.
ROWS_OF_ONE_THREAD = 16
ALIGNMENT = 64  # bytes, a line of the cache


class RepeatedStep:
    """A step of N rows by the compiled kernels, from embedding to output layer, without dropout.

    The weights are read once, which is most of the work of a step of few rows; changes of them do
    not count. Several threads may call one object; they take turns.

    Args:
        spec: a spec with a recurrent stack of one direction.
        flat: [P] float32 parameters.
        num_rows: N, at least 1.
    """

    def __init__(self, spec: Spec, flat: F32, num_rows: int) -> None:
        r, N = spec.recurrent, num_rows
        assert r is not None
        self._made_of = (spec, flat, num_rows)
        self._network, self._flat = describe_network(spec), flat
        self._x = (
            np.zeros(N, np.int64)
            if spec.embedding_size
            else np.zeros((N, spec.input_size), np.float32)
        )
        rows = np.arange(N)
        inputs = SimpleNamespace(values=self._x, starts=rows, lengths=np.ones(N, np.int64))
        self._data = describe_data(spec, inputs, None, None)
        shape = (2 if r.cell == "lstm" else 1, r.num_layers, N, r.hidden_size)
        self._state = np.zeros(shape, np.float32)
        self._parts = tuple(self._state.reshape(-1, N, r.hidden_size))
        self._outputs = np.empty((N, spec.output_size), np.float32)
        self._first_outputs: F32 = self._outputs[0]
        self._rows, self._first = rows, np.array([0, N])
        h_and_c = [address(part) for part in self._state]
        self._arguments = (
            *(self._network.numbers, address(flat), self._data.numbers),
            *(1, address(self._rows), address(self._first), *(*h_and_c, 0)[:2]),
            *(address(self._outputs), False),
        )
        self._few, self._lock = N <= ROWS_OF_ONE_THREAD, threading.Lock()
        self._packed, self._packed_at, self._packed_for = np.empty(0, np.uint8), 0, ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew by a copy, whose arrays lie elsewhere."""
        return RepeatedStep, self._made_of

    def __call__(self, x: NDArray[Any], state: State) -> tuple[F32, State]:
        """Raw outputs [N, K] of a step x [N, C], or tokens [N], and the state after it.

        Raises:
            ValueError: an array is of another shape, or a token or code is none.
        """
        kernels: Any = engine.COMPILED
        with self._lock:
            # A shape that only fits after being stretched would be read as another input.
            _copy(x, self._x)
            for given, held in zip(state, self._parts, strict=True):
                _copy(given, held)
            threads = 1 if self._few else engine.get_num_threads()
            if kernels.simd() != self._packed_for:
                self._pack(kernels)
            kernels.chain_predict(*self._arguments, threads, self._packed_at)
            return self._outputs.copy(), tuple([part.copy() for part in self._parts])

    def begin(self, state: State) -> None:
        """The state from which `advance` goes on, which is the caller's alone until it has ended.

        Raises:
            ValueError: a part is of another shape.
        """
        for given, held in zip(state, self._parts, strict=True):
            _copy(given, held)

    def advance(self, token: int) -> F32:
        """Raw outputs [K] of a step of one row, of symbols, from where the one before ended.

        They are overwritten by the next. Neither shape nor token is checked in Python: the kernels
        refuse a token that is none.
        """
        kernels: Any = engine.COMPILED
        self._x[0] = token
        if kernels.simd() != self._packed_for:
            self._pack(kernels)
        kernels.chain_predict(*self._arguments, 1, self._packed_at)
        return self._first_outputs

    def _pack(self, kernels: Any) -> None:
        """The weights as the kernels in use read them."""
        size = kernels.chain_packed_size(self._network.numbers)
        self._packed = np.empty(size + ALIGNMENT, np.uint8)
        self._packed_at = -(-address(self._packed) // ALIGNMENT) * ALIGNMENT
        kernels.chain_pack(self._network.numbers, address(self._flat), self._packed_at)
        self._packed_for = kernels.simd()


def _copy(given: NDArray[Any], held: NDArray[Any]) -> None:
    if given.shape != held.shape:
        raise ValueError(f"a step takes {list(held.shape)}, got {list(given.shape)}.")
    held[...] = given
