from __future__ import annotations

import ast
from functools import cache
from typing import Any

import numpy as np
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.data import Sequences
from unrolled.estimators import base
from unrolled.runtime.spec import Dense, Recurrent, Spec, views

KINDS: list[Any] = [
    SequenceClassifier,
    SequenceRegressor,
    FeedForwardClassifier,
    FeedForwardRegressor,
]
N = 30


def make(kind: Any, **changes: Any) -> Any:
    """A tiny network that trains for a few steps."""
    size = {"hidden_size": 4} if kind.__name__.startswith("Sequence") else {}
    dense = {} if size else {"hidden_layer_sizes": (5,)}
    usual = {"max_epochs": 3, "batch_size": 8, "random_state": 0}
    return kind(**{**usual, **size, **dense, **changes})


def data(kind: Any, seed: int = 0, rows: int = N) -> tuple[Any, np.ndarray]:
    """Ragged sequences or a table, away from mean 0 and deviation 1, with targets that follow."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 7, rows)
    X: Any = [rng.normal(3.0, [0.5, 20.0], size=(T, 2)) for T in lengths]
    last = np.array([x[-1, 0] - 3.0 for x in X])
    if kind.__name__.startswith("FeedForward"):
        X = np.array([[x[0, 0], x[-1, 0], x[-1, 1]] for x in X])
    if kind.__name__.endswith("Classifier"):
        return X, np.array(["low", "mid", "top"])[np.digitize(last, [-0.2, 0.45])]
    return X, 100.0 + 40.0 * last


def bits(model: Any) -> tuple[bytes, list[Any]]:
    """Weights and history without its wall times."""
    return model.weights_.tobytes(), [{**record, "seconds": 0} for record in model.history_]


@pytest.mark.torch
@pytest.mark.parametrize("engine", ["kernels", "torch"])
def test_a_fit_is_a_hand_written_loop_over_scaled_data(engine: str) -> None:
    import torch

    from unrolled.models import ManyToOne

    X, y = data(SequenceRegressor)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N)
    arguments = {
        "shuffle": False, "bucket_by_length": False, "num_layers": 2, "clip_norm": 0.2,
        "engine": engine,
    }  # fmt: skip
    model = make(SequenceRegressor, learning_rate=0.01, **arguments)
    model.fit(X, y, sample_weight=weight)

    module: Any = ManyToOne(
        model.spec_, make(SequenceRegressor, **arguments).initialize(X, y).weights_
    )
    steps, repeats = np.concatenate(X), np.repeat(weight, [len(x) for x in X])
    mean = np.average(steps, axis=0, weights=repeats)
    scale = np.sqrt(np.average((steps - mean) ** 2, axis=0, weights=repeats))
    y_mean = np.average(y, weights=weight)
    y_scale = np.sqrt(np.average((y - y_mean) ** 2, weights=weight))
    adam = [(p, torch.zeros_like(p), torch.zeros_like(p)) for p in module.parameters()]
    step = 0
    losses = []
    for _ in range(3):
        of_epoch = []
        for start in range(0, N, 8):
            rows = range(start, min(start + 8, N))
            x = torch.nn.utils.rnn.pad_sequence(
                [torch.tensor((X[i] - mean) / scale, dtype=torch.float32) for i in rows]
            )
            target = torch.tensor((y[rows] - y_mean) / y_scale, dtype=torch.float32)
            w = torch.tensor(weight[rows], dtype=torch.float32)
            module.zero_grad()
            output = module(x, torch.tensor([len(X[i]) for i in rows]))[0][:, 0]
            loss = (w * (output - target) ** 2).sum() / w.sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.2)
            step += 1
            for p, m, v in adam:
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad**2 - v)
                p.data -= 0.01 * m / (1 - 0.9**step) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
            of_epoch.append((loss.item(), w.sum().item()))
        values, sums = np.transpose(of_epoch)
        losses.append(np.average(values, weights=sums))
    whole = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    np.testing.assert_allclose(model.weights_, whole, atol=2e-4)
    np.testing.assert_allclose([r["train_loss"] for r in model.history_], losses, rtol=1e-3)
    prediction = module(torch.tensor((X[3] - mean) / scale, dtype=torch.float32)[:, None])[0]
    np.testing.assert_allclose(
        model.predict(X[3:4])[0], prediction.item() * y_scale + y_mean, rtol=1e-4
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_fit_leaves_behind(kind: Any) -> None:
    X, y = data(kind)
    model = make(kind)
    assert model.fit(X, y) is model
    assert model.n_iter_ == len(model.history_) == 3
    assert [record["epoch"] for record in model.history_] == [1, 2, 3]
    assert model.history_[-1]["train_loss"] < model.history_[0]["train_loss"]
    assert all(type(record) is dict for record in model.history_)
    assert model.weights_.shape == (model.spec_.num_parameters,)
    assert model.weights_.dtype == np.float32
    named = model.named_parameters()
    assert list(named) == list(model.spec_.parameter_shapes())
    named["head.bias"][...] = 7.0
    assert (model.weights_[-len(named["head.bias"]) :] == 7.0).all()
    assert model.table_ is None


# An argument is compared with the same network without it.
CHANGES: list[tuple[list[Any], dict[str, Any], dict[str, Any]]] = [
    (KINDS, {"weight_decay": 0.3}, {"optimizer": "adamw"}),
    (KINDS, {}, {"weight_decay": 0.3}),
    (KINDS, {}, {"optimizer": "adamw", "weight_decay": 0.3}),
    (KINDS, {}, {"optimizer": "sgd"}),
    (KINDS, {"optimizer": "sgd"}, {"momentum": 0.0}),
    (KINDS, {}, {"optimizer": "rmsprop"}),
    (KINDS, {}, {"learning_rate": 0.01}),
    (KINDS, {}, {"schedule": "linear"}),
    (KINDS, {}, {"schedule": "cosine"}),
    (KINDS, {}, {"schedule": "one_cycle"}),
    (KINDS, {}, {"max_epochs": 2}),
    (KINDS, {}, {"batch_size": 7}),
    (KINDS, {}, {"shuffle": False}),
    (KINDS, {"optimizer": "sgd"}, {"clip_norm": 0.05}),
    (KINDS, {"optimizer": "sgd", "clip_norm": 0.05}, {"clip_norm": None}),
    (KINDS, {}, {"standardize": False}),
    (KINDS, {}, {"dropout": 0.4}),
    (KINDS, {}, {"validation_fraction": 0.2}),
    (KINDS, {}, {"random_state": 1}),
    (KINDS[:2], {}, {"cell": "rnn"}),
    (KINDS[:2], {"cell": "rnn"}, {"nonlinearity": "relu"}),
    (KINDS[:2], {}, {"cell": "lstm"}),
    (KINDS[:2], {}, {"hidden_size": 5}),
    (KINDS[:2], {}, {"num_layers": 2}),
    (KINDS[:2], {"num_layers": 2}, {"dropout": 0.4}),
    (KINDS[:2], {}, {"bidirectional": True}),
    (KINDS[:2], {"bidirectional": True}, {"pooling": "mean"}),
    (KINDS[:2], {}, {"pooling": "mean"}),
    (KINDS[:2], {"pooling": "mean"}, {"pooling": "max"}),
    (KINDS[:2], {}, {"bucket_by_length": False}),
    (KINDS[2:], {}, {"hidden_layer_sizes": ()}),
    (KINDS[2:], {}, {"hidden_layer_sizes": 6}),
    (KINDS[2:], {}, {"hidden_layer_sizes": [4, 3]}),
    (KINDS[2:], {}, {"activation": "tanh"}),
    (KINDS[::2], {}, {"class_weight": "balanced"}),
    (KINDS[::2], {}, {"class_weight": {"low": 3.0}}),
    (KINDS[1::2], {}, {"loss": "absolute"}),
    (KINDS[1::2], {"loss": "absolute"}, {"loss": "huber"}),
]


@cache
def weights_with(kind: Any, settings: str) -> bytes:
    return bits(make(kind, **ast.literal_eval(settings)).fit(*data(kind)))[0]


@pytest.mark.parametrize(
    ("kind", "settings", "change"),
    [(kind, settings, change) for kinds, settings, change in CHANGES for kind in kinds],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_every_argument_trains_and_has_an_effect(
    kind: Any, settings: dict[str, Any], change: dict[str, Any]
) -> None:
    X, y = data(kind)
    model = make(kind, **{**settings, **change}).fit(X, y)
    assert bits(model)[0] != weights_with(kind, str(settings))
    assert model.predict(X).shape == (N,)
    assert model.history_[-1]["train_loss"] < 1.3 * model.history_[0]["train_loss"]


def test_the_arguments_describe_the_network() -> None:
    X, y = data(SequenceClassifier)
    arguments: dict[str, Any] = {
        "cell": "rnn",
        "hidden_size": 3,
        "num_layers": 2,
        "bidirectional": True,
        "nonlinearity": "relu",
    }
    model = make(SequenceClassifier, **arguments, dropout=0.25, pooling="max", max_epochs=1)
    assert model.fit(X, y).spec_ == Spec(
        input_size=2,
        output_size=3,
        head="class",
        recurrent=Recurrent(**arguments, dropout=0.25),
        pooling="max",
        head_dropout=0.25,
    )
    texts = ["a b c", "b"] * (N // 2)
    model = make(SequenceRegressor, dropout=0.25, embedding_size=7, max_epochs=1)
    assert model.fit(texts, np.arange(N)).spec_ == Spec(
        input_size=4,
        output_size=1,
        head="point",
        embedding_size=7,
        recurrent=Recurrent("gru", 4),
        head_dropout=0.25,
    )
    X, y = data(FeedForwardRegressor)
    model = make(FeedForwardRegressor, hidden_layer_sizes=(4, 3), activation="tanh", dropout=0.25)
    assert model.fit(X, y).spec_ == Spec(
        input_size=3,
        output_size=1,
        head="point",
        hidden=(Dense(4, "tanh"), Dense(3, "tanh")),
        hidden_dropout=0.25,
    )


def test_the_effect_of_a_schedule_is_in_the_history() -> None:
    X, y = data(FeedForwardRegressor)
    model = make(FeedForwardRegressor, schedule="linear", learning_rate=0.5, max_epochs=4)
    steps = 4 * -(-N // 8)
    expected = [0.5 * (1 - (steps // 4 * epoch - 1) / steps) for epoch in (1, 2, 3, 4)]
    rates = [record["learning_rate"] for record in model.fit(X, y).history_]
    np.testing.assert_allclose(rates, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits(kind: Any) -> None:
    X, y = data(kind)
    model = make(kind, dropout=0.2, validation_fraction=0.2).fit(X, y)
    theirs = np.random.mtrand._rand.get_state()[1].tolist()
    again = make(kind, dropout=0.2, validation_fraction=0.2).fit(X, y)
    assert bits(again) == bits(model)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert np.random.mtrand._rand.get_state()[1].tolist() == theirs, "no global numbers are drawn"
    assert bits(model.fit(X, y)) == bits(again), "a second fit starts anew"


def test_a_random_state_may_be_a_generator_or_none() -> None:
    X, y = data(FeedForwardRegressor)

    def fit(random_state: Any) -> bytes:
        return bits(make(FeedForwardRegressor, random_state=random_state).fit(X, y))[0]

    assert fit(np.random.RandomState(3)) == fit(np.random.RandomState(3))
    assert fit(np.random.RandomState(3)) == fit(3)
    drawn = np.random.RandomState(3)
    assert fit(drawn) != fit(drawn)
    assert fit(np.random.default_rng(3)) == fit(np.random.default_rng(3))
    drawn = np.random.default_rng(3)
    assert fit(drawn) != fit(drawn)
    assert fit(None) != fit(None)
    assert fit(np.int64(3)) == fit(3)


@pytest.mark.parametrize("kind", KINDS)
def test_initialize_stands_where_fit_starts(kind: Any) -> None:
    X, y = data(kind)
    first = make(kind).initialize(X, y)
    assert first.history_ == []
    assert first.n_iter_ == 0
    assert first.predict(X).shape == (N,)
    still = make(kind, learning_rate=1e-30).fit(X, y)
    np.testing.assert_allclose(still.weights_, first.weights_, rtol=0, atol=1e-20)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_fit_forgets_the_first(kind: Any) -> None:
    X, y = data(kind)
    other_X, other_y = data(kind, seed=5, rows=17)
    if kind.__name__.endswith("Classifier"):
        other_y = np.where(other_y == "low", "else", other_y)
    model = make(kind).fit(X, y).fit(other_X, other_y)
    fresh = make(kind).fit(other_X, other_y)
    assert bits(model) == bits(fresh)
    assert set(vars(model)) == set(vars(fresh))


def test_a_fit_on_texts_forgets_columns() -> None:
    import pandas as pd

    X, y = data(SequenceRegressor)
    frame = pd.DataFrame(np.zeros((N, 4)) + np.arange(N)[:, None], columns=list("abcd"))
    model = make(SequenceRegressor).fit(frame, y)
    assert model.feature_names_in_.tolist() == list("abcd")
    model.fit(["a text", "another"] * 15, y)
    assert not hasattr(model, "feature_names_in_")
    assert not hasattr(model, "n_features_in_")
    assert model.fit(X, y).n_features_in_ == 2
    assert model.vocabulary_ is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_stay_as_they_are(kind: Any) -> None:
    X, y = data(kind)
    before = [np.array(x) for x in X], y.copy()
    make(kind).fit(X, y).predict(X)
    for one, other in zip(X, before[0], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_does_not_depend_on_its_neighbours(kind: Any) -> None:
    X, y = data(kind, rows=300)
    model = make(kind, max_epochs=1).fit(X, y)
    ask = getattr(model, "predict_proba", model.predict)
    whole = ask(X)
    order = np.random.default_rng(0).permutation(300)
    shuffled = ask([X[i] for i in order] if isinstance(X, list) else X[order])
    np.testing.assert_allclose(shuffled, whole[order], rtol=1e-5)
    for i in (0, 17, 299):
        np.testing.assert_allclose(ask(X[i : i + 1]), whole[i : i + 1], rtol=1e-5)


def test_hidden_states_end_in_what_the_head_reads() -> None:
    X, y = data(SequenceRegressor)
    model = make(SequenceRegressor, bidirectional=True, num_layers=2).fit(X, y)
    states = model.hidden_states(X)
    assert [state.shape for state in states] == [(len(x), 8) for x in X]
    head = views(model.spec_, model.weights_)
    for x, state, prediction in zip(X, states, model.predict(X), strict=True):
        read = np.concatenate((state[-1, :4], state[0, 4:]))
        output = head["head.weight"] @ read + head["head.bias"]
        expected = model.target_scaler_.invert(output)[0]
        assert prediction == pytest.approx(expected, rel=1e-5)
        assert len(state) == len(x)
        assert state.base is None


def test_a_checkpoint_that_cannot_be_written_is_told_before_training(tmp_path: Any) -> None:
    model = make(FeedForwardRegressor, checkpoint=tmp_path)
    with pytest.raises(OSError, match="not a file, so it is not replaced"):
        model.fit(*data(FeedForwardRegressor), validation_data="looked at later")


def test_long_sequences_are_predicted_few_at_once() -> None:
    table = np.zeros((300, 2), np.float32)
    assert base.predict_rows(table) == base.PREDICT_ROWS
    for length, rows in ((1, 256), (512, 256), (2048, 64), (2**20, base.MIN_ROWS)):
        one = Sequences(np.zeros((length, 1), np.float32), np.zeros(1, int), np.array([length]))
        assert base.predict_rows(one) == rows
