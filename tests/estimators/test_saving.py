from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import unrolled
from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.runtime.artifact import Artifact, ArtifactError, load_artifact, save_artifact

N = 18
rng = np.random.default_rng(0)
RAGGED = [rng.normal(3.0, 5.0, size=(T, 2)) for T in rng.integers(2, 6, N)]
TABLE = np.array([[*x[0], *x[-1]] for x in RAGGED])
TEXTS = ["a cat sat", "The dog", "a dog ran far", "the Cat"] * 5
TEXTS = TEXTS[:N]
LABELS = np.array(["low", "mid", "top"])[np.arange(N) % 3]
NUMBERS = 100.0 * TABLE[:, 0]


def make(kind: Any, **changes: Any) -> Any:
    size = {"hidden_size": 3} if kind.__name__.startswith("Sequence") else {}
    return kind(**{"max_epochs": 2, "batch_size": 5, "random_state": 0, **size, **changes})


MODELS: dict[str, tuple[Any, Any, Any]] = {
    "ragged classifier": (make(SequenceClassifier), RAGGED, LABELS),
    "deep classifier": (
        make(
            SequenceClassifier,
            cell="lstm",
            num_layers=2,
            bidirectional=True,
            dropout=0.3,
            pooling="max",
            class_weight={"low": 2, np.str_("mid"): np.float64(0.1)},
            validation_fraction=0.3,
            patience=2,
        ),
        RAGGED,
        LABELS,
    ),
    "words": (
        make(SequenceClassifier, embedding_size=4, lowercase=True, min_count=2),
        TEXTS,
        LABELS,
    ),
    "characters": (make(SequenceRegressor, embedding_size=4, unit="character"), TEXTS, NUMBERS),
    "ragged regressor": (make(SequenceRegressor, cell="rnn", nonlinearity="relu"), RAGGED, NUMBERS),
    "several numbers": (make(SequenceRegressor, pooling="mean"), RAGGED, TABLE),
    "a column": (make(FeedForwardRegressor), TABLE, TABLE[:, :1]),
    "windows": (make(SequenceRegressor, standardize=False), TABLE, NUMBERS),
    "a frame": (make(SequenceRegressor), pd.DataFrame(TABLE, columns=list("abcd")), NUMBERS),
    "a table": (
        make(
            FeedForwardClassifier, hidden_layer_sizes=[4, 3], random_state=np.random.RandomState(0)
        ),
        pd.DataFrame(TABLE, columns=list("abcd")),
        LABELS,
    ),
    "linear": (make(FeedForwardRegressor, hidden_layer_sizes=(), clip_norm=None), TABLE, NUMBERS),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request: pytest.FixtureRequest) -> Any:
    model, X, y = MODELS[request.param]
    return model.fit(X, y), X, y


def fixed(value: Any) -> Any:
    """Learned attributes as something that `==` compares."""
    if hasattr(value, "to_config"):
        return value.to_config()
    return (value.dtype.kind, value.tolist()) if isinstance(value, np.ndarray) else value


def learnt(model: Any) -> dict[str, Any]:
    return {name: fixed(v) for name, v in vars(model).items() if name.endswith("_")}


def test_a_loaded_model_is_the_same_to_the_last_bit(fitted: Any, tmp_path: Path) -> None:
    model, X, y = fitted
    model.save(tmp_path / "model")
    for loaded in (unrolled.load(tmp_path / "model"), type(model).load(str(tmp_path / "model"))):
        assert type(loaded) is type(model)
        assert learnt(loaded) == learnt(model)
        assert loaded.predict(X).dtype == model.predict(X).dtype
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        for ask in ("predict_proba", "hidden_states"):
            if hasattr(model, ask):
                for one, two in zip(getattr(loaded, ask)(X), getattr(model, ask)(X), strict=True):
                    np.testing.assert_array_equal(one, two)
        assert loaded.evaluate(X, y) == model.evaluate(X, y)
        again = loaded.get_params()
        for name, value in model.get_params().items():
            if name == "hidden_layer_sizes":
                value = tuple(value)
            if isinstance(value, np.random.RandomState):
                value = None
            assert again[name] == value, name


