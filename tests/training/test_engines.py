from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.runtime.encoder_decoder import Decoder, EncoderDecoderSpec
from unrolled.runtime.spec import CLASS_LOSSES, Dense, Recurrent, Spec, initial_values
from unrolled.training import engines
from unrolled.training.engines import Choice, choose
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

SPEC = Spec(2, 3, "class", recurrent=Recurrent("gru", 5), pooling="mean")
AGAINST = "the compiled kernels were not built"
rng = np.random.default_rng(0)


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "why_not", lambda spec: AGAINST)


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.parametrize("asked", ["auto", "kernels"])
def test_the_kernels_where_they_can(asked: str) -> None:
    choice = choose(asked, SPEC)
    assert choice.name == "kernels"
    assert choice.reason.startswith(f"engine='{asked}'")
    assert str(choice).startswith(f"kernels ({choice.reason}), compiled kernels, ")


@pytest.mark.torch
def test_torch_where_it_is_asked_for() -> None:
    choice = choose("torch", SPEC)
    assert choice == Choice("torch", "engine='torch'")
    assert str(choice).startswith("torch (engine='torch'), 1 thread")


@pytest.mark.torch
@pytest.mark.usefixtures("no_kernels")
def test_auto_takes_torch_where_the_kernels_cannot() -> None:
    assert choose("auto", SPEC) == Choice("torch", f"engine='auto': {AGAINST}")


@pytest.mark.usefixtures("no_kernels")
def test_kernels_that_cannot_say_why() -> None:
    with pytest.raises(ValueError, match=f"engine='kernels' cannot run this model: {AGAINST}$"):
        choose("kernels", SPEC)


WRITES = EncoderDecoderSpec(
    9, 4, Recurrent("gru", 5), Decoder(9, 4, Recurrent("gru", 5), combined_size=4)
)


def test_the_kernels_do_not_run_what_reads_and_writes() -> None:
    sentence = (
        "engine='kernels' cannot run this model: the compiled kernels run chains, and this is an "
        "encoder with a decoder"
    )
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        choose("kernels", WRITES)


@pytest.mark.torch
def test_torch_runs_what_reads_and_writes() -> None:
    assert choose("auto", WRITES).name == choose("torch", WRITES).name == "torch"


@pytest.mark.usefixtures("no_torch")
def test_without_torch_the_kernels_are_enough() -> None:
    assert choose("auto", SPEC).name == "kernels"
    with pytest.raises(ValueError, match=r"not installed; run: pip install 'unrolled\[torch\]'$"):
        choose("torch", SPEC)


@pytest.mark.usefixtures("no_torch", "no_kernels")
def test_without_either_one_sentence_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="neither engine") as error:
        choose("auto", SPEC)
    message = str(error.value)
    assert AGAINST in message
    assert "pip install 'unrolled[torch]'" in message
    assert "\n" not in message


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="engine must be one of auto, kernels, torch, got 'jax'"):
        choose("jax", SPEC)


def problem(spec: Spec) -> Batches:
    N = 14
    lengths = rng.integers(1, 6, N)
    starts = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    inputs: Any = rng.normal(size=(N, spec.input_size)).astype(np.float32)
    if spec.recurrent is not None:
        values = rng.normal(size=(total, spec.input_size)).astype(np.float32)
        for i, (codes, _) in enumerate(spec.categories, spec.input_size - len(spec.categories)):
            values[:, i] = rng.integers(0, codes, total)
        inputs = Sequences(values, starts, lengths)
    if spec.embedding_size:
        inputs = Sequences(rng.integers(0, spec.input_size, total), starts, lengths)
    every = spec.pooling == "every"
    M = total if every else N
    y: Any = rng.integers(0, spec.output_size, M)
    y[[1, 3]] = -1
    if spec.loss not in CLASS_LOSSES:
        y = rng.uniform(size=(M, spec.target_columns))
        y[[1, 3]] = np.nan
        y[5, 0] = np.nan
        y = y.astype(np.float32)
    weight = rng.uniform(0.5, 1.5, M).astype(np.float32)
    return Batches(inputs, y, weight, batch_size=4, every=every)


LSTM = Recurrent("lstm", 4, bidirectional=True)
SPECS = [
    SPEC,
    Spec(3, 2, "point", hidden=(Dense(5, "tanh"), Dense(4)), loss="huber"),
    Spec(3, 4, "point", recurrent=LSTM, pooling="max", loss="quantile", quantiles=(0.2, 0.7)),
    Spec(3, 4, "class", recurrent=LSTM, pooling="every", loss="binary_cross_entropy"),
    Spec(3, 4, "class", recurrent=LSTM, pooling="every", loss="crf"),
    Spec(
        6, 6, "class", embedding_size=4, recurrent=Recurrent("gru", 4), pooling="every", tied=True
    ),
    Spec(6, 2, "point", embedding_size=4, recurrent=Recurrent("rnn", 4, 2), hidden=(Dense(3),)),
    Spec(3, 4, "distribution", recurrent=LSTM, pooling="mean", loss="normal"),
    Spec(3, 6, "distribution", hidden=(Dense(5),), loss="student_t"),
    Spec(
        3, 4, "distribution", recurrent=Recurrent("gru", 4), pooling="every",
        loss="negative_binomial",
    ),
    Spec(5, 2, "point", recurrent=Recurrent("gru", 4, 2), categories=((3, 2), (4, 5))),
    Spec(2, 2, "point", recurrent=LSTM, pooling="every", categories=((3, 2), (4, 5))),
]  # fmt: skip
OPTIMIZERS = [
    Optimizer("adam", clip_norm=0.3),
    Optimizer("adamw", weight_decay=0.1),
    Optimizer("sgd", weight_decay=0.05, clip_norm=None),
    Optimizer("rmsprop", weight_decay=0.1),
]


@pytest.mark.torch
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.loss}-{s.pooling}")
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_both_engines_do_the_same(spec: Spec, optimizer: Optimizer) -> None:
    """Sums, weights, states and losses after three epochs; predictions; hidden states."""
    data = problem(spec)
    found: list[Any] = []
    for name in ("kernels", "torch"):
        flat, totals = initial_values(spec, 1), Totals()
        engine = engines.start(Choice(name, ""), spec, flat, optimizer, 0)
        for epoch in range(3):
            rows = data.order(epoch)
            engine.train(data, rows[:1], [0.01], totals, 0)
            engine.train(data, rows[1:], [0.02] * (len(rows) - 1), totals, 1)
        found.append((flat, totals, engine.state(), engine.evaluate(data)))
    (ours, our_totals, our_state, our_loss), (theirs, totals, state, loss) = found
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=3e-5)
    assert np.abs(ours - initial_values(spec, 1)).max() > 0.003
    assert our_totals.rows == totals.rows
    assert our_totals.loss == pytest.approx(totals.loss, rel=1e-4)
    assert our_totals.gradient_norm == pytest.approx(totals.gradient_norm, rel=1e-3)
    assert our_loss == pytest.approx(loss, rel=1e-4)
    assert set(our_state) == set(state) - {"random"}
    for name, value in our_state.items():
        np.testing.assert_allclose(value, state[name], rtol=0, atol=1e-4, err_msg=name)
    for compute in (engines.predict, engines.hidden_states):
        if compute is engines.hidden_states and spec.recurrent is None:
            continue
        pairs = [compute(Choice(name, ""), spec, ours, data) for name in ("kernels", "torch")]
        for (rows, one), (same_rows, other) in zip(*pairs, strict=True):
            np.testing.assert_array_equal(rows, same_rows)
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
