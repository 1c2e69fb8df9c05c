"""How much longer a beam of width 5 takes than greedy, on 1,000 sentences."""

from __future__ import annotations

import time
from statistics import median

from text_bench.rows import Options, Row, show

from unaligned_bench import multi30k
from unaligned_bench.translating import trained
from unrolled import Translator

NUM, ROUNDS, WIDTH = 1_000, 5, 5
EPOCHS = 2  # of a model that is trained for this; the folder of models may have a better one


def run(options: Options) -> list[Row]:
    """Seconds of both by turns, and the median of their ratios."""
    train, held = multi30k.parts(options)
    arguments = multi30k.ARGUMENTS | {"max_epochs": EPOCHS}
    if options.small:
        arguments |= multi30k.SMALL
    only = Options(seeds=1, small=options.small, models=options.models)
    ((model, minutes, _),) = trained("multi30k", arguments, train, only)
    sources = held.sources[:NUM]
    for width in (1, WIDTH):
        _seconds(model, sources, width)
    ratios, wall, greedy = [], [], []
    for _ in range(1 if options.small else ROUNDS):
        one, many = _seconds(model, sources, 1), _seconds(model, sources, WIDTH)
        ratios.append(many[1] / one[1])
        wall.append(many[0] / one[0])
        greedy.append(one[0])
    row = Row(
        f"beam of {WIDTH}, {len(sources):,} sentences of Multi30k",
        "times greedy's seconds",
        (median(wall),),
        (minutes,),
        model.spec_.num_parameters,
        3.0,
        note=f"greedy {median(greedy):.2f} s; of processor time {median(ratios):.2f}",
    )
    show(row, judged=options.judged)
    return [row]


def _seconds(model: Translator, sources: list[str], width: int) -> tuple[float, float]:
    """On the wall and of the processor."""
    model.set_params(beam_size=width)
    begun = time.perf_counter(), time.process_time()
    model.predict(sources)
    return time.perf_counter() - begun[0], time.process_time() - begun[1]
