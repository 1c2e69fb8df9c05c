"""This library's layers and torch.nn's, called in the same way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from layer_bench.problem import Contender, Problem
from unrolled import nn as unrolled_nn


def by_unrolled(problem: Problem) -> Contender:
    """`unrolled.nn`, with `lengths` as a keyword where they differ."""
    layer = _layer(problem, unrolled_nn)
    if problem.lengths is None:
        return _contender(problem, layer, lambda x: layer(x)[0])
    lengths = torch.from_numpy(problem.lengths)
    return _contender(problem, layer, lambda x: layer(x, lengths=lengths)[0])


def by_torch_nn(problem: Problem) -> Contender:
    """`torch.nn`, with a PackedSequence where lengths differ."""
    layer = _layer(problem, torch.nn)
    if problem.lengths is None:
        return _contender(problem, layer, lambda x: layer(x)[0])
    lengths = torch.from_numpy(problem.lengths)
    steps = problem.case.shape.steps

    def run(x: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return pad_packed_sequence(layer(packed)[0], total_length=steps)[0]

    return _contender(problem, layer, run)


def _layer(problem: Problem, module: object) -> torch.nn.RNNBase:
    case, shape = problem.case, problem.case.shape
    kind = getattr(module, {"rnn": "RNN", "gru": "GRU"}.get(case.cell, "LSTM"))
    projection = {"proj_size": case.projection} if case.projection else {}
    layer = kind(
        shape.inputs,
        shape.hidden,
        num_layers=shape.layers,
        bidirectional=shape.bidirectional,
        dtype=getattr(torch, case.dtype),
        **projection,
    )
    layer.load_state_dict({name: torch.from_numpy(w) for name, w in problem.weights.items()})
    return layer.train(case.mode == "train")


def _contender(
    problem: Problem, layer: torch.nn.RNNBase, run: Callable[[Tensor], Tensor]
) -> Contender:
    """`run` maps x [T, N, C] to [T, N, D*P] through `layer`."""
    if problem.case.mode == "infer":
        x = torch.from_numpy(problem.x)

        def infer() -> Tensor:
            with torch.inference_mode():
                return run(x)

        return Contender(infer, lambda: {"output": infer().numpy()})

    x = torch.from_numpy(problem.x).clone().requires_grad_()
    factor = torch.from_numpy(problem.factor)
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def train() -> tuple[Tensor, ...]:
        return torch.autograd.grad(run(x), (x, *parameters), factor)

    def gradients() -> dict[str, np.ndarray]:
        return {n: g.numpy() for n, g in zip(("x", *names), train(), strict=True)}

    return Contender(train, gradients)
