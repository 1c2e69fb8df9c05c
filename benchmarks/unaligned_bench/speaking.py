"""What the benchmarks of speech share: a recognizer of each seed, trained and scored."""

from __future__ import annotations

from typing import Any, NamedTuple

from text_bench.rows import Clock, Options

from unaligned_bench.spoken import RATE, SpokenParts
from unrolled import SpeechRecognizer

SMALL: dict[str, Any] = {
    "hidden_size": 4, "num_layers": 1, "convolutions": (4,), "strides": (2,), "max_epochs": 1,
}  # fmt: skip
FEW = 12  # sounds of a part with --small


class Runs(NamedTuple):
    """The scores and minutes of each seed, and the last model."""

    scores: list[dict[str, float]]
    minutes: tuple[float, ...]
    processor: tuple[float, ...]
    model: SpeechRecognizer


def train(
    parts: SpokenParts,
    arguments: dict[str, Any],
    options: Options,
    reads: dict[str, Any] | None = None,
) -> Runs:
    """Train and score a recognizer of each seed.

    Args:
        parts: sounds and texts.
        arguments: of the recognizer.
        options: of the command line.
        reads: arguments of reading, which are set after training; with "order" among them a model
            counts the training texts and takes part.
    """
    if options.small:
        arguments = {**arguments, **SMALL}
        parts = SpokenParts(*(type(p)(p.waves[:FEW], p.texts[:FEW]) for p in parts))
    scores, minutes, processor = [], [], []
    for seed in range(options.seeds):
        clock = Clock()
        model = SpeechRecognizer(
            sample_rate=RATE, **arguments, random_state=seed, verbose=False
        ).fit(parts.train.waves, parts.train.texts)
        minutes.append(clock.minutes)
        processor.append(clock.processor)
        rules = dict(reads or {})
        order = rules.pop("order", None)
        counted = None if order is None else model.ngram(parts.train.texts, order)
        model.set_params(**rules)
        found = model.evaluate(parts.held.waves, parts.held.texts, language_model=counted)
        scores.append(found)
        print(
            f"    seed {seed}: {', '.join(f'{k} {v:.4f}' for k, v in found.items())}, "
            f"{minutes[-1]:.2f} min",
            flush=True,
        )
    return Runs(scores, tuple(minutes), tuple(processor), model)
