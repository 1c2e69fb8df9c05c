"""A spec run by the compiled kernels alone: predictions, losses, gradients, whole training epochs.

Nothing here imports torch. Every shape, type and range is checked before memory is touched; the
interpreter's lock is released while the kernels run, so that threads can train models side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels import engine
from unrolled.runtime.description import (
    Described,
    address,
    check_array,
    describe_batches,
    describe_data,
    describe_network,
)
from unrolled.runtime.spec import AnySpec, Spec
from unrolled.runtime.train_state import OPTIMIZERS, Settings, Trained, TrainState
from unrolled.runtime.transcription import TranscriberSpec

__all__ = ["Inputs", "Network", "Rows", "Settings", "TrainState", "Trained", "why_not"]

# Rows that predict runs at once.
AT_ONCE = 256


class SequenceInputs(Protocol):
    """N sequences as cuts of one flat array; `unrolled.data.sequences.Sequences` is one.

    Attributes:
        values: [M, C] float32, whole-number codes in the columns of categories; or [M] int64
            tokens.
        starts: [N] int64, first row of each sequence in `values`.
        lengths: [N] int64, steps of each sequence, at least 1.
    """

    @property
    def values(self) -> NDArray[Any]: ...
    @property
    def starts(self) -> NDArray[np.int64]: ...
    @property
    def lengths(self) -> NDArray[np.int64]: ...


Inputs = SequenceInputs | NDArray[np.float32]
Rows = NDArray[np.int64]
# h, and c of an LSTM, [L*D, N, H] float32: the state before a batch, changed to that after it.
Carried = Sequence[NDArray[np.float32]]


def why_not(spec: AnySpec) -> str | None:
    """Why the compiled kernels cannot run a spec here; None: they can."""
    if isinstance(spec, TranscriberSpec):
        return "the compiled kernels run chains, and this one learns without knowing when"
    if not isinstance(spec, Spec):
        return "the compiled kernels run chains, and this is an encoder with a decoder"
    if engine.COMPILED is None:
        return f"the compiled kernels {engine.why_not}"
    return None


class Network:
    """A spec run by the compiled kernels alone.

    Args:
        spec: the model.
        flat: [P] float32 parameters, kept and changed in place by `train`.

    Raises:
        ImportError: the compiled kernels are not there.
        TypeError: `flat` is not float32.
        ValueError: `flat` has another shape or is not contiguous.
    """

    def __init__(self, spec: Spec, flat: NDArray[np.float32]) -> None:
        reason = why_not(spec)
        if reason is not None:
            raise ImportError(f"this network cannot run: {reason}; {engine.REMEDY}")
        self.spec = spec
        self._flat = check_array("flat", flat, np.float32, (spec.num_parameters,))
        self._network = describe_network(spec)

    @property
    def flat(self) -> NDArray[np.float32]:
        """The parameters [P]."""
        return self._flat

    def predict(
        self, inputs: Inputs, rows: Rows, *, carried: Carried | None = None
    ) -> NDArray[np.float32]:
        """Raw outputs [len(rows), K] of some rows, without dropout.

        With pooling "every" there is one for each step: [sum of their lengths, K], row after row in
        the order of `rows`, step by step.

        Args:
            inputs: as of `evaluate`.
            rows: [N] int64, in any order.
            carried: the state before these rows, which are one batch then; changed in place to that
                after the last valid step of each, see `first_state`. None: zeros.

        Raises:
            TypeError, ValueError: inputs, rows or state do not fit the spec or each other.
        """
        data = describe_data(self.spec, inputs, None, None)
        rows = check_array("rows", rows, np.int64, (None,))
        each = AT_ONCE if carried is None else max(1, len(rows))
        parts = [rows[at : at + each] for at in range(0, len(rows), each)]
        batches = describe_batches(parts, data.num_rows)
        num_outputs = len(rows)
        if not isinstance(inputs, np.ndarray) and self.spec.pooling == "every":
            num_outputs = int(inputs.lengths[rows].sum())
        outputs = np.empty((num_outputs, self.spec.output_size), np.float32)
        self._predict(data, batches, carried, outputs, states=False)
        return outputs

    def hidden_states(
        self, inputs: SequenceInputs, rows: Rows, *, carried: Carried | None = None
    ) -> NDArray[np.float32]:
        """Hidden states [T, N, D*H] of the last recurrent layer, 0 where padded.

        Args: as of `predict`.

        Raises:
            TypeError, ValueError: inputs, rows or state do not fit the spec or each other, or there
                is no recurrent layer.
        """
        if self.spec.recurrent is None:
            raise ValueError("hidden_states needs a recurrent stack, which this network has not")
        data = describe_data(self.spec, inputs, None, None)
        batches = describe_batches([rows], data.num_rows)
        num_steps = int(inputs.lengths[rows].max())
        size = self.spec.recurrent.output_size
        states = np.empty((num_steps, len(rows), size), np.float32)
        self._predict(data, batches, carried, states, states=True)
        return states

    def evaluate(
        self,
        inputs: Inputs,
        y: NDArray[Any],
        weight: NDArray[np.float32] | None,
        rows: Sequence[Rows],
        *,
        carried: Carried | None = None,
    ) -> tuple[float, float]:
        """Sum of weight * loss and sum of weight over all batches, without dropout.

        Args:
            inputs: N sequences, or a table [N, C] float32 where there is no recurrent stack.
            y: [N] int64 classes (-1: missing) for cross-entropy and "crf", else
                [N, `spec.target_columns`] float32 (NaN: missing); with pooling "every" M rows as
                `inputs.values`.
            weight: [N], or [M] with pooling "every", float32; None is all 1. Of the loss "crf" the
                weight of a sequence is that of its first step.
            rows: the rows of each batch.
            carried: the state before the first batch, which goes on from batch to batch and is
                changed in place to that after the last one, see `first_state`. None: each batch
                begins with zeros.

        Raises:
            TypeError, ValueError: an array does not fit the spec or the others.
        """
        rows = list(rows)
        data = self._describe(inputs, y, weight)
        whole, first = describe_batches(rows, data.num_rows)
        state = self._states(carried, len(rows[0])) if rows else []
        result = np.zeros(2)
        _kernels().chain_evaluate(
            *(self._network.numbers, address(self.flat), data.numbers),
            *(len(rows), address(whole), address(first)),
            *_pair(state),
            address(result),
            engine.get_num_threads(),
        )
        return float(result[0]), float(result[1])

    def gradients(
        self,
        inputs: Inputs,
        y: NDArray[Any],
        weight: NDArray[np.float32] | None,
        rows: Rows,
        *,
        dropout: tuple[int, int] | None = None,
    ) -> tuple[float, NDArray[np.float32]]:
        """The loss of one batch and its gradient [P], before clipping; arguments as of `evaluate`.

        Args:
            dropout: the seed, and the number of the step (from 1) whose dropout there is; None: no
                dropout.
        """
        data = self._describe(inputs, y, weight)
        whole, first = describe_batches([rows], data.num_rows)
        seed, step = (0, 0) if dropout is None else dropout
        if dropout is not None and (not isinstance(step, int) or not 1 <= step < 2**53):
            raise ValueError(f"dropout's step must be a whole number from 1, got {step!r:.80}")
        key = np.array(Settings(seed=seed).seed, np.uint64)
        gradient = np.empty_like(self.flat)
        loss = _kernels().chain_gradient(
            *(self._network.numbers, address(self.flat), data.numbers),
            *(1, address(whole), address(first), address(key), step, address(gradient)),
            engine.get_num_threads(),
        )
        return float(loss), gradient

    def train(
        self,
        inputs: Inputs,
        y: NDArray[Any],
        weight: NDArray[np.float32] | None,
        rows: Sequence[Rows],
        rates: Sequence[float],
        state: TrainState,
    ) -> Trained:
        """One optimizer step a batch, at these learning rates; arguments as of `evaluate`.

        The same bits come out however an epoch is cut into calls, and for any number of threads.

        Raises:
            TypeError, ValueError: an array does not fit the spec, the state or the others.
        """
        _check_writeable("flat", self.flat)
        rows = list(rows)
        all_rates = np.array(rates, np.float64)
        if all_rates.shape != (len(rows),) or not np.isfinite(all_rates).all():
            raise ValueError(
                f"rates must be one finite number a batch, got {rates!r:.80} for "
                f"{len(rows)} batches"
            )
        data = self._describe(inputs, y, weight)
        whole, first = describe_batches(rows, data.num_rows)
        settings = state.settings
        moments = self._moments(state)
        carried: Carried = []
        if state.carry and rows:
            before = self.first_state(len(rows[0])) if state.restart else state.carried
            carried = self._states(before, len(rows[0]), "state.carried")
        count = len(rows)
        trained = Trained(np.empty(count), np.empty(count, np.int64), np.empty(count), 0)
        terms = np.array([settings.momentum, settings.weight_decay], np.float32)
        key = np.array(settings.seed, np.uint64)
        step = float(state.arrays["step"])
        done = _kernels().chain_train(
            *(self._network.numbers, address(self.flat), data.numbers),
            *(count, address(whole), address(first)),
            (
                list(OPTIMIZERS).index(settings.optimizer),
                *(address(terms), address(key), address(all_rates)),
                *_pair(moments),
                *_pair(carried),
                *(address(trained.losses), address(trained.norms), address(trained.counts)),
            ),
            np.inf if settings.clip_norm is None else settings.clip_norm,
            step,
            engine.get_num_threads(),
        )
        state.arrays["step"][...] = step + done
        if state.carry and rows:
            state.carried, state.restart = list(carried), False
        return trained._replace(done=done)

    def _describe(self, inputs: Inputs, y: Any, weight: Any) -> Described:
        if y is None:
            raise ValueError("y is None, but a loss needs targets")
        return describe_data(self.spec, inputs, y, weight)

    def _predict(
        self,
        data: Described,
        batches: tuple[NDArray[np.int64], NDArray[np.int64]],
        carried: Carried | None,
        outputs: NDArray[np.float32],
        *,
        states: bool,
    ) -> None:
        whole, first = batches
        state = self._states(carried, len(whole))
        _kernels().chain_predict(
            *(self._network.numbers, address(self.flat), data.numbers),
            *(len(first) - 1, address(whole), address(first), *_pair(state), address(outputs)),
            states,
            engine.get_num_threads(),
            0,
        )

    def first_state(self, num_rows: int) -> list[NDArray[np.float32]]:
        """Zeros: h, and c of an LSTM, [L*D, N, H] float32, for N rows.

        Raises:
            ValueError: there is no recurrent layer.
        """
        r = self.spec.recurrent
        if r is None:
            raise ValueError("a carried state needs a recurrent stack, which this network has not")
        shape = (r.num_layers * (1 + r.bidirectional), num_rows, r.hidden_size)
        return [np.zeros(shape, np.float32) for _ in range(1 + (r.cell == "lstm"))]

    def _states(
        self, carried: Carried | None, num_rows: int, name: str = "carried"
    ) -> Sequence[NDArray[np.float32]]:
        """The state that the kernels change, if it fits; none for None."""
        if carried is None:
            return []
        zeros = self.first_state(num_rows)
        if len(carried) != len(zeros):
            raise ValueError(f"{name} must hold {len(zeros)} arrays, got {len(carried)}")
        for array in carried:
            check_array(name, array, np.float32, zeros[0].shape)
            _check_writeable(name, array)
        return carried

    def _moments(self, state: TrainState) -> list[NDArray[np.float32]]:
        names = OPTIMIZERS[state.settings.optimizer]
        if set(state.arrays) != {*names, "step"}:
            raise ValueError(
                f"state of {state.settings.optimizer} must hold {', '.join(names)} and step, got "
                f"{', '.join(sorted(state.arrays))}"
            )
        for name, array in state.arrays.items():
            dtype, shape = (np.float64, ()) if name == "step" else (np.float32, self.flat.shape)
            check_array(f"state's {name}", array, dtype, shape)
            _check_writeable(f"state's {name}", array)
        return [state.arrays[name] for name in names]


def _check_writeable(name: str, array: NDArray[Any]) -> None:
    if not array.flags.writeable:
        raise ValueError(f"{name} is read-only, but is to be changed; give a copy")


def _kernels() -> Any:
    return engine.COMPILED


def _pair(arrays: Sequence[NDArray[Any]]) -> tuple[int, ...]:
    """Addresses of two arrays, 0 where there is none."""
    return (*map(address, arrays), 0, 0)[:2]
