"""The engine that trains through torch: forward, loss, backward, clip, step."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unrolled.data.batches import Batch, Batched, Batches
from unrolled.models import EncoderDecoder, ManyToMany, ManyToOne, OneToMany, OneToOne
from unrolled.models.reading import ReadsThenWrites
from unrolled.models.recurrent import State
from unrolled.models.transcriber import Transcriber
from unrolled.models.writing import Writer
from unrolled.runtime.encoder_decoder import FIRST, EncoderDecoderSpec
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.spec import AnySpec, Spec, views
from unrolled.runtime.transcription import TranscriberSpec
from unrolled.training import crf, ctc
from unrolled.training.gradients import clip
from unrolled.training.loop import DivergedError
from unrolled.training.losses import Losses, cross_entropy, losses, mean
from unrolled.training.optimizers import Step
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

Module = OneToOne | ManyToOne | ManyToMany | EncoderDecoder | OneToMany | Transcriber

# torch's dropout draws from one generator of the whole process.
_generator = threading.Lock()
MIN_ROWS = 8


class TorchEngine:
    """A model, its optimizer and their state, all over one flat array of parameters.

    The parameters are views of one tensor and so are their gradients: clipping, the optimizer step
    and a checkpoint each handle one array instead of one a parameter.

    Args:
        spec: the model.
        flat: [P] float32 parameters, changed in place by `train`.
        optimizer: name and settings.
        seed: of dropout.
    """

    def __init__(
        self,
        spec: AnySpec,
        flat: NDArray[np.float32],
        optimizer: Optimizer | None = None,
        seed: int = 0,
    ) -> None:
        self.spec, self.module = spec, build(spec, flat)
        self._settings = optimizer or Optimizer()
        gradient = np.zeros_like(flat)
        self._gradient = torch.from_numpy(gradient)
        for name, part in views(spec, gradient).items():
            self.module.get_parameter(name).grad = torch.from_numpy(part)
        self._step = Step(torch.from_numpy(flat), self._gradient, self._settings)
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._has_dropout = spec.draws
        self._carried: State | None = None

    def train(
        self,
        data: Batched,
        rows: Sequence[NDArray[np.int64]],
        rates: Sequence[float],
        totals: Totals,
        start: int,
    ) -> None:
        """One optimizer step a batch, see `unrolled.training.loop.Engine`.

        Raises:
            DivergedError: the loss or the gradient of a batch is not finite.
        """
        self.module.train()
        if start == 0:
            self._carried = None
        with torch.enable_grad(), self._own_random_numbers():
            for i, (chosen, rate) in enumerate(zip(rows, rates, strict=True)):
                batch = data.batch(chosen)
                output, state = _forward(self.module, batch, self._carried)
                found = _losses(self.module, output, batch)
                loss = mean(found, _weight(self.spec, batch))
                self._gradient.zero_()
                loss.backward()
                norm = clip(self._gradient, self._settings.clip_norm)
                value = loss.item()
                if not (math.isfinite(value) and math.isfinite(norm)):
                    raise DivergedError(i, value, norm)
                self._step(rate)
                totals.add(value, found.num, norm)
                self._carried = _detached(state) if data.carry else None

    def evaluate(self, data: Batched) -> float:
        """Mean loss over the batches, by weight, without dropout.

        Raises:
            ValueError: all targets are missing.
        """
        loss_sum = weight_sum = 0.0
        carried: State | None = None
        self.module.eval()
        with torch.inference_mode():
            for batch in data:
                output, state = _forward(self.module, batch, carried)
                found = _losses(self.module, output, batch)
                weight = _weights(self.spec, batch, found)
                loss_sum += float((weight * found.values.double()).sum())
                counts = 1.0 if found.counts is None else found.counts
                weight_sum += float((weight * counts).sum())
                carried = state if data.carry else None
        if not weight_sum:
            raise ValueError("y has no target at all to evaluate on; all of them are missing")
        return loss_sum / weight_sum

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything beside the parameters that the next step depends on, as arrays."""
        held = {f"{self._settings.name}.{name}": value for name, value in self._step.state.items()}
        held["random"] = self._random
        if self._carried is not None:
            parts = self._carried if isinstance(self._carried, tuple) else (self._carried,)
            held.update({f"carried.{i}": part for i, part in enumerate(parts)})
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
        carried = [arrays.pop(name) for name in sorted(arrays) if name.startswith("carried.")]
        prefix = f"{self._settings.name}."
        self._step.load({name.removeprefix(prefix): value for name, value in arrays.items()})
        self._random = random
        self._carried = None
        if carried:
            self._carried = (carried[0], carried[1]) if len(carried) == 2 else carried[0]

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
    spec: Spec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(rows, raw outputs of these rows) of each batch, see `unrolled.training.engines.predict`."""
    module = build(spec, _writeable(flat)).eval()
    for rows in data.order(0):
        batch = data.batch(_fill(rows))
        with torch.inference_mode():
            output, _ = _forward(module, batch)
        found = output.numpy()[..., : len(rows), :]
        if spec.pooling == "every":
            ends = np.full(len(rows), len(found)) if batch.lengths is None else batch.lengths
            valid = np.arange(len(found)) < ends[: len(rows), None]
            found = found.swapaxes(0, 1)[valid]
        yield rows, found


def hidden_states(
    spec: Spec, flat: NDArray[np.float32], data: Batches
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(rows, hidden states [T, N, D*H] of the last recurrent layer, 0 where padded) of each batch.

    Raises:
        ValueError: the model has no recurrent stack.
    """
    module = build(spec, _writeable(flat)).eval()
    if not isinstance(module, ManyToOne | ManyToMany):
        raise ValueError("this model has no hidden states; they need one recurrent stack")
    for rows in data.order(0):
        batch = data.batch(rows)
        with torch.inference_mode():
            states, _ = module.states(torch.from_numpy(batch.x), _lengths(batch))
        yield rows, states.numpy()


