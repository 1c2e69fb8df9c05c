"""What is seen of a word beside the word: its first and last letters, and its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.config_checks import check_keys, check_symbol, shown, whole_number
from unrolled.runtime.vocabulary import MAX_SYMBOLS

# Letters of a prefix or suffix, and how many of each there may be.
MAX_LETTERS = 32
MAX_AFFIXES = 16


@dataclass(frozen=True)
class WordFeatures:
    """Numbers F features of each word; what training has not shown is code 0 in each column.

    The columns are the word as written, its lower-cased form, the lower-cased prefixes and
    suffixes (the whole word where it is shorter), and the shape: "McGee-10" is "XxXx-d", with X
    for upper case, x for other letters, d for digits, and runs of one kind squeezed into one.

    Attributes:
        prefixes: letters of each prefix, rising.
        suffixes: letters of each suffix, rising.
        symbols: of each column, what has the codes 1, 2, ...; no symbol twice in a column.

    Raises:
        ValueError: the arguments are not so.
    """

    prefixes: tuple[int, ...]
    suffixes: tuple[int, ...]
    symbols: tuple[tuple[str, ...], ...]
    _codes: tuple[dict[str, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_letters("prefixes", self.prefixes)
        _check_letters("suffixes", self.suffixes)
        if len(self.symbols) != len(self.names):
            raise ValueError(
                f"word features need symbols for {len(self.names)} columns, not {len(self.symbols)}"
            )
        if sum(map(len, self.symbols)) > MAX_SYMBOLS:
            raise ValueError(
                f"the word features have {sum(map(len, self.symbols))} symbols; {MAX_SYMBOLS} are "
                "possible, which a higher min_count brings about"
            )
        codes = []
        for name, symbols in zip(self.names, self.symbols, strict=True):
            for i, symbol in enumerate(symbols, start=1):
                check_symbol(f"symbol {i} of the word feature {name}", symbol)
            codes.append({symbol: i for i, symbol in enumerate(symbols, start=1)})
            if len(codes[-1]) != len(symbols):
                twice = next(s for i, s in enumerate(symbols, start=1) if codes[-1][s] != i)
                raise ValueError(f"the word feature {name} holds {shown(twice)} twice")
        object.__setattr__(self, "_codes", tuple(codes))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each of the F columns: word, lower, prefix1, ..., suffix1, ..., shape."""
        prefixes = (f"prefix{n}" for n in self.prefixes)
        suffixes = (f"suffix{n}" for n in self.suffixes)
        return ("word", "lower", *prefixes, *suffixes, "shape")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Codes of each column, 0 counted."""
        return tuple(len(symbols) + 1 for symbols in self.symbols)

    @classmethod
    def fit(
        cls,
        sentences: Iterable[Sequence[str]],
        *,
        min_count: int = 1,
        prefixes: Sequence[int] = (1, 2, 3),
        suffixes: Sequence[int] = (1, 2, 3, 4),
    ) -> WordFeatures:
        """Number what the words of sentences show, by falling count, then in alphabetic order.

        A prefix, a suffix or a shape that comes once is left to code 0, so that this is learnt.

        Args:
            sentences: lists of words; they are gone through once.
            min_count: a word, as written or lower-cased, that comes less often is left to code 0.
            prefixes: letters of each prefix.
            suffixes: letters of each suffix.

        Raises:
            TypeError: a sentence is no list of strings, or a number is none.
            ValueError: there is no word, or a word or an argument is not so.
        """
        least = whole_number("min_count", min_count, least=1)
        before, after = _letters("prefixes", prefixes), _letters("suffixes", suffixes)
        if isinstance(sentences, (str, bytes)):
            raise TypeError("sentences is a single string; a list of lists of words is needed")
        words: Counter[str] = Counter()
        for i, sentence in enumerate(sentences):
            words.update(_checked(f"sentences[{i}]", sentence))
        if not words:
            raise ValueError("sentences holds no word; at least one is needed")
        counts: list[Counter[str]] = [Counter() for _ in range(3 + len(before) + len(after))]
        for word, count in words.items():
            for column, symbol in zip(counts, _features(word, before, after), strict=True):
                column[symbol] += count
        bounds = [least, least, *(2 for _ in counts[2:])]
        kept = (
            sorted((s for s in column if column[s] >= bound), key=lambda s, c=column: (-c[s], s))  # type: ignore[misc]
            for column, bound in zip(counts, bounds, strict=True)
        )
        return cls(before, after, tuple(map(tuple, kept)))

    def encode(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Codes [T, F] float32, whole numbers, of the words of one sentence.

        Raises:
            TypeError: the words are no list of strings.
            ValueError: a word is empty.
        """
        find: list[Callable[[str, int], int]] = [codes.get for codes in self._codes]
        rows = [
            [get(s, 0) for get, s in zip(find, self._of(word), strict=True)]
            for word in _checked("words", words)
        ]
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(find))

    def _of(self, word: str) -> Iterator[str]:
        return _features(word, self.prefixes, self.suffixes)

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {
            "prefixes": list(self.prefixes),
            "suffixes": list(self.suffixes),
            "symbols": [list(symbols) for symbols in self.symbols],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> WordFeatures:
        """Inverse of `to_config`.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        check_keys("word features", config, ("prefixes", "suffixes", "symbols"))
        for key, value in config.items():
            if not isinstance(value, list):
                raise ValueError(f"the word features need a list of {key}, not {shown(value)}")
        for symbols in config["symbols"]:
            if not isinstance(symbols, list):
                raise ValueError(f"the word features need lists of symbols, not {shown(symbols)}")
        return cls(
            tuple(config["prefixes"]),
            tuple(config["suffixes"]),
            tuple(tuple(symbols) for symbols in config["symbols"]),
        )


def _features(word: str, prefixes: Iterable[int], suffixes: Iterable[int]) -> Iterator[str]:
    """The F features of one word, in the order of the columns."""
    lower = word.lower()
    yield word
    yield lower
    for n in prefixes:
        yield lower[:n]
    for n in suffixes:
        yield lower[-n:]
    yield shape(word)


@lru_cache(maxsize=2**16)
def shape(word: str) -> str:
    """The kinds of letters of a word, runs squeezed: "McGee-10" gives "XxXx-d"."""
    return "".join(kind for kind, _ in groupby(map(_kind, word)))


def _kind(letter: str) -> str:
    if letter.isupper():
        return "X"
    if letter.isalpha():
        return "x"
    return "d" if letter.isdigit() else letter


def _checked(name: str, words: object) -> list[str]:
    if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
        raise TypeError(f"{name} is {shown(words)}; a list of words is needed")
    found = list(words)
    for i, word in enumerate(found):
        if not isinstance(word, str):
            raise TypeError(f"{name}[{i}] is {shown(word)}; a word, a string, is needed")
        if not word:
            raise ValueError(f"{name}[{i}] is an empty string; leave it out, or write a mark")
    return found


def _letters(name: str, numbers: Sequence[int]) -> tuple[int, ...]:
    found = tuple(whole_number(f"each of {name}", number, least=1) for number in numbers)
    return tuple(sorted(set(found)))


def _check_letters(name: str, numbers: tuple[int, ...]) -> None:
    whole = all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
    rising = whole and list(numbers) == sorted({*numbers})
    if not rising or len(numbers) > MAX_AFFIXES or not all(0 < n <= MAX_LETTERS for n in numbers):
        raise ValueError(
            f"{name} of word features need at most {MAX_AFFIXES} whole numbers from 1 to "
            f"{MAX_LETTERS}, rising, not {shown(list(numbers))}"
        )
