"""Keras's layers on its JAX backend, called through jax.jit without `fit`'s bookkeeping."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from layer_bench.problem import Contender, Problem, suffixes

KINDS = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def by_keras(problem: Problem) -> Contender | None:
    """A jitted forward pass, or that and its vector-Jacobian product; None where Keras has none.

    It has no projection, and its JAX backend gives float32 for products of float64.
    """
    case = problem.case
    if case.projection or case.dtype != "float32":
        return None
    layers = _layers(problem)
    weights = [[v.value for v in layer.trainable_variables] for layer in layers]
    # Batch first, which is the only layout that Keras takes.
    x = jnp.asarray(problem.x.swapaxes(0, 1).copy())
    factor = jnp.asarray(problem.factor.swapaxes(0, 1).copy())
    mask = None if problem.mask is None else jnp.asarray(problem.mask.T.copy())

    def forward(weights: list[list[jax.Array]], x: jax.Array) -> jax.Array:
        for layer, values in zip(layers, weights, strict=True):
            others = [v.value for v in layer.non_trainable_variables]
            x, _ = layer.stateless_call(values, others, x, mask=mask)
        return x

    if case.mode == "infer":
        infer = jax.jit(forward)
        return Contender(
            lambda: infer(weights, x).block_until_ready(),
            lambda: {"output": np.asarray(infer(weights, x)).swapaxes(0, 1)},
        )

    @jax.jit
    def step(
        weights: list[list[jax.Array]], x: jax.Array
    ) -> tuple[list[list[jax.Array]], jax.Array]:
        _, backward = jax.vjp(forward, weights, x)
        return backward(factor)

    def gradients() -> dict[str, np.ndarray]:
        of_weights, of_x = step(weights, x)
        named = {"x": np.asarray(of_x).swapaxes(0, 1)}
        for layer, values in zip(suffixes(case), of_weights, strict=True):
            for suffix, three in zip(layer, zip(*[iter(values)] * 3, strict=True), strict=True):
                named |= _as_torch(case.cell, suffix, [np.asarray(v) for v in three])
        return named

    return Contender(lambda: jax.block_until_ready(step(weights, x)), gradients)


def _layers(problem: Problem) -> list[Any]:
    """Keras layers with the problem's weights."""
    case, layers = problem.case, []
    inputs = case.shape.inputs
    for layer in suffixes(case):
        ways = [
            KINDS[case.cell](
                case.shape.hidden,
                return_sequences=True,
                go_backwards=suffix.endswith("_reverse"),
                zero_output_for_mask=True,
                kernel_initializer="zeros",  # set below; orthogonal ones take seconds
                recurrent_initializer="zeros",
            )
            for suffix in layer
        ]
        whole = ways[0]
        if len(ways) > 1:
            whole = keras.layers.Bidirectional(ways[0], backward_layer=ways[1])
        whole.build((None, None, inputs))
        whole.set_weights([w for suffix in layer for w in _as_keras(problem, suffix)])
        layers.append(whole)
        inputs = case.shape.directions * case.shape.hidden
    return layers


def _as_keras(problem: Problem, suffix: str) -> list[np.ndarray]:
    """Kernel [C, G*H], recurrent kernel [H, G*H], bias [G*H] or, of a GRU, [2, G*H]."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w_ih, w_hh, b_ih, b_hh = (problem.weights[f"{name}_{suffix}"] for name in names)
    if problem.case.cell != "gru":
        return [w_ih.T, w_hh.T, b_ih + b_hh]
    return [_swap(w_ih.T), _swap(w_hh.T), _swap(np.stack([b_ih, b_hh]))]


def _as_torch(cell: str, suffix: str, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients under torch's names; that of a summed bias is the gradient of both its parts."""
    if cell == "gru":
        values = [_swap(v) for v in values]
    biases = values[2] if cell == "gru" else (values[2], values[2])
    named = (values[0].T, values[1].T, *biases)
    keys = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return {f"{key}_{suffix}": value for key, value in zip(keys, named, strict=True)}


def _swap(gates: np.ndarray) -> np.ndarray:
    """[..., 3*H] with gates r, z, n as torch has them to z, r, n as Keras has them, and back."""
    r, z, n = np.split(gates, 3, axis=-1)
    return np.concatenate([z, r, n], axis=-1)