def writer(spec: EncoderDecoderSpec | OneToManySpec, flat: NDArray[np.float32]) -> Writer:
    """What writes with a model, see `unrolled.training.engines.writer`."""
    module = build(spec, _writeable(flat))
    assert isinstance(module, ReadsThenWrites)
    return Writer(module)


def build(spec: AnySpec, flat: NDArray[np.float32]) -> Module:
    """The torch module of a spec over its parameters [P]."""
    if isinstance(spec, EncoderDecoderSpec):
        return EncoderDecoder(spec, flat)
    if isinstance(spec, TranscriberSpec):
        return Transcriber(spec, flat)
    if isinstance(spec, OneToManySpec):
        return OneToMany(spec, flat)
    assert isinstance(spec, Spec)
    if spec.recurrent is None:
        return OneToOne(spec, flat)
    return ManyToMany(spec, flat) if spec.pooling == "every" else ManyToOne(spec, flat)


def _fill(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows and the last of them again up to MIN_ROWS.

    torch's products of very few rows take another path, whose sums differ in the last bit.
    """
    missing = MIN_ROWS - len(rows)
    return rows if missing <= 0 else np.append(rows, np.full(missing, rows[-1]))


def _writeable(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """`flat`, or a copy where it is read-only (mapped from a file), which torch warns of."""
    return flat if flat.flags.writeable else flat.copy()


def _forward(
    module: Module, batch: Batch, carried: State | None = None
) -> tuple[Tensor, State | None]:
    x, lengths = torch.from_numpy(batch.x), _lengths(batch)
    if isinstance(module, ReadsThenWrites):
        scores, _ = module(x, lengths, read_by_decoder(_target(batch)))
        return scores, None
    if isinstance(module, Transcriber):
        return module(x, lengths)[0], None
    if isinstance(module, OneToOne):
        return module(x)  # type: ignore[no-any-return]
    return module(x, lengths, carried)  # type: ignore[no-any-return]


def _detached(state: State | None) -> State | None:
    if isinstance(state, tuple):
        return state[0].detach(), state[1].detach()
    return None if state is None else state.detach()


def _lengths(batch: Batch) -> Tensor | None:
    return None if batch.lengths is None else torch.from_numpy(batch.lengths)


def _losses(module: Module, output: Tensor, batch: Batch) -> Losses:
    if isinstance(module, ReadsThenWrites):
        smoothing = module.decoder.spec.label_smoothing if module.training else 0.0
        return cross_entropy(output, _target(batch), smoothing)
    if isinstance(module, Transcriber):
        lengths = _lengths(batch)
        steps = None if lengths is None else module.spec.steps(lengths)
        return ctc.losses(output, _target(batch), steps)
    if module.crf is not None:
        return crf.losses(module.crf, output, _target(batch), _lengths(batch))
    return losses(module.spec, output, _target(batch))


def _weight(spec: AnySpec, batch: Batch) -> Tensor | None:
    if batch.weight is None:
        return None
    of_sequences = isinstance(spec, Spec) and spec.loss == "crf"
    return torch.from_numpy(batch.weight[0] if of_sequences else batch.weight)


def _weights(spec: AnySpec, batch: Batch, found: Losses) -> Tensor:
    """[R] float64, the weight of each row."""
    weight = _weight(spec, batch)
    weight = torch.ones_like(found.values) if weight is None else weight.reshape(-1)
    return weight.double()


def read_by_decoder(target: Tensor) -> Tensor:
    """Symbols [T, N] before each of target [T, N], whose first is the end, FIRST."""
    first = torch.full_like(target[:1], FIRST)
    return torch.cat([first, target[:-1]]).clamp(min=0)


def _target(batch: Batch) -> Tensor:
    if batch.y is None:
        raise ValueError("a batch without targets has no loss")
    return torch.from_numpy(batch.y)
