"""Losses: raw outputs and targets to one number a row, without what is missing of the targets.

A class of -1 and a number that is NaN are missing. They add nothing to a loss or a gradient, and a
row all of whose targets are missing does not count. Losses of numbers are taken in float64, as the
kernels take them: squares of float32 overflow from 1.8e19 on. Likelihoods have the forms of
csrc/likelihoods.h, which neither overflow nor cancel near the limits of a distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from unrolled.runtime.distributions import (
    HALF_LOG_TWO_PI,
    LOWEST_SCALE,
    LOWEST_SHAPE,
    stirling_rest,
)
from unrolled.runtime.spec import Spec

MISSING_CLASS = -1


class Losses(NamedTuple):
    """One number a row.

    Attributes:
        values: [R] losses, 0 where a row does not count.
        num: how many rows count.
        counts: [R] whether a row counts, or for how many (of a sequence, its labelled steps);
            None where each does for one.
    """

    values: Tensor
    num: int
    counts: Tensor | None


def losses(spec: Spec, output: Tensor, target: Tensor) -> Losses:
    """The loss of a spec for each row; a row is a sample, or a step where each step has a target.

    Args:
        spec: the model, which names its loss.
        output: raw outputs [..., K].
        target: [...] int64 classes for the cross-entropy; [..., K] numbers for the other losses,
            [..., K / Q] for Q quantiles or parameters of a distribution; for the loss
            "negative_binomial" [..., K], pairs of a count and its scale.
    """
    output = output.reshape(-1, output.shape[-1])
    if spec.loss == "cross_entropy":
        return cross_entropy(output, target)
    target = target.reshape(len(output), -1)
    if (target.shape[1], spec.output_size) != (spec.target_columns, output.shape[1]):
        raise ValueError(
            f"a model of {output.shape[1]} outputs and the loss {spec.loss!r} cannot learn targets "
            f"of {target.shape[1]} numbers"
        )
    output, target = output.double(), target.double()
    if spec.loss == "negative_binomial":
        target = target.unflatten(1, (-1, 2))
        there = ~target.isnan().any(dim=2)
        known = torch.where(there[:, :, None], target, 1.0)
    else:
        there = ~target.isnan()
        known = target if there.all() else torch.where(there, target, 0.0)
    if spec.quantiles:
        each = _quantile(output, known, spec)
        keep = there.repeat_interleave(len(spec.quantiles), dim=1)
    elif spec.head == "distribution":
        each = LIKELIHOODS[str(spec.loss)](
            output.unflatten(1, (-1, spec.outputs_per_target)), known
        )
        keep = there
    else:
        each, keep = ELEMENTWISE[str(spec.loss)](output, known), there
    if known is not target:
        each = torch.where(keep, each, 0.0)
    return _counted(each.mean(dim=1), there.any(dim=1))


def cross_entropy(output: Tensor, target: Tensor, smoothing: float = 0.0) -> Losses:
    """`-log softmax(y)_t` of scores [..., K] and classes [...].

    With smoothing e it is `(1 - e)` of that and e of the mean of `-log softmax(y)` over classes.
    """
    target = target.reshape(-1)
    values = F.cross_entropy(
        output.reshape(len(target), -1),
        target,
        reduction="none",
        ignore_index=MISSING_CLASS,
        label_smoothing=smoothing,
    )
    return _counted(values, target != MISSING_CLASS)


def mean(found: Losses, weight: Tensor | None) -> Tensor:
    """`sum(w l) / R` over the R rows that count: one number, 0 where none does.

    The weights have the mean 1 in the data set, not in each batch: divided by a batch's own sum of
    weights, a weight would count for less the smaller the batch, and for nothing in one of one row.
    """
    values = found.values if weight is None else weight.reshape(-1) * found.values
    return values.sum(dtype=torch.float64) / max(1, found.num)


def _counted(values: Tensor, counts: Tensor) -> Losses:
    num = int(counts.sum())
    return Losses(values, num, None if num == len(counts) else counts)


def squared(output: Tensor, target: Tensor) -> Tensor:
    """`(y - t)^2`."""
    return F.mse_loss(output, target, reduction="none")


def absolute(output: Tensor, target: Tensor) -> Tensor:
    """`|y - t|`."""
    return F.l1_loss(output, target, reduction="none")


def huber(output: Tensor, target: Tensor) -> Tensor:
    """`0.5 e^2 if |e| <= 1 else |e| - 0.5` with `e = y - t`."""
    return F.huber_loss(output, target, reduction="none")


def binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """`-t log s(y) - (1 - t) log(1 - s(y))` with the logistic function s of the score y."""
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


def _quantile(output: Tensor, target: Tensor, spec: Spec) -> Tensor:
    """`max(q e, (q - 1) e)` with `e = t - y` (Koenker & Bassett 1978): [R, targets Q] each."""
    levels = torch.tensor(spec.quantiles, dtype=output.dtype)
    e = target[:, :, None] - output.view(len(output), -1, len(levels))
    return torch.maximum(levels * e, (levels - 1.0) * e).view(output.shape)


ELEMENTWISE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared": squared,
    "absolute": absolute,
    "huber": huber,
    "binary_cross_entropy": binary_cross_entropy,
}


def normal(output: Tensor, target: Tensor) -> Tensor:
    """`-log p` of targets [R, targets] under normal distributions [R, targets, 2]."""
    scale = _softplus(output[..., 1]) + LOWEST_SCALE
    return HALF_LOG_TWO_PI + scale.log() + 0.5 * ((target - output[..., 0]) / scale) ** 2


def student_t(output: Tensor, target: Tensor) -> Tensor:
    """`-log p` of targets [R, targets] under Student's t-distributions [R, targets, 3]."""
    scale = _softplus(output[..., 1]) + LOWEST_SCALE
    df = 2.0 + _softplus(output[..., 2])
    e = (target - output[..., 0]) / scale
    ratio = _gamma_ratio(torch.full_like(df, 0.5), 2.0 / df)
    return HALF_LOG_TWO_PI - ratio + scale.log() + 0.5 * (df + 1.0) * torch.log1p(e * e / df)


