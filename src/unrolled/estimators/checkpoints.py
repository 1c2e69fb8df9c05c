"""A running fit on disk: what it was started with, where it stands, and how to go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batched
from unrolled.estimators.parts import Seeds
from unrolled.estimators.saving import is_record, plain
from unrolled.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from unrolled.training.loop import Engine
from unrolled.training.progress import Progress, Totals

# Arguments that do not change a single bit of the result, as names; what they lead to is told.
WITHOUT_EFFECT = frozenset(
    {"checkpoint", "checkpoint_seconds", "checkpoint_epochs", "verbose", "random_state", "vectors"}
)


@dataclass(frozen=True)
class Stored:
    """A checkpoint as it was read.

    Attributes:
        path: where it lies.
        state: its JSON document.
        arrays: its arrays.
    """

    path: str
    state: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Stored:
        """Read a checkpoint.

        Raises:
            CheckpointError: there is none, or it is damaged.
        """
        state, arrays = load_checkpoint(path)
        kinds = {name: type(value) for name, value in state.items()}
        if kinds != {"run": dict, "seed": int, "progress": dict}:
            raise CheckpointError(f"{path} is no checkpoint of an estimator's fit")
        return cls(os.fspath(path), state, arrays)

    @property
    def seed(self) -> int:
        """The number that all seeds of the run were drawn from."""
        return int(self.state["seed"])


class Run:
    """One fit, told from others by its arguments, engine, model, data and seed."""

    def __init__(
        self, estimator: Any, data: Batched, watched: Batched | None, drawn: Seeds, engine: str
    ) -> None:
        self.seed = drawn.base
        arguments = estimator.get_params(deep=False)
        described = {
            "estimator": type(estimator).__name__,
            **{
                name: plain(value)
                for name, value in sorted(arguments.items())
                if name not in WITHOUT_EFFECT
            },
            "engine": engine,
            "random_state": drawn.base,
            "model": estimator.spec_.to_config(),
            "vectors": estimator._first_weights(),
            "training data": _digest(data),
            "validation data": None if watched is None else _digest(watched),
        }
        # Through JSON and back: what is compared is what will be read.
        self.identity: dict[str, Any] = json.loads(json.dumps(described, default=repr))

    def save(
        self,
        path: str | os.PathLike[str],
        weights: NDArray[np.float32],
        engine: Engine,
        progress: Progress,
    ) -> None:
        """Write everything that going on needs, whole or not at all."""
        arrays = {f"engine.{name}": value for name, value in engine.state().items()}
        arrays["weights"] = weights
        if progress.best_weights is not None:
            arrays["best_weights"] = progress.best_weights
        stands = {f.name: getattr(progress, f.name) for f in fields(Progress)}
        del stands["best_weights"]
        stands["totals"] = asdict(progress.totals)
        stands["best_loss"] = None if progress.best_epoch == 0 else progress.best_loss
        save_checkpoint(path, {"run": self.identity, "seed": self.seed, "progress": stands}, arrays)

    def go_on_from(self, stored: Stored, weights: NDArray[np.float32], engine: Engine) -> Progress:
        """Put weights, engine and progress back to where the checkpoint stands.

        Raises:
            CheckpointError: the checkpoint is of another run; says what differs.
        """
        theirs = stored.state["run"]
        for name, value in self.identity.items():
            if theirs.get(name) != value:
                raise CheckpointError(
                    f"{stored.path} is of a fit with {_differs(name, theirs.get(name), value)}; "
                    "resume with the same arguments and data, or fit without resume_from"
                )
        try:
            progress = _progress(stored, weights.shape)
            weights[...] = stored.arrays["weights"]
            prefix = "engine."
            engine.load_state(
                {k[len(prefix) :]: v for k, v in stored.arrays.items() if k.startswith(prefix)}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{stored.path} holds no state to go on from: {error}") from error
        return progress


def _progress(stored: Stored, shape: tuple[int, ...]) -> Progress:
    stands = dict(stored.state["progress"])
    stands["totals"] = Totals(**stands["totals"])
    stands["best_loss"] = float("inf") if stands["best_loss"] is None else stands["best_loss"]
    best = stored.arrays.get("best_weights")
    progress = Progress(**stands, best_weights=best)
    blank = Progress(best_weights=best)
    for f in fields(Progress):
        found, wanted = (type(getattr(each, f.name)).__name__ for each in (progress, blank))
        if found != wanted:
            raise ValueError(f"its {f.name} is of the type {found}, not {wanted}")
    if not all(isinstance(total, float) for total in asdict(progress.totals).values()):
        raise ValueError("its totals hold something else than numbers")
    if not all(map(is_record, progress.history)):
        raise ValueError("its history holds something else than records of epochs")
    for name in ("weights", "best_weights"):
        if name in stored.arrays and stored.arrays[name].shape != shape:
            raise ValueError(f"its {name} have the shape {stored.arrays[name].shape}, not {shape}")
    return progress


def _differs(name: str, theirs: Any, ours: Any) -> str:
    if name in ("model", "random_state"):
        return f"another {name}"
    if name in ("training data", "validation data", "vectors"):
        return f"other {name}"
    return f"{name}={theirs!r:.80}, now {ours!r:.80}"


def _digest(data: Batched) -> str:
    """A checksum of all that the batches are made of."""
    digest = hashlib.blake2b(digest_size=16)
    for array in data.arrays():
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
