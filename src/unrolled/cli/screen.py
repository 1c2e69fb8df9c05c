"""Tables on standard output, in a terminal and in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

# Columns of a pipe or a file: no line is broken there.
UNBROKEN = 10_000


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and what is to be said of them, a line each."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in facts:
        table.add_row(Text(name, "bold"), Text(fact))
    _print(table)


def show_scores(columns: Sequence[tuple[str, Mapping[str, float]]]) -> None:
    """Print an empty line, then a line for each score and a column for each (heading, scores)."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column()
    for heading, _ in columns:
        table.add_column(Text(heading), justify="right")
    for name in dict.fromkeys(name for _, scores in columns for name in scores):
        table.add_row(name, *_numbers([scores.get(name) for _, scores in columns]))
    sys.stdout.write("\n")
    _print(table)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error that is told how many are done, and of how many; only in a terminal.

    It goes at the end.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def count(number: int, what: str) -> str:
    """`1 row`, `2 rows`, `1,000 classes`."""
    plural = what + ("es" if what.endswith("s") else "s")
    return f"{number:,} {what if number == 1 else plural}"


def _numbers(row: list[float | None]) -> list[str]:
    """Numbers that stand beside each other: four digits behind the point where that suits all."""
    plain = all(number is None or number == 0 or 1e-3 <= abs(number) < 1e4 for number in row)
    form = ".4f" if plain else ".4g"
    # 0 is added to minus zero, which is 0 then.
    return ["" if number is None else format(number + 0.0, form) for number in row]


def _print(table: Table) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else UNBROKEN, highlight=False)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    sys.stdout.write("\n".join(lines).strip("\n") + "\n")
