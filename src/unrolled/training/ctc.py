"""Connectionist temporal classification through torch: the loss, and what a model gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unrolled.data.batches import Batches
from unrolled.data.pairs import MISSING
from unrolled.models.transcriber import Transcriber
from unrolled.runtime.transcription import BLANK, TranscriberSpec
from unrolled.training.losses import Losses


def losses(log_p: Tensor, target: Tensor, steps: Tensor | None = None) -> Losses:
    """`-log p` of the symbols of each sequence, all their paths together.

    It is infinite where a sequence has fewer steps than its symbols need, see
    `unrolled.runtime.ctc.steps_needed`.

    Args:
        log_p: [T', N, K] log-probabilities, 0 the blank.
        target: [L, N] int64 symbols from 1 to K - 1, -1 behind the last of each.
        steps: [N] valid steps; None when all sequences have T'.

    Returns:
        Values [N], and for how many symbols each counts.
    """
    if steps is None:
        steps = torch.full(target.shape[1:], len(log_p))
    symbols = (target != MISSING).sum(dim=0)
    # float32 loses digits over the many steps of a long sequence.
    values = F.ctc_loss(
        log_p.double(),
        target.clamp(min=BLANK).T.contiguous(),
        steps,
        symbols,
        blank=BLANK,
        reduction="none",
    )
    return Losses(values, int(symbols.sum()), symbols)


def log_probabilities(
    spec: TranscriberSpec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.float32]]]]:
    """(rows, of each the log-probabilities [T', K] of its steps) of each batch."""
    module = Transcriber(spec, flat if flat.flags.writeable else flat.copy()).eval()
    for rows in data.order(0):
        batch = data.batch(rows)
        lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths)
        with torch.inference_mode():
            found, steps = module(torch.from_numpy(batch.x), lengths)
        ends = [len(found)] * len(rows) if steps is None else steps.tolist()
        log_p = found.numpy()
        yield rows, [log_p[:end, n].copy() for n, end in enumerate(ends)]
