"""Saved models with wrong bytes: no bit of either file can change unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrolled.runtime.artifact import (
    CONFIG,
    NEXT_TENSORS,
    TENSORS,
    ArtifactError,
    load_artifact,
    save_artifact,
)
from unrolled.runtime.spec import Recurrent, Spec, initial_values, views

SPEC = Spec(input_size=2, output_size=1, head="point", recurrent=Recurrent("lstm", 3))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    arrays = dict(views(SPEC, initial_values(SPEC, 0)))
    save_artifact(tmp_path / "model", {"spec": SPEC.to_config(), "classes": None}, arrays)
    return tmp_path / "model"


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
def test_flipped_bits_are_found(model: Path, name: str) -> None:
    data = (model / name).read_bytes()
    rng = np.random.default_rng(0)
    for i in range(0, len(data), 2):
        changed = bytearray(data)
        changed[i] ^= 1 << int(rng.integers(8))
        (model / name).write_bytes(changed)
        with pytest.raises(ArtifactError):
            load_artifact(model)
    (model / name).write_bytes(data)
    load_artifact(model)


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
def test_cuts_are_found(model: Path, name: str) -> None:
    data = (model / name).read_bytes()
    for length in range(0, len(data), 5):
        (model / name).write_bytes(data[:length])
        with pytest.raises(ArtifactError):
            load_artifact(model)
    (model / name).write_bytes(data + b"\n")
    with pytest.raises(ArtifactError):
        load_artifact(model)


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
def test_files_of_two_models_do_not_mix(model: Path, tmp_path: Path, name: str) -> None:
    arrays = dict(views(SPEC, initial_values(SPEC, 1)))
    save_artifact(tmp_path / "other", {"spec": SPEC.to_config()}, arrays)
    (model / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises(ArtifactError, match=r"checksum|bytes"):
        load_artifact(model)


def test_tensors_under_the_second_name_need_to_fit_too(model: Path) -> None:
    data = (model / TENSORS).read_bytes()
    (model / NEXT_TENSORS).write_bytes(data)
    (model / TENSORS).write_bytes(data[:-1] + b"\x00")
    load_artifact(model)
    (model / NEXT_TENSORS).write_bytes(data[:-1] + b"\x01")
    with pytest.raises(ArtifactError, match="checksum"):
        load_artifact(model)
