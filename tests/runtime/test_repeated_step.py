"""A step that is repeated gives what the network gives for sequences of one step."""

from __future__ import annotations

import copy
import pickle
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chain_problems import recurrent_spec

from unrolled.kernels import engine
from unrolled.runtime.network import Network
from unrolled.runtime.repeated_step import ROWS_OF_ONE_THREAD, RepeatedStep, State
from unrolled.runtime.spec import Dense, Spec, initial_values

SPECS = {
    "gru": recurrent_spec("gru", num_layers=2),
    "lstm": recurrent_spec("lstm", num_layers=2, hidden=(Dense(7, "tanh"),), hidden_size=19),
    "relu": recurrent_spec("rnn", nonlinearity="relu"),
    "tokens": recurrent_spec("lstm", tokens=True, loss="cross_entropy"),
    "codes": recurrent_spec("gru", categories=((4, 2), (3, 5))),
    "tokens, gru": recurrent_spec("gru", tokens=True, num_layers=2, loss="cross_entropy"),
    "tokens, relu": recurrent_spec(
        "rnn", nonlinearity="relu", tokens=True, hidden_size=21, loss="cross_entropy"
    ),
    "tied": recurrent_spec("lstm", tokens=True, tied=True, num_layers=3, loss="cross_entropy"),
    # So many that no table of their parts of the gates is made.
    "many tokens": replace(
        recurrent_spec("lstm", tokens=True, hidden_size=90, loss="cross_entropy"), input_size=3000
    ),
}


def made(name: str, rows: int, seed: int = 0) -> tuple[Spec, np.ndarray, np.ndarray, State]:
    """A spec with an output at every step, its parameters, an input and a state of each row."""
    spec, rng = replace(SPECS[name], pooling="every"), np.random.default_rng(seed)
    x: np.ndarray = rng.normal(size=(rows, spec.input_size)).astype(np.float32)
    if spec.embedding_size:
        x = rng.integers(spec.input_size, size=rows)
    for i, (codes, _) in enumerate(spec.categories):
        x[:, spec.input_size - len(spec.categories) + i] = rng.integers(codes, size=rows)
    flat = 2 * initial_values(spec, 1)
    r = spec.recurrent
    assert r is not None
    parts = r.num_layers * (1 + (r.cell == "lstm"))
    state = tuple(rng.normal(size=(rows, r.hidden_size)).astype(np.float32) for _ in range(parts))
    return spec, flat, x, state


def by_network(spec: Spec, flat: np.ndarray, x: np.ndarray, state: State) -> tuple[Any, Any]:
    rows, L = np.arange(len(x)), len(state) // (1 + (spec.recurrent.cell == "lstm"))  # type: ignore[union-attr]
    inputs = SimpleNamespace(values=x, starts=rows, lengths=np.ones(len(x), np.int64))
    carried = [np.stack(state[at : at + L]) for at in range(0, len(state), L)]
    raw = Network(spec, flat).predict(inputs, rows, carried=carried)
    return raw, tuple(np.concatenate(carried))


@pytest.mark.parametrize("rows", [1, 4, ROWS_OF_ONE_THREAD + 7])
@pytest.mark.parametrize("name", SPECS)
def test_step_after_step(name: str, rows: int) -> None:
    spec, flat, x, state = made(name, rows)
    step, kept = RepeatedStep(spec, flat.copy(), rows), [part.copy() for part in state]
    ours = theirs = state
    for _ in range(3):
        found, ours = step(x, ours)
        expected, theirs = by_network(spec, flat, x, theirs)
        np.testing.assert_array_equal(found, expected)
        assert len(ours) == len(theirs)
        for mine, its in zip(ours, theirs, strict=True):
            assert mine.dtype == np.float32
            np.testing.assert_array_equal(mine, its)
    for part, was in zip(state, kept, strict=True):
        np.testing.assert_array_equal(part, was)  # the state is a value
    assert np.abs(found).max() > 0.1


def test_weights_are_read_once() -> None:
    spec, flat, x, state = made("gru", 2)
    step, before = RepeatedStep(spec, flat, 2), flat.copy()
    found = step(x, state)[1][0]
    views_of_the_stack = flat[: -spec.output_size]
    views_of_the_stack *= 2
    np.testing.assert_array_equal(step(x, state)[1][0], found)
    assert (by_network(spec, flat, x, state)[1][0] != found).any()
    np.testing.assert_array_equal(by_network(spec, before, x, state)[1][0], found)


def test_weights_are_laid_out_for_the_kernels_in_use() -> None:
    spec, flat, x, state = made("lstm", 3)
    step, compiled = RepeatedStep(spec, flat, 3), engine.COMPILED
    assert compiled is not None
    before, in_use = step(x, state)[0], compiled.simd()
    try:
        for name in compiled.simd_available():
            compiled.use_simd(name)
            np.testing.assert_allclose(step(x, state)[0], before, atol=1e-5, err_msg=name)
    finally:
        compiled.use_simd(in_use)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])  # noqa: S301
def test_a_copy_has_arrays_of_its_own(copied: Any) -> None:
    spec, flat, x, state = made("gru", 2)
    step = RepeatedStep(spec, flat, 2)
    other, expected = copied(step), step(x, state)[0]
    step(x + 1, state)
    np.testing.assert_array_equal(other(x, state)[0], expected)


def test_threads_take_turns() -> None:
    spec, flat, _, _ = made("lstm", 2)
    step, found = RepeatedStep(spec, flat, 2), {}
    problems = [made("lstm", 2, seed)[2:] for seed in range(4)]
    expected = [step(*problem)[0] for problem in problems]

    def run(i: int) -> None:
        found[i] = [step(*problems[i])[0] for _ in range(200)]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, right in enumerate(expected):
        assert all((one == right).all() for one in found[i])


@pytest.mark.parametrize("name", ["gru", "tokens"])
def test_what_does_not_fit(name: str) -> None:
    spec, flat, x, state = made(name, 2)
    step = RepeatedStep(spec, flat, 2)
    with pytest.raises(ValueError, match="a step takes"):
        step(x[:1], state)
    with pytest.raises(ValueError, match="a step takes"):
        step(x, tuple(part[:1] for part in state))
    with pytest.raises(ValueError, match="argument"):
        step(x, state[:-1])


def test_a_token_that_is_none() -> None:
    spec, flat, _, state = made("tokens", 2)
    with pytest.raises(ValueError, match="inputs holds 6, but a token is from 0 to 5"):
        RepeatedStep(spec, flat, 2)(np.array([0, 6]), state)
