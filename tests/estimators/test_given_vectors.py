"""Embeddings that begin with the vectors of a file: of classifiers, taggers, language models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrolled
from unrolled import LanguageModel, SequenceClassifier, SequenceRegressor, SequenceTagger
from unrolled.estimators.checkpoints import Run
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact
from unrolled.training.checkpoint import CheckpointError

TEXTS = ["the Cat sat", "a Dog ran far", "the Dog sat , far", "Cat"] * 3
LABELS = ["cat", "dog", "dog", "cat"] * 3
SENTENCES = [text.split() for text in TEXTS]
TAGS = [[word.islower() for word in words] for words in SENTENCES]
# "Dog" is there as it is written, of "Cat" the lower-cased form alone; "THE" is none of ours.
FILE = "dog 1 2 3\nDog 4 5 6\ncat 7 8 9\nTHE 1 1 1\nfar -1 -2 -3.5\n"
GIVEN = {"Dog": [4, 5, 6], "Cat": [7, 8, 9], "far": [-1, -2, -3.5]}

TEXT = {"hidden_size": 4, "max_epochs": 2, "batch_size": 4, "random_state": 0, "unit": "token"}
CASES: dict[str, tuple[Any, dict[str, Any], tuple[Any, ...]]] = {
    "classifier": (SequenceClassifier, TEXT, (TEXTS, LABELS)),
    "regressor": (SequenceRegressor, TEXT, (TEXTS, np.arange(12.0))),
    "affixes": (SequenceClassifier, {**TEXT, "affixes": True, "affix_size": 2}, (TEXTS, LABELS)),
    "tagger": (
        SequenceTagger,
        {"hidden_size": 4, "max_epochs": 2, "affix_size": 2, "random_state": 0},
        (SENTENCES, TAGS),
    ),
    "language model": (LanguageModel, {**TEXT, "bptt": 4}, (TEXTS,)),
    "tied": (LanguageModel, {**TEXT, "bptt": 4, "tied": True}, (TEXTS,)),
}


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_text(FILE)
    return path


def symbols_and_table(model: Any) -> tuple[list[str], np.ndarray]:
    """The symbols of the embedding's rows, and the embedding."""
    named = model.named_parameters()
    if model.spec_.categories:
        return ["", *model.words_.symbols[0]], named["categories.0.weight"]
    return list(model.vocabulary_.symbols), named["embedding.weight"]


def started(case: str, **changes: Any) -> Any:
    """A model whose training moves nothing that can be told."""
    kind, arguments, data = CASES[case]
    return kind(**{**arguments, "learning_rate": 1e-12, "max_epochs": 1, **changes}).fit(*data)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", ["txt", "npz"])
def test_symbols_that_are_found_begin_with_their_vectors(
    case: str, form: str, vectors: Path, tmp_path: Path
) -> None:
    if form == "npz":
        rows = [line.split() for line in FILE.splitlines()]
        words, numbers = [row[0] for row in rows], [list(map(float, row[1:])) for row in rows]
        vectors = tmp_path / "vectors.npz"
        np.savez(vectors, words=np.array(words), vectors=np.array(numbers))
    model = started(case, vectors=vectors)
    assert model.vectors_found_ == 3
    symbols, table = symbols_and_table(model)
    assert table.shape == (len(symbols), 3)
    # Others begin as in a model of this size without the file.
    usual = started(case, embedding_size=3)
    assert usual.vectors_found_ is None
    _, random = symbols_and_table(usual)
    for symbol, ours, theirs in zip(symbols, table, random, strict=True):
        if symbol in GIVEN:
            np.testing.assert_allclose(ours, GIVEN[symbol], atol=1e-6)
        elif not model.spec_.categories:
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
        else:
            assert np.abs(ours).max() < 5
    if model.spec_.categories:
        assert [size for _, size in model.spec_.categories] == [3, *[2] * 9]


def test_given_vectors_are_not_scaled(vectors: Path) -> None:
    symbols, table = symbols_and_table(
        started("classifier", vectors=vectors, embedding_scale=0.001)
    )
    for symbol, row in zip(symbols, table, strict=True):
        if symbol in GIVEN:
            np.testing.assert_allclose(row, GIVEN[symbol], atol=1e-6)
        else:
            assert np.abs(row).max() < 0.01


@pytest.mark.parametrize("case", CASES)
def test_a_saved_model_does_not_need_the_file(case: str, vectors: Path, tmp_path: Path) -> None:
    kind, arguments, (X, *y) = CASES[case]
    model = kind(vectors=vectors, **arguments).fit(X, *y)
    model.save(tmp_path / "model")
    vectors.unlink()
    assert "vectors.txt" not in (tmp_path / "model" / "config.json").read_text()
    again = unrolled.load(tmp_path / "model")
    assert again.vectors is None
    assert again.vectors_found_ == 3
    assert again.weights_.tobytes() == model.weights_.tobytes()
    assert again.score(X, *y) == model.score(X, *y)
    again.save(tmp_path / "twice")
    if not isinstance(model, LanguageModel):
        again.partial_fit(X, *y)
        again.embedding_size = 5
        with pytest.raises(ValueError, match="describe another model"):
            again.partial_fit(X, *y)
    again.embedding_size = None
    again.fit(X, *y)
    assert again.vectors_found_ is None
    assert symbols_and_table(again)[1].shape[1] != 3


