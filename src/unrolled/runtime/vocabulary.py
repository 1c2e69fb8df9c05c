"""Numbering of the symbols of texts: words, characters, or tokens between white space."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.config_checks import (
    check_flag,
    check_keys,
    check_symbol,
    shown,
    whole_number,
)

UNKNOWN = "<unk>"
END = "<end>"
UNITS = ("word", "character", "token")
MAX_SYMBOLS = 4_000_000

_PIECE = re.compile(r"\w+|[^\w\s]")
_PIECE_OR_LINE = re.compile(r"\w+|[^\w\s]|\n")
_TOKEN_OR_LINE = re.compile(r"\S+|\n")
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Vocabulary:
    """Numbers the symbols of texts; whatever it has not seen is symbol 0, `<unk>`.

    Attributes:
        symbols: index 0 is `<unk>`; no symbol twice.
        unit: "word", "character" or "token", see `split`.
        lowercase: texts are lower-cased before they are split.
        lines: for words and tokens, a line end is a symbol of its own, and not only white space;
            for characters it is one in any case.
        end: symbol 1 is `<end>`, the boundary between two texts, which `encode` never gives.

    Raises:
        ValueError: the arguments are not so.
    """

    symbols: tuple[str, ...]
    unit: str
    lowercase: bool
    lines: bool = False
    end: bool = False
    _index: dict[str, int] = field(init=False, repr=False, compare=False)
    # [greatest code point + 2] the number of each character, 0 for the last: all beyond.
    _codes: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f'unit needs "word", "character" or "token", not {shown(self.unit)}.')
        for name in ("lowercase", "lines", "end"):
            check_flag(name, getattr(self, name))
        if not 1 <= len(self.symbols) <= MAX_SYMBOLS:
            raise ValueError(
                f"a vocabulary of {len(self.symbols)} symbols came; 1 to {MAX_SYMBOLS} are "
                "possible, which a higher min_count brings about"
            )
        special = _special(self.end)
        for i, name in enumerate(special):
            if self.symbols[i : i + 1] != (name,):
                came = shown(self.symbols[i]) if i < len(self.symbols) else "left out"
                raise ValueError(f'symbol {i} of a vocabulary needs to be "{name}", not {came}.')
        for i in range(len(special), len(self.symbols)):
            self._check_symbol(i)
        index = {self.symbols[i]: i for i in range(len(self.symbols))}
        if len(index) != len(self.symbols):
            twice = next(s for i, s in enumerate(self.symbols) if index[s] != i)
            raise ValueError(f"the vocabulary holds the symbol {shown(twice)} twice")
        for name in special:
            del index[name]
        object.__setattr__(self, "_index", index)
        letters = index if self.unit == "character" else {}
        codes = np.zeros(max(map(ord, letters), default=0) + 2, np.int64)
        codes[[ord(letter) for letter in letters]] = list(letters.values())
        object.__setattr__(self, "_codes", codes)

    def _check_symbol(self, i: int) -> None:
        what, symbol = f"symbol {i} of the vocabulary", self.symbols[i]
        check_symbol(what, symbol)
        if self.unit == "character" and len(symbol) != 1:
            raise ValueError(f"{what} is {shown(symbol)}; one character is needed")
        line = self.lines and symbol == "\n"
        if self.unit == "token" and symbol.split() != [symbol] and not line:
            raise ValueError(f"{what} is {shown(symbol)}; no white space is possible in a token")

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def fit(
        cls,
        texts: Iterable[str],
        unit: str = "word",
        min_count: int = 1,
        max_size: int | None = None,
        lowercase: bool = False,
        lines: bool = False,
        end: bool = False,
    ) -> Vocabulary:
        """Number the symbols of texts by falling count, equal counts in alphabetic order.

        Args:
            texts: the texts to count in, or pieces of them that end where a symbol does; they are
                gone through once, and only counts are kept.
            unit: "word", "character" or "token", see `split`.
            min_count: rarer symbols are left to `<unk>`.
            max_size: greatest length of the vocabulary, `<unk>` and `<end>` counted; None sets no
                bound.
            lowercase: lower-case texts before they are split.
            lines: for words and tokens, make a line end a symbol of its own.
            end: have the symbol `<end>`.

        Raises:
            TypeError: `texts` is no collection of strings.
            ValueError: no symbol is left, or an argument is not so.
        """
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts is a single string; a list of strings is needed")
        check_flag("end", end)
        special = _special(end)
        splitter = cls(special, unit, lowercase, lines, end)
        least = whole_number("min_count", min_count, least=1)
        if max_size is not None:
            max_size = whole_number("max_size", max_size, least=len(special) + 1)
        counts: Counter[str] = Counter()
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"texts[{i}] is {shown(text)}; a string is needed")
            counts.update(splitter.split(text))
        for name in special:
            del counts[name]
        kept = [symbol for symbol, count in counts.items() if count >= least]
        if not kept:
            raise ValueError(
                f"no {unit} of texts occurs {least} times; lower min_count or add texts"
            )
        kept.sort(key=lambda symbol: (-counts[symbol], symbol))
        return cls((*special, *kept)[:max_size], unit, lowercase, lines, end)

    def split(self, text: str) -> list[str]:
        """The symbols of one text, lower-cased first if `lowercase` is set.

        Unit "character": every character, white space too. Unit "token": what stands between white
        space, as in texts that are cut into tokens already. Unit "word": the runs of letters,
        digits and underscores (of any script, with their combining marks), and every other
        character that is no white space as a symbol of its own: `"Don't go."` gives
        `Don ' t go .`. For words and tokens, white space only separates, but for the line ends if
        `lines` is set.
        """
        text = text.lower() if self.lowercase else text
        if self.unit == "character":
            return list(text)
        if self.unit == "token":
            return _TOKEN_OR_LINE.findall(text) if self.lines else text.split()
        pattern = _PIECE_OR_LINE if self.lines else _PIECE
        return pattern.findall(text) if text.isascii() else _words_with_marks(text, pattern)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Symbol numbers of one text, [T] int64, 0 for what is unknown; T is 0 without symbols."""
        if self.unit == "character":
            text = text.lower() if self.lowercase else text
            points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
            numbers: NDArray[np.int64] = self._codes[np.minimum(points, len(self._codes) - 1)]
            return numbers
        symbols = self.split(text)
        found = map(self._index.get, symbols, repeat(0))
        return np.fromiter(found, dtype=np.int64, count=len(symbols))

    def decode(self, tokens: ArrayLike) -> str:
        """The text of symbol numbers [T].

        Words and tokens are joined by one space, but for the line ends, which have none around
        them; characters are joined by nothing. `<unk>` and `<end>` stand as they are written here.

        Raises:
            ValueError: a number is no symbol.
        """
        numbers = check_tokens(tokens, len(self))
        symbols = map(self.symbols.__getitem__, numbers.tolist())
        if self.unit == "character":
            return "".join(symbols)
        text = " ".join(symbols)
        return re.sub(" ?\n ?", "\n", text) if self.lines else text

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {
            "symbols": list(self.symbols),
            "unit": self.unit,
            "lowercase": self.lowercase,
            "lines": self.lines,
            "end": self.end,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Vocabulary:
        """Inverse of `to_config`; without `lines` and `end`, as they once were, these are False.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        check_keys("vocabulary", config, ("symbols", "unit", "lowercase"), ("lines", "end"))
        if not isinstance(config["symbols"], list):
            raise ValueError(
                f"vocabulary symbols needs a list of strings, not {shown(config['symbols'])}"
            )
        lines, end = config.get("lines", False), config.get("end", False)
        return cls(tuple(config["symbols"]), config["unit"], config["lowercase"], lines, end)


def check_tokens(tokens: ArrayLike, num_symbols: int) -> NDArray[Any]:
    """Symbol numbers as an array [T] of whole numbers from 0 to `num_symbols` - 1.

    Raises:
        ValueError: they are not so.
    """
    numbers = np.asarray(tokens)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise ValueError(
            f"tokens is {numbers.dtype} of shape {numbers.shape}; [T] integers are needed"
        )
    if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < num_symbols:
        raise ValueError(
            f"tokens holds numbers from {numbers.min()} to {numbers.max()}; the vocabulary "
            f"has 0 to {num_symbols - 1}"
        )
    return numbers


def _special(end: bool) -> tuple[str, ...]:
    return (UNKNOWN, END) if end else (UNKNOWN,)


def _words_with_marks(text: str, pattern: re.Pattern[str]) -> list[str]:
    # \w leaves out combining marks, which would cut words of many scripts into letters.
    words: list[str] = []
    end = -1
    in_word = False
    for match in pattern.finditer(text):
        piece = match.group()
        is_mark = unicodedata.category(piece[0])[0] == "M" or piece in _JOINERS
        is_word = not is_mark and (piece[0] == "_" or piece[0].isalnum())
        touches = match.start() == end and words[-1] != "\n"
        if touches and (is_mark or (is_word and in_word)):
            words[-1] += piece
        else:
            words.append(piece)
            in_word = is_word
        end = match.end()
    return words
