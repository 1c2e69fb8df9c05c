"""Fitting, watching, saving and resuming a language model."""

from __future__ import annotations

import copy
import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from language_problems import OTHER, TEXT, fitted, model, sentences

import unrolled
from unrolled.data import text_files
from unrolled.estimators.language import corpus
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact


@pytest.mark.parametrize("unit", ["character", "word", "token"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_it_learns_what_follows_what(unit: str, cell: str) -> None:
    m = model(unit=unit, cell=cell, max_epochs=12, validation_fraction=0.1).fit(TEXT)
    first, last = m.history_[0], m.history_[-1]
    assert last["valid_loss"] is not None
    assert last["train_loss"] < 0.7 * first["train_loss"]
    # Without what came before the words have a perplexity of 8.8.
    limit = {"character": 1.9, "word": 5.2, "token": 5.2}[unit]
    assert m.perplexity(sentences(40, seed=5)) < limit
    assert np.exp(last["valid_loss"]) < limit


def test_a_file_is_read_as_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "a.txt.gz"
    plain.write_text(TEXT)
    packed.write_bytes(gzip.compress(TEXT.encode()))
    for unit in ("character", "word"):
        expected = model(unit=unit, validation_fraction=0.2).fit(TEXT)
        for source in (plain, [packed]):
            found = model(unit=unit, validation_fraction=0.2).fit(source)
            assert found.weights_.tobytes() == expected.weights_.tobytes()
            assert found.vocabulary_ == expected.vocabulary_
        with monkeypatch.context() as few:
            # Larger than memory: tokens in a file, texts in small pieces.
            few.setattr(text_files.encode_corpus, "__kwdefaults__",
                        {"in_memory": 10, "encoding": "utf-8", "name": "X"})  # fmt: skip
            found = model(unit=unit, validation_fraction=0.2).fit(plain)
        assert found.weights_.tobytes() == expected.weights_.tobytes()


@pytest.mark.parametrize("unit", ["character", "word", "token"])
def test_the_end_of_a_text_is_held_out(unit: str) -> None:
    text = "how are you\n" * 50 + "zebra lion\n" * 5
    m = model(unit=unit, validation_fraction=0.09)
    learnt = corpus.learn(corpus.as_texts(text), m)
    assert learnt.watched is not None
    assert "zebra" not in learnt.vocabulary.symbols
    assert "z" not in learnt.vocabulary.symbols
    whole = corpus.encode(corpus.as_texts(text), learnt.vocabulary)
    assert learnt.tokens[0] == 1
    assert learnt.watched[0] == learnt.tokens[-1], "what comes before the first one watched"
    np.testing.assert_array_equal(np.concatenate([learnt.tokens, learnt.watched[1:]]), whole)
    share = (len(learnt.watched) - 1) / (len(whole) - 1)
    assert abs(share - 0.09) < 0.03


def test_whole_texts_are_held_out() -> None:
    texts = [f"{name} " * 20 for name in ("how", "are", "you", "zebra")]
    learnt = corpus.learn(corpus.as_texts(texts), model(unit="word", validation_fraction=0.2))
    assert learnt.watched is not None
    assert learnt.vocabulary.symbols == ("<unk>", "<end>", "are", "how", "you")
    assert len(learnt.watched) == 22
    assert (learnt.tokens == 1).sum() == 4
    assert learnt.tokens[-1] == learnt.watched[0] == learnt.watched[-1] == 1


@pytest.mark.parametrize("sources", [1, 3])
def test_held_out_texts_take_no_memory_of_their_own(sources: int) -> None:
    X = corpus.as_texts([TEXT] * sources)
    learnt = corpus.learn(X, model(validation_fraction=0.4))
    assert learnt.watched is not None
    assert np.shares_memory(learnt.watched, learnt.tokens)
    assert learnt.tokens.base is learnt.watched.base is not None


def test_characters_without_white_space_are_held_out_too() -> None:
    m = model(validation_fraction=0.1, max_epochs=1)
    learnt = corpus.learn(["acgt" * 100], m)
    assert learnt.watched is not None
    assert (len(learnt.tokens), len(learnt.watched)) == (361, 41)


def test_given_texts_are_watched() -> None:
    m = model(max_epochs=1).fit(TEXT, validation_data=OTHER)
    loss = m.history_[-1]["valid_loss"]
    assert loss is not None
    # Eight streams that begin by themselves, instead of one.
    assert loss == pytest.approx(-m.score(OTHER), rel=0.02)
    alone = model(max_epochs=1, batch_size=1).fit(TEXT[:400], validation_data=OTHER)
    assert alone.history_[-1]["valid_loss"] == pytest.approx(-alone.score(OTHER), rel=1e-4)


def test_patience_puts_the_best_weights_back() -> None:
    m = model(max_epochs=60, patience=2, learning_rate=0.3, validation_fraction=0.2).fit(TEXT)
    assert m.n_iter_ < 60
    losses = [record["valid_loss"] for record in m.history_]
    assert np.argmin(losses) == len(losses) - 3


@pytest.mark.parametrize("changes", [{"tied": True}, {"tied": True, "embedding_size": 10},
                                     {"embedding_size": 7}])  # fmt: skip
def test_sizes_and_shared_weights(changes: dict[str, Any]) -> None:
    m = model(max_epochs=1, **changes).fit(TEXT)
    named = m.named_parameters()
    size = changes.get("embedding_size", 24)
    assert named["embedding.weight"].shape == (len(m.vocabulary_), size)
    assert ("head.weight" in named) == ("tied" not in changes)
    assert ("hidden.0.weight" in named) == (changes == {"tied": True, "embedding_size": 10})
    assert np.isfinite(m.perplexity(OTHER))


def test_every_dropout_trains() -> None:
    plain = model().fit(TEXT)
    for name in ("dropout", "input_dropout", "weight_dropout", "embedding_dropout"):
        m = model(**{name: 0.3}, locked_dropout=True).fit(TEXT)
        assert m.weights_.tobytes() != plain.weights_.tobytes(), name
        assert m.history_[-1]["train_loss"] < m.history_[0]["train_loss"]


def test_saved_and_loaded(tmp_path: Path) -> None:
    for unit in ("character", "word"):
        m = fitted(unit)
        m.save(tmp_path / unit)
        again = unrolled.load(tmp_path / unit)
        assert again.perplexity(OTHER) == m.perplexity(OTHER)
        assert "".join(again.generate("how", 50, random_state=1)) == "".join(
            m.generate("how", 50, random_state=1)
        )
        assert again.get_params() == m.get_params()
    copied = pickle.loads(pickle.dumps(fitted()))  # noqa: S301
    assert copied.perplexity(OTHER) == fitted().perplexity(OTHER)


def test_a_damaged_vocabulary_is_refused(tmp_path: Path) -> None:
    m = model(max_epochs=1).fit(TEXT)
    m.vocabulary_ = model(max_epochs=1).fit(TEXT + "!").vocabulary_
    with pytest.raises(ArtifactError, match="describe another model"):
        m.save(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("vocabulary", None, "the vocabulary needs a mapping"),
        ("vocabulary", "how", "the vocabulary needs a mapping"),
        ("several", 1, "several must be true or false, got 1"),
        ("scaler", None, "part inputs holds 'scaler', which is none of vocabulary, several, vect"),
    ],
)
def test_forged_inputs_are_refused(name: str, value: Any, said: str, tmp_path: Path) -> None:
    fitted().save(tmp_path / "m")
    artifact = load_artifact(tmp_path / "m")
    content = copy.deepcopy(dict(artifact.content))
    content["inputs"][name] = value
    save_artifact(tmp_path / "m", content, dict(artifact.arrays))
    with pytest.raises(ArtifactError, match=said):
        unrolled.load(tmp_path / "m")


def test_resumed_fits_end_with_the_same_bits(tmp_path: Path) -> None:
    whole = model(max_epochs=4, dropout=0.2, validation_fraction=0.1).fit(TEXT)
    path = tmp_path / "run"
    m = model(max_epochs=4, dropout=0.2, validation_fraction=0.1)
    m.set_params(checkpoint=path, checkpoint_epochs=1)

    class StopError(Exception):
        pass

    from unrolled.estimators import checkpoints

    save, count = checkpoints.save_checkpoint, 0

    def stop(*arguments: Any) -> None:
        nonlocal count
        save(*arguments)
        count += 1
        if count == 2:
            raise StopError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "save_checkpoint", stop)
        with pytest.raises(StopError):
            m.fit(TEXT)
    assert not m.__sklearn_is_fitted__()
    m.fit(TEXT, resume_from=path)
    assert m.weights_.tobytes() == whole.weights_.tobytes()
    assert m.n_iter_ == 4


