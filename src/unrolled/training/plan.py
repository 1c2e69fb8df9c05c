"""How long to train, at which rates, and when to save."""

from __future__ import annotations

from dataclasses import dataclass

from unrolled.training.schedules import learning_rate


@dataclass(frozen=True)
class Optimizer:
    """Name and settings of an optimizer, in torch's terms.

    Attributes:
        name: "adam", "adamw", "sgd" or "rmsprop".
        learning_rate: highest rate of the schedule.
        momentum: of sgd.
        weight_decay: L2 penalty, or decoupled decay with adamw.
        clip_norm: largest norm of the gradient; None leaves it as it is.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0


@dataclass(frozen=True)
class Plan:
    """How long to train, at which rates, and when to save.

    Attributes:
        max_epochs: epochs at most.
        optimizer: the optimizer's settings.
        schedule: of the learning rate, see `schedules.learning_rate`.
        patience: epochs without a better validation loss before training stops and the best
            weights are put back; None trains all epochs and keeps the last.
        checkpoint_seconds: save after this many seconds; None does not.
        checkpoint_epochs: save after this many epochs; None does not.
    """

    max_epochs: int
    optimizer: Optimizer
    schedule: str = "constant"
    patience: int | None = None
    checkpoint_seconds: float | None = None
    checkpoint_epochs: int | None = None

    def rate(self, step: int, num_steps: int) -> float:
        """Learning rate of one step."""
        return learning_rate(self.schedule, self.optimizer.learning_rate, step, num_steps)

    def is_due(self, seconds: float) -> bool:
        """Whether to save after so many seconds without."""
        return self.checkpoint_seconds is not None and seconds >= self.checkpoint_seconds

    def is_due_epoch(self, epoch: int) -> bool:
        """Whether to save after the epoch of this number."""
        return self.checkpoint_epochs is not None and epoch % self.checkpoint_epochs == 0
