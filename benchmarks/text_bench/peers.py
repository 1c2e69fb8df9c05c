"""A torch.nn model of the same size and first weights as ours, trained by a plain loop.

What a program without this library would be: `torch.nn.Embedding`, `torch.nn.RNN`, `GRU` or `LSTM`
over time-major batches (a PackedSequence where lengths differ), `torch.nn.Linear`, autograd,
`torch.optim` and `clip_grad_norm_`. It sees the same batches in the same order, and its weights
come back as the flat array of our own models, so that the same code scores both.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batch
from unrolled.runtime.spec import Spec, views

if TYPE_CHECKING:
    import torch

COMMAND = "pip install 'unrolled[torch]'"
CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}


class Trained(NamedTuple):
    """What a plain loop learnt.

    Attributes:
        flat: [P] float32 parameters in the order of `Spec.parameter_shapes`.
        seconds: of the steps alone: batches are drawn and padded outside the clock.
        steps: optimizer steps.
        losses: [steps] loss of each batch before its step.
    """

    flat: NDArray[np.float32]
    seconds: float
    steps: int
    losses: NDArray[np.float64]


def installed() -> bool:
    """Whether torch can be found."""
    return find_spec("torch") is not None


def train(
    spec: Spec,
    first: NDArray[np.float32],
    batches: Iterable[tuple[Batch, float]],
    *,
    optimizer: str = "adam",
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    clip_norm: float | None = 1.0,
    carry: bool = False,
    threads: int = 1,
    seconds: float = float("inf"),
) -> Trained:
    """Train a plain torch.nn model.

    Args:
        spec: the model; see `plain_model` for what it may hold.
        first: [P] float32 first weights, which are not changed.
        batches: (batch, learning rate) of each step; x is time-major.
        optimizer: "adam", "adamw", "sgd" or "rmsprop", as torch has it.
        momentum: of "sgd".
        weight_decay: L2 penalty; decoupled with "adamw".
        clip_norm: largest norm of the gradient; None does not clip.
        carry: the state goes on, detached, from batch to batch.
        threads: of torch.
        seconds: no step begins after so many seconds of steps.

    Raises:
        ValueError: the spec holds what a plain loop has not.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model = plain_model(spec)
        _load(model, spec, first)
        return _loop(
            *(model, spec, batches),
            _optimizer(model, optimizer, momentum, weight_decay),
            *(clip_norm, carry, seconds),
        )
    finally:
        torch.set_num_threads(before)


def plain_model(spec: Spec) -> torch.nn.Module:
    """The model of a spec out of torch.nn's layers.

    Its call takes x [T, N, C] or tokens [T, N], lengths [N] or None, and a state or None, and gives
    outputs [N, K] (with pooling "every" [T, N, K]) and the new state. Dropout stands where
    torch.nn has it: between layers, in front of the recurrence and of the head, of each step apart.

    Raises:
        ValueError: the spec drops weights, symbols or whole steps, or has no recurrent stack, or
            another loss than those of `_loss`.
    """
    kinds = ("squared", "cross_entropy")
    if spec.recurrent is None or spec.loss not in kinds:
        raise ValueError(f"a plain loop trains recurrent models by {' or '.join(kinds)}")
    dropped = (spec.embedding_dropout, spec.symbol_dropout, spec.recurrent.weight_dropout)
    if any(dropped) or spec.locked_dropout:
        raise ValueError(
            "a plain loop has no dropout of weights, symbols or whole sequences; give a spec "
            "without"
        )
    return _model_class()(spec)


