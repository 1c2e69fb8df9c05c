"""A recurrent spec run one step at a time: the state is a value, passed in and returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled import kernels
from unrolled.kernels import engine
from unrolled.runtime.repeated_step import RepeatedStep, State
from unrolled.runtime.spec import Spec, views

F32 = NDArray[np.float32]
Weights = tuple[F32, F32, F32, F32]

# Rows whose step takes less time than its checks.
FEW = 1024


class Stepper:
    """A spec with a recurrent stack of one direction and its parameters, without dropout.

    Args:
        spec: the model; its pooling does not matter, the head reads the state of each step.
        flat: [P] float32 parameters, as they are now: later changes of them do not count.

    Raises:
        ValueError: there is no recurrent stack, or it reads both ways.
    """

    def __init__(self, spec: Spec, flat: F32) -> None:
        r = spec.recurrent
        if r is None or r.bidirectional:
            raise ValueError("one step at a time needs a recurrent stack of one direction")
        self.spec, self._recurrent, self._flat = spec, r, flat.copy()
        self._repeated: tuple[int, RepeatedStep | None] = (0, None)
        named = views(spec, self._flat)
        self._embedding = named.get("embedding.weight")
        self._tables = [named[f"categories.{i}.weight"] for i in range(len(spec.categories))]
        self._layers = [_weights(named, layer) for layer in range(r.num_layers)]
        dense = [
            (f"hidden.{i}.weight", f"hidden.{i}.bias", layer.activation)
            for i, layer in enumerate(spec.hidden)
        ]
        head = "embedding.weight" if spec.tied else "head.weight"
        self._dense = [
            (named[weight].T, named[bias], activation)
            for weight, bias, activation in [*dense, (head, "head.bias", "")]
        ]

    def zeros(self, num_rows: int) -> State:
        """The state before the first step."""
        parts = self._recurrent.num_layers * (2 if self._recurrent.cell == "lstm" else 1)
        shape = (num_rows, self._recurrent.hidden_size)
        return tuple(np.zeros(shape, np.float32) for _ in range(parts))

    def step(self, x: NDArray[Any], state: State) -> tuple[F32, State]:
        """Raw outputs [N, K] of one step x [N, C], or tokens [N], and the state after it."""
        if engine.COMPILED is not None and 0 < len(x) <= FEW:
            rows, repeated = self._repeated
            if repeated is None or rows != len(x):
                # The step of the last number of rows is kept.
                repeated = RepeatedStep(self.spec, self._flat, len(x))
                self._repeated = (len(x), repeated)
            return repeated(x, state)
        h, after = self._embed(x), []
        for layer, weights in enumerate(self._layers):
            after.append(self._step(h, state, layer, weights))
            h = after[-1][0]
        for weight, bias, activation in self._dense:
            h = h @ weight + bias
            if activation:
                h = np.maximum(h, 0) if activation == "relu" else np.tanh(h)
        return h, tuple(part[i] for i in range(len(after[0])) for part in after)

    def walk(self, state: State) -> Callable[[int], F32]:
        """From a state of one row: a function of a symbol that gives the raw outputs [K] of a step.

        Each step goes on from the one before, and may overwrite its outputs.
        """
        if engine.COMPILED is not None:
            repeated = RepeatedStep(self.spec, self._flat, 1)
            repeated.begin(state)
            return repeated.advance

        def advance(symbol: int) -> F32:
            nonlocal state
            outputs, state = self.step(np.array([symbol]), state)
            first: F32 = outputs[0]
            return first

        return advance

    def run(self, x: NDArray[Any], state: State) -> State:
        """The state after all steps of x [T, N, C], or of tokens [T, N]."""
        x, L = self._embed(x), self._recurrent.num_layers
        after: list[tuple[F32, ...]] = []
        for layer, weights in enumerate(self._layers):
            if self._recurrent.cell == "lstm":
                x, h, c, _ = kernels.lstm_forward(x, state[layer], state[L + layer], *weights)
                after.append((h, c))
                continue
            if self._recurrent.cell == "gru":
                x, h, _ = kernels.gru_forward(x, state[layer], *weights)
            else:
                phi = self._recurrent.nonlinearity
                x, h, _ = kernels.rnn_forward(x, state[layer], *weights, nonlinearity=phi)
            after.append((h,))
        return tuple(part[i] for i in range(len(after[0])) for part in after)

    def _step(self, x: F32, state: State, layer: int, weights: Weights) -> tuple[F32, ...]:
        h, L, r = state[layer], self._recurrent.num_layers, self._recurrent
        if r.cell == "lstm":
            return kernels.lstm_step(x, h, state[L + layer], *weights)
        if r.cell == "gru":
            return (kernels.gru_step(x, h, *weights),)
        return (kernels.rnn_step(x, h, *weights, nonlinearity=r.nonlinearity),)

    def _embed(self, x: NDArray[Any]) -> F32:
        """x [..., C] with its codes replaced by their vectors, or the vectors of tokens [...]."""
        if self._embedding is not None:
            vectors: F32 = self._embedding[x]
            return vectors
        if not self._tables:
            return x
        edge = x.shape[-1] - len(self._tables)
        codes = x[..., edge:].astype(np.int64)
        parts = [table[codes[..., i]] for i, table in enumerate(self._tables)]
        return np.concatenate([x[..., :edge], *parts], axis=-1)


def _weights(named: dict[str, F32], layer: int) -> Weights:
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w_ih, w_hh, b_ih, b_hh = (named[f"recurrent.{part}_l{layer}"] for part in parts)
    return w_ih, w_hh, b_ih, b_hh
