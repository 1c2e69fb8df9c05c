"""The network of a problem as a torch user would write it.

It is float64 and takes each row alone, without padding, from plain torch.nn parts; dropout
multiplies by masks that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from chain_problems import Problem
from torch import Tensor, nn
from torch.distributions import NegativeBinomial, Normal, StudentT
from torch.nn import functional as F

from unrolled.runtime.spec import Spec, views

# Factors of what dropout acts on: "between", what recurrent layer l gives, [T, N, D * H]; "hidden"
# and "head", the rows that a dense layer reads, [R, F]; "input", what the first layer reads,
# [T, N, C]; "embedding", each symbol's row, [V]; "weights", W_hh of layer and direction k,
# [G * H, H]; and "symbols", [N, T], 0 where the symbol is read as number 0.
Masks = Callable[[str, int, tuple[int, ...]], Tensor]

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

    def layer(self, index: int, masks: Masks | None) -> tuple[nn.Module, dict[str, Tensor]]:
        r = self.spec.recurrent
        assert r is not None
        size = r.output_size
        if index == 0:
            added = sum(size - 1 for _, size in self.spec.categories)
            size = self.spec.embedding_size or self.spec.input_size + added
        only_rnn = {"nonlinearity": r.nonlinearity} if r.cell == "rnn" else {}
        module = KINDS[r.cell](size, r.hidden_size, bidirectional=r.bidirectional, **only_rnn)
        names = dict(module.double().named_parameters())
        named = {
            name: self.named[f"recurrent.{name.replace('_l0', f'_l{index}')}"] for name in names
        }
        for way, end in enumerate(("", "_reverse")[: 1 + r.bidirectional]):
            weight = named[f"weight_hh_l0{end}"]
            if masks is not None:
                k = index * (1 + r.bidirectional) + way
                named[f"weight_hh_l0{end}"] = weight * masks("weights", k, tuple(weight.shape))
        return module, named

    def embed_categories(self, x: Tensor) -> Tensor:
        """x [T, C] with the rows of the tables behind its numbers."""
        tables = [self.named[f"categories.{i}.weight"] for i in range(len(self.spec.categories))]
        numbers = x.shape[1] - len(tables)
        parts = [F.embedding(x[:, numbers + i].long(), table) for i, table in enumerate(tables)]
        return torch.cat((x[:, :numbers], *parts), dim=1)

    def forget(self, x: Tensor, known: Tensor) -> Tensor:
        """x [T] or [T, C] with number 0 in place of symbols, or codes of the first categories."""
        if self.spec.embedding_size:
            return x * known
        column = torch.arange(x.shape[1]) - (x.shape[1] - len(self.spec.categories))
        column = (column >= 0) & (column < self.spec.symbol_columns)
        return torch.where(column & ~known[:, None], 0.0, x)

    def states(self, rows: np.ndarray, first: Any, masks: Masks | None) -> tuple[Any, Any]:
        """Outputs [T_n, D*H] of the last layer for each row, and final states of each layer."""
        r = self.spec.recurrent
        assert r is not None
        ways = 1 + r.bidirectional
        starts, lengths = self.p.inputs.starts, self.p.inputs.lengths
        cuts = [slice(starts[row], starts[row] + lengths[row]) for row in rows]
        shape = (int(lengths[rows].max()), len(rows), r.output_size)
        xs = [torch.from_numpy(self.p.inputs.values[cut]) for cut in cuts]
        if masks is not None and (self.spec.embedding_size or self.spec.categories):
            known = masks("symbols", 0, (len(rows), shape[0])) != 0
            xs = [self.forget(x, known[n, : len(x)]) for n, x in enumerate(xs)]
        if self.spec.embedding_size:
            table = self.named["embedding.weight"]
            if masks is not None:
                table = table * masks("embedding", 0, (len(table),))[:, None]
            xs = [table[x] for x in xs]
        xs = [self.embed_categories(x.double()) for x in xs]
        if masks is not None:
            factor = masks("input", 0, (*shape[:2], xs[0].shape[1]))
            xs = [x * factor[: len(x), n] for n, x in enumerate(xs)]
        last: list[list[Any]] = []
        for index in range(r.num_layers):
            module, named = self.layer(index, masks)
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
        if self.spec.loss == "crf":
            return *self.crf_loss(rows, scores), state
        if self.spec.loss == "cross_entropy":
            present = target >= 0
            losses = F.cross_entropy(scores, target.clamp(min=0), reduction="none") * present
        else:
            present = ~target.isnan()
            each = point_losses(self.spec, scores, target.nan_to_num(1.0).double())
            if self.spec.loss == "negative_binomial":
                present = present[:, 0::2] & present[:, 1::2]
            # One of y is the target of all its quantiles.
            shared = present.repeat_interleave(each.shape[1] // present.shape[1], dim=1)
            losses = (each * shared).mean(dim=1)
            present = present.any(dim=1)
        weight = torch.ones(len(places), dtype=torch.float64)
        if self.p.weight is not None:
            weight = torch.from_numpy(self.p.weight[places]).double()
        return (weight * losses).sum(), int(present.sum()), float(weight[present].sum()), state

    def crf_loss(self, rows: np.ndarray, scores: Tensor) -> tuple[Tensor, int, float]:
        """As `loss`, from scores [R, K], a sequence at a time."""
        start, end, transition = (
            self.named[f"crf.{name}"] for name in ("start", "end", "transition")
        )

        def log_total(e: Tensor) -> Tensor:
            total = start + e[0]
            for row in e[1:]:
                total = row + torch.stack(
                    [(total + transition[:, k]).logsumexp(0) for k in range(len(start))]
                )
            return (total + end).logsumexp(0)

        loss, count, weights = torch.zeros(()).double(), 0, 0.0
        places = [self.p.targets_of(row) for row in rows]
        for at, e in zip(places, scores.split([len(at) for at in places]), strict=True):
            y = torch.from_numpy(self.p.y[at])[:, None]
            agrees = (y == -1) | (y == torch.arange(e.shape[1]))
            num = int((y >= 0).sum())
            if num == 0:
                continue
            weight = 1.0 if self.p.weight is None else float(self.p.weight[at[0]])
            given = e.masked_fill(~agrees, -torch.inf)
            loss = loss + weight * (log_total(e) - log_total(given))
            count, weights = count + num, weights + weight * num
        return loss, count, weights

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
    """Scores [R, K] and targets to [R, K], or [R, targets] for a distribution of each."""
    if spec.head == "distribution":
        o = scores.unflatten(1, (-1, spec.outputs_per_target))
        if spec.loss == "negative_binomial":
            count, scale = target[:, 0::2], target[:, 1::2]
            mean, a = scale * F.softplus(o[..., 0]), F.softplus(o[..., 1]) / scale.sqrt()
            return -NegativeBinomial(1 / a, logits=(a * mean).log()).log_prob(count)
        scale = F.softplus(o[..., 1]) + 1e-3
        if spec.loss == "normal":
            return -Normal(o[..., 0], scale).log_prob(target)
        return -StudentT(2 + F.softplus(o[..., 2]), o[..., 0], scale).log_prob(target)
    if spec.loss == "quantile":
        levels = torch.tensor(spec.quantiles, dtype=torch.float64)
        error = target[:, :, None] - scores.unflatten(1, (-1, len(levels)))
        return torch.maximum(levels * error, (levels - 1) * error).flatten(1)
    if spec.loss == "binary_cross_entropy":
        return F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    losses = {"squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.huber_loss}
    return losses[str(spec.loss)](scores, target, reduction="none")
