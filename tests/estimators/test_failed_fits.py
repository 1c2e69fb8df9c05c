from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.estimators import trainable
from unrolled.estimators.progress_bar import Train

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


class StopsError(Exception):
    pass


def broken_fits(kind: Any) -> Iterator[tuple[Any, Any]]:
    """Ways to fail at different depths of a fit: (what it does to the model, what it raises)."""
    X, y = data(kind, seed=5)
    if isinstance(X, list):
        X = X[:3] + [x + np.nan for x in X[3:4]] + X[4:]
        yield lambda model: model.fit(X, y), ValueError
        X = data(kind, seed=5)[0]
    yield lambda model: model.fit(X, y[:-1]), ValueError
    yield lambda model: model.fit(X, None), ValueError
    yield lambda model: model.fit(X, y, sample_weight=np.zeros(N)), ValueError
    yield lambda model: model.fit(X, y, validation_data=(X, y[:-1])), ValueError
    yield lambda model: model.fit(X, y, resume_from="no/such/file"), ValueError
    yield (
        lambda model: model.set_params(learning_rate=1e60, optimizer="sgd", clip_norm=None).fit(
            X, y
        ),
        FloatingPointError,
    )
    yield lambda model: model.partial_fit(X, y[:-1]), ValueError
    yield lambda model: model.partial_fit(X, y), FloatingPointError


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_that_fails_leaves_the_old_model(kind: Any) -> None:
    X, y = data(kind)
    model = make(kind).fit(X, y)
    before, learnt, expected = bits(model), dict(vars(model)), model.predict(X)
    for fails, error in broken_fits(kind):
        with np.errstate(all="ignore"), pytest.raises(error):
            fails(model)
        assert bits(model) == before
        np.testing.assert_array_equal(model.predict(X), expected)
        after = vars(model)
        assert set(after) == set(learnt)
        assert all(after[name] is learnt[name] for name in after if name.endswith("_"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, StopsError])
def test_an_interrupted_fit_leaves_the_old_model(
    kind: Any, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = data(kind)
    model, untouched = make(kind).fit(X, y), make(kind)
    before, learnt = bits(model), set(vars(model))

    def interrupted(train: Train, max_epochs: int, verbose: Any, engine: str) -> None:
        next(train(None))
        raise error

    monkeypatch.setattr(trainable, "watch", interrupted)
    for method in ("fit", "partial_fit"):
        for each in (model, untouched):
            with pytest.raises(error):
                getattr(each, method)(*data(kind, seed=3))
    assert bits(model) == before
    assert set(vars(model)) == learnt
    assert not hasattr(untouched, "weights_")
    assert set(vars(untouched)) == set(untouched.get_params())


@pytest.mark.parametrize("kind", KINDS)
def test_before_a_fit_there_is_nothing_to_ask(kind: Any, tmp_path: Any) -> None:
    X, y = data(kind)
    model = make(kind)
    asked = [
        lambda: model.predict(X),
        lambda: model.score(X, y),
        lambda: model.evaluate(X, y),
        lambda: model.named_parameters(),
        lambda: model.save(tmp_path / "model"),
    ]
    if hasattr(model, "predict_proba"):
        asked.append(lambda: model.predict_proba(X))
    if hasattr(model, "hidden_states"):
        asked.append(lambda: model.hidden_states(X))
    for ask in asked:
        with pytest.raises(NotFittedError, match=f"{kind.__name__} is not fitted yet"):
            ask()
