"""Training, explaining, saving and loading: what estimators of any kind of data share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batched
from unrolled.estimators.arguments import LearningArguments
from unrolled.estimators.contract import not_fitted
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import Seeds, seeds
from unrolled.estimators.progress_bar import Train, watch
from unrolled.runtime.files import check_writable
from unrolled.runtime.spec import views
from unrolled.training import engines
from unrolled.training.history import Record
from unrolled.training.loop import Engine, train
from unrolled.training.progress import Progress

if TYPE_CHECKING:
    from typing_extensions import Self

    from unrolled.estimators.checkpoints import Stored


class Learned:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    spec_: Any  # a `Spec`, or one of the others, see `runtime.specs`
    weights_: NDArray[np.float32]
    history_: list[Record]
    n_iter_: int
    engine_: str
    table_: dict[str, Any] | None
    _engine_state: dict[str, NDArray[Any]] | None
    _seed: int


@dataclass(kw_only=True, eq=False, repr=False)
class Trainable(Learned, LearningArguments):
    """An estimator with a network: its training from a first seed to its last weights.

    Attributes:
        spec_: the model as plain data.
        weights_: [P] float32, all parameters; `named_parameters` gives views by name.
        history_: one record an epoch, see `unrolled.training.history.Record`.
        n_iter_: epochs trained.
        engine_: "kernels" or "torch", what trained.
        table_: how the command line read its columns, or None.
    """

    def explain(self) -> str:
        """What computes this model, a line each: `fit`, `predict`, and what it was trained by.

        The first two say what the next call would use as the arguments are now, why, and on how
        many threads, or "none" and the reason where no engine can; the kernels predict where they
        can, whatever trained the model. The third is `engine_`, or "nothing yet".
        """
        self._check_fitted()
        fit, predict = (engines.explain(e, self.spec_) for e in (self.engine, engines.AUTO))
        trained = getattr(self, "engine_", "nothing yet")
        return f"fit: {fit}\npredict: {predict}\ntrained by: {trained}"

    def named_parameters(self) -> dict[str, NDArray[np.float32]]:
        """All parameters by torch's names, as views into `weights_`."""
        self._check_fitted()
        return views(self.spec_, self.weights_)

    def save(self, path: str | os.PathLike[str], table: dict[str, Any] | None = None) -> None:
        """Write the fitted estimator as a folder of two files, whole or not at all.

        `docs/saved-model.md` specifies it. What the optimizer remembers is not saved.

        Args:
            path: the folder; a model that is there is replaced, anything else is left alone.
            table: plain data to keep as `table_`, such as how columns were read.

        Raises:
            ArtifactError: the path holds something else, or the labels cannot be written.
            OSError: the folder cannot be written.
        """
        self._check_fitted()
        from unrolled.estimators.saving import save

        save(self, path, self.table_ if table is None else table)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an estimator of this class that `save` wrote; `unrolled.load` reads any.

        Raises:
            ArtifactError: there is none, it is damaged, or it is of another class.
        """
        from unrolled.estimators.saving import restore

        estimator: Self = restore({cls.__name__: cls}, path)
        return estimator

    def _arrays_to_save(self) -> dict[str, NDArray[Any]]:
        """What is saved beside the parameters, by names that no parameter has."""
        return {}

    def _arrays_from_saved(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `_arrays_to_save` gave."""

    def _set_first_weights(self) -> None:
        """Change what `weights_` begin with, where it is not as the spec has it."""

    def _first_weights(self) -> str | None:
        """A checksum of what training begins with beside random numbers; None without."""
        return None

    def _check_fit(self, *, given_validation: bool) -> None:
        """Refuse arguments that no fit can follow, before any work."""
        check_options(self)
        if self.checkpoint is not None:
            check_writable(self.checkpoint)
        if self.patience is not None and not self.validation_fraction and not given_validation:
            raise ValueError(
                f"patience={self.patience} needs something to watch: give validation_fraction "
                "or validation_data"
            )

    def _begin(self, resume_from: str | os.PathLike[str] | None) -> tuple[Stored | None, Seeds]:
        """What a fit goes on from, and its seeds: those of the run that it continues."""
        stored = None if resume_from is None else read_checkpoint(resume_from)
        drawn = seeds(self.random_state)
        if stored is not None and self.random_state is None:
            drawn = Seeds(stored.seed)
        return stored, drawn

    def _start(self, drawn: Seeds) -> None:
        """Stand before the first epoch."""
        self.weights_ = self.spec_.initial_values(drawn.of("weights"))
        self._set_first_weights()
        self.history_, self.n_iter_, self.table_ = [], 0, None
        self._engine_state, self._seed = None, drawn.base

    def _train(
        self, data: Batched, watched: Batched | None, drawn: Seeds, stored: Stored | None
    ) -> None:
        self._start(drawn)
        choice, engine = self._start_engine(drawn)
        progress = Progress()
        save = None
        if self.checkpoint is not None or stored is not None:
            from unrolled.estimators.checkpoints import Run

            run = Run(self, data, watched, drawn, choice.name)
            if stored is not None:
                progress = run.go_on_from(stored, self.weights_, engine)
            if self.checkpoint is not None:
                save = partial(run.save, self.checkpoint, self.weights_, engine, progress)

        run_on = partial(train, engine, self.weights_, data, watched, self._plan(), progress, save)
        told = str(choice)  # outside the scope, in which torch has other threads
        self._run(run_on, choice, engine, data, progress, told)

    def _run(
        self,
        run_on: Train,
        choice: engines.Choice,
        engine: Engine,
        data: Batched,
        progress: Progress,
        told: str | None,
    ) -> None:
        """Train, showing how far it is; without `told` nothing is shown."""
        shown = False if told is None else self.verbose
        with engines.suited_threads(choice, self.spec_, data.batch_size):
            watch(run_on, self.max_epochs, shown, told or "")
        self.history_, self.n_iter_ = progress.history, progress.epoch
        self.engine_, self._engine_state = choice.name, engine.state()

    def _start_engine(self, drawn: Seeds) -> tuple[engines.Choice, Engine]:
        choice = engines.choose(self.engine, self.spec_)
        seed = drawn.of("dropout")
        return choice, engines.start(choice, self.spec_, self.weights_, self._optimizer(), seed)

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise not_fitted(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "weights_")

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise


def read_checkpoint(path: str | os.PathLike[str]) -> Stored:
    """A checkpoint of a fit.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    from unrolled.estimators.checkpoints import Stored

    return Stored.read(path)
