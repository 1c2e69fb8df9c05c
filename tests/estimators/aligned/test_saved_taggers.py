"""Taggers that are saved, stopped, gone on with, and forged."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aligned_problems import (
    KINDS,
    KilledError,
    characters,
    die_at_second_save,
    tagger,
    words,
)
from sklearn.base import clone

from unrolled import SequenceTagger, load
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact
from unrolled.training.checkpoint import CheckpointError


@pytest.mark.parametrize("kind", KINDS)
def test_saved_pickled_and_cloned(kind: str, tmp_path: Path) -> None:
    X, y = KINDS[kind]()
    dropped = {} if kind == "numbers" else {"word_dropout": 0.1}
    model = tagger(**dropped).fit(X, y)
    model.save(tmp_path / "model")
    for again in (load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert isinstance(again, SequenceTagger)
        assert again.predict(X) == model.predict(X)
        for a, b in zip(again.predict_proba(X), model.predict_proba(X), strict=True):
            np.testing.assert_array_equal(a, b)
        assert again.evaluate(X, y) == model.evaluate(X, y)
    twin = clone(model)
    assert not twin.__sklearn_is_fitted__()
    np.testing.assert_array_equal(twin.fit(X, y).weights_, model.weights_)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_fit_goes_on_with_the_same_bits(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = KINDS[kind]()
    given: dict[str, Any] = {
        "max_epochs": 4, "dropout": 0.2, "validation_fraction": 0.2, "crf": kind == "words",
        "word_dropout": 0.0 if kind == "numbers" else 0.3,
    }  # fmt: skip
    whole = tagger(**given).fit(X, y)
    die_at_second_save(monkeypatch)
    run = tmp_path / "run"
    with pytest.raises(KilledError):
        tagger(checkpoint=run, checkpoint_epochs=1, **given).fit(X, y)
    again = tagger(**given).fit(X, y, resume_from=run)
    np.testing.assert_array_equal(again.weights_, whole.weights_)
    with pytest.raises(CheckpointError):
        tagger(**given).fit(X, [row[::-1] for row in y], resume_from=run)


FORGED: dict[str, tuple[str, Any]] = {
    "no words": ("inputs", {"words": None}),
    "a scaler too": ("inputs", {"scaler": {"mean": [0.0], "scale": [1.0]}}),
    "other words": ("words", {"symbols": [["a"]] * 10}),
    "other columns": ("words", {"suffixes": [1]}),
    "other labels": ("targets", {"classes": ["DET", "NOUN"]}),
    "unsorted labels": ("targets", {"classes": ["NOUN", "DET", "VERB"]}),
    "no crf": ("parameters", {"crf": True}),
    "other vectors": ("parameters", {"affix_size": 4}),
    "stop words": ("inputs", {"stop_words": None}),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_model_is_refused(case: str, tmp_path: Path) -> None:
    tagger(max_epochs=1).fit(*words()).save(tmp_path / "model")
    artifact = load_artifact(tmp_path / "model")
    content = copy.deepcopy(dict(artifact.content))
    where, changes = FORGED[case]
    (content["inputs"]["words"] if where == "words" else content[where]).update(changes)
    save_artifact(tmp_path / "model", content, dict(artifact.arrays))
    with pytest.raises(ArtifactError):
        load(tmp_path / "model")


def test_a_vocabulary_of_words_is_no_characters_model(tmp_path: Path) -> None:
    tagger(max_epochs=1).fit(*characters()).save(tmp_path / "model")
    artifact = load_artifact(tmp_path / "model")
    for name, value in (("unit", "word"), ("lowercase", True)):
        content = copy.deepcopy(dict(artifact.content))
        content["inputs"]["vocabulary"][name] = value
        save_artifact(tmp_path / "model", content, dict(artifact.arrays))
        with pytest.raises(ArtifactError, match="a vocabulary of characters as they are"):
            load(tmp_path / "model")
