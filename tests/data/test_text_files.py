"""Texts and files of any size to one row of tokens."""

from __future__ import annotations

import gc
import gzip
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import Corpus, encode_corpus, text_files, text_pieces
from unrolled.data.text_files import as_sources, source_pieces
from unrolled.runtime.vocabulary import Vocabulary

LETTERS = st.text("ab1. \n\t日é", max_size=120)


@pytest.fixture(scope="module")
def play(data_folder: Callable[[str], Path]) -> Path:
    return data_folder("tinyshakespeare") / "input.txt"


@given(LETTERS, st.integers(1, 30), st.booleans())
def test_the_pieces_are_the_text(text: str, piece: int, anywhere: bool) -> None:
    parts = list(source_pieces(text, piece=piece, anywhere=anywhere))
    assert "".join(parts) == text
    for part, following in pairwise(parts):
        at_line, at_blank = part.endswith("\n"), following[0].isspace() and not part[-1].isspace()
        assert at_line or at_blank or (anywhere and len(part) >= piece)
    if anywhere:
        assert max(map(len, parts), default=0) < 2 * piece + 1


@given(LETTERS, st.integers(1, 30))
def test_the_pieces_have_the_symbols_of_the_text(text: str, piece: int) -> None:
    for unit in ("word", "token", "character"):
        splitter = Vocabulary(("<unk>",), unit, False, lines=True)
        parts = source_pieces(text, piece=piece, anywhere=unit == "character")
        assert [s for part in parts for s in splitter.split(part)] == splitter.split(text)


def test_pieces_by_hand() -> None:
    assert list(source_pieces("a b\nc d\ne f", piece=8)) == ["a b\nc d\n", "e f"]
    assert list(source_pieces("aaa bbb ccc", piece=5)) == ["aaa", " bbb", " ccc"]
    assert list(source_pieces("a" * 20, piece=6)) == ["a" * 20]
    assert list(source_pieces("a" * 20, piece=6, anywhere=True)) == ["a" * 6] * 3 + ["aa"]


@pytest.mark.parametrize("piece", [1, 10, 1000, 2**20])
def test_files_in_pieces(tmp_path: Path, piece: int) -> None:
    text = "the naïve 日本 cat\nsat. " * 100
    (tmp_path / "a.txt").write_text(text, encoding="utf-8", newline="\r\n")
    (tmp_path / "b.gz").write_bytes(gzip.compress(text.encode("latin-1", "ignore")))
    files = [tmp_path / "a.txt", str(tmp_path / "a.txt")]
    assert "".join(text_pieces(files, piece=piece)) == text * 2
    packed = text_pieces(tmp_path / "b.gz", piece=piece, encoding="latin-1")
    assert "".join(packed) == text.replace("日本", "")


def test_several_texts_are_bounded_by_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("b a\n")
    known = Vocabulary.fit(["a b b c c c"], end=True)
    assert known.symbols == ("<unk>", "<end>", "c", "b", "a")
    corpus = encode_corpus(["a b", tmp_path / "a.txt", "d"], known)
    assert isinstance(corpus, Corpus)
    assert corpus.tokens.tolist() == [1, 4, 3, 1, 3, 4, 1, 0, 1]
    assert corpus.tokens.dtype == np.uint8
    assert (len(corpus), corpus.num_texts, corpus.num_characters) == (9, 3, 8)
    assert corpus.ends.dtype == np.int64
    assert corpus.tokens[corpus.ends].tolist() == [1, 1, 1]
    assert corpus.ends[0] == 3
    for one in ("a b", ["a b"]):
        assert encode_corpus(one, known).tokens.tolist() == [1, 4, 3]
    assert encode_corpus(tmp_path / "a.txt", known).tokens.tolist() == [1, 3, 4]
    assert encode_corpus(["a", "b"], known).tokens.tolist() == [1, 4, 1, 3, 1]
    without = Vocabulary.fit(["a b b"])
    assert encode_corpus(["a b", "b"], without).tokens.tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("symbols", "dtype"), [(256, np.uint8), (257, np.uint16), (70_000, np.uint32)]
)
def test_the_smallest_dtype(symbols: int, dtype: type) -> None:
    known = Vocabulary(("<unk>", *(f"w{i}" for i in range(1, symbols))), "word", False)
    corpus = encode_corpus(f"w1 w{symbols - 1}", known)
    assert corpus.tokens.dtype == dtype
    assert corpus.tokens.tolist() == [1, symbols - 1]


