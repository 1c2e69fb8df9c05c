"""What the estimators of recurrent models share: the arguments of the recurrence, its states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.estimators.base import Network, predict_rows
from unrolled.estimators.inputs import SequenceInputs
from unrolled.estimators.options import choice, flag, whole
from unrolled.estimators.recurrence import RecurrenceArguments
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
class ManyToOneNetwork(SequenceInputs, RecurrentNetwork):
    """A recurrent stack that reads a sequence to its end, then gives one output.

    The stack's arguments are described in `RecurrenceArguments`.

    Args:
        pooling: what the output layer reads: "last" valid state, "mean" or "max" over valid steps.
        embedding_size: size of a symbol's vector, for texts.
        unit: a symbol of a text: "word" or "character".
        min_count: symbols that come less often in the training texts are the unknown symbol.
        lowercase: texts are lower-cased.
    """

    pooling: str = field(
        default="last",
        metadata=choice("last", "mean", "max", help="what the output reads: last, mean or max"),
    )
    embedding_size: int = field(default=64, metadata=whole(1, help="size of a symbol's vector"))
    unit: str = field(
        default="word", metadata=choice("word", "character", help="word or character, for texts")
    )
    min_count: int = field(default=1, metadata=whole(1, help="rarer symbols are unknown"))
    lowercase: bool = field(default=False, metadata=flag(help="lower-case texts"))

    def _describe(self) -> Spec:
        return Spec(
            input_size=self._input_size(),
            output_size=self._output_size(),
            head=self._head,
            embedding_size=0 if self.vocabulary_ is None else int(self.embedding_size),
            pooling=self.pooling,
            loss=self._loss(),
            **self._recurrence(),
        )
