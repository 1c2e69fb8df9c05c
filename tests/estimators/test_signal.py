"""SignalRegressor: a number for each step, missing targets, teacher forcing and simulation."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone, is_regressor
from sklearn.model_selection import GridSearchCV

from unrolled import SignalRegressor, load
from unrolled.data.sequences import Sequences, rows_of
from unrolled.estimators.checkpoints import Run
from unrolled.runtime.artifact import ArtifactError
from unrolled.runtime.stepper import Stepper
from unrolled.training import engines
from unrolled.training.checkpoint import CheckpointError

Signals = list[np.ndarray]
LENGTHS = [7, 1, 12, 4, 9, 9, 3, 6, 5, 11]


def made(K: int = 0, C: int = 2, seed: int = 0) -> tuple[Signals, Signals]:
    """Signals [T_i, C] of unequal lengths, and a sum of two steps for each, [T_i] or [T_i, K]."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(2.0, 3.0, size=(n, C)) for n in LENGTHS]
    y = []
    for x in X:
        before = np.vstack([np.zeros(C), x[:-1]])
        row = 10.0 + 5.0 * (x[:, 0] + before[:, -1])
        y.append(row if K == 0 else np.stack([row * (k + 1) - 3.0 * k for k in range(K)], axis=1))
    return X, y


def make(**changes: Any) -> SignalRegressor:
    given = {"hidden_size": 5, "max_epochs": 3, "batch_size": 4, "random_state": 0, **changes}
    return SignalRegressor(**given)


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
    X, y = made(K)
    model = make(output_feedback=feedback, cell="lstm", num_layers=2).fit(X, y)
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
    model = make(hidden_size=16, max_epochs=40, learning_rate=0.02).fit(X[:30], y[:30])
    assert model.score(X[30:], y[30:]) > 0.95
    assert model.history_[-1]["train_loss"] < 0.2 * model.history_[0]["train_loss"]


def test_a_causal_model_reads_nothing_behind_a_step_and_a_bidirectional_one_does() -> None:
    X, y = made()
    changed = [x.copy() for x in X]
    for x in changed:
        x[-1] += 5.0
    for both, feedback in ((False, False), (False, True), (True, False)):
        model = make(bidirectional=both, output_feedback=feedback).fit(X, y)
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
    expected = make().fit(x, y)
    X, Y = SAME[kind](x, y)
    model = make().fit(X, Y)
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
    model = make().fit(x, y)
    assert model.predict(x).shape == (6, 5, 3)
    assert make().fit(x, y[:, :, :1]).predict(x).shape == (6, 5, 1)
    np.testing.assert_array_equal(model.predict(list(x)), model.predict(x))


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("feedback", [False, True])
def test_what_is_missing_of_y_has_no_part_in_anything(engine: str, feedback: bool) -> None:
    X, y = made(2)
    rng = np.random.default_rng(3)
    holes = [rng.random(row.shape) < 0.3 for row in y]
    holes[4][:] = True
    gaps = [np.where(hole, np.nan, row) for hole, row in zip(holes, y, strict=True)]
    nones = [[[None if np.isnan(v) else v for v in step] for step in row] for row in gaps]
    model = make(engine=engine, output_feedback=feedback).fit(X, gaps)
    again = make(engine=engine, output_feedback=feedback).fit(X, nones)
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
    X, y = made()
    y[2][3:] = np.nan
    model = make(batch_size=len(X)).initialize(X, y)
    first = [
        model.target_scaler_.apply(row[:, None])
        for row in (np.where(np.isnan(row), 0.0, row) for row in y)
    ]
    guess = [model.target_scaler_.apply(row[:, None]) for row in model.predict(X)]
    there = ~np.isnan(np.concatenate(y))
    error = (np.concatenate(guess) - np.concatenate(first))[there]
    trained = make(batch_size=len(X), max_epochs=1).fit(X, y)
    assert trained.history_[0]["train_loss"] == pytest.approx(float((error**2).mean()), rel=1e-4)


