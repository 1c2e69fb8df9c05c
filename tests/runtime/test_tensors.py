from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from unrolled.runtime import tensors
from unrolled.runtime.documents import FormatError
from unrolled.runtime.tensors import DTYPES, Header, pack, read_header, unpack

ALL = tuple(DTYPES)


def head(data: bytes, dtypes: tuple[str, ...] = ALL, limit: int = 10_000) -> Header:
    return read_header(data, name="it", dtypes=dtypes, max_header_bytes=limit)


def some_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name.lower(): rng.integers(0, 200, (2, 3, 4)).astype(dtype)
        for name, dtype in DTYPES.items()
    }


def test_arrays_come_back_with_every_bit() -> None:
    arrays = some_arrays() | {
        "zero": np.zeros((0, 3), np.float32),
        "scalar": np.array(1.5),
        "nan": np.array([np.nan, -np.inf, -0.0], np.float32),
    }
    data = pack(arrays, dtypes=ALL, finite=False, metadata={"k": "v"})
    header = head(data)
    assert header.metadata == {"k": "v"}
    again = unpack(data, header, name="it", finite=False)
    assert set(again) == set(arrays)
    for name, array in arrays.items():
        assert again[name].dtype == array.dtype
        assert again[name].shape == array.shape
        assert again[name].tobytes() == array.tobytes()
        assert again[name].flags.writeable


@pytest.mark.parametrize("change", [np.asfortranarray, np.transpose, lambda a: a[::2, ::-1]])
def test_any_memory_order_is_packed(change: Any) -> None:
    array = change(np.random.default_rng(1).normal(size=(4, 6)))
    assert not array.flags.c_contiguous
    data = pack({"a": array}, dtypes=ALL, finite=True)
    np.testing.assert_array_equal(unpack(data, head(data), name="it", finite=True)["a"], array)


def test_foreign_byte_order_is_packed() -> None:
    array = np.arange(5, dtype=">f4")
    data = pack({"a": array}, dtypes=("F32",), finite=True)
    again = unpack(data, head(data), name="it", finite=True)["a"]
    np.testing.assert_array_equal(again, array)
    assert again.dtype == np.float32


def test_the_same_arrays_give_the_same_bytes() -> None:
    arrays = some_arrays()
    backwards = dict(reversed(arrays.items()))
    assert pack(arrays, dtypes=ALL, finite=True) == pack(backwards, dtypes=ALL, finite=True)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": [1.0]}, "a is a list"),
        ({"a": np.float32(1)}, "a is a float32"),
        ({"a": np.zeros(1, np.int32)}, "a is of type int32; float32, int64 can"),
        ({"a": np.zeros(1, np.complex64)}, "complex64"),
        ({"a": np.array([None])}, "object"),
        ({"a": np.zeros(1, bool)}, "bool"),
        ({"a": np.zeros((1,) * 9, np.float32)}, "9 dimensions"),
        ({"a": np.array([[0, 1], [np.nan, 0]], np.float32)}, r"a holds NaN.* \[1, 0\]"),
        ({"a": np.array([np.inf], np.float32)}, "infinity"),
        ({"": np.zeros(1, np.float32)}, "no array name"),
        ({"__metadata__": np.zeros(1, np.float32)}, "no array name"),
        ({"a b": np.zeros(1, np.float32)}, "'a b' is no array name"),
        ({"a" * 201: np.zeros(1, np.float32)}, "no array name"),
        ({"a\n": np.zeros(1, np.float32)}, "no array name"),
        ({3: np.zeros(1, np.float32)}, "3 is no array name"),
    ],
)
def test_pack_refuses(arrays: Any, said: str) -> None:
    with pytest.raises(FormatError, match=said) as error:
        pack(arrays, dtypes=("F32", "I64"), finite=True)
    assert "\n" not in str(error.value)


