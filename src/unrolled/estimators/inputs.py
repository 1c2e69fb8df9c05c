"""What goes in: sequences, texts or tables, checked once and transformed as in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Sequences, as_sequences, as_table, rows_of
from unrolled.data.tables import column_names, is_dataframe
from unrolled.data.text import as_texts, encode, is_texts
from unrolled.estimators.parts import Inputs
from unrolled.estimators.symbols import fit_symbols, symbols_from_config
from unrolled.runtime.config_checks import check_keys
from unrolled.runtime.transforms import Scaler

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols


INPUTS, NAMES = "part inputs", ("width", "table", "names")


def check_names(estimator: Any, X: Any, *, fitting: bool) -> None:
    """Learn or compare the column names of a DataFrame, as scikit-learn does.

    Of a list of DataFrames each has the columns of the first.

    Raises:
        ValueError: the names are others than before.
    """
    if isinstance(X, list | tuple) and len(X) and is_dataframe(X[0]):
        names = column_names(X[0])
        for i, frame in enumerate(X):
            if is_dataframe(frame) and column_names(frame) != names:
                raise ValueError(
                    f"X[{i}] has the columns {column_names(frame)!r:.80} and X[0] {names!r:.80}; "
                    "every sequence needs the same columns in the same order"
                )
        X = X[0]
    if not is_dataframe(X):
        if fitting:
            vars(estimator).pop("feature_names_in_", None)
        if not hasattr(estimator, "feature_names_in_"):
            return
    from sklearn.utils.validation import validate_data

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
        return scale(self.scaler_, inputs, "X")

    def _input_size(self) -> int:
        return self.scaler_.channels

    def _inputs_to_config(self) -> dict[str, Any]:
        return {"scaler": self.scaler_.to_config(), **names_to_config(self)}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys(INPUTS, config, (), ("scaler", *NAMES))
        self.scaler_ = Scaler.from_config(config["scaler"])
        names_from_config(self, config, self.scaler_.channels)


class SequenceInputs:
    """Inputs of a recurrent model: N sequences of C channels, or N texts."""

    standardize: bool
    unit: str
    min_count: int
    lowercase: bool
    vocabulary_size: int | None
    scaler_: Scaler | None
    vocabulary_: Symbols | None
    # What inherits from this may keep more about its inputs.
    _more_inputs: tuple[str, ...] = ()

    def _read_inputs(self, X: Any, *, fitting: bool) -> Inputs:
        texts = is_texts(X)
        if not fitting and texts != (self.vocabulary_ is not None):
            came, needed = ("texts", "numbers") if texts else ("numbers", "texts")
            raise TypeError(f"X holds {came}, but {type(self).__name__} was fitted on {needed}")
        if texts:
            return self._read_texts(X, fitting=fitting)
        check_names(self, X, fitting=fitting)
        sequences = as_sequences(X)
        if sequences.values.ndim == 1:
            raise TypeError("X holds tokens; pass the texts themselves, which fit numbers")
        table = is_table(X) and not sequences.ragged
        self._check_columns(sequences, as_table=table, fitting=fitting)
        return sequences

    def _read_texts(self, X: Any, *, fitting: bool) -> list[Any]:
        unit = self.unit if fitting or self.vocabulary_ is None else self.vocabulary_.unit
        texts = as_texts(X)
        for i, text in enumerate(texts):
            if not (text.strip() if unit in ("word", "token") else text):
                raise ValueError(
                    f"X[{i}] is {text!r:.80}, a text without a {unit}; drop it, every sequence "
                    "needs at least one step"
                )
        if fitting:
            for name in ("n_features_in_", "feature_names_in_", "reads_table_"):
                vars(self).pop(name, None)
        return texts

    def _check_columns(self, sequences: Sequences, *, as_table: bool, fitting: bool) -> None:
        """Learn or compare the columns of a table [N, T], or the channels of other sequences."""
        width = int(sequences.lengths[0]) if as_table else sequences.channels
        if fitting:
            self.n_features_in_, self.reads_table_ = width, as_table
        elif as_table and self.reads_table_ and width != self.n_features_in_:
            raise ValueError(
                f"X has {width} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input; the columns of a table [N, T] are "
                "fixed, sequences of other lengths come as a list of arrays or as [N, T, 1]"
            )
        elif self.scaler_ is not None and sequences.channels != self.scaler_.channels:
            raise ValueError(
                f"X has {sequences.channels} channels, but {type(self).__name__} was fitted on "
                f"{self.scaler_.channels}"
            )

    def _fit_inputs(self, inputs: Inputs, weight: NDArray[np.float64] | None) -> None:
        self.scaler_ = self.vocabulary_ = None
        if isinstance(inputs, list):
            self.vocabulary_ = fit_symbols(
                inputs,
                self.unit,
                min_count=self.min_count,
                vocabulary_size=self.vocabulary_size,
                lowercase=self.lowercase,
            )
            return
        assert isinstance(inputs, Sequences)
        # A step that several sequences read counts for each: many times for windows over a series.
        readers = _readers(inputs)
        counts: NDArray[np.float64] | None = None
        if weight is not None:
            steps = np.repeat(weight, inputs.lengths)
            counts = np.bincount(rows_of(inputs), steps, len(readers)).astype(np.float64)
        elif (readers != readers[0]).any():
            counts = readers.astype(np.float64)
        self.scaler_ = fit_scaler(inputs.values, counts, self.standardize)

    def _apply_inputs(self, inputs: Inputs) -> Sequences:
        if isinstance(inputs, list):
            assert self.vocabulary_ is not None
            return encode(inputs, self.vocabulary_)
        assert isinstance(inputs, Sequences)
        assert self.scaler_ is not None
        used = _readers(inputs) > 0
        if used.all():
            return inputs.with_values(scale(self.scaler_, inputs.values, "X"))
        # Rows that no sequence reads may hold anything, and are not worth scaling.
        values = np.zeros(inputs.values.shape, np.float32)
        values[used] = scale(self.scaler_, inputs.values[used], "X")
        return inputs.with_values(values)

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
        check_keys(INPUTS, config, (), ("scaler", "vocabulary", *self._more_inputs, *NAMES))
        scaler, vocabulary = config["scaler"], config["vocabulary"]
        self.scaler_ = None if scaler is None else Scaler.from_config(scaler)
        self.vocabulary_ = None if vocabulary is None else symbols_from_config(vocabulary)
        self._check_parts(self.scaler_, self.vocabulary_)
        if self.scaler_ is None:
            return
        self.reads_table_ = config["table"]
        if not isinstance(self.reads_table_, bool):
            raise ValueError(f"table must be true or false, got {self.reads_table_!r:.80}")
        # The width of a table is its number of steps, which the scaler does not tell.
        names_from_config(self, config, None if self.reads_table_ else self.scaler_.channels)

    def _check_parts(self, scaler: Scaler | None, vocabulary: Symbols | None) -> None:
        if (scaler is None) == (vocabulary is None):
            raise ValueError("inputs need either a scaler or a vocabulary")


def names_to_config(estimator: Any) -> dict[str, Any]:
    """How wide the inputs are and the names of their columns, where they have any."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "width": getattr(estimator, "n_features_in_", None),
        "table": getattr(estimator, "reads_table_", None),
        "names": None if names is None else [str(name) for name in names],
    }


