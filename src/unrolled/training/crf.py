"""The loss "crf" in torch: a linear-chain conditional random field over the labels of a sequence.

See `unrolled.runtime.crf` for the formulas. Sums of powers are taken as logarithms, in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unrolled.models.heads import Transitions
from unrolled.training.losses import MISSING_CLASS, Losses


def losses(
    field: Transitions, output: Tensor, target: Tensor, lengths: Tensor | None = None
) -> Losses:
    """One loss a sequence, `log Z - log(sum over the paths that agree with its labels)`.

    Args:
        field: scores of labels side by side.
        output: [T, N, K] scores of the labels of each step.
        target: [T, N] int64 labels, -1 where missing.
        lengths: [N] valid steps; None when all sequences have T.

    Returns:
        Values [N], 0 where a sequence has no label, and for how many steps each counts.
    """
    if lengths is None:
        lengths = torch.full(target.shape[1:], len(target))
    there = (target != MISSING_CLASS) & (torch.arange(len(target))[:, None] < lengths)
    labelled = there.sum(dim=0)
    scores = output.double()
    labels = torch.arange(output.shape[2])
    wrong = there[:, :, None] & (labels != target[:, :, None])
    values = log_total(field, scores, lengths) - log_total(
        field, scores.masked_fill(wrong, -torch.inf), lengths
    )
    return Losses(torch.where(labelled > 0, values, 0.0), int(labelled.sum()), labelled)


def log_total(field: Transitions, scores: Tensor, lengths: Tensor) -> Tensor:
    """[N] logarithm of the sum over all paths of exp of their scores; scores [T, N, K]."""
    transition = field.transition.double()
    total = scores[0] + field.start
    for t in range(1, len(scores)):
        after = (total[:, :, None] + transition).logsumexp(dim=1) + scores[t]
        total = torch.where((t < lengths)[:, None], after, total)
    return (total + field.end).logsumexp(dim=1)
