"""The saved model: a folder with config.json and model.safetensors, whole or not at all.

docs/saved-model.md specifies it. No pickle is read or written, and nothing of a file is believed
before its size, its form and its checksum have been checked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from unrolled.runtime import files
from unrolled.runtime.documents import (
    FormatError,
    check_identity,
    check_seal,
    dump_document,
    identify,
    parse_document,
    seal,
    sha256,
)
from unrolled.runtime.specs import spec_from_config
from unrolled.runtime.tensors import pack, read_header, unpack

FORMAT = "unrolled-model"
FORMAT_VERSION = 1
CONFIG = "config.json"
TENSORS = "model.safetensors"
NEXT_TENSORS = "model.next.safetensors"

MAX_CONFIG_BYTES = 32 * 2**20
MAX_HEADER_BYTES = 2**20
MAX_TENSORS_BYTES = 4 * 2**30
TENSOR_DTYPES = ("F32", "F64", "I64")

_KEYS = {"format", "format_version", "written_by", "sha256", "tensors", "content"}
_READ_ATTEMPTS = 10


class ArtifactError(ValueError):
    """A saved model cannot be read, or a model cannot be saved so; the message is one sentence."""


class Artifact(NamedTuple):
    """A saved model in memory.

    Attributes:
        content: plain data.
        arrays: arrays by name.
    """

    content: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def save_artifact(
    path: str | os.PathLike[str], content: dict[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write a model as the folder `path`, whole or not at all.

    Folders on the way are made. An earlier model at `path` is replaced and its folder's other
    files stay; until the new one is complete, `path` holds the earlier one.

    Args:
        path: the folder.
        content: plain data (dict with string keys, list, str, int, float, bool, None); an entry
            "spec" is a `Spec.to_config()` whose parameters must be among the arrays.
        arrays: finite float32, float64 or int64 arrays of any shape and memory order, by name.

    Raises:
        ArtifactError: the content cannot be kept exactly, or `path` holds something other than a
            model.
        OSError: the model cannot be written.
    """
    try:
        tensors = pack(arrays, dtypes=TENSOR_DTYPES, finite=True)
        if len(tensors) > MAX_TENSORS_BYTES:
            raise FormatError(f"its arrays have {len(tensors)} bytes, over {MAX_TENSORS_BYTES}")
        config = _config(content, tensors)
    except FormatError as error:
        raise ArtifactError(f"the model cannot be saved: {error}") from error
    folder = Path(os.path.realpath(path))
    if not folder.exists():
        files.write_folder(folder, {TENSORS: tensors, CONFIG: config})
        return
    _check_replaceable(folder)
    try:
        _finish_interrupted(folder)
    except FormatError as error:
        raise ArtifactError(f"{folder} is not replaced: {error}") from error
    # Renaming config.json is the step that replaces the old model; before and after it, one of the
    # two tensor files fits the config.json that is there.
    files.replace_entry(folder / NEXT_TENSORS, tensors)
    files.replace_entry(folder / CONFIG, config)
    files.rename(folder / NEXT_TENSORS, folder / TENSORS)


def load_artifact(path: str | os.PathLike[str]) -> Artifact:
    """Read a model that `save_artifact` wrote; other files in its folder are ignored.

    Raises:
        ArtifactError: there is none that may be read, or it is damaged, changed, beyond the limits
            of this module or of a newer format.
    """
    folder = Path(os.path.realpath(path))
    try:
        for _ in range(_READ_ATTEMPTS - 1):
            config = _read_config(folder)
            try:
                return _load(folder, config)
            except FormatError:
                if _read_config(folder) == config:
                    raise
                # A writer replaced the model meanwhile: read the new one.
        return _load(folder, _read_config(folder))
    except (FormatError, OSError) as error:
        raise ArtifactError(
            f"{os.fspath(path)} is no saved model that can be read: {files.reason(error)}"
        ) from error


def _config(content: dict[str, Any], tensors: bytes) -> bytes:
    if not isinstance(content, dict):
        raise FormatError(f"its content is a {type(content).__name__}, not a dict")
    header = read_header(
        tensors, name=TENSORS, dtypes=TENSOR_DTYPES, max_header_bytes=MAX_HEADER_BYTES
    )
    arrays = {
        name: {"dtype": entry.dtype, "shape": list(entry.shape)}
        for name, entry in sorted(header.entries.items())
    }
    _check_spec(content, arrays)
    document = {
        **identify(FORMAT, FORMAT_VERSION),
        "tensors": {"bytes": len(tensors), "sha256": sha256(tensors), "arrays": arrays},
        "content": content,
    }
    config = seal(dump_document(document))
    if len(config) > MAX_CONFIG_BYTES:
        raise FormatError(
            f"{CONFIG} would have {len(config)} bytes, over {MAX_CONFIG_BYTES}; "
            "a higher min_count makes a vocabulary smaller"
        )
    return config


