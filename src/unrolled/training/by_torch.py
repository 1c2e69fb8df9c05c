"""The engine that trains through torch: forward, loss, backward, clip, step."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.data.batches import Batch
from unrolled.models import ManyToOne, OneToOne
from unrolled.runtime.spec import Spec, views
from unrolled.training.gradients import clip
from unrolled.training.loop import DivergedError
from unrolled.training.losses import LOSSES, mean
from unrolled.training.optimizers import Step
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

# torch's dropout draws from one generator of the whole process.
_generator = threading.Lock()


class TorchEngine:
    """A model, its optimizer and their state, all over one flat array of parameters.

    The parameters are views of one tensor and so are their gradients: clipping, the optimizer step
    and a checkpoint each handle one array instead of one a parameter.

    Args:
        spec: the model.
        flat: [P] float32 parameters, changed in place by `train`.
        loss: "squared", "absolute", "huber" or "cross_entropy".
        optimizer: name and settings.
        seed: of dropout.
    """

    def __init__(
        self,
        spec: Spec,
        flat: NDArray[np.float32],
        loss: str = "squared",
        optimizer: Optimizer | None = None,
        seed: int = 0,
    ) -> None:
        self.module = build(spec, flat)
        self._loss = LOSSES[loss]
        self._settings = optimizer or Optimizer()
        gradient = np.zeros_like(flat)
        self._gradient = torch.from_numpy(gradient)
        for name, part in views(spec, gradient).items():
            self.module.get_parameter(name).grad = torch.from_numpy(part)
        self._step = Step(torch.from_numpy(flat), self._gradient, self._settings)
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._has_dropout = uses_dropout(spec)

    def train(self, batches: Iterable[Batch], rates: Sequence[float], totals: Totals) -> None:
        """One optimizer step a batch, at these learning rates; `totals` counts the batches.

        Sums grow batch by batch in one order, so that they are the same bits however an epoch is
        cut into calls.

        Raises:
            DivergedError: the loss or the gradient of a batch is not finite; the parameters are
                those before that batch's step.
        """
        self.module.train()
        with torch.enable_grad(), self._own_random_numbers():
            for i, (batch, rate) in enumerate(zip(batches, rates, strict=True)):
                losses = self._loss(_forward(self.module, batch), _target(batch))
                loss = mean(losses, _weight(batch))
                self._gradient.zero_()
                loss.backward()
                norm = clip(self._gradient, self._settings.clip_norm)
                value = loss.item()
                if not (math.isfinite(value) and math.isfinite(norm)):
                    raise DivergedError(i, value, norm)
                self._step(rate)
                totals.add(value, len(losses), norm)

    def evaluate(self, batches: Iterable[Batch]) -> float:
        """Mean loss over the batches, by weight, without dropout."""
        loss_sum = weight_sum = 0.0
        self.module.eval()
        with torch.inference_mode():
            for batch in batches:
                losses = self._loss(_forward(self.module, batch), _target(batch)).double()
                weight = _weight(batch)
                loss_sum += float((losses if weight is None else weight * losses).sum())
                weight_sum += len(losses) if weight is None else float(weight.sum())
        return loss_sum / weight_sum

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything beside the parameters that the next step depends on, as arrays."""
        held = {f"{self._settings.name}.{name}": value for name, value in self._step.state.items()}
        held["random"] = self._random
        return {name: value.numpy().copy() for name, value in held.items()}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `state` gave, to go on with the same bits.

        Raises:
            ValueError: the state is of another optimizer or size, or lacks something.
        """
        arrays = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
        if "random" not in arrays:
            raise ValueError("the state of an engine needs its random numbers")
        random = arrays.pop("random")
        prefix = f"{self._settings.name}."
        self._step.load({name.removeprefix(prefix): value for name, value in arrays.items()})
        self._random = random

    @contextmanager
    def _own_random_numbers(self) -> Iterator[None]:
        """Run with this engine's random state, and leave torch's as it was.

        Engines with dropout in several Python threads take turns.
        """
        if not self._has_dropout:
            yield
            return
        with _generator:
            theirs = torch.get_rng_state()
            torch.set_rng_state(self._random)
            try:
                yield
                self._random = torch.get_rng_state()
            finally:
                torch.set_rng_state(theirs)


def predict(
    spec: Spec, flat: NDArray[np.float32], batches: Iterable[Batch]
) -> Iterator[NDArray[np.float32]]:
    """Raw outputs [N, K] of each batch by the model with the parameters `flat` [P]."""
    module = build(spec, _writeable(flat)).eval()
    for batch in batches:
        with torch.inference_mode():
            output = _forward(module, batch)
        yield output.numpy()


def hidden_states(
    spec: Spec, flat: NDArray[np.float32], batches: Iterable[Batch]
) -> Iterator[NDArray[np.float32]]:
    """Hidden states [T, N, D*H] of the last recurrent layer for each batch, 0 where padded."""
    module = ManyToOne(spec, _writeable(flat)).eval()
    for batch in batches:
        with torch.inference_mode():
            states, _ = module.states(torch.from_numpy(batch.x), _lengths(batch))
        yield states.numpy()


def build(spec: Spec, flat: NDArray[np.float32]) -> OneToOne | ManyToOne:
    """The torch module of a spec over its parameters [P]."""
    return OneToOne(spec, flat) if spec.recurrent is None else ManyToOne(spec, flat)


def _writeable(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """`flat`, or a copy where it is read-only (mapped from a file), which torch warns of."""
    return flat if flat.flags.writeable else flat.copy()


def uses_dropout(spec: Spec) -> bool:
    """Whether training draws random numbers."""
    between = spec.recurrent.dropout if spec.recurrent is not None else 0.0
    return bool(between or spec.head_dropout or (spec.hidden and spec.hidden_dropout))


def _forward(module: OneToOne | ManyToOne, batch: Batch) -> Tensor:
    output: Tensor = module(torch.from_numpy(batch.x), _lengths(batch))[0]
    return output


def _lengths(batch: Batch) -> Tensor | None:
    return None if batch.lengths is None else torch.from_numpy(batch.lengths)


def _weight(batch: Batch) -> Tensor | None:
    return None if batch.weight is None else torch.from_numpy(batch.weight)


def _target(batch: Batch) -> Tensor:
    if batch.y is None:
        raise ValueError("a batch without targets has no loss")
    return torch.from_numpy(batch.y)
