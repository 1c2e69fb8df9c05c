"""Aligned many to many with numbers: a signal to a number, or several, for each of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.data.text import is_sentences, is_texts
from unrolled.estimators.aligned import (
    AlignedInputs,
    AlignedNetwork,
    Found,
    cut,
    is_array,
    places,
    spread,
    unshared,
)
from unrolled.estimators.base import predict_rows
from unrolled.estimators.inputs import scale
from unrolled.estimators.options import flag
from unrolled.estimators.parts import Inputs
from unrolled.estimators.step_targets import read_numbers
from unrolled.estimators.targets import NumberTargets, r2
from unrolled.estimators.tasks import Regressor
from unrolled.runtime.spec import Spec
from unrolled.runtime.stepper import Stepper
from unrolled.runtime.transforms import Scaler


class SignalInputs(AlignedInputs):
    """N signals of C channels."""

    min_count = 1

    def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        if is_texts(X) or is_sentences(X):
            raise TypeError(f"X holds texts, but {type(self).__name__} reads numbers")
        if fitting:
            self.vocabulary_ = None
        return super()._read_inputs(X, fitting=fitting)

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        super()._inputs_from_config(config)
        if self.scaler_ is None:
            raise ValueError("the inputs of signals need a scaler")


class StepNumberTargets(NumberTargets):
    """Targets of a regression: K numbers for each step, NaN where one is missing."""

    def _read_targets(self, y: Any) -> Any:
        return read_numbers(y, self)

    def _fit_targets(self, y: Any, weight: NDArray[np.float64] | None, classes: Any = None) -> None:
        numbers = y.flat()
        steps = None if weight is None else np.repeat(weight, y.steps.lengths)
        self.one_number_, self.n_outputs_ = y.one_number, numbers.shape[1]
        there = ~np.isnan(numbers)
        if not there.any(axis=0).all():
            column = int(np.argmin(there.any(axis=0)))
            of = "" if y.one_number else f" in column {column}"
            raise ValueError(f"y holds no number{of}: all steps are missing")
        if not self.standardize:
            self.target_scaler_ = Scaler.identity(self.n_outputs_)
            return
        each = [
            Scaler.fit(column[known, None], None if steps is None else steps[known])
            for column, known in zip(numbers.T, there.T, strict=True)
        ]
        self.target_scaler_ = Scaler(
            np.concatenate([scaler.mean for scaler in each]),
            np.concatenate([scaler.scale for scaler in each]),
        )

    def _apply_targets(self, y: Any) -> NDArray[np.float32]:
        numbers = self._same_width(y.flat())
        missing = np.isnan(numbers)
        scaled = scale(
            self.target_scaler_, np.where(missing, self.target_scaler_.mean, numbers), "y"
        )
        scaled[missing] = np.nan
        return scaled

    def _same_width(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        if numbers.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {numbers.shape[1]} numbers a step, but the model was fitted on "
                f"{self.n_outputs_}"
            )
        return numbers

    def _step_weights(self, y: NDArray[Any]) -> None:
        return None


@dataclass(kw_only=True, eq=False, repr=False)
class SignalRegressor(SignalInputs, StepNumberTargets, Regressor, AlignedNetwork):
    """A recurrent network that gives each step of a signal a number, or several.

    X is a list of N arrays [T_i, C] or [T_i] of any lengths, an array [N, T, C] or [N, T], or a
    DataFrame with a row a sequence; y is as long: a list of N arrays [T_i] or [T_i, K], or an array
    [N, T] or [N, T, K]. A number of y that is None or NaN is missing, and neither learnt nor
    scored. The output at a step depends on that step and those before it, with `bidirectional` on
    those behind it too. Weights are of sequences; the loss and all scores are means over steps.

    All arguments stand in `docs/arguments.md`. They are described where they are defined: those of
    the recurrence in `RecurrenceArguments`, of the task in `Regressor`, of training in
    `TrainingArguments`.

    Args:
        output_feedback: the target of the step before is an input too: in training the true one
            (teacher forcing, Williams & Zipser 1989), the mean where it is missing and at a first
            step; in `predict` and all scores the model's own output, as in a simulation. The
            losses in `history_` are of one step ahead of the truth.

    >>> import numpy as np
    >>> from unrolled import SignalRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=n) for n in rng.integers(20, 40, size=30)]
    >>> y = [np.convolve(x, [0.5, 0.3, 0.2])[: len(x)] for x in X]  # a filter of three steps
    >>> model = SignalRegressor(
    ...     hidden_size=16, learning_rate=0.01, max_epochs=30, random_state=0
    ... ).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> [len(numbers) for numbers in model.predict([[1.0, 0.0, 0.0], [2.0]])]
    [3, 1]
    """

    output_feedback: bool = field(
        default=False, metadata=flag(help="read the output of the step before")
    )

    def predict(  # type: ignore[override]
        self, X: Any
    ) -> list[NDArray[np.float64]] | NDArray[np.float64]:
        """Numbers for each step in the units of y.

        Returns:
            N arrays [T_i], or [T_i, K] where y was so; one array [N, T] or [N, T, K] where X is an
            array or a DataFrame.
        """
        self._check_fitted()
        inputs = self._signals(X)
        numbers = self._found(inputs)
        if self.one_number_:
            numbers = numbers[:, 0]
        if is_array(X):
            return numbers.reshape(len(inputs), -1, *numbers.shape[1:])
        return cut(numbers, inputs.lengths)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination, r2, over all steps; of K numbers the mean of theirs."""
        return self.evaluate(X, y, sample_weight)["r2"]

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Named scores over all steps, in the units of y: mse, rmse, mae, r2.

        Of K numbers a step the means of theirs, of which each counts the steps that have it; the
        rmse is the root of the mse. r2 is NaN where there are fewer than two steps.

        Raises:
            ValueError: X and y do not fit each other or the model, or a column of y is missing at
                all steps.
        """
        self._check_fitted()
        part = self._read(X, y, sample_weight, fitting=False)
        truth = self._same_width(part.y.flat())
        inputs = self._apply_inputs(part.inputs)
        guess = self._found(inputs)
        weight = np.ones(len(inputs)) if part.weight is None else part.weight
        steps = np.repeat(weight, inputs.lengths)
        scores = [
            _scores(*(array[~np.isnan(column)] for array in (column, found, steps)))
            for column, found in zip(truth.T, guess.T, strict=True)
        ]
        means = {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}
        return {**means, "rmse": float(np.sqrt(means["mse"]))}

    def _describe(self) -> Spec:
        if self.output_feedback and self.bidirectional:
            raise ValueError(
                "output_feedback needs the outputs before a step, and bidirectional=True reads the "
                "steps behind it first; set one of them to False"
            )
        return super()._describe()

    def _input_size(self) -> int:
        return super()._input_size() + (self.n_outputs_ if self.output_feedback else 0)

    def _feeds_back(self) -> bool:
        """Whether the network that was fitted reads its outputs, whatever the argument is now."""
        return self.spec_.input_size > super()._input_size()

    def _signals(self, X: Any) -> Sequences:
        inputs = self._apply_inputs(self._read_inputs(X, fitting=False))
        assert isinstance(inputs, Sequences)
        return inputs

    def _network_inputs(self, X: Any) -> Sequences:
        inputs = self._signals(X)
        if not self._feeds_back():
            return inputs
        inputs = unshared(inputs)
        outputs = np.empty((len(inputs.values), self.n_outputs_), np.float32)
        for _, where, found in self._outputs(inputs):
            outputs[where] = found
        return self._fed(inputs, outputs)

    def _fed(self, inputs: Sequences, y: NDArray[Any]) -> Sequences:
        """With output feedback, the targets [S, K] of the steps before as further channels."""
        if not self._feeds_back():
            return inputs
        before = np.zeros_like(y)
        before[1:] = np.nan_to_num(y[:-1])
        before[np.cumsum(inputs.lengths) - inputs.lengths] = 0.0
        return inputs.with_values(
            np.concatenate([inputs.values, spread(inputs, before, 0.0)], axis=1)
        )

    def _found(self, inputs: Sequences) -> NDArray[np.float64]:
        """Numbers [S, K] of the steps of all sequences, in the units of y."""
        numbers = np.empty((int(inputs.lengths.sum()), self.n_outputs_))
        for _, where, found in self._outputs(inputs):
            numbers[where] = self.target_scaler_.invert(found)
        return numbers

    def _outputs(self, inputs: Sequences) -> Iterator[Found]:
        return self._fed_back(inputs) if self._feeds_back() else super()._outputs(inputs)

    def _fed_back(self, inputs: Sequences) -> Iterator[Found]:
        """Raw outputs with each fed back to the step behind it, all rows of a batch at once."""
        stepper = Stepper(self.spec_, self.weights_)
        batches = Batches(inputs, batch_size=predict_rows(inputs), bucket=True)
        for batch in batches.order(0):
            # The longest first: those that go on are the first ones.
            rows = batch[np.argsort(-inputs.lengths[batch], kind="stable")]
            starts, lengths = inputs.starts[rows], inputs.lengths[rows]
            state = stepper.zeros(len(rows))
            last = np.zeros((len(rows), self.n_outputs_), np.float32)
            found = np.empty((len(rows), lengths[0], self.n_outputs_), np.float32)
            for t in range(lengths[0]):
                there = int((lengths > t).sum())
                x = np.concatenate([inputs.values[starts[:there] + t], last[:there]], axis=1)
                last, state = stepper.step(x, tuple(part[:there] for part in state))
                found[:there, t] = last
            within = np.arange(lengths[0]) < lengths[:, None]
            yield rows, places(inputs.lengths, rows), found[within]


def _scores(
    truth: NDArray[np.float64], guess: NDArray[np.float64], weight: NDArray[np.float64]
) -> dict[str, float]:
    """Scores of one number at the steps that have it, [S] each."""
    if len(truth) == 0:
        raise ValueError("y holds no number to score in one of its columns: all are missing")
    error = truth - guess
    return {
        "mse": float(np.average(error**2, weights=weight)),
        "rmse": np.nan,
        "mae": float(np.average(np.abs(error), weights=weight)),
        "r2": r2(truth, guess, weight) if len(truth) > 1 else np.nan,
    }
