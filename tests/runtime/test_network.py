"""Predictions, losses and gradients beside the same network in torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chain_problems import (
    LARGE,
    Problem,
    assert_close_gradients,
    problem,
    recurrent_spec,
    table_spec,
)
from torch_chains import Reference

from unrolled.runtime.network import Network
from unrolled.runtime.spec import Dense, views

pytestmark = pytest.mark.usefixtures("poisoned_scratch")

ROWS = np.array([2, 0, 3, 1, 7, 4, 6])
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
TWO = (Dense(6, "relu"), Dense(4, "tanh"))
LEVELS = (0.1, 0.5, 0.8)


def cases() -> dict[str, Problem]:
    """Every cell, loss, pooling, direction and head, alone and together."""
    found = {}
    for cell, kind in CELLS:
        for pooling in ("last", "mean", "max", "every"):
            for two_ways in (False, True):
                spec = recurrent_spec(
                    cell, nonlinearity=kind, pooling=pooling, bidirectional=two_ways
                )
                name = f"{cell}-{kind}-{pooling}-{'two ways' if two_ways else 'one way'}"
                found[name] = problem(spec)
    losses = ("squared", "absolute", "huber", "quantile", "cross_entropy", "binary_cross_entropy")
    for loss in losses:
        for pooling in ("last", "every"):
            spec = recurrent_spec(
                "rnn",
                loss=loss,
                pooling=pooling,
                output_size=6 if loss == "quantile" else 3,
                quantiles=LEVELS if loss == "quantile" else (),
            )
            for weighted in (False, True):
                for missing in (False, True):
                    name = f"{loss}-{pooling}" + "-weights" * weighted + "-missing" * missing
                    found[name] = problem(spec, weighted=weighted, missing=missing)
    for cell, kind in CELLS:
        spec = recurrent_spec(cell, nonlinearity=kind, num_layers=3, bidirectional=True)
        found[f"{cell}-{kind}-three layers"] = problem(spec)
    for pooling in ("last", "max", "every"):
        deep = recurrent_spec("gru", num_layers=2, pooling=pooling, hidden=TWO)
        found[f"hidden-{pooling}"] = problem(deep)
        spec = recurrent_spec("lstm", tokens=True, pooling=pooling, loss="cross_entropy")
        found[f"tokens-{pooling}"] = problem(spec)
        spec = recurrent_spec("lstm", tokens=True, tied=True, pooling=pooling, loss="cross_entropy")
        found[f"tied-{pooling}"] = problem(spec)
    found["equal lengths"] = problem(recurrent_spec("gru"), lengths=(5,) * 9)
    found["one step"] = problem(recurrent_spec("lstm", pooling="every"), lengths=(1,) * 9)
    found["many classes"] = problem(
        recurrent_spec("gru", hidden_size=19, loss="cross_entropy", output_size=53, pooling="every")
    )
    found["table"] = problem(table_spec())
    found["table-no hidden"] = problem(table_spec(hidden=()))
    found["table-weights-missing"] = problem(table_spec(), weighted=True, missing=True)
    found["table-classes"] = problem(table_spec(head="class", loss="cross_entropy"))
    return found


CASES = cases()


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Problem:
    return CASES[request.param]


@pytest.mark.usefixtures("simd")
def test_loss_and_gradient(case: Problem) -> None:
    network = Network(case.spec, case.flat.copy())
    loss, gradient = network.gradients(case.inputs, case.y, case.weight, ROWS)
    expected_loss, expected = Reference(case).gradients(ROWS)
    assert loss == pytest.approx(expected_loss, rel=2e-6)
    assert np.abs(expected).max() > 1e-3
    assert_close_gradients(case.spec, gradient, expected)


def test_predictions_and_evaluation(case: Problem) -> None:
    network = Network(case.spec, case.flat.copy())
    reference = Reference(case)
    found = network.predict(case.inputs, ROWS)
    expected = reference.scores(ROWS)[0].detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6)
    batches = [ROWS[:4], ROWS[4:], np.array([5])]
    sums = network.evaluate(case.inputs, case.y, case.weight, batches)
    parts = [reference.loss(rows) for rows in batches]
    assert sums[0] == pytest.approx(sum(float(part[0].detach()) for part in parts), rel=2e-6)
    assert sums[1] == pytest.approx(sum(part[2] for part in parts), rel=1e-6)


@pytest.mark.parametrize(("cell", "kind"), CELLS)
@pytest.mark.parametrize("num_layers", [1, 2, 3, 4])
def test_hidden_states_are_zero_in_padding(cell: str, kind: str, num_layers: int) -> None:
    p = problem(recurrent_spec(cell, nonlinearity=kind, num_layers=num_layers, bidirectional=True))
    found = Network(p.spec, p.flat).hidden_states(p.inputs, ROWS)
    assert found.shape == (7, len(ROWS), 10)
    expected, _ = Reference(p).states(ROWS, None, None)
    for n, states in enumerate(expected):
        length = len(states)
        np.testing.assert_allclose(found[:length, n], states.detach().numpy(), atol=3e-6)
        assert (found[length:, n] == 0).all()


def test_equal_largest_states_share_the_gradient_of_the_maximum() -> None:
    """Without recurrent weights, a row of equal inputs has equal states."""
    p = problem(recurrent_spec("rnn", pooling="max"))
    p.inputs.values[:] = p.inputs.values[0]
    views(p.spec, p.flat)["recurrent.weight_hh_l0"][:] = 0
    _, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
    assert_close_gradients(p.spec, gradient, Reference(p).gradients(ROWS)[1])


def test_a_batch_without_targets_has_no_loss_and_no_gradient() -> None:
    for loss, gone in (("squared", np.nan), ("cross_entropy", -1)):
        p = problem(recurrent_spec("gru", loss=loss))
        p = replace(p, y=np.full_like(p.y, gone))
        loss_found, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
        assert loss_found == 0
        assert (gradient == 0).all()


def test_losses_where_scores_are_large() -> None:
    """Scores of +-200 neither overflow nor lose the gradient."""
    spec = recurrent_spec("rnn", loss="cross_entropy", output_size=11)
    for changed in (spec, replace(spec, loss="binary_cross_entropy")):
        p = problem(changed)
        p.flat[-11 * 6 :] *= 300
        loss, gradient = Network(changed, p.flat).gradients(p.inputs, p.y, None, ROWS)
        expected_loss, expected = Reference(p).gradients(ROWS)
        assert expected_loss > 50
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_large_gradients() -> None:
    """More rows, columns and outputs than a block of the dense products holds."""
    for spec in (LARGE[0], replace(LARGE[4], hidden_dropout=0.0)):
        p = problem(spec, lengths=(9,) * 270 if spec.recurrent is None else (23,) * 30)
        p.flat[:] *= 0.2
        rows = np.arange(len(p.inputs) if spec.recurrent is None else 30)
        _, gradient = Network(spec, p.flat).gradients(p.inputs, p.y, None, rows)
        assert_close_gradients(spec, gradient, Reference(p).gradients(rows)[1])
