"""A spec and its data as numbers and addresses, which is how the compiled kernels take them.

What is described has been checked here; the rows, lengths, tokens, codes and classes that a call
touches are checked by the kernels before they begin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels.layout import GATES
from unrolled.runtime.spec import ACTIVATIONS, CLASS_LOSSES, LOSSES, POOLINGS, Spec

CELLS = {"tanh": 0, "relu": 1, "gru": 2, "lstm": 3}
LOSS_CODES = {name: i for i, name in enumerate(sum(LOSSES.values(), ()))}

_NDIM, _DTYPE = attrgetter("ndim"), attrgetter("dtype")


class Described(NamedTuple):
    """Numbers for the kernels, and the arrays whose addresses are among them."""

    numbers: tuple[int, ...]
    kept: tuple[Any, ...]

    @property
    def num_rows(self) -> int:
        """N of a description of data."""
        return self.numbers[1]


def address(array: NDArray[Any] | None) -> int:
    """Of an array's memory; 0 for None."""
    return 0 if array is None else array.ctypes.data


def describe_network(spec: Spec) -> Described:
    """The layers of a spec and where their parameters stand in the flat array."""
    places: dict[str, int] = {}
    stop = 0
    for name, shape in spec.parameter_shapes().items():
        places[name] = stop
        stop += math.prod(shape)
    numbers = [
        spec.num_parameters,
        spec.input_size if spec.embedding_size else 0,
        places.get("embedding.weight", 0),
        spec.step_size,
        spec.input_size,
        len(spec.categories),
        *(
            number
            for i, sizes in enumerate(spec.categories)
            for number in (*sizes, places[f"categories.{i}.weight"])
        ),
        *_stack(spec, places),
        POOLINGS.index(spec.pooling),
        len(spec.hidden) + 1,
    ]
    size = spec.input_size if spec.recurrent is None else spec.recurrent.output_size
    for i, layer in enumerate(spec.hidden):
        numbers += [size, layer.size, 1 + ACTIVATIONS.index(layer.activation)]
        numbers += [places[f"hidden.{i}.weight"], places[f"hidden.{i}.bias"]]
        size = layer.size
    weight = "embedding.weight" if spec.tied else "head.weight"
    numbers += [size, spec.output_size, 0, places[weight], places["head.bias"]]

    dropout = _dropout(spec)
    numbers += [int(spec.locked_dropout), spec.symbol_columns]
    levels = np.array(spec.quantiles, np.float32)
    numbers += [address(dropout), LOSS_CODES[str(spec.loss)], len(levels), address(levels)]
    if spec.loss == "crf":
        numbers.append(places["crf.start"])
    return Described(tuple(numbers), (dropout, levels))


def _dropout(spec: Spec) -> NDArray[np.float32]:
    r = spec.recurrent
    between, weights = (0.0, 0.0) if r is None else (r.dropout, r.weight_dropout)
    behind = [spec.hidden_dropout, spec.head_dropout]
    before = [spec.embedding_dropout, spec.input_dropout, spec.symbol_dropout]
    return np.array([between, *behind, *before, weights], np.float32)


def _stack(spec: Spec, places: dict[str, int]) -> list[int]:
    r = spec.recurrent
    if r is None:
        return [0, 0, 0, 0]
    assert r.cell in GATES
    ways = ("", "_reverse") if r.bidirectional else ("",)
    code = CELLS[r.nonlinearity if r.cell == "rnn" else r.cell]
    parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [code, r.hidden_size, r.num_layers, len(ways)] + [
        places[f"recurrent.{part}_l{layer}{way}"]
        for layer in range(r.num_layers)
        for way in ways
        for part in parts
    ]


def describe_data(
    spec: Spec, inputs: Any, y: NDArray[Any] | None, weight: NDArray[np.float32] | None
) -> Described:
    """Inputs, targets and weights of a data set.

    Raises:
        TypeError: an array is of the wrong dtype.
        ValueError: an array has not the shape that the spec asks for, or is not contiguous.
    """
    starts = lengths = None
    if spec.recurrent is None:
        values = check_array("inputs", inputs, np.float32, (None, spec.input_size))
        num_rows = len(values)
    else:
        for name in ("values", "starts", "lengths"):
            if not hasattr(inputs, name):
                raise TypeError(
                    f"inputs must be sequences with values, starts and lengths, got "
                    f"{type(inputs).__name__}"
                )
        starts = check_array("inputs.starts", inputs.starts, np.int64, (None,))
        num_rows = len(starts)
        lengths = check_array("inputs.lengths", inputs.lengths, np.int64, (num_rows,))
        if spec.embedding_size:
            values = check_array("inputs.values", inputs.values, np.int64, (None,))
        else:
            values = check_array(
                "inputs.values", inputs.values, np.float32, (None, spec.input_size)
            )
    num_targets = len(values) if spec.recurrent and spec.pooling == "every" else num_rows
    classes = spec.loss in CLASS_LOSSES
    if y is not None and classes:
        y = check_array("y", y, np.int64, (num_targets,))
    elif y is not None:
        y = check_array("y", y, np.float32, (num_targets, spec.target_columns))
    if weight is not None:
        weight = check_array("weight", weight, np.float32, (num_targets,))
    tokens = bool(spec.embedding_size)
    pointers = (
        None if tokens else values,
        values if tokens else None,
        starts,
        lengths,
        None if classes else y,
        y if classes else None,
        weight,
    )
    return Described((len(values), num_rows, *map(address, pointers)), pointers)


def describe_batches(
    rows: Sequence[NDArray[np.int64]], num_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All rows [sum of sizes] and where each batch begins among them [B + 1].

    Raises:
        TypeError: an array of rows is not int64.
        ValueError: one is not 1-D, is empty, or names a row that is not there.
    """
    sizes = _sizes(rows)
    first = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=first[1:])
    whole = np.concatenate(rows) if rows else np.empty(0, np.int64)
    if len(whole) and (whole.min() < 0 or whole.max() >= num_rows):
        wrong = whole[(whole < 0) | (whole >= num_rows)][0]
        raise ValueError(f"rows holds {wrong}, but the data has rows 0 to {num_rows - 1}")
    return whole, first


def _sizes(rows: Sequence[NDArray[np.int64]]) -> list[int]:
    """Rows of each batch; thousands of batches are looked at together, since each is small."""
    if set(map(type, rows)) == {np.ndarray}:
        sizes = list(map(len, rows)) if set(map(_NDIM, rows)) == {1} else [0]
        if min(sizes) > 0 and set(map(_DTYPE, rows)) == {np.dtype(np.int64)}:
            return sizes
    for b, part in enumerate(rows):
        if len(check_array(f"rows[{b}]", part, np.int64, (None,), contiguous=False)) == 0:
            raise ValueError(f"rows[{b}] is empty, but a batch needs at least one row")
    return list(map(len, rows))


def check_array(
    name: str,
    array: Any,
    dtype: type,
    shape: tuple[int | None, ...],
    *,
    contiguous: bool = True,
) -> NDArray[Any]:
    """The array, if it is of this dtype and shape (None: any size)."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be an array of {np.dtype(dtype)}, got {found}")
    fits = array.ndim == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must have shape [{wanted}], got {list(array.shape)}")
    if contiguous and not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name} must be contiguous; np.ascontiguousarray makes it so")
    return array
