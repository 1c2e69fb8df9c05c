"""Saved models that are damaged, odd or made to harm: each gives one clear error and no model."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from unrolled.runtime.artifact import (
    CONFIG,
    MAX_CONFIG_BYTES,
    MAX_HEADER_BYTES,
    MAX_TENSORS_BYTES,
    TENSORS,
    ArtifactError,
    load_artifact,
    save_artifact,
)
from unrolled.runtime.documents import UNSEALED, dump_document, seal, sha256
from unrolled.runtime.spec import Recurrent, Spec, initial_values, views

SPEC = Spec(input_size=2, output_size=1, head="point", recurrent=Recurrent("lstm", 3))
Edit = Callable[[Path], object]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    arrays = dict(views(SPEC, initial_values(SPEC, 0)))
    content = {"estimator": "SequenceRegressor", "spec": SPEC.to_config(), "classes": None}
    save_artifact(tmp_path / "model", content, arrays)
    return tmp_path / "model"


def refused(path: Path, said: str) -> None:
    with pytest.raises(ArtifactError, match=said) as error:
        load_artifact(path)
    text = str(error.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert len(text) - len(str(path)) < 400


def read_config(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((path / CONFIG).read_bytes())
    return document


def write_config(path: Path, document: dict[str, Any]) -> None:
    """With a checksum that fits, as somebody would who means it."""
    (path / CONFIG).write_bytes(seal(dump_document({**document, "sha256": UNSEALED})))


def write_tensors(path: Path, data: bytes, arrays: dict[str, Any] | None = None) -> None:
    """With checksums that fit, and with the list of arrays given."""
    (path / TENSORS).write_bytes(data)
    document = read_config(path)
    claim = {**document["tensors"], "bytes": len(data), "sha256": sha256(data)}
    if arrays is not None:
        claim["arrays"] = arrays
    write_config(path, {**document, "tensors": claim})


def config(*keys: str, value: Any) -> Edit:
    """Sets one entry of config.json."""

    def edit(path: Path) -> None:
        document = inner = read_config(path)
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        write_config(path, document)

    return edit


def without(key: str) -> Edit:
    def edit(path: Path) -> None:
        document = read_config(path)
        del document[key]
        if key == "sha256":
            (path / CONFIG).write_bytes(json.dumps(document).encode())
        else:
            write_config(path, document)

    return edit


def raw_config(data: bytes) -> Edit:
    return lambda path: (path / CONFIG).write_bytes(data)


def longer_config(path: Path) -> None:
    (path / CONFIG).write_bytes((path / CONFIG).read_bytes() + b"x")


def changed_config(old: bytes, new: bytes) -> Edit:
    def edit(path: Path) -> None:
        data = (path / CONFIG).read_bytes()
        assert old in data
        (path / CONFIG).write_bytes(data.replace(old, new, 1))

    return edit


def header(change: Callable[[dict[str, Any]], None]) -> Edit:
    """Changes the header of model.safetensors and makes every checksum fit."""

    def edit(path: Path) -> None:
        data = (path / TENSORS).read_bytes()
        end = 8 + int.from_bytes(data[:8], "little")
        entries = json.loads(data[8:end])
        change(entries)
        raw = json.dumps(entries).encode()
        write_tensors(path, len(raw).to_bytes(8, "little") + raw + data[end:])

    return edit


def renamed(entries: dict[str, Any]) -> None:
    entries["head.gain"] = entries.pop("head.bias")


def reshaped(entries: dict[str, Any]) -> None:
    entries["recurrent.weight_ih_l0"]["shape"].reverse()


def retyped(entries: dict[str, Any]) -> None:
    entries["head.bias"]["dtype"] = "I32"


def enlarged(entries: dict[str, Any]) -> None:
    entries["head.bias"] = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}


def swapped(entries: dict[str, Any]) -> None:
    a, b = entries["recurrent.bias_ih_l0"], entries["recurrent.bias_hh_l0"]
    a["data_offsets"] = b["data_offsets"]


def huge_header(path: Path) -> None:
    data = (path / TENSORS).read_bytes()
    write_tensors(path, (2**63).to_bytes(8, "little") + data[8:])


def wide_header(path: Path) -> None:
    raw = b"{" + b" " * MAX_HEADER_BYTES + b"}"
    write_tensors(path, len(raw).to_bytes(8, "little") + raw)


def many_arrays(path: Path) -> None:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    raw = json.dumps({f"a{i}": entry for i in range(5000)}).encode()
    write_tensors(path, len(raw).to_bytes(8, "little") + raw)


def arrays_like_the_spec(path: Path, name: str, array: np.ndarray | None) -> None:
    """Another model's arrays, consistent in both files, under this model's spec."""
    arrays = dict(views(SPEC, initial_values(SPEC, 1)))
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    types = {"float32": "F32", "float64": "F64", "float16": "F16"}
    listed = {
        key: {"dtype": types[a.dtype.name], "shape": list(a.shape)} for key, a in arrays.items()
    }
    write_tensors(path, save(arrays), listed)


def with_array(name: str, array: np.ndarray | None) -> Edit:
    return lambda path: arrays_like_the_spec(path, name, array)


def sparse(name: str, size: int) -> Edit:
    def edit(path: Path) -> None:
        with (path / name).open("wb") as file:
            file.truncate(size)

    return edit


def sparse_tensors(path: Path) -> None:
    size = MAX_TENSORS_BYTES + 1
    config("tensors", "bytes", value=size)(path)
    sparse(TENSORS, size)(path)


def instead(name: str, make: Callable[[Path], Any]) -> Edit:
    def edit(path: Path) -> None:
        (path / name).unlink()
        make(path / name)

    return edit


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os._exit, (3,))


HUGE_SPEC = {
    **SPEC.to_config(),
    "input_size": 2**24,
    "recurrent": {**SPEC.to_config()["recurrent"], "hidden_size": 2**24, "num_layers": 256},
}

CASES: dict[str, tuple[Edit, str]] = {
    # config.json as bytes
    "empty config": (raw_config(b""), "not JSON"),
    "blank config": (raw_config(b" \n"), "not JSON"),
    "zeroed config": (raw_config(bytes(900)), "not JSON"),
    "list": (raw_config(b"[]"), "not an object"),
    "number": (raw_config(b"3"), "not an object"),
    "empty object": (raw_config(b"{}"), "format is None"),
    "UTF-16": (raw_config('{"format": "unrolled-model"}'.encode("utf-16")), "UTF-8"),
    "pickle": (raw_config(pickle.dumps(Harm())), "config.json"),
    "NaN": (changed_config(b'"classes": null', b'"classes": NaN'), "NaN"),
    "infinity": (changed_config(b'"classes": null', b'"classes": -Infinity'), "Infinity"),
    "overflow": (changed_config(b'"classes": null', b'"classes": 1e400'), "beyond float64"),
    "long number": (changed_config(b"null", b"1" * 10_000), "10000 digits"),
    "key twice": (
        changed_config(b'"classes": null', b'"classes": null, "classes": 1'),
        "'classes' twice",
    ),
    "deep lists": (changed_config(b"null", b"[" * 10**6 + b"]" * 10**6), "levels|objects"),
    "deep objects": (changed_config(b"null", b'{"a":' * 5000 + b"1" + b"}" * 5000), "levels"),
    "many lists": (changed_config(b"null", b"[" + b"[]," * 10**6 + b"1]"), "objects and lists"),
    "lone surrogate": (changed_config(b"null", b'"\\udc00"'), "Unicode"),
    "comment": (changed_config(b"{", b"/* */ {"), "not JSON"),
    "behind the end": (longer_config, "not JSON"),
    "edited": (changed_config(b'"input_size": 2', b'"input_size": 3'), "checksum"),
    "reformatted": (changed_config(b"\n", b"\n\n"), "checksum"),
    "oversize config": (sparse(CONFIG, MAX_CONFIG_BYTES + 1), "more than the limit"),
    "giant config": (sparse(CONFIG, 2**40), "more than the limit"),
    # config.json with a checksum that fits
    "other format": (config("format", value="other"), "format is 'other'"),
    "newer": (config("format_version", value=2), "newer than 1.*pip install --upgrade"),
    "far newer": (config("format_version", value=10**30), "newer"),
    "version zero": (config("format_version", value=0), "no version"),
    "version true": (config("format_version", value=True), "no version"),
    "version text": (config("format_version", value="1"), "no version"),
    "version fraction": (config("format_version", value=1.5), "no version"),
    "no seal": (without("sha256"), "lacks its sha256"),
    "no format": (without("format"), "format is None"),
    "no version": (without("format_version"), "no version"),
    "no writer": (without("written_by"), "written_by"),
    "no content": (without("content"), "content"),
    "no tensors": (without("tensors"), "tensors"),
    "odd key": (config("pickle", value="x"), "pickle"),
    "content list": (config("content", value=[]), "content"),
    "content null": (config("content", value=None), "content"),
    "claim list": (config("tensors", value=[]), "bytes, sha256 and arrays"),
    "claim empty": (config("tensors", value={}), "bytes, sha256 and arrays"),
    "claim path": (config("tensors", "file", value="../x"), "bytes, sha256 and arrays"),
    "size negative": (config("tensors", "bytes", value=-1), "config.json says -1"),
    "size huge": (config("tensors", "bytes", value=2**100), "config.json says"),
    "size text": (config("tensors", "bytes", value="9"), "config.json says '9'"),
    "sum wrong": (config("tensors", "sha256", value="0" * 63 + "1"), "does not fit"),
    "sum null": (config("tensors", "sha256", value=None), "does not fit"),
    "arrays none": (config("tensors", "arrays", value={}), "not those"),
    "arrays text": (config("tensors", "arrays", value="all"), "not those"),
    "array type": (
        config("tensors", "arrays", "head.bias", value={"dtype": "F64", "shape": [1]}),
        "not those",
    ),
    "array shape": (
        config("tensors", "arrays", "head.bias", value={"dtype": "F32", "shape": [1, 1]}),
        "not those",
    ),
    "array more": (
        config("tensors", "arrays", "x", value={"dtype": "F32", "shape": [1]}),
        "not those",
    ),
    "spec null": (config("content", "spec", value=None), "spec is wrong"),
    "spec empty": (config("content", "spec", value={}), "spec is wrong"),
    "spec text": (config("content", "spec", "input_size", value="2"), "spec is wrong"),
    "spec negative": (config("content", "spec", "input_size", value=-2), "spec is wrong"),
    "spec key": (config("content", "spec", "code", value="x"), "spec is wrong"),
    "spec cell": (config("content", "spec", "recurrent", "cell", value="os"), "spec is wrong"),
    "spec other": (config("content", "spec", "input_size", value=3), "weight_ih_l0 as F32"),
    "spec huge": (config("content", "spec", value=HUGE_SPEC), "asks for the parameter"),
    # model.safetensors, checksums fitting
    "empty tensors": (lambda p: write_tensors(p, b""), "cut short"),
    "zeroed tensors": (lambda p: write_tensors(p, bytes(500)), "not JSON"),
    "pickled tensors": (lambda p: write_tensors(p, pickle.dumps(Harm())), TENSORS),
    "huge header": (huge_header, f"header of {2**63} bytes"),
    "wide header": (wide_header, "header of"),
    "many arrays": (many_arrays, "5000 arrays"),
    "renamed": (header(renamed), "not those"),
    "reshaped": (header(reshaped), "not those"),
    "retyped": (header(retyped), "'I32'"),
    "enlarged": (header(enlarged), "hole|cut short"),
    "overlapping": (header(swapped), "hole or an overlap"),
    "parameter missing": (with_array("head.bias", None), "head.bias, which is missing"),
    "parameter shape": (with_array("head.bias", np.ones(2, np.float32)), "head.bias as F32"),
    "parameter type": (with_array("head.bias", np.ones(1)), "head.bias as F32"),
    "half precision": (with_array("head.bias", np.ones(1, np.float16)), "'F16'"),
    "NaN weight": (with_array("head.bias", np.array([np.nan], np.float32)), "head.bias holds NaN"),
    "infinite": (with_array("head.bias", np.array([-np.inf], np.float32)), "infinity"),
    "path as name": (with_array("../../x", np.ones(1, np.float32)), "no array name"),
    "giant tensors": (sparse_tensors, "more than the limit"),
    "sparse tensors": (sparse(TENSORS, 2**40), "config.json says"),
    # the folder
    "no config": (lambda p: (p / CONFIG).unlink(), f"holds no {CONFIG}"),
    "no tensor file": (lambda p: (p / TENSORS).unlink(), f"{TENSORS} is missing"),
    "config folder": (instead(CONFIG, Path.mkdir), "not a regular file"),
    "tensors folder": (instead(TENSORS, Path.mkdir), f"{TENSORS}"),
}


@pytest.mark.parametrize("case", CASES)
def test_hostile_models_are_refused(model: Path, case: str) -> None:
    edit, said = CASES[case]
    load_artifact(model)
    edit(model)
    refused(model, said)


LARGE = ("giant config", "deep lists", "many lists", "huge header", "enlarged", "spec huge")


@pytest.mark.parametrize("case", [*LARGE, "giant tensors", "sparse tensors", "long number"])
def test_claims_of_size_cost_no_memory(model: Path, case: str) -> None:
    CASES[case][0](model)
    tracemalloc.start()
    try:
        refused(model, CASES[case][1])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**25


@pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices of POSIX")
@pytest.mark.parametrize("name", [CONFIG, TENSORS])
def test_files_that_are_no_files(model: Path, name: str) -> None:
    def link(target: str) -> Callable[[Path], None]:
        return lambda path: path.symlink_to(target)

    cases = [
        (os.mkfifo, "not a regular file|bytes"),
        (link("/dev/zero"), "not a regular file|bytes"),
        (link(name), "symbolic links"),
        (link("nowhere"), "holds no|missing"),
    ]
    for make, said in cases:
        instead(name, make)(model)
        refused(model, said)


def test_paths_that_hold_no_model(tmp_path: Path) -> None:
    refused(tmp_path, f"holds no {CONFIG}")
    refused(tmp_path / "none", "nothing at this path")
    refused(tmp_path / "none" / "deeper", "nothing at this path")
    (tmp_path / "file").write_bytes(b"{}")
    refused(tmp_path / "file", "a file, and a model is a folder")
    refused(tmp_path / "file" / "deeper", "nothing at this path")
    refused(tmp_path / ("x" * 300), "too long|nothing at this path")


def test_a_file_that_may_not_be_read_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    refused(model, f"{CONFIG}: Permission denied")


def test_other_files_are_ignored(model: Path) -> None:
    (model / "pytorch_model.bin").write_bytes(pickle.dumps(Harm()))
    (model / ".config.json.0123456789abcdef.part").write_bytes(b"x")
    (model / "nested").mkdir()
    load_artifact(model)


def test_reading_needs_no_torch(model: Path) -> None:
    program = (
        "import sys; from unrolled.runtime.artifact import load_artifact; "
        "load_artifact(sys.argv[1]); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(model)], check=True)