def _check_spec(content: dict[str, Any], arrays: dict[str, dict[str, Any]]) -> None:
    if "spec" not in content:
        return
    try:
        shapes = spec_from_config(content["spec"]).parameter_shapes()
    except ValueError as error:
        raise FormatError(f"its spec is wrong: {error}") from error
    for name, shape in shapes.items():
        found = arrays.get(name)
        if found is None:
            raise FormatError(f"its spec asks for the parameter {name}, which is missing")
        if found != {"dtype": "F32", "shape": list(shape)}:
            raise FormatError(
                f"its spec asks for the parameter {name} as F32 {list(shape)}, and "
                f"{found['dtype']} {found['shape']} is there"
            )


def _read_config(folder: Path) -> bytes:
    try:
        return _read(folder / CONFIG, MAX_CONFIG_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not folder.exists():
            raise FormatError("there is nothing at this path") from error
        if not folder.is_dir():
            raise FormatError("it is a file, and a model is a folder") from error
        raise FormatError(f"it holds no {CONFIG}") from error


def _read(path: Path, limit: int) -> bytes:
    try:
        return files.read_bounded(path, limit)
    except ValueError as error:
        raise FormatError(str(error)) from error


def _load(folder: Path, config: bytes) -> Artifact:
    document = parse_document(config, CONFIG)
    check_identity(document, FORMAT, FORMAT_VERSION)
    check_seal(document, config)
    if set(document) != _KEYS:
        odd = min(set(document) ^ _KEYS)
        raise FormatError(f"{CONFIG} lacks or should not have the key {odd!r:.60}")
    content, claim = document["content"], document["tensors"]
    if not isinstance(content, dict):
        raise FormatError(f"the content of {CONFIG} is not an object")
    if not isinstance(claim, dict) or set(claim) != {"bytes", "sha256", "arrays"}:
        raise FormatError(f"the tensors of {CONFIG} need bytes, sha256 and arrays")
    data = _read_tensors(folder, claim)
    header = read_header(
        data, name=TENSORS, dtypes=TENSOR_DTYPES, max_header_bytes=MAX_HEADER_BYTES
    )
    arrays = {
        name: {"dtype": entry.dtype, "shape": list(entry.shape)}
        for name, entry in header.entries.items()
    }
    if arrays != claim["arrays"]:
        raise FormatError(f"the arrays of {TENSORS} are not those that {CONFIG} lists")
    _check_spec(content, arrays)
    return Artifact(content, unpack(data, header, name=TENSORS, finite=True))


def _read_tensors(folder: Path, claim: dict[str, Any]) -> bytes:
    problem = f"{TENSORS} is missing"
    # The first name once more: a writer may rename the second to it between the two looks.
    for name in (TENSORS, NEXT_TENSORS, TENSORS):
        path = folder / name
        try:
            size = path.stat().st_size
            if size != claim["bytes"]:
                if name == TENSORS:
                    problem = f"{TENSORS} has {size} bytes, {CONFIG} says {claim['bytes']!r:.60}"
                continue
            data = _read(path, MAX_TENSORS_BYTES)
        except FileNotFoundError:
            continue
        if sha256(data) == claim["sha256"]:
            return data
        if name == TENSORS:
            problem = f"the checksum of {TENSORS} does not fit: it was damaged or changed"
    raise FormatError(problem)


def _check_replaceable(folder: Path) -> None:
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is a file; the model needs a folder of its own")
    names = sorted(os.listdir(folder))
    for name in (CONFIG, TENSORS, NEXT_TENSORS):
        if (folder / name).is_dir():
            raise ArtifactError(f"{folder} holds a folder {name}; save to a new path")
    foreign = [name for name in names if name != NEXT_TENSORS and not files.is_part(name)]
    if not foreign:
        return
    if CONFIG not in names:
        raise ArtifactError(
            f"{folder} holds {foreign[0]!r} and no saved model; "
            "save to a new path or an empty folder"
        )
    try:
        check_identity(parse_document(_read_config(folder), CONFIG), FORMAT, FORMAT_VERSION)
    except FormatError as error:
        raise ArtifactError(
            f"{folder} is not replaced, because it holds a {CONFIG} of something else: {error}"
        ) from error


def _finish_interrupted(folder: Path) -> None:
    # A writer that stopped behind its last but one step left the only fitting tensors under the
    # second name, which the next writer is about to use.
    if not (folder / NEXT_TENSORS).exists() or not (folder / CONFIG).exists():
        return
    claim = parse_document(_read_config(folder), CONFIG).get("tensors")
    wanted = claim.get("sha256") if isinstance(claim, dict) else None
    if (folder / TENSORS).exists() and _sum(folder / TENSORS) == wanted:
        return
    if _sum(folder / NEXT_TENSORS) == wanted:
        files.rename(folder / NEXT_TENSORS, folder / TENSORS)


def _sum(path: Path) -> str:
    return sha256(_read(path, MAX_TENSORS_BYTES))
