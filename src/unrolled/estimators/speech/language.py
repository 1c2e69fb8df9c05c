"""What knows which symbols follow which, for beam search: counted, or a language model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.estimators.language.scoring import log_softmax
from unrolled.estimators.language_model import LanguageModel
from unrolled.runtime.ctc import Scorer
from unrolled.runtime.ngram import NGram
from unrolled.runtime.stepper import Stepper

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols

END = 1
METHODS = ("start", "following", "extend", "end")
State = tuple[NDArray[np.float64], Any]


class LanguageScorer:
    """A language model over the outputs of a recognizer; its state goes along as a value.

    A symbol that it does not know is its unknown one.

    Args:
        model: a fitted `LanguageModel` whose symbols are of the recognizer's unit.
        vocabulary: of the recognizer.

    Raises:
        ValueError: its symbols are of another unit.
    """

    def __init__(self, model: LanguageModel, vocabulary: Symbols) -> None:
        known = model.vocabulary_
        if known.unit != vocabulary.unit:
            raise ValueError(
                f"language_model foretells symbols of the unit {known.unit!r}, and this model "
                f"writes {vocabulary.unit!r}; give one of the same unit"
            )
        self._stepper, self._knows_ends = Stepper(model.spec_, model.weights_), model.several_
        index = {symbol: i for i, symbol in enumerate(known.symbols)}
        symbols = [s.lower() if known.lowercase else s for s in vocabulary.symbols[1:]]
        # Output 0 is the blank, 1 the unknown symbol: neither is asked for.
        self._tokens = np.array([0, 0, *(index.get(symbol, 0) for symbol in symbols)])

    def start(self) -> State:
        """The state before the first symbol: behind the end of a text."""
        return self._after(END, self._stepper.zeros(1))

    def following(self, state: State) -> NDArray[np.float64]:
        """Log-probabilities [K] of what comes next."""
        log_p: NDArray[np.float64] = state[0][self._tokens]
        return log_p

    def extend(self, state: State, symbol: int) -> State:
        """The state behind one more symbol."""
        return self._after(int(self._tokens[symbol]), state[1])

    def end(self, state: State) -> float:
        """Log-probability that nothing comes next; 0 of a model that knows no ends."""
        return float(state[0][END]) if self._knows_ends else 0.0

    def _after(self, token: int, state: Any) -> State:
        scores, state = self._stepper.step(np.array([token]), state)
        return log_softmax(scores[0]), state


def as_scorer(model: Any, vocabulary: Symbols) -> Scorer | None:
    """What is given as a language model, as beam search asks it.

    Args:
        model: a `LanguageModel`, or the folder of a saved one; an `NGram` over the recognizer's
            outputs; any other `unrolled.runtime.ctc.Scorer`; or None.
        vocabulary: of the recognizer.

    Raises:
        TypeError: it is nothing of that.
        ValueError: it is of other symbols, or not fitted.
        ArtifactError: the folder holds no language model.
    """
    if model is None:
        return None
    if isinstance(model, str | os.PathLike):
        model = LanguageModel.load(model)
    if isinstance(model, LanguageModel):
        model._check_fitted()
        return LanguageScorer(model, vocabulary)
    if isinstance(model, NGram) and model.num_symbols != len(vocabulary) + 1:
        raise ValueError(
            f"language_model counts {model.num_symbols} symbols, the boundary among them, and this "
            f"model writes {len(vocabulary) + 1}, the blank among them; `ngram` counts them alike"
        )
    if not all(callable(getattr(model, method, None)) for method in METHODS):
        raise TypeError(
            "language_model must be a LanguageModel, the folder of one, what `ngram` gives, or an "
            f"object with the methods {', '.join(METHODS)}, got {type(model).__name__}"
        )
    scorer: Scorer = model
    return scorer
