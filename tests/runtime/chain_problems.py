"""Specs, data sets with every kind of row, and the same network as a torch user would write it.

The reference is float64, takes each row alone, without padding, from plain torch.nn parts; dropout
multiplies by masks that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.runtime.spec import Dense, Recurrent, Spec, views

# Factors of what dropout acts on: of what recurrent layer l gives, [T, N, D * H], and of the rows
# that a dense layer reads, [R, F].
Masks = Callable[[str, int, tuple[int, ...]], Tensor]


@dataclass(frozen=True)
class Problem:
    """A spec, its parameters [P] and a data set."""

    spec: Spec
    flat: np.ndarray
    inputs: Any
    y: np.ndarray
    weight: np.ndarray | None

    @property
    def every(self) -> bool:
        return self.spec.recurrent is not None and self.spec.pooling == "every"

    def targets_of(self, row: int) -> np.ndarray:
        """Rows of y that belong to a row of the inputs."""
        if not self.every:
            return np.array([row])
        return self.inputs.starts[row] + np.arange(self.inputs.lengths[row])


LENGTHS = (4, 1, 7, 3, 7, 2, 5, 6, 1)


def recurrent_spec(
    cell: str = "gru",
    *,
    nonlinearity: str = "tanh",
    hidden_size: int = 5,
    num_layers: int = 1,
    bidirectional: bool = False,
    pooling: str = "last",
    loss: str = "squared",
    output_size: int = 3,
    quantiles: tuple[float, ...] = (),
    hidden: tuple[Dense, ...] = (),
    tokens: bool = False,
    tied: bool = False,
    dropout: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Spec:
    return Spec(
        input_size=6 if tokens else 4,
        output_size=6 if tied else output_size,
        head="class" if loss.endswith("entropy") else "point",
        embedding_size=3 if tokens else 0,
        hidden=(Dense(3, "tanh"),) if tied else hidden,
        hidden_dropout=dropout[1],
        recurrent=Recurrent(cell, hidden_size, num_layers, bidirectional, dropout[0], nonlinearity),
        pooling=pooling,
        head_dropout=dropout[2],
        tied=tied,
        loss=loss,
        quantiles=quantiles,
    )


def problem(
    spec: Spec,
    *,
    lengths: tuple[int, ...] = LENGTHS,
    weighted: bool = False,
    missing: bool = False,
    seed: int = 3,
) -> Problem:
    """Windows that overlap, unequal lengths, and parameters that are nowhere nearly linear."""
    rng = np.random.default_rng(seed)
    N, total = len(lengths), sum(lengths)
    flat = rng.uniform(-0.7, 0.7, spec.num_parameters).astype(np.float32)
    inputs: Any
    if spec.recurrent is None:
        inputs = rng.normal(size=(N, spec.input_size)).astype(np.float32)
        num_targets = N
    else:
        cuts = np.array(lengths)
        starts = np.maximum(np.cumsum(cuts) - cuts - 2, 0)
        if spec.embedding_size:
            values = rng.integers(0, spec.input_size, total)
        else:
            values = rng.normal(size=(total, spec.input_size)).astype(np.float32)
        inputs = SimpleNamespace(values=values, starts=starts, lengths=cuts)
        num_targets = total if spec.pooling == "every" else N
    if spec.loss == "cross_entropy":
        y = rng.integers(0, spec.output_size, num_targets)
        gone: Any = -1
    else:
        columns = spec.output_size // max(1, len(spec.quantiles))
        y = rng.normal(size=(num_targets, columns)).astype(np.float32)
        if spec.loss == "binary_cross_entropy":
            y = rng.integers(0, 2, y.shape).astype(np.float32)
        gone = np.nan
    if missing:
        y[rng.random(y.shape) < 0.4] = gone
        y[1] = gone
    weight = None
    if weighted:
        weight = rng.uniform(0.2, 3, num_targets)
        weight = (weight / weight.mean()).astype(np.float32)
    return Problem(spec, flat, inputs, y, weight)


KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Reference:
    """The network of a problem in torch, float64; `parameters` is [P] and takes gradients."""

    def __init__(self, p: Problem, flat: np.ndarray | None = None) -> None:
        self.p = p
        self.spec = p.spec
        self.named = {
            name: torch.tensor(value.astype(np.float64), requires_grad=True)
            for name, value in views(p.spec, p.flat if flat is None else flat).items()
        }

    def layer(self, index: int) -> tuple[nn.Module, dict[str, Tensor]]:
        r = self.spec.recurrent
        assert r is not None
        size = (self.spec.embedding_size or self.spec.input_size) if index == 0 else r.output_size
        only_rnn = {"nonlinearity": r.nonlinearity} if r.cell == "rnn" else {}
        module = KINDS[r.cell](size, r.hidden_size, bidirectional=r.bidirectional, **only_rnn)
        names = dict(module.double().named_parameters())
        return module, {
            name: self.named[f"recurrent.{name.replace('_l0', f'_l{index}')}"] for name in names
        }

    def states(self, rows: np.ndarray, first: Any, masks: Masks | None) -> tuple[Any, Any]:
        """Outputs [T_n, D*H] of the last layer for each row, and final states of each layer."""
        r = self.spec.recurrent
        assert r is not None
        ways = 1 + r.bidirectional
        starts, lengths = self.p.inputs.starts, self.p.inputs.lengths
        cuts = [slice(starts[row], starts[row] + lengths[row]) for row in rows]
        shape = (int(lengths[rows].max()), len(rows), r.output_size)
        xs = [torch.from_numpy(self.p.inputs.values[cut]) for cut in cuts]
        if self.spec.embedding_size:
            xs = [self.named["embedding.weight"][x] for x in xs]
        xs = [x.double() for x in xs]
        last: list[list[Any]] = []
        for index in range(r.num_layers):
            module, named = self.layer(index)
            outputs, finals = [], []
            for n, x in enumerate(xs):
                own = None
                if first is not None:
                    part = slice(index * ways, (index + 1) * ways)
                    own = tuple(torch.from_numpy(s[part, n : n + 1]).double() for s in first)
                    own = own if r.cell == "lstm" else own[0]
                given = (x[:, None],) if own is None else (x[:, None], own)
                output, final = torch.func.functional_call(module, named, given)
                outputs.append(output[:, 0])
                finals.append(final if r.cell == "lstm" else (final,))
            last.append(finals)
            xs = outputs
            if masks is not None and index + 1 < r.num_layers:
                factor = masks("between", index, shape)
                xs = [x * factor[: len(x), n] for n, x in enumerate(xs)]
        final_states = [
            torch.cat([torch.cat([f[k] for f in finals], dim=1) for finals in last])
            for k in range(1 + (r.cell == "lstm"))
        ]
        return xs, final_states

    def scores(
        self, rows: np.ndarray, first: Any = None, masks: Masks | None = None
    ) -> tuple[Tensor, Any]:
        """Raw outputs [R, K], of every step row after row, and the final states."""
        r, state = self.spec.recurrent, None
        if r is None:
            h = torch.from_numpy(self.p.inputs[rows]).double()
        else:
            outputs, state = self.states(rows, first, masks)
            if self.spec.pooling == "every":
                h = torch.cat(outputs)
            elif self.spec.pooling == "mean":
                h = torch.stack([output.mean(dim=0) for output in outputs])
            elif self.spec.pooling == "max":
                h = torch.stack([output.amax(dim=0) for output in outputs])
            else:
                size = r.hidden_size
                h = torch.stack([torch.cat((o[-1, :size], o[0, size:])) for o in outputs])
        for i, dense in enumerate(self.spec.hidden):
            h = F.linear(h, self.named[f"hidden.{i}.weight"], self.named[f"hidden.{i}.bias"])
            h = torch.relu(h) if dense.activation == "relu" else torch.tanh(h)
            if masks is not None:
                h = h * masks("hidden", i, tuple(h.shape))
        if masks is not None:
            h = h * masks("head", 0, tuple(h.shape))
        weight = self.named["embedding.weight" if self.spec.tied else "head.weight"]
        return F.linear(h, weight, self.named["head.bias"]), state

    def loss(
        self, rows: np.ndarray, first: Any = None, masks: Masks | None = None
    ) -> tuple[Tensor, int, float, Any]:
        """Sum of weight * loss, rows that count, sum of their weights, and the final states."""
        scores, state = self.scores(rows, first, masks)
        places = np.concatenate([self.p.targets_of(row) for row in rows])
        target = torch.from_numpy(self.p.y[places])
        if self.spec.loss == "cross_entropy":
            present = target >= 0
            losses = F.cross_entropy(scores, target.clamp(min=0), reduction="none") * present
        else:
            present = ~target.isnan()
            each = point_losses(self.spec, scores, target.nan_to_num().double())
            # One of y is the target of all its quantiles.
            shared = present.repeat_interleave(each.shape[1] // present.shape[1], dim=1)
            losses = (each * shared).mean(dim=1)
            present = present.any(dim=1)
        weight = torch.ones(len(places), dtype=torch.float64)
        if self.p.weight is not None:
            weight = torch.from_numpy(self.p.weight[places]).double()
        return (weight * losses).sum(), int(present.sum()), float(weight[present].sum()), state

    def gradients(
        self, rows: np.ndarray, first: Any = None, masks: Masks | None = None
    ) -> tuple[float, np.ndarray]:
        """Mean loss over the rows that count, and its gradient [P]."""
        total, count, _, _ = self.loss(rows, first, masks)
        mean = total / max(count, 1)
        found = torch.autograd.grad(mean, list(self.named.values()), allow_unused=True)
        parts = [
            np.zeros(value.numel()) if grad is None else grad.numpy().ravel()
            for grad, value in zip(found, self.named.values(), strict=True)
        ]
        return float(mean.detach()), np.concatenate(parts)


def point_losses(spec: Spec, scores: Tensor, target: Tensor) -> Tensor:
    """Scores [R, K] and targets [R, K / quantiles] to [R, K]."""
    if spec.loss == "quantile":
        levels = torch.tensor(spec.quantiles, dtype=torch.float64)
        error = target[:, :, None] - scores.unflatten(1, (-1, len(levels)))
        return torch.maximum(levels * error, (levels - 1) * error).flatten(1)
    if spec.loss == "binary_cross_entropy":
        return F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    losses = {"squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.huber_loss}
    return losses[str(spec.loss)](scores, target, reduction="none")


def assert_close_gradients(spec: Spec, found: np.ndarray, expected: np.ndarray) -> None:
    """Each parameter's to 1e-5 of its largest; what cancels, to 2e-7 of the largest of all."""
    largest = np.abs(expected).max()
    for (name, mine), theirs in zip(
        views(spec, found).items(), views(spec, expected).values(), strict=True
    ):
        bound = 1e-5 * np.abs(theirs).max() + 2e-7 * largest
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=bound, err_msg=name)


def table_spec(**changes: Any) -> Spec:
    """One to one: 4 numbers in, two hidden layers."""
    spec = Spec(4, 3, "point", hidden=(Dense(7, "relu"), Dense(5, "tanh")))
    return replace(spec, **changes)
