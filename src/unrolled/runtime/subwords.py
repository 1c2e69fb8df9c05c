"""Numbering of the subwords of texts, by byte-pair encoding of their bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.config_checks import check_flag, check_keys, shown, whole_number
from unrolled.runtime.vocabulary import END, MAX_SYMBOLS, UNKNOWN, check_tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL = (UNKNOWN, END)
SMALLEST = len(SPECIAL) + 256


@dataclass(frozen=True)
class Subwords:
    """Numbers the subwords of texts: bytes, and runs of bytes that come often.

    Symbol 0 is `<unk>` and symbol 1 `<end>`, the boundary between two texts; no text gives them,
    since each byte is a symbol. White space belongs to the word after it, and a line end stands
    alone. It has what a `Vocabulary` has, so that either can be used, and needs the library
    tokenizers: pip install 'unrolled[text]'.

    Source: Sennrich, Haddow and Birch (2016), Neural machine translation of rare words with subword
    units; on bytes: Radford et al. (2019), Language models are unsupervised multitask learners.

    Attributes:
        tokenizer: JSON text of the library's tokenizer, whose number i is symbol i + 2.
        lowercase: texts are lower-cased before they are split.

    Raises:
        ModuleNotFoundError: the library is not installed.
        ValueError: the JSON is of another tokenizer.
    """

    tokenizer: str
    lowercase: bool = False
    _tokenizer: Tokenizer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_flag("lowercase", self.lowercase)
        object.__setattr__(self, "_tokenizer", _built(self.tokenizer))

    @property
    def unit(self) -> str:
        """What a symbol is: "subword"."""
        return "subword"

    @property
    def end(self) -> bool:
        """True: symbol 1 is `<end>`."""
        return True

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size() + len(SPECIAL)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        r"""Each symbol as text; bytes that are no whole character are written as "\xe6"."""
        tokens = sorted(self._tokenizer.get_vocab().items(), key=lambda item: item[1])
        bytes_of = _bytes_of_letters()
        found = (bytes(bytes_of[letter] for letter in token) for token, _ in tokens)
        return (*SPECIAL, *(part.decode("utf-8", "backslashreplace") for part in found))

    @classmethod
    def fit(cls, texts: Iterable[str], size: int = 8000, lowercase: bool = False) -> Subwords:
        """Join what comes most often side by side, until there are `size` symbols.

        Args:
            texts: the texts to count in, or pieces of them that end where a word does; they are
                gone through once.
            size: symbols, `<unk>`, `<end>` and 256 bytes among them; there are fewer where no two
                of them come twice side by side.
            lowercase: lower-case texts before they are split.

        Raises:
            ModuleNotFoundError: the library tokenizers is not installed.
            TypeError: `texts` is no collection of strings.
            ValueError: `texts` has no characters, or an argument is not so.
        """
        tokenizers = _library()
        if isinstance(texts, (str, bytes)):
            raise TypeError("texts is a single string; a list of strings is needed")
        check_flag("lowercase", lowercase)
        count = whole_number("size", size, least=SMALLEST)
        if count > MAX_SYMBOLS:
            raise ValueError(f"size={count} is too large; {MAX_SYMBOLS} symbols are possible")
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=count - len(SPECIAL),
            min_frequency=2,
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer = _around(tokenizers.models.BPE())
        some = False

        def checked() -> Iterator[str]:
            nonlocal some
            for i, text in enumerate(texts):
                if not isinstance(text, str):
                    raise TypeError(f"texts[{i}] is {shown(text)}; a string is needed")
                some = some or text != ""
                yield _whole(f"texts[{i}]", text.lower() if lowercase else text)

        tokenizer.train_from_iterator(checked(), trainer)
        if not some:
            raise ValueError("texts has no characters; at least one is needed")
        return cls(tokenizer.to_str(), lowercase)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Symbol numbers of one text, [T] int64, each at least 2; T is 0 for an empty text.

        Raises:
            ValueError: the text holds half of a surrogate pair, which is no Unicode text.
        """
        whole = _whole("the text", text.lower() if self.lowercase else text)
        found = self._tokenizer.encode(whole, add_special_tokens=False).ids
        return np.array(found, dtype=np.int64) + len(SPECIAL)

    def decode(self, tokens: ArrayLike) -> str:
        """The text of symbol numbers [T]; `<unk>` and `<end>` stand as they are written here.

        Bytes that make no whole character, as of a text that ends inside one, become U+FFFD.

        Raises:
            ValueError: a number is no symbol.
        """
        numbers = check_tokens(tokens, len(self)).tolist()
        parts: list[str] = []
        for special, run in groupby(numbers, key=lambda number: number < len(SPECIAL)):
            if special:
                parts.extend(SPECIAL[number] for number in run)
            else:
                ids = [number - len(SPECIAL) for number in run]
                parts.append(self._tokenizer.decode(ids, skip_special_tokens=False))
        return "".join(parts)

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {"tokenizer": self.tokenizer, "unit": self.unit, "lowercase": self.lowercase}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Subwords:
        """Inverse of `to_config`.

        Raises:
            ModuleNotFoundError: the library tokenizers is not installed.
            ValueError: the data holds anything unexpected.
        """
        check_keys("subwords", config, ("tokenizer", "unit", "lowercase"))
        if config["unit"] != "subword":
            raise ValueError(f'unit of subwords needs "subword", not {shown(config["unit"])}.')
        return cls(config["tokenizer"], config["lowercase"])


