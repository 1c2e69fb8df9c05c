"""A recurrence written by hand in JAX, as its users write it: lax.scan, jitted.

The products with the input are done for all time steps at once before the loop. Where lengths
differ, a mask freezes the state in padding and sets the output to 0.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from layer_bench.problem import Contender, Problem, suffixes

Weights = dict[str, jax.Array]


def by_jax(problem: Problem) -> Contender:
    """A jitted forward pass, or that and its vector-Jacobian product in one."""
    case = problem.case
    # Weight matrices as [inputs, outputs], so that a step is h @ w.
    weights = {name: jnp.asarray(w.T.copy()) for name, w in problem.weights.items()}
    x, factor = jnp.asarray(problem.x), jnp.asarray(problem.factor)
    mask = None if problem.mask is None else jnp.asarray(problem.mask)[:, :, None]

    def forward(weights: Weights, x: jax.Array) -> jax.Array:
        for layer in suffixes(case):
            ways = [_direction(case.cell, weights, suffix, x, mask) for suffix in layer]
            x = jnp.concatenate(ways, axis=-1) if len(ways) > 1 else ways[0]
        return x

    if case.mode == "infer":
        infer = jax.jit(forward)
        return Contender(
            lambda: infer(weights, x).block_until_ready(),
            lambda: {"output": np.asarray(infer(weights, x))},
        )

    @jax.jit
    def step(weights: Weights, x: jax.Array) -> tuple[Weights, jax.Array]:
        _, backward = jax.vjp(forward, weights, x)
        return backward(factor)

    def gradients() -> dict[str, np.ndarray]:
        of_weights, of_x = step(weights, x)
        named = {name: np.asarray(g).T for name, g in of_weights.items()}
        return {"x": np.asarray(of_x), **named}

    return Contender(lambda: jax.block_until_ready(step(weights, x)), gradients)


def _direction(
    cell: str, weights: Weights, suffix: str, x: jax.Array, mask: jax.Array | None
) -> jax.Array:
    """x [T, N, C] to [T, N, P]; mask [T, N, 1]."""
    w_ih, w_hh = weights[f"weight_ih_{suffix}"], weights[f"weight_hh_{suffix}"]
    b_ih, b_hh = weights[f"bias_ih_{suffix}"], weights[f"bias_hh_{suffix}"]
    w_hr = weights.get(f"weight_hr_{suffix}")
    # The GRU's reset gate acts on the recurrent part of n with its bias, so that one stays inside.
    from_x = x @ w_ih + (b_ih if cell == "gru" else b_ih + b_hh)
    zeros = jnp.zeros((x.shape[1], w_hh.shape[0]), x.dtype)
    if cell == "rnn":
        state, step = (zeros,), _rnn(w_hh)
    elif cell == "gru":
        state, step = (zeros,), _gru(w_hh, b_hh)
    else:
        hidden = w_hh.shape[1] // 4
        state, step = (zeros, jnp.zeros((x.shape[1], hidden), x.dtype)), _lstm(w_hh, w_hr)

    def body(
        state: tuple[jax.Array, ...], at_t: tuple[jax.Array, jax.Array | None]
    ) -> tuple[tuple[jax.Array, ...], jax.Array]:
        from_x_t, valid = at_t
        new = step(state, from_x_t)
        if valid is None:
            return new, new[0]
        held = tuple(jnp.where(valid, n, s) for n, s in zip(new, state, strict=True))
        return held, jnp.where(valid, new[0], 0)

    return lax.scan(body, state, (from_x, mask), reverse=suffix.endswith("_reverse"))[1]


Step = Callable[[tuple[jax.Array, ...], jax.Array], tuple[jax.Array, ...]]


def _rnn(w_hh: jax.Array) -> Step:
    return lambda state, from_x: (jnp.tanh(from_x + state[0] @ w_hh),)


def _gru(w_hh: jax.Array, b_hh: jax.Array) -> Step:
    def step(state: tuple[jax.Array, ...], from_x: jax.Array) -> tuple[jax.Array, ...]:
        (h,) = state
        r_x, z_x, n_x = jnp.split(from_x, 3, axis=-1)
        r_h, z_h, n_h = jnp.split(h @ w_hh + b_hh, 3, axis=-1)
        r, z = jax.nn.sigmoid(r_x + r_h), jax.nn.sigmoid(z_x + z_h)
        n = jnp.tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)

    return step


def _lstm(w_hh: jax.Array, w_hr: jax.Array | None) -> Step:
    def step(state: tuple[jax.Array, ...], from_x: jax.Array) -> tuple[jax.Array, ...]:
        h, c = state
        i, f, g, o = jnp.split(from_x + h @ w_hh, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h if w_hr is None else h @ w_hr, c)

    return step
