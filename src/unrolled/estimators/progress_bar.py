"""Progress on long fits: a bar in a terminal or notebook, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from unrolled.training.history import Record
from unrolled.training.loop import Tell

# Fits that are over before this many seconds show no bar, and need not import what draws it.
PATIENCE_SECONDS = 0.5
DRAW_SECONDS = 0.1
LINE_SECONDS = 2.0
BATCH_SECONDS = 20.0

Train = Callable[[Tell | None], Iterator[Record]]


def watch(train: Train, max_epochs: int, verbose: bool | str, engine: str) -> None:
    """Run a training to its end and show how it goes, on standard error.

    Args:
        train: gives the training, a record an epoch; it calls what it is given, if anything,
            between batches, see `unrolled.training.loop.Tell`.
        max_epochs: epochs at most.
        verbose: True shows, False does not, "auto" shows in a terminal or notebook.
        engine: what trains, as a line.
    """
    # A program without a console has no standard error.
    there = sys.stderr is not None
    interactive = there and (sys.stderr.isatty() or _in_notebook())
    if verbose == "auto" or not there:
        verbose = interactive
    if not verbose:
        for _ in train(None):
            continue
        return
    shown = _Bar(max_epochs, engine) if interactive else _Lines(max_epochs, engine)
    try:
        for record in train(shown.inside):
            shown.after(record)
        shown.end()
    finally:
        shown.close()


def _in_notebook() -> bool:
    """Whether this is a notebook in which a bar can be drawn, for which rich needs ipywidgets."""
    return "ipykernel" in sys.modules and find_spec("ipywidgets") is not None


class _Bar:
    """A bar that comes after PATIENCE_SECONDS and goes with the fit."""

    def __init__(self, max_epochs: int, engine: str) -> None:
        self._max_epochs, self._engine = max_epochs, engine
        self._started = self._drawn = time.monotonic()
        self._losses = ""
        self._bar: Any = None

    def inside(self, epoch: int, done: int, num_batches: int) -> None:
        """Show how much of the running epoch is done."""
        if self._bar is None and time.monotonic() - self._started <= PATIENCE_SECONDS:
            return
        if time.monotonic() - self._drawn >= DRAW_SECONDS:
            self._draw(epoch + done / num_batches, epoch + 1, f"batch {done}/{num_batches}")

    def after(self, record: Record) -> None:
        """Show what an epoch did."""
        self._losses = _losses(record)
        if self._bar is not None or time.monotonic() - self._started > PATIENCE_SECONDS:
            self._draw(record["epoch"], record["epoch"], "")

    def end(self) -> None:
        """Nothing is left to show."""

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, completed: float, epoch: int, batch: str) -> None:
        if self._bar is None:
            self._begin()
        self._bar.update(
            self._task,
            completed=completed,
            description=self._losses,
            epoch=epoch,
            batch=batch,
        )
        self._bar.start()
        self._drawn = time.monotonic()

    def _begin(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("epoch {task.fields[epoch]}/{task.total:.0f} {task.fields[batch]}"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        console = Console(stderr=True)
        console.print(f"engine: {self._engine}", markup=False, highlight=False)
        self._bar = Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task("", total=self._max_epochs, epoch=0, batch="")


class _Lines:
    """Lines in a log: an epoch's every LINE_SECONDS, inside a long epoch every BATCH_SECONDS."""

    def __init__(self, max_epochs: int, engine: str) -> None:
        print(f"engine: {engine}", file=sys.stderr)
        self._max_epochs = max_epochs
        self._printed, self._any = float("-inf"), time.monotonic()
        self._left = ""

    def inside(self, epoch: int, done: int, num_batches: int) -> None:
        """Print how much of the running epoch is done."""
        if time.monotonic() - self._any >= BATCH_SECONDS:
            self._any = time.monotonic()
            of = self._max_epochs
            print(f"epoch {epoch + 1}/{of}  batch {done}/{num_batches}", file=sys.stderr)

    def after(self, record: Record) -> None:
        """Print what an epoch did, or keep it."""
        self._left = f"epoch {record['epoch']}/{self._max_epochs}  {_losses(record)}"
        if time.monotonic() - self._printed >= LINE_SECONDS:
            self._printed = self._any = time.monotonic()
            self.end()

    def end(self) -> None:
        """Print what is kept."""
        if self._left:
            print(self._left, file=sys.stderr)
        self._left = ""

    def close(self) -> None:
        """Nothing is open."""


def _losses(record: Record) -> str:
    text = f"train loss {record['train_loss']:.4g}"
    if record["valid_loss"] is not None:
        text += f"  valid loss {record['valid_loss']:.4g}"
    return text
