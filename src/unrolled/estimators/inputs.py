"""What goes in: sequences, texts or tables, checked once and transformed as in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from unrolled.data.sequences import Sequences, as_sequences, as_table
from unrolled.data.tables import is_dataframe
from unrolled.data.text import as_texts, encode, is_texts
from unrolled.estimators.parts import Inputs
from unrolled.runtime.transforms import Scaler, Vocabulary


def check_names(estimator: Any, X: Any, *, fitting: bool) -> None:
    """Learn or compare the column names of a DataFrame, as scikit-learn does."""
    validate_data(estimator, X, reset=fitting, skip_check_array=True, ensure_2d=False)


def check_width(estimator: Any, width: int, what: str, *, fitting: bool) -> None:
    """Learn or compare how wide an input is.

    Raises:
        ValueError: the width is not that of the training data; in scikit-learn's words.
    """
    if fitting:
        estimator.n_features_in_ = width
    elif width != estimator.n_features_in_:
        raise ValueError(
            f"X has {width} {what}, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} {what} as input"
        )


def is_table(X: Any) -> bool:
    """Whether X is a table [N, T] (array, DataFrame, lists of numbers) rather than N sequences."""
    if isinstance(X, Sequences):
        return False
    if isinstance(X, list | tuple):
        return all(isinstance(x, list | tuple) and not np.ndim(x[0]) for x in X)
    return is_dataframe(X) or np.asarray(X).ndim == 2


class TableInputs:
    """Inputs of a one-to-one model: a table [N, C]."""

    standardize: bool
    scaler_: Scaler

    def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        check_names(self, X, fitting=fitting)
        table = as_table(X)
        check_width(self, table.shape[1], "features", fitting=fitting)
        return table

    def _fit_inputs(self, inputs: Inputs, weight: NDArray[np.float64] | None) -> None:
        assert isinstance(inputs, np.ndarray)
        self.scaler_ = fit_scaler(inputs, weight, self.standardize)

    def _apply_inputs(self, inputs: Inputs) -> NDArray[np.float32]:
        assert isinstance(inputs, np.ndarray)
        return self.scaler_.apply(inputs)

    def _input_size(self) -> int:
        return self.scaler_.channels

    def _inputs_to_config(self) -> dict[str, Any]:
        return {"scaler": self.scaler_.to_config(), **names_to_config(self)}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        self.scaler_ = Scaler.from_config(config["scaler"])
        names_from_config(self, config)


class SequenceInputs:
    """Inputs of a recurrent model: N sequences of C channels, or N texts."""

    standardize: bool
    unit: str
    min_count: int
    lowercase: bool
    scaler_: Scaler | None
    vocabulary_: Vocabulary | None

    def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        texts = is_texts(X)
        if not fitting and texts != (self.vocabulary_ is not None):
            came, needed = ("texts", "numbers") if texts else ("numbers", "texts")
            raise TypeError(f"X holds {came}, but {type(self).__name__} was fitted on {needed}")
        if texts:
            return as_texts(X)
        check_names(self, X, fitting=fitting)
        sequences = as_sequences(X)
        table = is_table(X) and not sequences.ragged
        self._check_columns(sequences, as_table=table, fitting=fitting)
        return sequences

    def _check_columns(self, sequences: Sequences, *, as_table: bool, fitting: bool) -> None:
        """Learn or compare the columns of a table [N, T], or the channels of other sequences."""
        width = int(sequences.lengths[0]) if as_table else sequences.channels
        if fitting:
            self.n_features_in_, self.reads_table_ = width, as_table
        elif as_table and self.reads_table_ and width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input; the columns of a table [N, T] are "
                "fixed, sequences of other lengths come as a list or as [N, T, 1]"
            )
        elif self.scaler_ is not None and sequences.channels != self.scaler_.channels:
            raise ValueError(
                f"X has {sequences.channels} channels, but {type(self).__name__} was fitted on "
                f"{self.scaler_.channels}"
            )

    def _fit_inputs(self, inputs: Inputs, weight: NDArray[np.float64] | None) -> None:
        self.scaler_ = self.vocabulary_ = None
        if isinstance(inputs, list):
            self.vocabulary_ = Vocabulary.fit(
                inputs, unit=self.unit, min_count=self.min_count, lowercase=self.lowercase
            )
            return
        assert isinstance(inputs, Sequences)
        rows = np.repeat(inputs.starts, inputs.lengths) + _steps(inputs.lengths)
        steps = None if weight is None else np.repeat(weight, inputs.lengths)
        self.scaler_ = fit_scaler(inputs.values[rows], steps, self.standardize)

    def _apply_inputs(self, inputs: Inputs) -> Sequences:
        if isinstance(inputs, list):
            assert self.vocabulary_ is not None
            return encode(inputs, self.vocabulary_)
        assert isinstance(inputs, Sequences)
        assert self.scaler_ is not None
        return inputs.with_values(self.scaler_.apply(inputs.values))

    def _input_size(self) -> int:
        if self.vocabulary_ is not None:
            return len(self.vocabulary_)
        assert self.scaler_ is not None
        return self.scaler_.channels

    def _inputs_to_config(self) -> dict[str, Any]:
        scaler, vocabulary = self.scaler_, self.vocabulary_
        return {
            "scaler": None if scaler is None else scaler.to_config(),
            "vocabulary": None if vocabulary is None else vocabulary.to_config(),
            **names_to_config(self),
        }

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        scaler, vocabulary = config["scaler"], config["vocabulary"]
        if (scaler is None) == (vocabulary is None):
            raise ValueError("inputs need either a scaler or a vocabulary")
        self.scaler_ = None if scaler is None else Scaler.from_config(scaler)
        self.vocabulary_ = None if vocabulary is None else Vocabulary.from_config(vocabulary)
        names_from_config(self, config)


def names_to_config(estimator: Any) -> dict[str, Any]:
    """How wide the inputs are and the names of their columns, where they have any."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "width": getattr(estimator, "n_features_in_", None),
        "table": getattr(estimator, "reads_table_", True),
        "names": None if names is None else [str(name) for name in names],
    }


def names_from_config(estimator: Any, config: Mapping[str, Any]) -> None:
    """What `names_to_config` gave, back on the estimator."""
    if config["width"] is not None:
        estimator.n_features_in_ = int(config["width"])
    estimator.reads_table_ = config["table"] is True
    if config["names"] is not None:
        estimator.feature_names_in_ = np.array(config["names"], dtype=object)


def fit_scaler(
    values: NDArray[Any], weight: NDArray[np.float64] | None, standardize: bool
) -> Scaler:
    """The scaler of values [M, C]; without `standardize` one that changes nothing."""
    if not standardize:
        return Scaler.identity(values.shape[1])
    return Scaler.fit(values, weight)


def _steps(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0..T_i-1 for each sequence, one after the other."""
    ends = np.cumsum(lengths)
    steps: NDArray[np.int64] = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    return steps
