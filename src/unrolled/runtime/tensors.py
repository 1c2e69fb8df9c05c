"""Named arrays as safetensors bytes, with every claim of a file checked before it is believed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from unrolled.runtime.documents import FormatError, parse_document

MAX_TENSORS = 4096
MAX_DIMENSIONS = 8
DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
}

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}")
_LENGTH_BYTES = 8
_METADATA = "__metadata__"


@dataclass(frozen=True)
class Entry:
    """What a file says of one array; `start` and `stop` are byte offsets behind the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Header:
    """The checked head of a safetensors file; `size` is its bytes, length field included."""

    metadata: dict[str, str]
    entries: dict[str, Entry]
    size: int


def pack(
    arrays: Mapping[str, NDArray[Any]],
    *,
    dtypes: tuple[str, ...],
    finite: bool,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """Named arrays of any memory order as the bytes of a safetensors file.

    Args:
        arrays: the arrays by name.
        dtypes: the types that are allowed, keys of DTYPES.
        finite: NaN and infinity are refused.
        metadata: texts to keep in the header.

    Raises:
        FormatError: an array or a name is not allowed; the message names it.
    """
    if len(arrays) > MAX_TENSORS:
        raise FormatError(f"{len(arrays)} arrays came; at most {MAX_TENSORS} can be written")
    whole: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        _check_name(name)
        if not isinstance(array, np.ndarray):
            raise FormatError(f"{name} is a {type(array).__name__}, not an array")
        if array.dtype.name not in {DTYPES[dtype].name for dtype in dtypes}:
            raise FormatError(
                f"{name} is of type {array.dtype}; "
                f"{', '.join(DTYPES[dtype].name for dtype in dtypes)} can be written"
            )
        if array.ndim > MAX_DIMENSIONS:
            raise FormatError(f"{name} has {array.ndim} dimensions; at most {MAX_DIMENSIONS}")
        if finite:
            _check_finite(name, array)
        whole[name] = np.asarray(array, order="C")
    return save(whole, metadata)


def read_header(
    data: bytes, *, name: str, dtypes: tuple[str, ...], max_header_bytes: int
) -> Header:
    """The head of a safetensors file, after every size in it has been checked against `data`.

    No array is made.

    Raises:
        FormatError: the file is not whole, breaks the format or goes beyond a limit; the message
            starts with `name`.
    """
    if len(data) < _LENGTH_BYTES:
        raise FormatError(f"{name} is cut short: it has {len(data)} bytes")
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > max_header_bytes:
        raise FormatError(
            f"{name} claims a header of {length} bytes; at most {max_header_bytes} are read"
        )
    size = _LENGTH_BYTES + length
    if size > len(data):
        raise FormatError(
            f"{name} is cut short: it has {len(data)} bytes and its header alone {size}"
        )
    document = parse_document(data[_LENGTH_BYTES:size], f"the header of {name}")
    metadata = document.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError(f"the metadata of {name} is not a mapping of strings")
    if len(document) > MAX_TENSORS:
        raise FormatError(f"{name} holds {len(document)} arrays; at most {MAX_TENSORS} are read")
    entries = {key: _entry(name, key, claim, dtypes) for key, claim in document.items()}
    end = 0
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != end:
            raise FormatError(f"{name} has a hole or an overlap in front of {key}")
        end = entry.stop
    if size + end != len(data):
        problem = "is cut short" if size + end > len(data) else "has bytes that belong to nothing"
        raise FormatError(f"{name} {problem}: {len(data)} bytes are there, {size + end} claimed")
    return Header(metadata, entries, size)


def unpack(data: bytes, header: Header, *, name: str, finite: bool) -> dict[str, NDArray[Any]]:
    """The arrays of a file whose `header` `read_header` gave, in its order; writable.

    Raises:
        FormatError: NaN or infinity is there and `finite` asks for none.
    """
    try:
        found = load(data)
    except SafetensorError as error:
        raise FormatError(f"{name} is refused by safetensors: {error}") from error
    arrays: dict[str, NDArray[Any]] = {}
    for key in header.entries:
        array = found[key]
        if finite:
            _check_finite(key, array)
        arrays[key] = array if array.flags.writeable else array.copy()
    return arrays


def _entry(name: str, key: str, claim: object, dtypes: tuple[str, ...]) -> Entry:
    _check_name(key)
    if not isinstance(claim, dict) or set(claim) != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"{key} in {name} needs dtype, shape and data_offsets")
    dtype, shape, offsets = claim["dtype"], claim["shape"], claim["data_offsets"]
    if not isinstance(dtype, str) or dtype not in dtypes:
        raise FormatError(f"{key} in {name} is of type {dtype!r:.60}; {', '.join(dtypes)} are read")
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise FormatError(f"{key} in {name} has the shape {shape!r:.60}, which is none")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise FormatError(f"{key} in {name} has the data_offsets {offsets!r:.60}, which are none")
    start, stop = offsets
    needed = math.prod(shape) * DTYPES[dtype].itemsize
    if stop - start != needed:
        raise FormatError(
            f"{key} in {name} claims {stop - start} bytes for a shape {shape!r:.60} of {needed}"
        )
    return Entry(dtype, tuple(shape), start, stop)


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and 0 <= v < 2**48 for v in values
    )


def _check_name(name: object) -> None:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None or name == _METADATA:
        raise FormatError(
            f"{name!r:.60} is no array name; 1 to 200 letters, digits and _ . / - can be one"
        )


def _check_finite(name: str, array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        index = np.argwhere(~np.isfinite(array))[0].tolist()
        raise FormatError(f"{name} holds NaN or infinity, first at {index}")
