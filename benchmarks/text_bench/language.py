"""Language models: tiny Shakespeare and Penn Treebank, by characters and by words."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from text_bench import peers
from text_bench.corpora import Texts, ptb_characters, ptb_words, tiny_shakespeare
from text_bench.rows import Clock, Options, PeerRow, Row, show
from unrolled import LanguageModel
from unrolled.data.streams import Streams
from unrolled.estimators.parts import Seeds
from unrolled.kernels.engine import get_num_threads
from unrolled.runtime.spec import Spec, initial_values
from unrolled.training.schedules import learning_rate


@dataclass(frozen=True)
class Job:
    """A corpus, the arguments chosen on its validation part, and what others reach.

    Attributes:
        name: of the folder of a model that is kept.
        what: corpus and model.
        measure: what the score is.
        texts: its parts.
        score: of a fitted model on a text.
        arguments: of `LanguageModel`.
        bar, stretch: goals.
        published: figures of others.
        with_valid: train on the validation part too, once arguments are chosen, where others do.
    """

    name: str
    what: str
    measure: str
    texts: Callable[[], Texts]
    score: Callable[[LanguageModel, str], float]
    arguments: dict[str, Any]
    bar: float | None
    stretch: float | None
    published: tuple[tuple[str, str], ...] = ()
    with_valid: bool = False
    small: dict[str, Any] = field(default_factory=lambda: {"hidden_size": 8, "max_epochs": 1})


def run_job(job: Job, options: Options) -> Row:
    """Train with each seed, score the test part once a seed, train the torch.nn model once."""
    texts, arguments = job.texts(), dict(job.arguments)
    if options.small:
        arguments |= job.small
        texts = Texts(*(part[:4000] for part in texts))
    train = texts.train + (texts.valid if job.with_valid and not options.select else "")
    held = texts.valid if options.select else texts.test
    name = job.name + ("-select" if job.with_valid and options.select else "")
    scores, minutes, processor = [], [], []
    for seed in range(options.seeds):
        kept = None if options.models is None else options.models / f"{name}-{seed}"
        model, wall, cpu = _fitted(arguments | {"random_state": seed}, train, kept)
        minutes.append(wall)
        processor.append(cpu)
        scores.append(job.score(model, held))
        print(f"    {job.what}, seed {seed}: {scores[-1]:.4f}, {minutes[-1]:.2f} min", flush=True)
    row = Row(
        job.what,
        job.measure,
        tuple(scores),
        tuple(minutes),
        model.spec_.num_parameters,
        job.bar,
        job.stretch,
        published=job.published,
        peer=_peer(job, model, train, held, minutes[-1], options) if options.peers else None,
        note=f"{model.n_iter_} epochs",
        processor=tuple(processor),
    )
    show(row, judged=options.judged)
    return row


def _fitted(
    arguments: dict[str, Any], train: str, kept: Path | None
) -> tuple[LanguageModel, float, float]:
    """A model, and the minutes that it took, on the wall and of the processor.

    `kept` is the folder that it is read from, or saved to, with its minutes beside.
    """
    learnt = [version("unrolled"), hashlib.sha256(train.encode()).hexdigest()]
    times = None if kept is None else kept.with_suffix(".json")
    if kept is not None and times is not None and times.exists():
        model = LanguageModel.load(kept)
        different = {
            name: value
            for name, value in arguments.items()
            if model.get_params(deep=False)[name] != value
        }
        spent = json.loads(times.read_text())
        if different or spent["learnt"] != learnt:
            what = f"arguments than {different}" if different else "texts, or by another version"
            raise ValueError(f"{kept} holds a model of other {what}; give another folder")
        return model, spent["minutes"], spent["processor"]
    clock = Clock()
    model = LanguageModel(**arguments, verbose=False).fit(train)
    wall, cpu = clock.minutes, clock.processor
    if kept is not None and times is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        model.save(kept)
        times.write_text(json.dumps({"minutes": wall, "processor": cpu, "learnt": learnt}))
    return model, wall, cpu


def _peer(
    job: Job, ours: LanguageModel, train: str, held: str, minutes: float, options: Options
) -> PeerRow | None:
    """A torch.nn model of the same size for as many minutes, with the dropout that torch.nn has."""
    if not peers.installed():
        print(f"    torch is not installed: {peers.COMMAND}")
        return None
    spec, drawn = _plain(ours.spec_), Seeds(0)
    tokens = np.concatenate([[1], ours.vocabulary_.encode(train)]).astype(np.uint16)
    data = Streams(
        tokens, int(ours.batch_size), int(ours.bptt), float(ours.bptt_variation), drawn.of("order")
    )
    steps, epochs = len(data) * int(ours.max_epochs), range(int(ours.max_epochs))
    rate = float(ours.learning_rate)
    batches = (
        (data.batch(rows), learning_rate(ours.schedule, rate, epoch * len(data) + i, steps))
        for epoch in epochs
        for i, rows in enumerate(data.order(epoch))
    )
    trained = peers.train(
        spec,
        initial_values(spec, drawn.of("weights")),
        batches,
        optimizer=ours.optimizer,
        momentum=float(ours.momentum),
        weight_decay=float(ours.weight_decay),
        clip_norm=ours.clip_norm,
        carry=True,
        threads=get_num_threads(),
        seconds=options.seconds(minutes),
    )
    theirs = LanguageModel().set_params(**ours.get_params())
    theirs.vocabulary_, theirs.several_ = ours.vocabulary_, ours.several_
    theirs.spec_, theirs.weights_ = spec, trained.flat
    done = trained.steps / steps
    note = "" if done == 1 else f"stopped by the clock at {trained.steps:,} of {steps:,} steps"
    return PeerRow(
        job.score(theirs, held), trained.seconds, 60 * minutes * done, trained.steps, note
    )


def _plain(spec: Spec) -> Spec:
    """The spec with dropout where torch.nn has it, of each step apart."""
    from dataclasses import replace

    assert spec.recurrent is not None
    return replace(
        spec,
        recurrent=replace(spec.recurrent, weight_dropout=0.0),
        embedding_dropout=0.0,
        symbol_dropout=0.0,
        locked_dropout=False,
    )


def nats(model: LanguageModel, text: str) -> float:
    """Mean of -log p a symbol."""
    return -model.score(text)


def bits(model: LanguageModel, text: str) -> float:
    """Mean of -log2 p a character."""
    return nats(model, text) / math.log(2)


def perplexity(model: LanguageModel, text: str) -> float:
    """exp of the mean of -log p a token."""
    return model.perplexity(text)


SHAKESPEARE = Job(
    "shakespeare",
    "tiny Shakespeare, characters, last 10 %",
    "nats a character",
    tiny_shakespeare,
    nats,
    {
        "hidden_size": 512, "dropout": 0.5, "bptt": 128, "batch_size": 32, "max_epochs": 10,
        "learning_rate": 2e-3,
    },
    1.56,
    1.50,
    (("minGRU, 3 layers of 384", "1.548"), ("Transformer of 10.7M, best validation", "1.4697")),
    with_valid=True,
)  # fmt: skip
PTB_CHARACTERS = Job(
    "ptb_characters",
    "PTB, characters, test",
    "bits a character",
    lambda: ptb_characters(final_space=False),
    bits,
    {
        "hidden_size": 512, "dropout": 0.05, "bptt": 128, "batch_size": 32, "max_epochs": 3,
        "learning_rate": 2e-3,
    },
    1.55,
    1.36,
    (("LSTM of 3M, grid-searched (Bai 2018)", "1.36"), ("RNN, GRU of 3M", "1.48, 1.37")),
)  # fmt: skip
PTB_WORDS = Job(
    "ptb_words",
    "PTB, words, test",
    "perplexity",
    ptb_words,
    perplexity,
    {
        "unit": "token", "hidden_size": 200, "tied": True, "dropout": 0.3, "input_dropout": 0.2,
        "bptt": 35, "batch_size": 20, "max_epochs": 6, "learning_rate": 3e-3,
    },
    130,
    110,
    (("LSTM 2 x 200 (Zaremba, TF)", "115.9"), ("KN 5-gram", "141.2")),
)  # fmt: skip
