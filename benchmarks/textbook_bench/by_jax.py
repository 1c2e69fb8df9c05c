"""The textbook job in JAX: a whole fit in one jitted call, Adam written out."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from textbook_bench.jobs import BATCH, RATE, Job
from unrolled.runtime.spec import views

Weights = dict[str, jax.Array]
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def train(job: Job) -> tuple[float, float, float]:
    """Seconds of training once compiled, the error after it, and the seconds of compiling."""
    weights = {name: jnp.asarray(w) for name, w in views(job.spec, job.weights).items()}
    x, y = jnp.asarray(job.x), jnp.asarray(job.y)
    rows, counts = _padded_orders(job)
    started = time.perf_counter()
    fit = jax.jit(_fit).lower(weights, x, y, rows, counts).compile()
    compiling = time.perf_counter() - started
    started = time.perf_counter()
    weights = jax.block_until_ready(fit(weights, x, y, rows, counts))
    seconds = time.perf_counter() - started
    return seconds, float(jnp.mean((_forward(weights, x) - y) ** 2)), compiling


def _padded_orders(job: Job) -> tuple[jax.Array, jax.Array]:
    """Rows [steps, 32], the last of an epoch repeated, and how many of them count [steps]."""
    batches = [rows for epoch in range(job.epochs) for rows in job.order(epoch)]
    padded = [np.append(rows, np.full(BATCH - len(rows), rows[-1])) for rows in batches]
    return jnp.asarray(np.stack(padded)), jnp.asarray([len(rows) for rows in batches])


def _forward(weights: Weights, x: jax.Array) -> jax.Array:
    w_hh = weights["recurrent.weight_hh_l0"].T
    bias = weights["recurrent.bias_ih_l0"] + weights["recurrent.bias_hh_l0"]
    from_x = jnp.swapaxes(x, 0, 1) @ weights["recurrent.weight_ih_l0"].T + bias
    h = jnp.zeros((x.shape[0], w_hh.shape[0]), x.dtype)
    h, _ = lax.scan(lambda h, a: (jnp.tanh(a + h @ w_hh), None), h, from_x)
    return h @ weights["head.weight"].T + weights["head.bias"]


def _fit(
    weights: Weights, x: jax.Array, y: jax.Array, rows: jax.Array, counts: jax.Array
) -> Weights:
    def loss(weights: Weights, rows: jax.Array, count: jax.Array) -> jax.Array:
        errors = (_forward(weights, x[rows]) - y[rows])[:, 0] ** 2
        return jnp.where(jnp.arange(BATCH) < count, errors, 0).sum() / count

    def step(carried: tuple[Weights, Weights, Weights, jax.Array], batch: tuple) -> tuple:
        weights, first, second, t = carried
        gradient = jax.grad(loss)(weights, *batch)
        t = t + 1
        first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
        second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradient)
        weights = jax.tree.map(
            lambda w, m, v: w - RATE * m / (1 - BETA1**t) / (jnp.sqrt(v / (1 - BETA2**t)) + EPS),
            weights,
            first,
            second,
        )
        return (weights, first, second, t), None

    zeros = jax.tree.map(jnp.zeros_like, weights)
    start = (weights, zeros, zeros, jnp.zeros((), x.dtype))
    return lax.scan(step, start, (rows, counts))[0][0]
