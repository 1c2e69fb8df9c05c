"""Classes of sentences without anything learnt elsewhere: SST-2, TREC and MR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from text_bench import peers
from text_bench.corpora import Classified, Labelled, movie_reviews, sst2, trec
from text_bench.rows import Clock, Options, PeerRow, Row, show
from unrolled import SequenceClassifier
from unrolled.data.batches import Batch
from unrolled.estimators.parts import Seeds
from unrolled.kernels.engine import get_num_threads
from unrolled.training.schedules import learning_rate


@dataclass(frozen=True)
class Problem:
    """A data set, the arguments chosen on its validation part, and what others reach.

    Attributes:
        what: data set and model.
        parts: its parts, once for each fold; the score is the mean over the folds.
        arguments: of `SequenceClassifier`.
        bar, stretch: goals.
        published: figures of others.
        with_valid: train on the validation part too, once arguments are chosen: it was cut off the
            training part for that alone.
    """

    what: str
    parts: Callable[[], Iterable[Classified]]
    arguments: dict[str, Any]
    bar: float
    stretch: float
    published: tuple[tuple[str, str], ...]
    with_valid: bool


@dataclass(frozen=True)
class Fold:
    """What one model is trained and scored on."""

    train: Labelled
    held: Labelled


def run_problem(problem: Problem, options: Options) -> Row:
    """Train with each seed, score the test part once a seed, train the torch.nn model once."""
    scores, minutes, processor, first = [], [], [], 0.0
    for seed in range(options.seeds):
        accuracies, clock = [], Clock()
        for fold in _folds(problem, options):
            begun = clock.minutes
            model = _model(problem, options, seed)
            model.fit(fold.train.texts, fold.train.labels)
            first = first or clock.minutes - begun
            accuracies.append(100 * model.score(fold.held.texts, fold.held.labels))
        minutes.append(clock.minutes)
        processor.append(clock.processor)
        scores.append(float(np.mean(accuracies)))
        print(
            f"    {problem.what}, seed {seed}: {scores[-1]:.2f}, {minutes[-1]:.2f} min", flush=True
        )
    row = Row(
        problem.what,
        "accuracy, %",
        tuple(scores),
        tuple(minutes),
        model.spec_.num_parameters,
        problem.bar,
        problem.stretch,
        more_is_better=True,
        published=problem.published,
        peer=_peer(problem, options, len(accuracies), first) if options.peers else None,
        note=f"{model.n_iter_} epochs"
        + (f", mean of {len(accuracies)} folds" if len(accuracies) > 1 else ""),
        processor=tuple(processor),
    )
    show(row, judged=options.judged)
    return row


def _model(problem: Problem, options: Options, seed: int) -> SequenceClassifier:
    small = {"hidden_size": 4, "embedding_size": 4, "max_epochs": 1} if options.small else {}
    return SequenceClassifier(**(problem.arguments | small), random_state=seed, verbose=False)


def _folds(problem: Problem, options: Options) -> Iterator[Fold]:
    """Folds to train and score; arguments are selected on the first alone."""
    for parts in islice(problem.parts(), 1 if options.select or options.small else None):
        with_valid = problem.with_valid and not (options.select or options.small)
        train = _joined(parts.train, parts.valid) if with_valid else parts.train
        held = parts.valid if options.select or options.small else parts.test
        count = 100 if options.small else None
        yield Fold(*(Labelled(*(column[:count] for column in part)) for part in (train, held)))


def _joined(first: Labelled, second: Labelled) -> Labelled:
    return Labelled(first.texts + second.texts, first.labels + second.labels)


def _peer(problem: Problem, options: Options, folds: int, minutes: float) -> PeerRow | None:
    """A torch.nn model of the same size and first weights on the same batches, of the first fold.

    It has the dropout that torch.nn has, and as many minutes as ours took there.
    """
    if not peers.installed():
        print(f"    torch is not installed: {peers.COMMAND}")
        return None
    fold = next(_folds(problem, options))
    model = _model(problem, options, 0)
    model.initialize(fold.train.texts, fold.train.labels)
    # What fit trains on, which no public method tells.
    part = model._read(fold.train.texts, fold.train.labels, fitting=False)
    data = model._batches(part, Seeds(model._seed))
    epochs, rate = int(model.max_epochs), float(model.learning_rate)
    steps = epochs * len(data)

    def batches() -> Iterator[tuple[Batch, float]]:
        for epoch in range(epochs):
            for i, rows in enumerate(data.order(epoch)):
                step = epoch * len(data) + i
                yield data.batch(rows), learning_rate(model.schedule, rate, step, steps)

    trained = peers.train(
        replace(model.spec_, embedding_dropout=0.0, symbol_dropout=0.0, locked_dropout=False),
        model.weights_,
        batches(),
        optimizer=model.optimizer,
        weight_decay=float(model.weight_decay),
        clip_norm=model.clip_norm,
        threads=get_num_threads(),
        seconds=options.seconds(minutes),
    )
    model.weights_[...] = trained.flat
    score = 100 * model.score(fold.held.texts, fold.held.labels)
    done = trained.steps / steps
    notes = [] if done == 1 else [f"stopped by the clock at {trained.steps:,} of {steps:,} steps"]
    notes += ["first fold, seed 0"] if folds > 1 else []
    return PeerRow(score, trained.seconds, 60 * minutes * done, trained.steps, ", ".join(notes))


# Chosen on the validation parts, of MR on that of its first fold, whose texts are tested on in
# other folds. Sources of the figures: Kim (2014), table 2; Socher et al. (2013); Tai, Socher &
# Manning (2015); Zhou et al. (2015).
CHOSEN: dict[str, Any] = {
    "unit": "token",
    "affixes": True,
    "embedding_size": 32,
    "affix_size": 8,
    "embedding_scale": 0.1,
    "word_dropout": 0.1,
    "cell": "gru",
    "bidirectional": True,
    "hidden_size": 64,
    "pooling": "last",
    "input_dropout": 0.6,
    "dropout": 0.5,
    "schedule": "cosine",
}
REVIEWS = CHOSEN | {"pooling": "mean", "word_dropout": 0.2, "learning_rate": 2e-3, "max_epochs": 5}
QUESTIONS = CHOSEN | {"embedding_scale": 0.3, "learning_rate": 3e-3, "max_epochs": 15}
SST2 = Problem(
    "SST-2, sentences, test",
    lambda: [sst2()],
    REVIEWS,
    80.5,
    82.7,
    (
        ("NB, SVM, bigram NB, with phrases (Socher 2013)", "81.8, 79.4, 83.1"),
        ("CNN, random vectors, with phrases (Kim 2014)", "82.7"),
        ("LSTM, BiLSTM, GloVe, with phrases (Tai 2015)", "84.9, 87.5"),
    ),
    with_valid=False,
)
TREC = Problem(
    "TREC, 6 classes, test",
    lambda: [trec()],
    QUESTIONS,
    90.0,
    91.5,
    (("CNN, random vectors (Kim 2014)", "91.2"), ("BiLSTM, word2vec", "93.0")),
    with_valid=True,
)
MR = Problem(
    "MR, 10 folds",
    movie_reviews,
    REVIEWS,
    75.5,
    77.0,
    (("NBSVM, bigrams", "79.4"), ("CNN, random vectors (Kim 2014)", "76.1")),
    with_valid=True,
)
