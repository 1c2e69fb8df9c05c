"""Word vectors that others have trained, from a text file or an .npz, for the symbols at hand."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from unrolled.data.open_files import existing_file, lines

# Numbers of a vector; a file that says more is no file of word vectors.
MAX_SIZE = 2**16

_DAMAGED = (
    *(ValueError, OSError, EOFError, KeyError, zlib.error),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError),
)

Found = tuple[NDArray[np.float32], NDArray[np.bool_]]


def read_vectors(path: str | os.PathLike[str], symbols: Sequence[str]) -> Found:
    """The vectors of V symbols, such as `vocabulary.symbols`, that a file holds.

    A text file has a line for each word, `word 0.1 -0.2 ...`, with blanks or tabs between, as
    GloVe's have and word2vec's and fastText's in text form, whose first line gives the number of
    words and of numbers; .gz is unpacked. It is read line by line, so that only the vectors of the
    symbols are in memory. An .npz file has the arrays `words` [W] of strings and `vectors` [W, E].
    Of a word that comes twice the first vector counts. Symbols are looked for as they are written.

    Sources of the text formats: Pennington, Socher and Manning (2014), GloVe: global vectors for
    word representation; https://code.google.com/archive/p/word2vec

    Returns:
        vectors [V, E] float32, zeros for a symbol that the file does not have, and found [V] bool.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not so, with the line; a number is not finite in float32; or none
            of the symbols is in it.
    """
    file = existing_file(path)
    if isinstance(symbols, (str, bytes)):
        raise TypeError("symbols is a single string; a list of strings is needed.")
    places = {symbol: i for i, symbol in enumerate(symbols)}
    if len(places) != len(symbols):
        raise ValueError("symbols holds a symbol twice; each is needed once.")
    read = _read_npz if file.suffix.lower() == ".npz" else _read_text
    vectors, found = read(file, places)
    if not found.any():
        raise ValueError(
            f"{file} has none of the {len(symbols)} symbols; are they lower-cased, or cut in "
            f"another way?"
        )
    return vectors, found


def _read_text(file: Path, places: dict[str, int]) -> Found:
    separator, size, line_of_size = " ", 0, 0
    vectors = np.zeros((0, 0), np.float32)
    found = np.zeros(len(places), np.bool_)
    for number, line in lines(file):
        if not size:
            separator = "\t" if "\t" in line and " " not in line.strip() else " "
            size, is_header = _size(file, number, line.rstrip().split(separator))
            line_of_size = number
            vectors = np.zeros((len(places), size), np.float32)
            if is_header:
                continue
        line = line.rstrip()
        more = line.count(separator) - size
        if more < 0:
            raise ValueError(
                f"{file} line {number} has {size + more} numbers after its word, where line "
                f"{line_of_size} says {size}."
            )
        # A word may hold blanks, as some of GloVe do.
        word = line.split(separator, 1)[0] if more == 0 else line.rsplit(separator, size)[0]
        place = places.get(word)
        if place is not None and not found[place]:
            vectors[place] = _vector(file, number, line.rsplit(separator, size)[1:])
            found[place] = True
    return vectors, found


def _size(file: Path, number: int, fields: list[str]) -> tuple[int, bool]:
    """Numbers of a vector, and whether this line only gives it: `400000 300`."""
    is_header = len(fields) == 2 and all(field.isdecimal() for field in fields)
    size = int(fields[1][:20]) if is_header else len(fields) - 1
    if not 1 <= size <= MAX_SIZE:
        raise ValueError(
            f"{file} line {number} gives vectors of {size} numbers; a word and 1 to {MAX_SIZE} "
            f"numbers, with blanks between them, are needed."
        )
    return size, is_header


def _vector(file: Path, number: int, values: list[str]) -> NDArray[np.float64]:
    try:
        vector = np.array(list(map(float, values)))
    except ValueError as error:
        raise ValueError(f"{file} line {number} is no vector: {error}.") from error
    _check_finite(f"{file} line {number}", vector)
    return vector


def _read_npz(file: Path, places: dict[str, int]) -> Found:
    words, vectors = _arrays(file)
    if words.ndim != 1 or words.dtype.kind != "U":
        raise ValueError(
            f"{file}: words is {words.dtype} of shape {list(words.shape)}; [W] strings are needed."
        )
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or len(vectors) != len(words):
        raise ValueError(
            f"{file}: vectors is {vectors.dtype} of shape {list(vectors.shape)}; [{len(words)}, E] "
            f"floating numbers, a row for each of words, are needed."
        )
    if not 1 <= vectors.shape[1] <= MAX_SIZE:
        raise ValueError(
            f"{file}: vectors has rows of {vectors.shape[1]}; 1 to {MAX_SIZE} are needed."
        )
    ours = np.zeros((len(places), vectors.shape[1]), np.float32)
    found = np.zeros(len(places), np.bool_)
    for row, word in enumerate(words.tolist()):
        place = places.get(word)
        if place is not None and not found[place]:
            _check_finite(f"{file}: row {row} of vectors", vectors[row])
            ours[place] = vectors[row]
            found[place] = True
    return ours, found


def _arrays(file: Path) -> list[NDArray[Any]]:
    try:
        with zipfile.ZipFile(file) as held:
            arrays = []
            for name in ("words.npy", "vectors.npy"):
                with held.open(name) as member:
                    arrays.append(read_array(member, allow_pickle=False))
            return arrays
    except _DAMAGED as error:
        reason = str(error.args[0] if error.args else error).split("\n")[0].rstrip(".")
        raise ValueError(
            f"{file} cannot be read as an .npz of the arrays words, of strings, and vectors: "
            f"{reason}."
        ) from error


def _check_finite(where: str, vector: NDArray[np.floating[Any]]) -> None:
    if not (np.abs(vector) <= np.finfo(np.float32).max).all():
        raise ValueError(f"{where} holds a number that is not finite in float32.")
