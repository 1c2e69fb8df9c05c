"""Random problems for one layer and direction, and their answers by a module of kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from unrolled.kernels.call import describe_call, run_forward
from unrolled.kernels.layout import GATE_NAMES, recurrent_shapes

CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", None), ("lstm", None)]
# Those, and the LSTM with a projection to 2 channels.
KINDS = [(*cell, 0) for cell in CELLS] + [("lstm", None, 2)]


@dataclass
class Problem:
    """One layer and direction with everything that enters it, all of it random."""

    cell: str
    nonlinearity: str | None
    lengths: np.ndarray | None
    reverse: bool
    x: np.ndarray  # [T, N, C]
    states: dict[str, np.ndarray]
    parameters: dict[str, np.ndarray]
    grad_output: np.ndarray
    grad_final: dict[str, np.ndarray]

    @property
    def own(self) -> dict[str, Any]:
        """What only this kind of cell takes, in step, forward and backward."""
        if self.cell == "rnn":
            return {"nonlinearity": self.nonlinearity}
        if "weight_hr" in self.parameters:
            return {"weight_hr": self.parameters["weight_hr"]}
        return {}

    @property
    def options(self) -> dict[str, Any]:
        return {"lengths": self.lengths, "reverse": self.reverse, **self.own}

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The arguments of forward without its options."""
        parameters = {k: v for k, v in self.parameters.items() if k != "weight_hr"}
        return {"x": self.x, **self.states, **parameters}


def problem(
    cell: str,
    nonlinearity: str | None = None,
    proj_size: int = 0,
    *,
    lengths: np.ndarray | None = None,
    reverse: bool = False,
    sizes: tuple[int, int, int, int] = (7, 4, 3, 5),
    dtype: Any = np.float64,
    seed: int = 0,
    scale: float = 1.0,
) -> Problem:
    """`sizes` is T, N, C, H; weights are normal with deviation `scale`."""
    steps, batch, inputs, hidden = sizes
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        array = (scale * rng.normal(size=shape)).astype(dtype)
        array.flags.writeable = False
        return array

    shapes = recurrent_shapes(cell, inputs, hidden, proj_size=proj_size)
    channels = {"h": proj_size or hidden} | ({"c": hidden} if cell == "lstm" else {})
    return Problem(
        cell=cell,
        nonlinearity=nonlinearity,
        lengths=lengths,
        reverse=reverse,
        x=normal(steps, batch, inputs),
        states={f"{name}0": normal(batch, size) for name, size in channels.items()},
        parameters={
            name.removesuffix("_l0"): normal(*shape, scale=scale) for name, shape in shapes.items()
        },
        grad_output=normal(steps, batch, channels["h"]),
        grad_final={f"grad_{name}_n": normal(batch, size) for name, size in channels.items()},
    )


def solve(p: Problem, module: Any, forward: Any = None, backward: Any = None) -> dict[str, Any]:
    """Outputs, final states and all gradients of `module`'s functions, by name."""
    forward = forward or getattr(module, f"{p.cell}_forward")
    backward = backward or getattr(module, f"{p.cell}_backward")
    output, *final, saved = forward(**p.inputs, **p.options)
    weights = p.parameters["weight_ih"], p.parameters["weight_hh"]
    grads = backward(p.grad_output, *p.grad_final.values(), saved, p.x, *weights, **p.options)
    names = ["x", *p.states, *p.parameters]
    return {
        "output": output,
        **{f"final {name}": value for name, value in zip(p.states, final, strict=True)},
        **{f"grad {name}": value for name, value in zip(names, grads, strict=True)},
    }


def infer(p: Problem) -> dict[str, Any]:
    """Output and final states by the compiled kernels, keeping nothing for backward, by name."""
    weight_hh, weight_hr = p.parameters["weight_hh"], p.parameters.get("weight_hr")
    cell = p.nonlinearity or p.cell
    call = describe_call(cell, p.x, weight_hh, p.lengths, p.reverse, weight_hr)
    states, weights = list(p.states.values()), list(p.parameters.values())
    output, final, saved = run_forward(call, p.x, states, weights, training=False)
    assert saved is None
    names = [f"final {name}" for name in p.states]
    return {"output": output, **dict(zip(names, final, strict=True))}


