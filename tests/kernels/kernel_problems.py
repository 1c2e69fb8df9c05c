"""Random problems for one layer and direction, and their answers by a module of kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.kernels.layout import recurrent_shapes

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


def assert_same(actual: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-11) -> None:
    """Same names, shapes, dtypes and, within the tolerance, values; 0: the same bits but for -0."""
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].shape == value.shape, name
        assert actual[name].dtype == value.dtype, name
        np.testing.assert_allclose(
            actual[name], value, rtol=tolerance, atol=tolerance, err_msg=name
        )
