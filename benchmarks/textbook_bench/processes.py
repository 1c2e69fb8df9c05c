"""Whole processes, from `python` to the printed error: the textbook job on ten samples.

The programs are what a user writes, kept as text so that nothing of them is imported beforehand.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

_DATA = """
import numpy as np
rng = np.random.default_rng(0)
walk = rng.uniform(-1, 1, (10, 1)) + np.cumsum(rng.normal(0, 0.1, (10, 4)), axis=1)
X, y = walk[:, :3].astype(np.float32), walk[:, 3].astype(np.float32)
"""
PROGRAMS = {
    "unrolled": _DATA
    + """
from unrolled import SequenceRegressor
model = SequenceRegressor(cell="rnn", hidden_size=64, max_epochs=50, batch_size=32)
print(model.fit(X, y).evaluate(X, y)["mse"])
""",
    "torch": _DATA
    + """
import torch
from torch import nn
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent, self.head = nn.RNN(1, 64, batch_first=True), nn.Linear(64, 1)
    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])
x, target = torch.from_numpy(X)[:, :, None], torch.from_numpy(y)[:, None]
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
for epoch in range(50):
    loss = nn.functional.mse_loss(model(x), target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
""",
    "jax": _DATA
    + """
import jax, jax.numpy as jnp
key = jax.random.split(jax.random.key(0), 3)
b = 1 / 8
w = {"xh": jax.random.uniform(key[0], (1, 64), minval=-b, maxval=b),
     "hh": jax.random.uniform(key[1], (64, 64), minval=-b, maxval=b),
     "hy": jax.random.uniform(key[2], (64, 1), minval=-b, maxval=b),
     "bh": jnp.zeros(64), "by": jnp.zeros(1)}
def loss(w, x, y):
    a = jnp.swapaxes(x, 0, 1)[:, :, None] @ w["xh"] + w["bh"]
    step = lambda h, a: (jnp.tanh(a + h @ w["hh"]), None)
    h, _ = jax.lax.scan(step, jnp.zeros((len(x), 64)), a)
    return jnp.mean(((h @ w["hy"] + w["by"])[:, 0] - y) ** 2)
@jax.jit
def fit(w, x, y):
    def step(carried, t):
        w, m, v = carried
        value, g = jax.value_and_grad(loss)(w, x, y)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        w = jax.tree.map(lambda w, m, v: w - 1e-3 * m / (1 - 0.9**t)
                         / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), w, m, v)
        return (w, m, v), value
    zeros = jax.tree.map(jnp.zeros_like, w)
    return jax.lax.scan(step, (w, zeros, zeros), jnp.arange(1.0, 51.0))[1]
print(fit(w, X, y)[-1])
""",
    "keras-jax": _DATA
    + """
import keras
model = keras.Sequential([keras.layers.SimpleRNN(64), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(X[:, :, None], y, epochs=50, batch_size=32, verbose=0)
print(model.evaluate(X[:, :, None], y, verbose=0))
""",
}
NEEDS = {"unrolled": "unrolled", "torch": "torch", "jax": "jax", "keras-jax": "keras"}


def seconds(name: str) -> tuple[float, float]:
    """Seconds of the whole process and the error that it printed.

    Raises:
        SystemExit: the program failed.
    """
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[name]],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"the program of {name} failed:\n{done.stderr[-2000:]}")
    return taken, float(done.stdout.split()[-1])


# What Linux calls VmHWM is of this program alone; ru_maxrss begins with that of its parent.
GROWTH = r"""
import re, sys
from unrolled.data.sequences import as_sequences
from textbook_bench import by_unrolled, jobs
job = jobs.textbook(10_000)
inputs, state = as_sequences(job.x), by_unrolled.TrainState.new(job.spec, by_unrolled.PLAIN)
network = by_unrolled.Network(job.spec, job.weights)
for epoch in range(int(sys.argv[1])):
    order = job.order(epoch)
    network.train(inputs, job.y, None, order, [1e-3] * len(order), state)
    if epoch in (1, int(sys.argv[1]) - 1):
        print(re.search(r"VmHWM:\s*(\d+) kB", open("/proc/self/status").read()).group(1))
"""


def growth(epochs: int) -> tuple[int, int]:
    """Peak memory in KB after two epochs of 10,000 samples, and after all; on Linux."""
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(epochs)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after = map(int, done.stdout.split())
    return before, after
