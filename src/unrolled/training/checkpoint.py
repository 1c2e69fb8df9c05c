"""Checkpoints of a training run: one safetensors file, replaced whole or not at all.

The arrays are its tensors; everything else is one JSON document in its metadata, under the key
"unrolled". The document's SHA-256 covers the whole file. No pickle is read or written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from unrolled.runtime.documents import (
    FormatError,
    check_identity,
    check_seal,
    dump_document,
    identify,
    parse_document,
    seal,
)
from unrolled.runtime.files import read_bounded, reason, write_whole
from unrolled.runtime.tensors import DTYPES, pack, read_header, unpack

FORMAT = "unrolled-checkpoint"
FORMAT_VERSION = 1

MAX_HEADER_BYTES = 64 * 2**20
MAX_FILE_BYTES = 16 * 2**30

_METADATA_KEY = "unrolled"
_KEYS = {"format", "format_version", "written_by", "sha256", "state"}


class CheckpointError(ValueError):
    """A checkpoint cannot be read or written so; the message is one sentence."""


class Checkpoint(NamedTuple):
    """A checkpoint in memory.

    Attributes:
        state: plain data.
        arrays: arrays by name.
    """

    state: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def save_checkpoint(
    path: str | os.PathLike[str], state: dict[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write a checkpoint, replacing an earlier one whole or not at all.

    Args:
        path: the file; folders on the way are made.
        state: plain data (dict with string keys, list, str, finite numbers, None), with at most
            MAX_HEADER_BYTES as JSON.
        arrays: float32, float64, int32, int64, uint8, uint32 or uint64, by name; NaN and infinity
            are kept as they are.

    Raises:
        CheckpointError: something cannot be kept exactly.
        OSError: `path` cannot be written.
    """
    try:
        if not isinstance(state, dict):
            raise FormatError(f"its state is a {type(state).__name__}, not a dict")
        document = dump_document({**identify(FORMAT, FORMAT_VERSION), "state": state})
        data = pack(
            arrays,
            dtypes=tuple(DTYPES),
            finite=False,
            metadata={_METADATA_KEY: document.decode()},
        )
        name = Path(path).name
        header = read_header(
            data, name=name, dtypes=tuple(DTYPES), max_header_bytes=MAX_HEADER_BYTES
        )
        if len(data) > MAX_FILE_BYTES:
            raise FormatError(f"it has {len(data)} bytes, over {MAX_FILE_BYTES}")
    except FormatError as error:
        raise CheckpointError(f"the checkpoint cannot be written: {error}") from error
    rest = memoryview(data)[header.size :]
    write_whole(path, seal(data[: header.size], rest), rest)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read what `save_checkpoint` wrote, to the last bit; the arrays own their memory.

    Raises:
        CheckpointError: there is no checkpoint that may be read, or it is damaged, changed, beyond
            the limits of this module or of a newer format.
    """
    file = Path(path)
    try:
        return _load(file)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {file}") from error
    except (ValueError, OSError) as error:
        raise CheckpointError(
            f"{file} is no checkpoint that can be read: {reason(error)}"
        ) from error


def _load(file: Path) -> Checkpoint:
    data = read_bounded(file, MAX_FILE_BYTES)
    header = read_header(
        data, name=file.name, dtypes=tuple(DTYPES), max_header_bytes=MAX_HEADER_BYTES
    )
    text = header.metadata.get(_METADATA_KEY)
    if text is None or set(header.metadata) != {_METADATA_KEY}:
        raise FormatError("its metadata is not that of a checkpoint of unrolled")
    document = parse_document(text.encode(), "its metadata")
    check_identity(document, FORMAT, FORMAT_VERSION)
    check_seal(document, data[: header.size], memoryview(data)[header.size :])
    if set(document) != _KEYS or not isinstance(document["state"], dict):
        raise FormatError("its metadata lacks the state of a training run")
    return Checkpoint(document["state"], unpack(data, header, name=file.name, finite=False))
