from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled.runtime import files
from unrolled.runtime.documents import UNSEALED, dump_document, identify, seal
from unrolled.runtime.tensors import pack
from unrolled.training import checkpoint
from unrolled.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

STATE: dict[str, Any] = {
    "epoch": 3,
    "history": [{"epoch": 1, "train_loss": 0.1, "valid_loss": None}, {"epoch": 2}],
    "generator": {"state": 2**127 + 1, "inc": 1},
    "zeros": "0" * 100,
    "text": 'é "\\ 日本',
}


def some_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "weights": rng.normal(size=37).astype(np.float32),
        "moment": rng.normal(size=(3, 4)).T,
        "steps": np.array(7),
        "random": rng.integers(0, 256, 9).astype(np.uint8),
        "odd": np.array([np.nan, np.inf, -0.0]),
    }


def refused(path: Path, said: str) -> None:
    with pytest.raises(CheckpointError, match=said) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) - len(str(path)) < 400


def test_a_checkpoint_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "checkpoint"
    save_checkpoint(str(path), STATE, some_arrays())
    state, arrays = load_checkpoint(path)
    assert repr(state) == repr(STATE)
    assert set(arrays) == set(some_arrays())
    for name, array in some_arrays().items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()
        assert arrays[name].flags.writeable
    assert os.listdir(path.parent) == ["checkpoint"]


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", STATE, some_arrays())
    save_checkpoint(tmp_path / "b", STATE, some_arrays())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint("c", STATE, {})
    assert load_checkpoint("c").arrays == {}
    assert (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("state", "arrays", "said"),
    [
        ([], {}, "state is a list"),
        ({"a": (1,)}, {}, "tuple"),
        ({"loss": float("nan")}, {}, "nan"),
        ({"a": np.int64(1)}, {}, "int64"),
        ({}, {"a": [1.0]}, "a is a list"),
        ({}, {"a": np.array([True])}, "bool"),
        ({}, {"a": np.array(["x"])}, "<U1"),
        ({}, {"": np.zeros(1)}, "no array name"),
    ],
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, state: Any, arrays: Any, said: str) -> None:
    save_checkpoint(tmp_path / "c", STATE, some_arrays())
    with pytest.raises(CheckpointError, match=said):
        save_checkpoint(tmp_path / "c", state, arrays)
    assert load_checkpoint(tmp_path / "c").state == STATE


def test_limits_hold_in_both_directions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, STATE, some_arrays())
    for name, said in (("MAX_HEADER_BYTES", "header"), ("MAX_FILE_BYTES", "bytes")):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, name, 300)
            refused(path, f"{said}.* 300")
            with pytest.raises(CheckpointError, match="300"):
                save_checkpoint(path, {}, {**some_arrays(), "more": np.zeros(90)})


def test_a_failed_write_keeps_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    save_checkpoint(tmp_path / "c", STATE, some_arrays())
    for step in ("_sync", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(files, step, fail)
            with pytest.raises(OSError, match="No space left"):
                save_checkpoint(tmp_path / "c", {"epoch": 4}, {})
    assert load_checkpoint(tmp_path / "c").state == STATE
    assert os.listdir(tmp_path) == ["c"]


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "not a regular file")
    refused(tmp_path / "none", "there is no checkpoint")
    with pytest.raises(OSError, match="not a file"):
        save_checkpoint(tmp_path / "folder", {}, {})


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damage_is_found(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "c"
    save_checkpoint(path, STATE, some_arrays())
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for i in range(0, len(data), 3):
        changed = bytearray(data if damage == "flip" else data[:i])
        if damage == "flip":
            changed[i] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(CheckpointError):
            load_checkpoint(path)
    path.write_bytes(data + b"\x00")
    refused(path, "belong to nothing")
    path.write_bytes(data)
    load_checkpoint(path)


def written(document: dict[str, Any], arrays: dict[str, np.ndarray], sealed: bool = True) -> bytes:
    text = dump_document(document).decode()
    data = pack(arrays, dtypes=("F32", "F64"), finite=False, metadata={"unrolled": text})
    end = 8 + int.from_bytes(data[:8], "little")
    return (seal(data[:end], data[end:]) if sealed else data[:end]) + data[end:]


def document(**changes: Any) -> dict[str, Any]:
    return {**identify(checkpoint.FORMAT, 1), "state": {"epoch": 1}, **changes}


def header_of(metadata: Any) -> bytes:
    raw = json.dumps({"__metadata__": metadata}).encode()
    return len(raw).to_bytes(8, "little") + raw


WEIGHTS = {"w": np.ones(3, np.float32)}
SAFETENSORS = pack(WEIGHTS, dtypes=("F32",), finite=True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut short"),
        (pickle.dumps({"epoch": 1}), "header of|cut short"),
        ((2**63).to_bytes(8, "little") + b"{}", f"header of {2**63} bytes"),
        (SAFETENSORS, "not that of a checkpoint"),
        (header_of({"unrolled": "{}", "more": ""}), "not that of a checkpoint"),
        (header_of({"unrolled": 3}), "mapping of strings"),
        (header_of({"unrolled": "{"}), "metadata is not JSON"),
        (header_of({"unrolled": "[" * 1000}), "levels"),
        (header_of({"unrolled": '{"a": NaN}'}), "NaN"),
        (header_of({"unrolled": '{"a": 1, "a": 2}'}), "'a' twice"),
        (header_of({"unrolled": "\ud800"}), "Unicode"),
        (written(document(format="other"), {}), "format is 'other'"),
        (written(document(format_version=2, written_by="unrolled 7"), {}), "unrolled 7.*upgrade"),
        (written(document(format_version=0), {}), "no version"),
        (written(document(state=[1]), {}), "lacks the state"),
        (written(document(more=1), {}), "lacks the state"),
        (written(document(), WEIGHTS, sealed=False), "checksum does not fit"),
        (written(document(sha256=UNSEALED[1:] + "x"), WEIGHTS, sealed=False), "lacks its sha256"),
    ],
)
def test_hostile_checkpoints_are_refused(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "c").write_bytes(data)
    refused(tmp_path / "c", said)


def test_the_plain_file_of_the_cases_above_is_read(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(written(document(), WEIGHTS))
    assert load_checkpoint(tmp_path / "c").state == {"epoch": 1}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_writer_that_is_killed_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c"
    script = Path(__file__).with_name("write_checkpoints.py")
    rng = np.random.default_rng()
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, str(script), str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(float(rng.uniform(0, 0.15)))
            writer.kill()
            reported = [int(line) for line in writer.stdout.read().split()]
        assert writer.returncode == -9
        state, arrays = load_checkpoint(path)
        assert state["step"] >= max(reported, default=1)
        expected = np.random.default_rng(state["step"])
        np.testing.assert_array_equal(arrays["weights"], expected.normal(size=20_000))
        np.testing.assert_array_equal(arrays["random"], expected.integers(0, 256, 5_000, "u1"))
