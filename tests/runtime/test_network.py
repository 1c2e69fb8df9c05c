"""Predictions, losses and gradients beside the same network in torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from chain_problems import (
    LARGE,
    LARGE_CRF,
    Problem,
    assert_close_gradients,
    problem,
    recurrent_spec,
    table_spec,
)
from mpmath import mp
from torch_chains import Reference

from unrolled.runtime.network import Network
from unrolled.runtime.spec import LOSSES, Dense, Spec, views

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
    for loss in [loss for losses in LOSSES.values() for loss in losses]:
        for pooling in ("last", "every") if loss != "crf" else ("every",):
            spec = recurrent_spec(
                "rnn",
                loss=loss,
                pooling=pooling,
                output_size=6 if loss == "quantile" or loss in LOSSES["distribution"] else 3,
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
    for cell, kind in CELLS:
        for pooling in ("last", "mean", "every"):
            spec = recurrent_spec(
                cell, nonlinearity=kind, pooling=pooling, categories=((5, 3), (2, 1), (9, 17))
            )
            found[f"categories-{cell}-{kind}-{pooling}"] = problem(spec)
    spec = recurrent_spec(
        "lstm", num_layers=2, bidirectional=True, categories=((4, 2), (6, 4)), numbers=0
    )
    found["categories-alone"] = problem(spec)
    found["equal lengths"] = problem(recurrent_spec("gru"), lengths=(5,) * 9)
    found["one step"] = problem(recurrent_spec("lstm", pooling="every"), lengths=(1,) * 9)
    found["many classes"] = problem(
        recurrent_spec("gru", hidden_size=19, loss="cross_entropy", output_size=53, pooling="every")
    )
    found["table"] = problem(table_spec())
    found["table-no hidden"] = problem(table_spec(hidden=()))
    found["table-weights-missing"] = problem(table_spec(), weighted=True, missing=True)
    for loss in LOSSES["distribution"]:
        found[f"table-{loss}"] = problem(table_spec(head="distribution", output_size=6, loss=loss))
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
    for loss, gone in (("squared", np.nan), ("cross_entropy", -1), ("crf", -1)):
        p = problem(recurrent_spec("gru", loss=loss, pooling="every"))
        p = replace(p, y=np.full_like(p.y, gone))
        loss_found, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
        assert loss_found == 0
        assert (gradient == 0).all()


def test_a_code_that_is_not_there_has_no_gradient() -> None:
    p = problem(recurrent_spec("gru", categories=((5, 3), (4, 2))))
    p.inputs.values[:, 5] = 2
    _, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
    named = views(p.spec, gradient)
    assert (named["categories.1.weight"][[0, 1, 3]] == 0).all()
    assert (named["categories.1.weight"][2] != 0).all()
    assert (named["categories.0.weight"] != 0).all()


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


# Raw outputs and a target, where a distribution comes near a limit or a number is large: of many
# degrees of freedom the normal distribution, of a small shape the Poisson distribution.
LIMITS: list[tuple[str, list[float], list[float]]] = [
    ("normal", [0.5, -200.0], [0.502]),
    ("normal", [3e20, 80.0], [-2e20]),
    ("student_t", [0.5, 0.3, 1e7], [2.0]),
    ("student_t", [0.5, 0.3, 1e3], [2.0]),
    ("student_t", [0.5, 0.3, 17.9], [-8.0]),
    ("student_t", [0.5, 0.3, -90.0], [5e6]),
    ("negative_binomial", [1.0, -2.25], [40.0, 1.5]),
    ("negative_binomial", [1.0, -9.0], [7.0, 1.5]),
    ("negative_binomial", [1.0, -25.0], [7.0, 1.5]),
    ("negative_binomial", [1.0, -80.0], [7.0, 1.5]),
    ("negative_binomial", [-90.0, -1.0], [3.0, 2.0]),
    ("negative_binomial", [-800.0, -1.0], [3.0, 2.0]),
    ("negative_binomial", [-3.0, 40.0], [0.0, 2.0]),
    ("negative_binomial", [2.0, 50.0], [60000.0, 900.0]),
    ("negative_binomial", [30.0, 0.5], [0.0, 1e6]),
    ("negative_binomial", [1.0, 2.0], [2e6, 1e6]),
]


def likelihood_by_many_digits(loss: str, o: list[Any], y: list[float]) -> Any:
    """-log p by its textbook formula."""
    softplus = [mp.log1p(mp.exp(x)) for x in o]
    t = mp.mpf(y[0])
    if loss == "negative_binomial":
        mean, r = y[1] * softplus[0], mp.sqrt(y[1]) / softplus[1]
        ways = mp.loggamma(t + r) - mp.loggamma(t + 1) - mp.loggamma(r)
        return -(ways + r * mp.log(r / (r + mean)) + t * mp.log(mean / (r + mean)))
    scale = softplus[1] + mp.mpf("0.001")
    e = (t - o[0]) / scale
    if loss == "normal":
        return mp.log(scale * mp.sqrt(2 * mp.pi)) + e**2 / 2
    df = 2 + softplus[2]
    ways = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2)
    return (df + 1) / 2 * mp.log1p(e**2 / df) - ways + mp.log(scale * mp.sqrt(df * mp.pi))


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize(("loss", "outputs", "target"), LIMITS)
def test_likelihoods_near_their_limits(
    loss: str, outputs: list[float], target: list[float]
) -> None:
    """The gradient of the bias is that of the raw outputs, here beside 150 digits."""
    size = len(outputs)
    spec = Spec(1, size, "distribution", loss=loss)
    flat = np.array([0.0] * size + outputs, np.float32)
    y = np.array([target], np.float32)
    rows = np.array([0])
    found, gradient = Network(spec, flat).gradients(np.ones((1, 1), np.float32), y, None, rows)
    with mp.workdps(150):
        place = [mp.mpf(float(o)) for o in flat[size:]]
        numbers = [float(t) for t in y[0]]
        expected = float(likelihood_by_many_digits(loss, place, numbers))
        slopes = []
        for i in range(size):
            step = mp.mpf(10) ** -20
            more, less = ([*place[:i], place[i] + s, *place[i + 1 :]] for s in (step, -step))
            change = likelihood_by_many_digits(loss, more, numbers)
            change -= likelihood_by_many_digits(loss, less, numbers)
            slopes.append(float(change / (2 * step)))
    assert found == pytest.approx(expected, rel=1e-9)
    for place_found in (gradient[:size], gradient[size:]):
        np.testing.assert_allclose(place_found, slopes, rtol=2e-7, atol=1e-12 * abs(expected))


def test_a_count_without_its_scale_is_missing_and_one_of_no_likelihood_is_not_finite() -> None:
    spec = Spec(1, 2, "distribution", loss="negative_binomial")
    network = Network(spec, np.array([0.3, 0.2, 0.1, 0.4], np.float32))
    x = np.ones((2, 1), np.float32)

    def loss(*pair: float) -> float:
        y = np.array([[3.0, 2.0], pair], np.float32)
        return network.gradients(x, y, None, np.arange(2))[0]

    alone = network.gradients(x, np.array([[3.0, 2.0]] * 2, np.float32), None, np.arange(1))[0]
    assert loss(np.nan, 2.0) == loss(5.0, np.nan) == loss(np.nan, np.nan) == alone
    assert np.isfinite(loss(5.0, 1.0))
    for pair in ((-5.0, 1.0), (-2.5, 1.0), (5.0, -1.0), (5.0, 0.0), (np.inf, 1.0)):
        assert not np.isfinite(loss(*pair))


def test_large_gradients() -> None:
    """More rows, columns and outputs than a block of the dense products holds."""
    for spec in (LARGE[0], replace(LARGE[4], hidden_dropout=0.0), LARGE_CRF):
        p = problem(spec, lengths=(9,) * 270 if spec.recurrent is None else (23,) * 30)
        p.flat[:] *= 0.2
        rows = np.arange(len(p.inputs) if spec.recurrent is None else 30)
        _, gradient = Network(spec, p.flat).gradients(p.inputs, p.y, None, rows)
        assert_close_gradients(spec, gradient, Reference(p).gradients(rows)[1])
