from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.runtime.network import Network
from unrolled.runtime.spec import Dense, Recurrent, Spec, initial_values
from unrolled.training.by_kernels import KernelsEngine, hidden_states, predict
from unrolled.training.loop import DivergedError
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

TABLE = Spec(4, 2, "point", hidden=(Dense(6), Dense(3, "tanh")), hidden_dropout=0.3)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 4)).astype(np.float32)
Y = RNG.normal(size=(22, 2)).astype(np.float32)
DATA = Batches(X, Y, batch_size=4)
RATES = [0.03, 0.02, 0.05, 0.01, 0.03, 0.04]

V, T, N = 7, 5, 6
STEPS = Spec(V, V, "class", embedding_size=4, recurrent=Recurrent("lstm", 4), pooling="every")
SERIES = Batches(
    Sequences(RNG.integers(0, V, N * T), np.arange(N) * T, np.full(N, T)),
    RNG.integers(0, V, N * T),
    batch_size=2,
    every=True,
    carry=True,
)


def train(engine: KernelsEngine, data: Batches, totals: Totals, part: slice) -> None:
    rows = data.order(0)
    rates = RATES[: len(rows)]
    engine.train(data, rows[part], rates[part], totals, part.start)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize(("spec", "data"), [(TABLE, DATA), (STEPS, SERIES)])
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_state_goes_on_to_the_same_bits(spec: Spec, data: Batches, name: str, cut: int) -> None:
    """With dropout in the table, and a carried state in the series."""
    settings = Optimizer(name, clip_norm=0.3)
    whole, in_one = initial_values(spec, 1), Totals()
    train(KernelsEngine(spec, whole, settings, seed=2), data, in_one, slice(0, None))
    flat, in_two = initial_values(spec, 1), Totals()
    engine = KernelsEngine(spec, flat, settings, seed=2)
    train(engine, data, in_two, slice(0, cut))
    state = engine.state()
    before = {name: value.copy() for name, value in state.items()}
    again = KernelsEngine(spec, flat, settings, seed=2)
    again.load_state(state)
    train(again, data, in_two, slice(cut, None))
    assert flat.tobytes() == whole.tobytes()
    assert in_two == in_one
    for key, value in state.items():
        np.testing.assert_array_equal(value, before[key], "a state is a copy")


def test_a_carried_state_starts_anew_at_the_start_of_an_epoch() -> None:
    cut, whole = initial_values(STEPS, 1), initial_values(STEPS, 1)
    train(KernelsEngine(STEPS, whole), SERIES, Totals(), slice(0, None))
    engine = KernelsEngine(STEPS, cut)
    for rows, rate in zip(SERIES.order(0), RATES, strict=False):
        engine.train(SERIES, [rows], [rate], Totals(), 0)
    assert cut.tobytes() != whole.tobytes()
    twice, anew = initial_values(STEPS, 1), initial_values(STEPS, 1)
    settings = Optimizer("sgd", momentum=0.0)
    engine = KernelsEngine(STEPS, twice, settings)
    for _ in range(2):
        train(engine, SERIES, Totals(), slice(0, None))
        train(KernelsEngine(STEPS, anew, settings), SERIES, Totals(), slice(0, None))
    assert twice.tobytes() == anew.tobytes(), "an epoch begins with zeros"


def test_dropout_depends_on_the_seed() -> None:
    found = []
    for seed in (3, 3, 4):
        flat = initial_values(TABLE, 1)
        train(KernelsEngine(TABLE, flat, seed=seed), DATA, Totals(), slice(0, None))
        found.append(flat.tobytes())
    assert found[0] == found[1] != found[2]