@pytest.mark.parametrize("in_memory", [0, 100, 2000])
def test_a_large_corpus_is_a_map_over_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(text_files.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(text_files, "PIECE", 50)
    text = "the cat sat\n" * 80
    known = Vocabulary.fit([text], unit="character", end=True)
    inside = encode_corpus([text, "cat"], known)
    outside = encode_corpus([text, "cat"], known, in_memory=in_memory)
    np.testing.assert_array_equal(outside.tokens, inside.tokens)
    assert type(inside.tokens) is np.ndarray
    assert isinstance(outside.tokens, np.memmap) == (in_memory < 966)
    assert list(tmp_path.iterdir()) == []


def test_memory_is_that_of_a_piece(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with file.open("w") as stream:
        for _ in range(80):
            stream.write("the cat sat on the mat, and so on.\n" * 3000)
    known = Vocabulary.fit(text_pieces(file), unit="character")
    tracemalloc.start()
    corpus = encode_corpus(file, known, in_memory=2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(corpus) == file.stat().st_size > 8_000_000
    # A piece, its 4 bytes and its 8 bytes a character, and what is not yet written.
    assert peak < 26 * 2**20


def test_a_play(play: Path) -> None:
    text = play.read_text(encoding="utf-8")
    known = Vocabulary.fit(text_pieces(play), unit="character")
    assert len(known) == 66
    corpus = encode_corpus(play, known)
    assert known.decode(corpus.tokens) == text
    words = Vocabulary.fit(text_pieces(play), lines=True)
    assert words == Vocabulary.fit([text], lines=True)
    np.testing.assert_array_equal(encode_corpus(play, words).tokens, words.encode(text))


def test_errors(tmp_path: Path) -> None:
    known = Vocabulary.fit(["a"], end=True)
    empty, blank, bad = tmp_path / "empty.txt", tmp_path / "blank.txt", tmp_path / "bad.txt"
    empty.write_bytes(b"")
    blank.write_bytes(b" \n ")
    bad.write_bytes(b"a\n\xff")
    with pytest.raises(ValueError, match=r"empty\.txt is empty; leave it out\.$"):
        list(text_pieces([bad, empty], encoding="latin-1"))
    with pytest.raises(ValueError, match=r"blank\.txt has no word; leave it out\.$"):
        encode_corpus(["a", blank], known)
    with pytest.raises(ValueError, match=r"^sources\[1\] has no word; leave it out\.$"):
        encode_corpus(["a", ""], known)
    with pytest.raises(ValueError, match=r"bad\.txt is no utf-8 text: byte 2 .* line 2"):
        encode_corpus(bad, known)
    with pytest.raises(ValueError, match=r"^sources is empty"):
        encode_corpus([], known)
    with pytest.raises(TypeError, match=r"^sources\[1\] must be a text \(str\) or a file"):
        as_sources(["a", 3])  # type: ignore[list-item]
    # Before anything is read:
    with pytest.raises(FileNotFoundError, match=r"none\.txt is not a file\.$"):
        text_pieces(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match=r"none\.txt is not a file\.$"):
        source_pieces(["a", tmp_path / "none.txt"])
    with pytest.raises(ValueError, match="piece must be at least 1"):
        text_pieces(bad, piece=0)


def test_the_file_is_closed_where_a_later_text_is_refused() -> None:
    known = Vocabulary.fit(["a"])
    with pytest.raises(ValueError, match=r"^sources\[1\] has no word"):
        encode_corpus(["a a a", ""], known, in_memory=1)
    gc.collect()


def test_what_else_numbers_symbols_is_taken() -> None:
    class Bytes:
        unit = "byte"
        end = False

        def __len__(self) -> int:
            return 256

        def encode(self, text: str) -> Any:
            return np.frombuffer(text.encode(), np.uint8).astype(np.int64)

    assert encode_corpus("ab", Bytes()).tokens.tolist() == [97, 98]