def test_pack_refuses_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = some_arrays()
    data = pack(arrays, dtypes=ALL, finite=True)
    monkeypatch.setattr(tensors, "MAX_TENSORS", 6)
    with pytest.raises(FormatError, match="7 arrays"):
        pack(arrays, dtypes=ALL, finite=True)
    with pytest.raises(FormatError, match="7 arrays"):
        head(data)


def test_unpack_refuses_nan_where_none_may_be() -> None:
    data = pack({"a": np.array([0, np.nan])}, dtypes=ALL, finite=False)
    with pytest.raises(FormatError, match="a holds NaN"):
        unpack(data, head(data), name="it", finite=True)


def file(header: Any, body: bytes = bytes(8), length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + body


def claim(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_the_plain_file_of_the_cases_below_is_read() -> None:
    assert head(file({"a": claim()})).entries["a"].shape == (2,)


HUGE = 2**63


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut short: it has 0 bytes"),
        (b"1234567", "cut short"),
        (bytes(8), "not JSON"),
        (file({"a": claim()}, length=2**64 - 1), f"claims a header of {2**64 - 1}"),
        (file({"a": claim()}, length=10_001), "at most 10000"),
        (file({"a": claim()}, length=9_999), "cut short"),
        (file({"a": claim()}, length=20), "not JSON"),
        (file(b"[]"), "list"),
        (file(b'{"a": {}, "a": {}}'), "'a' twice"),
        (file(b'{"a": NaN}'), "NaN"),
        (file(b'{"a": ' + b"[" * 500), "levels"),
        (file({"__metadata__": 3}), "metadata"),
        (file({"__metadata__": {"a": 3}}), "metadata"),
        (file({"a": 3}), "needs dtype"),
        (file({"a": {**claim(), "more": 1}}), "needs dtype"),
        (file({"a": {"dtype": "F32", "shape": [2]}}), "needs dtype"),
        (file({"../a": claim()}), "no array name"),
        (file({"a": claim(dtype="F16", offsets=(0, 4))}), "'F16'"),
        (file({"a": claim(dtype="BOOL")}), "'BOOL'"),
        (file({"a": claim(dtype="f32")}), "'f32'"),
        (file({"a": claim(dtype=["F32"])}), "of type"),
        (file({"a": claim(shape=2)}), "shape"),
        (file({"a": claim(shape=[2.0])}), "shape"),
        (file({"a": claim(shape=[True, 2])}), "shape"),
        (file({"a": claim(shape=[-1, -2])}), "shape"),
        (file({"a": claim(shape=[HUGE])}), "shape"),
        (file({"a": claim(shape=[2] + [1] * 8)}), "shape"),
        (file({"a": claim(shape=[2**40, 2**40])}), "claims 8 bytes"),
        (file({"a": claim(shape=[2**32, 2**32, 0])}), "claims 8 bytes"),
        (file({"a": claim(shape=[3])}), "claims 8 bytes"),
        (file({"a": claim(offsets=[0])}), "data_offsets"),
        (file({"a": claim(offsets=[0, HUGE])}), "data_offsets"),
        (file({"a": claim(offsets=[8, 0])}), "claims -8 bytes"),
        (file({"a": claim(offsets=[-8, 0])}), "data_offsets"),
        (file({"a": claim(shape=[2**46], offsets=[0, 2**48 - 1])}), "claims"),
        (file({"a": claim(shape=[2**45], offsets=[0, 2**47])}), "cut short"),
        (file({"a": claim(offsets=[4, 12])}, bytes(12)), "hole or an overlap"),
        (file({"a": claim(), "b": claim()}), "hole or an overlap"),
        (file({"a": claim(), "b": claim(offsets=[4, 12])}, bytes(12)), "hole or an overlap"),
        (file({"a": claim()}, bytes(7)), "cut short"),
        (file({"a": claim()}, bytes(9)), "belong to nothing"),
        (file({}), "belong to nothing"),
    ],
)
def test_read_header_refuses(data: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said) as error:
        head(data)
    assert "it" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
