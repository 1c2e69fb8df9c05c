"""The arguments of training: those of every estimator, and those where there are rows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from numbers import Integral

import numpy as np

from unrolled.estimators.contract import Estimator
from unrolled.estimators.options import choice, flag, instance, real, share, whole
from unrolled.training.engines import ENGINES
from unrolled.training.plan import Optimizer, Plan
from unrolled.training.schedules import SCHEDULES


@dataclass(kw_only=True, eq=False, repr=False)
class LearningArguments(Estimator):
    """How a network is trained, whatever it is trained on.

    Args:
        optimizer: "adam", "adamw", "sgd" or "rmsprop".
        learning_rate: highest learning rate of the schedule.
        momentum: of "sgd".
        weight_decay: L2 penalty; decoupled from the gradient with "adamw".
        schedule: "constant", "linear", "cosine" or "one_cycle".
        max_epochs: epochs at most.
        batch_size: rows of a batch.
        clip_norm: largest norm of the gradient; None does not clip.
        validation_fraction: share of the data held out to watch, of rows or of a text; 0 holds out
            none.
        patience: epochs without a better validation loss before training stops and the best
            weights are put back; None trains all epochs and keeps the last weights.
        checkpoint: file to which a running fit is saved, or None.
        checkpoint_seconds: save after this many seconds; None does not.
        checkpoint_epochs: save after this many epochs; None does not.
        engine: what trains: the compiled "kernels", or "torch"; "auto" takes the kernels where they
            can, else torch. `explain` says which and why.
        random_state: seed of first weights, order, dropout and split.
        verbose: progress bar; "auto" shows one in a terminal or notebook.
    """

    optimizer: str = field(
        default="adam",
        metadata=choice("adam", "adamw", "sgd", "rmsprop", help="adam, adamw, sgd or rmsprop"),
    )
    learning_rate: float = field(
        default=1e-3, metadata=real(0.0, above=True, help="highest learning rate")
    )
    momentum: float = field(default=0.9, metadata=share(help="momentum of sgd"))
    weight_decay: float = field(default=0.0, metadata=real(0.0, help="L2 penalty"))
    schedule: str = field(
        default="constant", metadata=choice(*SCHEDULES, help="constant, linear, cosine, one_cycle")
    )
    max_epochs: int = field(default=100, metadata=whole(1, help="epochs at most"))
    batch_size: int = field(default=32, metadata=whole(1, help="rows of a batch"))
    clip_norm: float | None = field(
        default=1.0, metadata=real(0.0, above=True, none=True, help="largest norm of the gradient")
    )
    validation_fraction: float = field(
        default=0.0, metadata=share(help="share of the data held out to watch")
    )
    patience: int | None = field(
        default=None,
        metadata=whole(1, none=True, help="epochs without a better validation loss before the end"),
    )
    checkpoint: str | os.PathLike[str] | None = field(
        default=None,
        metadata=instance(
            str, os.PathLike, wanted="a path", help="file to which a running fit is saved"
        ),
    )
    checkpoint_seconds: float | None = field(
        default=60.0, metadata=real(0.0, none=True, help="save after this many seconds")
    )
    checkpoint_epochs: int | None = field(
        default=None, metadata=whole(1, none=True, help="save after this many epochs")
    )
    engine: str = field(
        default="auto", metadata=choice(*ENGINES, help="auto, kernels or torch, which trains")
    )
    random_state: int | np.random.RandomState | np.random.Generator | None = field(
        default=None,
        metadata=instance(
            Integral,
            np.random.RandomState,
            np.random.Generator,
            wanted="a whole number, a numpy RandomState or Generator",
            help="seed of weights, order, dropout and split",
        ),
    )
    verbose: bool | str = field(
        default="auto", metadata=choice(True, False, "auto", help="progress bar")
    )

    def _plan(self) -> Plan:
        saves = self.checkpoint is not None
        return Plan(
            max_epochs=int(self.max_epochs),
            optimizer=self._optimizer(),
            schedule=self.schedule,
            patience=self.patience,
            checkpoint_seconds=self.checkpoint_seconds if saves else None,
            checkpoint_epochs=self.checkpoint_epochs if saves else None,
        )

    def _optimizer(self) -> Optimizer:
        return Optimizer(
            name=self.optimizer,
            learning_rate=float(self.learning_rate),
            momentum=float(self.momentum),
            weight_decay=float(self.weight_decay),
            clip_norm=None if self.clip_norm is None else float(self.clip_norm),
        )


@dataclass(kw_only=True, eq=False, repr=False)
class TrainingArguments(LearningArguments):
    """How a network is trained on rows, beside what `LearningArguments` says.

    Args:
        standardize: scale each input channel, and the targets of a regression, to mean 0 and
            standard deviation 1 of the training part.
        shuffle: a new order of rows each epoch.
    """

    standardize: bool = field(
        default=True, metadata=flag(help="scale inputs, and targets of a regression")
    )
    shuffle: bool = field(default=True, metadata=flag(help="a new order of rows each epoch"))
