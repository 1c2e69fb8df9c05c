"""SignalRegressor: a number for each step, missing targets, teacher forcing and simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from aligned_problems import (
    LENGTHS,
    signal,
    signals,
)
from sklearn.base import is_regressor
from sklearn.model_selection import GridSearchCV

from unrolled import SignalRegressor
from unrolled.data.sequences import Sequences, rows_of
from unrolled.runtime.stepper import Stepper
from unrolled.training import engines


def by_hand(model: SignalRegressor, x: np.ndarray) -> np.ndarray:
    """Numbers [T, K] of one signal, a step at a time."""
    assert model.scaler_ is not None
    stepper = Stepper(model.spec_, model.weights_)
    state, last, found = stepper.zeros(1), np.zeros((1, model.n_outputs_), np.float32), []
    for row in model.scaler_.apply(x):
        step = np.concatenate([row[None], last], axis=1) if model.output_feedback else row[None]
        last, state = stepper.step(step, state)
        found.append(model.target_scaler_.invert(last)[0])
    return np.array(found)


@pytest.mark.parametrize("K", [0, 3])
@pytest.mark.parametrize("feedback", [False, True])
def test_predictions_are_those_of_one_step_at_a_time(K: int, feedback: bool) -> None:
    X, y = signals(K)
    model = signal(output_feedback=feedback, cell="lstm", num_layers=2).fit(X, y)
    found = model.predict(X)
    assert isinstance(found, list)
    assert [len(numbers) for numbers in found] == LENGTHS
    for x, numbers in zip(X, found, strict=True):
        assert numbers.dtype == np.float64
        expected = by_hand(model, x)
        np.testing.assert_allclose(numbers, expected if K else expected[:, 0], rtol=2e-4, atol=1e-3)


def test_a_fit_lowers_the_loss_and_learns_a_filter() -> None:
    rng = np.random.default_rng(1)
    X = [rng.normal(size=n) for n in rng.integers(15, 40, size=40)]
    y = [np.convolve(x, [0.5, 0.3, 0.2])[: len(x)] for x in X]
    model = signal(hidden_size=16, max_epochs=40, learning_rate=0.02).fit(X[:30], y[:30])
    assert model.score(X[30:], y[30:]) > 0.95
    assert model.history_[-1]["train_loss"] < 0.2 * model.history_[0]["train_loss"]


def test_a_causal_model_reads_nothing_behind_a_step_and_a_bidirectional_one_does() -> None:
    X, y = signals()
    changed = [x.copy() for x in X]
    for x in changed:
        x[-1] += 5.0
    for both, feedback in ((False, False), (False, True), (True, False)):
        model = signal(bidirectional=both, output_feedback=feedback).fit(X, y)
        before = [numbers[:-1] for numbers in model.predict(X)]
        after = [numbers[:-1] for numbers in model.predict(changed)]
        same = all(np.allclose(a, b, atol=1e-6) for a, b in zip(before, after, strict=True))
        assert same != both


SAME = {
    "[N, T] and [N, T]": lambda x, y: (x, y),
    "[N, T, 1] and lists": lambda x, y: (x[:, :, None], y.tolist()),
    "lists of arrays": lambda x, y: (list(x), list(y)),
    "lists of [T, 1]": lambda x, y: (list(x[:, :, None]), tuple(y)),
    "nested lists": lambda x, y: (x.tolist(), y.tolist()),
    "columns first": lambda x, y: (np.asfortranarray(x), np.asfortranarray(y)),
    "pandas": lambda x, y: (pd.DataFrame(x).add_prefix("t"), pd.DataFrame(y)),
    "polars": lambda x, y: (pl.DataFrame(x), pl.DataFrame(y)),
    "series": lambda x, y: (list(x), [pd.Series(row) for row in y]),
    "sequences": lambda x, y: (sequences(x), sequences(y)),
    "frames": lambda x, y: ([pd.DataFrame({"a": row}) for row in x], [pl.Series(r) for r in y]),
}


def sequences(table: np.ndarray) -> Sequences:
    N, T = table.shape
    return Sequences(table.reshape(-1, 1), np.arange(N) * T, np.full(N, T, np.int64))


@pytest.mark.parametrize("kind", SAME)
def test_the_same_numbers_of_any_kind_give_the_same_bits(kind: str) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(9, 5)), rng.normal(size=(9, 5))
    y[2, 3] = np.nan
    expected = signal().fit(x, y)
    X, Y = SAME[kind](x, y)
    model = signal().fit(X, Y)
    np.testing.assert_array_equal(model.weights_, expected.weights_)
    found = model.predict(X)
    assert isinstance(found, np.ndarray) == (
        kind in [*list(SAME)[:2], "columns first", "pandas", "polars"]
    )
    np.testing.assert_array_equal(np.stack(list(found)), expected.predict(x))
    assert np.shape(found) == (9, 5)
    assert model.evaluate(X, Y) == expected.evaluate(x, y)


def test_an_array_with_several_numbers_a_step_gives_one() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(6, 5, 2)), rng.normal(size=(6, 5, 3))
    model = signal().fit(x, y)
    assert model.predict(x).shape == (6, 5, 3)
    assert signal().fit(x, y[:, :, :1]).predict(x).shape == (6, 5, 1)
    np.testing.assert_array_equal(model.predict(list(x)), model.predict(x))


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("feedback", [False, True])
def test_what_is_missing_of_y_has_no_part_in_anything(engine: str, feedback: bool) -> None:
    X, y = signals(2)
    rng = np.random.default_rng(3)
    holes = [rng.random(row.shape) < 0.3 for row in y]
    holes[4][:] = True
    gaps = [np.where(hole, np.nan, row) for hole, row in zip(holes, y, strict=True)]
    nones = [[[None if np.isnan(v) else v for v in step] for step in row] for row in gaps]
    model = signal(engine=engine, output_feedback=feedback).fit(X, gaps)
    again = signal(engine=engine, output_feedback=feedback).fit(X, nones)
    np.testing.assert_array_equal(model.weights_, again.weights_)
    assert np.isfinite(model.weights_).all()
    known = np.concatenate(gaps)
    np.testing.assert_allclose(model.target_scaler_.mean, np.nanmean(known, axis=0))
    np.testing.assert_allclose(model.target_scaler_.scale, np.nanstd(known, axis=0))
    guess = np.concatenate(model.predict(X))
    scores = model.evaluate(X, gaps)
    error = known - guess
    assert scores["mse"] == pytest.approx(np.nanmean(error**2, axis=0).mean())
    assert scores["mae"] == pytest.approx(np.nanmean(np.abs(error), axis=0).mean())
    assert scores["rmse"] == pytest.approx(np.sqrt(scores["mse"]))
    left = np.nansum(error**2, axis=0)
    whole = np.nansum((known - np.nanmean(known, axis=0)) ** 2, axis=0)
    assert scores["r2"] == pytest.approx((1.0 - left / whole).mean())
    assert model.score(X, gaps) == scores["r2"]


def test_the_loss_is_a_mean_over_the_steps_that_count() -> None:
    X, y = signals()
    y[2][3:] = np.nan
    model = signal(batch_size=len(X)).initialize(X, y)
    first = [
        model.target_scaler_.apply(row[:, None])
        for row in (np.where(np.isnan(row), 0.0, row) for row in y)
    ]
    guess = [model.target_scaler_.apply(row[:, None]) for row in model.predict(X)]
    there = ~np.isnan(np.concatenate(y))
    error = (np.concatenate(guess) - np.concatenate(first))[there]
    trained = signal(batch_size=len(X), max_epochs=1).fit(X, y)
    assert trained.history_[0]["train_loss"] == pytest.approx(float((error**2).mean()), rel=1e-4)


def test_teacher_forcing_reads_the_truth_and_simulation_its_own_output() -> None:
    X, y = signals(2)
    model = signal(output_feedback=True).fit(X, y)
    assert model.spec_.input_size == 2 + 2
    data = model._batches(model._read(X, y))
    fed, K = data.inputs.values, 2
    for i, (start, length) in enumerate(zip(data.inputs.starts, data.inputs.lengths, strict=True)):
        scaled = model.target_scaler_.apply(y[i])
        np.testing.assert_array_equal(fed[start, -K:], 0.0)
        np.testing.assert_array_equal(fed[start + 1 : start + length, -K:], scaled[:-1])
    # Forced with what it gives itself, the network gives the same.
    guess = model.predict(X)
    forced = model._batches(model._read(X, guess))
    choice = engines.choose("auto", model.spec_)
    for rows, found in engines.predict(choice, model.spec_, model.weights_, forced):
        expected = np.concatenate([guess[row] for row in rows])
        np.testing.assert_allclose(
            model.target_scaler_.invert(found), expected, rtol=1e-4, atol=1e-3
        )


def test_feedback_learns_a_sum_that_the_inputs_alone_do_not_show() -> None:
    rng = np.random.default_rng(4)
    X = [rng.normal(size=n) for n in rng.integers(20, 30, size=40)]
    y = [np.cumsum(x) for x in X]
    given: dict[str, Any] = {"hidden_size": 16, "max_epochs": 40, "learning_rate": 0.02}
    model = signal(output_feedback=True, **given).fit(X, y)
    assert model.history_[-1]["train_loss"] < 0.02
    assert model.score(X, y) > 0.5


def test_hidden_states_go_with_the_predictions() -> None:
    X, y = signals(2)
    for feedback in (False, True):
        model = signal(output_feedback=feedback).fit(X, y)
        parameters = model.named_parameters()
        for states, numbers in zip(model.hidden_states(X), model.predict(X), strict=True):
            raw = states @ parameters["head.weight"].T + parameters["head.bias"]
            np.testing.assert_allclose(
                model.target_scaler_.invert(raw), numbers, rtol=1e-4, atol=1e-3
            )


def test_windows_that_overlap_learn_the_target_of_each() -> None:
    rng = np.random.default_rng(5)
    series = rng.normal(size=(30, 1))
    starts = np.arange(0, 25, 2)
    windows = Sequences(series, starts, np.full(len(starts), 5, np.int64))
    y = [rng.normal(size=5) for _ in starts]
    model = signal().fit(windows, y)
    lone = signal().fit([windows[i] for i in range(len(windows))], y)
    np.testing.assert_allclose(model.weights_, lone.weights_, atol=1e-5)
    np.testing.assert_allclose(model.predict(windows), lone.predict(list(windows)), atol=1e-3)
    held = signal(validation_fraction=0.2).fit(windows, y)
    assert held.history_[0]["valid_loss"] is not None


def test_weights_are_of_sequences() -> None:
    X, y = signals()
    weight = np.ones(len(X))
    weight[[1, 4]] = 0.0
    kept = [i for i in range(len(X)) if weight[i]]
    model = signal().fit(X, y, weight)
    same = signal().fit([X[i] for i in kept], [y[i] for i in kept])
    np.testing.assert_array_equal(model.weights_, same.weights_)
    few = [X[i] for i in kept], [y[i] for i in kept]
    assert model.evaluate(X, y, weight) == pytest.approx(same.evaluate(*few))
    weight[0] = 3.0
    assert model.evaluate(X, y, weight) == pytest.approx(
        same.evaluate([*few[0], X[0], X[0]], [*few[1], y[0], y[0]])
    )
    model.fit(X, y, weight)
    steps = np.repeat(weight, LENGTHS)
    mean = np.average(np.concatenate(y), weights=steps)
    np.testing.assert_allclose(model.target_scaler_.mean, [mean])
    data = model._batches(model._read(X, y, weight))
    counted = np.repeat(weight[kept], [LENGTHS[i] for i in kept])
    steps = data.weight[rows_of(data.inputs)]
    np.testing.assert_allclose(steps, counted / counted.mean(), rtol=1e-6)


def test_whole_sequences_are_held_out() -> None:
    X, y = signals()
    model = signal(validation_fraction=0.3, patience=2, max_epochs=5).fit(X, y)
    assert all(record["valid_loss"] is not None for record in model.history_)
    given = signal(max_epochs=5).fit(X[:7], y[:7], validation_data=(X[7:], y[7:]))
    weighed = signal(max_epochs=5).fit(
        X[:7], y[:7], validation_data=(X[7:], y[7:], [1.0, 0.0, 0.0])
    )
    alone = signal(max_epochs=5).fit(X[:7], y[:7], validation_data=(X[7:8], y[7:8]))
    losses = [[r["valid_loss"] for r in m.history_] for m in (given, weighed, alone)]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[1], losses[2], rtol=1e-6)


def test_one_sequence_and_one_step_are_enough() -> None:
    model = signal().fit([[1.0, 2.0, 3.0]], [[1.0, None, 2.0]])
    assert len(model.predict([[1.0]])[0]) == 1
    assert model.predict(np.ones((2, 7))).shape == (2, 7)
    single = signal().fit([[1.0]], [[4.0]])
    np.testing.assert_allclose(single.predict([[1.0]])[0].shape, (1,))
    assert np.isnan(single.evaluate([[1.0]], [[4.0]])["r2"])


def test_a_search_over_a_list_of_signals() -> None:
    X, y = signals()
    search = GridSearchCV(signal(max_epochs=1), {"hidden_size": [2, 3]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(X)) == len(X)
    assert is_regressor(search.best_estimator_)


def test_explain_and_initialize() -> None:
    X, y = signals()
    model = signal().initialize(X, y)
    assert "trained by: nothing yet" in model.explain()
    assert len(model.predict(X)) == len(X)
    assert model.named_parameters()["head.weight"].shape == (1, 5)
