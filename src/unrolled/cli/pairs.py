"""Pairs of texts of a command: read, counted, held out, and those of one source together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unrolled.cli.screen import count
from unrolled.data import read_pairs


@dataclass(frozen=True, eq=False)
class Pairs:
    """N pairs of texts and what they are called; a source may come several times."""

    name: str
    sources: list[str]
    targets: list[str]

    @classmethod
    def read(cls, name: str, files: Sequence[Path]) -> Pairs:
        """Those of one file, or of two.

        Raises:
            OSError, ValueError: They cannot be read as such.
        """
        return cls(name, *read_pairs(*files))

    @cached_property
    def references(self) -> dict[str, list[str]]:
        """The targets of each source, in the order of the first ones."""
        found: dict[str, list[str]] = {}
        for source, target in zip(self.sources, self.targets, strict=True):
            found.setdefault(source, []).append(target)
        return found

    def described(self) -> str:
        """How many there are."""
        pairs, sources = len(self.sources), len(self.references)
        of = "" if pairs == sources else f" of {count(sources, 'source')}"
        return f"{count(pairs, 'pair')}{of}"

    def beginning(self, most: int) -> Pairs:
        """The first of them."""
        if len(self.sources) <= most:
            return self
        name = f"{self.name}, the first {most:,}"
        return Pairs(name, self.sources[:most], self.targets[:most])

    def held_out(self, fraction: float, seed: int) -> tuple[Pairs, Pairs]:
        """Those that are kept and a share that is not; a source is in one of the two.

        Raises:
            ValueError: One of the two would be empty.
        """
        sources = list(self.references)
        num = round(len(sources) * fraction)
        if not 1 <= num < len(sources):
            raise ValueError(
                f"--test-fraction {fraction:g} of {count(len(sources), 'source')} leaves none in "
                f"one part; give another one"
            )
        order = np.random.default_rng(seed).permutation(len(sources))
        tested = {sources[i] for i in order[:num]}
        return self._where(tested, self.name, inside=False), self._where(
            tested, "held out", inside=True
        )

    def _where(self, sources: set[str], name: str, *, inside: bool) -> Pairs:
        rows = [i for i, source in enumerate(self.sources) if (source in sources) == inside]
        return Pairs(name, [self.sources[i] for i in rows], [self.targets[i] for i in rows])
