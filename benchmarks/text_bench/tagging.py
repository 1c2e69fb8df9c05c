"""Parts of speech of UD English EWT: universal tags of gold tokens, without pre-training."""

from __future__ import annotations

from typing import Any

from text_bench import peers
from text_bench.corpora import Tagged, TaggedParts, ud_english_ewt
from text_bench.rows import Clock, Options, PeerRow, Row, show
from unrolled import SequenceTagger
from unrolled.estimators.parts import Seeds
from unrolled.kernels.engine import get_num_threads
from unrolled.training.schedules import learning_rate

# Chosen on the development part.
ARGUMENTS: dict[str, Any] = {
    "cell": "lstm", "hidden_size": 160, "embedding_size": 100, "affix_size": 32, "dropout": 0.5,
    "input_dropout": 0.2, "word_dropout": 0.1, "learning_rate": 2e-3, "schedule": "cosine",
    "max_epochs": 8, "batch_size": 16,
}  # fmt: skip
SMALL = {"hidden_size": 4, "embedding_size": 4, "affix_size": 2, "max_epochs": 1}


def run(options: Options) -> list[Row]:
    """Accuracy over all words, of each seed; the torch.nn model with seed 0."""
    parts, arguments = ud_english_ewt(), dict(ARGUMENTS)
    if options.small:
        arguments |= SMALL
        parts = TaggedParts(*(Tagged(part.words[:60], part.tags[:60]) for part in parts))
    held = parts.valid if options.select else parts.test
    scores, minutes, processor = [], [], []
    for seed in range(options.seeds):
        clock = Clock()
        model = SequenceTagger(**arguments, random_state=seed, verbose=False)
        model.fit(parts.train.words, parts.train.tags)
        minutes.append(clock.minutes)
        processor.append(clock.processor)
        scores.append(model.score(held.words, held.tags))
        print(f"    seed {seed}: {scores[-1]:.4f}, {minutes[-1]:.2f} min", flush=True)
    row = Row(
        "UD English EWT, universal tags, gold tokens",
        "accuracy",
        tuple(scores),
        tuple(minutes),
        model.spec_.num_parameters,
        0.944,
        0.950,
        more_is_better=True,
        published=(("UDPipe 1.2, UD 2.3, gold tokens", "94.4"),),
        peer=_peer(model, parts, held, minutes[-1], options) if options.peers else None,
        note=f"{model.n_iter_} epochs",
        processor=tuple(processor),
    )
    show(row, judged=options.judged)
    return [row]


def _peer(
    ours: SequenceTagger, parts: TaggedParts, held: Tagged, minutes: float, options: Options
) -> PeerRow | None:
    """The same network by torch.nn for as many minutes, without dropout of words."""
    if not peers.installed():
        print(f"    torch is not installed: {peers.COMMAND}")
        return None
    model = SequenceTagger().set_params(**{**ours.get_params(), "word_dropout": 0.0})
    model.set_params(random_state=0).initialize(parts.train.words, parts.train.tags)
    # What fit trains on, which no public method tells.
    data = model._batches(
        model._read(parts.train.words, parts.train.tags, fitting=False), Seeds(model._seed)
    )
    steps, rate = len(data) * int(model.max_epochs), float(model.learning_rate)
    batches = (
        (data.batch(rows), learning_rate(model.schedule, rate, epoch * len(data) + i, steps))
        for epoch in range(int(model.max_epochs))
        for i, rows in enumerate(data.order(epoch))
    )
    trained = peers.train(
        model.spec_,
        model.weights_,
        batches,
        clip_norm=model.clip_norm,
        threads=get_num_threads(),
        seconds=options.seconds(minutes),
    )
    model.weights_[...] = trained.flat
    done = trained.steps / steps
    note = "" if done == 1 else f"stopped by the clock at {trained.steps:,} of {steps:,} steps"
    return PeerRow(
        model.score(held.words, held.tags),
        trained.seconds,
        60 * minutes * done,
        trained.steps,
        note,
    )