def names_from_config(estimator: Any, config: Mapping[str, Any], known: int | None) -> None:
    """What `names_to_config` gave, back on the estimator.

    Raises:
        ValueError: the width is none or not the `known` one, or the names do not fit it.
    """
    width, names = config["width"], config["names"]
    if type(width) is not int or width < 1 or (known is not None and width != known):
        raise ValueError(f"the inputs have the width {width!r:.80}")
    estimator.n_features_in_ = width
    if names is None:
        return
    if not isinstance(names, list) or len(names) != width:
        raise ValueError(f"the inputs need {width} names of columns, got {names!r:.80}")
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"the inputs have names of columns that are no texts: {names!r:.80}")
    estimator.feature_names_in_ = np.array(names, dtype=object)


def fit_scaler(
    values: NDArray[Any], weight: NDArray[np.float64] | None, standardize: bool
) -> Scaler:
    """The scaler of values [M, C]; without `standardize` one that changes nothing."""
    if not standardize:
        return Scaler.identity(values.shape[1])
    return Scaler.fit(values, weight)


def scale(scaler: Scaler, values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Scaled values [..., C] of the argument `name`.

    Raises:
        ValueError: a result is beyond float32.
    """
    try:
        # The kernels read rows as they lie in memory; a transposed array is copied here, once.
        return np.ascontiguousarray(scaler.apply(values))
    except ValueError as error:
        raise ValueError(f"{name} cannot be scaled: {error}") from error


def _readers(sequences: Sequences) -> NDArray[np.int64]:
    """[M] how many sequences read each row of the values."""
    readers = np.zeros(len(sequences.values) + 1, np.int64)
    np.add.at(readers, sequences.starts, 1)
    np.subtract.at(readers, sequences.starts + sequences.lengths, 1)
    return np.cumsum(readers)[:-1]
