from __future__ import annotations

import copy
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import ArtifactError, CheckpointError, Translator, load
from unrolled.data.pairs import PairBatches
from unrolled.estimators.translation import texts
from unrolled.runtime.encoder_decoder import FIRST

pytestmark = pytest.mark.torch


def pairs(num: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Words of 1 to 4 letters, and their letters in capitals from behind."""
    rng = random.Random(seed)
    X = ["".join(rng.choice("abcd") for _ in range(rng.randint(1, 4))) for _ in range(num)]
    return X, [" ".join(reversed(x.upper())) for x in X]


X, Y = pairs(240)
NEW, RIGHT = pairs(40, seed=1)


def translator(**changes: Any) -> Translator:
    arguments: dict[str, Any] = {
        "unit": "character", "target_unit": "token", "hidden_size": 24, "embedding_size": 12,
        "attention": "additive", "learning_rate": 0.02, "max_epochs": 12, "batch_size": 16,
        "random_state": 0, "verbose": False, **changes,
    }  # fmt: skip
    return Translator(**arguments)


@cache
def fitted() -> Translator:
    return translator().fit(X, Y)


@cache
def unsure(**changes: Any) -> Translator:
    """After one epoch, so that hypotheses are near each other."""
    return translator(max_epochs=1, **changes).fit(X, Y)


def log_probability(model: Translator, source: str, target: str) -> float:
    """Of a text with its end, a symbol at a time in plain torch."""
    from unrolled.models import EncoderDecoder
    from unrolled.training.by_torch import torch

    module = EncoderDecoder(model.spec_, model.weights_).eval()
    ours, theirs = model.vocabularies_
    x = torch.tensor([*ours.encode(source), FIRST])[:, None]
    symbols = [FIRST, *theirs.encode(target), FIRST]
    with torch.no_grad():
        scores, _ = module(x, None, torch.tensor(symbols[:-1])[:, None])
    log_p = scores[:, 0].double().log_softmax(dim=1)
    return sum(float(log_p[t, symbol]) for t, symbol in enumerate(symbols[1:]))


def test_it_learns_to_write_backwards() -> None:
    model = fitted()
    assert model.predict(NEW) == RIGHT
    assert model.engine_ == "torch"
    assert model.longest_ == 5
    assert len(model.history_) == model.n_iter_ == 12
    assert model.history_[-1]["train_loss"] < 0.1 * model.history_[0]["train_loss"]
    found = model.evaluate(NEW, RIGHT)
    assert found["exact_match"] == 1.0
    assert found["symbol_error_rate"] == 0.0
    assert found["perplexity"] < 1.1


def test_a_text_alone_is_written_as_among_others() -> None:
    model = unsure()
    whole = model.predict_n_best(NEW, 3)
    for text, best in zip(NEW[:8], whole, strict=False):
        (alone,) = model.predict_n_best([text], 3)
        assert [c.text for c in alone] == [c.text for c in best]
        np.testing.assert_allclose([c.score for c in alone], [c.score for c in best], rtol=1e-4)


def test_candidates_are_scored_by_the_model_and_sorted() -> None:
    model = unsure()
    for source, best in zip(NEW[:6], model.predict_n_best(NEW[:6], 4), strict=True):
        assert len({c.text for c in best}) == len(best) == 4
        assert [c.score for c in best] == sorted((c.score for c in best), reverse=True)
        for text, score, log_p in best:
            assert log_p == pytest.approx(log_probability(model, source, text), rel=1e-4)
            assert score == pytest.approx(log_p / (len(text.split()) + 1), rel=1e-5)
    assert model.predict(NEW[:6]) == [best[0].text for best in model.predict_n_best(NEW[:6], 5)]


def test_a_beam_finds_what_is_likelier_than_greedy_does() -> None:
    model = unsure()
    found = {}
    for width in (1, 8):
        model.set_params(beam_size=width, length_penalty=0.0)
        found[width] = [
            log_probability(model, source, text)
            for source, text in zip(NEW, model.predict(NEW), strict=True)
        ]
    model.set_params(beam_size=5, length_penalty=1.0)
    assert sum(found[8]) > sum(found[1])


def test_no_more_symbols_than_asked_and_never_the_unknown_one() -> None:
    rare = [f"R{i} S{i} T{i}" for i in range(len(X))]
    model = translator(max_epochs=1, min_count=2).fit([*X, *X], [*Y, *rare])
    assert len(model.vocabularies_.target) == 6
    assert model.perplexity(NEW, ["R S T"] * len(NEW)) < model.perplexity(NEW, ["A A A"] * len(NEW))
    assert not any("<unk>" in text for text in model.predict(NEW))
    model.set_params(max_length=2)
    assert max(len(text.split()) for text in model.predict(NEW)) <= 2


def test_where_it_looked() -> None:
    model = fitted()
    for text, attended in zip(NEW, model.attention_weights(NEW), strict=True):
        source, written, weights = attended
        assert source == [*text, "<end>"]
        assert written == [*reversed(text.upper()), "<end>"]
        assert weights.shape == (len(written), len(source))
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-5)
    assert attended.weights.dtype == np.float32
    looked = [a.weights[:-1, :-1].argmax(axis=1) for a in model.attention_weights(NEW)]
    right = [np.mean(places == np.arange(len(places))[::-1]) for places in looked]
    assert np.mean(right) > 0.7, "written backwards is looked at backwards"


def test_without_attention_it_has_looked_nowhere() -> None:
    with pytest.raises(ValueError, match='this model has no attention; fit one with attention="ad'):
        unsure(attention="none").attention_weights(NEW)


def test_perplexity_is_that_of_all_symbols_and_ends() -> None:
    model = unsure()
    some, right = NEW[:10], RIGHT[:10]
    nats = -sum(log_probability(model, x, y) for x, y in zip(some, right, strict=True))
    symbols = sum(len(y.split()) + 1 for y in right)
    assert model.perplexity(some, right) == pytest.approx(np.exp(nats / symbols), rel=1e-4)
    several = [[y, "A B"] for y in right]
    nats -= sum(log_probability(model, x, "A B") for x in some)
    expected = np.exp(nats / (symbols + 30))
    assert model.perplexity(some, several) == pytest.approx(expected, rel=1e-4)


def test_several_references_count_by_the_closest() -> None:
    model = fitted()
    assert model.predict(["abc", "d"]) == ["C B A", "D"]
    found = model.evaluate(["abc", "d"], [["A A", "C B"], ["D", "A B C D"]])
    assert found["exact_match"] == 0.5
    assert found["symbol_error_rate"] == pytest.approx(1 / 3)


def test_bleu_is_that_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    model = fitted()
    written = model.predict(NEW)
    other = [y if i % 3 else "A A B B" for i, y in enumerate(RIGHT)]
    found = model.evaluate(NEW, other)
    assert 0 < found["bleu"] < 90
    assert found["bleu"] == model.score(NEW, other)
    assert found["bleu"] == sacrebleu.corpus_bleu(written, [other]).score
    assert found["chrf"] == sacrebleu.corpus_chrf(written, [other]).score
    several = [[y] if i % 3 else [y, RIGHT[i]] for i, y in enumerate(other)]
    assert model.score(NEW, several) == pytest.approx(100)


def test_words_that_are_all_right_have_a_bleu_of_100() -> None:
    pytest.importorskip("sacrebleu")
    sentences = [
        "Don't go, it's cold!",
        "a well-known (old) dog",
        "in the U.S. at 3.5 degrees.",
    ] * 3
    model = translator(unit="word", target_unit=None, max_epochs=60).fit(sentences, sentences)
    found = model.evaluate(sentences, sentences)
    assert found["exact_match"] == 1.0
    assert found["bleu"] == pytest.approx(100)
    assert found["chrf"] == pytest.approx(100)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"beam_size": 0}, "beam_size must be"),
        ({"max_length": 0}, "max_length must be"),
        ({"length_penalty": 20.0}, "length_penalty must be at most 10, got 20"),
    ],
)
def test_arguments_changed_after_fit_are_checked(change: dict[str, Any], sentence: str) -> None:
    model = copy.deepcopy(fitted()).set_params(**change)
    with pytest.raises(ValueError, match=sentence):
        model.predict(NEW)


@pytest.mark.parametrize("wrong", [None, 3, {"a": "b"}, {"a"}])
def test_what_is_no_list_of_texts(wrong: Any) -> None:
    sentence = f"must be a list of texts, got {type(wrong).__name__}"
    with pytest.raises(TypeError, match=f"X {sentence}"):
        fitted().predict(wrong)
    with pytest.raises(TypeError, match=f"y {sentence}"):
        translator().fit(X, wrong)
    with pytest.raises(TypeError, match=f"y {sentence}"):
        fitted().evaluate(NEW, wrong)


def test_without_sacrebleu_score_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"BLEU needs .*pip install 'unrolled\[metrics\]'"
    ):
        unsure().score(NEW, RIGHT)


def test_lower_case_is_for_both_sides_and_for_references() -> None:
    model = translator(max_epochs=1, lowercase=True).fit(X, Y)
    assert all(text == text.lower() for text in model.predict(NEW))
    written = model.predict(NEW[:5])
    shouted = [text.upper() for text in written]
    assert model.evaluate(NEW[:5], shouted)["exact_match"] == 1.0
    assert model.perplexity(NEW, RIGHT) == model.perplexity(NEW, [y.lower() for y in RIGHT])


UNITS: list[dict[str, Any]] = [
    {"unit": "word", "target_unit": None},
    {"unit": "subword", "target_unit": "character", "vocabulary_size": 300},
    {"unit": "character", "target_unit": "character", "shared_vocabulary": True, "tied": True},
    {"unit": "subword", "target_unit": None, "shared_vocabulary": True, "vocabulary_size": 300},
    {"cell": "lstm", "num_layers": 2, "dropout": 0.1, "input_dropout": 0.1, "bidirectional": False},
    {"input_feeding": True, "attention": "multiplicative", "label_smoothing": 0.1, "tied": True},
    {"embedding_size": None, "attention": "none", "scheduled_sampling": 0.2, "cell": "rnn"},
]


# Of few texts, many words are unknown.
@pytest.mark.filterwarnings("ignore:.* of the .* symbols of X were not in training:UserWarning")
@pytest.mark.parametrize("changes", UNITS, ids=lambda c: "-".join(map(str, c.values())))
def test_a_saved_model_writes_the_same(changes: dict[str, Any], tmp_path: Path) -> None:
    model = translator(max_epochs=1, **changes).fit(X[:64], Y[:64])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is Translator
    assert again.get_params() == model.get_params()
    assert again.spec_ == model.spec_
    assert again.vocabularies_ == model.vocabularies_
    assert again.predict_n_best(NEW, 2) == model.predict_n_best(NEW, 2)
    assert again.evaluate(NEW, RIGHT) == model.evaluate(NEW, RIGHT)
    source, target = again.vocabularies_
    assert (source is target) == model.shared_vocabulary == again.spec_.shared
    assert "trained by: torch" in again.explain()


def test_a_changed_argument_of_the_model_is_not_saved(tmp_path: Path) -> None:
    model = translator(max_epochs=1).fit(X[:32], Y[:32])
    model.set_params(beam_size=2, max_length=3)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").beam_size == 2
    model.set_params(hidden_size=25)
    with pytest.raises(ArtifactError, match="describe another model"):
        model.save(tmp_path / "other")


@pytest.mark.parametrize(
    ("part", "key", "value", "sentence"),
    [
        ("targets", "longest", 0, "longest needs a whole number of at least 1"),
        ("targets", "vocabulary", None, "one vocabulary where it is shared, else two"),
        ("targets", "extra", 1, "the part targets holds 'extra'"),
        ("inputs", "vocabulary", None, "the vocabulary needs a mapping"),
    ],
)
def test_saved_parts_that_do_not_fit_are_refused(
    part: str, key: str, value: Any, sentence: str
) -> None:
    model = translator(max_epochs=1).fit(X[:32], Y[:32])
    inputs, targets = model._inputs_to_config(), model._targets_to_config()
    {"inputs": inputs, "targets": targets}[part][key] = value

    def read() -> None:
        model._inputs_from_config(inputs)
        model._targets_from_config(targets)

    with pytest.raises(ValueError, match=sentence):
        read()


@pytest.mark.parametrize("changes", [{}, {"scheduled_sampling": 0.3, "dropout": 0.2}])
def test_a_fit_that_was_stopped_ends_with_the_same_bits(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = translator(max_epochs=3, **changes).fit(X[:64], Y[:64])
    file = tmp_path / "fit.ckpt"
    given = {"checkpoint": file, "checkpoint_epochs": 1, "checkpoint_seconds": None}
    model = translator(max_epochs=3, **changes, **given)
    taken = PairBatches.order

    def dies(self: PairBatches, epoch: int) -> Any:
        if epoch == 2:
            raise KeyboardInterrupt
        return taken(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(PairBatches, "order", dies)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X[:64], Y[:64])
    assert not hasattr(model, "weights_"), "a fit that fails leaves it as it was"
    again = translator(max_epochs=3, **changes).fit(X[:64], Y[:64], resume_from=file)
    assert again.weights_.tobytes() == whole.weights_.tobytes()
    with pytest.raises(CheckpointError, match="other training data"):
        translator(max_epochs=3, **changes).fit(X[:64], Y[64:128], resume_from=file)


def test_a_seed_gives_the_same_bits_and_another_others() -> None:
    first, again, other = (
        translator(max_epochs=1, random_state=seed).fit(X[:64], Y[:64]) for seed in (3, 3, 4)
    )
    assert first.weights_.tobytes() == again.weights_.tobytes()
    assert first.weights_.tobytes() != other.weights_.tobytes()


def test_what_is_held_out_is_watched_and_not_learnt() -> None:
    model = translator(max_epochs=2, validation_fraction=0.25, patience=2).fit(X[:40], Y[:40])
    assert all(record["valid_loss"] is not None for record in model.history_)
    given = translator(max_epochs=2).fit(X[:64], Y[:64], validation_data=(NEW, RIGHT))
    last = given.history_[-1]["valid_loss"]
    assert last is not None
    assert given.perplexity(NEW, RIGHT) == pytest.approx(np.exp(last), rel=1e-5)


def test_a_clone_is_unfitted_and_alike() -> None:
    from sklearn.base import clone

    copy = clone(fitted())
    assert copy.get_params() == fitted().get_params()
    assert not hasattr(copy, "weights_")
    with pytest.raises(Exception, match="not fitted"):
        copy.predict(NEW)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"attention": "dot"}, "attention must be one of 'multiplicative', 'additive', 'none'"),
        ({"target_unit": "syllable"}, "target_unit must be one of None, 'word'"),
        ({"beam_size": 0}, "beam_size must be a whole number of at least 1, got 0"),
        ({"shared_vocabulary": True}, "needs one unit, got unit='character' and target_unit='tok"),
        ({"engine": "kernels"}, "engine='kernels' cannot run this model: the compiled kernels"),
        ({"patience": 2}, "patience=2 needs something to watch"),
        ({"min_count": 1000}, "occurs 1000 times; lower min_count"),
    ],
)
def test_arguments_that_cannot_be_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        translator(**changes).fit(X, Y)


@pytest.mark.parametrize(
    ("pair", "kind", "sentence"),
    [
        (("abc", ["A"]), TypeError, "X is one str; pass a list of texts"),
        ((["a"], "A"), TypeError, "y is one str; pass a list of texts"),
        ((["a", "b"], ["A"]), ValueError, "inconsistent numbers of samples"),
        (([], []), ValueError, "X holds no texts"),
        ((["a", ""], ["A", "B"]), ValueError, "a text without a character; drop it"),
        ((["a", "b"], ["A", " "]), ValueError, r"y\[1\] is ' ', a text without a token"),
        ((["a"], [["A", "B"]]), TypeError, "y holds several texts for one of X"),
        ((["a", 3], ["A", "B"]), TypeError, r"X\[1\] must be a text, got int"),
    ],
)
def test_pairs_that_are_none_are_refused(pair: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        translator().fit(*pair)
    with pytest.raises(kind, match=f"^validation_data: .*{sentence}"):
        translator(max_epochs=1).fit(X[:8], Y[:8], validation_data=pair)


def test_references_that_do_not_fit_are_refused() -> None:
    model = fitted()
    for y, kind, sentence in (
        (["A"], ValueError, "inconsistent numbers of samples"),
        ([["A"], []], ValueError, r"y\[1\] holds no texts"),
        ("AB", TypeError, "y is one str"),
        ([["A"], [3]], TypeError, r"y\[1\]\[0\] must be a text, got int"),
    ):
        with pytest.raises(kind, match=sentence):
            model.evaluate(["a", "b"], y)
    assert texts.read_references([["A", "B"], "C"], 2) == [["A", "B"], ["C"]]


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_a_number_of_candidates_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="n needs a whole number of at least 1"):
        fitted().predict_n_best(NEW, n)


def test_unknown_symbols_are_named_once() -> None:
    model = fitted()
    says = (
        r"^4 of the 9 symbols of X were not in training and are read as the unknown symbol: "
        r"'z', '\?', 'y'$"
    )
    for write in (model.predict, model.predict_n_best):
        with pytest.warns(UserWarning, match=says) as caught:
            write(["az?", "bcd", "yzc"])
        assert len(caught) == 1
        assert caught[0].filename == __file__
    # Where references tell how well it goes on without them there is no warning.
    model.evaluate(["az"], ["Z A"])


@pytest.mark.parametrize("width", [1, 4])
def test_no_text_is_empty(width: int) -> None:
    model = copy.deepcopy(fitted())
    model.set_params(beam_size=width, length_penalty=0.0)
    # The end is likelier than all else, always.
    model.named_parameters()["decoder.head.bias"][FIRST] += 50
    assert {len(text.split()) for text in model.predict(NEW)} == {1}
    assert {len(c.text.split()) for row in model.predict_n_best(NEW[:3], 3) for c in row} == {1}


def test_texts_of_others_are_scored_alike() -> None:
    model = fitted()
    found = model.evaluate(NEW, RIGHT)
    del found["perplexity"]
    assert model.evaluate_written(model.predict(NEW), RIGHT) == found
    scores = model.evaluate_written(["A B", "C"], [["A B C", "A"], ["C"]])
    assert (scores["exact_match"], scores["symbol_error_rate"]) == (0.5, 0.25)
    lower = translator(max_epochs=1, target_unit="word", lowercase=True).fit(X[:32], Y[:32])
    assert lower.evaluate_written(["A.b"], ["a . B"])["exact_match"] == 1.0
    with pytest.raises(TypeError, match="written is one str"):
        model.evaluate_written("A", ["A"])
    with pytest.raises(ValueError, match="inconsistent"):
        model.evaluate_written(["A"], ["A", "B"])


def test_a_source_is_held_out_with_all_its_targets() -> None:
    from unrolled.estimators.parts import Part

    model = translator()
    part = Part(["a", "b", "a", "c"], np.array(list("xyzx"), object), None)
    groups = model._groups(part)
    assert groups is not None
    assert groups.tolist() == [0, 1, 0, 2]
    assert model._groups(Part(["a", "b"], np.array(["x", "x"], object), None)) is None


def test_texts_cut_into_other_subwords_are_one_candidate() -> None:
    model = fitted()
    found = Translator._candidates
    from unrolled.models.decoding import Decoded

    tokens = np.array([2, 3])
    best = [Decoded(tokens, -1.0, -1.0, True), Decoded(tokens.copy(), -2.0, -2.0, True)]
    assert [c.score for c in found(model, best)] == [-1.0]
