"""Dropout of symbols, inputs and recurrent weights, and dropout that is locked over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chain_problems import (
    BATCHES,
    LENGTHS,
    RATES,
    Problem,
    assert_close_gradients,
    problem,
    recurrent_spec,
)
from drawn_masks import masks_of
from torch_chains import Reference

from unrolled.kernels import engine
from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import Dense, Recurrent, Spec, views

pytestmark = pytest.mark.usefixtures("poisoned_scratch")

ROWS = np.array([2, 0, 3, 1, 7, 4, 6])
SEED = 2**63 + 12345
HIDDEN = (Dense(6, "relu"), Dense(4, "tanh"))
TIED = recurrent_spec("lstm", tokens=True, tied=True, loss="cross_entropy", pooling="every")
CATEGORIES = recurrent_spec("gru", pooling="every", categories=((5, 3), (2, 1), (9, 17)))


def with_weights(spec: Spec, p: float) -> Spec:
    assert spec.recurrent is not None
    return replace(spec, recurrent=replace(spec.recurrent, weight_dropout=p))


def locked(spec: Spec, **more: Any) -> Spec:
    return replace(spec, locked_dropout=True, **more)


DEEP = recurrent_spec("gru", num_layers=3, bidirectional=True, dropout=(0.3, 0, 0.4))
EVERYTHING = with_weights(
    locked(
        recurrent_spec(
            "lstm",
            num_layers=2,
            tokens=True,
            tied=True,
            loss="cross_entropy",
            pooling="every",
            dropout=(0.3, 0.2, 0.4),
        ),
        input_dropout=0.3,
        embedding_dropout=0.2,
        symbol_dropout=0.2,
    ),
    0.3,
)
SPECS = {
    "embedding": replace(recurrent_spec("gru", tokens=True, pooling="mean"), embedding_dropout=0.4),
    "embedding-tied": replace(TIED, embedding_dropout=0.4),
    "symbols": replace(recurrent_spec("lstm", tokens=True, bidirectional=True), symbol_dropout=0.3),
    "symbols-tied": replace(TIED, symbol_dropout=0.3, embedding_dropout=0.3),
    "symbols-categories": replace(CATEGORIES, symbol_dropout=0.3),
    "symbols-two-categories": replace(CATEGORIES, symbol_dropout=0.3, symbol_columns=2),
    "input": replace(recurrent_spec("rnn", num_layers=2), input_dropout=0.3),
    "input-tokens": replace(TIED, input_dropout=0.3),
    "input-categories": replace(CATEGORIES, input_dropout=0.3, symbol_dropout=0.2),
    "locked-input": locked(recurrent_spec("gru", pooling="max"), input_dropout=0.3),
    "locked-input-categories": locked(CATEGORIES, input_dropout=0.3),
    "locked-between": locked(DEEP),
    "locked-head": locked(recurrent_spec("lstm", pooling="every", dropout=(0, 0, 0.4))),
    "locked-head-hidden": locked(
        recurrent_spec("gru", pooling="every", hidden=HIDDEN, dropout=(0, 0.3, 0.4))
    ),
    "locked-head-last": locked(recurrent_spec("gru", hidden=HIDDEN, dropout=(0, 0.3, 0.4))),
    "weights-rnn": with_weights(recurrent_spec("rnn", nonlinearity="relu", num_layers=2), 0.4),
    "weights-gru": with_weights(replace(DEEP, pooling="every"), 0.4),
    "weights-lstm": with_weights(
        recurrent_spec("lstm", hidden_size=37, bidirectional=True, pooling="max"), 0.4
    ),
    "everything": EVERYTHING,
    "everything-not locked": replace(EVERYTHING, locked_dropout=False),
    "everything-two ways": with_weights(
        locked(
            replace(DEEP, input_size=6, categories=((5, 3), (4, 2)), pooling="every"),
            input_dropout=0.2,
            symbol_dropout=0.3,
        ),
        0.2,
    ),
}


def expected_gradients(p: Problem, step: int, rows: np.ndarray) -> tuple[float, np.ndarray]:
    masks = masks_of(p.spec, rows, p.inputs.lengths, SEED, step)
    return Reference(p).gradients(rows, masks=masks)


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("name", SPECS)
def test_gradients_are_those_of_torch_with_the_same_masks(name: str) -> None:
    p = problem(SPECS[name], weighted=True)
    network = Network(p.spec, p.flat)
    loss, gradient = network.gradients(p.inputs, p.y, p.weight, ROWS, dropout=(SEED, 6))
    expected_loss, expected = expected_gradients(p, 6, ROWS)
    assert loss == pytest.approx(expected_loss, rel=2e-6)
    assert_close_gradients(p.spec, gradient, expected)
    without, _ = network.gradients(p.inputs, p.y, p.weight, ROWS)
    assert without == pytest.approx(Reference(p).gradients(ROWS)[0], rel=2e-6)
    assert without != pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("name", SPECS)
def test_training_draws_anew_each_step_and_evaluation_draws_nothing(name: str) -> None:
    p = problem(SPECS[name])
    network = Network(p.spec, p.flat.copy())
    state = TrainState.new(p.spec, Settings("sgd", momentum=0.0, seed=9))
    losses = network.train(p.inputs, p.y, None, [ROWS] * 4, [0.0] * 4, state).losses
    assert len(set(losses)) == 4
    steps = [network.gradients(p.inputs, p.y, None, ROWS, dropout=(9, n))[0] for n in range(1, 5)]
    assert losses.tolist() == steps
    without = Network(undropped(p.spec), p.flat)
    assert network.evaluate(p.inputs, p.y, None, [ROWS]) == without.evaluate(
        p.inputs, p.y, None, [ROWS]
    )
    found, wanted = network.predict(p.inputs, ROWS), without.predict(p.inputs, ROWS)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(
        network.hidden_states(p.inputs, ROWS), without.hidden_states(p.inputs, ROWS)
    )


def undropped(spec: Spec) -> Spec:
    assert spec.recurrent is not None
    return replace(
        spec,
        recurrent=replace(spec.recurrent, dropout=0.0, weight_dropout=0.0),
        hidden_dropout=0.0,
        head_dropout=0.0,
        embedding_dropout=0.0,
        input_dropout=0.0,
        symbol_dropout=0.0,
        locked_dropout=False,
    )


def test_gradients_go_back_through_a_batch_that_goes_on_from_another() -> None:
    """Two steps of plain descent with a carried state, each with masks of its own."""
    p = problem(replace(EVERYTHING, recurrent=replace(EVERYTHING.recurrent, num_layers=3)))
    batches, rate = [ROWS[:3], ROWS[3:6]], 0.5
    network = Network(p.spec, p.flat.copy())
    settings = Settings("sgd", momentum=0.0, clip_norm=None, seed=SEED)
    state = TrainState.new(p.spec, settings, carry=True)
    losses = network.train(p.inputs, p.y, None, batches, [rate] * 2, state).losses
    flat, first = p.flat.astype(np.float64), None
    for step, rows in enumerate(batches, 1):
        masks = masks_of(p.spec, rows, p.inputs.lengths, SEED, step)
        reference = Reference(p, flat)
        total, count, _, final = reference.loss(rows, first, masks)
        assert losses[step - 1] == pytest.approx(float(total.detach()) / count, rel=5e-6)
        flat = flat - rate * reference.gradients(rows, first, masks)[1]
        first = [part.detach().numpy() for part in final]
    moved = np.abs(flat - p.flat).max()
    np.testing.assert_allclose(network.flat, flat, rtol=0, atol=1e-5 * moved)
    for mine, theirs in zip(state.carried, first or (), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=3e-6)


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize(
    "spec",
    [
        Spec(
            300, 300, "class", 90, (Dense(90),), 0.1,
            Recurrent("lstm", 90, 2, False, 0.2, weight_dropout=0.3), "every", 0.4, True,
            embedding_dropout=0.1, input_dropout=0.3, symbol_dropout=0.1, locked_dropout=True,
        ),
        Spec(
            9, 2, "point", recurrent=Recurrent("gru", 90, 2, True, 0.2, weight_dropout=0.4),
            categories=((7, 40), (3, 1)), input_dropout=0.3, symbol_dropout=0.2,
        ),
    ],
)  # fmt: skip
def test_any_number_of_threads_gives_the_same_bits(spec: Spec) -> None:
    lengths = tuple(np.random.default_rng(1).integers(20, 60, 100).tolist())
    p = problem(spec, lengths=lengths, weighted=True, missing=True)
    rows = np.random.default_rng(2).permutation(100)
    found = []
    for threads in (1, 2, 3):
        engine.set_num_threads(threads)
        found.append(Network(spec, p.flat).gradients(p.inputs, p.y, p.weight, rows, dropout=(7, 1)))
    assert np.isfinite(found[0][1]).all()
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        np.testing.assert_array_equal(gradient, found[0][1])


@pytest.mark.parametrize("carry", [False, True])
def test_an_epoch_in_slices_gives_the_same_bits(carry: bool) -> None:
    p = problem(EVERYTHING)
    batches = [rows[:2] for rows in BATCHES]

    def run(*cuts: slice) -> tuple[np.ndarray, np.ndarray]:
        network = Network(p.spec, p.flat.copy())
        state = TrainState.new(p.spec, Settings(seed=11), carry=carry)
        losses = [
            network.train(p.inputs, p.y, None, batches[cut], RATES[cut], state).losses
            for cut in cuts
        ]
        return network.flat, np.concatenate(losses)

    whole = run(slice(0, 5))
    for cuts in ((slice(0, 2), slice(2, 5)), [slice(n, n + 1) for n in range(5)]):
        flat, losses = run(*cuts)
        np.testing.assert_array_equal(flat, whole[0])
        np.testing.assert_array_equal(losses, whole[1])


UNITS = 200


def echo(spec: Spec, step: int = 1) -> np.ndarray:
    """What comes out [N, T, H] of a network that hands its inputs on, for 4 rows of 5 steps.

    All layers and the head are the identity and no state goes from step to step. The gradient of
    the head's bias tells the outputs: those of one step at a time, which alone has a weight.
    """
    assert spec.recurrent is not None
    flat = np.zeros(spec.num_parameters, np.float32)
    for name, value in views(spec, flat).items():
        if "weight_ih" in name or name == "head.weight":
            value[...] = np.eye(*value.shape)
        elif name == "embedding.weight":
            value[...] = 1.0 + np.arange(len(value))[:, None]
    values: Any = np.ones((20, UNITS), np.float32)
    if spec.embedding_size:
        values = np.arange(20) % spec.input_size
    inputs = SimpleNamespace(values=values, starts=np.arange(4) * 5, lengths=np.full(4, 5))
    y, network = np.zeros((20, UNITS), np.float32), Network(spec, flat)
    found = np.empty((20, UNITS))
    for place in range(20):
        weight = np.zeros(20, np.float32)
        weight[place] = 1.0
        _, gradient = network.gradients(inputs, y, weight, np.arange(4), dropout=(SEED, step))
        found[place] = views(spec, gradient)["head.bias"] * 20 * UNITS / 2
    return found.reshape(4, 5, UNITS)


ECHO = Spec(
    UNITS, UNITS, "point", recurrent=Recurrent("rnn", UNITS, nonlinearity="relu"), pooling="every"
)
P = 0.3
PLACES: dict[str, Callable[[Spec], Spec]] = {
    "input": lambda spec: replace(spec, input_dropout=P),
    "between": lambda spec: replace(
        spec, recurrent=replace(ECHO.recurrent, num_layers=2, dropout=P)
    ),
    "head": lambda spec: replace(spec, head_dropout=P),
}


def assert_dropped(found: np.ndarray, p: float) -> None:
    """All is 0 or 1 / (1 - p), at the right rate."""
    kept = found > 0
    np.testing.assert_allclose(found[kept], 1 / (1 - p), rtol=1e-5)
    bound = 4 * np.sqrt(p * (1 - p) / found.size)
    assert 1 - kept.mean() == pytest.approx(p, abs=bound)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_locked_is_the_same_at_all_steps_and_differs_between_rows(place: str) -> None:
    found = echo(replace(PLACES[place](ECHO), locked_dropout=True))
    for t in range(1, 5):
        np.testing.assert_array_equal(found[:, t], found[:, 0])
    assert_dropped(found[:, 0], P)
    for one in range(4):
        for other in range(one):
            same = ((found[one, 0] > 0) == (found[other, 0] > 0)).mean()
            assert same == pytest.approx(1 - 2 * P * (1 - P), abs=0.14)
    again = echo(replace(PLACES[place](ECHO), locked_dropout=True), step=2)
    assert ((found > 0) == (again > 0)).mean() == pytest.approx(1 - 2 * P * (1 - P), abs=0.07)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_not_locked_differs_between_steps(place: str) -> None:
    found = echo(PLACES[place](ECHO))
    assert_dropped(found, P)
    kept = found > 0
    same = (kept[:, 1:] == kept[:, :-1]).mean()
    assert same == pytest.approx(1 - 2 * P * (1 - P), abs=0.04)


def test_places_draw_numbers_of_their_own() -> None:
    everywhere = locked(
        replace(
            ECHO,
            recurrent=replace(ECHO.recurrent, num_layers=3, dropout=P),
            head_dropout=P,
            input_dropout=P,
        )
    )
    kept = (echo(everywhere)[:, 0] > 0).mean()
    assert kept == pytest.approx((1 - P) ** 4, abs=4 * np.sqrt(0.24 * 0.76 / 4 / UNITS))


def test_a_symbol_of_the_embedding_is_dropped_whole_and_wherever_it_comes() -> None:
    spec = replace(ECHO, input_size=6, embedding_size=UNITS, embedding_dropout=P)
    factors = []
    for step in range(1, 21):
        found = echo(spec, step).reshape(20, UNITS) / (1 + np.arange(20) % 6)[:, None]
        assert (found == found[:, :1]).all()
        for place in range(6, 20):
            np.testing.assert_allclose(found[place], found[place - 6], rtol=1e-5)
        factors.append(found[:6, 0])
    assert_dropped(np.array(factors), P)
    drawn = np.array(factors) > 0
    assert (drawn != drawn[:1]).any(axis=0).all(), "another step drops other symbols"


def test_a_symbol_that_is_dropped_is_read_as_number_0() -> None:
    spec = replace(ECHO, input_size=20, embedding_size=UNITS, symbol_dropout=P)
    unknown = []
    for step in range(1, 21):
        found = echo(spec, step)
        assert (found == found[:, :, :1]).all()
        codes = found[:, :, 0].round().astype(int) - 1
        own = np.arange(20).reshape(4, 5)
        assert ((codes == own) | (codes == 0)).all()
        unknown.append(codes.ravel()[1:] == 0)
    drawn = np.array(unknown)
    assert drawn.mean() == pytest.approx(P, abs=4 * np.sqrt(P * (1 - P) / drawn.size))
    assert (drawn != drawn[:1]).any(axis=0).all()
    assert (drawn != drawn[:, :1]).any(axis=1).all()


def test_codes_of_other_categories_than_the_first_are_never_dropped() -> None:
    """What the second table's row 0 would learn from is not there."""
    spec = recurrent_spec("gru", pooling="every", categories=((5, 3), (4, 2)))
    p = problem(replace(spec, symbol_dropout=0.5))
    p.inputs.values[:, 4:] = 2
    _, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS, dropout=(1, 1))
    named = views(p.spec, gradient)
    assert (named["categories.0.weight"][[1, 3, 4]] == 0).all()
    assert (named["categories.0.weight"][[0, 2]] != 0).all()
    assert (named["categories.1.weight"][[0, 1, 3]] == 0).all()
    assert (named["categories.1.weight"][2] != 0).all()


