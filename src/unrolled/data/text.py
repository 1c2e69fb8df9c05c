"""Texts to sequences of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import numpy as np

from unrolled.data import checks, tables
from unrolled.data.sequences import Sequences
from unrolled.data.text_files import Symbols


def is_texts(X: Any) -> bool:
    """Whether X is a list, array or column of strings, judged by its first item."""
    if isinstance(X, (str, bytes)) or tables.is_dataframe(X) or getattr(X, "ndim", 1) != 1:
        return False
    if isinstance(X, Iterator):
        # To look at its first item would take it out.
        raise TypeError(f"X is a {type(X).__name__}, which can be read only once; pass list(X).")
    try:
        first = next(iter(X), None)
    except TypeError:
        return False
    return isinstance(_plain(first), str)


def is_sentences(X: Any) -> bool:
    """Whether X is N lists of words, judged by the first word."""
    if isinstance(X, Sequences | str | bytes | Iterator) or tables.is_dataframe(X):
        return False
    checks.refuse_sparse(X)
    if isinstance(X, np.ndarray) and X.dtype.kind not in "UOT":
        return False
    if not hasattr(X, "__iter__") or getattr(X, "ndim", 1) == 0:
        return False
    for sentence in X:
        if isinstance(sentence, str | bytes | Mapping) or tables.is_dataframe(sentence):
            return False
        if not hasattr(sentence, "__len__") or getattr(sentence, "ndim", 1) != 1:
            return False
        if len(sentence):
            return isinstance(next(iter(sentence)), str)
    return False


def _plain(item: Any) -> Any:
    # Items of a pyarrow column are wrapped.
    return item.as_py() if hasattr(item, "as_py") else item


def as_texts(X: Any, *, name: str = "X") -> list[str]:
    """The texts of a list, array or column of strings.

    Raises:
        TypeError: X is one string, or no list of any kind, or an item is no string.
        ValueError: there are no texts.
    """
    if isinstance(X, (str, bytes)):
        raise TypeError(f"{name} is one {type(X).__name__}; pass a list of texts.")
    if not isinstance(X, Iterable) or isinstance(X, Mapping | Set) or tables.is_dataframe(X):
        raise TypeError(f"{name} must be a list of texts, got {type(X).__name__}.")
    texts = [_plain(text) for text in X]
    if not texts:
        raise ValueError(f"{name} holds no texts; at least one is needed.")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}] must be a text, got {type(text).__name__} {text!r}.")
    return texts


def encode(texts: Any, vocabulary: Symbols, *, name: str = "X") -> Sequences:
    """Number the symbols of each text: N sequences of int64 tokens [T_i].

    Args:
        texts: list, array or column of N strings.
        vocabulary: says how a text is split and which number a symbol has; 0 is the unknown symbol.
        name: what the texts are called in errors.

    Raises:
        TypeError: `texts` is one string, or an item is none.
        ValueError: there are no texts, or a text has no symbols.
    """
    tokens = []
    for i, text in enumerate(as_texts(texts, name=name)):
        part = vocabulary.encode(text)
        if len(part) == 0:
            raise ValueError(
                f"{name}[{i}] is {text!r}, a text without a {vocabulary.unit}; drop it, every "
                f"sequence needs at least one step."
            )
        tokens.append(part)
    lengths = np.array([len(part) for part in tokens], dtype=np.int64)
    return Sequences(np.concatenate(tokens), np.cumsum(lengths) - lengths, lengths)