def _library() -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        if error.name != "tokenizers":
            raise
        raise ModuleNotFoundError(
            'unit="subword" needs the library tokenizers, which is not installed; run: '
            "pip install 'unrolled[text]'",
            name="tokenizers",
        ) from error
    return tokenizers


def _around(model: Any) -> Tokenizer:
    """A tokenizer of the bytes of words, without symbols that stand in a text."""
    tokenizers = _library()
    words = tokenizers.pre_tokenizers
    tokenizer: Tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = words.Sequence(
        [words.Split("\n", "isolated"), words.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


def _built(text: object) -> Tokenizer:
    """The tokenizer of a JSON text, of which its symbols and their merges alone are taken."""
    tokenizers = _library()
    if not isinstance(text, str):
        raise ValueError(f"the tokenizer of subwords needs a JSON text, not {shown(text)}")
    try:
        held = json.loads(text)
        model = held["model"]
        vocab, merges = model["vocab"], model["merges"]
        pairs = [(str(first), str(second)) for first, second in merges]
        numbers = [int(number) for number in vocab.values()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            "the tokenizer of subwords is no JSON of byte-pair encoding with vocab and merges"
        ) from error
    if model.get("type") != "BPE" or held.get("normalizer") or held.get("added_tokens"):
        raise ValueError("the tokenizer of subwords is another one than fit makes")
    if len(vocab) > MAX_SYMBOLS or sorted(numbers) != list(range(len(vocab))):
        raise ValueError(
            f"the tokenizer of subwords needs its {len(vocab)} symbols numbered from 0, and at "
            f"most {MAX_SYMBOLS}"
        )
    letters = _bytes_of_letters()
    if not letters.keys() <= vocab.keys():
        raise ValueError(
            "the tokenizer of subwords lacks bytes, so that some texts have no symbols"
        )
    if not letters.keys() >= set("".join(vocab)) or "" in vocab:
        raise ValueError("the tokenizer of subwords holds a symbol that is no row of bytes")
    try:
        return _around(tokenizers.models.BPE(dict(zip(vocab, numbers, strict=True)), pairs))
    except Exception as error:
        # The library raises no narrower class.
        raise ValueError(
            "the tokenizer of subwords has merges that do not fit its symbols: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _bytes_of_letters() -> dict[str, int]:
    """The byte that each letter of a token stands for.

    Printable bytes are the character of their number, all others follow from 256 on: GPT-2's
    table.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + i): byte for i, byte in enumerate(others)
    }


def _whole(name: str, text: str) -> str:
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(
            f"{name} holds half of a surrogate pair, which is no Unicode text; decode it as UTF-8 "
            "first"
        )
    return text
