"""What every estimator shares: the arguments of training, fit, partial_fit, save and load."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.estimators.arguments import TrainingArguments
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import Inputs, Part, Seeds, hold_out, read_weight, seeds
from unrolled.estimators.trainable import Trainable
from unrolled.runtime.spec import Spec
from unrolled.training import engines
from unrolled.training.loop import train
from unrolled.training.plan import Plan
from unrolled.training.progress import Progress

if TYPE_CHECKING:
    from typing_extensions import Self


# Rows that are predicted at once: fewer where sequences are long, which bounds the memory.
PREDICT_ROWS = 256
PREDICT_STEPS = 2**17
MIN_ROWS = 8


class Parts:
    """What the kinds of inputs and targets give to the dataclass below."""

    if TYPE_CHECKING:  # see inputs.py and targets.py
        _head: str

        def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs: ...
        def _fit_inputs(self, inputs: Inputs, weight: NDArray[np.float64] | None) -> None: ...
        def _apply_inputs(self, inputs: Inputs) -> Sequences | NDArray[np.float32]: ...
        # y is what `_read_targets` gave: one target a row, or those of each step of it.
        def _read_targets(self, y: Any) -> Any: ...
        def _fit_targets(
            self, y: Any, weight: NDArray[np.float64] | None, classes: Any = None
        ) -> None: ...
        def _apply_targets(self, y: Any) -> NDArray[Any]: ...
        def _row_weights(
            self, y: Any, weight: NDArray[np.float64] | None
        ) -> NDArray[np.float64] | None: ...
        def _stratify(self, y: Any) -> NDArray[Any] | None: ...
        def _labels(self, y: Any) -> NDArray[Any] | None: ...
        def _inputs_to_config(self) -> dict[str, Any]: ...
        def _inputs_from_config(self, config: Mapping[str, Any]) -> None: ...
        def _targets_to_config(self) -> dict[str, Any]: ...
        def _targets_from_config(self, config: Mapping[str, Any]) -> None: ...
        def _describe(self) -> Spec: ...
        def _loss(self) -> str: ...
        def _output_size(self) -> int: ...


@dataclass(kw_only=True, eq=False, repr=False)
class Network(Parts, TrainingArguments, Trainable):
    """Base of the estimators: the way from data to weights and back.

    Attributes:
        spec_: the model as plain data.
        weights_: [P] float32, all parameters; `named_parameters` gives views by name.
        history_: one record an epoch, see `unrolled.training.history.Record`.
        n_iter_: epochs trained.
        engine_: "kernels" or "torch", what trained.
        n_features_in_: columns of a table, else channels of a sequence.
        table_: how the command line read its columns, or None.
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Any, ...] | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from data; a fit that fails or is interrupted leaves the estimator as it was.

        Args:
            X: the inputs, see the class.
            y: the targets, one a sample.
            sample_weight: [N] weights, or None.
            validation_data: (X, y) or (X, y, sample_weight) to watch instead of a held-out share.
            resume_from: a checkpoint of a fit with the same arguments and data that was stopped;
                the fit goes on from it and ends with the same bits as one that was not stopped.

        Returns:
            The estimator itself.

        Raises:
            ValueError: an argument or the data cannot be used; says which and why.
            TypeError: X or y is of a wrong kind.
            FloatingPointError: the loss became NaN or infinite; says in which batch.
            OSError: the checkpoint cannot be written.
        """
        self._check_fit(given_validation=validation_data is not None)
        with self._unchanged_on_error():
            stored, drawn = self._begin(resume_from)
            part = self._read(X, y, sample_weight)
            labels, held = self._labels(part.y), None
            if validation_data is None and self.validation_fraction:
                strata = self._stratify(part.y)
                part, held = hold_out(part, self.validation_fraction, drawn.of("split"), strata)
            data = self._learn_transforms(part, drawn, labels)
            watched = None if held is None else self._batches(held)
            if validation_data is not None:
                watched = self._watched(validation_data)
            self._train(data, watched, drawn, stored)
        return self

    def initialize(self, X: Any, y: Any) -> Self:
        """Fit the transforms and draw the first weights, without training.

        `fit` with the same arguments and data starts from the same weights, unless it holds rows
        out of texts, whose vocabulary is then smaller.
        """
        check_options(self)
        with self._unchanged_on_error():
            drawn = seeds(self.random_state)
            self._learn_transforms(self._read(X, y), drawn)
            self._start(drawn)
        return self

    def _read(self, X: Any, y: Any, sample_weight: Any = None, *, fitting: bool = True) -> Part:
        """Check inputs, targets and weights once; rows of weight 0 are left out."""
        inputs = self._read_inputs(X, fitting=fitting)
        targets = self._read_targets(y)
        check_consistent_length(inputs, targets)
        self._match(inputs, targets)
        part = Part(inputs, targets, read_weight(sample_weight, len(targets)))
        if part.weight is None or part.weight.all():
            return part
        return part.take(np.flatnonzero(part.weight))

    def _match(self, inputs: Inputs, targets: Any) -> None:
        """Check what inputs and targets must have in common beside their number."""

    def _watched(self, data: Any) -> Batches:
        """The batches of `validation_data`, which errors about them name."""
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise ValueError(
                f"validation_data must be (X, y) or (X, y, sample_weight), got {data!r:.80}"
            )
        X, y, *weight = data
        try:
            return self._batches(self._read(X, y, *weight, fitting=False))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"validation_data: {error}") from error

    def _learn_transforms(self, part: Part, drawn: Seeds, classes: Any = None) -> Batches:
        """Fit the transforms on the training part, and describe the model for it.

        `classes` are the labels there are, where the part may lack some.
        """
        self._fit_inputs(part.inputs, part.weight)
        self._fit_targets(part.y, part.weight, classes)
        self.spec_ = self._describe()
        return self._batches(part, drawn)

    def _batches(self, part: Part, drawn: Seeds | None = None) -> Batches:
        """Transformed rows as batches; in a new order each epoch where they are trained on."""
        part = part.weighed(self._row_weights(part.y, part.weight))
        inputs = self._apply_inputs(part.inputs)
        return Batches(
            inputs,
            self._apply_targets(part.y),
            None if part.weight is None else part.weight.astype(np.float32),
            batch_size=predict_rows(inputs) if drawn is None else int(self.batch_size),
            shuffle=bool(self.shuffle) and drawn is not None,
            bucket=self._buckets(),
            seed=0 if drawn is None else drawn.of("order"),
        )

    def _buckets(self) -> bool:
        return True

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> None:
        """One epoch over the rows, going on from where training stands."""
        check_options(self)
        with self._unchanged_on_error():
            first = not hasattr(self, "weights_")
            part = self._read(X, y, sample_weight, fitting=first)
            drawn = seeds(self.random_state) if first else Seeds(self._seed)
            if first:
                data = self._learn_transforms(part, drawn, classes)
                self._start(drawn)
            else:
                if self._describe() != self.spec_:
                    raise ValueError(_OTHER_MODEL.format(type(self).__name__))
                data = self._batches(part, drawn)
                self.weights_ = self.weights_.copy()
            choice, engine = self._start_engine(drawn)
            if not first and self._engine_state is not None:
                # What another optimizer, set before this call, remembers is no use to this one.
                fresh = engine.state()
                engine.load_state(
                    {name: self._engine_state.get(name, fresh[name]) for name in fresh}
                )
            progress = Progress(epoch=self.n_iter_, history=list(self.history_))
            plan = Plan(max_epochs=self.n_iter_ + 1, optimizer=self._optimizer())
            run_on = partial(train, engine, self.weights_, data, None, plan, progress)
            self._run(run_on, choice, engine, data, progress, None)

    def _raw_outputs(self, X: Any) -> NDArray[np.float32]:
        """Raw outputs [N, K] of the model, in the order of X."""
        inputs = self._apply_inputs(self._read_inputs(X, fitting=False))
        batches = Batches(inputs, batch_size=predict_rows(inputs), bucket=True)
        outputs = np.empty((len(inputs), self.spec_.output_size), np.float32)
        choice = engines.choose(engines.AUTO, self.spec_)
        with engines.suited_threads(choice, self.spec_, min(len(inputs), batches.batch_size)):
            for rows, found in engines.predict(choice, self.spec_, self.weights_, batches):
                outputs[rows] = found
        return outputs


_OTHER_MODEL = (
    "the arguments of this {} describe another model than the one that was fitted, which "
    "partial_fit would go on with; set them back, or call fit"
)


def predict_rows(inputs: Sequences | NDArray[np.float32]) -> int:
    """How many rows of these inputs are predicted at once."""
    longest = int(inputs.lengths.max()) if isinstance(inputs, Sequences) else 1
    return max(MIN_ROWS, min(PREDICT_ROWS, PREDICT_STEPS // longest))
