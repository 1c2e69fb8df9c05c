"""Whole training runs beside torch's: optimizers, clipping, carried state, curves, slices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from chain_problems import BATCHES, RATES, Problem, problem, recurrent_spec, table_spec
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd
from torch_chains import Reference

from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import Recurrent, Spec, initial_values, views

pytestmark = pytest.mark.usefixtures("poisoned_scratch")

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")


class TorchStep:
    """torch's optimizers over one flat array, as functions: its classes take seconds to import."""

    def __init__(self, settings: Settings, flat: np.ndarray) -> None:
        self.settings = settings
        self.w = torch.from_numpy(flat.astype(np.float64))
        self.moments = [[torch.zeros_like(self.w)] for _ in range(2)]
        self.steps = [torch.zeros(())]

    def __call__(self, gradient: Tensor, rate: float) -> float:
        """Clips, changes `w` and returns the gradient's norm."""
        s = self.settings
        norm = float(torch.linalg.vector_norm(gradient))
        if s.clip_norm is not None and norm > s.clip_norm:
            gradient = gradient * (s.clip_norm / norm)
        common: Any = {"lr": rate, "weight_decay": s.weight_decay, "maximize": False}
        common["foreach"] = False
        w, g, (first, second), steps = [self.w], [gradient], self.moments, self.steps
        if s.optimizer == "sgd":
            sgd(w, g, first, momentum=s.momentum, dampening=0.0, nesterov=False, **common)
        elif s.optimizer == "rmsprop":
            more: Any = {"alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False}
            rmsprop(w, g, first, [], [], steps, **more, **common)
        else:
            adaptive = adamw if s.optimizer == "adamw" else adam
            more = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "amsgrad": False}
            adaptive(w, g, first, second, [], steps, **more, **common)
        return norm


def by_torch(
    p: Problem, settings: Settings, batches: list[Any], rates: list[float], carry: bool = False
) -> tuple[np.ndarray, list[float], list[float]]:
    """Parameters [P] after one step a batch, and each batch's loss and norm."""
    step = TorchStep(settings, p.flat)
    losses, norms = [], []
    state = None
    for rows, rate in zip(batches, rates, strict=True):
        reference = Reference(p, step.w.numpy())
        loss, gradient = reference.gradients(rows, state)
        if carry:
            state = [part.detach().numpy() for part in reference.loss(rows, state)[3]]
        losses.append(loss)
        norms.append(step(torch.from_numpy(gradient), rate))
    return step.w.numpy(), losses, norms


def assert_trains_alike(p: Problem, settings: Settings, carry: bool = False) -> None:
    network = Network(p.spec, p.flat.copy())
    state = TrainState.new(p.spec, settings, carry=carry)
    batches = [rows[:2] for rows in BATCHES] if carry else BATCHES
    # The first steps of rmsprop are ten times as long.
    rates = [rate / (10 if settings.optimizer == "rmsprop" else 1) for rate in RATES]
    trained = network.train(p.inputs, p.y, p.weight, batches, rates, state)
    flat, losses, norms = by_torch(p, settings, batches, rates, carry)
    assert trained.done == len(batches)
    assert state.arrays["step"] == len(batches)
    np.testing.assert_allclose(trained.losses, losses, rtol=2e-5)
    np.testing.assert_allclose(trained.norms, norms, rtol=2e-5)
    assert np.abs(flat - p.flat).max() > 0.01
    np.testing.assert_allclose(network.flat, flat, rtol=2e-5, atol=4e-6)


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("clip_norm", [None, 0.2, 1e6])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, clip_norm: float | None, weight_decay: float) -> None:
    settings = Settings(name, 0.8, weight_decay, clip_norm)
    assert_trains_alike(problem(recurrent_spec("gru"), weighted=True, missing=True), settings)


def test_sgd_without_momentum() -> None:
    p = problem(recurrent_spec("gru"))
    assert_trains_alike(p, Settings("sgd", momentum=0.0))
    state = TrainState.new(p.spec, Settings("sgd", momentum=0.0))
    Network(p.spec, p.flat.copy()).train(p.inputs, p.y, None, BATCHES, RATES, state)
    assert (state.arrays["momentum_buffer"] == 0).all()


