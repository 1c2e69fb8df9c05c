"""How fast a character model trains beside a plain torch.nn loop, and how fast it writes."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from text_bench import peers
from text_bench.corpora import tiny_shakespeare
from text_bench.rows import Options, PeerRow, Row, show
from unrolled import LanguageModel
from unrolled.data.streams import Streams
from unrolled.kernels.engine import get_num_threads
from unrolled.runtime.spec import initial_values
from unrolled.training.by_kernels import KernelsEngine
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

HIDDEN, BATCH, STEPS = 256, 32, 128
BATCHES, ROUNDS = 20, 9
CHARACTERS = 20_000


def run(options: Options) -> list[Row]:
    """Tokens a second in training, alternating with torch in one process; characters a second."""
    text = tiny_shakespeare().train
    batches, rounds, characters = (2, 1, 50) if options.small else (BATCHES, ROUNDS, CHARACTERS)
    model = LanguageModel(
        cell="lstm", hidden_size=HIDDEN, bptt=STEPS, batch_size=BATCH, bptt_variation=0.0,
        max_epochs=1, random_state=0, verbose=False,
    )  # fmt: skip
    model.fit(text[: BATCH * (STEPS + 1) * (2 if options.small else 8)])
    rows = [training(model, text, batches, rounds, options), generation(model, rounds, characters)]
    for row in rows:
        show(row, judged=options.judged)
    return rows


def training(model: Any, text: str, batches: int, rounds: int, options: Options) -> Row:
    """Whole steps, forward to optimizer, of the same batches; the median of the rounds' ratios."""
    spec, tokens = model.spec_, model.vocabulary_.encode(text).astype(np.uint8)
    data = Streams(tokens[: batches * BATCH * STEPS + 1], BATCH, STEPS)
    rows, rates = data.order(0), [1e-3] * len(data)
    first, ours, theirs = initial_values(spec, 0), [], []
    engine = KernelsEngine(spec, first.copy(), Optimizer(learning_rate=1e-3))
    with_peer = options.peers and peers.installed()
    held = [(data.batch(each), 1e-3) for each in rows]
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        engine.train(data, rows, rates, Totals(), 0)
        ours.append(time.perf_counter() - begun)
        if with_peer:
            trained = peers.train(spec, first, held, carry=True, threads=get_num_threads())
            theirs.append(trained.seconds)
    # The first round warms up.
    ours, theirs = ours[1:], theirs[1:]
    speeds = [data.num_steps / seconds for seconds in ours]
    ratios = [their / our for our, their in zip(ours, theirs, strict=False)]
    peer = None
    if with_peer:
        seconds = median(theirs)
        peer = PeerRow(1.0, seconds, median(ours), len(rows), "medians")
    return Row(
        f"training, character LSTM of {HIDDEN}, batch {BATCH}, {STEPS} steps",
        "times the tokens a second of a torch.nn loop" if ratios else "tokens a second",
        (median(ratios),) if ratios else (median(speeds),),
        (sum(ours) / 60,),
        spec.num_parameters,
        1.5 if ratios else None,
        3.0 if ratios else None,
        more_is_better=True,
        peer=peer,
        note=f"{median(speeds):,.0f} tokens a second, median of {rounds} rounds",
    )


def generation(model: Any, rounds: int, characters: int) -> Row:
    """Characters a second, one at a time, drawn at temperature 1; the median of the rounds."""
    speeds = []
    for seed in range(rounds + 1):
        begun = time.perf_counter()
        written = sum(map(len, model.generate("ROMEO:", characters, random_state=seed)))
        speeds.append(written / (time.perf_counter() - begun))
    return Row(
        f"generation, character LSTM of {HIDDEN}, one at a time",
        "characters a second",
        (median(speeds[1:]),),
        (characters * rounds / median(speeds) / 60,),
        model.spec_.num_parameters,
        20_000,
        more_is_better=True,
        note=f"from {min(speeds[1:]):,.0f} to {max(speeds[1:]):,.0f}",
    )
