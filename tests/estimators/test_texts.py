"""Texts in SequenceClassifier and SequenceRegressor: units, dropout of symbols, words by parts."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import unrolled
from unrolled import SequenceClassifier, SequenceRegressor, SequenceTagger
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact
from unrolled.runtime.spec import initial_values, views
from unrolled.runtime.vocabulary import Vocabulary
from unrolled.runtime.word_features import WordFeatures

TEXTS = ["Walking home, slowly", "the dogs walked", "A talk", "dogs' homes talking slowly now"] * 4
LABELS = ["walk", "walk", "talk", "talk"] * 4
NUMBERS = np.arange(16.0)


def make(**changes: Any) -> SequenceClassifier:
    given = {
        "hidden_size": 4, "embedding_size": 6, "affix_size": 3, "max_epochs": 3, "batch_size": 4,
        "random_state": 0, **changes,
    }  # fmt: skip
    return SequenceClassifier(**given)


def words_of(text: str) -> list[str]:
    return Vocabulary(("<unk>",), "word", False).split(text)


def test_a_token_is_what_stands_between_white_space() -> None:
    model = make(unit="token").fit(TEXTS, LABELS)
    assert "home," in model.vocabulary_.symbols
    assert "dogs'" in model.vocabulary_.symbols
    assert [len(states) for states in model.hidden_states(["a, b .", " c\n"])] == [3, 1]
    with pytest.raises(ValueError, match=r"X\[1\] is ' ', a text without a token"):
        model.predict(["a", " "])


def test_a_vocabulary_has_so_many_symbols_at_most() -> None:
    model = make(vocabulary_size=4).fit(TEXTS, LABELS)
    assert model.vocabulary_ == Vocabulary.fit(TEXTS, max_size=4)
    assert model.spec_.input_size == 4


def test_subwords(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    model = make(unit="subword", vocabulary_size=270, max_epochs=40, learning_rate=0.02)
    model.fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) == 1.0
    assert model.spec_.input_size == len(model.vocabulary_) == 270
    model.save(tmp_path / "model")
    again = unrolled.load(tmp_path / "model")
    new = ["unseen words", " ", "日本"]
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))
    with pytest.raises(ValueError, match="a text without a subword"):
        model.predict([""])


def test_dropouts_are_those_of_the_spec() -> None:
    model = make(word_dropout=0.2, embedding_dropout=0.3).fit(TEXTS, LABELS)
    assert model.spec_.symbol_dropout == 0.2
    assert model.spec_.embedding_dropout == 0.3
    plain = make().fit(TEXTS, LABELS)
    assert plain.spec_.symbol_dropout == plain.spec_.embedding_dropout == 0.0
    unknown = views(plain.spec_, initial_values(plain.spec_, 0))["embedding.weight"].shape
    assert unknown == (len(plain.vocabulary_), 6)


def test_word_dropout_learns_the_unknown_word() -> None:
    found = []
    for share in (0.0, 0.5):
        model = make(word_dropout=share).initialize(TEXTS, LABELS)
        before = model.named_parameters()["embedding.weight"][0].copy()
        after = make(word_dropout=share).fit(TEXTS, LABELS).named_parameters()["embedding.weight"]
        found.append(np.abs(after[0] - before).max())
    assert found[0] == 0.0 < found[1]


def test_embedding_scale_is_the_size_of_the_first_vectors() -> None:
    one, tenth = (make(embedding_scale=scale).initialize(TEXTS, LABELS) for scale in (1.0, 0.1))
    for name, value in one.named_parameters().items():
        scaled = value * np.float32(0.1) if name == "embedding.weight" else value
        np.testing.assert_array_equal(tenth.named_parameters()[name], scaled)
    parts = make(embedding_scale=0.1, affixes=True).initialize(TEXTS, LABELS).named_parameters()
    tables = [value for name, value in parts.items() if name.startswith("categories.")]
    assert len(tables) == 10
    assert all(0.02 < table.std() < 0.2 for table in tables)
    assert make(embedding_scale=1.0).fit(TEXTS, LABELS).weights_.tobytes() == (
        make().fit(TEXTS, LABELS).weights_.tobytes()
    )


@pytest.mark.parametrize("engine", ["kernels", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_words_are_read_by_their_parts(pooling: str, engine: str) -> None:
    model = make(affixes=True, pooling=pooling, engine=engine, max_epochs=60, learning_rate=0.02)
    model.fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) == 1.0
    expected = WordFeatures.fit([words_of(text) for text in TEXTS])
    assert model.words_ == expected
    assert model.spec_.categories == tuple(zip(expected.sizes, [6, 6, *[3] * 8], strict=True))
    assert model.spec_.input_size == len(expected.sizes)
    assert model.spec_.embedding_size == 0
    states = model.hidden_states(["the dog", "Walkers slowly , now"])
    assert [len(steps) for steps in states] == [2, 4]
    # Unknown words with the same letters at their ends are the same, others are not.
    one, same, other = model.predict_proba(["walkxing", "walkyying", "zzzz"])
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0


def test_words_are_cut_as_the_unit_says() -> None:
    for unit in ("word", "token"):
        for lowercase in (False, True):
            model = make(affixes=True, unit=unit, lowercase=lowercase).fit(TEXTS, LABELS)
            splitter = Vocabulary(("<unk>",), unit, lowercase)
            assert model.vocabulary_ == splitter
            known = {word for text in TEXTS for word in splitter.split(text)}
            assert set(model.words_.symbols[0]) == known
    model = make(affixes=True, min_count=5).fit(TEXTS, LABELS)
    assert set(model.words_.symbols[0]) == {"dogs", "slowly"}
    assert set(model.words_.symbols[1]) == {"dogs", "slowly"}


def test_the_tagger_and_the_classifier_read_words_alike() -> None:
    sentences = [words_of(text) for text in TEXTS]
    tags = [[label] * len(words) for words, label in zip(sentences, LABELS, strict=True)]
    tagger = SequenceTagger(
        hidden_size=4, embedding_size=6, affix_size=3, max_epochs=1, random_state=0
    ).fit(sentences, tags)
    model = make(affixes=True, bidirectional=True).fit(TEXTS, LABELS)
    assert tagger.words_ == model.words_
    assert tagger.spec_.categories == model.spec_.categories


@pytest.mark.parametrize("kind", [SequenceClassifier, SequenceRegressor])
def test_saved_pickled_and_cloned(kind: Any, tmp_path: Path) -> None:
    y = LABELS if kind is SequenceClassifier else NUMBERS
    model = kind(
        affixes=True, word_dropout=0.1, hidden_size=3, max_epochs=2, unit="token", random_state=0
    ).fit(TEXTS, y)
    model.save(tmp_path / "model")
    new = ["Walking unheard", "the dogs"]
    for again in (unrolled.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):  # noqa: S301
        np.testing.assert_array_equal(again.predict(new), model.predict(new))
        assert again.words_ == model.words_
    assert clone(model).fit(TEXTS, y).weights_.tobytes() == model.weights_.tobytes()
    again = unrolled.load(tmp_path / "model")
    again.partial_fit(TEXTS, y)


def test_a_model_of_texts_from_before_has_neither_words_nor_vectors(tmp_path: Path) -> None:
    model = make().fit(TEXTS, LABELS)
    model.save(tmp_path / "m")
    artifact = load_artifact(tmp_path / "m")
    for name in ("words", "vectors"):
        del artifact.content["inputs"][name]
    del artifact.content["parameters"]["affixes"]
    artifact.content["parameters"]["embedding_size"] = 6
    save_artifact(tmp_path / "old", artifact.content, artifact.arrays)
    again = unrolled.load(tmp_path / "old")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("vocabulary", None),
        ("vocabulary", {"symbols": ["<unk>"], "unit": "character", "lowercase": False}),
        ("scaler", {"mean": [0.0], "scale": [1.0]}),
        ("words", None),
        ("words", {"prefixes": [1], "suffixes": [1], "symbols": [[]]}),
        ("vectors", {"size": 6}),
        ("vectors", {"size": 0, "found": 3}),
        ("vectors", {"size": 6, "found": True}),
        ("vectors", {"size": 6, "found": 0}),
    ],
)
def test_inputs_that_do_not_fit_are_refused(entry: str, value: Any, tmp_path: Path) -> None:
    make(affixes=True).fit(TEXTS, LABELS).save(tmp_path / "m")
    artifact = load_artifact(tmp_path / "m")
    artifact.content["inputs"][entry] = value
    save_artifact(tmp_path / "bad", artifact.content, artifact.arrays)
    with pytest.raises(ArtifactError) as error:
        unrolled.load(tmp_path / "bad")
    assert "\n" not in str(error.value)


def test_partial_fit_and_a_held_out_part() -> None:
    model = make(affixes=True, shuffle=False)
    for _ in range(3):
        model.partial_fit(TEXTS, LABELS)
    whole = make(affixes=True, shuffle=False).fit(TEXTS, LABELS)
    np.testing.assert_allclose(model.weights_, whole.weights_, atol=1e-6)
    held = make(affixes=True, validation_fraction=0.25).fit(TEXTS, LABELS)
    assert held.history_[-1]["valid_loss"] is not None
    watched = make(affixes=True).fit(TEXTS, LABELS, validation_data=(["walks"], ["walk"]))
    assert watched.history_[-1]["valid_loss"] is not None


@pytest.mark.parametrize(
    ("arguments", "X", "said"),
    [
        ({"affixes": True, "unit": "character"}, TEXTS, "affixes are of words"),
        ({"affixes": True, "unit": "subword"}, TEXTS, "affixes are of words"),
        ({"affixes": True, "vocabulary_size": 9}, TEXTS, "vocabulary_size does not go with affixe"),
        ({"affixes": True, "embedding_dropout": 0.1}, TEXTS, "embedding_dropout=0.1 does not go w"),
        ({"affixes": True}, np.ones((16, 3)), "affixes needs texts, and X holds numbers"),
        ({"embedding_dropout": 0.1}, np.ones((16, 3)), "embedding_dropout=0.1 does not go with X"),
        ({"word_dropout": 0.1}, np.ones((16, 3)), "word_dropout=0.1 needs words or characters"),
    ],
)
def test_what_does_not_go_together(arguments: dict[str, Any], X: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**arguments).fit(X, LABELS)


@pytest.mark.parametrize(
    "X",
    [
        [["how", "are", "you"], ["fine"]],
        (("a",), ("b", "c")),
        np.array([["a", "b"], ["c", "d"]]),
        [np.array(["a"]), np.array(["b", "c"])],
    ],
    ids=["lists", "tuples", "table", "arrays"],
)
def test_lists_of_words_are_joined_or_tagged(X: Any) -> None:
    for model, targets in ((make(), ["a", "b"]), (SequenceRegressor(max_epochs=1), [1.0, 2.0])):
        said = f"^X holds lists of words, and {type(model).__name__} takes a text as one string: "
        with pytest.raises(TypeError, match=said) as error:
            model.fit(X, targets)
        assert '" ".join(words), and set unit="token"' in str(error.value)
        assert "SequenceTagger takes lists" in str(error.value)
    # It is as it says.
    joined = make(unit="token").fit([" ".join(words) for words in X], ["a", "b"])
    with pytest.raises(TypeError, match="X holds lists of words"):
        joined.predict(X)