@pytest.mark.torch
def test_both_engines_learn_alike() -> None:
    losses = {}
    for engine in ("kernels", "torch"):
        m = model(engine=engine, num_layers=2, tied=True).fit(TEXT)
        losses[engine] = [record["train_loss"] for record in m.history_]
        assert m.engine_ == engine
    np.testing.assert_allclose(losses["kernels"], losses["torch"], rtol=1e-4)


@pytest.mark.parametrize(
    ("X", "kind", "said"),
    [
        (b"how", TypeError, "X must be a text, a pathlib.Path, or a list of such, got bytes"),
        (3, TypeError, "X must be a text"),
        ([], ValueError, "X holds no texts"),
        (["how", 3], TypeError, r"X\[1\] must be a text or a pathlib.Path, got int"),
        (Path("not there.txt"), FileNotFoundError, "not there.txt"),
        ("", ValueError, r"X\[0\] is an empty text"),
        (["how", ""], ValueError, r"X\[1\] is an empty text"),
        ({"how": "are"}, TypeError, "X must be a text, .* got dict"),
        (np.array("how"), TypeError, "X must be a text, .* got ndarray"),
        (pd.DataFrame({"text": ["how"]}), TypeError, "X must be a text, .* got DataFrame"),
    ],
)
def test_what_is_no_text(X: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        model().fit(X)


def test_the_name_of_a_file_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text(TEXT)
    for call in (model().fit, fitted().perplexity):
        with pytest.raises(ValueError, match=r"corpus.txt', which is the name of a file; give"):
            call(str(file))
    assert np.isfinite(fitted().perplexity([str(file)])), "a list holds texts"


def test_a_text_without_a_word_is_named() -> None:
    for call in (model(unit="word").fit, fitted("word").score):
        with pytest.raises(ValueError, match=r"X\[1\] has no word"):
            call(["how are", " "])


def test_too_few_subwords_for_all_bytes() -> None:
    with pytest.raises(ValueError, match='vocabulary_size=100 is too small for unit="subword"'):
        model(unit="subword", vocabulary_size=100).fit(TEXT)


@pytest.mark.parametrize(
    ("changes", "extra", "said"),
    [
        ({"patience": 3}, {}, "patience=3 needs something to watch"),
        ({"validation_fraction": 0.1}, {"validation_data": OTHER}, "not both"),
        ({"validation_fraction": 1e-6}, {}, "leaves none in one part"),
        ({"unit": "syllable"}, {}, "unit must be one of"),
        ({"bptt": 0}, {}, "bptt must be a whole number of at least 1"),
        ({"chrono": 9, "forget_bias": 1.0}, {}, "give one"),
    ],
)
def test_arguments_that_do_not_go(
    changes: dict[str, Any], extra: dict[str, Any], said: str
) -> None:
    m = model(**changes)
    with pytest.raises(ValueError, match=said):
        m.fit(TEXT, **extra)
    assert not m.__sklearn_is_fitted__()


@pytest.mark.parametrize("name", ["perplexity", "score", "generate", "next_probabilities"])
def test_before_a_fit(name: str) -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        getattr(model(), name)("how")


@pytest.mark.parametrize("unit", ["character", "word"])
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.9])
def test_what_is_held_out_can_be_had_again(
    unit: str, fraction: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = text_files._pieces
    monkeypatch.setattr(text_files, "_pieces", lambda blocks, _, cut: pieces(blocks, 37, cut))
    arguments = model(unit=unit, validation_fraction=fraction)
    learnt = corpus.learn([TEXT], arguments)
    assert learnt.watched is not None
    again = "".join(corpus.held_out_pieces(TEXT, fraction, unit))
    assert TEXT.endswith(again)
    # Behind the last symbol that is trained on.
    np.testing.assert_array_equal(corpus.encode([again], learnt.vocabulary)[1:], learnt.watched[1:])
    several = [TEXT[:100], TEXT[100:150], OTHER]
    watched = corpus.learn(several, arguments).watched  # type: ignore[arg-type]
    held = corpus.held_out_texts(several, fraction)  # type: ignore[arg-type]
    assert held == several[-len(held) :]
    assert watched is not None
    tokens = corpus.encode(held, corpus.learn(several, arguments).vocabulary)  # type: ignore[arg-type]
    np.testing.assert_array_equal(tokens[1:], watched[1 : len(tokens)])
    assert watched[0] == watched[-1] == 1
