"""Plain records of a training run, one an epoch."""

from __future__ import annotations

from typing import TypedDict


class Record(TypedDict):
    """What one epoch did.

    Attributes:
        epoch: number of the epoch, from 1.
        train_loss: mean loss over the epoch's batches, each before its step.
        valid_loss: mean loss over the validation part after the epoch; None without one.
        gradient_norm: largest norm of the gradient in the epoch, before clipping.
        learning_rate: rate of the epoch's last step.
        seconds: wall time of the epoch, checkpoints included.
    """

    epoch: int
    train_loss: float
    valid_loss: float | None
    gradient_norm: float
    learning_rate: float
    seconds: float
