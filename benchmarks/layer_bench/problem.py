"""The numbers that every library is given, and what each must offer to be timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from layer_bench.cases import GATES, Case


@dataclass(frozen=True, eq=False)
class Problem:
    """One case with random weights and data.

    Attributes:
        case: what it is.
        weights: torch's names and shapes: weight_ih_l0 [G*H, C], weight_hh_l0 [G*H, P],
            bias_ih_l0 [G*H], ..., weight_hr_l0 [P, H] with a projection.
        x: [T, N, C].
        factor: [T, N, D*P]; the gradient of the output that a training step goes back from.
        lengths: [N] int64 valid steps, or None if all are T.
    """

    case: Case
    weights: dict[str, np.ndarray]
    x: np.ndarray
    factor: np.ndarray
    lengths: np.ndarray | None

    @property
    def valid_steps(self) -> int:
        """Sum of the lengths of all sequences."""
        shape = self.case.shape
        return shape.batch * shape.steps if self.lengths is None else int(self.lengths.sum())

    @property
    def mask(self) -> np.ndarray | None:
        """[T, N] bool: whether sequence n has a step t; None if all have all."""
        if self.lengths is None:
            return None
        return np.arange(self.case.shape.steps)[:, None] < self.lengths


@dataclass(frozen=True)
class Contender:
    """A library's layer, ready to be timed.

    Attributes:
        call: one inference or training step; its work has ended when it returns.
        results: what `call` made, by name: "output" [T, N, D*P] of an inference; of a training
            step the gradients under "x" and torch's names of the weights.
    """

    call: Callable[[], Any]
    results: Callable[[], dict[str, np.ndarray]]


def suffixes(case: Case) -> list[list[str]]:
    """Endings of torch's parameter names: a list for each layer, an entry for each direction."""
    reverse = ("", "_reverse")[: case.shape.directions]
    return [[f"l{layer}{r}" for r in reverse] for layer in range(case.shape.layers)]


def make_problem(case: Case, seed: int = 0) -> Problem:
    """Weights uniform within 1/sqrt(H), as torch draws them; normal data."""
    rng, shape = np.random.default_rng(seed), case.shape
    gate_rows, handed_on = GATES[case.cell] * shape.hidden, case.outputs
    weights = {}
    inputs = shape.inputs
    for layer in suffixes(case):
        for suffix in layer:
            shapes = {
                "weight_ih": (gate_rows, inputs),
                "weight_hh": (gate_rows, handed_on),
                "bias_ih": (gate_rows,),
                "bias_hh": (gate_rows,),
            }
            if case.projection:
                shapes["weight_hr"] = (handed_on, shape.hidden)
            for name, size in shapes.items():
                bound = shape.hidden**-0.5
                weights[f"{name}_{suffix}"] = rng.uniform(-bound, bound, size).astype(case.dtype)
        inputs = shape.directions * handed_on
    lengths = None
    if shape.shortest:
        lengths = rng.integers(shape.shortest, shape.steps + 1, shape.batch)
    return Problem(
        case,
        weights,
        rng.standard_normal((shape.steps, shape.batch, shape.inputs)).astype(case.dtype),
        rng.standard_normal((shape.steps, shape.batch, inputs)).astype(case.dtype),
        lengths,
    )
