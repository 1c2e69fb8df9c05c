"""One step of a whole network again and again: checked, packed and laid out once."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels import engine
from unrolled.runtime.description import address, describe_data, describe_network
from unrolled.runtime.sampling import Sampling
from unrolled.runtime.spec import Spec

F32 = NDArray[np.float32]
# h of each layer, then c of each layer of an LSTM, [N, H] each.
State = tuple[F32, ...]

# So little work that a second thread costs more than it does.
ROWS_OF_ONE_THREAD = 16
ALIGNMENT = 64  # bytes, a line of the cache
SCORED = -1  # in place of the symbol to be read: its step is made


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
        self._rows, self._first = rows, np.array([0, N])
        what = (self._network.numbers, address(flat), self._data.numbers)
        where = (*(*[address(part) for part in self._state], 0)[:2], address(self._outputs))
        batch = (1, address(self._rows), address(self._first))
        self._arguments, self._walk = (*what, *batch, *where, False), (*what, *where)
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

    def begin(self, scores: F32, state: State) -> None:
        """Where `draw` begins, of one row: the raw outputs [K] of a step and the state after it.

        The object is the caller's alone from here on.

        Raises:
            ValueError: a part is of another shape.
        """
        for given, held in zip((scores, *state), (self._outputs[0], *self._parts), strict=True):
            _copy(given, held)
        self._x[0] = SCORED

    def draw(self, sampling: Sampling, uniforms: NDArray[np.float64], end: int) -> list[int]:
        """Symbols drawn in turn, each by the scores of a step that reads the one before.

        Args:
            sampling: the rule.
            uniforms: [U] a number drawn evenly from [0, 1) for each symbol, U >= 1.
            end: behind this symbol no more are drawn.

        Returns:
            U symbols, fewer at the `end`, or in front of one that cannot be drawn.

        Raises:
            ValueError: the first cannot be drawn: see `Sampling.shares`.
        """
        kernels: Any = engine.COMPILED
        if kernels.simd() != self._packed_for:
            self._pack(kernels)
        uniforms = np.ascontiguousarray(uniforms, np.float64)
        symbols = np.empty(len(uniforms), np.int64)
        top_k, most = sampling.top_k, self._outputs.shape[1]
        drawn = kernels.chain_walk(
            *(*self._walk, self._packed_at),
            *(float(sampling.temperature), most if top_k is None else min(int(top_k), most)),
            *(float(sampling.top_p or 1.0), sampling.barred, address(self._x)),
            *(len(uniforms), address(uniforms), end, address(symbols)),
        )
        found: list[int] = symbols[:drawn].tolist()
        return found

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