def test_saving_a_loaded_model_writes_the_same(fitted: Any, tmp_path: Path) -> None:
    model = fitted[0]
    model.save(tmp_path / "one")
    unrolled.load(tmp_path / "one").save(tmp_path / "two")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_parameters_have_torch_names(fitted: Any, tmp_path: Path) -> None:
    model = fitted[0]
    model.save(tmp_path / "model")
    arrays = load_artifact(tmp_path / "model").arrays
    assert {name: a.shape for name, a in arrays.items()} == model.spec_.parameter_shapes()
    for name, array in model.named_parameters().items():
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a c", "é ☃"],
        [3, -1, 10],
        np.array([1, 2, 3], np.uint8),
        np.array([2**62, 1, 2]),
        [1.0, 2.0, 4.0],
        np.array([1.0, 2.0, 4.0], np.float32),
        [True, False, True],
        np.array(["x", "yy", "zzz"], dtype=object),
        np.array(["x", "yy", "zzz"], dtype="<U500"),
    ],
    ids=str,
)
def test_labels_keep_their_type(labels: Any, tmp_path: Path) -> None:
    y = np.asarray(labels)[np.arange(N) % 3]
    model = make(FeedForwardClassifier).fit(TABLE, y)
    model.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model")
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert type(loaded.classes_.tolist()[0]) is type(model.classes_.tolist()[0])
    if loaded.classes_.dtype.kind != "U":
        assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(TABLE), model.predict(TABLE))
    loaded.partial_fit(TABLE, y)


