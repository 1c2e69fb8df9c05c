from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from unrolled.data.batches import Batch, Batches
from unrolled.data.pairs import PairBatches
from unrolled.data.sequences import Sequences
from unrolled.models import Transcriber
from unrolled.runtime.ctc import ctc_log_likelihood, steps_needed
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.transcription import Convolution, TranscriberSpec
from unrolled.training import ctc, engines
from unrolled.training.by_torch import TorchEngine
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

SPEC = TranscriberSpec(
    3, 5, Recurrent("gru", 8, bidirectional=True), (Convolution(6, 3, 2),), head_dropout=0.1
)


def joined(parts: list[np.ndarray]) -> Sequences:
    lengths = np.array([len(part) for part in parts])
    return Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)


def utterances(num: int, seed: int = 0) -> PairBatches:
    """Symbols 1 to 4, each of which is some frames about a point of its own."""
    rng = np.random.default_rng(seed)
    points = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [-2, -2, -2]], np.float32)
    frames, symbols = [], []
    for _ in range(num):
        said = rng.integers(1, 5, rng.integers(1, 4))
        parts = [np.zeros((3, 3), np.float32)]
        for symbol in said:
            parts += [np.tile(points[symbol - 1], (int(rng.integers(4, 9)), 1)), parts[0]]
        clean = np.concatenate(parts)
        frames.append(clean + rng.normal(scale=0.3, size=clean.shape).astype(np.float32))
        symbols.append(said)
    return PairBatches(joined(frames), joined(symbols), 8, shuffle=True)


def of_batch(batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
    assert batch.y is not None
    lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths)
    return torch.from_numpy(batch.x), lengths, torch.from_numpy(batch.y)


def test_the_loss_is_that_of_plain_sums_and_counts_symbols() -> None:
    log_p = torch.randn(9, 3, 5, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
    target = torch.tensor([[1, 2, 3], [1, 4, -1], [3, -1, -1]])
    steps = torch.tensor([9, 5, 2])
    found = ctc.losses(log_p, target, steps)
    for n, (symbols, end) in enumerate([([1, 1, 3], 9), ([2, 4], 5), ([3], 2)]):
        expected = -ctc_log_likelihood(log_p[:end, n].numpy(), symbols)
        assert found.values[n].item() == pytest.approx(expected, rel=1e-6)
    assert found.num == 6
    assert found.counts is not None
    assert found.counts.tolist() == [3, 2, 1]
    whole = ctc.losses(log_p, target)
    assert whole.values[2].item() == pytest.approx(-ctc_log_likelihood(log_p[:, 2].numpy(), [3]))


def test_too_few_steps_have_an_infinite_loss() -> None:
    log_p = torch.full((3, 1, 5), -np.log(5.0))
    for symbols, finite in (([1, 2, 3], True), ([1, 1], True), ([1, 1, 2], False)):
        assert (steps_needed(symbols) <= 3) == finite
        value = ctc.losses(log_p, torch.tensor(symbols)[:, None]).values
        assert bool(value.isfinite()) == finite


def test_steps_are_those_of_a_hand_written_loop() -> None:
    described = TranscriberSpec(3, 5, SPEC.recurrent, SPEC.convolutions)
    data = utterances(20)
    module = Transcriber(described, described.initial_values(1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    nats = symbols = 0.0
    for batch in data:
        x, lengths, y = of_batch(batch)
        log_p, steps = module(x, lengths)
        ends = (y >= 0).sum(dim=0)
        flat = torch.cat([y[:end, n] for n, end in enumerate(ends)])
        steps = torch.full((len(ends),), len(log_p)) if steps is None else steps
        each = torch.nn.functional.ctc_loss(log_p, flat, steps, ends, reduction="sum")
        optimizer.zero_grad()
        (each / ends.sum()).backward()
        optimizer.step()
        nats, symbols = nats + each.item(), symbols + float(ends.sum())
    flat_array = described.initial_values(1)
    plain = Optimizer("sgd", momentum=0.0, clip_norm=None)
    engine, totals, order = TorchEngine(described, flat_array, plain), Totals(), data.order(0)
    engine.train(data, order, [0.1] * len(order), totals, 0)
    expected = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    np.testing.assert_allclose(flat_array, expected, rtol=0, atol=2e-6)
    assert totals.loss / totals.rows == pytest.approx(nats / symbols, rel=1e-5)


def test_symbols_are_learnt_and_what_is_watched_is_a_mean_over_them() -> None:
    data, flat = utterances(120), SPEC.initial_values(0)
    engine, new = TorchEngine(SPEC, flat, Optimizer("adam")), utterances(30, seed=1)
    for epoch in range(12):
        order = data.order(epoch)
        engine.train(data, order, [0.02] * len(order), Totals(), 0)
    assert engine.evaluate(new) < 0.1
    module, nats, symbols = Transcriber(SPEC, flat).eval(), 0.0, 0
    for row in range(30):
        x = torch.from_numpy(new.sources[row])[:, None]
        nats -= ctc_log_likelihood(module(x)[0][:, 0].detach().numpy(), new.targets[row])
        symbols += len(new.targets[row])
    assert engine.evaluate(new) == pytest.approx(nats / symbols, rel=1e-3)


def test_what_a_model_gives_of_each_row() -> None:
    sources, flat = utterances(20).sources, SPEC.initial_values(0)
    flat.setflags(write=False)
    seen = []
    for rows, parts in engines.log_probabilities(SPEC, flat, Batches(sources, batch_size=6)):
        for row, log_p in zip(rows.tolist(), parts, strict=True):
            seen.append(row)
            module: Any = Transcriber(SPEC, flat.copy()).eval()
            alone = module(torch.from_numpy(sources[row])[:, None])[0][:, 0].detach().numpy()
            assert log_p.shape == alone.shape
            np.testing.assert_allclose(log_p, alone, rtol=1e-4, atol=1e-5)
    assert sorted(seen) == list(range(20))