def test_a_dropped_weight_has_no_gradient_and_the_weights_themselves_stay() -> None:
    p = problem(with_weights(recurrent_spec("lstm", hidden_size=40, num_layers=2), P))
    before = p.flat.copy()
    dropped = []
    for step in (1, 2):
        _, gradient = Network(p.spec, p.flat).gradients(
            p.inputs, p.y, None, ROWS, dropout=(SEED, step)
        )
        for layer in range(2):
            of_weight = views(p.spec, gradient)[f"recurrent.weight_hh_l{layer}"]
            dropped.append(of_weight == 0)
            assert dropped[-1].mean() == pytest.approx(P, abs=4 * np.sqrt(0.21 / of_weight.size))
            assert (views(p.spec, gradient)[f"recurrent.weight_ih_l{layer}"] != 0).all()
    np.testing.assert_array_equal(p.flat, before)
    for one in range(4):
        for other in range(one):
            same = (dropped[one] == dropped[other]).mean()
            assert same == pytest.approx(1 - 2 * P * (1 - P), abs=0.03)


def test_ragged_rows_and_a_single_step() -> None:
    for lengths in ((1,) * 9, (1, 30, 2, 17, 1, 5, 9, 2, 4), LENGTHS):
        p = problem(EVERYTHING, lengths=lengths)
        loss, gradient = Network(p.spec, p.flat).gradients(
            p.inputs, p.y, None, ROWS, dropout=(SEED, 3)
        )
        expected_loss, expected = expected_gradients(p, 3, ROWS)
        assert loss == pytest.approx(expected_loss, rel=2e-6)
        assert_close_gradients(p.spec, gradient, expected)
