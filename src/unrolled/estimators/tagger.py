"""Aligned many to many with labels: a sentence, a text or a signal to a label for each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Sequences
from unrolled.estimators.aligned import AlignedNetwork, cut
from unrolled.estimators.class_weights import class_weights
from unrolled.estimators.options import flag
from unrolled.estimators.parts import Part
from unrolled.estimators.step_targets import MISSING_LABEL, StepLabels, read_labels
from unrolled.estimators.tag_report import TagReport, counts, f1_macro, tag_report
from unrolled.estimators.tagger_inputs import TaggerInputs
from unrolled.estimators.targets import ClassTargets
from unrolled.estimators.tasks import LabelLearner
from unrolled.estimators.word_inputs import SymbolArguments
from unrolled.runtime import crf
from unrolled.runtime.outputs import probabilities
from unrolled.runtime.spec import Spec

CRF = "crf"


class StepLabelTargets(ClassTargets):
    """Targets of a tagger: one label for each step."""

    def _read_targets(self, y: Any) -> Any:
        return read_labels(y, self)

    def _fit_targets(self, y: Any, weight: NDArray[np.float64] | None, classes: Any = None) -> None:
        self.classes_ = np.unique(self._labels(y) if classes is None else np.asarray(classes))
        codes = self._apply_targets(y)
        there = codes != MISSING_LABEL
        steps = None if weight is None else np.repeat(weight, y.steps.lengths)[there]
        totals = np.bincount(codes[there], steps, minlength=len(self.classes_))
        self._class_totals = totals.astype(np.float64)

    def _apply_targets(self, y: Any) -> NDArray[np.int64]:
        """[S] the place of each step's label among the classes, -1 where it is missing."""
        codes, labels = self._places(y)
        unknown = codes >= len(self.classes_)
        if unknown.any():
            raise ValueError(
                f"y holds the label {labels[codes[unknown][0]]!r:.80}, which is not among the "
                f"{len(self.classes_)} known classes"
            )
        return codes

    def _places(self, y: StepLabels) -> tuple[NDArray[np.int64], list[Any]]:
        """Places [S] among the classes and, behind them, the labels of y that are not known."""
        labels = self.classes_.tolist()
        if (y.labels.dtype.kind == "U") != (self.classes_.dtype.kind == "U"):
            raise TypeError(
                f"y holds labels such as {y.labels.tolist()[0]!r:.80}, which do not compare with "
                f"the known classes, such as {labels[0]!r:.80}"
            )
        place = {label: i for i, label in enumerate(labels)}
        for label in self._labels(y).tolist():
            if label not in place:
                place[label] = len(labels)
                labels.append(label)
        to_place = [place.get(label, MISSING_LABEL) for label in y.labels.tolist()]
        return np.array([*to_place, MISSING_LABEL], np.int64)[y.flat()], labels

    def _labels(self, y: Any) -> NDArray[Any]:
        codes = np.unique(y.flat())
        used: NDArray[Any] = y.labels[codes[codes != MISSING_LABEL]]
        if len(used) == 0:
            raise ValueError("y holds no label: all steps of the sequences are missing")
        return used

    def _stratify(self, y: Any) -> None:
        return None

    def _step_weights(self, y: NDArray[Any]) -> NDArray[np.float64] | None:
        of_class = class_weights(self.class_weight, self.classes_, self._class_totals)
        return None if of_class is None else of_class[y]


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceTagger(TaggerInputs, StepLabelTargets, LabelLearner, SymbolArguments, AlignedNetwork):
    """A recurrent network that gives each step of a sequence a label: each word, each character.

    X is a list of N sentences, which are lists of words; or a list of N texts, whose characters
    are the steps; or, as for `SignalRegressor`, numbers: a list of N arrays [T_i, C] or [T_i], an
    array [N, T, C] or [N, T]. y is N lists of labels as long, or an array [N, T]. A label that is
    None or NaN is missing, and neither learnt nor scored. Weights are of sequences; the loss and
    the accuracy are means over steps.

    Of a word the network reads the word, its lower-cased form, its first and last letters and its
    shape, see `unrolled.runtime.word_features`, which is how it reads words it has not seen.

    All arguments stand in `docs/arguments.md`. They are described where they are defined: those of
    the recurrence in `RecurrenceArguments`, `class_weight` in `LabelLearner`, those of words and
    characters in `SymbolArguments` and `VectorArguments`, those of training in `TrainingArguments`.

    Args:
        bidirectional: a second stack reads from the last step to the first.
        crf: labels depend on their neighbours by a linear-chain conditional random field (Lafferty,
            McCallum & Pereira 2001; with recurrent networks Huang, Xu & Yu 2015, arXiv
            1508.01991): it is trained on the likelihood of a sequence's labels, `predict` gives the
            likeliest labels together (Viterbi), `predict_proba` those of each step.

    >>> from unrolled import SequenceTagger
    >>> X = [["the", "cat", "runs"], ["a", "dog", "sleeps"], ["cats", "sleep"], ["the", "dog"]] * 5
    >>> d, n, v = "determiner", "noun", "verb"
    >>> y = [[d, n, v], [d, n, v], [n, v], [d, n]] * 5
    >>> model = SequenceTagger(
    ...     hidden_size=16, learning_rate=0.01, max_epochs=30, random_state=0
    ... ).fit(X, y)
    >>> model.predict([["a", "cat", "sleeps"]])
    [['determiner', 'noun', 'verb']]
    """

    bidirectional: bool = field(default=True, metadata=flag(help="read both ways"))
    crf: bool = field(default=False, metadata=flag(help="labels depend on their neighbours"))

    def predict(self, X: Any) -> list[list[Any]]:
        """The labels of each sequence, N lists of T_i: the likeliest of each step.

        With `crf` the likeliest together.
        """
        self._check_fitted()
        inputs = self._network_inputs(X)
        labels = self.classes_[self._codes(inputs)]
        return [part.tolist() for part in cut(labels, inputs.lengths)]

    def predict_proba(self, X: Any) -> list[NDArray[np.float64]]:
        """Probabilities of the classes, in the order of `classes_`: N arrays [T_i, K].

        With `crf` they are those of each step, whatever the labels of the others.
        """
        self._check_fitted()
        inputs = self._network_inputs(X)
        shares = np.empty((int(inputs.lengths.sum()), self.spec_.output_size))
        for rows, where, found in self._outputs(inputs):
            shares[where] = self._shares(found, inputs.lengths[rows])
        return cut(shares, inputs.lengths)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy over all steps; a label that was not in training is never right."""
        self._check_fitted()
        part = self._read(X, y, sample_weight, fitting=False)
        inputs = self._applied(part)
        truth, _ = self._places(part.y)
        there = _known(truth)
        weight = None if part.weight is None else np.repeat(part.weight, inputs.lengths)[there]
        right = (self._codes(inputs) == truth)[there]
        return float(np.average(right, weights=weight))

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Named scores: accuracy, sequence_accuracy, f1_macro, log_loss (in nats).

        `accuracy`, `f1_macro` and `log_loss` are over all steps, `sequence_accuracy` is the share
        of sequences whose labels are all right. A label that was not in training is never right;
        with one, `log_loss` is NaN, for the model gives such labels no probability, unless the
        sequence has weight 0.
        """
        self._check_fitted()
        part = self._read(X, y, sample_weight, fitting=False)
        inputs = self._applied(part)
        truth, labels = self._places(part.y)
        there, lengths = _known(truth), inputs.lengths
        guess, of_truth = np.empty_like(truth), np.full(len(truth), np.nan)
        for rows, where, found in self._outputs(inputs):
            guess[where] = self._decoded(found, lengths[rows])
            shares, wanted = self._shares(found, lengths[rows]), truth[where]
            can = np.flatnonzero((wanted >= 0) & (wanted < len(self.classes_)))
            of_truth[where[can]] = shares[can, wanted[can]]
        weight = np.ones(len(lengths)) if part.weight is None else part.weight
        steps = np.repeat(weight, lengths)
        right = (guess == truth) | ~there
        whole_right = np.logical_and.reduceat(right, np.cumsum(lengths) - lengths)
        labelled = np.logical_or.reduceat(there, np.cumsum(lengths) - lengths)
        # NaN where the label is not among the classes, unless it weighs nothing.
        counted = there & (steps > 0)
        nats = -np.log(np.maximum(of_truth[counted], np.finfo(np.float64).tiny))
        found_labels = counts(len(labels), truth[there], guess[there], steps[there])
        return {
            "accuracy": float(np.average(right[there], weights=steps[there])),
            "sequence_accuracy": float(np.average(whole_right[labelled], weights=weight[labelled])),
            "f1_macro": f1_macro(*found_labels),
            "log_loss": float(np.average(nats, weights=steps[counted])),
        }

    def report(self, X: Any, y: Any) -> TagReport:
        """Precision, recall and f1 of each label; printed, it is a table."""
        self._check_fitted()
        part = self._read(X, y, fitting=False)
        truth, labels = self._places(part.y)
        there = _known(truth)
        guess = self._codes(self._applied(part))
        order = sorted(range(len(labels)), key=labels.__getitem__)
        place = np.empty(len(labels), np.int64)
        place[order] = np.arange(len(labels))
        return tag_report([labels[i] for i in order], place[truth[there]], place[guess[there]])

    def _describe(self) -> Spec:
        if self.crf and self.class_weight is not None:
            raise ValueError(
                "class_weight weighs each step by itself, which crf=True does not; give "
                "sample_weight, or set one of them back"
            )
        return super()._describe()

    def _loss(self) -> str:
        return CRF if self.crf else super()._loss()

    def _entries(self) -> dict[str, Any]:
        return self._symbol_entries()

    def _applied(self, part: Part) -> Sequences:
        inputs = self._apply_inputs(part.inputs)
        assert isinstance(inputs, Sequences)
        return inputs

    def _codes(self, inputs: Sequences) -> NDArray[np.int64]:
        """[S] the place of the label of each step among the classes."""
        codes = np.empty(int(inputs.lengths.sum()), np.int64)
        for rows, where, found in self._outputs(inputs):
            codes[where] = self._decoded(found, inputs.lengths[rows])
        return codes

    def _decoded(self, found: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of the likeliest label of each step of a batch, [S] of raw outputs [S, K]."""
        if self.spec_.loss == CRF:
            return crf.viterbi(found, lengths, *self._moves())
        codes: NDArray[np.int64] = found.argmax(axis=1)
        return codes

    def _shares(
        self, found: NDArray[np.float32], lengths: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Probabilities [S, K] of a batch."""
        if self.spec_.loss == CRF:
            return crf.marginals(found, lengths, *self._moves())
        return probabilities(found)

    def _moves(self) -> tuple[NDArray[np.float32], ...]:
        """Scores of the first label, of the last, and of one behind another."""
        named: Mapping[str, NDArray[np.float32]] = self.named_parameters()
        return named["crf.start"], named["crf.end"], named["crf.transition"]


def _known(truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    there: NDArray[np.bool_] = truth != MISSING_LABEL
    if not there.any():
        raise ValueError("y holds no label to score: all steps of the sequences are missing")
    return there
