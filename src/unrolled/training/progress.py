"""Where a training run stands between two batches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unrolled.training.history import Record
from unrolled.training.plan import Plan


@dataclass
class Totals:
    """Over some batches: sum of the rows' losses, rows that count, and largest gradient norm."""

    loss: float = 0.0
    rows: float = 0.0
    gradient_norm: float = 0.0

    def add(self, loss: float, rows: int, norm: float) -> None:
        """Count one batch of mean loss `loss`."""
        self.loss += loss * rows
        self.rows += rows
        self.gradient_norm = max(self.gradient_norm, norm)


@dataclass
class Progress:
    """Where a run stands between two batches: with weights and engine, all that going on needs."""

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    totals: Totals = field(default_factory=Totals)
    history: list[Record] = field(default_factory=list)
    best_loss: float = float("inf")
    best_epoch: int = 0
    best_weights: NDArray[np.float32] | None = None
    finished: bool = False

    def close_epoch(self, valid_loss: float | None, rate: float, seconds: float) -> Record:
        """Turn the running sums into the epoch's record, and stand before the next epoch.

        Raises:
            ValueError: no row of the epoch counted, for all targets are missing.
        """
        if not self.totals.rows:
            raise ValueError("y has no target at all to train on; all of them are missing")
        self.epoch += 1
        record = Record(
            epoch=self.epoch,
            train_loss=self.totals.loss / self.totals.rows,
            valid_loss=valid_loss,
            gradient_norm=self.totals.gradient_norm,
            learning_rate=rate,
            seconds=seconds,
        )
        self.history.append(record)
        self.batch, self.seconds, self.totals = 0, 0.0, Totals()
        return record

    def judge(self, record: Record, weights: NDArray[np.float32], plan: Plan) -> None:
        """Keep the best weights, and finish when there is no better or no further epoch."""
        self.finished = self.epoch >= plan.max_epochs
        if plan.patience is None or record["valid_loss"] is None:
            return
        if record["valid_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = record["valid_loss"], self.epoch
            self.best_weights = weights.copy()
        self.finished = self.finished or self.epoch - self.best_epoch >= plan.patience
        if self.finished and self.best_weights is not None:
            weights[...] = self.best_weights