def test_teacher_forcing_reads_the_truth_and_simulation_its_own_output() -> None:
    X, y = made(2)
    model = make(output_feedback=True).fit(X, y)
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
    model = make(output_feedback=True, **given).fit(X, y)
    assert model.history_[-1]["train_loss"] < 0.02
    assert model.score(X, y) > 0.5


def test_hidden_states_go_with_the_predictions() -> None:
    X, y = made(2)
    for feedback in (False, True):
        model = make(output_feedback=feedback).fit(X, y)
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
    model = make().fit(windows, y)
    lone = make().fit([windows[i] for i in range(len(windows))], y)
    np.testing.assert_allclose(model.weights_, lone.weights_, atol=1e-5)
    np.testing.assert_allclose(model.predict(windows), lone.predict(list(windows)), atol=1e-3)
    held = make(validation_fraction=0.2).fit(windows, y)
    assert held.history_[0]["valid_loss"] is not None


def test_weights_are_of_sequences() -> None:
    X, y = made()
    weight = np.ones(len(X))
    weight[[1, 4]] = 0.0
    kept = [i for i in range(len(X)) if weight[i]]
    model = make().fit(X, y, weight)
    same = make().fit([X[i] for i in kept], [y[i] for i in kept])
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
    X, y = made()
    model = make(validation_fraction=0.3, patience=2, max_epochs=5).fit(X, y)
    assert all(record["valid_loss"] is not None for record in model.history_)
    given = make(max_epochs=5).fit(X[:7], y[:7], validation_data=(X[7:], y[7:]))
    weighed = make(max_epochs=5).fit(X[:7], y[:7], validation_data=(X[7:], y[7:], [1.0, 0.0, 0.0]))
    alone = make(max_epochs=5).fit(X[:7], y[:7], validation_data=(X[7:8], y[7:8]))
    losses = [[r["valid_loss"] for r in m.history_] for m in (given, weighed, alone)]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[1], losses[2], rtol=1e-6)


def test_one_sequence_and_one_step_are_enough() -> None:
    model = make().fit([[1.0, 2.0, 3.0]], [[1.0, None, 2.0]])
    assert len(model.predict([[1.0]])[0]) == 1
    assert model.predict(np.ones((2, 7))).shape == (2, 7)
    single = make().fit([[1.0]], [[4.0]])
    np.testing.assert_allclose(single.predict([[1.0]])[0].shape, (1,))
    assert np.isnan(single.evaluate([[1.0]], [[4.0]])["r2"])


@pytest.mark.parametrize("feedback", [False, True])
def test_saved_pickled_and_cloned(feedback: bool, tmp_path: Path) -> None:
    X, y = made(2)
    model = make(output_feedback=feedback, cell="lstm").fit(X, y)
    model.save(tmp_path / "model")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert isinstance(again, SignalRegressor)
        for a, b in zip(again.predict(X), model.predict(X), strict=True):
            np.testing.assert_array_equal(a, b)
        assert again.evaluate(X, y) == model.evaluate(X, y)
    twin = clone(model)
    assert not twin.__sklearn_is_fitted__()
    np.testing.assert_array_equal(twin.fit(X, y).weights_, model.weights_)
    model.hidden_size = 6
    with pytest.raises(ArtifactError, match="another model"):
        model.save(tmp_path / "model")


class KilledError(BaseException):
    pass


def test_a_stopped_fit_goes_on_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = made(2)
    given: dict[str, Any] = {"output_feedback": True, "dropout": 0.2, "validation_fraction": 0.2}
    whole = make(max_epochs=4, **given).fit(X, y)
    save, left = Run.save, [2]

    def save_and_die(self: Run, *arguments: Any) -> None:
        save(self, *arguments)
        left[0] -= 1
        if left[0] == 0:
            raise KilledError

    monkeypatch.setattr(Run, "save", save_and_die)
    run = tmp_path / "run"
    with pytest.raises(KilledError):
        make(max_epochs=4, checkpoint=run, checkpoint_epochs=1, **given).fit(X, y)
    again = make(max_epochs=4, **given).fit(X, y, resume_from=run)
    np.testing.assert_array_equal(again.weights_, whole.weights_)
    assert again.n_iter_ == 4
    y[0][0, 0] += 1.0
    with pytest.raises(CheckpointError, match=r"other .* data"):
        make(max_epochs=4, **given).fit(X, y, resume_from=run)


