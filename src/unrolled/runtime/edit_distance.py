"""How many symbols of one sequence must be changed to get another."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """The fewest insertions, deletions and replacements of a symbol that make b of a.

    Levenshtein (1966), by the recurrence of Wagner & Fischer (1974), a row at a time.
    """
    if a == b:
        return 0
    numbers: dict[Hashable, int] = {}
    first, second = (
        np.array([numbers.setdefault(symbol, len(numbers)) for symbol in s], np.int64)
        for s in (a, b)
    )
    place = np.arange(len(second) + 1)
    row = place.copy()
    for i, symbol in enumerate(first):
        after = row + 1
        after[1:] = np.minimum(after[1:], row[:-1] + (second != symbol))
        after[0] = i + 1
        # An insertion adds 1 for each step to the right.
        row = np.minimum.accumulate(after - place) + place
    return int(row[-1])


def closest(
    written: Sequence[Hashable], references: Iterable[Sequence[Hashable]]
) -> tuple[int, int]:
    """(edit distance, length) of the reference that takes the fewest edits; of equals the longest.

    Raises:
        ValueError: there is no reference.
    """
    found = [(edit_distance(reference, written), -len(reference)) for reference in references]
    if not found:
        raise ValueError("references holds none; at least one is needed")
    edits, length = min(found)
    return edits, -length
