"""Word vectors of others, for the symbols of a vocabulary."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled.data import read_vectors

SYMBOLS = ("<unk>", "the", "Cat", ". .", "cat")
LINES = "the 0.1 -2e-1 3\ndog 1 1 1\n. . 4 5 6\ncat 0 0 0.5\ncat 9 9 9\nthe 9 9 9\n"


def write(path: Path, text: str) -> Path:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.vec.gz"])
@pytest.mark.parametrize(
    "text",
    [
        LINES,
        "6 3\n" + LINES,
        LINES.replace("\n", " \n"),
        LINES.replace("\n", "\r\n").rstrip(),
        LINES.replace(". .", "._.").replace(" ", "\t").replace("._.", ". ."),
    ],
)
def test_text_files(tmp_path: Path, name: str, text: str) -> None:
    vectors, found = read_vectors(write(tmp_path / name, text), SYMBOLS)
    assert vectors.dtype == np.float32
    expected = [[0, 0, 0], [0.1, -0.2, 3], [0, 0, 0], [4, 5, 6], [0, 0, 0.5]]
    np.testing.assert_array_equal(vectors, np.array(expected, np.float32))
    assert found.dtype == np.bool_
    assert found.tolist() == [False, True, False, True, True]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_npz(tmp_path: Path, dtype: type) -> None:
    words = np.array(["the", "dog", "cat", "cat"])
    values = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    vectors, found = read_vectors(npz(tmp_path / "a.npz", words=words, vectors=values), SYMBOLS)
    np.testing.assert_array_equal(vectors[[1, 4]], values[[0, 2]].astype(np.float32))
    assert not vectors[[0, 2, 3]].any()
    assert found.tolist() == [False, True, False, False, True]


def test_memory_is_that_of_the_symbols(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    numbers = " 0.25" * 500
    with file.open("w") as stream:
        for i in range(5000):
            stream.write(f"w{i}{numbers}\n")
    tracemalloc.start()
    vectors, _ = read_vectors(file, ["w7", "w4999"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (vectors == 0.25).all()
    # The file has 12 MB.
    assert peak < 4e6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the 1 2\ncat 1\n", "line 2 has 1 numbers after its word, where line 1 says 2"),
        ("2 2\nthe 1 2\n\n", "line 3 has 0 numbers after its word, where line 1 says 2"),
        ("2 300\nthe 1 2\n", "line 2 has 2 numbers after its word, where line 1 says 300"),
        ("the 1 2\ncat 1 x\n", "line 2 is no vector: could not convert string to float: 'x'"),
        ("the 1 2\ncat 1 nan\n", "line 2 holds a number that is not finite in float32"),
        ("cat 1 -1e39\n", "line 1 holds a number that is not finite in float32"),
        ("word\n", "line 1 gives vectors of 0 numbers"),
        ("2 0\n", "line 1 gives vectors of 0 numbers"),
        ("2 " + "9" * 5000, "line 1 gives vectors of 9999"),
        ("dog 1 2\n", "has none of the 5 symbols; are they lower-cased"),
        ("2 2\n", "has none of the 5 symbols"),
        ("", "is empty"),
    ],
)
def test_damaged_text_files(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read_vectors(write(tmp_path / "a.txt", text), SYMBOLS)
    assert str(error.value).startswith(str(tmp_path / "a.txt"))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


THE, ONE = np.array(["the"]), np.ones((1, 2))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"words": THE}, "There is no item named 'vectors.npy'"),
        ({"words": np.array(["the"], object), "vectors": ONE}, "allow_pickle=False"),
        ({"words": np.array([b"the"]), "vectors": ONE}, r"words is \|S3 of shape \[1\]"),
        ({"words": THE[None], "vectors": ONE}, r"of shape \[1, 1\]; \[W\] strings"),
        ({"words": THE, "vectors": np.ones((2, 2))}, r"of shape \[2, 2\]; \[1, E\] floating"),
        ({"words": THE, "vectors": np.ones((1, 2), int)}, "vectors is int64"),
        ({"words": THE, "vectors": np.ones((1, 0))}, "rows of 0"),
        ({"words": THE, "vectors": ONE * np.nan}, "row 0 of vectors holds a number that is not"),
        ({"words": THE, "vectors": ONE * 1e39}, "row 0 of vectors holds a number that is not"),
        ({"words": np.array(["a"]), "vectors": ONE}, "none of the 5 symbols"),
    ],
)
def test_damaged_npz_files(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read_vectors(npz(tmp_path / "a.npz", **arrays), SYMBOLS)
    assert str(error.value).startswith(str(tmp_path / "a.npz"))
    assert "\n" not in str(error.value)


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    whole = npz(tmp_path / "a.npz", words=THE, vectors=ONE).read_bytes()
    np.save(tmp_path / "one.npy", ONE)
    single = (tmp_path / "one.npy").read_bytes()
    for content in (b"", b"the 1 2", whole[:-40], whole[:60] + b"xx" + whole[62:], single):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read as an") as error:
            read_vectors(tmp_path / "a.npz", SYMBOLS)
        assert "\n" not in str(error.value)


def test_other_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.txt is not a file"):
        read_vectors(tmp_path / "none.txt", SYMBOLS)
    file = write(tmp_path / "a.txt", LINES)
    with pytest.raises(TypeError, match="symbols is a single string"):
        read_vectors(file, "the")
    with pytest.raises(ValueError, match="symbols holds a symbol twice"):
        read_vectors(file, ["the", "the"])