def test_partial_fit_goes_on() -> None:
    X, y = made()
    model = make(shuffle=False)
    for _ in range(3):
        model.partial_fit(X, y)
    np.testing.assert_allclose(model.weights_, make(shuffle=False).fit(X, y).weights_, atol=1e-6)
    assert model.n_iter_ == 3
    with pytest.raises(ValueError, match="y has 2 numbers a step, but the model was fitted on 1"):
        model.partial_fit(*made(2))


def test_a_search_over_a_list_of_signals() -> None:
    X, y = made()
    search = GridSearchCV(make(max_epochs=1), {"hidden_size": [2, 3]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(search.predict(X)) == len(X)
    assert is_regressor(search.best_estimator_)


def test_explain_and_initialize() -> None:
    X, y = made()
    model = make().initialize(X, y)
    assert "trained by: nothing yet" in model.explain()
    assert len(model.predict(X)) == len(X)
    assert model.named_parameters()["head.weight"].shape == (1, 5)


X, Y = made()
WRONG: dict[str, tuple[dict[str, Any], Any, Any, type[Exception], str]] = {
    "no y": ({}, X, None, ValueError, "requires y to be passed"),
    "too few": ({}, X, Y[:-1], ValueError, "inconsistent numbers of samples"),
    "shorter": ({}, X, [*Y[:2], Y[2][1:], *Y[3:]], ValueError, r"X\[2\] has 12 .* y\[2\] 11"),
    "a number a sequence": ({}, X, [1.0] * 10, TypeError, r"y\[0\] is 1.0, not a list"),
    "an array of those": ({}, X, np.ones(10), TypeError, r"y\[0\] is .*1.0.*, not a list"),
    "one number": ({}, X, 3.0, TypeError, "y must be a list"),
    "texts": ({}, X, [["a"] * n for n in LENGTHS], TypeError, r"y\[0\] holds text"),
    "texts as X": ({}, ["ab", "c"], [[1.0, 2.0], [3.0]], TypeError, "X holds texts"),
    "infinity": ({}, X, [*Y[:2], Y[2] * np.inf, *Y[3:]], ValueError, "infinity in sequence 2"),
    "nothing known": ({}, X, [row * np.nan for row in Y], ValueError, "no number: all"),
    "a column of nothing": (
        {}, X, [np.stack([r, r * np.nan], axis=1) for r in Y], ValueError, "no number in column 1",
    ),
    "several widths": ({}, X, [*Y[:-1], Y[-1][:, None]], ValueError, r"y\[0\] has the shape \[7\]"),
    "empty": ({}, X, [*Y[:-1], []], ValueError, r"y\[9\] is empty"),
    "both ways": (
        {"bidirectional": True, "output_feedback": True}, X, Y, ValueError, "output_feedback needs",
    ),
    "no flag": ({"output_feedback": 1}, X, Y, ValueError, "output_feedback must be True or False"),
    "all weights 0": ({}, X, Y, ValueError, "sample_weight is zero"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(case: str) -> None:
    arguments, inputs, targets, kind, said = WRONG[case]
    model = make(**arguments)
    weight = np.zeros(10) if case == "all weights 0" else None
    with pytest.raises(kind, match=said):
        model.fit(inputs, targets, weight)
    assert not model.__sklearn_is_fitted__()


def test_new_inputs_that_do_not_fit_are_refused() -> None:
    model = make().fit(X, Y)
    with pytest.raises(ValueError, match="X has 1 channels, but SignalRegressor was fitted on 2"):
        model.predict([x[:, 0] for x in X])
    with pytest.raises(ValueError, match="y holds no number to score"):
        model.evaluate(X, [row * np.nan for row in Y])
    with pytest.raises(TypeError, match="X holds texts"):
        model.predict(["ab"])
