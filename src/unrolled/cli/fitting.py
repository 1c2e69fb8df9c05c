"""From options and files to a trained and saved model."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from unrolled.cli.columns import ColumnOptions, choose
from unrolled.cli.options import arguments
from unrolled.cli.rows import Rows, read_rows
from unrolled.cli.saved import SavedModel
from unrolled.cli.scores import Guess
from unrolled.cli.screen import count
from unrolled.cli.summary import Tested, tell
from unrolled.data.table_files import read
from unrolled.estimators import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.estimators.base import Network
from unrolled.estimators.parts import Part, hold_out
from unrolled.runtime.artifact import CONFIG

# The estimator for sequences and texts, and the one for tables.
KINDS: dict[str, tuple[type[Network], type[Network]]] = {
    "classify": (SequenceClassifier, FeedForwardClassifier),
    "regress": (SequenceRegressor, FeedForwardRegressor),
}
NO_SEED = 0


def train(
    task: str,
    data: Path,
    columns: ColumnOptions,
    out: Path,
    options: Mapping[str, Any],
    *,
    test: Path | None,
    test_fraction: float,
    resume_from: Path | None,
    quiet: bool,
) -> None:
    """Train on a file, save the model, and print what came of it.

    Args:
        task: "classify" or "regress".
        data: the file to train on.
        columns: which of its columns are read.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        test: file to test on, or None.
        test_fraction: share of the rows of `data` to test on instead.
        resume_from: checkpoint to go on from, or None.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Data, checkpoint or folder cannot be used.
    """
    kind = KINDS[task][columns.kind() == "table"]
    given = arguments(kind, options, texts=columns.kind() == "text")
    check_folder(out)
    table = read(data)
    layout, left_out = choose(table, str(data), columns)
    rows = _rows(task, read_rows(table, layout, str(data), target=True), str(data))
    held = None
    if test is not None:
        held = _rows(task, read_rows(read(test), layout, str(test), target=True), str(test), rows)
    elif test_fraction:
        rows, held = _hold_out(task, rows, test_fraction, given.get("random_state") or NO_SEED)
    if task == "classify":
        _check_labels(rows, str(data), held, str(test or data))
    if isinstance(given.get("class_weight"), dict):
        given["class_weight"] = by_label(given["class_weight"], rows.targets())

    model: Any = kind(**given, verbose=False if quiet else "auto")
    with resumable(model):
        model.fit(rows.X, rows.targets(), resume_from=resume_from)
    guess = Guess.of(model, rows.targets())
    saved = SavedModel(model, str(out), layout, guess, rows.steps())
    saved.save(out)
    if quiet:
        return
    tested = None if held is None else Tested(held, test or data, test is None)
    tell(saved, data, rows, tested, left_out)


def check_folder(out: Path) -> None:
    """Check before a long training that a model can be saved as this folder.

    Raises:
        ValueError: It is a file, or holds other things.
        PermissionError: It cannot be made.
    """
    if out.is_dir():
        if any(out.iterdir()) and not (out / CONFIG).is_file():
            raise ValueError(f"--out {out} is a folder of other files; give a new one")
    elif out.exists():
        raise ValueError(f"--out {out} is a file; give a folder")
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise ValueError(f"--out {out} cannot be made, {there} is a file")
    if not os.access(there, os.W_OK):
        raise PermissionError(f"--out {out} cannot be made, {there} is not yours to write in")


def _rows(task: str, rows: Rows, name: str, trained: Rows | None = None) -> Rows:
    """The rows with targets of the task's kind, as those trained on where there are any."""
    if task == "regress":
        return rows.with_numbers(name)
    return rows.with_labels(name, None if trained is None else trained.targets())


def _hold_out(task: str, rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    if round(len(rows) * fraction) < 1 or len(rows) < 2:
        raise ValueError(
            f"--test-fraction {fraction:g} of {count(len(rows), 'row')} holds out none; "
            f"give a larger one"
        )
    numbers = np.arange(len(rows))
    part = Part(numbers, rows.targets(), None)
    labels = rows.targets() if task == "classify" else None
    kept, held = hold_out(part, fraction, seed, labels)
    return rows.take(np.asarray(kept.inputs)), rows.take(np.asarray(held.inputs))


def _check_labels(rows: Rows, name: str, held: Rows | None, held_name: str) -> None:
    known = np.unique(rows.targets())
    if len(known) == 1:
        raise ValueError(
            f"the rows of {name} to train on have the label {str(known[0])!r} alone; a classifier "
            f"needs two"
        )
    unknown = known[:0] if held is None else np.setdiff1d(held.targets(), known)
    if len(unknown):
        raise ValueError(
            f"the label {str(unknown[0])!r} is among the rows of {held_name} to test on, and not "
            f"among those to train on"
        )


def by_label(weights: Mapping[str, float], y: NDArray[Any]) -> dict[Any, float]:
    """Weights by the labels themselves, which were typed as text."""
    labels = {str(label): label for label in np.unique(y).tolist()}
    for label in weights:
        if label not in labels:
            raise typer.BadParameter(
                f"--class-weight names the label {label!r}, which is not among {', '.join(labels)}"
            )
    return {labels[label]: weight for label, weight in weights.items()}


@contextmanager
def resumable(model: Any) -> Iterator[None]:
    """Say how a fit that is interrupted goes on, where it was saved."""
    try:
        yield
    except KeyboardInterrupt as error:
        if model.checkpoint is None or not model.checkpoint.exists():
            raise
        raise KeyboardInterrupt(
            f"the same command with --resume-from {shlex.quote(str(model.checkpoint))} goes on"
        ) from error
