"""Text files of any size, plain or gzipped (`.gz`): their bytes, their characters, their lines."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

# Characters of a line that is read by itself; a longer one is no line of words and labels.
LONGEST_LINE = 2**24


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The path of a file that is there.

    Raises:
        FileNotFoundError: it is not.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file} is not a file.")
    return file


def byte_blocks(file: Path, size: int) -> Iterator[bytes]:
    """The bytes of a file in blocks of `size`, unpacked where its name ends in .gz.

    Raises:
        ValueError: it is no whole gzip file.
    """
    packed = file.suffix.lower() == ".gz"
    with gzip.open(file, "rb") if packed else file.open("rb") as stream:
        while True:
            try:
                block = stream.read(size)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise ValueError(f"{file} is no whole gzip file: {error}.") from error
            if not block:
                return
            yield block


def character_blocks(
    file: Path, size: int, encoding: str = "utf-8", *, as_is: bool = False
) -> Iterator[str]:
    r"""The characters of a file in blocks of about `size`, with every line end as "\n".

    A byte order mark of UTF-8 is left out. Both stay as they stand where `as_is` says so.

    Raises:
        ValueError: the file is no text in this encoding, or there is no such encoding.
    """
    decoder = _decoder(encoding, with_mark=as_is)
    line_ends = io.IncrementalNewlineDecoder(None, translate=not as_is)
    num_bytes, num_lines = 0, 1
    for block in _and_end(byte_blocks(file, size)):
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            # What was decoded last ends where the block ends.
            line = num_lines + error.object[: error.start].count(b"\n")
            place = num_bytes + len(block) - len(error.object) + error.start
            raise ValueError(
                f"{file} is no {encoding} text: byte {place} of the file, in line {line}, cannot "
                f"be decoded ({error.reason}); rewrite it as UTF-8, with iconv for example."
            ) from error
        num_bytes += len(block)
        num_lines += text.count("\n")
        yield line_ends.decode(text, final=not block)


def lines(path: str | os.PathLike[str], encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of each line of a file, without its line end.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text in this encoding, is empty, or a line is longer than 16 million
            characters.
    """
    file = existing_file(path)
    held, number = "", 0
    for block in character_blocks(file, 2**18, encoding):
        *whole, held = (held + block).split("\n")
        for line in whole:
            number += 1
            yield number, line
        if len(held) > LONGEST_LINE:
            raise ValueError(
                f"{file} line {number + 1} has more than {LONGEST_LINE} characters; it is no file "
                f"of this kind."
            )
    if held:
        number += 1
        yield number, held
    if number == 0:
        raise ValueError(f"{file} is empty.")


def _and_end(blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield from blocks
    yield b""


def _decoder(encoding: str, *, with_mark: bool) -> codecs.IncrementalDecoder:
    try:
        name = codecs.lookup(encoding).name
        without = name == "utf-8" and not with_mark
        return codecs.getincrementaldecoder("utf-8-sig" if without else name)()
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is not known to Python.") from error
