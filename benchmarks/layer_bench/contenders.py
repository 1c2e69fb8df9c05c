"""Which libraries take part, and whether they compute the same."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from layer_bench.bars import OURS, TORCH
from layer_bench.problem import Contender, Problem

# Name of a contender: the packages that it needs.
NEEDS = {
    OURS: ("unrolled",),
    TORCH: ("torch",),
    "jax": ("jax",),
    "keras-jax": ("keras", "jax"),
    "onnxruntime": ("onnx", "onnxruntime"),
    "openvino": ("onnx", "openvino"),
}
# Largest difference to torch.nn, as a part of the largest value of the same array.
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def installed(name: str) -> bool:
    """Whether all packages of a contender can be found."""
    return all(find_spec(package) is not None for package in NEEDS[name])


def build(name: str, problem: Problem, threads: int) -> Contender | None:
    """The contender `name` for a problem, or None if it has nothing of the kind."""
    if name in (OURS, TORCH):
        from layer_bench.by_torch import by_torch_nn, by_unrolled

        return by_unrolled(problem) if name == OURS else by_torch_nn(problem)
    if name == "jax":
        from layer_bench.by_jax import by_jax

        return by_jax(problem)
    if name == "keras-jax":
        from layer_bench.by_keras import by_keras

        return by_keras(problem)
    from layer_bench.by_onnx import by_onnxruntime, by_openvino

    make = by_onnxruntime if name == "onnxruntime" else by_openvino
    return make(problem, threads)


def check(contenders: dict[str, Contender], reference: Contender, dtype: str) -> dict[str, float]:
    """Each contender's largest relative difference to the reference.

    Raises:
        SystemExit: if one is over `TOLERANCE`: times of unequal results say nothing.
    """
    expected, found = reference.results(), {}
    for name, contender in contenders.items():
        results = contender.results()
        worst, where = 0.0, ""
        for key, value in results.items():
            if value.shape != expected[key].shape:
                raise SystemExit(f"{name}: {key} is {value.shape}, not {expected[key].shape}.")
            error = np.abs(value - expected[key]).max() / (np.abs(expected[key]).max() or 1.0)
            if not error <= worst:
                worst, where = float(error), key
        if not worst <= TOLERANCE[dtype]:
            raise SystemExit(f"{name} differs from torch.nn by {worst:.1e} of the largest {where}.")
        found[name] = worst
    return found
