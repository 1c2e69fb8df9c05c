"""Labels that depend on their neighbours: by every path, one after the other."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aligned_problems import (
    KINDS,
    characters,
    tagger,
)

from unrolled import load
from unrolled.runtime.artifact import ArtifactError


def paths(scores: np.ndarray, named: Any) -> tuple[np.ndarray, np.ndarray]:
    """All label paths [P, T] of a sequence and their probabilities [P], one after the other."""
    T, K = scores.shape
    every = np.array(list(itertools.product(range(K), repeat=T)))
    energy = named["crf.start"][every[:, 0]] + named["crf.end"][every[:, -1]]
    energy = energy + scores[np.arange(T), every].sum(axis=1)
    energy = energy + named["crf.transition"][every[:, :-1], every[:, 1:]].sum(axis=1)
    powers = np.exp(energy.astype(np.float64))
    return every, powers / powers.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_crf_gives_the_likeliest_path_and_the_shares_of_its_labels(kind: str) -> None:
    X, y = KINDS[kind]()
    X, y = [x[:5] for x in X], [row[:5] for row in y]
    model = tagger(crf=True, max_epochs=20, learning_rate=0.05, batch_size=3).fit(X, y)
    named, K = model.named_parameters(), len(model.classes_)
    assert np.abs(named["crf.transition"]).max() > 0.2
    nats, right, steps = 0.0, 0.0, 0
    found, shares = model.predict(X), model.predict_proba(X)
    for i, states in enumerate(model.hidden_states(X)):
        scores = states @ named["head.weight"].T + named["head.bias"]
        every, of_path = paths(scores, named)
        assert found[i] == model.classes_[every[of_path.argmax()]].tolist()
        expected = np.array([of_path @ (every == k) for k in range(K)]).T
        np.testing.assert_allclose(shares[i], expected, rtol=1e-4, atol=1e-6)
        truth = np.searchsorted(model.classes_, y[i])
        nats -= np.log(expected[np.arange(len(truth)), truth]).sum()
        right += float((model.classes_[truth] == np.array(found[i])).sum())
        steps += len(truth)
    scores = model.evaluate(X, y)
    assert scores["log_loss"] == pytest.approx(nats / steps, rel=1e-4)
    assert scores["accuracy"] == pytest.approx(right / steps)
    assert model.score(X, y) == scores["accuracy"]


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
def test_crf_is_trained_on_the_likelihood_of_known_labels(engine: str) -> None:
    X, y = characters()
    X, y = [x[:4] for x in X], [row[:4] for row in y]
    # Weights are of sequences: also of one whose first label is missing.
    y[2][1], y[3][0], y[4] = None, None, [None] * 4  # type: ignore[list-item]
    weight = np.linspace(0.5, 1.5, 10)
    given: dict[str, Any] = {"crf": True, "batch_size": 10, "engine": engine}
    start = tagger(**given).initialize(X, y)
    named = start.named_parameters()
    known = np.array([sum(label is not None for label in row) for row in y])
    total = 0.0
    for i, states in enumerate(start.hidden_states(X)):
        every, of_path = paths(states @ named["head.weight"].T + named["head.bias"], named)
        fits = [
            all(label in (None, start.classes_[k]) for label, k in zip(y[i], path, strict=True))
            for path in every
        ]
        total -= weight[i] * np.log(of_path[fits].sum())
    expected = total / known.sum() / np.average(weight, weights=known)
    model = tagger(max_epochs=1, **given).fit(X, y, weight)
    assert model.history_[0]["train_loss"] == pytest.approx(expected, rel=1e-4)
    assert model.engine_ == engine


def test_crf_learns_which_labels_follow_each_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # Each label but the first is told by the one before alone.
    X, y = [], []
    for n in rng.integers(3, 9, size=60):
        first = int(rng.integers(3))
        x = np.zeros((n, 3))
        x[0, first] = 1.0
        X.append(x)
        y.append([(first + t) % 3 for t in range(n)])
    given: dict[str, Any] = {
        "hidden_size": 1, "bidirectional": False, "max_epochs": 60, "learning_rate": 0.05,
        "standardize": False,
    }  # fmt: skip
    model, without = (tagger(crf=crf, **given).fit(X, y) for crf in (True, False))
    assert model.evaluate(X, y)["sequence_accuracy"] > 0.95
    assert without.evaluate(X, y)["sequence_accuracy"] < 0.9
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.predict(X) == model.predict(X)
    assert again.evaluate(X, y) == model.evaluate(X, y)
    held = tagger(crf=True, validation_fraction=0.3, max_epochs=2).fit(X, y)
    assert all(record["valid_loss"] is not None for record in held.history_)
    model.crf = False
    with pytest.raises(ArtifactError, match="another model"):
        model.save(tmp_path / "model")
