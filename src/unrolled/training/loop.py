"""The loop over epochs: one record each, early stopping, checkpoints. It knows no engine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batched
from unrolled.training.history import Record
from unrolled.training.plan import Plan
from unrolled.training.progress import Progress, Totals

# Between two looks at the clock (checkpoint due? Ctrl-C?) the engine gets about this much work.
SLICE_SECONDS = 0.2

# Called with the epochs that are done, the batches done of the running one, and how many it has.
Tell = Callable[[int, int, int], None]


class DivergedError(FloatingPointError):
    """The loss or the gradient of a batch is not finite.

    Attributes:
        batch: its index in the call of `Engine.train` that raised.
    """

    def __init__(self, batch: int, loss: float, gradient_norm: float) -> None:
        super().__init__(f"the loss is {loss:g} and the gradient's norm {gradient_norm:g}")
        self.batch = batch


class Engine(Protocol):
    """What trains a model: whole slices of an epoch at a time, over one flat array of parameters.

    `train` makes one optimizer step for each entry of `rows`, at the rate of the same place, and
    adds each batch to `totals`, in one order, so that sums are the same bits however an epoch is
    cut into calls. `start` is the place of rows[0] in its epoch; at 0 a carried state starts anew.
    It raises `DivergedError` where a loss or a gradient is not finite; the parameters are then
    those before that batch's step. `evaluate` gives the mean loss by weight, without dropout.
    `state` is everything beside the parameters that the next step depends on.
    """

    def train(
        self,
        data: Batched,
        rows: Sequence[NDArray[np.int64]],
        rates: Sequence[float],
        totals: Totals,
        start: int,
    ) -> None: ...
    def evaluate(self, data: Batched) -> float: ...
    def state(self) -> dict[str, NDArray[Any]]: ...
    def load_state(self, state: dict[str, NDArray[Any]]) -> None: ...


def train(
    engine: Engine,
    weights: NDArray[np.float32],
    data: Batched,
    validation: Batched | None,
    plan: Plan,
    progress: Progress,
    save: Callable[[], None] | None = None,
    tell: Tell | None = None,
) -> Iterator[Record]:
    """Train from where `progress` stands to the end, yielding a record an epoch.

    `engine` changes `weights` [P] in place; `progress` is kept up to date. `save` is called between
    two batches when the plan asks for it, and once at the end; `tell` after every slice.

    Raises:
        FloatingPointError: the loss, the gradient or the weights became NaN or infinite; says
            where.
    """
    saved_at, num_batches = time.monotonic(), len(data)
    num_steps = plan.max_epochs * num_batches
    pace = Pace()
    while not progress.finished:
        clock = time.perf_counter() - progress.seconds
        order = data.order(progress.epoch)
        for part in pace.slices(progress.batch, num_batches):
            rates = [plan.rate(progress.epoch * num_batches + i, num_steps) for i in part]
            try:
                rows = order[part.start : part.stop]
                engine.train(data, rows, rates, progress.totals, part.start)
            except DivergedError as error:
                raise FloatingPointError(
                    f"training stopped in epoch {progress.epoch + 1}, batch {part[error.batch] + 1}"
                    f" of {num_batches}: {error}; {_remedy(plan)}"
                ) from error
            progress.batch = part.stop
            progress.seconds = time.perf_counter() - clock
            if tell is not None:
                tell(progress.epoch, part.stop, num_batches)
            if save and plan.is_due(time.monotonic() - saved_at):
                save()
                saved_at = time.monotonic()
        valid_loss = None if validation is None else engine.evaluate(validation)
        if valid_loss is not None and not math.isfinite(valid_loss):
            raise FloatingPointError(
                f"training stopped after epoch {progress.epoch + 1}: the loss of the validation "
                f"data is {valid_loss:g}; {_remedy(plan)}"
            )
        rate = plan.rate((progress.epoch + 1) * num_batches - 1, num_steps)
        record = progress.close_epoch(valid_loss, rate, time.perf_counter() - clock)
        progress.judge(record, weights, plan)
        if progress.finished and not np.isfinite(weights).all():
            raise FloatingPointError(
                f"training stopped after epoch {progress.epoch}: its last step made weights NaN "
                f"or infinite; {_remedy(plan)}"
            )
        if save and (progress.finished or plan.is_due_epoch(progress.epoch)):
            save()
            saved_at = time.monotonic()
        yield record


def _remedy(plan: Plan) -> str:
    return f"a learning_rate below {plan.optimizer.learning_rate:g} or a smaller clip_norm may do"


class Pace:
    """Cuts the batches of epochs into slices whose work fills SLICE_SECONDS."""

    def __init__(self) -> None:
        self._many = 1

    def slices(self, start: int, stop: int) -> Iterator[range]:
        """Cut start..stop, timing the work on each range; the next epoch goes on at that pace."""
        while start < stop:
            begun = time.perf_counter()
            part = range(start, min(start + self._many, stop))
            yield part
            seconds = max(time.perf_counter() - begun, 1e-9)
            self._many = max(1, min(2 * self._many, int(len(part) * SLICE_SECONDS / seconds)))
            start = part.stop
