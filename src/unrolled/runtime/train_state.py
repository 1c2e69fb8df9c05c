"""What training keeps from step to step beside the parameters, and what a call of it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.spec import Spec

# Moments of each optimizer, by torch's names.
OPTIMIZERS = {
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "sgd": ("momentum_buffer",),
    "rmsprop": ("square_avg",),
}


@dataclass(frozen=True)
class Settings:
    """An optimizer's settings, in torch's terms.

    Attributes:
        optimizer: "adam", "adamw", "sgd" or "rmsprop".
        momentum: of sgd.
        weight_decay: L2 penalty, or decoupled decay with adamw.
        clip_norm: largest norm of the gradient; None leaves it as it is.
        seed: of dropout, from 0 to below 2^64.
    """

    optimizer: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {self.optimizer!r}"
            )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm must be above 0 or None, got {self.clip_norm}")
        for name in ("momentum", "weight_decay"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool):
            raise TypeError(f"seed must be a whole number, got {self.seed!r:.80}")
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be from 0 to below 2^64, got {self.seed}")


@dataclass
class TrainState:
    """What the next step depends on beside parameters and data; `train` changes it in place.

    Attributes:
        settings: of the optimizer.
        arrays: its moments by torch's names, [P] float32 each, and "step", [] float64: in float32
            it would stand still from 2^24 on, and dropout with it.
        carry: whether row n of a batch goes on from the final state of row n of the batch before.
        restart: whether the first batch of the next call starts from zeros instead; `train` sets it
            to False.
        carried: h, and c of an LSTM, [L*D, N, H] float32, as the last batch left them.
    """

    settings: Settings
    arrays: dict[str, NDArray[Any]]
    carry: bool = False
    restart: bool = True
    carried: list[NDArray[np.float32]] = field(default_factory=list)

    @classmethod
    def new(cls, spec: Spec, settings: Settings, *, carry: bool = False) -> TrainState:
        """The state before the first step."""
        arrays: dict[str, NDArray[Any]] = {
            name: np.zeros(spec.num_parameters, np.float32)
            for name in OPTIMIZERS[settings.optimizer]
        }
        arrays["step"] = np.zeros(())
        return cls(settings, arrays, carry)


class Trained(NamedTuple):
    """What a call of `Network.train` did.

    Attributes:
        losses: [B] float64, each batch's loss before its step.
        counts: [B] int64, its rows that had a target.
        norms: [B] float64, norm of its gradient before clipping.
        done: batches done: B, or the number of the first whose loss or norm is not finite; then the
            parameters and the state are those before that batch.
    """

    losses: NDArray[np.float64]
    counts: NDArray[np.int64]
    norms: NDArray[np.float64]
    done: int
