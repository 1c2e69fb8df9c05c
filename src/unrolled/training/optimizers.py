"""torch's optimizers as one step over one flat array, with their state as plain tensors.

The steps are torch's own functions, called without its optimizer classes: those import a compiler
at their first use, which takes seconds, and cost more a step than a small network's arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from unrolled.training.plan import Optimizer

# torch's defaults.
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
ALPHA = 0.99


class Step:
    """One optimizer over the parameters [P] and their gradient [P].

    Attributes:
        state: what the next step depends on, by torch's names; float32 tensors.
    """

    def __init__(self, weights: Tensor, gradient: Tensor, settings: Optimizer) -> None:
        if settings.name not in STEPS:
            raise ValueError(f"optimizer must be one of {', '.join(STEPS)}, got {settings.name!r}")
        self._weights, self._gradient, self._settings = weights, gradient, settings
        buffers, self._apply = STEPS[settings.name]
        self.state = {name: torch.zeros_like(weights) for name in buffers}
        self.state["step"] = torch.zeros(())

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over the state of another step of the same optimizer.

        Raises:
            ValueError: the state is of another optimizer or size.
        """
        shapes = {name: value.shape for name, value in self.state.items()}
        theirs = {name: value.shape for name, value in state.items()}
        if shapes != theirs:
            raise ValueError(
                f"the optimizer {self._settings.name} keeps {sorted(shapes)} of "
                f"{len(self._weights)} numbers, got {sorted(theirs)}"
            )
        # The kernels' number of steps is float64.
        self.state = {name: value.to(torch.float32, copy=True) for name, value in state.items()}

    def __call__(self, rate: float) -> None:
        """Change the parameters in place by one step at this learning rate."""
        with torch.no_grad():
            self._apply(self._weights, self._gradient, self.state, rate, self._settings)


def _adam(w: Tensor, g: Tensor, state: dict[str, Tensor], rate: float, s: Optimizer) -> None:
    moments = adamw if s.name == "adamw" else adam
    moments(
        [w],
        [g],
        [state["exp_avg"]],
        [state["exp_avg_sq"]],
        [],
        [state["step"]],
        fused=True,
        amsgrad=False,
        beta1=BETA1,
        beta2=BETA2,
        lr=rate,
        weight_decay=s.weight_decay,
        eps=EPS,
        maximize=False,
    )


def _sgd(w: Tensor, g: Tensor, state: dict[str, Tensor], rate: float, s: Optimizer) -> None:
    # A buffer of zeros starts torch's momentum as its first gradient does: 0 * momentum + g.
    sgd(
        [w],
        [g],
        [state["momentum_buffer"]],
        fused=True,
        weight_decay=s.weight_decay,
        momentum=s.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
    )
    state["step"] += 1


def _rmsprop(w: Tensor, g: Tensor, state: dict[str, Tensor], rate: float, s: Optimizer) -> None:
    rmsprop(
        [w],
        [g],
        [state["square_avg"]],
        [],
        [],
        [state["step"]],
        foreach=False,
        lr=rate,
        alpha=ALPHA,
        eps=EPS,
        weight_decay=s.weight_decay,
        momentum=0.0,
        centered=False,
    )


Apply = Callable[[Tensor, Tensor, dict[str, Tensor], float, Optimizer], None]

STEPS: dict[str, tuple[tuple[str, ...], Apply]] = {
    "adam": (("exp_avg", "exp_avg_sq"), _adam),
    "adamw": (("exp_avg", "exp_avg_sq"), _adam),
    "sgd": (("momentum_buffer",), _sgd),
    "rmsprop": (("square_avg",), _rmsprop),
}
