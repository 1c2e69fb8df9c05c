"""What comes out: classes or numbers, their weights, losses and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

from unrolled.models.heads import probabilities
from unrolled.runtime.spec import Spec
from unrolled.runtime.transforms import Scaler


class ClassTargets:
    """Targets of a classifier: one label a row, of any kind that can be sorted."""

    class_weight: dict[Any, float] | str | None
    classes_: NDArray[Any]
    spec_: Spec

    _head = "class"

    def _read_targets(self, y: Any) -> NDArray[Any]:
        if y is None:
            raise ValueError(_NO_TARGET.format(type(self).__name__))
        labels: NDArray[Any] = column_or_1d(y, warn=True)
        if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
            raise ValueError("y holds NaN or infinity; every row needs a label")
        if labels.dtype == object and any(_is_missing(label) for label in labels):
            raise ValueError("y holds a missing label (None or NaN); every row needs a label")
        check_classification_targets(labels)
        return labels

    def _fit_targets(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None, classes: Any = None
    ) -> None:
        self.classes_ = np.unique(y if classes is None else np.asarray(classes))

    def _apply_targets(self, y: NDArray[Any]) -> NDArray[np.int64]:
        index = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        unknown = self.classes_[index] != y
        if unknown.any():
            raise ValueError(
                f"y holds the label {y[unknown][0]!r}, which is not among the "
                f"{len(self.classes_)} classes of the training part"
            )
        return index.astype(np.int64)

    def _row_weights(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        """Sample weights times class weights, [N], or None where all are 1."""
        if self.class_weight is None:
            return weight
        if isinstance(self.class_weight, str) and self.class_weight != "balanced":
            raise ValueError(
                "class_weight must be a dict of labels to weights, 'balanced' or None, got "
                f"{self.class_weight!r}"
            )
        present = np.unique(y)
        of_class = compute_class_weight(self.class_weight, classes=present, y=y)
        rows: NDArray[np.float64] = of_class[np.searchsorted(present, y)]
        return rows if weight is None else rows * weight

    def _output_size(self) -> int:
        return len(self.classes_)

    def _stratify(self, y: NDArray[Any]) -> NDArray[Any] | None:
        return y

    def _targets_to_config(self) -> dict[str, Any]:
        labels = self.classes_.tolist()
        kinds = {type(label) for label in labels}
        if len(kinds) != 1 or not kinds <= {bool, int, float, str}:
            raise ValueError(
                "classes_ must be texts, whole numbers, numbers or bools to be saved, got "
                f"{', '.join(sorted(kind.__name__ for kind in kinds))}"
            )
        return {"classes": labels, "dtype": self.classes_.dtype.str}

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        dtype = np.dtype(object) if config["dtype"] == "|O" else np.dtype(config["dtype"])
        if dtype.kind not in "biufUO":
            raise ValueError(f"classes have the dtype {config['dtype']!r:.80}")
        if not isinstance(config["classes"], list) or not config["classes"]:
            raise ValueError("classes must be a list of at least one label")
        self.classes_ = np.array(config["classes"], dtype=dtype)
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
        truth = self._read_targets(y)
        index = self._apply_targets(truth)
        guess = self.classes_[shares.argmax(axis=1)]
        weight = {"sample_weight": sample_weight}
        of_truth = np.maximum(shares[np.arange(len(index)), index], np.finfo(np.float64).tiny)
        scores = {
            "accuracy": metrics.accuracy_score(truth, guess, **weight),
            "balanced_accuracy": metrics.recall_score(
                truth, guess, average="macro", labels=np.unique(truth), **weight
            ),
            "f1_macro": metrics.f1_score(truth, guess, average="macro", zero_division=0, **weight),
            "log_loss": np.average(-np.log(of_truth), weights=sample_weight),
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
            raise ValueError(_NO_TARGET.format(type(self).__name__))
        numbers: NDArray[Any] = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_min_samples=0
        )
        if numbers.ndim not in (1, 2):
            raise ValueError(f"y must be [N] or [N, K], got {numbers.ndim} dimensions")
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
        return self.target_scaler_.apply(columns)

    def _row_weights(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        return weight

    def _output_size(self) -> int:
        return self.n_outputs_

    def _stratify(self, y: NDArray[Any]) -> None:
        return None

    def _targets_to_config(self) -> dict[str, Any]:
        return {"scaler": self.target_scaler_.to_config(), "one_number": self.one_number_}

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        self.target_scaler_ = Scaler.from_config(config["scaler"])
        self.n_outputs_ = self.target_scaler_.channels
        self.one_number_ = config["one_number"] is True
        if self.n_outputs_ != self.spec_.output_size:
            raise ValueError(
                f"the targets have {self.n_outputs_} numbers and the model "
                f"{self.spec_.output_size} outputs"
            )

    def _numbers(self, X: Any) -> NDArray[np.float64]:
        """Predictions in the units of y, [N] or [N, K] as y was."""
        numbers = self.target_scaler_.invert(self._raw_outputs(X))  # type: ignore[attr-defined]
        return numbers[:, 0] if self.one_number_ else numbers

    def _number_metrics(
        self, y: Any, guess: NDArray[np.float64], sample_weight: Any
    ) -> dict[str, float]:
        """Named scores of predictions against numbers, both [N] or [N, K]."""
        truth = self._read_targets(y)
        weight = {"sample_weight": sample_weight}
        squared = float(metrics.mean_squared_error(truth, guess, **weight))
        scores = {
            "mse": squared,
            "rmse": float(np.sqrt(squared)),
            "mae": float(metrics.mean_absolute_error(truth, guess, **weight)),
        }
        if len(truth) > 1:
            scores["r2"] = float(metrics.r2_score(truth, guess, **weight))
        return scores


_NO_TARGET = (
    "{} requires y to be passed, but the target y is None; give one label or number a sample"
)


def _is_missing(label: object) -> bool:
    return label is None or (isinstance(label, float) and np.isnan(label))
