"""First values of weights, in place, from one stream of random numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels.layout import GATE_NAMES
from unrolled.runtime.layers import Recurrent

F32 = NDArray[np.float32]


def initial_weight(value: F32, fan: int, rng: np.random.Generator) -> None:
    """uniform(-1/sqrt(fan), 1/sqrt(fan)), torch's default."""
    bound = 1.0 / math.sqrt(fan)
    value[...] = rng.uniform(-bound, bound, value.shape)


def recurrent_start(
    recurrent: Recurrent, named: Mapping[str, F32], rng: np.random.Generator
) -> None:
    """What a recurrent stack begins with where it is not torch's default, see `Recurrent`.

    Args:
        recurrent: the stack.
        named: its parameters by the names "recurrent.weight_hh_l0" and so on.
        rng: source of random numbers.
    """
    H, gates = recurrent.hidden_size, GATE_NAMES[recurrent.cell]
    for name, value in named.items():
        part = name.removeprefix("recurrent.")
        if part == name:
            continue
        blocks = value.reshape(len(gates), H, *value.shape[1:])
        if part.startswith("weight_hh") and recurrent.initializer != "uniform":
            for block in blocks:
                block[...] = (
                    _orthogonal(H, rng) if recurrent.initializer == "orthogonal" else np.eye(H)
                )
        elif part.startswith("bias"):
            _biases(recurrent, part, dict(zip(gates, blocks, strict=True)), rng)


def _biases(
    recurrent: Recurrent, name: str, gates: dict[str, F32], rng: np.random.Generator
) -> None:
    """Of each gate [H]; the two biases of a layer add up, so that one is set and one is 0."""
    first = name.startswith("bias_ih")
    if recurrent.initializer == "identity":
        for gate in gates.values():
            gate[...] = 0.0
    if recurrent.forget_bias is not None:
        gates["f"][...] = recurrent.forget_bias if first else 0.0
    if recurrent.chrono:
        keeps = "f" if recurrent.cell == "lstm" else "z"
        log_span = np.log(rng.uniform(1.0, recurrent.chrono - 1.0, gates[keeps].shape))
        gates[keeps][...] = log_span if first else 0.0
        if recurrent.cell == "lstm":
            gates["i"][...] = -log_span if first else 0.0


def _orthogonal(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[size, size] uniform over the orthogonal matrices (Mezzadri 2007, arXiv math-ph/0609050)."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    signed: NDArray[np.float64] = q * np.sign(np.diag(r))
    return signed
