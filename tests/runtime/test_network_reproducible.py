"""The same bits for any number of threads, however an epoch is cut, and beside other trainings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from chain_problems import BATCHES, LARGE, LENGTHS, RATES, problem, recurrent_spec

from unrolled.kernels import engine
from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import Dense, Recurrent, Spec, views

pytestmark = pytest.mark.usefixtures("poisoned_scratch")


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("spec", LARGE)
def test_any_number_of_threads_gives_the_same_bits(spec: Spec) -> None:
    lengths = tuple(np.random.default_rng(1).integers(20, 60, 130).tolist())
    p = problem(spec, lengths=lengths, weighted=True, missing=True)
    rows = np.random.default_rng(2).permutation(130)
    found = []
    for threads in (1, 2, 3):
        engine.set_num_threads(threads)
        network = Network(spec, p.flat)
        loss, gradient = network.gradients(p.inputs, p.y, p.weight, rows, dropout=(7, 1))
        found.append((loss, gradient, network.predict(p.inputs, rows)))
    assert np.isfinite(found[0][1]).all()
    for loss, gradient, outputs in found[1:]:
        assert loss == found[0][0]
        assert np.array_equal(gradient, found[0][1])
        assert np.array_equal(outputs, found[0][2])


@pytest.mark.usefixtures("own_threads")
def test_any_number_of_threads_trains_to_the_same_bits() -> None:
    spec = Spec(8, 1, "point", recurrent=Recurrent("gru", 96, 2, dropout=0.2), pooling="every")
    p = problem(spec, lengths=(40,) * 60)
    batches = [np.arange(60)] * 3
    flats = []
    for threads in (1, 2, 3):
        engine.set_num_threads(threads)
        network = Network(spec, p.flat.copy())
        state = TrainState.new(spec, Settings())
        network.train(p.inputs, p.y, None, batches, [0.01] * 3, state)
        flats.append(network.flat)
    assert np.isfinite(flats[0]).all()
    assert np.array_equal(flats[1], flats[0])
    assert np.array_equal(flats[2], flats[0])


@pytest.mark.usefixtures("own_threads")
def test_any_number_of_threads_drops_the_same() -> None:
    spec = Spec(40, 3, "point", hidden=(Dense(900), Dense(700)), hidden_dropout=0.5)
    p = problem(spec, lengths=(1,) * 200)
    found = []
    for threads in (1, 2, 3):
        engine.set_num_threads(threads)
        found.append(
            Network(spec, p.flat).gradients(p.inputs, p.y, None, np.arange(200), dropout=(3, 1))
        )
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        assert np.array_equal(gradient, found[0][1])


def test_predictions_do_not_depend_on_how_many_rows_there_are() -> None:
    p = problem(recurrent_spec("gru", pooling="every"), lengths=LENGTHS * 70)
    network = Network(p.spec, p.flat)
    rows = np.arange(len(LENGTHS) * 70)
    whole = network.predict(p.inputs, rows)
    alone = [network.predict(p.inputs, rows[n : n + 1]) for n in rows]
    assert np.array_equal(whole, np.concatenate(alone))


def test_steps_are_counted_on_where_float32_ends() -> None:
    spec = recurrent_spec("gru", dropout=(0.0, 0.0, 0.5))
    p = problem(spec)
    network = Network(spec, p.flat.copy())
    state = TrainState.new(spec, Settings("sgd"))
    state.arrays["step"][...] = 2**24
    losses = {
        float(network.train(p.inputs, p.y, None, [BATCHES[0]], [0.0], state).losses[0])
        for _ in range(4)
    }
    assert state.arrays["step"] == 2**24 + 4
    assert len(losses) == 4  # other numbers are dropped each time


def test_the_mean_of_many_steps_is_exact() -> None:
    # relu(x) of a constant input: the mean of the states is each state.
    spec = recurrent_spec("rnn", nonlinearity="relu", hidden_size=3, pooling="mean", output_size=1)
    p = problem(spec, lengths=(200_000,))
    flat = np.zeros(spec.num_parameters, np.float32)
    named = views(spec, flat)
    named["recurrent.weight_ih_l0"][...] = 0.1
    named["head.weight"][...] = 1.0
    p.inputs.values[...] = 1.0
    expected = 3 * np.float32(0.1) * 4
    found = Network(spec, flat).predict(p.inputs, np.array([0]))[0, 0]
    assert abs(found / expected - 1) < 1e-6


@pytest.mark.parametrize("carry", [False, True])
def test_an_epoch_in_slices_gives_the_same_bits(carry: bool) -> None:
    spec = recurrent_spec("lstm", num_layers=2, dropout=(0.3, 0.0, 0.2), pooling="every")
    p = problem(spec)
    batches = [rows[:2] for rows in BATCHES]
    settings = Settings("adam", seed=11)

    def run(*cuts: slice) -> tuple[np.ndarray, np.ndarray]:
        network = Network(spec, p.flat.copy())
        state = TrainState.new(spec, settings, carry=carry)
        losses = [
            network.train(p.inputs, p.y, None, batches[cut], RATES[cut], state).losses
            for cut in cuts
        ]
        return network.flat, np.concatenate(losses)

    whole = run(slice(0, 5))
    for cuts in ((slice(0, 2), slice(2, 5)), [slice(n, n + 1) for n in range(5)]):
        flat, losses = run(*cuts)
        assert np.array_equal(flat, whole[0])
        assert np.array_equal(losses, whole[1])


def test_restart_forgets_the_carried_state() -> None:
    p = problem(recurrent_spec("gru", pooling="every"))
    network = Network(p.spec, p.flat.copy())
    state = TrainState.new(p.spec, Settings("sgd"), carry=True)
    rows = BATCHES[0]
    first = network.train(p.inputs, p.y, None, [rows], [0.0], state).losses[0]
    assert not state.restart
    assert network.train(p.inputs, p.y, None, [rows], [0.0], state).losses[0] != first
    state.restart = True
    assert network.train(p.inputs, p.y, None, [rows], [0.0], state).losses[0] == first


@pytest.mark.parametrize("broken", ["target", "parameter"])
def test_training_stops_before_the_first_step_that_is_not_finite(broken: str) -> None:
    p = problem(recurrent_spec("rnn", nonlinearity="relu"))
    p.y[8] = 1e25  # in the third batch alone: its square is not finite in float32
    expected = p.flat.copy()
    before = TrainState.new(p.spec, Settings())
    Network(p.spec, expected).train(p.inputs, p.y, None, BATCHES[:2], RATES[:2], before)
    network = Network(p.spec, p.flat.copy())
    state = TrainState.new(p.spec, Settings())
    if broken == "parameter":
        network.flat[-1] = expected[-1] = np.nan
        trained = network.train(p.inputs, p.y, None, BATCHES, RATES, state)
        assert trained.done == 0
        assert state.arrays["step"] == 0
        assert np.isnan(trained.losses[0])
        assert np.array_equal(network.flat[:-1], p.flat[:-1])
        return
    trained = network.train(p.inputs, p.y, None, BATCHES, RATES, state)
    assert trained.done == 2
    assert trained.losses[2] > 1e38
    assert state.arrays["step"] == 2
    assert np.array_equal(network.flat, expected)
    for name, array in before.arrays.items():
        assert np.array_equal(state.arrays[name], array)


@pytest.mark.usefixtures("own_threads")
def test_networks_trained_side_by_side_have_the_bits_of_each_alone() -> None:
    engine.set_num_threads(2)
    problems = [
        problem(recurrent_spec(cell, pooling="every", hidden_size=size), seed=size)
        for cell in ("rnn", "gru", "lstm")
        for size in (5, 33)
    ]

    def run(number: int) -> np.ndarray:
        p = problems[number % len(problems)]
        network = Network(p.spec, p.flat.copy())
        state = TrainState.new(p.spec, Settings())
        network.train(p.inputs, p.y, None, BATCHES * 20, RATES * 20, state)
        return network.flat

    alone = [run(number) for number in range(len(problems))]
    with ThreadPoolExecutor(4) as pool:
        for number, flat in enumerate(pool.map(run, range(24))):
            assert np.array_equal(flat, alone[number % len(problems)])
