"""What does not fit is told in one sentence, before anything has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chain_problems import Problem, problem, recurrent_spec, table_spec

from unrolled.kernels import engine
from unrolled.runtime.network import Network, Settings, TrainState, why_not
from unrolled.runtime.spec import Recurrent, Spec

ROWS = np.array([2, 0, 3])


def with_inputs(p: Problem, **changes: Any) -> Problem:
    kept = {name: getattr(p.inputs, name) for name in ("values", "starts", "lengths")}
    return replace(p, inputs=SimpleNamespace(**{**kept, **changes}))


def put(array: np.ndarray, place: int, value: Any) -> np.ndarray:
    changed = array.copy()
    changed[place] = value
    return changed


DENSE = problem(recurrent_spec("gru"), weighted=True)
EVERY = problem(recurrent_spec("gru", pooling="every"))
TOKENS = problem(recurrent_spec("lstm", tokens=True, loss="cross_entropy"))
TABLE = problem(table_spec())
CODES = problem(recurrent_spec("gru", categories=((5, 3), (4, 2)), numbers=1))


def with_code(value: float, column: int) -> Problem:
    values = CODES.inputs.values.copy()
    values[11, column] = value
    return with_inputs(CODES, values=values)


Kind = type[Exception]

WRONG_DATA: list[tuple[Problem, Kind, str]] = [
    (replace(DENSE, inputs=np.zeros((9, 4), np.float32)), TypeError, "inputs must be sequences"),
    (with_inputs(DENSE, values=DENSE.inputs.values.astype(float)), TypeError, "inputs.values must"),
    (with_inputs(DENSE, values=DENSE.inputs.values[:, :3].copy()), ValueError, r"shape \[any, 4\]"),
    (with_inputs(DENSE, values=DENSE.inputs.values[::2]), ValueError, "must be contiguous"),
    (with_inputs(DENSE, starts=DENSE.inputs.starts.astype(np.int32)), TypeError, "inputs.starts"),
    (with_inputs(DENSE, lengths=DENSE.inputs.lengths[1:]), ValueError, "inputs.lengths must have"),
    (
        with_inputs(DENSE, lengths=put(DENSE.inputs.lengths, 3, 99)),
        ValueError,
        "lengths holds 99, but the row 3 begins at value 10 of 36",
    ),
    (with_inputs(DENSE, lengths=put(DENSE.inputs.lengths, 3, 0)), ValueError, "lengths holds 0"),
    (with_inputs(DENSE, starts=put(DENSE.inputs.starts, 3, -1)), ValueError, "begins at value -1"),
    (
        with_inputs(DENSE, starts=put(DENSE.inputs.starts, 3, 2**62)),
        ValueError,
        "begins at value 4611686018427387904",
    ),
    (
        with_inputs(TOKENS, values=put(TOKENS.inputs.values, 11, 6)),
        ValueError,
        "inputs holds 6, but a token is from 0 to 5",
    ),
    (with_inputs(TOKENS, values=put(TOKENS.inputs.values, 11, -1)), ValueError, "holds -1, but a"),
    (with_inputs(TOKENS, values=TOKENS.inputs.values * 0.5), TypeError, "int64, got float64"),
    (
        with_code(5, 1),
        ValueError,
        "inputs holds 5 in column 1, but a code there is a whole number from 0 to 4",
    ),
    (with_code(4, 2), ValueError, "inputs holds 4 in column 2, but a code there .* from 0 to 3"),
    (with_code(-1, 2), ValueError, "inputs holds -1 in column 2"),
    (with_code(1.5, 1), ValueError, r"inputs holds 1\.5 in column 1"),
    (with_code(np.nan, 1), ValueError, "inputs holds nan in column 1"),
    (with_code(np.inf, 2), ValueError, "inputs holds inf in column 2"),
    (replace(TABLE, inputs=[[1.0]]), TypeError, "inputs must be an array of float32, got list"),
    (replace(TABLE, inputs=np.zeros((9, 3), np.float32)), ValueError, r"inputs must have shape"),
    (replace(DENSE, y=DENSE.y[:, 0].copy()), ValueError, r"y must have shape \[9, 3\], got \[9\]"),
    (replace(DENSE, y=DENSE.y.astype(float)), TypeError, "y must be an array of float32"),
    (replace(DENSE, y=None), ValueError, "y is None, but a loss needs targets"),
    (replace(EVERY, y=EVERY.y[:9]), ValueError, r"y must have shape \[36, 3\], got \[9, 3\]"),
    (replace(TOKENS, y=put(TOKENS.y, 3, 3)), ValueError, "y holds 3, but a class is from 0 to 2"),
    (replace(TOKENS, y=put(TOKENS.y, 3, -2)), ValueError, "y holds -2, but a class"),
    (replace(DENSE, weight=np.ones(9)), TypeError, "weight must be an array of float32"),
    (replace(DENSE, weight=np.ones(8, np.float32)), ValueError, r"weight must have shape \[9\]"),
]


@pytest.mark.parametrize(("p", "kind", "text"), WRONG_DATA)
def test_wrong_data(p: Problem, kind: Kind, text: str) -> None:
    network = Network(p.spec, p.flat.copy())
    state = TrainState.new(p.spec, Settings())
    runs: list[Callable[[], Any]] = [
        # The wrong row is in the second batch: the first is not trained either.
        lambda: network.train(p.inputs, p.y, p.weight, [ROWS[:2], ROWS], [0.1] * 2, state),
        lambda: network.evaluate(p.inputs, p.y, p.weight, [ROWS]),
        lambda: network.gradients(p.inputs, p.y, p.weight, ROWS),
    ]
    if p.y is not None and text[0] not in "yw":
        runs.append(lambda: network.predict(p.inputs, ROWS))
    for run in runs:
        with pytest.raises(kind, match=text) as caught:
            run()
        assert str(caught.value).count(". ") == 0
    assert np.array_equal(network.flat, p.flat)
    assert state.arrays["step"] == 0


WRONG_ROWS = [
    (np.array([2.0]), TypeError, "must be an array of int64, got float64"),
    (np.array([], np.int64), ValueError, "is empty, but a batch needs at least one row"),
    (np.array([0, 9]), ValueError, "rows holds 9, but the data has rows 0 to 8"),
    (np.array([0, -1]), ValueError, "rows holds -1, but the data has rows 0 to 8"),
    (np.array([[0, 1]]), ValueError, "must have shape"),
    ([0, 1], TypeError, "must be an array of int64, got list"),
]


@pytest.mark.parametrize(("rows", "kind", "text"), WRONG_ROWS)
def test_wrong_rows(rows: Any, kind: Kind, text: str) -> None:
    p = DENSE
    network = Network(p.spec, p.flat.copy())
    state = TrainState.new(p.spec, Settings())
    for run in (
        lambda: network.train(p.inputs, p.y, None, [ROWS, rows], [0.1, 0.1], state),
        lambda: network.evaluate(p.inputs, p.y, None, [ROWS, rows]),
        lambda: network.gradients(p.inputs, p.y, None, rows),
        lambda: network.hidden_states(p.inputs, rows),
    ):
        with pytest.raises(kind, match=text):
            run()
    if text.startswith("is empty"):
        assert network.predict(p.inputs, rows).shape == (0, 3)
    else:
        with pytest.raises(kind, match=text):
            network.predict(p.inputs, rows)
    assert np.array_equal(network.flat, p.flat)


def test_wrong_parameters() -> None:
    flat = DENSE.flat
    with pytest.raises(TypeError, match="flat must be an array of float32, got float64"):
        Network(DENSE.spec, flat.astype(float))
    with pytest.raises(ValueError, match="flat must have shape"):
        Network(DENSE.spec, flat[1:])
    with pytest.raises(ValueError, match="flat must be contiguous"):
        Network(DENSE.spec, np.repeat(flat, 2)[::2])
    frozen = flat.copy()
    frozen.flags.writeable = False
    network = Network(DENSE.spec, frozen)
    assert np.isfinite(network.predict(DENSE.inputs, ROWS)).all()
    state = TrainState.new(DENSE.spec, Settings())
    with pytest.raises(ValueError, match="flat is read-only"):
        network.train(DENSE.inputs, DENSE.y, None, [ROWS], [0.1], state)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"optimizer": "lion"}, "optimizer must be one of adam, adamw, sgd, rmsprop, got 'lion'"),
        ({"clip_norm": 0.0}, "clip_norm must be above 0 or None, got 0.0"),
        ({"clip_norm": float("nan")}, "clip_norm must be above 0 or None, got nan"),
        ({"seed": -1}, "seed must be from 0 to below 2"),
        ({"seed": 2**64}, "seed must be from 0 to below 2"),
        ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
        ({"seed": True}, "seed must be a whole number, got True"),
        ({"momentum": -0.1}, "momentum must be a finite number of at least 0, got -0.1"),
        ({"weight_decay": float("nan")}, "weight_decay must be a finite number of at least 0"),
    ],
)
def test_wrong_settings(changes: dict[str, Any], text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        Settings(**changes)


def test_wrong_state() -> None:
    p = EVERY
    network = Network(p.spec, p.flat.copy())

    def train(state: TrainState, rates: Any = (0.1, 0.1)) -> None:
        network.train(p.inputs, p.y, None, [ROWS, ROWS[:2]], rates, state)

    state = TrainState.new(p.spec, Settings("sgd"))
    with pytest.raises(ValueError, match="state of adam must hold exp_avg, exp_avg_sq and step"):
        train(replace(state, settings=Settings("adam")))
    short = {**state.arrays, "momentum_buffer": np.zeros(3, np.float32)}
    with pytest.raises(ValueError, match="state's momentum_buffer must have shape"):
        train(replace(state, arrays=short))
    for rates in ((0.1,), (0.1, float("nan")), [[], []], [[0.1, 0.1]]):
        with pytest.raises(ValueError, match="rates must be one finite number a batch, got"):
            train(state, rates)
    frozen = np.frombuffer(bytes(4 * len(p.flat)), np.float32)
    with pytest.raises(ValueError, match="state's momentum_buffer is read-only"):
        train(replace(state, arrays={**state.arrays, "momentum_buffer": frozen}))
    step = np.frombuffer(bytes(8), np.float64)[0:1].reshape(())
    with pytest.raises(ValueError, match="state's step is read-only"):
        train(replace(state, arrays={**state.arrays, "step": step}))
    carried = [np.frombuffer(bytes(4 * 15), np.float32).reshape(1, 3, 5)]
    with pytest.raises(ValueError, match=r"state\.carried is read-only"):
        train(replace(state, carry=True, restart=False, carried=carried))
    with pytest.raises(ValueError, match="batches of different sizes"):
        train(replace(state, carry=True))
    with pytest.raises(ValueError, match=r"state\.carried must hold 1 arrays, got 0"):
        train(replace(state, carry=True, restart=False))
    wrong = [np.zeros((1, 2, 5), np.float32)]
    with pytest.raises(ValueError, match=r"state.carried must have shape \[1, 3, 5\]"):
        train(replace(state, carry=True, restart=False, carried=wrong))
    table = TrainState.new(TABLE.spec, Settings(), carry=True)
    with pytest.raises(ValueError, match="a carried state needs a recurrent stack"):
        Network(TABLE.spec, TABLE.flat).train(TABLE.inputs, TABLE.y, None, [ROWS], [0.1], table)
    with pytest.raises(ValueError, match="hidden_states needs a recurrent stack"):
        Network(TABLE.spec, TABLE.flat).hidden_states(TABLE.inputs, ROWS)
    assert np.array_equal(network.flat, p.flat)


def test_wrong_dropout() -> None:
    network = Network(DENSE.spec, DENSE.flat)
    for step in (0, -1, 1.0, 2**60):
        with pytest.raises(ValueError, match="dropout's step must be a whole number from 1, got"):
            network.gradients(DENSE.inputs, DENSE.y, None, ROWS, dropout=(1, step))


def test_a_batch_that_no_memory_holds() -> None:
    spec = Spec(1, 1, "point", recurrent=Recurrent("lstm", 2**10))
    steps = 2**20
    inputs = SimpleNamespace(
        values=np.zeros((steps, 1), np.float32),
        starts=np.zeros(1, np.int64),
        lengths=np.full(1, steps),
    )
    network = Network(spec, np.zeros(spec.num_parameters, np.float32))
    rows = np.zeros(2**20, np.int64)
    with pytest.raises(MemoryError, match="a batch of 1048576 rows of up to 1048576 steps needs"):
        network.evaluate(inputs, np.zeros((1, 1), np.float32), None, [rows])


def test_without_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(DENSE.spec) is None
    monkeypatch.setattr(engine, "COMPILED", None)
    monkeypatch.setattr(engine, "why_not", "were not built for this Python (none)")
    assert why_not(DENSE.spec) == "the compiled kernels were not built for this Python (none)"
    with pytest.raises(ImportError, match="this network cannot run: the compiled kernels were not"):
        Network(DENSE.spec, DENSE.flat)
