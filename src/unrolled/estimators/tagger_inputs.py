"""What a tagger reads: sentences as lists of words, texts by their characters, or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unrolled.data import checks
from unrolled.data.text import is_sentences, is_texts
from unrolled.estimators.aligned import AlignedInputs
from unrolled.estimators.parts import Inputs
from unrolled.estimators.word_inputs import WordInputs


class TaggerInputs(AlignedInputs, WordInputs):
    """N sentences as lists of words, N texts, or N sequences of C channels."""

    def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        if isinstance(X, str | bytes):
            raise TypeError(
                f"X is {X!r:.80}, a single text; give a list of texts, or of lists of words"
            )
        if isinstance(X, list | tuple) and not X:
            raise checks.too_few("X", "sample", (0,))
        words = is_sentences(X)
        came = "words" if words else "texts" if is_texts(X) else "numbers"
        if not fitting and came != self._reads():
            raise TypeError(
                f"X holds {came}, but {type(self).__name__} was fitted on {self._reads()}"
            )
        if not words:
            return super()._read_inputs(X, fitting=fitting)
        if fitting:
            for name in ("n_features_in_", "feature_names_in_", "reads_table_"):
                vars(self).pop(name, None)
        return [_sentence(sentence, i) for i, sentence in enumerate(X)]

    def _reads(self) -> str:
        if self.words_ is not None:
            return "words"
        return "numbers" if self.vocabulary_ is None else "texts"

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        super()._inputs_from_config(config)
        vocabulary = self.vocabulary_
        if vocabulary is not None and (vocabulary.unit != "character" or vocabulary.lowercase):
            raise ValueError("a tagger of texts needs a vocabulary of characters as they are")


def _sentence(sentence: Any, i: int) -> list[str]:
    if isinstance(sentence, str | bytes) or not hasattr(sentence, "__len__"):
        raise TypeError(f"X[{i}] is {sentence!r:.80}, not a list of words as X[0] is")
    words = list(sentence)
    if not words:
        raise ValueError(
            f"X[{i}] is a sentence without a word; drop it, every sequence needs at least one step"
        )
    for t, word in enumerate(words):
        if not word:
            raise ValueError(f"X[{i}][{t}] is {word!r}, not a word; leave it out, or write a mark")
        if not isinstance(word, str):
            raise TypeError(f"X[{i}][{t}] must be a word, got {type(word).__name__} {word!r:.80}")
    return words
