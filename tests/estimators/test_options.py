from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)

KINDS: list[Any] = [
    SequenceClassifier,
    SequenceRegressor,
    FeedForwardClassifier,
    FeedForwardRegressor,
]
RECURRENT, DENSE = KINDS[:2], KINDS[2:]
X = np.random.default_rng(0).normal(size=(8, 3))
Y = np.array([0, 1] * 4)

NOT_WHOLE: list[Any] = [0, -1, 2.0, "3", None, True, np.nan, [4]]
NOT_SHARES: list[Any] = [-0.1, 1.0, 1, np.nan, "0.5", None, True]
NOT_FLAGS: list[Any] = [1, 0, "yes", None]
BAD: list[tuple[list[Any], str, list[Any]]] = [
    (KINDS, "standardize", NOT_FLAGS),
    (KINDS, "optimizer", ["lion", "Adam", "", None, 3, b"adam", ["adam"]]),
    (KINDS, "learning_rate", [0, 0.0, -1e-3, np.nan, np.inf, "0.1", None, True, [0.1]]),
    (KINDS, "momentum", NOT_SHARES),
    (KINDS, "weight_decay", [-1e-9, np.nan, np.inf, "0", None, False]),
    (KINDS, "schedule", ["step", None, 1, "CONSTANT"]),
    (KINDS, "max_epochs", NOT_WHOLE),
    (KINDS, "batch_size", NOT_WHOLE),
    (KINDS, "shuffle", NOT_FLAGS),
    (KINDS, "clip_norm", [0, 0.0, -1.0, np.nan, np.inf, "1", True]),
    (KINDS, "validation_fraction", NOT_SHARES),
    (KINDS, "patience", [0, -1, 2.0, "3", True, np.nan]),
    (KINDS, "checkpoint", [3, True, ["a"], b"file"]),
    (KINDS, "checkpoint_seconds", [-1, np.nan, np.inf, "60", True]),
    (KINDS, "checkpoint_epochs", [0, -1, 2.0, "3", True]),
    (KINDS, "engine", ["kernel", "jax", None, 1, "Torch"]),
    (KINDS, "random_state", ["zero", -1, 2**40, 1.5, np.random.PCG64(0), [1]]),
    (KINDS, "verbose", [1, 0, "yes", None, "True"]),
    (KINDS, "dropout", NOT_SHARES),
    (RECURRENT, "cell", ["GRU", "transformer", None, 3]),
    (RECURRENT, "hidden_size", [*NOT_WHOLE, 2**24 + 1]),
    (RECURRENT, "num_layers", [*NOT_WHOLE, 257]),
    (RECURRENT, "bidirectional", NOT_FLAGS),
    (RECURRENT, "nonlinearity", ["sigmoid", None, 1]),
    (RECURRENT, "input_dropout", NOT_SHARES),
    (RECURRENT, "weight_dropout", NOT_SHARES),
    (RECURRENT, "locked_dropout", NOT_FLAGS),
    (RECURRENT, "initializer", ["ones", None, 1]),
    (RECURRENT, "forget_bias", ["1", True, np.nan, np.inf]),
    (RECURRENT, "chrono", [-1, 2.0, "3", None, True]),
    (RECURRENT, "pooling", ["sum", "first", None, 1]),
    (RECURRENT, "embedding_size", [value for value in NOT_WHOLE if value is not None]),
    (RECURRENT, "embedding_scale", [0, 0.0, -1.0, np.nan, np.inf, "1", None, True]),
    (RECURRENT, "embedding_dropout", NOT_SHARES),
    (RECURRENT, "word_dropout", NOT_SHARES),
    (RECURRENT, "vocabulary_size", [0, 2, 3.0, "3", True, np.nan]),
    (RECURRENT, "affixes", NOT_FLAGS),
    (RECURRENT, "affix_size", NOT_WHOLE),
    (RECURRENT, "vectors", [3, True, ["a"], b"file"]),
    (RECURRENT, "unit", ["words", "char", None]),
    (RECURRENT, "min_count", NOT_WHOLE),
    (RECURRENT, "lowercase", NOT_FLAGS),
    (RECURRENT, "bucket_by_length", NOT_FLAGS),
    (DENSE, "hidden_layer_sizes", [0, (0,), (5, -1), (5.0,), "5", None, {5}, (True,), [[5]]]),
    (DENSE, "activation", ["gelu", None, 1]),
    (KINDS[::2], "class_weight", ["equal", 3, [1, 2], {0: -1}, {0: "a"}]),
    (KINDS[1::2], "loss", ["mse", "cross_entropy", None, 1]),
]


@pytest.mark.parametrize(
    ("kinds", "name", "values"), BAD, ids=[f"{name}-{len(kinds)}" for kinds, name, _ in BAD]
)
def test_a_bad_argument_names_itself(kinds: list[Any], name: str, values: list[Any]) -> None:
    for kind in kinds:
        for value in values:
            with pytest.raises((ValueError, TypeError), match=name) as error:
                kind(**{"max_epochs": 1, name: value}).fit(X, Y)
            message = str(error.value)
            assert "\n" not in message
            assert len(message) < 250


def test_every_argument_is_tried_above() -> None:
    for kind in KINDS:
        tried = {name for kinds, name, _ in BAD if kind in kinds}
        assert tried == set(kind().get_params())


def test_bad_arguments_are_found_by_partial_fit_and_initialize_too() -> None:
    for kind in KINDS:
        for method in ("partial_fit", "initialize"):
            with pytest.raises(ValueError, match="learning_rate must be a number above 0, got -1"):
                getattr(kind(learning_rate=-1), method)(X, Y)


@pytest.mark.parametrize("kind", KINDS)
def test_numpy_numbers_and_texts_are_arguments_too(kind: Any, tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "optimizer": np.str_("sgd"),
        "learning_rate": np.float32(0.01),
        "momentum": np.float64(0.5),
        "max_epochs": np.int64(2),
        "batch_size": np.uint8(3),
        "shuffle": np.bool_(True),
        "clip_norm": 2,
        "random_state": np.int32(3),
        "checkpoint": tmp_path / "run",
        "dropout": np.float32(0.25),
    }
    if kind in RECURRENT:
        changes |= {"cell": np.str_("rnn"), "hidden_size": np.int64(3), "bidirectional": np.True_}
    else:
        changes |= {"hidden_layer_sizes": (np.int64(3), 2)}
    model = kind(**changes).fit(X, Y)
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in changes.items()
    }
    plain["checkpoint"] = str(tmp_path / "again")
    np.testing.assert_array_equal(kind(**plain).fit(X, Y).weights_, model.weights_)
    model.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_patience_needs_something_to_watch() -> None:
    for kind in KINDS:
        with pytest.raises(ValueError, match="patience=3 needs something to watch"):
            kind(patience=3).fit(X, Y)


def test_a_model_too_large_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="size must be a whole number from 1 to 16777216"):
        FeedForwardRegressor(hidden_layer_sizes=(2**24 + 1,)).fit(X, Y)
