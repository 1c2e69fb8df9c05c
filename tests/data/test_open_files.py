"""Text files block by block and line by line, and what is said of damaged ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from unrolled.data import open_files
from unrolled.data.open_files import byte_blocks, character_blocks, existing_file, lines

TEXT = "naïve 日本\r\nline\rthree\n\nend 😀"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_characters_stay_whole(tmp_path: Path, name: str, size: int, encoding: str) -> None:
    file = write(tmp_path / name, TEXT.encode(encoding))
    expected = TEXT.replace("\r\n", "\n").replace("\r", "\n")
    assert "".join(character_blocks(file, size, encoding)) == expected
    assert b"".join(byte_blocks(file, size)) == TEXT.encode(encoding)


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "\ufeffa".encode())
    assert list(lines(file)) == [(1, "a")]


def test_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "a.txt", TEXT.encode())
    found = [(1, "naïve 日本"), (2, "line"), (3, "three"), (4, ""), (5, "end 😀")]
    assert list(lines(str(file))) == found
    assert list(lines(write(file, b"a\n"))) == [(1, "a")]
    assert list(lines(write(file, b"\n"))) == [(1, "")]
    assert list(lines(write(file, b"a\r"))) == [(1, "a")]
    assert list(character_blocks(write(file, b"a\r"), 2)) == ["a", "\n"]
    many = "".join(f"{i}\n" for i in range(100_000))
    assert [line for _, line in lines(write(file, many.encode()))] == many.split("\n")[:-1]
    with pytest.raises(ValueError, match=r"a\.txt is empty\.$"):
        list(lines(write(file, b"")))
    monkeypatch.setattr(open_files, "LONGEST_LINE", 10)
    with pytest.raises(ValueError, match="line 2 has more than 10 characters"):
        list(lines(write(file, b"a\n" + b"b" * 11)))


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"ab\nc\xff\nd", "byte 4 of the file, in line 2,"),
        ("日本\n".encode() + b"\xe6\x97", "byte 7 of the file, in line 2,"),
        (b"\xef\xbb\xbfa\xe6b", "byte 4 of the file, in line 1,"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, place: str, size: int) -> None:
    file = write(tmp_path / "a.txt", content)
    with pytest.raises(ValueError, match=rf"a\.txt is no utf-8 text: {place} cannot") as error:
        list(character_blocks(file, size))
    assert "\n" not in str(error.value)


def test_damaged_gzip_files(tmp_path: Path) -> None:
    file = tmp_path / "a.gz"
    whole = gzip.compress(TEXT.encode() * 100)
    for content in (b"no gzip", whole[:-20], whole[:40] + b"\0\0\0\0\0" + whole[45:]):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.gz is no whole gzip file: ") as error:
            list(byte_blocks(file, 50))
        assert "\n" not in str(error.value)


def test_other_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a file"):
        existing_file(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.txt is not a file\.$"):
        next(lines(tmp_path / "none.txt"))
    file = write(tmp_path / "a.txt", b"a")
    with pytest.raises(ValueError, match=r"^encoding='utf-99' is not known to Python\.$"):
        list(character_blocks(file, 10, "utf-99"))
