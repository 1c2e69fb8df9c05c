"""Both engines, through the public interface: the same model, chosen as asked and told."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from joblib import parallel_backend
from sklearn.model_selection import GridSearchCV

from unrolled import (
    CheckpointError,
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
    load,
)
from unrolled.data import random_walk
from unrolled.runtime import network
from unrolled.training import engines

N = 45
rng = np.random.default_rng(0)
RAGGED = [rng.normal(size=(T, 2)) for T in rng.integers(1, 8, N)]
TABLE = rng.normal(size=(N, 3))
TEXTS = [" ".join(rng.choice(["a", "bee", "sea", "dee"], T)) for T in rng.integers(1, 6, N)]
LABELS = np.array(["low", "mid", "top"])[rng.integers(0, 3, N)]
NUMBERS = rng.normal(size=N)
PAIRS = rng.normal(size=(N, 2))
WEIGHTS = rng.uniform(0.2, 3.0, N)

CASES: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "rnn": (SequenceRegressor, RAGGED, NUMBERS, {"cell": "rnn"}),
    "relu": (SequenceRegressor, RAGGED, NUMBERS, {"cell": "rnn", "nonlinearity": "relu"}),
    "gru, two layers, both ways": (
        SequenceClassifier,
        RAGGED,
        LABELS,
        {"num_layers": 2, "bidirectional": True, "class_weight": "balanced"},
    ),
    "lstm, mean, huber": (
        SequenceRegressor,
        RAGGED,
        PAIRS,
        {"cell": "lstm", "pooling": "mean", "loss": "huber", "optimizer": "rmsprop"},
    ),
    "gru, max, absolute": (
        SequenceRegressor,
        RAGGED,
        PAIRS,
        {"pooling": "max", "loss": "absolute", "optimizer": "sgd", "clip_norm": None},
    ),
    "texts": (SequenceClassifier, TEXTS, LABELS, {"embedding_size": 5, "schedule": "cosine"}),
    "dense": (
        FeedForwardClassifier,
        TABLE,
        LABELS,
        {"hidden_layer_sizes": (7, 5), "activation": "tanh", "weight_decay": 0.1},
    ),
    "linear": (FeedForwardRegressor, TABLE, PAIRS, {"hidden_layer_sizes": ()}),
    "adamw": (FeedForwardRegressor, TABLE, NUMBERS, {"optimizer": "adamw", "weight_decay": 0.3}),
}


def make(name: str, **changes: Any) -> tuple[Any, Any, Any]:
    kind, X, y, options = CASES[name]
    size = {"hidden_size": 9} if kind.__name__.startswith("Sequence") else {}
    usual = {"max_epochs": 20, "batch_size": 8, "learning_rate": 0.01, "random_state": 0}
    return kind(**{**usual, **size, **options, **changes}), X, y


@pytest.mark.torch
def test_a_fit_by_torch_draws_no_global_numbers() -> None:
    import torch

    before = torch.get_rng_state()
    model, X, y = make("rnn", engine="torch", dropout=0.3, max_epochs=1)
    model.fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.torch
@pytest.mark.parametrize("name", CASES)
def test_both_engines_learn_the_same(name: str) -> None:
    """Loss curves and final weights, with weights of samples and a part that is watched."""
    models = []
    for engine in ("kernels", "torch"):
        model, X, y = make(name, engine=engine, validation_fraction=0.2)
        models.append(model.fit(X, y, sample_weight=WEIGHTS))
        assert model.engine_ == engine
    ours, theirs = models
    for key, tolerance in (("train_loss", 1e-4), ("valid_loss", 1e-4), ("gradient_norm", 2e-3)):
        curves = [[record[key] for record in model.history_] for model in models]
        np.testing.assert_allclose(*curves, rtol=tolerance, err_msg=key)
    assert ours.history_[-1]["train_loss"] < 0.98 * ours.history_[0]["train_loss"]
    moved = np.abs(theirs.weights_ - make(name)[0].initialize(X, y).weights_).max()
    assert moved > 0.01
    np.testing.assert_allclose(ours.weights_, theirs.weights_, rtol=0, atol=2e-3 * moved)
    np.testing.assert_allclose(ours._raw_outputs(X), theirs._raw_outputs(X), rtol=0, atol=2e-3)


@pytest.mark.torch
def test_the_textbook_job_agrees_over_twenty_epochs() -> None:
    X, y = random_walk(100, random_state=0)
    models = [
        SequenceRegressor(
            cell="rnn", hidden_size=64, max_epochs=20, random_state=0, engine=engine
        ).fit(X, y)
        for engine in ("kernels", "torch")
    ]
    curves = [[record["train_loss"] for record in model.history_] for model in models]
    np.testing.assert_allclose(*curves, rtol=1e-4)
    np.testing.assert_allclose(models[0].weights_, models[1].weights_, rtol=1e-4, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("clip_norm", [1.0, None])
@pytest.mark.parametrize(
    ("sequence_length", "ends"), [(4, True), (7, True), (9, True), (12, False)]
)
def test_a_learning_rate_far_too_high_ends_alike(
    sequence_length: int, ends: bool, clip_norm: float | None
) -> None:
    """Squares of the gradient overflow float32 at 7 steps, the losses' sum at 9, a loss at 12."""
    X, y = random_walk(32, sequence_length, random_state=0)
    norms, told = [], []
    for engine in ("kernels", "torch"):
        model = SequenceRegressor(
            cell="rnn",
            nonlinearity="relu",
            learning_rate=10,
            clip_norm=clip_norm,
            max_epochs=3,
            random_state=0,
            engine=engine,
        )
        try:
            norms.append([record["gradient_norm"] for record in model.fit(X, y).history_])
        except FloatingPointError as error:
            told.append(str(error))
    if ends:
        np.testing.assert_allclose(*norms, rtol=1e-3)
        assert (max(norms[0]) > 1.8e19) == (sequence_length > 4)
    else:
        assert [text.partition(": ")[0] for text in told] == [
            "training stopped in epoch 2, batch 1 of 1"
        ] * 2


