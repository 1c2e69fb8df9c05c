"""Aligned many to many: sequences in, an output for each of their steps out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences, rows_of
from unrolled.data.tables import is_dataframe
from unrolled.estimators.base import predict_rows
from unrolled.estimators.inputs import SequenceInputs
from unrolled.estimators.parts import Inputs, Part, Seeds
from unrolled.estimators.recurrent import RecurrentNetwork
from unrolled.estimators.step_targets import MISSING_LABEL, check_steps
from unrolled.runtime.spec import Spec
from unrolled.training import engines

# Rows of a batch in the order of the inputs, the places of their steps among those of all
# sequences one after the other, and the raw outputs [steps, K] of these.
Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


class AlignedInputs(SequenceInputs):
    """Sequences whose every step has an output, so that they may be of any length at any time."""

    unit, lowercase, vocabulary_size = "character", False, None

    def _check_columns(self, sequences: Sequences, *, as_table: bool, fitting: bool) -> None:
        # The columns of a table are fixed only where they have names.
        named = hasattr(self, "feature_names_in_")
        super()._check_columns(sequences, as_table=as_table and named, fitting=fitting)


@dataclass(kw_only=True, eq=False, repr=False)
class AlignedNetwork(RecurrentNetwork):
    """A recurrent stack with an output at every step.

    y is N rows of targets, each as long as its sequence; None and NaN are missing ones, which
    neither a loss nor a score counts. Weights are of sequences, and losses means over steps.
    """

    if TYPE_CHECKING:  # see signal.py and tagger.py

        def _input_size(self) -> int: ...
        def _step_weights(self, y: NDArray[Any]) -> NDArray[np.float64] | None: ...

    def _describe(self) -> Spec:
        return Spec(
            input_size=self._input_size(),
            output_size=self._output_size(),
            head=self._head,
            pooling="every",
            loss=self._loss(),
            **self._recurrence(),
            **self._entries(),
        )

    def _entries(self) -> dict[str, Any]:
        """More entries of the spec."""
        return {}

    def _match(self, inputs: Inputs, targets: Any) -> None:
        check_steps(lengths_of(inputs), targets)

    def _batches(self, part: Part, drawn: Seeds | None = None) -> Batches:
        """Transformed sequences as batches, targets and weights a step."""
        inputs = self._apply_inputs(part.inputs)
        assert isinstance(inputs, Sequences)
        if inputs.overlapping:
            # Two windows may have two targets for the step that they share.
            inputs = unshared(inputs)
        y, weight = self._weighed_steps(part, inputs.lengths)
        return Batches(
            self._fed(inputs, y),
            spread(inputs, y, np.nan if y.dtype.kind == "f" else MISSING_LABEL),
            None if weight is None else spread(inputs, weight, 0),
            batch_size=predict_rows(inputs) if drawn is None else int(self.batch_size),
            shuffle=bool(self.shuffle) and drawn is not None,
            bucket=self._buckets(),
            seed=0 if drawn is None else drawn.of("order"),
            every=True,
        )

    def _weighed_steps(
        self, part: Part, lengths: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Targets [S] or [S, K] and weights [S] with a mean of 1 over the steps that have targets.

        A step without a target keeps the weight of its sequence, which the loss "crf" reads at the
        first one.

        Steps of weight 0, or so small beside the largest that float32 makes it 0, are missing.

        Raises:
            ValueError: no step is left.
        """
        y = self._apply_targets(part.y)
        there = known_steps(y)
        if not there.any():
            raise ValueError("y holds no target: all steps of the sequences are missing")
        weight = self._step_weights(y)
        if part.weight is not None:
            of_steps = np.repeat(part.weight, lengths)
            weight = of_steps if weight is None else weight * of_steps
        if weight is None:
            return y, None
        largest = weight[there].max()
        if not largest > 0:
            raise ValueError("class_weight and sample_weight leave no step a weight above zero")
        shares = np.minimum(weight / largest, 1.0)
        counts = there & (shares.astype(np.float32) > 0)
        y[there & ~counts] = np.nan if y.dtype.kind == "f" else MISSING_LABEL
        return y, (shares / shares[counts].mean()).astype(np.float32)

    def _fed(self, inputs: Sequences, y: NDArray[Any]) -> Sequences:
        """What the network reads in training, given the targets of all steps."""
        return inputs

    def _outputs(self, inputs: Sequences) -> Iterator[Found]:
        """Raw outputs, a batch of sequences at a time."""
        batches = Batches(inputs, batch_size=predict_rows(inputs), bucket=True)
        choice = engines.choose(engines.AUTO, self.spec_)
        with engines.suited_threads(choice, self.spec_, min(len(inputs), batches.batch_size)):
            for rows, found in engines.predict(choice, self.spec_, self.weights_, batches):
                yield rows, places(inputs.lengths, rows), found


def lengths_of(inputs: Inputs) -> NDArray[np.int64]:
    """[N] steps of each sequence, text (its characters) or sentence (its words)."""
    if isinstance(inputs, Sequences):
        lengths: NDArray[np.int64] = inputs.lengths
        return lengths
    return np.array([len(text) for text in inputs], np.int64)


def known_steps(y: NDArray[Any]) -> NDArray[np.bool_]:
    """[S] whether a step has any target: of labels [S], or of numbers [S, K]."""
    known: NDArray[np.bool_] = (
        ~np.isnan(y).all(axis=1) if y.dtype.kind == "f" else y != MISSING_LABEL
    )
    return known


def places(lengths: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the steps of some sequences are among those of all, one after the other."""
    starts = (np.cumsum(lengths) - lengths)[rows]
    some = lengths[rows]
    before = np.cumsum(some) - some
    found: NDArray[np.int64] = np.repeat(starts - before, some) + np.arange(int(some.sum()))
    return found


def unshared(inputs: Sequences) -> Sequences:
    """The same sequences one after the other, with no step in two of them."""
    lengths = inputs.lengths
    return Sequences(inputs.values[rows_of(inputs)], np.cumsum(lengths) - lengths, lengths)


def cut(steps: NDArray[Any], lengths: NDArray[np.int64]) -> list[NDArray[Any]]:
    """The steps [S, ...] of all sequences as N arrays [T_i, ...]."""
    return np.split(steps, np.cumsum(lengths)[:-1])


def is_array(X: Any) -> bool:
    """Whether X is one array or DataFrame of N sequences of equally many steps."""
    if isinstance(X, Sequences | list | tuple):
        return False
    return is_dataframe(X) or np.asarray(X).dtype != object


def spread(inputs: Sequences, steps: NDArray[Any], missing: float) -> NDArray[Any]:
    """[M, ...] the steps [S, ...] at the rows of the inputs' values that they belong to."""
    rows = np.full((len(inputs.values), *steps.shape[1:]), missing, steps.dtype)
    rows[rows_of(inputs)] = steps
    return rows
