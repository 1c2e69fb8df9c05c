from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled.runtime import artifact, files
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact
from unrolled.runtime.spec import Dense, Recurrent, Spec, initial_values, views
from unrolled.runtime.transforms import Scaler, Vocabulary

SPEC = Spec(
    input_size=5,
    output_size=3,
    head="class",
    embedding_size=4,
    hidden=(Dense(6),),
    recurrent=Recurrent("gru", 7, num_layers=2, bidirectional=True),
)


def a_model(seed: int = 0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    content = {
        "estimator": "SequenceClassifier",
        "spec": SPEC.to_config(),
        "transforms": {
            "vocabulary": Vocabulary.fit(["é a b", '" \\ 日本']).to_config(),
            "scaler": Scaler.fit(rng.normal(size=(9, 2))).to_config(),
        },
        "classes": ["no", "yes", "perhaps"],
        "training": {"epochs": 3 + seed, "best_loss": 0.1, "patience": None},
    }
    return content, dict(views(SPEC, initial_values(SPEC, seed)))


def assert_equal(path: Path, content: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    found = load_artifact(path)
    assert repr(found.content) == repr(content)
    assert set(found.arrays) == set(arrays)
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].shape == array.shape
        assert found.arrays[name].tobytes() == array.tobytes()


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_model_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    content, arrays = a_model()
    save_artifact(tmp_path / "runs" / "model", content, arrays)
    assert names(tmp_path / "runs" / "model") == ["config.json", "model.safetensors"]
    assert names(tmp_path / "runs") == ["model"]
    assert_equal(tmp_path / "runs" / "model", content, arrays)
    found = load_artifact(tmp_path / "runs" / "model")
    assert Spec.from_config(found.content["spec"]) == SPEC
    found.arrays["head.bias"][...] = 1


def test_other_arrays_and_types_may_stand_beside_the_parameters(tmp_path: Path) -> None:
    content, arrays = a_model()
    arrays["extra"] = np.arange(6, dtype=np.int64).reshape(2, 3).T
    arrays["scalar"] = np.array(0.1)
    arrays["none"] = np.zeros((0, 4), np.float32)
    save_artifact(tmp_path / "m", content, arrays)
    found = load_artifact(tmp_path / "m")
    assert found.arrays["extra"].tolist() == arrays["extra"].tolist()
    assert found.arrays["scalar"] == 0.1
    assert found.arrays["none"].shape == (0, 4)


def test_the_same_model_gives_the_same_files(tmp_path: Path) -> None:
    content, arrays = a_model()
    save_artifact(tmp_path / "a", content, arrays)
    save_artifact(tmp_path / "b", content, dict(reversed(arrays.items())))
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_others_can_read_both_files(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    content, arrays = a_model()
    save_artifact(tmp_path / "m", content, arrays)
    assert set(load_file(tmp_path / "m" / "model.safetensors")) == set(arrays)
    config = json.loads((tmp_path / "m" / "config.json").read_text(encoding="utf-8"))
    assert config["content"] == content


@pytest.mark.parametrize("kind", [str, Path])
def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("model", "deeper/model", "./x/../model/"):
        save_artifact(kind(place), *a_model())
        assert load_artifact(kind(place)).content["estimator"] == "SequenceClassifier"
    assert names(tmp_path) == ["deeper", "model"]


def test_an_earlier_model_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    path = tmp_path / "model"
    save_artifact(path, *a_model(0))
    (path / "notes.txt").write_text("mine")
    save_artifact(path, *a_model(1))
    assert_equal(path, *a_model(1))
    assert (path / "notes.txt").read_text() == "mine"
    assert names(path) == ["config.json", "model.safetensors", "notes.txt"]
    assert names(tmp_path) == ["model"]


def test_a_damaged_model_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model"
    save_artifact(path, *a_model(0))
    (path / "model.safetensors").unlink()
    save_artifact(path, *a_model(1))
    assert_equal(path, *a_model(1))


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    save_artifact(tmp_path, *a_model())
    assert_equal(tmp_path, *a_model())


@pytest.mark.skipif(os.name != "posix", reason="symbolic links need a privilege elsewhere")
def test_symbolic_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save_artifact(tmp_path / "link" / "model", *a_model(0))
    (tmp_path / "model").symlink_to(tmp_path / "real" / "model")
    save_artifact(tmp_path / "model", *a_model(1))
    assert (tmp_path / "model").is_symlink()
    assert_equal(tmp_path / "real" / "model", *a_model(1))
    assert_equal(tmp_path / "model", *a_model(1))
    # A folder whose files are links (a cache, say) is read, and replaced without touching what
    # the links lead to.
    (tmp_path / "cache").mkdir()
    for name in names(tmp_path / "model"):
        (tmp_path / "cache" / name).symlink_to(tmp_path / "real" / "model" / name)
    assert_equal(tmp_path / "cache", *a_model(1))
    save_artifact(tmp_path / "cache", *a_model(2))
    assert_equal(tmp_path / "cache", *a_model(2))
    assert_equal(tmp_path / "model", *a_model(1))
    (tmp_path / "nowhere").symlink_to(tmp_path / "later")
    save_artifact(tmp_path / "nowhere", *a_model(0))
    assert_equal(tmp_path / "later", *a_model(0))


def foreign_file(path: Path) -> None:
    path.write_text("mine")


def foreign_folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("mine")


def foreign_tensors(path: Path) -> None:
    path.mkdir()
    (path / "model.safetensors").write_text("mine")


def foreign_config(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "mine"}')


def broken_config(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text("{mine")


def folder_for_tensors(path: Path) -> None:
    save_artifact(path, *a_model())
    (path / "model.safetensors").unlink()
    (path / "model.safetensors").mkdir()
    (path / "model.safetensors" / "inside").write_text("mine")


def newer_model(path: Path) -> None:
    save_artifact(path, *a_model())
    text = (path / "config.json").read_text(encoding="utf-8")
    text = text.replace('"format_version": 1', '"format_version": 2')
    (path / "config.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (foreign_file, "is a file"),
        (foreign_folder, "'thesis.tex' and no saved model"),
        (foreign_tensors, "no saved model"),
        (foreign_config, "something else"),
        (broken_config, "something else"),
        (folder_for_tensors, "holds a folder model.safetensors"),
        (newer_model, "newer"),
    ],
)
def test_nothing_foreign_is_replaced(tmp_path: Path, make: Any, said: str) -> None:
    path = tmp_path / "path"
    make(path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(ArtifactError, match=said) as error:
        save_artifact(path, *a_model())
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("content", "arrays", "said"),
    [
        ([1], {}, "content is a list"),
        ({"a": (1,)}, {}, "tuple"),
        ({"a": np.float32(1)}, {}, "float32"),
        ({"a": float("nan")}, {}, "nan"),
        ({}, {"w": np.array([np.nan])}, "w holds NaN"),
        ({}, {"w": np.array([np.inf])}, "infinity"),
        ({}, {"w": np.zeros(2, np.float16)}, "float16"),
        ({}, {"w": [1.0]}, "list"),
        ({}, {"a/../b c": np.zeros(2)}, "array name"),
        ({"spec": {}}, {}, "spec"),
        ({"spec": None}, {}, "spec"),
        ({"spec": SPEC.to_config()}, {}, "embedding.weight, which is missing"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    tmp_path: Path, content: Any, arrays: Any, said: str
) -> None:
    save_artifact(tmp_path / "old", *a_model())
    for path in (tmp_path / "old", tmp_path / "new"):
        with pytest.raises(ArtifactError, match=said) as error:
            save_artifact(path, content, arrays)
        assert "\n" not in str(error.value)
    assert names(tmp_path) == ["old"]
    assert_equal(tmp_path / "old", *a_model())


def test_parameters_must_be_those_of_the_spec(tmp_path: Path) -> None:
    content, arrays = a_model()
    for wrong in (arrays["head.bias"][:2], arrays["head.bias"].astype(np.float64)):
        with pytest.raises(ArtifactError, match=r"head\.bias as F32 \[3\], and"):
            save_artifact(tmp_path / "m", content, {**arrays, "head.bias": wrong})


def test_limits_hold_when_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_CONFIG_BYTES", "MAX_HEADER_BYTES", "MAX_TENSORS_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(artifact, name, 600)
            with pytest.raises(ArtifactError, match="600"):
                save_artifact(tmp_path / "m", *a_model())
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("old", "_sync"),
        ("old", "replace_entry"),
        ("old", "rename"),
        ("new", "_sync"),
        ("new", "write_folder"),
        ("new", "rename"),
    ],
)
def test_a_failed_save_raises_and_keeps_the_earlier_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    save_artifact(tmp_path / "old", *a_model(0))
    with monkeypatch.context() as patch:
        patch.setattr(files, step, fail)
        with pytest.raises(OSError, match="No space left"):
            save_artifact(tmp_path / name, *a_model(1))
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == ["config.json", "model.safetensors"]
    assert_equal(tmp_path / "old", *a_model(0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children by fork")
def test_a_writer_that_dies_leaves_the_old_model_or_the_new_one(tmp_path: Path) -> None:
    script = Path(__file__).with_name("crash_while_saving.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "x")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    places = dict(line.split() for line in done.stdout.splitlines())
    assert set(places) == {"nothing", "empty", "saved", "interrupted"}
    assert all(int(count) >= 5 for count in places.values())


def test_a_reader_beside_a_writer_gets_one_whole_model(tmp_path: Path) -> None:
    path = tmp_path / "model"
    models = [a_model(seed) for seed in range(20)]
    contents = [content for content, _ in models]
    save_artifact(path, *models[0])
    writing = threading.Event()
    writing.set()

    def write() -> None:
        try:
            for model in models[1:]:
                save_artifact(path, *model)
        finally:
            writing.clear()

    writer = threading.Thread(target=write)
    writer.start()
    seen = [0]
    while writing.is_set():
        found = load_artifact(path)
        i = contents.index(found.content)
        np.testing.assert_array_equal(found.arrays["head.bias"], models[i][1]["head.bias"])
        seen.append(i)
    writer.join()
    assert seen == sorted(seen)
    assert_equal(path, *models[-1])
