"""Which engine trains and predicts: the compiled kernels or torch, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.kernels import engine as compiled
from unrolled.models.decoding import Stepwise
from unrolled.runtime.encoder_decoder import EncoderDecoderSpec
from unrolled.runtime.network import why_not
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.spec import AnySpec, Spec
from unrolled.runtime.transcription import TranscriberSpec
from unrolled.training.loop import Engine
from unrolled.training.plan import Optimizer

AUTO, KERNELS, TORCH = "auto", "kernels", "torch"
ENGINES = (AUTO, KERNELS, TORCH)
GET_TORCH = "pip install 'unrolled[torch]'"


class Choice(NamedTuple):
    """An engine that was chosen.

    Attributes:
        name: "kernels" or "torch".
        reason: why, as a clause.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason}), {_threads(self.name)}"


class Writer(Stepwise, Protocol):
    """A model that reads rows side by side and writes of each, a symbol at a step."""

    def read(self, x: NDArray[Any], lengths: NDArray[np.int64] | None) -> Any:
        """What is read, of lengths [N] or all as long, to the state before the first step."""

    def attention(
        self,
        x: NDArray[Any],
        lengths: NDArray[np.int64] | None,
        symbols: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Weights [T, N, S] while symbols [T, N] are read by what writes."""


def choose(engine: str, spec: AnySpec) -> Choice:
    """The engine for a model.

    Args:
        engine: "kernels", "torch", or "auto" for the kernels where they can, else torch.
        spec: the model.

    Raises:
        ValueError: the engine that was asked for cannot, or with "auto" neither can; says why.
    """
    against = why_not(spec)
    if engine == KERNELS:
        if against is not None:
            raise ValueError(f"engine='kernels' cannot run this model: {against}")
        return Choice(KERNELS, "engine='kernels'")
    if engine == TORCH:
        if not _has_torch():
            raise ValueError(
                f"engine='torch' needs PyTorch, which is not installed; run: {GET_TORCH}"
            )
        return Choice(TORCH, "engine='torch'")
    if engine != AUTO:
        raise ValueError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r:.80}")
    if against is None:
        return Choice(KERNELS, "engine='auto': the compiled kernels run the whole model")
    if not _has_torch():
        raise ValueError(
            f"neither engine can run this model: of the kernels, {against}; and PyTorch is not "
            f"installed: {GET_TORCH}"
        )
    return Choice(TORCH, f"engine='auto': {against}")


def explain(engine: str, spec: AnySpec) -> str:
    """The engine that `choose` gives, why, and its threads; "none" and the reason without one."""
    try:
        return str(choose(engine, spec))
    except ValueError as error:
        return f"none ({error})"


def start(
    choice: Choice, spec: AnySpec, flat: NDArray[np.float32], optimizer: Optimizer, seed: int
) -> Engine:
    """An engine over the parameters flat [P], which it changes in place; `seed` is of dropout."""
    if choice.name == KERNELS:
        from unrolled.training.by_kernels import KernelsEngine

        assert isinstance(spec, Spec)
        return KernelsEngine(spec, flat, optimizer, seed)
    from unrolled.training.by_torch import TorchEngine

    return TorchEngine(spec, flat, optimizer, seed)


def predict(
    choice: Choice, spec: Spec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(rows, raw outputs of these rows) of each batch, by the parameters flat [P].

    The outputs are [len(rows), K]; with an output at every step [sum of the rows' lengths, K], row
    after row, step by step.
    """
    if choice.name == KERNELS:
        from unrolled.training import by_kernels

        return by_kernels.predict(spec, flat, data)
    from unrolled.training import by_torch

    return by_torch.predict(spec, flat, data)


def hidden_states(
    choice: Choice, spec: Spec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(rows, hidden states [T, N, D*H] of the last recurrent layer) of each batch."""
    if choice.name == KERNELS:
        from unrolled.training import by_kernels

        return by_kernels.hidden_states(spec, flat, data)
    from unrolled.training import by_torch

    return by_torch.hidden_states(spec, flat, data)


def writer(spec: EncoderDecoderSpec | OneToManySpec, flat: NDArray[np.float32]) -> Writer:
    """What writes with a model of the parameters flat [P]; it needs torch."""
    from unrolled.training import by_torch

    return by_torch.writer(spec, flat)


def log_probabilities(
    spec: TranscriberSpec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.float32]]]]:
    """(rows, of each the log-probabilities [T', K] of its steps) of each batch; it needs torch."""
    from unrolled.training import ctc

    return ctc.log_probabilities(spec, flat, data)


def suited_threads(choice: Choice, spec: AnySpec, rows: int) -> AbstractContextManager[None]:
    """A scope for a batch of so many rows: torch on as many threads as are worth it.

    The kernels share work by their own rule and need none.
    """
    if choice.name == KERNELS:
        return nullcontext()
    from unrolled.training.threads import suited_threads

    return suited_threads(spec, rows)


def _threads(name: str) -> str:
    """What an engine computes with and on how many threads, as a clause."""
    if name == KERNELS:
        return compiled.describe()
    from unrolled.training import threads

    return threads.describe()


def _has_torch() -> bool:
    return find_spec("torch") is not None
