"""What comes out: classes or numbers, their weights, losses and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import checks
from unrolled.estimators.class_weights import class_weights
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.inputs import scale
from unrolled.estimators.labels import labels_from_config, labels_to_config
from unrolled.estimators.parts import read_weight
from unrolled.runtime.config_checks import check_keys
from unrolled.runtime.outputs import probabilities
from unrolled.runtime.spec import Spec
from unrolled.runtime.transforms import Scaler

TARGETS = "part targets"


class ClassTargets:
    """Targets of a classifier: one label a row, of any kind that can be sorted."""

    class_weight: dict[Any, float] | str | None
    classes_: NDArray[Any]
    spec_: Spec
    _class_totals: NDArray[np.float64] | None

    _head = "class"

    def _read_targets(self, y: Any) -> NDArray[Any]:
        if y is None:
            raise ValueError(NO_TARGET.format(type(self).__name__))
        if hasattr(y, "to_numpy") and len(getattr(y, "shape", ())) == 1:
            # scikit-learn would turn pandas' nullable whole numbers and bools into floats.
            y = np.asarray(y)
        labels: NDArray[Any] = np.asarray(y) if isinstance(y, list | tuple | np.ndarray) else y
        if isinstance(labels, np.ndarray) and labels.ndim == 1 and labels.dtype.kind in "biuU":
            return labels
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import column_or_1d

        labels = column_or_1d(y, warn=True)
        if labels.dtype.kind == "f":
            _refuse_not_finite(labels)
        if labels.dtype == object:
            row = next((i for i, label in enumerate(labels) if is_missing(label)), None)
            if row is not None:
                raise ValueError(f"y holds no label (None, NaN or NA) in row {row}; give it one")
            if len({isinstance(label, str) for label in labels}) > 1:
                raise TypeError("y holds texts and other labels, which have no order; use one kind")
        check_classification_targets(labels)
        return labels

    def _fit_targets(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None, classes: Any = None
    ) -> None:
        self.classes_ = np.unique(y if classes is None else np.asarray(classes))
        self._class_totals = np.bincount(
            self._apply_targets(y), weight, minlength=len(self.classes_)
        ).astype(np.float64)

    def _apply_targets(self, y: NDArray[Any]) -> NDArray[np.int64]:
        try:
            index = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        except TypeError as error:
            raise TypeError(
                f"y holds labels such as {y[0]!r:.80}, which do not compare with the known "
                f"classes, such as {self.classes_[0]!r:.80}"
            ) from error
        unknown = self.classes_[index] != y
        if unknown.any():
            raise ValueError(
                f"y holds the label {y[unknown].tolist()[0]!r:.80}, which is not among the "
                f"{len(self.classes_)} known classes"
            )
        return index.astype(np.int64)

    def _row_weights(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        """Sample weights times class weights, [N], or None where all are 1."""
        of_class = class_weights(self.class_weight, self.classes_, self._class_totals)
        if of_class is None:
            return weight
        rows: NDArray[np.float64] = of_class[self._apply_targets(y)]
        return rows if weight is None else rows * weight

    def _output_size(self) -> int:
        return len(self.classes_)

    def _stratify(self, y: NDArray[Any]) -> NDArray[Any] | None:
        return y

    def _labels(self, y: NDArray[Any]) -> NDArray[Any] | None:
        return y

    def _targets_to_config(self) -> dict[str, Any]:
        return labels_to_config(self.classes_)

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys(TARGETS, config, (), ("classes", "dtype"))
        self.classes_, self._class_totals = labels_from_config(config), None
        if len(self.classes_) != self.spec_.output_size:
            raise ValueError(
                f"there are {len(self.classes_)} classes and {self.spec_.output_size} outputs"
            )

    def _probabilities(self, X: Any) -> NDArray[np.float64]:
        return probabilities(self._raw_outputs(X))  # type: ignore[attr-defined]

    def _class_metrics(
        self, y: Any, shares: NDArray[np.float64], sample_weight: Any
    ) -> dict[str, float]:
        """Named scores of probabilities [N, K] against labels [N]."""
        from sklearn import metrics

        truth, shares, weights = _weighed(self._read_targets(y), shares, sample_weight)
        index = self._apply_targets(truth)
        guess = self.classes_[shares.argmax(axis=1)]
        weight = {"sample_weight": weights}
        of_truth = np.maximum(shares[np.arange(len(index)), index], np.finfo(np.float64).tiny)
        scores = {
            "accuracy": metrics.accuracy_score(truth, guess, **weight),
            "balanced_accuracy": metrics.recall_score(
                truth, guess, average="macro", labels=np.unique(truth), **weight
            ),
            "f1_macro": metrics.f1_score(truth, guess, average="macro", zero_division=0, **weight),
            "log_loss": np.average(-np.log(of_truth), weights=weights),
        }
        if len(self.classes_) == 2 and len(np.unique(truth)) == 2:
            scores["roc_auc"] = metrics.roc_auc_score(index, shares[:, 1], **weight)
        return {name: float(score) for name, score in scores.items()}


class NumberTargets:
    """Targets of a regression: one number a row, or K."""

    standardize: bool
    loss: str
    target_scaler_: Scaler
    n_outputs_: int
    one_number_: bool
    spec_: Spec

    _head = "point"

    def _read_targets(self, y: Any) -> NDArray[Any]:
        if y is None:
            raise ValueError(NO_TARGET.format(type(self).__name__))
        numbers: NDArray[Any] = checks.as_float(y, "y").astype(np.float64, copy=False)
        if numbers.ndim not in (1, 2) or 0 in numbers.shape[1:]:
            raise ValueError(f"y must be [N] or [N, K] numbers, got shape {list(numbers.shape)}")
        _refuse_not_finite(numbers)
        return numbers

    def _fit_targets(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None, classes: Any = None
    ) -> None:
        columns = y.reshape(len(y), -1)
        self.one_number_ = y.ndim == 1
        self.n_outputs_ = columns.shape[1]
        self.target_scaler_ = (
            Scaler.fit(columns, weight) if self.standardize else Scaler.identity(self.n_outputs_)
        )

    def _apply_targets(self, y: NDArray[Any]) -> NDArray[np.float32]:
        columns = y.reshape(len(y), -1)
        if columns.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {columns.shape[1]} numbers a row, but the model was fitted on "
                f"{self.n_outputs_}"
            )
        return scale(self.target_scaler_, columns, "y")

    def _row_weights(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        return weight

    def _output_size(self) -> int:
        return self.n_outputs_

    def _stratify(self, y: Any) -> None:
        return None

    def _labels(self, y: Any) -> None:
        return None

    def _targets_to_config(self) -> dict[str, Any]:
        return {"scaler": self.target_scaler_.to_config(), "one_number": self.one_number_}

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys(TARGETS, config, (), ("scaler", "one_number"))
        self.target_scaler_ = Scaler.from_config(config["scaler"])
        self.n_outputs_ = self.target_scaler_.channels
        self.one_number_ = config["one_number"]
        if not isinstance(self.one_number_, bool) or (self.one_number_ and self.n_outputs_ > 1):
            raise ValueError(
                f"one_number is {self.one_number_!r:.80} where a target has {self.n_outputs_}"
            )
        if self.n_outputs_ != self.spec_.output_size:
            raise ValueError(
                f"the targets have {self.n_outputs_} numbers and the model "
                f"{self.spec_.output_size} outputs"
            )

    def _numbers(self, X: Any) -> NDArray[np.float64]:
        """Predictions in the units of y, [N] or [N, K] as y was."""
        numbers = self.target_scaler_.invert(self._raw_outputs(X))  # type: ignore[attr-defined]
        return numbers[:, 0] if self.one_number_ else numbers

    def _number_score(self, y: Any, guess: NDArray[np.float64], sample_weight: Any) -> float:
        truth, guess, weights = _weighed(self._read_targets(y), guess, sample_weight)
        if len(truth) < 2:
            from sklearn.metrics import r2_score

            # NaN and a warning.
            return float(r2_score(truth, guess, sample_weight=weights))
        return r2(truth, guess, weights)

    def _number_metrics(
        self, y: Any, guess: NDArray[np.float64], sample_weight: Any
    ) -> dict[str, float]:
        """Named scores of predictions against numbers, both [N] or [N, K]."""
        truth, guess, weights = _weighed(self._read_targets(y), guess, sample_weight)
        squared = float(np.average((truth - guess) ** 2, axis=0, weights=weights).mean())
        scores = {
            "mse": squared,
            "rmse": float(np.sqrt(squared)),
            "mae": float(np.average(np.abs(truth - guess), axis=0, weights=weights).mean()),
        }
        if len(truth) > 1:
            scores["r2"] = r2(truth, guess, weights)
        return scores


def r2(
    truth: NDArray[np.float64], guess: NDArray[np.float64], weights: NDArray[np.float64] | None
) -> float:
    """Coefficient of determination, `1 - sum w (t - y)^2 / sum w (t - mean t)^2`.

    Of several outputs the mean. Of an output that does not vary 1 if it is met, else 0, which are
    scikit-learn's conventions.
    """
    mean = np.average(truth, axis=0, weights=weights)
    w = np.ones(len(truth)) if weights is None else weights
    left, whole = w @ (truth - guess) ** 2, w @ (truth - mean) ** 2
    varies = whole != 0.0
    share = 1.0 - left / np.where(varies, whole, 1.0)
    return float(np.where(varies, share, left == 0.0).mean())


NO_TARGET = (
    "{} requires y to be passed, but the target y is None; give one label or number a sample"
)


def _weighed(
    truth: NDArray[Any], guess: NDArray[Any], sample_weight: Any
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]:
    """Targets, outputs and weights of the rows that count, those with a weight above 0."""
    check_consistent_length(guess, truth)
    weight = read_weight(sample_weight, len(truth))
    if weight is None:
        return truth, guess, None
    counts = weight > 0
    return truth[counts], guess[counts], weight[counts]


def _refuse_not_finite(y: NDArray[Any]) -> None:
    found = checks.first_not_finite(y)
    if found is not None:
        column = f", column {found[1]}" if y.ndim == 2 else ""
        raise checks.not_finite("y", y[found], f"in row {found[0]}{column}")


def is_missing(label: object) -> bool:
    if isinstance(label, float | np.floating):
        return bool(np.isnan(label))
    return label is None or type(label).__name__ == "NAType"
