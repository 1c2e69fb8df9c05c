"""Words that are also read by their lower-cased form, letters and shape; sizes of their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Sequences
from unrolled.data.text import is_sentences
from unrolled.estimators.given_vectors import VectorArguments
from unrolled.estimators.inputs import SequenceInputs
from unrolled.estimators.options import share, whole
from unrolled.estimators.parts import Inputs
from unrolled.runtime.vocabulary import UNKNOWN, Vocabulary
from unrolled.runtime.word_features import WordFeatures

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols

# The columns of WordFeatures that are the word itself; the others are its parts and its shape.
WORD_COLUMNS = 2
SIZE = 64


class WordInputs(SequenceInputs):
    """Sequences, texts by their symbols, or N lists of words that are read by their parts."""

    min_count: int
    embedding_size: int | None
    words_: WordFeatures | None
    _more_inputs = ("words", "vectors")

    if TYPE_CHECKING:  # see given_vectors.py

        def _read_vectors(
            self, symbols: Any, unit: str, embedding_size: int | None, *, first: int = 0
        ) -> None: ...
        def _check_vectors(self, unit: str) -> None: ...
        def _without_vectors(self) -> None: ...
        def _vectors_to_config(self) -> dict[str, Any] | None: ...
        def _vectors_from_config(self, config: Mapping[str, Any] | None) -> None: ...

    def _fit_inputs(self, inputs: Inputs, weight: NDArray[np.float64] | None) -> None:
        size = None if self.embedding_size is None else int(self.embedding_size)
        if isinstance(inputs, list):
            self._check_vectors(self.unit)
        if isinstance(inputs, list) and isinstance(inputs[0], list):
            self.scaler_, self.vocabulary_ = None, self._splitter()
            self.words_ = WordFeatures.fit(inputs, min_count=int(self.min_count))
            self._read_vectors(self.words_.symbols[0], "word", size, first=1)
            return
        self.words_ = None
        super()._fit_inputs(inputs, weight)
        if self.vocabulary_ is None:
            self._without_vectors()
        else:
            self._read_vectors(self.vocabulary_.symbols, self.vocabulary_.unit, size)

    def _splitter(self) -> Vocabulary | None:
        """What cuts a text into words, without symbols; None where words come as lists."""
        return None

    def _apply_inputs(self, inputs: Inputs) -> Sequences:
        if self.words_ is None:
            return super()._apply_inputs(inputs)
        assert isinstance(inputs, list)
        lengths = np.array([len(sentence) for sentence in inputs], np.int64)
        codes = [self.words_.encode(sentence) for sentence in inputs]
        return Sequences(np.concatenate(codes), np.cumsum(lengths) - lengths, lengths)

    def _input_size(self) -> int:
        return super()._input_size() if self.words_ is None else len(self.words_.sizes)

    def _inputs_to_config(self) -> dict[str, Any]:
        words = None if self.words_ is None else self.words_.to_config()
        vectors = self._vectors_to_config()
        return {**super()._inputs_to_config(), "words": words, "vectors": vectors}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        # Models were saved without the two before they had them.
        words, vectors = config.get("words"), config.get("vectors")
        self.words_ = None if words is None else WordFeatures.from_config(words)
        self._vectors_from_config(vectors)
        super()._inputs_from_config(config)
        if self.scaler_ is not None and vectors is not None:
            raise ValueError("inputs of numbers have no vectors of words")

    def _check_parts(self, scaler: Any, vocabulary: Any) -> None:
        if self.words_ is None:
            super()._check_parts(scaler, vocabulary)
        elif scaler is not None or vocabulary is not None:
            raise ValueError("inputs need one of a scaler, a vocabulary and words")


class TextInputs(WordInputs):
    """Sequences, or texts by their symbols, or by their words and the parts of these."""

    affixes: bool

    def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        if is_sentences(X):
            raise TypeError(
                f"X holds lists of words, and {type(self).__name__} takes a text as one string: "
                'join the words, " ".join(words), and set unit="token", which cuts there alone; '
                "SequenceTagger takes lists, for a label for each word"
            )
        inputs = super()._read_inputs(X, fitting=fitting)
        if fitting and self.affixes and isinstance(inputs, Sequences):
            raise ValueError("affixes needs texts, and X holds numbers; leave it out")
        return inputs

    def _read_texts(self, X: Any, *, fitting: bool) -> list[Any]:
        if fitting:
            self._check_affixes()
        texts = super()._read_texts(X, fitting=fitting)
        splitter = self._splitter() if fitting else self.vocabulary_
        if splitter is None or (not fitting and self.words_ is None):
            return texts
        return list(map(splitter.split, texts))

    def _check_affixes(self) -> None:
        if not self.affixes:
            return
        if self.unit not in ("word", "token"):
            raise ValueError(
                f'affixes are of words: they need unit="word" or "token", not {self.unit!r}'
            )
        if self.vocabulary_size is not None:
            raise ValueError("vocabulary_size does not go with affixes; min_count does")

    def _splitter(self) -> Vocabulary | None:
        if not self.affixes:
            return None
        return Vocabulary((UNKNOWN,), self.unit, bool(self.lowercase))

    def _check_parts(self, scaler: Any, vocabulary: Any) -> None:
        if self.words_ is None:
            SequenceInputs._check_parts(self, scaler, vocabulary)
        elif scaler is not None or vocabulary is None or vocabulary.unit not in ("word", "token"):
            raise ValueError("words of texts need a vocabulary that cuts texts into words")


class LearntSymbols:
    """What `WordInputs` learn; apart from the dataclass, whose fields are arguments."""

    vocabulary_: Symbols | None
    words_: WordFeatures | None


@dataclass(kw_only=True, eq=False, repr=False)
class SymbolArguments(LearntSymbols, VectorArguments):
    """Which symbols there are, and how large their vectors.

    Args:
        embedding_size: size of the vector of a symbol; None is 64, or that of `vectors`. Of words
            that are read by their parts too, also of the lower-cased form, which with `vectors` has
            affix_size.
        affix_size: size of the vector of each prefix, of each suffix and of the shape of a word.
        min_count: symbols that come less often in training are the unknown one.
        word_dropout: probability that a symbol is read as the unknown one, in training only (Iyyer
            et al. 2015), which is how that one is learnt; of a word that is read by its parts too,
            also its lower-cased form.
    """

    embedding_size: int | None = field(
        default=None, metadata=whole(1, none=True, help="size of a symbol's vector")
    )
    affix_size: int = field(
        default=16, metadata=whole(1, help="size of the vectors of a word's parts and shape")
    )
    min_count: int = field(default=1, metadata=whole(1, help="rarer symbols are unknown"))
    word_dropout: float = field(
        default=0.0, metadata=share(help="share of symbols read as unknown in training")
    )

    def _symbol_entries(self) -> dict[str, Any]:
        """The entries of a `Spec` for symbols; of numbers there are none."""
        dropped = {"symbol_dropout": float(self.word_dropout)}
        given = self._given_size()
        size = int(self.embedding_size or given or SIZE)
        if self.words_ is not None:
            whole_words = 1 if given else WORD_COLUMNS
            pairs = (
                (codes, size if column < whole_words else int(self.affix_size))
                for column, codes in enumerate(self.words_.sizes)
            )
            columns = WORD_COLUMNS if self.word_dropout else 1
            return {"categories": tuple(pairs), "symbol_columns": columns, **dropped}
        if self.vocabulary_ is not None:
            return {"embedding_size": size, **dropped}
        if self.word_dropout:
            raise ValueError(
                f"word_dropout={self.word_dropout:g} needs words or characters, and X holds numbers"
            )
        return {}