def test_a_model_that_names_a_file_to_read_is_refused(vectors: Path, tmp_path: Path) -> None:
    started("classifier", vectors=vectors).save(tmp_path / "m")
    artifact = load_artifact(tmp_path / "m")
    artifact.content["parameters"]["vectors"] = str(vectors)
    save_artifact(tmp_path / "hostile", artifact.content, artifact.arrays)
    with pytest.raises(ArtifactError, match="name a checkpoint or vectors"):
        unrolled.load(tmp_path / "hostile")


class KilledError(BaseException):
    pass


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_fit_goes_on_with_the_same_bits_and_vectors(
    case: str, vectors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, arguments, data = CASES[case]
    given = {**arguments, "max_epochs": 4, "vectors": vectors}
    whole = kind(**given).fit(*data)
    save = Run.save

    def save_and_die(self: Run, *arguments: Any) -> None:
        save(self, *arguments)
        raise KilledError

    monkeypatch.setattr(Run, "save", save_and_die)
    run = tmp_path / "run"
    with pytest.raises(KilledError):
        kind(checkpoint=run, checkpoint_epochs=1, **given).fit(*data)
    # Where the file lies is nothing to the run, what it holds is.
    moved = tmp_path / "moved.txt"
    os.rename(vectors, moved)
    again = kind(**{**given, "vectors": moved}).fit(*data, resume_from=run)
    assert again.weights_.tobytes() == whole.weights_.tobytes()
    for content in (FILE.replace("-3.5", "-3.6"), FILE.replace("far", "sat")):
        moved.write_text(content)
        with pytest.raises(CheckpointError, match="of a fit with other vectors"):
            kind(**{**given, "vectors": moved}).fit(*data, resume_from=run)
    with pytest.raises(CheckpointError, match="of a fit with another model"):
        kind(**{**given, "vectors": None}).fit(*data, resume_from=run)


def test_initialize_and_partial_fit_begin_with_the_vectors_too(vectors: Path) -> None:
    kind, arguments, data = CASES["classifier"]
    model = kind(vectors=vectors, **arguments).initialize(*data)
    symbols, table = symbols_and_table(model)
    np.testing.assert_array_equal(table[symbols.index("Dog")], GIVEN["Dog"])
    model = kind(vectors=vectors, **{**arguments, "learning_rate": 1e-12}).partial_fit(*data)
    symbols, table = symbols_and_table(model)
    np.testing.assert_allclose(table[symbols.index("Dog")], GIVEN["Dog"], atol=1e-6)
    vectors.unlink()
    model.partial_fit(*data)


def test_a_character_has_no_lower_cased_form(vectors: Path) -> None:
    vectors.write_text("a 1 2\nb 3 4\nC 5 6\n")
    kind, arguments, _ = CASES["classifier"]
    model = kind(vectors=vectors, **{**arguments, "unit": "character"})
    model.fit(["aB", "Ac", "C"], ["x", "y", "x"])
    assert model.vectors_found_ == 2


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_go_with_vectors(case: str, vectors: Path) -> None:
    kind, arguments, data = CASES[case]
    model = kind(**{**arguments, "vectors": vectors, "embedding_size": 5})
    with pytest.raises(ValueError, match=r"embedding_size=5, but the vectors of .* have 3 numbers"):
        model.fit(*data)
    assert not hasattr(model, "weights_")
    assert kind(**{**arguments, "vectors": vectors, "embedding_size": 3}).fit(*data).vectors_found_
    with pytest.raises(FileNotFoundError, match="nowhere"):
        kind(**{**arguments, "vectors": vectors.with_name("nowhere")}).fit(*data)
    vectors.write_text("nothing 1 2 3\n")
    with pytest.raises(ValueError, match="has none of the"):
        kind(**{**arguments, "vectors": vectors}).fit(*data)
    if "unit" in arguments and "affixes" not in arguments:
        with pytest.raises(ValueError, match="vectors are of words"):
            kind(**{**arguments, "vectors": vectors, "unit": "subword"}).fit(*data)


@pytest.mark.parametrize("kind", [SequenceClassifier, SequenceTagger])
def test_numbers_have_no_vectors(kind: Any, vectors: Path) -> None:
    y = [0, 1] if kind is SequenceClassifier else [[0, 1, 0], [1, 1, 0]]
    with pytest.raises(ValueError, match="vectors needs texts, and X holds numbers"):
        kind(vectors=vectors, max_epochs=1).fit(np.ones((2, 3)), y)