@pytest.mark.torch
@pytest.mark.parametrize("name", CASES)
def test_prediction_does_not_depend_on_what_trained(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X, y = make(name, engine="torch", max_epochs=2)
    model.fit(X, y)
    with monkeypatch.context() as forbidden:
        forbidden.setattr("unrolled.training.by_torch.build", None)
        ours = model._raw_outputs(X)
    states = model.hidden_states(X) if hasattr(model, "hidden_states") else []
    assert "predict: kernels" in model.explain()
    monkeypatch.setattr(engines, "why_not", lambda spec: "they are switched off")
    assert "predict: torch (engine='auto': they are switched off)" in model.explain()
    np.testing.assert_allclose(ours, model._raw_outputs(X), rtol=1e-5, atol=1e-5)
    for one, other in zip(
        states, model.hidden_states(X) if states else [], strict=True
    ):  # fmt: skip
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_auto_takes_the_kernels_and_says_so() -> None:
    model, X, y = make("rnn", max_epochs=1)
    assert model.engine == "auto"
    model.fit(X, y)
    assert model.engine_ == "kernels"
    fit, predict, trained = model.explain().splitlines()
    assert fit.startswith("fit: kernels (engine='auto': the compiled kernels run the whole model)")
    assert "thread" in fit
    assert predict.startswith("predict: kernels")
    assert trained == "trained by: kernels"


@pytest.mark.torch
def test_auto_takes_torch_where_the_kernels_cannot_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "why_not", lambda spec: "the compiled kernels were not built")
    model, X, y = make("rnn", max_epochs=1, verbose=True)
    assert model.fit(X, y).engine_ == "torch"
    told = "torch (engine='auto': the compiled kernels were not built), "
    assert model.explain().startswith(f"fit: {told}")
    assert capsys.readouterr().err.startswith(f"engine: {told}")


@pytest.mark.torch
def test_the_log_tells_of_the_threads_that_explain_tells_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch

    model, X, y = make("rnn", engine="torch", max_epochs=1, verbose=True)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        explained = model.fit(X, y).explain().splitlines()
    finally:
        torch.set_num_threads(before)
    told = "torch (engine='torch'), 2 threads, 1 where its products are small"
    assert capsys.readouterr().err.splitlines()[0] == f"engine: {told}"
    assert explained[0] == f"fit: {told}"
    assert explained[2] == "trained by: torch"


def test_kernels_that_cannot_are_an_error_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_not", lambda spec: "the compiled kernels were not built")
    model, X, y = make("rnn", engine="kernels")
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"engine='kernels' cannot .*: the compiled kernels w"):
            method(X, y)
    assert not hasattr(model, "weights_"), "a fit that fails leaves the estimator as it was"


