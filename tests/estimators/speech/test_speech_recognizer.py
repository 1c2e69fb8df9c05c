from __future__ import annotations

import copy
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import ArtifactError, CheckpointError, LanguageModel, SpeechRecognizer, load
from unrolled.data import telephone_tones, write_wave
from unrolled.data.pairs import PairBatches
from unrolled.estimators.speech.reading import Timed, words
from unrolled.runtime.ctc import ctc_log_likelihood
from unrolled.runtime.log_mel import LogMel

pytestmark = pytest.mark.torch

Frames = list[np.ndarray]
POINTS = np.random.default_rng(5).normal(scale=2, size=(4, 6))


def said(num: int, seed: int = 0) -> tuple[Frames, list[str]]:
    """Frames [T, 6] about a point of each letter, some of each, and the letters."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(num):
        text = "".join(rng.choice(list("ab c"), rng.integers(2, 6)))
        text = "a" + text.replace("  ", " a") + "b"
        parts = []
        for letter in text:
            parts += [np.tile(POINTS["ab c".index(letter)], (int(rng.integers(3, 6)), 1))]
            parts += [np.zeros((2, 6))]
        clean = np.concatenate(parts)
        X.append(clean + rng.normal(scale=0.2, size=clean.shape))
        y.append(text)
    return X, y


X, Y = said(160)
NEW, RIGHT = said(30, seed=1)


def recognizer(**changes: Any) -> SpeechRecognizer:
    arguments: dict[str, Any] = {
        "features": "given", "convolutions": (12,), "convolution_width": 3, "hidden_size": 12,
        "num_layers": 1, "learning_rate": 0.03, "max_epochs": 10, "random_state": 0,
        "verbose": False, **changes,
    }  # fmt: skip
    return SpeechRecognizer(**arguments)


def of_sound(**changes: Any) -> SpeechRecognizer:
    sizes: dict[str, Any] = {"features": "log_mel", "sample_rate": 8000, "num_mels": 20}
    return recognizer(**{**sizes, **changes})


@cache
def tones(num: int, seed: int = 0) -> tuple[list[np.ndarray], list[str]]:
    return telephone_tones(
        num, seed, keys="159", min_keys=1, max_keys=3, noise=0.01, tone=(0.06, 0.1)
    )


@cache
def fitted() -> SpeechRecognizer:
    return recognizer().fit(X, Y)


@cache
def unsure(**changes: Any) -> SpeechRecognizer:
    """After few epochs, so that readings are near each other."""
    return recognizer(max_epochs=3, **changes).fit(X, Y)


def test_it_learns_to_read() -> None:
    model = fitted()
    assert model.engine_ == "torch"
    assert np.mean([a == b for a, b in zip(model.predict(NEW), RIGHT, strict=True)]) > 0.9
    assert len(model.history_) == model.n_iter_ == 10
    assert model.history_[-1]["train_loss"] < 0.1 * model.history_[0]["train_loss"]
    found = model.evaluate(NEW, RIGHT)
    assert found["symbol_error_rate"] == pytest.approx(1 - model.score(NEW, RIGHT))
    assert found["symbol_error_rate"] < 0.05
    assert found["loss"] < 0.3
    assert "fit: torch" in model.explain()
    assert model.symbols_[:2] == ("<blank>", "<unk>")
    assert len(model.symbols_) == model.spec_.output_size == 6


def test_it_learns_sound_of_any_form(tmp_path: Path) -> None:
    sounds, texts = tones(120)
    model = of_sound(max_epochs=20, batch_size=8).fit(sounds, texts)
    new, right = tones(20, seed=1)
    assert model.score(new, right) > 0.9
    assert model.log_mel_ == LogMel(8000, num_mels=20)
    files = []
    for i, wave in enumerate(new):
        files.append(tmp_path / f"{i}.wav")
        write_wave(files[-1], wave, 8000)
    assert model.predict(files) == model.predict([str(file) for file in files])
    assert model.predict(files) == model.predict(new)
    assert model.predict([(wave, 8000) for wave in new]) == model.predict(new)
    pytest.importorskip("soxr")
    from unrolled.data.audio import resample

    doubled = [(resample(wave, 8000, 16000), 16000) for wave in new]
    assert model.score(doubled, right) > 0.9


def test_an_utterance_alone_is_read_as_among_others() -> None:
    model = unsure()
    for x, whole in zip(NEW, model.log_probabilities(NEW), strict=True):
        (alone,) = model.log_probabilities([x])
        assert whole.shape == alone.shape == (-(-len(x) // 2), 6)
        np.testing.assert_allclose(alone, whole, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(np.exp(whole).sum(axis=1), 1.0, rtol=1e-5)


def test_texts_are_scored_by_the_model_and_sorted() -> None:
    model = copy.deepcopy(unsure()).set_params(beam_size=40)
    for x, best in zip(NEW[:6], model.predict_n_best(NEW[:6], 4), strict=True):
        assert len({heard.text for heard in best}) == len(best) == 4
        assert [h.score for h in best] == sorted((h.score for h in best), reverse=True)
        (log_p,) = model.log_probabilities([x])
        for text, score, nats in best[:2]:
            symbols = [model.symbols_.index(letter) for letter in text]
            assert score == nats
            assert nats == pytest.approx(ctc_log_likelihood(log_p, symbols), rel=0.02)


def test_a_beam_finds_what_is_likelier() -> None:
    def total(width: int) -> float:
        model = copy.deepcopy(unsure()).set_params(beam_size=width)
        found = zip(model.log_probabilities(NEW), model.predict(NEW), strict=True)
        return sum(
            ctc_log_likelihood(log_p, np.array([model.symbols_.index(c) for c in text], int))
            for log_p, text in found
        )

    assert total(8) > total(1)


def test_a_language_model_has_a_say(tmp_path: Path) -> None:
    model = copy.deepcopy(unsure()).set_params(beam_size=8, language_weight=0.8)
    counted = model.ngram(Y, order=4)
    plain = model.evaluate(NEW, RIGHT)
    assert model.evaluate(NEW, RIGHT, language_model=counted) != plain
    # One that knows a single letter alone lets it write nothing else.
    only = model.ngram(["aaaa"] * 300, order=2)
    model.set_params(language_weight=50.0)
    assert set("".join(model.predict(NEW, language_model=only))) <= {"a"}
    learnt = LanguageModel(hidden_size=8, bptt=8, max_epochs=3, random_state=0).fit(Y)
    model.set_params(language_weight=0.8)
    heard = model.predict(NEW, language_model=learnt)
    learnt.save(tmp_path / "letters")
    assert model.predict(NEW, language_model=tmp_path / "letters") == heard
    best = model.predict_n_best(NEW[:3], 2, language_model=learnt)
    for row, (first, _) in zip(heard, best, strict=False):
        assert first.text == row
        shares = learnt.log_probabilities(first.text).sum()
        end = np.log(learnt.next_probabilities(first.text)["<end>"])
        expected = first.log_probability + 0.8 * (shares + end)
        assert first.score == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        (
            3,
            TypeError,
            "language_model must be a LanguageModel, the folder of one, what `ngram` gi",
        ),
        (LanguageModel(), ValueError, "not fitted"),
    ],
)
def test_what_is_no_language_model_is_refused(given: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        fitted().predict(NEW, language_model=given)


def test_a_language_model_of_other_symbols_is_refused() -> None:
    of_words = LanguageModel(unit="word", hidden_size=4, max_epochs=1, bptt=4).fit("a b c " * 20)
    with pytest.raises(ValueError, match="of the unit 'word', and this model writes 'character'"):
        fitted().predict(NEW, language_model=of_words)
    other = recognizer(max_epochs=1).fit(X[:20], ["ab"] * 20).ngram(["ab"])
    with pytest.raises(ValueError, match="counts 4 symbols, the boundary among them"):
        fitted().predict(NEW, language_model=other)


def test_when_symbols_were() -> None:
    model, step = fitted(), 0.01
    assert model.seconds_per_step_ == 2 * step
    aligned = model.align(NEW, RIGHT)
    for x, text, heard, found in zip(
        NEW, RIGHT, model.transcribe_with_times(NEW), aligned, strict=True
    ):
        assert "".join(timed.symbol for timed in found) == text
        for rows in (found, heard):
            times = [t for timed in rows for t in timed[1:]]
            assert times == sorted(times)
            assert 0.0 <= times[0] < times[-1] <= step * len(x) + 1e-9
        # Where a letter is written, its frames are, or those just behind.
        middle = np.array([(start + end) / 2 / step for _, start, end in found]).astype(int)
        near = [
            np.abs(x[max(0, at - 3) : at + 4] - POINTS["ab c".index(c)]).sum(axis=1).min() < 4
            for at, c in zip(middle, text, strict=True)
        ]
        assert np.mean(near) > 0.8
    whole = model.align(NEW[:3], RIGHT[:3], words=True)
    assert [[w.symbol for w in row] for row in whole] == [text.split() for text in RIGHT[:3]]


def test_times_of_sound_are_those_of_its_frames() -> None:
    sounds, texts = tones(60)
    model = of_sound(max_epochs=1).fit(sounds, texts)
    for wave, row in zip(sounds[:5], model.align(sounds[:5], texts[:5]), strict=True):
        # Frames of 25 ms every 10 ms, two of which are a step: 0.0125 s to its middle.
        starts = [(start - 0.0125 + 0.01) / 0.02 for _, start, _ in row if start]
        np.testing.assert_allclose(starts, np.round(starts), atol=1e-9)
        assert row[-1].end <= len(wave) / 8000


def test_characters_are_put_together_to_words() -> None:
    letters = [Timed(c, i / 10, (i + 1) / 10) for i, c in enumerate(" ab  c\n")]
    assert words(letters) == [Timed("ab", 0.1, 0.3), Timed("c", 0.5, 0.6)]
    assert words([]) == []


def test_too_short_an_utterance_is_refused_before_training() -> None:
    short = [*X[:4], X[4][:7]]
    sentence = (
        r"^X\[4\] has 4 steps \(7 frames, 2 to a step\), and its text of 4 symbols needs 5: one "
        r"each and 1 between equal ones; subsample less by strides, take frames of a shorter step, "
        r"or leave it out$"
    )
    texts = [*Y[:4], "abba"]
    with pytest.raises(ValueError, match=sentence):
        recognizer(max_epochs=1).fit(short, texts)
    with pytest.raises(ValueError, match=r"^validation_data: X\[4\] has 4 steps"):
        recognizer(max_epochs=1).fit(X[:8], Y[:8], validation_data=(short, texts))
    with pytest.raises(ValueError, match=r"^X\[4\] has 4 steps"):
        fitted().align(short, texts)
    model = recognizer(max_epochs=1, strides=1).fit(short, texts)
    assert model.spec_.stride == 1
    assert fitted().evaluate(short, texts)["loss"] == np.inf


def test_one_that_is_too_short_at_a_speed_is_named_so() -> None:
    pytest.importorskip("soxr")
    sounds, texts = tones(4)
    sounds = [*sounds, np.ones(600) * 0.1]
    with pytest.raises(ValueError, match=r"X\[4\], played at speed 2, has 1 steps .* needs 3"):
        of_sound(speeds=(0.5, 2.0), max_epochs=1).fit(sounds, [*texts, "159"])


def test_frames_are_scaled_by_the_training_part() -> None:
    louder = [x * 3 + 5 for x in X[:60]]
    model = recognizer(max_epochs=1, normalize="training", validation_fraction=0.5)
    model.fit([*louder], Y[:60])
    assert model.scaler_ is not None
    values = model._inputs(louder).values
    # Half of these were learnt from.
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=0.1)
    np.testing.assert_allclose(values.std(axis=0), 1.0, atol=0.1)
    assert np.abs(values.mean(axis=0)).max() > 1e-4
    whole = recognizer(max_epochs=1, normalize="training").fit(louder, Y[:60])
    np.testing.assert_allclose(whole._inputs(louder).values.mean(axis=0), 0.0, atol=1e-5)
    # An utterance that is all of one letter is told from another one.
    a, b = (np.tile(POINTS[i], (9, 1)) for i in (0, 1))
    by_itself = recognizer(max_epochs=1).fit(X[:60], Y[:60])
    for fitted_on, same in ((by_itself, True), (whole, False)):
        ours, theirs = fitted_on.log_probabilities([a, b])
        assert np.allclose(ours, theirs) == same


def test_unknown_symbols_are_never_written() -> None:
    rare = [*Y[:100], *(y.replace("c", "xyz"[i % 3]) for i, y in enumerate(Y[100:]))]
    model = recognizer(max_epochs=4, min_count=40).fit(X, rare)
    assert not {*"xyz"} & {*model.symbols_}
    written = "".join(model.predict(NEW)) + "".join(h.text for h in model.predict_n_best(NEW)[0])
    assert "<unk>" not in written
    assert np.isfinite(model.evaluate(NEW, [y.replace("c", "é") for y in RIGHT])["loss"])


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "word", "lowercase": True, "normalize": "training"},
        {"unit": "token", "cell": "lstm", "num_layers": 2, "input_dropout": 0.1},
        {"convolutions": (), "bidirectional": False, "cell": "rnn"},
        {"convolutions": (8, 6), "strides": (1, 2), "time_masks": 1, "normalize": "none"},
    ],
    ids=lambda c: "-".join(map(str, c.values())),
)
def test_a_saved_model_reads_the_same(changes: dict[str, Any], tmp_path: Path) -> None:
    model = recognizer(max_epochs=2, **changes).fit(X[:64], [y.upper() for y in Y[:64]])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is SpeechRecognizer
    assert again.get_params() == model.get_params()
    assert again.spec_ == model.spec_
    assert again.vocabulary_ == model.vocabulary_
    assert again.predict_n_best(NEW, 2) == model.predict_n_best(NEW, 2)
    assert again.evaluate(NEW, RIGHT) == model.evaluate(NEW, RIGHT)
    assert "trained by: torch" in again.explain()


def test_how_sound_is_heard_is_saved(tmp_path: Path) -> None:
    sounds, texts = tones(20)
    model = of_sound(max_epochs=1, window=0.02, high_frequency=3000.0).fit(sounds, texts)
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.log_mel_ == model.log_mel_ == LogMel(8000, 0.02, 0.01, 20, 20.0, 3000.0)
    for ours, theirs in zip(*(m.log_probabilities(sounds) for m in (model, again)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    model.set_params(num_mels=21)
    with pytest.raises(ArtifactError, match="describe other frames"):
        model.save(tmp_path / "other")
    model.set_params(num_mels=20, hidden_size=13)
    with pytest.raises(ArtifactError, match="describe another model"):
        model.save(tmp_path / "other")


@pytest.mark.parametrize(
    ("part", "key", "value", "sentence"),
    [
        ("inputs", "log_mel", {}, "the log-mel lacks sample_rate"),
        ("inputs", "scaler", {"mean": [0.0] * 6, "scale": [1.0] * 6}, "do not go together"),
        ("inputs", "extra", 1, "the part inputs holds 'extra'"),
        ("targets", "vocabulary", None, "the vocabulary needs a mapping"),
        ("targets", "extra", 1, "the part targets holds 'extra'"),
    ],
)
def test_saved_parts_that_do_not_fit_are_refused(
    part: str, key: str, value: Any, sentence: str
) -> None:
    model = copy.deepcopy(fitted())
    parts = {"inputs": model._inputs_to_config(), "targets": model._targets_to_config()}
    parts[part][key] = value
    with pytest.raises(ValueError, match=sentence):
        getattr(model, f"_{part}_from_config")(parts[part])


AUGMENTED = {"speeds": (0.9, 1.1), "time_masks": 1, "feature_masks": 1, "dropout": 0.2}


@pytest.mark.parametrize("changes", [{}, AUGMENTED], ids=["plain", "augmented"])
def test_a_fit_that_was_stopped_ends_with_the_same_bits(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if changes:
        pytest.importorskip("soxr")
    sounds, texts = tones(40)
    whole = of_sound(max_epochs=3, **changes).fit(sounds, texts)
    file = tmp_path / "fit.ckpt"
    given = {"checkpoint": file, "checkpoint_epochs": 1, "checkpoint_seconds": None}
    model = of_sound(max_epochs=3, **changes, **given)
    taken = PairBatches.order

    def dies(self: PairBatches, epoch: int) -> Any:
        if epoch == 2:
            raise KeyboardInterrupt
        return taken(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(PairBatches, "order", dies)
        with pytest.raises(KeyboardInterrupt):
            model.fit(sounds, texts)
    assert not hasattr(model, "weights_"), "a fit that fails leaves it as it was"
    again = of_sound(max_epochs=3, **changes).fit(sounds, texts, resume_from=file)
    assert again.weights_.tobytes() == whole.weights_.tobytes()
    with pytest.raises(CheckpointError, match="other training data"):
        of_sound(max_epochs=3, **changes).fit(sounds[::-1], texts, resume_from=file)


def test_a_seed_gives_the_same_bits_on_any_number_of_threads() -> None:
    import torch

    changes = {"time_masks": 1, "dropout": 0.2, "max_epochs": 2, "hidden_size": 40}
    found = []
    for seed, threads in ((3, 1), (3, 2), (4, 1)):
        torch.set_num_threads(threads)
        try:
            found.append(recognizer(random_state=seed, **changes).fit(X[:64], Y[:64]).weights_)
        finally:
            torch.set_num_threads(1)
    assert found[0].tobytes() == found[1].tobytes()
    assert found[0].tobytes() != found[2].tobytes()


def test_changes_of_training_are_not_in_what_is_watched_or_read() -> None:
    masks = {"time_masks": 3, "feature_masks": 3, "feature_mask_size": 6}
    plain, masked = (recognizer(max_epochs=1, **m).fit(X[:64], Y[:64]) for m in ({}, masks))
    assert plain.weights_.tobytes() != masked.weights_.tobytes()
    given = recognizer(max_epochs=2, **masks).fit(X[:64], Y[:64], validation_data=(NEW, RIGHT))
    last = given.history_[-1]["valid_loss"]
    assert given.evaluate(NEW, RIGHT)["loss"] == pytest.approx(last, rel=1e-5)


def test_what_is_held_out_is_watched_and_not_learnt() -> None:
    model = recognizer(max_epochs=2, validation_fraction=0.25, patience=2).fit(X[:40], Y[:40])
    assert all(record["valid_loss"] is not None for record in model.history_)
    with pytest.raises(ValueError, match="give either validation_data or validation_fraction"):
        recognizer(validation_fraction=0.2).fit(X[:40], Y[:40], validation_data=(NEW, RIGHT))


def test_a_clone_is_unfitted_and_alike() -> None:
    from sklearn.base import clone

    twin = clone(fitted())
    assert twin.get_params() == fitted().get_params()
    for method in ("predict", "log_probabilities", "transcribe_with_times", "predict_n_best"):
        with pytest.raises(Exception, match="not fitted"):
            getattr(twin, method)(NEW)
    for method in ("score", "evaluate", "align"):
        with pytest.raises(Exception, match="not fitted"):
            getattr(twin, method)(NEW, RIGHT)


def test_error_rates_are_those_of_jiwer() -> None:
    jiwer = pytest.importorskip("jiwer")
    model = unsure()
    heard = model.predict(NEW)
    found = model.evaluate(NEW, RIGHT)
    assert found["word_error_rate"] == jiwer.wer(RIGHT, heard)
    assert found["character_error_rate"] == jiwer.cer(RIGHT, heard)
    exact = np.mean([a == b for a, b in zip(heard, RIGHT, strict=True)])
    assert found["exact_match"] == exact


def test_without_jiwer_evaluate_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"error rates need .*pip install 'unrolled\[metrics\]'"
    ):
        fitted().evaluate(NEW, RIGHT)
    assert fitted().score(NEW, RIGHT) > 0.9


def test_lower_case_and_parted_words_are_for_references_too() -> None:
    shouted = [y.upper() + "!" for y in Y[:40]]
    model = recognizer(max_epochs=1, unit="word", lowercase=True).fit(X[:40], shouted)
    assert all(symbol == symbol.lower() for symbol in model.symbols_)
    heard = model.predict(NEW)
    assert model._as_written(["A b!", "C"]) == ["a b !", "c"]
    nothing = all(not text for text in heard)
    assert nothing or model.score(NEW, [text.upper() or "A" for text in heard]) > -1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"features": "mfcc"}, "features must be one of 'log_mel', 'given'"),
        ({"unit": "subword"}, "unit must be one of 'word', 'character', 'token'"),
        ({"strides": (2, 2)}, r"strides=\(2, 2\) must be one number, or one for each of the 1 con"),
        ({"strides": (4,)}, r"strides=\(4,\) would leave steps out that a convolution_width of 3"),
        ({"speeds": (0.9,)}, r'speeds=\(0.9,\) are of sound, and features="given" has none'),
        ({"speeds": ()}, "speeds must be a tuple of numbers from 0.1 to 10"),
        ({"engine": "kernels"}, "engine='kernels' cannot run this model: the compiled kernels"),
        ({"patience": 2}, "patience=2 needs something to watch"),
        ({"features": "log_mel", "step": 0.05}, "step=0.05 and window=0.025 need"),
        ({"min_count": 1000}, "occurs 1000 times; lower min_count"),
    ],
)
def test_arguments_that_cannot_be_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        recognizer(**changes).fit(X[:8], Y[:8])


def test_without_torch_fit_says_so_before_any_sound_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from unrolled.training import engines

    monkeypatch.setattr(engines, "_has_torch", lambda: False)
    with pytest.raises(ValueError, match=r"PyTorch is not installed: pip install 'unrolled\[torc"):
        of_sound().fit(["there-is-none.wav"], ["a"])


@pytest.mark.parametrize(
    ("pair", "kind", "sentence"),
    [
        ((X[:2], "ab"), TypeError, "y is one str; pass a list of texts"),
        ((X[:2], ["ab"]), ValueError, "inconsistent numbers of samples"),
        (([], []), ValueError, "y? ?holds no|X"),
        ((X[:2], ["ab", ""]), ValueError, r"y\[1\] is '', a text without a character; drop it"),
        ((X[:2], ["ab", 3]), TypeError, r"y\[1\] must be a text, got int"),
        (([X[0], X[1] * np.nan], ["ab", "a"]), ValueError, "NaN"),
        (([X[0], X[1][:, :5]], ["ab", "a"]), ValueError, "channels"),
    ],
)
def test_pairs_that_are_none_are_refused(pair: Any, kind: Any, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        recognizer().fit(*pair)
    with pytest.raises(kind, match=f"^validation_data: .*{sentence}"):
        recognizer(max_epochs=1).fit(X[:8], Y[:8], validation_data=pair)


def test_sounds_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="X is a single path"):
        of_sound().fit("speech.wav", ["a"])
    with pytest.raises(ValueError, match="inconsistent numbers"):
        of_sound().fit(["there-is-none.wav"], ["a", "b"])
    with pytest.raises(FileNotFoundError, match="there-is-none"):
        of_sound().fit([tmp_path / "there-is-none.wav"], ["a"])
    with pytest.raises(ValueError, match="frames of 5 features, and this model was fitted on 6"):
        fitted().predict([x[:, :5] for x in NEW])


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_a_number_of_texts_that_is_none_is_refused(n: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="n needs a whole number of at least 1"):
        fitted().predict_n_best(NEW, n)


def test_arguments_changed_after_fit_are_checked() -> None:
    model = copy.deepcopy(fitted()).set_params(beam_size=0)
    with pytest.raises(ValueError, match="beam_size must be"):
        model.predict(NEW)


def test_a_file_that_is_too_short_is_named_by_its_path() -> None:
    from unrolled.estimators.speech.prepared import names_of

    assert names_of([Path("a.wav"), "b.wav", np.zeros(3)], 3) == ["a.wav", "b.wav", "X[2]"]
    assert names_of(np.zeros((2, 5, 3)), 2) == ["X[0]", "X[1]"]
