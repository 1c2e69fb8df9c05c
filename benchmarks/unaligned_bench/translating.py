"""A translator trained with each seed, timed, kept and read back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from text_bench.rows import Clock, Options

from unrolled import Translator


class Pairs(NamedTuple):
    """N texts and what is written of each; of a test part all that may be."""

    sources: list[str]
    targets: list[Any]


class Trained(NamedTuple):
    """A translator, and the minutes that its training took: on the wall, of the processor."""

    model: Translator
    minutes: float
    processor: float


def trained(
    name: str, arguments: dict[str, Any], train: Pairs, options: Options
) -> Iterator[Trained]:
    """One for each seed; those in the folder of models are read back, without their minutes."""
    for seed in range(options.seeds):
        kept = None if options.models is None else options.models / f"{name}-{seed}"
        if kept is not None and kept.exists():
            yield Trained(Translator.load(kept), float("nan"), float("nan"))
            continue
        clock = Clock()
        model = Translator(**arguments, random_state=seed, verbose=False)
        model.fit(train.sources, train.targets)
        found = Trained(model, clock.minutes, clock.processor)
        if kept is not None:
            model.save(kept)
        yield found
