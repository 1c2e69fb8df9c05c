from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import ArtifactError, CheckpointError, ImageCaptioner, load
from unrolled.data.pairs import PairBatches
from unrolled.runtime.encoder_decoder import FIRST

pytestmark = pytest.mark.torch

PLACES = ("left", "right")
SHADES = ("light", "dark")


def pictures(num: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """A light or dark square on grey, and where it is."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.4, 0.6, (num, 8, 8)).astype(np.float32)
    y = []
    for x in X:
        place, shade = rng.integers(2, size=2)
        column, row = 4 * place + rng.integers(2), rng.integers(6)
        x[row : row + 2, column : column + 2] = 1.0 - shade
        y.append(f"{SHADES[shade]} square on the {PLACES[place]}")
    return X, y


X, Y = pictures(96)
NEW, RIGHT = pictures(24, seed=1)


def captioner(**changes: Any) -> ImageCaptioner:
    arguments: dict[str, Any] = {
        "convolutions": (8, 8), "hidden_size": 16, "embedding_size": 8, "attention": "additive",
        "learning_rate": 0.02, "max_epochs": 25, "batch_size": 16, "random_state": 0,
        "verbose": False, "pool_size": 2, **changes,
    }  # fmt: skip
    return ImageCaptioner(**arguments)


@cache
def fitted() -> ImageCaptioner:
    return captioner().fit(X, Y)


@cache
def unsure(**changes: Any) -> ImageCaptioner:
    return captioner(max_epochs=1, **changes).fit(X, Y)


def log_probability(model: ImageCaptioner, x: np.ndarray, text: str) -> float:
    """Of a text with its end, in plain torch."""
    from unrolled.models import OneToMany
    from unrolled.training.by_torch import torch

    module = OneToMany(model.spec_, model.weights_).eval()
    image = (x[None, :, :, None] - model.scaler_.mean) / model.scaler_.scale
    symbols = [FIRST, *model.vocabulary_.encode(text), FIRST]
    symbols = symbols[: 1 + model.longest_]  # there was no room for an end
    with torch.no_grad():
        scores, _ = module(
            torch.from_numpy(image.astype(np.float32)), None, torch.tensor(symbols[:-1])[:, None]
        )
    log_p = scores[:, 0].double().log_softmax(dim=1)
    return sum(float(log_p[t, symbol]) for t, symbol in enumerate(symbols[1:]))


def test_it_learns_to_tell_what_is_where() -> None:
    model = fitted()
    assert model.predict(NEW) == RIGHT
    assert (model.engine_, model.longest_, model.shape_) == ("torch", 6, (8, 8, 1))
    found = model.evaluate(NEW, RIGHT)
    assert found["exact_match"] == 1.0
    assert found["symbol_error_rate"] == 0.0
    assert found["perplexity"] < 1.2


def test_bleu_of_single_words_and_of_four() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    other = [y if i % 3 else "a square of no shade" for i, y in enumerate(RIGHT)]
    found = fitted().evaluate(NEW, other)
    written = fitted().predict(NEW)
    assert found["bleu"] == fitted().score(NEW, other)
    assert found["bleu"] == sacrebleu.corpus_bleu(written, [other]).score
    pairs = [(w.split(), y.split()) for w, y in zip(written, other, strict=True)]
    right = sum(len(w) if w == y else len(set(w) & set(y)) for w, y in pairs)
    assert found["bleu_1"] == pytest.approx(100 * right / sum(len(w) for w, _ in pairs))


def test_candidates_are_scored_by_the_model() -> None:
    model = unsure()
    for x, best in zip(NEW[:4], model.predict_n_best(NEW[:4], 3), strict=True):
        for text, _, log_p in best:
            assert log_p == pytest.approx(log_probability(model, x, text), rel=1e-4)
    (alone,) = model.predict_n_best(NEW[3:4], 3)
    assert [c.text for c in alone] == [c.text for c in best]


def test_perplexity_counts_all_captions_of_an_image() -> None:
    model = unsure()
    some, right = NEW[:5], RIGHT[:5]
    several = [[y, "dark square"] for y in right]
    nats = -sum(
        log_probability(model, x, text)
        for x, texts in zip(some, several, strict=True)
        for text in texts
    )
    symbols = sum(6 + 3 for _ in right)
    assert model.perplexity(some, several) == pytest.approx(np.exp(nats / symbols), rel=1e-4)


def test_where_it_looked() -> None:
    model = fitted()
    found = model.attention_weights(NEW)
    assert [one.written for one in found] == [[*y.split(), "<end>"] for y in RIGHT]
    assert all(one.weights.shape == (6, 2, 2) for one in found)
    assert found[0].weights.dtype == np.float32
    for one in found:
        np.testing.assert_allclose(one.weights.sum(axis=(1, 2)), 1.0, rtol=1e-5)


def test_several_captions_of_an_image_are_all_learnt_and_held_out_together() -> None:
    several = [[y, f"a {y}"] for y in Y]
    model = captioner(max_epochs=2, validation_fraction=0.25).fit(X, several)
    assert model.vocabulary_.encode("a")[0] != 0
    watched = []
    taken = PairBatches.order

    def seen(self: PairBatches, epoch: int) -> Any:
        watched.append(self)
        return taken(self, epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PairBatches, "order", seen)
        captioner(max_epochs=1, validation_fraction=0.25).fit(X, several)
    train, held = (next(d for d in watched if d.shuffle is s) for s in (True, False))
    assert (train.num_rows, held.num_rows) == (144, 48)
    pixels = [{row.tobytes() for row in d.sources.values} for d in (train, held)]
    assert not pixels[0] & pixels[1]


def test_files_and_images_of_other_sizes_and_colours(tmp_path: Path) -> None:
    Image = pytest.importorskip("PIL.Image")
    bytes_ = np.rint(X * 255).astype(np.uint8)
    paths = []
    for i, pixels in enumerate(bytes_[:16]):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(pixels).save(paths[-1])
    model = captioner(max_epochs=1).fit(bytes_[:16], Y[:16])
    assert model.predict(list(map(str, paths))) == model.predict(bytes_[:16])
    again = captioner(max_epochs=1).fit(paths, Y[:16])
    np.testing.assert_array_equal(again.weights_, model.weights_)
    larger = np.repeat(np.repeat(bytes_[:16], 2, axis=1), 2, axis=2)
    assert len(model.predict(np.repeat(larger[..., None], 3, axis=3))) == 16
    resized = captioner(max_epochs=1, image_size=8).fit(larger, Y[:16])
    assert resized.shape_ == (8, 8, 1)


@pytest.mark.parametrize("reads", ["vectors", "maps"])
def test_features_of_images_made_elsewhere(reads: str, tmp_path: Path) -> None:
    if reads == "vectors":

        def features(images: np.ndarray) -> Any:
            return images.reshape(len(images), -1)
    else:

        def features(images: np.ndarray) -> Any:
            # Fewer places of every third.
            rows = images.reshape(len(images), 8, 8)
            numbered = np.concatenate([rows, np.tile(np.eye(8), (len(images), 1, 1))], axis=2)
            return [n if i % 3 else n[1:] for i, n in enumerate(numbered)]

    model = captioner(reads=reads, max_epochs=30).fit(features(X), Y)
    assert model.evaluate(features(NEW), RIGHT)["exact_match"] > 0.45
    written = model.predict(features(NEW))
    assert model.predict(features(NEW)[:3]) == written[:3]
    model.save(tmp_path / "model")
    assert load(tmp_path / "model").predict(features(NEW)) == written
    wrong = np.zeros((2, 5) if reads == "vectors" else (2, 3, 5))
    with pytest.raises(ValueError, match="X has 5 numbers a vector, but the model was fitted on"):
        model.predict(wrong)
    if reads == "maps":
        looked = model.attention_weights(features(NEW))
        assert looked[0].weights.shape[1] == 7
        assert looked[1].weights.shape[1] == 8
    else:
        with pytest.raises(ValueError, match="one vector of each sample, which has no places"):
            model.attention_weights(features(NEW))


CHANGES: list[dict[str, Any]] = [
    {"unit": "character", "attention": "none", "group_norm": False},
    {"shift": 0.1, "flip": True, "memory_dropout": 0.2, "cell": "lstm", "tied": True},
    {"image_size": (6, 8), "image_channels": 3, "kernel_size": 5, "standardize": False},
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda c: "-".join(map(str, c.values())))
def test_a_saved_model_writes_the_same(changes: dict[str, Any], tmp_path: Path) -> None:
    model = captioner(max_epochs=1, **changes).fit(X[:32], Y[:32])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert type(again) is ImageCaptioner
    assert again.get_params() == model.get_params()
    assert (again.spec_, again.shape_) == (model.spec_, model.shape_)
    assert again.predict_n_best(NEW, 2) == model.predict_n_best(NEW, 2)
    assert again.evaluate(NEW, RIGHT) == model.evaluate(NEW, RIGHT)
    assert "trained by: torch" in again.explain()
    model.set_params(convolutions=(8, 4))
    with pytest.raises(ArtifactError, match="describe another model"):
        model.save(tmp_path / "other")


@pytest.mark.parametrize(
    ("part", "key", "value", "sentence"),
    [
        ("targets", "longest", 0, "longest needs a whole number of at least 1"),
        ("inputs", "shape", [8, 8], "the inputs need a shape of 3 numbers"),
        ("inputs", "shape", [8, 8, 3], "the scaler is of 1 channels, the inputs of 3"),
        ("inputs", "scaler", None, "scaler"),
        ("inputs", "more", 1, "the part inputs holds 'more'"),
    ],
)
def test_saved_parts_that_do_not_fit_are_refused(
    part: str, key: str, value: Any, sentence: str
) -> None:
    model = copy.copy(unsure())
    inputs, targets = model._inputs_to_config(), model._targets_to_config()
    {"inputs": inputs, "targets": targets}[part][key] = value

    def read() -> None:
        model._inputs_from_config(inputs)
        model._targets_from_config(targets)

    with pytest.raises(ValueError, match=sentence):
        read()


def test_a_fit_that_was_stopped_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"max_epochs": 3, "shift": 0.1, "memory_dropout": 0.2}
    whole = captioner(**changes).fit(X[:48], Y[:48])
    file = tmp_path / "fit.ckpt"
    given = {"checkpoint": file, "checkpoint_epochs": 1, "checkpoint_seconds": None}
    taken = PairBatches.order

    def dies(self: PairBatches, epoch: int) -> Any:
        if epoch == 2:
            raise KeyboardInterrupt
        return taken(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(PairBatches, "order", dies)
        with pytest.raises(KeyboardInterrupt):
            captioner(**changes, **given).fit(X[:48], Y[:48])
    again = captioner(**changes).fit(X[:48], Y[:48], resume_from=file)
    assert again.weights_.tobytes() == whole.weights_.tobytes()
    with pytest.raises(CheckpointError, match="other training data"):
        captioner(**changes).fit(X[1:49], Y[:48], resume_from=file)


def test_what_is_held_out_is_watched() -> None:
    model = captioner(max_epochs=2).fit(X[:32], Y[:32], validation_data=(NEW, RIGHT))
    last = model.history_[-1]["valid_loss"]
    assert last is not None
    assert model.perplexity(NEW, RIGHT) == pytest.approx(np.exp(last), rel=1e-5)
    with pytest.raises(ValueError, match=r"^validation_data: .*inconsistent numbers"):
        captioner(max_epochs=1).fit(X[:32], Y[:32], validation_data=(NEW, RIGHT[:3]))


def test_a_clone_is_unfitted_and_alike() -> None:
    from sklearn.base import clone

    alike = clone(fitted())
    assert alike.get_params() == fitted().get_params()
    for call in (alike.predict, alike.attention_weights):
        with pytest.raises(Exception, match="not fitted"):
            call(NEW)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reads": "films"}, "reads must be one of 'images', 'vectors', 'maps'"),
        ({"convolutions": ()}, "convolutions must have one layer or more"),
        ({"convolutions": (8, 8, 8, 8)}, "4 layers leave nothing of pictures of 8 x 8 pixels"),
        ({"kernel_size": 4}, "kernel_size must be an odd number, got 4"),
        ({"turn": 181}, "turn must be at most 180 degrees, got 181"),
        ({"image_size": (1, 2, 3)}, "image_size must be a whole number of at least 1 or two of"),
        ({"image_channels": 2}, "image_channels must be one of None, 1, 3, got 2"),
        ({"engine": "kernels"}, "engine='kernels' cannot run this model"),
    ],
)
def test_arguments_that_cannot_be_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        captioner(**changes).fit(X, Y)


@pytest.mark.parametrize(
    ("pair", "kind", "sentence"),
    [
        ((X[:2], ["one"]), ValueError, "inconsistent numbers of samples"),
        ((X[:2], "one"), TypeError, "y is one str"),
        ((X[:2], ["one", ""]), ValueError, r"y\[1\] is '', a text without a word"),
        ((X[:2], [["one"], []]), ValueError, r"y\[1\] holds no texts"),
        ((["no.png"], ["one"]), FileNotFoundError, "no.png is not a file"),
        (([X[0], X[1][:4]], ["one", "two"]), ValueError, "give a size to which all are resized"),
    ],
)
def test_pairs_that_are_none_are_refused(pair: Any, kind: Any, sentence: str) -> None:
    if kind is FileNotFoundError:
        pytest.importorskip("PIL")
    with pytest.raises(kind, match=sentence):
        captioner().fit(*pair)