def negative_binomial(output: Tensor, target: Tensor) -> Tensor:
    """`-log p` of pairs of a count and its row's scale, [R, targets, 2], likewise."""
    count, scale = target[..., 0], target[..., 1]
    mean = scale * _softplus(output[..., 0])
    shape = (_log_softplus(output[..., 1]).exp() / scale.sqrt()).clamp(min=LOWEST_SHAPE)
    log_mean = scale.log() + _log_softplus(output[..., 0])
    power = (count + 1.0 / shape) * torch.log1p(shape * mean)
    return torch.lgamma(count + 1.0) - _gamma_ratio(count, shape) - count * log_mean + power


def _softplus(o: Tensor) -> Tensor:
    # From the default threshold, 20, on it would be the identity, which float64 tells apart.
    return F.softplus(o, threshold=40.0)


def _log_softplus(o: Tensor) -> Tensor:
    return torch.where(o < -30.0, o, _softplus(o.clamp(min=-30.0)).log())


def _gamma_ratio(z: Tensor, a: Tensor) -> Tensor:
    """`log Gamma(1/a + z) - log Gamma(1/a) + z log a`, which tends to 0 with a."""
    small, large = a.clamp(max=0.1), a.clamp(min=0.1)
    direct = torch.lgamma(1.0 / large + z) - torch.lgamma(1.0 / large) + z * large.log()
    more = 1.0 + small * z
    near = (1.0 / small + z - 0.5) * torch.log1p(small * z) - z
    near = near + stirling_rest(small / more) - stirling_rest(small)
    return torch.where(a > 0.1, direct, near)


LIKELIHOODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "normal": normal,
    "student_t": student_t,
    "negative_binomial": negative_binomial,
}
