"""The engine that trains inside the compiled kernels, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batched, Batches
from unrolled.data.sequences import Sequences
from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import Spec
from unrolled.training.loop import DivergedError
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

Rows = NDArray[np.int64]


class KernelsEngine:
    """A model, its optimizer and their state, over one flat array of parameters.

    Args:
        spec: the model.
        flat: [P] float32 parameters, changed in place by `train`.
        optimizer: name and settings.
        seed: of dropout.
    """

    def __init__(
        self,
        spec: Spec,
        flat: NDArray[np.float32],
        optimizer: Optimizer | None = None,
        seed: int = 0,
    ) -> None:
        s = optimizer or Optimizer()
        settings = Settings(s.name, s.momentum, s.weight_decay, s.clip_norm, seed)
        self._network = Network(spec, flat)
        self._name = s.name
        self._state = TrainState.new(spec, settings)

    def train(
        self,
        data: Batched,
        rows: Sequence[Rows],
        rates: Sequence[float],
        totals: Totals,
        start: int,
    ) -> None:
        """One optimizer step a batch, all in one call, see `unrolled.training.loop.Engine`.

        Raises:
            DivergedError: the loss or the gradient of a batch is not finite.
        """
        self._state.carry = data.carry
        self._state.restart = start == 0
        held, its_rows = data.in_memory(rows)
        done = self._network.train(
            held.inputs, _target(held), held.weight, its_rows, rates, self._state
        )
        losses, counts, norms = (array.tolist() for array in done[:3])
        for loss, count, norm in zip(losses[: done.done], counts, norms, strict=False):
            totals.add(loss, count, norm)
        if done.done < len(rows):
            raise DivergedError(done.done, losses[done.done], norms[done.done])

    def evaluate(self, data: Batched) -> float:
        """Mean loss over the batches, by weight, without dropout.

        A batch a call, so that it can be interrupted and only that batch need be in memory.

        Raises:
            ValueError: all targets are missing.
        """
        order = data.order(0)
        carried = self._network.first_state(len(order[0])) if data.carry else None
        loss_sum = weight_sum = 0.0
        for rows in order:
            held, its_rows = data.in_memory([rows])
            loss, weight = self._network.evaluate(
                held.inputs, _target(held), held.weight, its_rows, carried=carried
            )
            loss_sum += loss
            weight_sum += weight
        if not weight_sum:
            raise ValueError("y has no target at all to evaluate on; all of them are missing")
        return loss_sum / weight_sum

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything beside the parameters that the next step depends on, as arrays."""
        held = {f"{self._name}.{name}": value for name, value in self._state.arrays.items()}
        held.update({f"carried.{i}": part for i, part in enumerate(self._state.carried)})
        return {name: value.copy() for name, value in held.items()}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `state` gave, to go on with the same bits.

        Raises:
            ValueError: the state is of another optimizer or size, or lacks something.
        """
        arrays = {name: value.copy() for name, value in state.items()}
        carried = [arrays.pop(name) for name in sorted(arrays) if name.startswith("carried.")]
        prefix = f"{self._name}."
        moments = {name.removeprefix(prefix): value for name, value in arrays.items()}
        kept = {name: value.shape for name, value in self._state.arrays.items()}
        if {name: value.shape for name, value in moments.items()} != kept:
            raise ValueError(
                f"the optimizer {self._name} keeps {sorted(kept)} of {len(self._network.flat)} "
                f"numbers, got {sorted(moments)}"
            )
        moments["step"] = moments["step"].astype(np.float64)  # torch's is float32
        self._state.arrays, self._state.carried = moments, carried


def predict(
    spec: Spec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
    """(rows, raw outputs of these rows) of each batch, see `unrolled.training.engines.predict`."""
    network = Network(spec, flat)
    for rows in data.order(0):
        yield rows, network.predict(data.inputs, rows)


def hidden_states(
    spec: Spec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[Rows, NDArray[np.float32]]]:
    """(rows, hidden states [T, N, D*H] of the last recurrent layer, 0 where padded) of each batch.

    Raises:
        ValueError: the model has no recurrent stack.
    """
    if not isinstance(data.inputs, Sequences):
        raise ValueError("a one-to-one model has no hidden states; they need a recurrent stack")
    network = Network(spec, flat)
    for rows in data.order(0):
        yield rows, network.hidden_states(data.inputs, rows)


def _target(data: Batches) -> NDArray[Any]:
    if data.y is None:
        raise ValueError("a batch without targets has no loss")
    return data.y