def test_explain_tells_of_an_engine_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X, y = make("rnn", max_epochs=1)
    model.fit(X, y).set_params(engine="torch")
    monkeypatch.setitem(sys.modules, "torch", None)
    fit, predict, trained = model.explain().splitlines()
    assert fit.startswith("fit: none (engine='torch' needs PyTorch, which is not installed")
    assert predict.startswith("predict: kernels")
    assert trained == "trained by: kernels", "whatever a next fit would use"
    assert len(model.predict(X)) == N


def test_explain_needs_a_model() -> None:
    with pytest.raises(ValueError, match="not fitted yet"):
        SequenceRegressor().explain()
    model, X, y = make("rnn")
    explained = model.initialize(X, y).explain()
    assert explained.startswith("fit: kernels")
    assert explained.endswith("trained by: nothing yet")
    assert not hasattr(model, "engine_"), "nothing was trained"


@pytest.mark.torch
def test_partial_fit_goes_on_by_the_other_engine() -> None:
    """The optimizer's moments go along."""
    model, X, y = make("gru, two layers, both ways", engine="torch", class_weight=None)
    other, _, _ = make("gru, two layers, both ways", engine="torch", class_weight=None)
    for _ in range(2):
        model.partial_fit(X, y)
        other.partial_fit(X, y)
    model.set_params(engine="kernels").partial_fit(X, y)
    other.partial_fit(X, y)
    assert (model.engine_, other.engine_) == ("kernels", "torch")
    np.testing.assert_allclose(model.weights_, other.weights_, rtol=0, atol=2e-5)


@pytest.mark.torch
def test_a_saved_model_tells_what_trained_it(tmp_path: Any) -> None:
    for engine in ("kernels", "torch"):
        model, X, y = make("rnn", engine=engine, max_epochs=1)
        model.fit(X, y).save(tmp_path / engine)
        again = load(tmp_path / engine)
        assert again.engine_ == again.engine == engine
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.torch
@pytest.mark.parametrize(("first", "then"), [("kernels", "torch"), ("torch", "auto")])
def test_a_checkpoint_goes_on_by_its_own_engine_alone(first: str, then: str, tmp_path: Any) -> None:
    path = tmp_path / "run"
    model, X, y = make("rnn", engine=first, max_epochs=2, checkpoint=path)
    model.fit(X, y)
    chosen = "kernels" if then == "auto" else then
    with pytest.raises(CheckpointError, match=f"engine='{first}', now '{chosen}'"):
        make("rnn", engine=then, max_epochs=2)[0].fit(X, y, resume_from=path)


def test_auto_is_stored_as_what_was_chosen(tmp_path: Any) -> None:
    path = tmp_path / "run"
    model, X, y = make("rnn", max_epochs=2, checkpoint=path)
    expected = model.fit(X, y).weights_
    again = make("rnn", max_epochs=2, engine="kernels")[0].fit(X, y, resume_from=path)
    np.testing.assert_array_equal(again.weights_, expected)


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
def test_fits_side_by_side_give_what_they_give_alone(engine: str) -> None:
    names = ["rnn", "gru, two layers, both ways", "lstm, mean, huber", "dense"] * 2

    def fit(name: str) -> bytes:
        model, X, y = make(name, engine=engine, max_epochs=4, dropout=0.2)
        weights: np.ndarray = model.fit(X, y).weights_
        return weights.tobytes() + model._raw_outputs(X).tobytes()

    alone = [fit(name) for name in names]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(fit, names)) == alone


def test_a_grid_in_two_threads() -> None:
    model, X, y = make("gru, two layers, both ways", max_epochs=3)
    grid = {"learning_rate": [0.001, 0.03], "dropout": [0.0, 0.3]}
    one = GridSearchCV(model, grid, cv=2).fit(X, y)
    with parallel_backend("threading", n_jobs=2):
        two = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(X, y)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(one.cv_results_[key], two.cv_results_[key])
    np.testing.assert_array_equal(one.best_estimator_.weights_, two.best_estimator_.weights_)


def test_the_kernels_can_here() -> None:
    model, X, y = make("rnn")
    assert network.why_not(model.initialize(X, y).spec_) is None
