"""Texts that a model writes: batches of like length, greedily or by beam search."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.pairs import gather
from unrolled.estimators.translation.texts import Source
from unrolled.models import decoding
from unrolled.models.decoding import Decoded
from unrolled.runtime.encoder_decoder import FIRST, EncoderDecoderSpec
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.sampling import Sampling
from unrolled.training import engines

# Texts that are written side by side, hypotheses of a beam likewise, and numbers of what was read
# that they hold together.
AT_ONCE, HYPOTHESES = 320, 640
NUMBERS = 2**24
UNKNOWN = 0
# No text in training is without a symbol, so that none is written without.
LEAST = 1
# Where one text is asked for: what a hypothesis may lie behind the likeliest, in nats, and how many
# times its symbols it may have in the end.
MARGIN, AHEAD = 2.5, 1.5
AnyWriter = EncoderDecoderSpec | OneToManySpec


class Search(NamedTuple):
    """How a model writes.

    Attributes:
        width: hypotheses side by side; 1 is greedy.
        length_penalty: see `unrolled.models.decoding.beam`.
        most: symbols at most, the end among them.
        n_best: how many are given of each text.
    """

    width: int
    length_penalty: float
    most: int
    n_best: int = 1


class Attended(NamedTuple):
    """Where a model looked while it wrote.

    Attributes:
        source: S symbols that were read, "<end>" the last.
        written: T symbols that were written, "<end>" the last where it came.
        weights: [T, S] float32, those of a row add up to 1.
    """

    source: list[str]
    written: list[str]
    weights: NDArray[np.float32]


def write(
    spec: AnyWriter, weights: NDArray[np.float32], inputs: Source, search: Search
) -> list[list[Decoded]]:
    """For each that is read, in their order, the `n_best` texts, the best first."""
    found: list[list[Decoded]] = [[] for _ in range(len(inputs))]
    model = engines.writer(spec, weights)
    for rows in _batches(inputs, search.width, spec.read_size):
        x, lengths = gather(inputs, rows)
        state, first = model.read(x, lengths), np.full(len(rows), FIRST, np.int64)
        barred = (UNKNOWN,)
        if search.width == 1:
            single = decoding.greedy(
                model, state, first, FIRST, search.most, barred=barred, least=LEAST
            )
            best = [[each] for each in single]
        else:
            best = decoding.beam(
                *(model, state, first, FIRST, search.most, search.width),
                length_penalty=search.length_penalty,
                n_best=search.n_best,
                barred=barred,
                least=LEAST,
                margin=MARGIN if search.n_best == 1 else math.inf,
                ahead=AHEAD if search.n_best == 1 else math.inf,
            )
        for row, decoded in zip(rows, best, strict=True):
            found[row] = decoded
    return found


def draw(
    spec: AnyWriter,
    weights: NDArray[np.float32],
    inputs: Source,
    most: int,
    sampling: Sampling,
    rng: np.random.Generator,
) -> list[Decoded]:
    """For each that is read, in their order, a text drawn symbol by symbol."""
    found: list[Decoded] = []
    model = engines.writer(spec, weights)
    num = max(1, min(AT_ONCE, rows_at_once(spec.read_size)))
    for start in range(0, len(inputs), num):
        rows = np.arange(start, min(start + num, len(inputs)))
        x, lengths = gather(inputs, rows)
        first = np.full(len(rows), FIRST, np.int64)
        state = model.read(x, lengths)
        found += decoding.sample(model, state, first, FIRST, most, sampling, rng, least=LEAST)
    return found


def attention(
    spec: AnyWriter,
    weights: NDArray[np.float32],
    inputs: Source,
    written: list[NDArray[np.int64]],
) -> list[NDArray[np.float32]]:
    """Weights [T, S] of each that is read and what was written of it, [T]."""
    model = engines.writer(spec, weights)
    found = []
    for i, tokens in enumerate(written):
        read = np.concatenate([[FIRST], tokens[:-1]])
        x, lengths = gather(inputs, np.array([i]))
        found.append(model.attention(x, lengths, read[:, None])[:, 0])
    return found


def rows_at_once(numbers: int) -> int:
    """How many are read side by side of which each holds so many numbers."""
    return max(1, NUMBERS // numbers)


def _batches(inputs: Source, width: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Rows of like length, the shortest first: fewer where they are long."""
    order = np.argsort(inputs.lengths, kind="stable")
    start = 0
    while start < len(order):
        num = max(1, min(AT_ONCE, HYPOTHESES // width))
        longest = int(inputs.lengths[order[start : start + num]].max())
        num = min(num, rows_at_once(longest * size))
        yield order[start : start + num]
        start += num