@pytest.mark.parametrize(
    "spec",
    [
        recurrent_spec("lstm", tokens=True, tied=True, pooling="every", loss="cross_entropy"),
        recurrent_spec("rnn", num_layers=2, bidirectional=True, pooling="max"),
        table_spec(),
    ],
)
def test_networks_of_all_kinds(spec: Spec) -> None:
    assert_trains_alike(problem(spec, weighted=True), Settings("adam"))


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_carried_state(cell: str, num_layers: int) -> None:
    p = problem(recurrent_spec(cell, num_layers=num_layers, pooling="every"))
    assert_trains_alike(p, Settings("sgd"), carry=True)


def test_carried_state_goes_through_evaluation() -> None:
    p = problem(recurrent_spec("lstm", pooling="every"))
    batches = [rows[:2] for rows in BATCHES]
    reference, state, expected = Reference(p), None, 0.0
    for rows in batches:
        total, _, _, final = reference.loss(rows, state)
        state = [part.detach().numpy() for part in final]
        expected += total.item()
    network = Network(p.spec, p.flat)
    found, _ = network.evaluate(p.inputs, p.y, None, batches, carried=network.first_state(2))
    assert found == pytest.approx(expected, rel=1e-6)
    assert network.evaluate(p.inputs, p.y, None, batches)[0] != pytest.approx(expected, rel=1e-3)


def walks(num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    steps = np.concatenate((rng.uniform(-1, 1, (num, 1)), rng.normal(0, 0.1, (num, 3))), axis=1)
    path = np.cumsum(steps, axis=1)
    return path[:, :3, None].astype(np.float32), path[:, 3:].astype(np.float32)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_curves_of_the_textbook_job(cell: str) -> None:
    """20 epochs of Adam to 1e-4 of what torch.nn gives in float64."""
    X, y = walks(320)
    spec = Spec(1, 1, "point", recurrent=Recurrent(cell, 64))
    flat = initial_values(spec, 4)
    rng = np.random.default_rng(5)
    batches = [rows for _ in range(20) for rows in rng.permutation(320).reshape(-1, 32)]

    step = TorchStep(Settings(), flat)
    stack = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](1, 64).double()
    head = nn.Linear(64, 1).double()
    named = {f"recurrent.{name}": q for name, q in stack.named_parameters()}
    named |= {f"head.{name}": q for name, q in head.named_parameters()}
    for name, value in views(spec, step.w.numpy()).items():
        named[name].data = torch.from_numpy(value)
    x, target = torch.from_numpy(X).double(), torch.from_numpy(y).double()
    expected = []
    for rows in batches:
        output, _ = stack(x[rows].transpose(0, 1))
        loss = ((head(output[-1]) - target[rows]) ** 2).mean()
        gradients = torch.autograd.grad(loss, [named[name] for name in spec.parameter_shapes()])
        step(torch.cat([gradient.flatten() for gradient in gradients]), 1e-3)
        expected.append(loss.item())

    inputs = replace_inputs(X)
    network = Network(spec, flat)
    state = TrainState.new(spec, Settings())
    found = network.train(inputs, y, None, batches, [1e-3] * len(batches), state).losses
    means = found.reshape(20, -1).mean(axis=1), np.reshape(expected, (20, -1)).mean(axis=1)
    assert means[1][-1] < means[1][0] / 5
    np.testing.assert_allclose(*means, rtol=1e-4)


def replace_inputs(X: np.ndarray) -> Any:
    """Arrays [N, T, C] as cuts of one flat array."""
    N, T = X.shape[:2]
    p = problem(recurrent_spec("rnn"))
    p.inputs.values = np.ascontiguousarray(X.reshape(N * T, -1))
    p.inputs.starts, p.inputs.lengths = np.arange(N) * T, np.full(N, T)
    return p.inputs


def test_counts_are_rows_that_have_a_target() -> None:
    p = problem(recurrent_spec("gru", pooling="every"), missing=True)
    state = TrainState.new(p.spec, Settings())
    trained = Network(p.spec, p.flat).train(p.inputs, p.y, None, BATCHES, RATES, state)
    expected = [Reference(p).loss(rows)[1] for rows in BATCHES]
    assert trained.counts.tolist() == expected
    assert min(expected) < sum(p.inputs.lengths[BATCHES[0]])


def test_a_batch_without_targets_takes_its_step() -> None:
    """As torch does: the moments decay, and move the parameters once more."""
    p = problem(recurrent_spec("gru"))
    p = replace(p, y=p.y.copy())
    p.y[BATCHES[2]] = np.nan
    assert_trains_alike(p, Settings("adam"))
