"""Signal models that are saved, stopped and gone on with."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aligned_problems import (
    KilledError,
    die_at_second_save,
    signal,
    signals,
)
from sklearn.base import clone

from unrolled import SignalRegressor, load
from unrolled.runtime.artifact import ArtifactError
from unrolled.training.checkpoint import CheckpointError


@pytest.mark.parametrize("feedback", [False, True])
def test_saved_pickled_and_cloned(feedback: bool, tmp_path: Path) -> None:
    X, y = signals(2)
    model = signal(output_feedback=feedback, cell="lstm").fit(X, y)
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


@pytest.mark.parametrize("feedback", [False, True])
def test_a_fitted_model_feeds_back_whatever_its_argument_is_now(feedback: bool) -> None:
    X, y = signals(2)
    model = signal(output_feedback=feedback).fit(X, y)
    before, states = model.predict(X), model.hidden_states(X)
    model.set_params(output_feedback=not feedback)
    for found, expected in ((model.predict(X), before), (model.hidden_states(X), states)):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="another model than the one that was fitted"):
        model.partial_fit(X, y)
    assert model.fit(X, y).spec_.input_size == (2 if feedback else 4)


def test_a_stopped_fit_goes_on_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = signals(2)
    given: dict[str, Any] = {"output_feedback": True, "dropout": 0.2, "validation_fraction": 0.2}
    whole = signal(max_epochs=4, **given).fit(X, y)
    die_at_second_save(monkeypatch)
    run = tmp_path / "run"
    with pytest.raises(KilledError):
        signal(max_epochs=4, checkpoint=run, checkpoint_epochs=1, **given).fit(X, y)
    again = signal(max_epochs=4, **given).fit(X, y, resume_from=run)
    np.testing.assert_array_equal(again.weights_, whole.weights_)
    assert again.n_iter_ == 4
    y[0][0, 0] += 1.0
    with pytest.raises(CheckpointError, match=r"other .* data"):
        signal(max_epochs=4, **given).fit(X, y, resume_from=run)


def test_partial_fit_goes_on() -> None:
    X, y = signals()
    model = signal(shuffle=False)
    for _ in range(3):
        model.partial_fit(X, y)
    np.testing.assert_allclose(model.weights_, signal(shuffle=False).fit(X, y).weights_, atol=1e-6)
    assert model.n_iter_ == 3
    with pytest.raises(ValueError, match="y has 2 numbers a step, but the model was fitted on 1"):
        model.partial_fit(*signals(2))
