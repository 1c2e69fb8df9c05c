"""One step at a time beside the compiled chain over whole sequences."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chain_problems import problem, recurrent_spec

from unrolled.runtime import stepper as stepper_module
from unrolled.runtime.network import Network
from unrolled.runtime.repeated_step import State
from unrolled.runtime.spec import Dense, Spec
from unrolled.runtime.stepper import Stepper

T, N = 6, 3

SPECS = {
    "gru": recurrent_spec("gru"),
    "lstm": recurrent_spec("lstm"),
    "tanh": recurrent_spec("rnn"),
    "relu": recurrent_spec("rnn", nonlinearity="relu"),
    "two grus": recurrent_spec("gru", num_layers=2),
    "three lstms": recurrent_spec("lstm", num_layers=3, dropout=(0.5, 0.0, 0.5)),
    "two relus": recurrent_spec("rnn", nonlinearity="relu", num_layers=2),
    "hidden layers": recurrent_spec("gru", hidden=(Dense(7, "relu"), Dense(4, "tanh"))),
    "categories": recurrent_spec("lstm", num_layers=2, categories=((4, 2), (3, 5))),
    "categories alone": recurrent_spec("gru", numbers=0, categories=((4, 2), (3, 5))),
    "tokens": recurrent_spec("lstm", tokens=True, num_layers=2, loss="cross_entropy"),
    "tied": recurrent_spec("gru", tokens=True, tied=True, loss="cross_entropy"),
    "distribution": recurrent_spec("gru", loss="student_t", output_size=6),
}


def made(name: str) -> tuple[Spec, np.ndarray, Any]:
    """A spec with an output at every step, its parameters, and N sequences of T steps."""
    p = problem(replace(SPECS[name], pooling="every"), lengths=(T,) * N)
    return p.spec, p.flat, p.inputs


def whole(spec: Spec, inputs: Any) -> np.ndarray:
    """The inputs [T, N, C], or tokens [T, N]."""
    cut = [inputs.values[start : start + T] for start in inputs.starts]
    return np.ascontiguousarray(np.stack(cut, axis=1))


def copied(state: State) -> list[np.ndarray]:
    return [part.copy() for part in state]


@pytest.mark.parametrize("name", SPECS)
def test_steps_give_what_the_whole_network_gives(name: str) -> None:
    spec, flat, inputs = made(name)
    network, stepper = Network(spec, flat), Stepper(spec, flat)
    rows = np.arange(N)
    outputs = network.predict(inputs, rows).reshape(N, T, -1)
    states = network.hidden_states(inputs, rows)
    x, state = whole(spec, inputs), stepper.zeros(N)
    assert np.abs(outputs).max() > 0.1
    for t in range(T):
        raw, state = stepper.step(x[t], state)
        np.testing.assert_allclose(raw, outputs[:, t], rtol=0, atol=2e-6)
        # The last layer's state is behind those of the layers below.
        last = state[SPECS[name].recurrent.num_layers - 1]  # type: ignore[union-attr]
        np.testing.assert_allclose(last, states[t], rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", SPECS)
def test_many_rows_step_layer_by_layer_to_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, flat, inputs = made(name)
    x, few = whole(spec, inputs), Stepper(spec, flat)
    expected, after = few.step(x[1], few.step(x[0], few.zeros(N))[1])
    monkeypatch.setattr(stepper_module, "FEW", 0)
    many = Stepper(spec, flat)
    found, state = many.step(x[1], many.step(x[0], many.zeros(N))[1])
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)
    for mine, its in zip(state, after, strict=True):
        np.testing.assert_allclose(mine, its, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", SPECS)
def test_a_run_is_its_steps(name: str) -> None:
    """From any state on, and in any cuts."""
    spec, flat, inputs = made(name)
    stepper, x = Stepper(spec, flat), whole(spec, inputs)
    rng = np.random.default_rng(0)
    start = tuple(rng.normal(size=part.shape).astype(np.float32) for part in stepper.zeros(N))
    kept = copied(start)
    state = start
    for t in range(T):
        _, state = stepper.step(x[t], state)
    cut = stepper.run(x[2:], stepper.run(x[:2], start))
    once = stepper.run(x, start)
    for found in (once, cut):
        assert len(found) == len(state) == len(start)
        for mine, expected in zip(found, state, strict=True):
            np.testing.assert_allclose(mine, expected, rtol=0, atol=2e-6)
    for before, after in zip(kept, start, strict=True):
        np.testing.assert_array_equal(before, after)


def test_rows_do_not_touch_each_other() -> None:
    spec, flat, inputs = made("three lstms")
    stepper, x = Stepper(spec, flat), whole(spec, inputs)
    raw, state = stepper.step(x[0], stepper.run(x, stepper.zeros(N)))
    for n in range(N):
        alone = np.ascontiguousarray(x[:, n : n + 1])
        mine, after = stepper.step(alone[0], stepper.run(alone, stepper.zeros(1)))
        np.testing.assert_allclose(mine[0], raw[n], rtol=0, atol=2e-6)
        for part, every in zip(after, state, strict=True):
            np.testing.assert_allclose(part[0], every[n], rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "spec",
    [
        recurrent_spec(bidirectional=True),
        Spec(4, 3, "point", hidden=(Dense(7),)),
    ],
)
def test_what_cannot_be_stepped_is_refused(spec: Spec) -> None:
    with pytest.raises(ValueError, match="needs a recurrent stack of one direction"):
        Stepper(spec, np.zeros(spec.num_parameters, np.float32))


def test_parameters_count_as_they_were() -> None:
    spec, flat, inputs = made("two grus")
    stepper, x = Stepper(spec, flat), whole(spec, inputs)
    before = stepper.step(x[0], stepper.zeros(N))[0]
    flat *= 2
    np.testing.assert_array_equal(stepper.step(x[0], stepper.zeros(N))[0], before)
    after = stepper.run(x[:1], stepper.zeros(N))[-1]
    np.testing.assert_allclose(stepper.step(x[0], stepper.zeros(N))[1][-1], after, atol=2e-6)


def test_inputs_of_a_single_row_and_step() -> None:
    spec, flat, _ = made("gru")
    x = np.ones((1, spec.input_size), np.float32)
    inputs = SimpleNamespace(values=x, starts=np.array([0]), lengths=np.array([1]))
    raw, _ = Stepper(spec, flat).step(x, Stepper(spec, flat).zeros(1))
    expected = Network(spec, flat).predict(inputs, np.array([0]))
    np.testing.assert_allclose(raw, expected, rtol=0, atol=2e-6)
