"""What the estimators of recurrent models share: the arguments of the recurrence, its states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.estimators.base import Network, predict_rows
from unrolled.estimators.options import choice, flag, share, whole
from unrolled.estimators.recurrence import RecurrenceArguments
from unrolled.estimators.symbols import UNITS
from unrolled.estimators.word_inputs import SymbolArguments, TextInputs
from unrolled.runtime.spec import Spec
from unrolled.training import engines


@dataclass(kw_only=True, eq=False, repr=False)
class RecurrentNetwork(RecurrenceArguments, Network):
    """A network with a recurrent stack, whose arguments `RecurrenceArguments` describes.

    Args:
        bucket_by_length: batches of like length, which saves padding.
    """

    bucket_by_length: bool = field(
        default=True, metadata=flag(help="batches of like length, which saves padding")
    )

    def hidden_states(self, X: Any) -> list[NDArray[np.float32]]:
        """Hidden states of the last recurrent layer.

        Args:
            X: N sequences, as in `fit`.

        Returns:
            N arrays [T_i, D*H]; with two directions the forward one comes first.
        """
        self._check_fitted()
        inputs = self._network_inputs(X)
        batches = Batches(inputs, batch_size=predict_rows(inputs), bucket=True)
        states: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(inputs)
        choice = engines.choose(engines.AUTO, self.spec_)
        for rows, batch in engines.hidden_states(choice, self.spec_, self.weights_, batches):
            for column, row in enumerate(rows):
                states[row] = batch[: inputs.lengths[row], column].copy()
        return states

    def _network_inputs(self, X: Any) -> Sequences:
        """What the network reads of new inputs."""
        inputs = self._apply_inputs(self._read_inputs(X, fitting=False))
        assert isinstance(inputs, Sequences)
        return inputs

    def _buckets(self) -> bool:
        return bool(self.bucket_by_length)


@dataclass(kw_only=True, eq=False, repr=False)
class ManyToOneNetwork(TextInputs, SymbolArguments, RecurrentNetwork):
    """A recurrent stack that reads a sequence to its end, then gives one output.

    The stack's arguments are described in `RecurrenceArguments`, those of symbols in
    `SymbolArguments` and `VectorArguments`.

    Args:
        pooling: what the output layer reads: "last" valid state, "mean" or "max" over valid steps.
        unit: a symbol of a text: "word", "character", "token" (between white space, of texts that
            are cut into tokens already) or "subword" (byte-pair encoding; needs the extra `text`).
        vocabulary_size: most symbols, the unknown one among them; None keeps all, and is 8,000 for
            subwords. Not with affixes.
        lowercase: texts are lower-cased.
        affixes: a word is also read by its lower-cased form, its first and last letters and its
            shape, see `unrolled.runtime.word_features`, so that rare and unknown words share what
            they have in common with others; for words and tokens.
        embedding_dropout: probability of zeroing a symbol's whole vector, wherever the symbol comes
            in a batch (Gal & Ghahramani 2016, arXiv 1512.05287). Not with affixes.
    """

    pooling: str = field(
        default="last",
        metadata=choice("last", "mean", "max", help="what the output reads: last, mean or max"),
    )
    unit: str = field(
        default="word",
        metadata=choice(*UNITS, help="a symbol: word, character, token or subword"),
    )
    vocabulary_size: int | None = field(
        default=None, metadata=whole(3, none=True, help="most symbols of a vocabulary")
    )
    lowercase: bool = field(default=False, metadata=flag(help="lower-case texts"))
    affixes: bool = field(
        default=False, metadata=flag(help="read words by their letters and shape too")
    )
    embedding_dropout: float = field(
        default=0.0, metadata=share(help="dropout of whole symbols' vectors")
    )

    def _describe(self) -> Spec:
        return Spec(
            input_size=self._input_size(),
            output_size=self._output_size(),
            head=self._head,
            pooling=self.pooling,
            loss=self._loss(),
            **self._recurrence(),
            **self._text_entries(),
        )

    def _text_entries(self) -> dict[str, Any]:
        entries = self._symbol_entries()
        dropped = float(self.embedding_dropout)
        if dropped and "embedding_size" not in entries:
            came = "affixes=True" if entries else "X of numbers"
            raise ValueError(f"embedding_dropout={dropped:g} does not go with {came}; leave it out")
        return {**entries, "embedding_dropout": dropped}