def assert_same(actual: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-11) -> None:
    """Same names, shapes, dtypes and, within the tolerance, values; 0: the same bits but for -0."""
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].shape == value.shape, name
        assert actual[name].dtype == value.dtype, name
        np.testing.assert_allclose(
            actual[name], value, rtol=tolerance, atol=tolerance, err_msg=name
        )


def torch_like(kind: tuple[str, str | None, int], **arguments: Any) -> Problem:
    """A problem whose parameters are uniform in +-1/sqrt(H), as torch.nn starts."""
    p = problem(*kind, **arguments)
    bound = (len(p.parameters["weight_hh"]) / len(GATE_NAMES[p.cell])) ** -0.5
    rng = np.random.default_rng(arguments.get("seed", 0) + 1)
    for name, array in p.parameters.items():
        p.parameters[name] = rng.uniform(-bound, bound, array.shape).astype(array.dtype)
    return p


def as_float64(p: Problem) -> Problem:
    """The same values, exactly, in float64."""

    def wide(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: array.astype(np.float64) for name, array in arrays.items()}

    return replace(
        p,
        x=p.x.astype(np.float64),
        states=wide(p.states),
        parameters=wide(p.parameters),
        grad_output=p.grad_output.astype(np.float64),
        grad_final=wide(p.grad_final),
    )


# {dtype: (outputs and final states, gradients)}, see `assert_accurate`.
BARS = {np.dtype(np.float32): (2e-6, 2e-5), np.dtype(np.float64): (1e-14, 1e-12)}


def assert_accurate(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    """`actual` against the float64 `expected`, within BARS.

    The error of an output or final state is its largest absolute difference, over the largest
    value of the array where that is more than 1 (relu). The error of a gradient is its largest
    absolute difference over the largest absolute value of that gradient's array; in an array of
    less than 8 numbers, all of whose sums may happen to cancel, over a tenth of the largest of all
    gradients where that is more.
    """
    assert list(actual) == list(expected)
    grads = [value for name, value in expected.items() if name.startswith("grad")]
    floor = 0.1 * max((np.abs(value).max() for value in grads), default=0)
    for name, value in expected.items():
        assert actual[name].shape == value.shape, name
        for_outputs, for_gradients = BARS[actual[name].dtype]
        is_gradient = name.startswith("grad")
        least = (floor if value.size < 8 else 0) if is_gradient else 1
        scale = max(np.abs(value).max(), least)
        error = np.abs(actual[name] - value).max() / (scale or 1)
        bar = for_gradients if is_gradient else for_outputs
        assert error <= bar, f"{name} is off by {error:.2g}, more than {bar:.2g}"


def assert_same_bits(actual: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].shape == value.shape, name
        assert actual[name].tobytes() == value.tobytes(), name


SIZES = st.one_of(st.integers(1, 40), st.sampled_from([48, 64, 100, 130]))


@st.composite
def problems(draw: Any) -> Problem:
    """Any cell, sizes that fill no vector, lengths in any order, both directions and dtypes."""
    steps, batch = draw(st.integers(1, 12)), draw(st.integers(1, 20))
    inputs, hidden = draw(SIZES), draw(SIZES)
    cell, nonlinearity = draw(st.sampled_from(CELLS))
    proj_size = draw(st.integers(0, hidden + 2)) if cell == "lstm" else 0
    each = st.lists(st.integers(1, steps), min_size=batch, max_size=batch).map(np.array)
    return torch_like(
        (cell, nonlinearity, proj_size),
        lengths=draw(st.none() | each),
        reverse=draw(st.booleans()),
        sizes=(steps, batch, inputs, hidden),
        dtype=draw(st.sampled_from([np.float32, np.float64])),
        seed=draw(st.integers(0, 2**16)),
    )