def test_evaluating_between_steps_changes_no_bit() -> None:
    found = []
    for watched in (False, True):
        flat = initial_values(TABLE, 1)
        engine = KernelsEngine(TABLE, flat)
        for i in range(len(DATA)):
            train(engine, DATA, Totals(), slice(i, i + 1))
            if watched:
                assert engine.evaluate(DATA) == engine.evaluate(DATA)
        found.append(flat.tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize(("spec", "data"), [(TABLE, DATA), (STEPS, SERIES)])
def test_an_evaluation_is_interrupted_between_batches_and_has_the_bits_of_one_call(
    spec: Spec, data: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = initial_values(spec, 1)
    network = Network(spec, flat)
    carried = network.first_state(2) if data.carry else None
    loss, weight = network.evaluate(data.inputs, data.y, None, data.order(0), carried=carried)
    engine = KernelsEngine(spec, flat)
    assert engine.evaluate(data) == loss / weight
    evaluate, calls = Network.evaluate, []

    def interrupted(self: Network, *arguments: Any, **options: Any) -> tuple[float, float]:
        calls.append(len(arguments[3]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return evaluate(self, *arguments, **options)

    monkeypatch.setattr(Network, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.evaluate(data)
    assert calls == [1, 1, 1]


def test_a_carried_state_goes_through_a_whole_evaluation() -> None:
    flat = initial_values(STEPS, 1)
    arguments = (SERIES.inputs, SERIES.y, None, SERIES.order(0))
    network = Network(STEPS, flat)
    loss, weight = network.evaluate(*arguments, carried=network.first_state(2))
    assert KernelsEngine(STEPS, flat).evaluate(SERIES) == loss / weight
    assert loss != network.evaluate(*arguments)[0]


def test_a_batch_that_diverges_is_named_and_not_stepped() -> None:
    spec = replace(TABLE, hidden_dropout=0.0)
    bad = X.copy()
    bad[DATA.order(0)[3][0]] = np.nan
    flat, expected, totals, first = (
        initial_values(spec, 1), initial_values(spec, 1), Totals(), Totals(),
    )  # fmt: skip
    train(KernelsEngine(spec, expected), DATA, first, slice(0, 3))
    with pytest.raises(DivergedError) as error:
        train(KernelsEngine(spec, flat), replace(DATA, inputs=bad), totals, slice(0, None))
    assert error.value.batch == 3
    assert "the loss is nan" in str(error.value)
    np.testing.assert_array_equal(flat, expected)
    assert totals == first


def test_a_state_of_another_optimizer_or_size_is_refused() -> None:
    engine = KernelsEngine(TABLE, initial_values(TABLE, 1), Optimizer("adam"))
    state = engine.state()
    with pytest.raises(ValueError, match="the optimizer rmsprop keeps"):
        KernelsEngine(TABLE, initial_values(TABLE, 1), Optimizer("rmsprop")).load_state(state)
    for name in state:
        with pytest.raises(ValueError, match="the optimizer adam keeps"):
            engine.load_state({key: value for key, value in state.items() if key != name})
    with pytest.raises(ValueError, match="the optimizer adam keeps"):
        engine.load_state({**state, "adam.exp_avg": state["adam.exp_avg"][:-1]})


def test_data_without_targets_have_no_loss() -> None:
    engine = KernelsEngine(TABLE, initial_values(TABLE, 1))
    with pytest.raises(ValueError, match="without targets"):
        train(engine, replace(DATA, y=None), Totals(), slice(0, None))
    with pytest.raises(ValueError, match="all of them are missing"):
        engine.evaluate(replace(DATA, y=np.full_like(Y, np.nan)))


def test_every_row_is_predicted_alike_in_any_batch_and_by_weights_that_are_read_only() -> None:
    flat = initial_values(TABLE, 1)
    flat.setflags(write=False)
    outputs = []
    for batch_size in (1, 4, 22):
        found = np.empty((len(X), 2), np.float32)
        for rows, output in predict(TABLE, flat, replace(DATA, batch_size=batch_size)):
            found[rows] = output
        outputs.append(found.tobytes())
    assert len(set(outputs)) == 1


def test_a_table_has_no_hidden_states() -> None:
    with pytest.raises(ValueError, match="no hidden states"):
        list(hidden_states(TABLE, initial_values(TABLE, 1), DATA))


def test_a_call_lets_other_threads_run() -> None:
    """This thread, which only counts, gets its part of the processor beside the call."""
    spec = Spec(4, 2, "point", hidden=(Dense(512), Dense(512)))
    x = np.tile(X, (200, 1))
    data = Batches(x, np.tile(Y, (200, 1)), batch_size=16)
    engine = KernelsEngine(spec, initial_values(spec, 1))
    rows = data.order(0)
    rates = [1e-4] * len(rows)
    call = threading.Thread(target=engine.train, args=(data, rows, rates, Totals(), 0))
    own, all_threads = time.thread_time(), time.process_time()
    call.start()
    while call.is_alive():
        time.thread_time()
    own, all_threads = time.thread_time() - own, time.process_time() - all_threads
    call.join()
    assert own > 0.1 * all_threads
