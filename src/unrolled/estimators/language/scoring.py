"""How well a model foresees a text: each symbol's log-probability given all before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Sequences
from unrolled.data.streams import Streams
from unrolled.runtime.network import Network
from unrolled.runtime.spec import Spec
from unrolled.runtime.train_state import Settings, TrainState

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Tokens = NDArray[Any]

# Numbers of a chunk's scores, and most steps of a chunk.
MOST_SCORES = 2**22
MOST_STEPS = 1024
# Where nothing else is known of dynamic evaluation: steps between two updates.
DYNAMIC_STEPS = 32


def zero_state(spec: Spec, num_rows: int = 1) -> list[F32]:
    """h, and c of an LSTM, [L, N, H]."""
    r = spec.recurrent
    assert r is not None
    shape = (r.num_layers, num_rows, r.hidden_size)
    return [np.zeros(shape, np.float32) for _ in range(1 + (r.cell == "lstm"))]


def chunks(spec: Spec, tokens: Tokens, most: int = MOST_STEPS) -> Iterator[Tokens]:
    """Parts of the tokens [M]; the last token of a part is the first of the next."""
    size = max(1, min(most, MOST_SCORES // spec.output_size))
    for start in range(0, len(tokens) - 1, size):
        yield tokens[start : start + size + 1].astype(np.int64)


def one_row(tokens: NDArray[np.int64]) -> Sequences:
    """Tokens [T] as the only sequence of a data set."""
    return Sequences(tokens, np.zeros(1, np.int64), np.array([len(tokens)], np.int64))


ROW = np.zeros(1, np.int64)


def log_probabilities(spec: Spec, flat: F32, tokens: Tokens) -> Iterator[F64]:
    """Of tokens 1 to M - 1 given all before, chunk by chunk, in nats."""
    network, state = Network(spec, flat), zero_state(spec)
    for part in chunks(spec, tokens):
        scores = network.predict(one_row(part[:-1]), ROW, carried=state)
        yield log_softmax(scores)[np.arange(len(scores)), part[1:]]


def log_softmax(scores: F32) -> F64:
    """log of the shares of 1, [..., V], of scores [..., V]."""
    y = scores.astype(np.float64)
    y -= y.max(axis=-1, keepdims=True)
    found: F64 = y - np.log(np.exp(y).sum(axis=-1, keepdims=True))
    return found


def total(spec: Spec, flat: F32, tokens: Tokens) -> float:
    """Sum of -log p of tokens 1 to M - 1, in nats; the state goes through the whole text."""
    network, state, nats = Network(spec, flat), zero_state(spec), 0.0
    for part in chunks(spec, tokens):
        loss, _ = network.evaluate(one_row(part[:-1]), part[1:], None, [ROW], carried=state)
        nats += loss
    return nats


def dynamic_total(spec: Spec, flat: F32, tokens: Tokens, rate: float, steps: int) -> float:
    """As `total`, of a copy that learns from each window once it has been scored."""
    assert spec.recurrent is not None
    still = replace(
        spec,
        recurrent=replace(spec.recurrent, dropout=0.0, weight_dropout=0.0),
        head_dropout=0.0,
        hidden_dropout=0.0,
        embedding_dropout=0.0,
        input_dropout=0.0,
        symbol_dropout=0.0,
    )
    network = Network(still, flat.copy())
    state = TrainState.new(still, Settings("sgd", momentum=0.0), carry=True)
    windows = Streams(tokens, batch_size=1, bptt=steps)
    order, nats, most = windows.order(0), 0.0, max(1, MOST_STEPS // steps)
    for first in range(0, len(order), most):
        held, rows = windows.in_memory(order[first : first + most])
        assert held.y is not None
        done = network.train(held.inputs, held.y, None, rows, [rate] * len(rows), state)
        if done.done < len(rows):
            raise FloatingPointError(
                f"dynamic evaluation diverged after {first + done.done} of {len(order)} windows; "
                f"a rate below {rate:g} may do"
            )
        nats += float((done.losses * done.counts).sum())
    return nats


def cached_total(
    spec: Spec, flat: F32, tokens: Tokens, size: int, flatness: float, share: float
) -> float:
    """As `total`, of a mixture of the model and a continuous cache.

    The cache holds the last `size` states h_i with the symbols that followed them:
    `p(w) ~ sum of exp(flatness h_t . h_i) over those i that w followed`, and the mixture is
    `(1 - share) p_model + share p_cache` (Grave, Joulin & Usunier 2017, arXiv 1612.04426).
    """
    network, nats = Network(spec, flat), 0.0
    state, same_state = zero_state(spec), zero_state(spec)
    assert spec.recurrent is not None
    held = np.empty((0, spec.recurrent.hidden_size), np.float32)
    followed = np.empty(0, np.int64)
    for part in chunks(spec, tokens, most=max(64, min(size, MOST_STEPS))):
        x, following = one_row(part[:-1]), part[1:]
        T, before = len(following), len(held)
        scores = network.predict(x, ROW, carried=state)
        h = network.hidden_states(x, ROW, carried=same_state)[:, 0]
        by_model = np.exp(log_softmax(scores)[np.arange(T), following])
        held, followed = np.concatenate([held, h]), np.concatenate([followed, following])
        likeness = flatness * (h @ held.T).astype(np.float64)
        # Entry i is known at step t, which is place before + t, if it lies up to `size` before it.
        t, i = np.arange(before, before + T)[:, None], np.arange(before + T)
        known = (i < t) & (i >= t - size)
        likeness[~known] = -np.inf
        most = likeness.max(axis=1, keepdims=True, initial=-1e300)
        weight = np.exp(likeness - most)
        sums = weight.sum(axis=1)
        hits = np.where(followed == following[:, None], weight, 0.0).sum(axis=1)
        by_cache = np.divide(hits, sums, out=np.zeros(T), where=sums > 0)
        # Before anything is in the cache the model speaks alone.
        mixed = np.where(sums > 0, (1 - share) * by_model + share * by_cache, by_model)
        nats -= float(np.log(np.maximum(mixed, np.finfo(np.float64).tiny)).sum())
        held, followed = held[-size:], followed[-size:]
    return nats
