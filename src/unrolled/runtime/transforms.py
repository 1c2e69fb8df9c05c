"""Transforms that are fitted once and obeyed ever after: scaling of numbers, numbering of symbols.

Both are plain data. They are saved with the model, and the same code runs in training, in
prediction and one step at a time. Every mistake is a `ValueError` or `TypeError` of one sentence.
"""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNKNOWN = "<unk>"
UNITS = ("word", "character")
MAX_CHANNELS = 1_000_000
MAX_SYMBOLS = 4_000_000

_PIECE = re.compile(r"\w+|[^\w\s]")
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardises each channel: `(x - mean) / scale`.

    Attributes:
        mean: array [C] float64, finite; a read-only copy.
        scale: array [C] float64, finite and above 0; a read-only copy.

    Raises:
        ValueError: a value or a shape is not so.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("mean", "scale"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or not 1 <= values.size <= MAX_CHANNELS:
                raise ValueError(
                    f"scaler {name} has shape {values.shape}; "
                    f"one number for each of 1 to {MAX_CHANNELS} channels is needed"
                )
            if not np.isfinite(values).all():
                raise ValueError(f"scaler {name} holds NaN or infinity; finite numbers are needed")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        if self.mean.size != self.scale.size:
            raise ValueError(
                f"scaler mean has {self.mean.size} channels and scale has {self.scale.size}; "
                "both need the same number"
            )
        if not (self.scale > 0).all():
            raise ValueError("scaler scale holds a number that is not above zero")

    @property
    def channels(self) -> int:
        """Number of channels C."""
        return self.mean.size

    @classmethod
    def fit(cls, values: ArrayLike, weight: ArrayLike | None = None) -> Scaler:
        """Mean and population standard deviation of each channel, in float64.

        A channel that does not vary (beyond the rounding of its own magnitude) gets scale 1.

        Args:
            values: array [M, C] of finite numbers, M >= 1.
            weight: array [M], finite, >= 0, not all zero; rows of weight zero count for nothing.

        Raises:
            ValueError: a shape is another one, there is NaN or infinity, or the numbers are so
                large that their spread is no float64.
        """
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 2 or x.shape[0] == 0 or x.shape[1] == 0:
            raise ValueError(f"values has shape {x.shape}; [M, C] with M >= 1 and C >= 1 is needed")
        w = None
        if weight is not None:
            w = np.asarray(weight, dtype=np.float64)
            if w.shape != x.shape[:1]:
                raise ValueError(f"weight has shape {w.shape}; {x.shape[:1]} is needed")
            if not np.isfinite(w).all() or (w < 0).any() or not (w > 0).any():
                raise ValueError("weight needs finite numbers, none below zero and one above")
            x, w = x[w > 0], w[w > 0]
            w = w / w.max()
        if not np.isfinite(x).all():
            raise ValueError("values holds NaN or infinity; finite numbers are needed")
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            mean = np.average(x, axis=0, weights=w)
            deviation = x - mean
            largest = np.abs(deviation).max(axis=0)
            # Squares of deviations over their largest neither overflow nor vanish.
            unit = np.where(largest > 0, largest, 1.0)
            scale = largest * np.sqrt(np.average((deviation / unit) ** 2, axis=0, weights=w))
        too_large = np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(scale))
        if too_large.size:
            raise ValueError(
                f"channel {too_large[0]} of values holds numbers too large to be standardised "
                "in float64; divide them first"
            )
        rounding = 8 * np.finfo(np.float64).eps * np.abs(x).max(axis=0)
        constant = (x.max(axis=0) == x.min(axis=0)) | (scale <= rounding)
        return cls(mean, np.where(constant, 1.0, scale))

    @classmethod
    def identity(cls, channels: int) -> Scaler:
        """The scaler of C channels that changes nothing."""
        count = _whole_number("channels", channels, least=1)
        return cls(np.zeros(count), np.ones(count))

    def apply(self, values: ArrayLike) -> NDArray[np.float32]:
        """Scaled values [..., C] float32, computed in float64.

        Raises:
            ValueError: there is another number of channels, or a result is beyond float32.
        """
        x = self._checked(values)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            scaled: NDArray[np.float32] = ((x - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError(
                "values holds NaN, infinity or numbers that are beyond float32 after scaling"
            )
        return scaled

    def invert(self, values: ArrayLike) -> NDArray[np.float64]:
        """Scaled values [..., C] in the units that `fit` saw, [..., C] float64.

        Raises:
            ValueError: there is another number of channels.
        """
        original: NDArray[np.float64] = self._checked(values) * self.scale + self.mean
        return original

    def _checked(self, values: ArrayLike) -> NDArray[np.float64]:
        x = np.asarray(values, dtype=np.float64)
        if x.ndim == 0 or x.shape[-1] != self.channels:
            raise ValueError(
                f"values has shape {x.shape}; its last axis needs the {self.channels} channels "
                "that the scaler was fitted on"
            )
        return x

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_config` gives back the same bits."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Scaler:
        """Inverse of `to_config`.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        _check_keys("scaler", config, ("mean", "scale"))
        for name in ("mean", "scale"):
            numbers = config[name]
            if not isinstance(numbers, list) or not 1 <= len(numbers) <= MAX_CHANNELS:
                raise ValueError(
                    f"scaler {name} needs a list of 1 to {MAX_CHANNELS} numbers, "
                    f"not {_shown(numbers)}"
                )
            for number in numbers:
                if not _is_finite_number(number):
                    raise ValueError(
                        f"scaler {name} needs finite numbers, but holds {_shown(number)}"
                    )
        return cls(
            np.array(config["mean"], dtype=np.float64), np.array(config["scale"], dtype=np.float64)
        )


@dataclass(frozen=True)
class Vocabulary:
    """Numbers the symbols of texts; whatever it has not seen is symbol 0, `<unk>`.

    Attributes:
        symbols: index 0 is `<unk>`; no symbol twice.
        unit: "word" or "character".
        lowercase: texts are lower-cased before they are split.

    Raises:
        ValueError: the arguments are not so.
    """

    symbols: tuple[str, ...]
    unit: str
    lowercase: bool
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f'unit needs "word" or "character", not {_shown(self.unit)}.')
        if not isinstance(self.lowercase, bool):
            raise ValueError(f"lowercase needs True or False, not {_shown(self.lowercase)}")
        if not 1 <= len(self.symbols) <= MAX_SYMBOLS:
            raise ValueError(
                f"a vocabulary of {len(self.symbols)} symbols came; 1 to {MAX_SYMBOLS} are "
                "possible, which a higher min_count brings about"
            )
        if self.symbols[0] != UNKNOWN:
            raise ValueError(
                f'symbol 0 of a vocabulary needs to be "{UNKNOWN}", not {_shown(self.symbols[0])}.'
            )
        for i in range(1, len(self.symbols)):
            _check_symbol(i, self.symbols[i], self.unit)
        index = {self.symbols[i]: i for i in range(len(self.symbols))}
        if len(index) != len(self.symbols):
            twice = next(s for i, s in enumerate(self.symbols) if index[s] != i)
            raise ValueError(f"the vocabulary holds the symbol {_shown(twice)} twice")
        object.__setattr__(self, "_index", index)

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
    ) -> Vocabulary:
        """Number the symbols of texts by falling count, equal counts in alphabetic order.

        Args:
            texts: the texts to count in.
            unit: "word" or "character", see `split`.
            min_count: rarer symbols are left to `<unk>`.
            max_size: greatest length of the vocabulary, `<unk>` counted; None sets no bound.
            lowercase: lower-case texts before they are split.

        Raises:
            TypeError: `texts` is no collection of strings.
            ValueError: no symbol is left, or an argument is not so.
        """
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts is a single string; a list of strings is needed")
        least = _whole_number("min_count", min_count, least=1)
        most = None if max_size is None else _whole_number("max_size", max_size, least=2)
        splitter = cls((UNKNOWN,), unit, lowercase)
        counts: Counter[str] = Counter()
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"texts[{i}] is {_shown(text)}; a string is needed")
            counts.update(splitter.split(text))
        kept = [symbol for symbol, count in counts.items() if count >= least]
        if not kept:
            raise ValueError(
                f"no {unit} of texts occurs {least} times; lower min_count or add texts"
            )
        kept.sort(key=lambda symbol: (-counts[symbol], symbol))
        return cls((UNKNOWN, *kept[: None if most is None else most - 1]), unit, lowercase)

    def split(self, text: str) -> list[str]:
        """The symbols of one text, lower-cased first if `lowercase` is set.

        Unit "character": every character, white space too. Unit "word": the runs of letters,
        digits and underscores (of any script, with their combining marks), and every other
        character that is no white space as a symbol of its own: `"Don't go."` gives
        `Don ' t go .`; white space only separates.
        """
        text = text.lower() if self.lowercase else text
        if self.unit == "character":
            return list(text)
        if text.isascii():
            return _PIECE.findall(text)
        return _words_with_marks(text)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Symbol numbers of one text, [T] int64, 0 for what is unknown; T is 0 without symbols."""
        symbols = self.split(text)
        find = self._index.get
        return np.fromiter((find(s, 0) for s in symbols), dtype=np.int64, count=len(symbols))

    def decode(self, tokens: ArrayLike) -> str:
        """The text of symbol numbers [T]; words are joined by one space, characters by nothing.

        Raises:
            ValueError: a number is no symbol.
        """
        numbers = np.asarray(tokens)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise ValueError(
                f"tokens is {numbers.dtype} of shape {numbers.shape}; [T] integers are needed"
            )
        if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(self):
            raise ValueError(
                f"tokens holds numbers from {numbers.min()} to {numbers.max()}; the vocabulary "
                f"has 0 to {len(self) - 1}"
            )
        return (" " if self.unit == "word" else "").join(self.symbols[i] for i in numbers.tolist())

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {"symbols": list(self.symbols), "unit": self.unit, "lowercase": self.lowercase}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Vocabulary:
        """Inverse of `to_config`.

        Raises:
            ValueError: the data holds anything unexpected.
        """
        _check_keys("vocabulary", config, ("symbols", "unit", "lowercase"))
        if not isinstance(config["symbols"], list):
            raise ValueError(
                f"vocabulary symbols needs a list of strings, not {_shown(config['symbols'])}"
            )
        return cls(tuple(config["symbols"]), config["unit"], config["lowercase"])


def _words_with_marks(text: str) -> list[str]:
    # \w leaves out combining marks, which would cut words of many scripts into letters.
    words: list[str] = []
    end = -1
    in_word = False
    for match in _PIECE.finditer(text):
        piece = match.group()
        is_mark = unicodedata.category(piece[0])[0] == "M" or piece in _JOINERS
        is_word = not is_mark and (piece[0] == "_" or piece[0].isalnum())
        touches = match.start() == end
        if touches and (is_mark or (is_word and in_word)):
            words[-1] += piece
        else:
            words.append(piece)
            in_word = is_word
        end = match.end()
    return words


def _check_symbol(i: int, symbol: object, unit: str) -> None:
    if not isinstance(symbol, str) or not symbol:
        raise ValueError(
            f"symbol {i} of the vocabulary is {_shown(symbol)}; "
            "a string that is not empty is needed"
        )
    if unit == "character" and len(symbol) != 1:
        raise ValueError(
            f"symbol {i} of the vocabulary is {_shown(symbol)}; one character is needed"
        )
    if not symbol.isascii() and any("\ud800" <= letter <= "\udfff" for letter in symbol):
        raise ValueError(
            f"symbol {i} of the vocabulary, {_shown(symbol)}, is no Unicode text; "
            "decode the texts as UTF-8 first"
        )


def _check_keys(name: str, config: object, keys: tuple[str, ...]) -> None:
    if not isinstance(config, Mapping):
        raise ValueError(f"the {name} needs a mapping with {', '.join(keys)}, not {_shown(config)}")
    for key in keys:
        if key not in config:
            raise ValueError(f"the {name} lacks {key}")
    for key in config:
        if key not in keys:
            raise ValueError(f"the {name} holds {_shown(key)}, which is none of {', '.join(keys)}")


def _is_finite_number(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return False
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _whole_number(name: str, value: object, *, least: int) -> int:
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} needs a whole number of at least {least}, not {_shown(value)}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} needs a whole number of at least {least}, not {number}")
    return number


def _shown(value: object) -> str:
    if isinstance(value, (dict, list, tuple, set)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    text = repr(value[:40]) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
