"""What is read before something is written: images, vectors, maps and labels; and symbols."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import tables
from unrolled.data.fixed_inputs import FixedInputs, fit_scaler
from unrolled.data.images import as_images
from unrolled.data.sequences import Sequences, as_sequences, as_table
from unrolled.estimators.inputs import scale
from unrolled.estimators.parts import Inputs
from unrolled.estimators.translation.texts import Source
from unrolled.runtime.transforms import Scaler


def read(X: Any, reads: str, shape: tuple[int, ...] | None, size: Any, channels: Any) -> Inputs:
    """Images [N, H, W, C], vectors [N, C], or maps as sequences of places.

    Args:
        X: what came.
        reads: "images", "vectors" or "maps".
        shape: of a fitted model's inputs, to which images are brought; None in its training.
        size: to which images are resized in training.
        channels: of images in training.

    Raises:
        TypeError, ValueError: X cannot be read, or has another width than the model's.
    """
    if reads == "images":
        if shape is None:
            return as_images(X, size, channels)
        height, width, depth = shape
        return as_images(X, (height, width), depth)
    found = as_table(X) if reads == "vectors" else as_sequences(X)
    if isinstance(found, Sequences) and found.values.ndim != 2:
        raise TypeError("X holds tokens, not maps; each sample needs an array [P, M] of numbers")
    width = shape_of(found)[0]
    if shape is not None and width != shape[0]:
        raise ValueError(f"X has {width} numbers a vector, but the model was fitted on {shape[0]}")
    return found


def shape_of(inputs: Any) -> tuple[int, ...]:
    """Of one of the inputs: (H, W, C), (C,), or (M,) of maps."""
    if isinstance(inputs, Sequences):
        return (inputs.channels,)
    return tuple(map(int, inputs.shape[1:]))


def learn_scaler(inputs: Any, standardize: bool) -> Scaler:
    """The scaler of their channels; without `standardize` one that changes nothing."""
    if not standardize:
        return Scaler.identity(shape_of(inputs)[-1])
    if isinstance(inputs, Sequences):
        rows = np.concatenate([inputs[i] for i in range(len(inputs))])
        return Scaler.fit(rows)
    return fit_scaler(FixedInputs.of(inputs))


def scaled(inputs: Any, scaler: Scaler) -> Source:
    """Inputs as the model reads them."""
    if isinstance(inputs, Sequences):
        return inputs.with_values(scale(scaler, inputs.values, "X"))
    return FixedInputs.of(inputs, scaler)


def are_labels(X: Any) -> bool:
    """Whether X is one label for each sample, and not an array of numbers for each."""
    if tables.is_dataframe(X) or isinstance(X, Sequences):
        return False
    if isinstance(X, str | bytes) or not isinstance(X, Iterable):
        raise TypeError(
            f"X must be a list of labels or an array [N, C] of vectors, got {type(X).__name__}"
        )
    if hasattr(X, "ndim"):
        return bool(X.ndim == 1)
    return all(isinstance(each, str) or not hasattr(each, "__len__") for each in X)


def read_labels(X: Any) -> NDArray[Any]:
    """One label a sample, [N]: all texts, or all whole numbers, or all bools.

    Raises:
        TypeError: they are of several kinds, or of another one.
        ValueError: there are none.
    """
    items = [item.item() if isinstance(item, np.generic) else item for item in X]
    if not items:
        raise ValueError("X holds no labels; at least one is needed")
    kinds = {type(item) for item in items}
    if len(kinds) > 1 or kinds.pop() not in (str, int, bool):
        names = ", ".join(sorted({type(item).__name__ for item in items}))
        raise TypeError(f"X must hold labels that are all texts or all whole numbers, got {names}")
    return np.array(items)


def numbers_of(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """The number of each label among the classes, which are sorted.

    Raises:
        TypeError: they are of another kind.
        ValueError: one is not among them.
    """
    if (labels.dtype.kind == "U") != (classes.dtype.kind == "U"):
        raise TypeError(
            f"X holds labels such as {labels[0]!r:.80}, but the model was fitted on such as "
            f"{classes[0]!r:.80}"
        )
    index = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    unknown = classes[index] != labels
    if unknown.any():
        raise ValueError(
            f"X holds the label {labels[unknown].tolist()[0]!r:.80}, which is not among the "
            f"{len(classes)} known ones"
        )
    return index.astype(np.int64)


def joined(symbols: Any, name: str) -> str:
    """Symbols as one text of tokens.

    Raises:
        TypeError: one of them is no text.
        ValueError: there are none, or one is empty or has white space in it.
    """
    if isinstance(symbols, str) or not isinstance(symbols, Iterable):
        raise TypeError(f"{name} must be a list of symbols, as others are, got {symbols!r:.80}")
    listed = list(symbols)
    if not listed:
        raise ValueError(f"{name} holds no symbols; at least one is needed")
    for i, symbol in enumerate(listed):
        if not isinstance(symbol, str):
            raise TypeError(f"{name}[{i}] must be a text, got {symbol!r:.80}")
        if symbol.split() != [symbol]:
            raise ValueError(
                f"{name}[{i}] is {symbol!r:.80}; a symbol of a list needs a character, and no "
                "white space"
            )
    return " ".join(listed)