def _model_class() -> type[torch.nn.Module]:
    """A class made at its first use, so that this module can be imported without torch."""
    import torch
    from torch import Tensor, nn
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    class Plain(nn.Module):
        def __init__(self, spec: Spec) -> None:
            super().__init__()
            self.spec, r = spec, spec.recurrent
            if spec.embedding_size:
                self.embedding = nn.Embedding(spec.input_size, spec.embedding_size)
            self.categories = nn.ModuleList(nn.Embedding(*table) for table in spec.categories)
            options = {"nonlinearity": r.nonlinearity} if r.cell == "rnn" else {}
            self.recurrent = getattr(nn, CELLS[r.cell])(
                *(spec.step_size, r.hidden_size, r.num_layers),
                bidirectional=r.bidirectional,
                dropout=r.dropout,
                **options,
            )
            sizes = [r.output_size, *(layer.size for layer in spec.hidden)]
            self.hidden = nn.ModuleList(map(nn.Linear, sizes, sizes[1:]))
            self.head = nn.Linear(sizes[-1], spec.output_size)
            if spec.tied:
                self.head.weight = self.embedding.weight

        def forward(
            self, x: Tensor, lengths: Tensor | None, state: object = None
        ) -> tuple[Tensor, object]:
            spec = self.spec
            x = nn.functional.dropout(self._embedded(x), spec.input_dropout, self.training)
            if lengths is None:
                output, state = self.recurrent(x, state)
            else:
                packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
                packed, state = self.recurrent(packed, state)
                padding = float("-inf") if spec.pooling == "max" else 0.0
                output, _ = pad_packed_sequence(packed, padding_value=padding)
            output = self._pooled(output, lengths, state)
            for layer, described in zip(self.hidden, spec.hidden, strict=True):
                output = getattr(torch, described.activation)(layer(output))
                output = nn.functional.dropout(output, spec.hidden_dropout, self.training)
            return self.head(nn.functional.dropout(output, spec.head_dropout, self.training)), state

        def _embedded(self, x: Tensor) -> Tensor:
            if self.spec.embedding_size:
                return self.embedding(x)
            if not self.categories:
                return x
            numbers, codes = x.tensor_split([x.shape[-1] - len(self.categories)], dim=-1)
            vectors = [table(codes[..., i].long()) for i, table in enumerate(self.categories)]
            return torch.cat([numbers, *vectors], dim=-1)

        def _pooled(self, output: Tensor, lengths: Tensor | None, state: object) -> Tensor:
            if self.spec.pooling == "every":
                return output
            if self.spec.pooling == "max":
                return output.amax(dim=0)
            if self.spec.pooling == "mean":
                steps = output.shape[0] if lengths is None else lengths[:, None]
                return output.sum(dim=0) / steps
            h = state[0] if self.spec.recurrent.cell == "lstm" else state
            return torch.cat([*h[-2:]], dim=1) if self.spec.recurrent.bidirectional else h[-1]

    return Plain


def _load(model: torch.nn.Module, spec: Spec, flat: NDArray[np.float32]) -> None:
    import torch

    state = model.state_dict()
    with torch.no_grad():
        for name, value in views(spec, flat).items():
            state[name].copy_(torch.tensor(value))


def _flat(model: torch.nn.Module, spec: Spec) -> NDArray[np.float32]:
    state = model.state_dict()
    return np.concatenate([state[name].numpy().ravel() for name in spec.parameter_shapes()])


def _optimizer(
    model: torch.nn.Module, name: str, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    import torch

    options = {"momentum": momentum} if name == "sgd" else {}
    if name != "rmsprop":
        options["fused"] = True
    kind = getattr(torch.optim, OPTIMIZERS[name])
    return kind(model.parameters(), lr=1.0, weight_decay=weight_decay, **options)


def _loop(
    model: torch.nn.Module,
    spec: Spec,
    batches: Iterable[tuple[Batch, float]],
    optimizer: torch.optim.Optimizer,
    clip_norm: float | None,
    carry: bool,
    seconds: float,
) -> Trained:
    import torch

    parameters = list(model.parameters())
    taken, losses, state = 0.0, [], None
    for batch, rate in batches:
        if taken > seconds:
            break
        started = time.perf_counter()
        x, y = torch.from_numpy(batch.x), torch.from_numpy(batch.y)
        lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths)
        output, after = model(x, lengths, state)
        state = _detached(after) if carry else None
        loss = _loss(spec, output, y)
        optimizer.zero_grad()
        loss.backward()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
        taken += time.perf_counter() - started
    return Trained(_flat(model, spec), taken, len(losses), np.array(losses))


def _loss(spec: Spec, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean over the targets; a class of -1 is missing."""
    import torch

    if spec.loss == "squared":
        return torch.nn.functional.mse_loss(output, y.view_as(output))
    flat = output.reshape(-1, spec.output_size)
    return torch.nn.functional.cross_entropy(flat, y.reshape(-1), ignore_index=-1)


def _detached(state: object) -> object:
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