def test_labels_that_json_has_not_are_refused_at_save(tmp_path: Path) -> None:
    model = make(FeedForwardClassifier).fit(TABLE, np.arange(N) % 3)
    model.classes_ = np.array([b"a", b"b", b"c"], dtype=object)
    with pytest.raises(ArtifactError, match="cannot be saved: classes must be all texts"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    model = make(SequenceRegressor).fit(RAGGED, NUMBERS)
    model.save(tmp_path / "model")
    before = (tmp_path / "model" / "config.json").read_bytes()
    for change in ({"hidden_size": 9}, {"pooling": "max"}, {"learning_rate": -1.0}):
        usual = {name: model.get_params()[name] for name in change}
        model.set_params(**change)
        with pytest.raises(ArtifactError, match=r"cannot be saved: its arguments|learning_rate"):
            model.save(tmp_path / "model")
        model.set_params(**usual)
    assert (tmp_path / "model" / "config.json").read_bytes() == before
    model.set_params(max_epochs=77).save(tmp_path / "model")
    assert unrolled.load(tmp_path / "model").max_epochs == 77


def test_a_table_may_be_kept_with_the_model(tmp_path: Path) -> None:
    table = {"id": "patient", "value": ["a", "b"], "unit": None}
    model = make(FeedForwardRegressor).fit(TABLE, NUMBERS)
    model.save(tmp_path / "model", table=table)
    loaded = unrolled.load(tmp_path / "model")
    assert loaded.table_ == table
    loaded.save(tmp_path / "again")
    assert unrolled.load(tmp_path / "again").table_ == table
    assert model.table_ is None


def test_another_class_is_named(tmp_path: Path) -> None:
    make(FeedForwardRegressor).fit(TABLE, NUMBERS).save(tmp_path / "model")
    with pytest.raises(
        ArtifactError, match="holds the estimator 'FeedForwardRegressor', not SequenceClassifier"
    ):
        SequenceClassifier.load(tmp_path / "model")


def test_where_there_is_nothing(tmp_path: Path) -> None:
    for load in (unrolled.load, SequenceClassifier.load):
        with pytest.raises(ArtifactError, match="there is nothing at this path"):
            load(tmp_path / "nowhere")


def test_a_model_before_its_first_epoch_is_saved_too(tmp_path: Path) -> None:
    model = make(SequenceRegressor).initialize(RAGGED, NUMBERS)
    model.save(tmp_path / "model")
    loaded = unrolled.load(tmp_path / "model")
    assert (loaded.n_iter_, loaded.history_) == (0, [])
    np.testing.assert_array_equal(loaded.predict(RAGGED), model.predict(RAGGED))


EDITS: list[tuple[str, list[Any], Any, str]] = [
    ("words", ["estimator"], "SequenceRegressor", "fits|lacks"),
    ("words", ["estimator"], "Pipeline", "the estimator 'Pipeline', not SequenceClassifier or"),
    ("words", ["estimator"], ["SequenceClassifier"], "the estimator"),
    ("words", ["parameters"], [], "parameters are no mapping"),
    ("words", ["parameters", "cell"], "lstm", "describe another model"),
    ("words", ["parameters", "hidden_size"], "3", "hidden_size must be a whole number"),
    ("words", ["parameters", "learning_rate"], "fast", "learning_rate must be"),
    ("words", ["parameters", "units"], 3, "units"),
    ("words", ["parameters", "class_weight"], [["low", 1.0, 2.0]], "fits"),
    ("words", ["parameters", "class_weight"], [[["low"], 1.0]], "fits"),
    ("words", ["inputs", "vocabulary"], None, "either a scaler or a vocabulary"),
    ("words", ["inputs", "vocabulary", "symbols"], ["<unk>", "a"], "describe another model"),
    ("words", ["inputs", "scaler"], {"mean": [0.0], "scale": [1.0]}, "either a scaler or"),
    ("words", ["targets", "classes"], ["low", "mid"], "2 classes and 3 outputs"),
    ("words", ["targets", "classes"], ["low", "low", "mid"], "sorted, each label once"),
    ("words", ["targets", "classes"], ["top", "mid", "low"], "sorted, each label once"),
    ("words", ["targets", "classes"], [1, 2, 3], "have the dtype"),
    ("words", ["targets", "classes"], ["a", "b", 3], "all texts, all numbers or all bools"),
    ("words", ["targets", "classes"], [["a"], ["b"], ["c"]], "all texts"),
    ("words", ["targets", "classes"], [], "at least one label"),
    ("words", ["targets", "classes"], "low", "must be a list"),
    ("words", ["targets", "dtype"], "<i8", "have the dtype '<i8'"),
    ("words", ["targets", "dtype"], "<U2,<U2", "have the dtype"),
    ("words", ["targets", "dtype"], 3, "have the dtype"),
    ("words", ["spec", "pooling"], "max", "describe another model"),
    ("words", ["spec", "loss"], "binary_cross_entropy", "describe another model"),
    ("words", ["training", "engine"], "jax", "its engine is 'jax', not kernels or torch"),
    ("words", ["spec", "head_dropout"], 0.5, "describe another model"),
    ("words", ["training"], [1, 2], "training are no mapping"),
    ("words", ["training", "epochs"], 3, "one record for each of 3 epochs"),
    ("words", ["training", "epochs"], 2.0, "one record for each"),
    ("words", ["training", "history"], "ab", "not one record"),
    ("words", ["training", "history"], [{}, {}], "no record of epoch 1"),
    ("words", ["training", "history"], [1, 2], "no record of epoch 1"),
    ("words", ["training", "history", 1, "epoch"], 1, "no record of epoch 2"),
    ("words", ["training", "history", 1, "valid_loss"], "low", "no record of epoch 2"),
    ("words", ["training", "history", 1, "seconds"], True, "no record of epoch 2"),
    ("windows", ["inputs", "width"], 0, "the inputs have the width 0"),
    ("windows", ["inputs", "width"], 4.5, "the inputs have the width 4.5"),
    ("windows", ["inputs", "width"], None, "the inputs have the width None"),
    ("windows", ["inputs", "table"], 1, "table must be true or false"),
    ("windows", ["inputs", "scaler", "scale"], [0.0], "scale"),
    ("windows", ["inputs", "scaler", "mean"], ["0"], "finite numbers"),
    ("windows", ["inputs", "scaler", "mean"], [0.0, 0.0], "2 channels"),
    ("windows", ["targets", "one_number"], "yes", "one_number"),
    ("several numbers", ["targets", "one_number"], True, "one_number"),
    ("several numbers", ["targets", "scaler"], {"mean": [0.0], "scale": [1.0]}, "1 numbers"),
    ("ragged regressor", ["inputs", "width"], 3, "the inputs have the width 3"),
    ("a table", ["inputs", "width"], 5, "the inputs have the width 5"),
    ("a table", ["inputs", "names"], ["a", "b"], "need 4 names"),
    ("a table", ["inputs", "names"], ["a", "b", "c", 4], "no texts"),
    ("a table", ["inputs", "names"], "abcd", "need 4 names"),
    ("a table", ["parameters", "hidden_layer_sizes"], [4], "describe another model"),
    ("a table", ["note"], None, "the content holds 'note', which is none of estimator"),
    ("a table", ["inputs", "vocabulary"], None, "part inputs holds 'vocabulary', which is none of"),
    ("words", ["inputs", "stop_words"], ["a"], "part inputs holds 'stop_words', which is none of"),
    ("words", ["targets", "one_number"], True, "part targets holds 'one_number', which is none of"),
    ("windows", ["inputs", "lag"], 1, "part inputs holds 'lag', which is none of"),
    ("windows", ["targets", "classes"], [], "part targets holds 'classes', which is none of"),
    ("windows", ["training", "best"], 1, "part training holds 'best', which is none of epochs"),
]


def saved(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    model, X, y = MODELS[name]
    if not hasattr(model, "weights_"):
        model.fit(X, y)
    model.save(folder)
    return load_artifact(folder)


def edited(content: dict[str, Any], place: list[Any], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    inside: Any = changed
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("name", "place", "value", "said"), EDITS, ids=lambda v: str(v)[:30].replace("\n", "")
)
def test_content_that_is_well_formed_but_wrong(
    name: str, place: list[Any], value: Any, said: str, tmp_path: Path
) -> None:
    content, arrays = saved(name, tmp_path / "model")
    # A change of the spec that asks for other arrays is found by the artifact itself.
    save_artifact(tmp_path / "bad", edited(content, place, value), arrays)
    with pytest.raises(ArtifactError, match=said) as error:
        unrolled.load(tmp_path / "bad")
    assert "\n" not in str(error.value)
    assert str(tmp_path / "bad") in str(error.value)


@pytest.mark.parametrize(
    "place",
    [
        *(
            ["estimator"],
            ["parameters"],
            ["spec"],
            ["inputs"],
            ["targets"],
            ["training"],
            ["table"],
        ),
        *(["inputs", "scaler"], ["inputs", "names"], ["targets", "dtype"], ["training", "epochs"]),
    ],
    ids=lambda place: ".".join(place),
)
def test_content_that_lacks_something(place: list[str], tmp_path: Path) -> None:
    content, arrays = saved("a table", tmp_path / "model")
    inside: Any = content
    for key in place[:-1]:
        inside = inside[key]
    del inside[place[-1]]
    save_artifact(tmp_path / "bad", content, arrays)
    with pytest.raises(ArtifactError, match=f"lacks '{place[-1]}'|the estimator None"):
        unrolled.load(tmp_path / "bad")


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every entry of nested plain data, the inner ones too; of long lists the first two."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*place, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value[:2]):
            yield from leaves(inner, (*place, i))


HOSTILE = [None, True, 0, -1, 7, 2**70, 0.5, -1e300, "", "x" * 50, [], [[]], [None], {}, {"a": 1}]


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("name", ["deep classifier", "characters", "a table"])
def test_any_edit_is_refused_in_one_sentence_or_harmless(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry of the content by everything hostile: a sentence, or a model that predicts."""
    content, arrays = saved(name, tmp_path / "model")
    X = MODELS[name][1]
    said: list[str] = []
    predicted = 0
    for place in leaves(content):
        for value in HOSTILE:
            changed = Artifact(edited(content, list(place), value), arrays)
            monkeypatch.setattr("unrolled.estimators.saving.load_artifact", lambda _, c=changed: c)
            try:
                loaded = unrolled.load("model")
            except ArtifactError as error:
                said.append(str(error))
                continue
            if place[0] == "inputs":
                with suppress(ValueError):
                    assert loaded.predict(X).shape == (N,)
            predicted += 1
    assert len(said) > 3 * predicted > 0
    assert not any("\n" in sentence or len(sentence) > 400 for sentence in said)


def test_a_saved_model_brings_no_checkpoint_along(tmp_path):
    X, y = unrolled.data.random_walk(num_samples=12, random_state=0)
    mine = tmp_path / "mine.ckpt"
    model = SequenceRegressor(
        hidden_size=3, max_epochs=1, checkpoint=mine, checkpoint_epochs=1, random_state=0
    ).fit(X, y)
    model.save(tmp_path / "model")
    assert "mine.ckpt" not in (tmp_path / "model" / "config.json").read_text()
    assert unrolled.load(tmp_path / "model").checkpoint is None


def test_a_model_that_names_a_file_to_write_is_refused(tmp_path):
    X, y = unrolled.data.random_walk(num_samples=12, random_state=0)
    SequenceRegressor(hidden_size=3, max_epochs=1, random_state=0).fit(X, y).save(tmp_path / "m")
    artifact = load_artifact(tmp_path / "m")
    artifact.content["parameters"]["checkpoint"] = str(tmp_path / "precious")
    save_artifact(tmp_path / "hostile", artifact.content, artifact.arrays)
    with pytest.raises(unrolled.ArtifactError, match="name a checkpoint"):
        unrolled.load(tmp_path / "hostile")
