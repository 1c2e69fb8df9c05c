"""Progress on long fits: a bar in a terminal or notebook, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

from unrolled.training.history import Record

# Fits that are over before this many seconds show no bar, and need not import what draws it.
PATIENCE_SECONDS = 0.5
LINE_SECONDS = 2.0


def watch(records: Iterator[Record], max_epochs: int, verbose: bool | str, engine: str) -> None:
    """Run a training to its end and show how it goes, on standard error.

    Args:
        records: the training, a record an epoch.
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
        for _ in records:
            continue
    elif interactive:
        _draw_bar(records, max_epochs, engine)
    else:
        print(f"engine: {engine}", file=sys.stderr)
        _print_lines(records, max_epochs)


def _in_notebook() -> bool:
    """Whether this is a notebook in which a bar can be drawn, for which rich needs ipywidgets."""
    return "ipykernel" in sys.modules and find_spec("ipywidgets") is not None


def _draw_bar(records: Iterator[Record], max_epochs: int, engine: str) -> None:
    started = time.monotonic()
    record = next((r for r in records if time.monotonic() - started > PATIENCE_SECONDS), None)
    if record is None:
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    console.print(f"engine: {engine}", markup=False, highlight=False)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(_losses(record), total=max_epochs, completed=record["epoch"])
        for record in records:
            bar.update(task, completed=record["epoch"], description=_losses(record))


def _print_lines(records: Iterator[Record], max_epochs: int) -> None:
    printed = float("-inf")
    record = shown = None
    for record in records:
        if time.monotonic() - printed >= LINE_SECONDS:
            printed = time.monotonic()
            print(f"epoch {record['epoch']}/{max_epochs}  {_losses(record)}", file=sys.stderr)
            shown = record
    if record is not None and record is not shown:
        print(f"epoch {record['epoch']}/{max_epochs}  {_losses(record)}", file=sys.stderr)


def _losses(record: Record) -> str:
    text = f"train loss {record['train_loss']:.4g}"
    if record["valid_loss"] is not None:
        text += f"  valid loss {record['valid_loss']:.4g}"
    return text
