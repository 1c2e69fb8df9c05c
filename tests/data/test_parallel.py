"""Files of pairs of texts."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from unrolled.data import read_pairs
from unrolled.data.parallel import read_sources


def test_one_file_and_two_files_are_the_same_pairs(tmp_path: Path) -> None:
    pairs = [("ein Haus", "a house"), (" x", "y "), ("é", "ß")]
    table, source, target = (tmp_path / name for name in ("p.tsv", "s.txt.gz", "t.txt"))
    table.write_bytes("".join(f"{a}\t{b}\r\n" for a, b in pairs).encode("utf-8-sig"))
    source.write_bytes(gzip.compress("\n".join(a for a, _ in pairs).encode()))
    target.write_text("".join(f"{b}\n" for _, b in pairs), encoding="utf-8")
    expected = ([a for a, _ in pairs], [b for _, b in pairs])
    assert read_pairs(table) == expected
    assert read_pairs(source, target) == expected
    assert read_sources(table) == read_sources(source) == expected[0]
    (tmp_path / "latin").write_bytes("é\tb\n".encode("latin-1"))
    assert read_pairs(tmp_path / "latin", encoding="latin-1") == (["é"], ["b"])


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ("a\tb\n\n", None, r"a line 2 has no tab between a source and its target; targets in a"),
        ("a\tb\nc\td\te\n", None, r"a line 2 has 2 tabs; one is needed, between a source"),
        ("a\tb\n\tb\n", None, r"a line 2 has an empty source; drop its pair\."),
        ("a\t \n", None, r"a line 1 has an empty target"),
        ("a\nb\n", "c\n", r"a has 2 lines and .*b has 1; each needs a line for each"),
        ("a\nb\n", "c\n\n", r"b line 2 has an empty text"),
    ],
)
def test_what_are_no_pairs(tmp_path: Path, first: str, second: str | None, says: str) -> None:
    (tmp_path / "a").write_text(first)
    if second is not None:
        (tmp_path / "b").write_text(second)
    with pytest.raises(ValueError, match=says):
        read_pairs(tmp_path / "a", None if second is None else tmp_path / "b")
    with pytest.raises(FileNotFoundError, match="gone is not a file"):
        read_pairs(tmp_path / "a", tmp_path / "gone")


def test_a_source_a_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x y\n \tb\n")
    with pytest.raises(ValueError, match="a line 2 has an empty source"):
        read_sources(tmp_path / "a")
