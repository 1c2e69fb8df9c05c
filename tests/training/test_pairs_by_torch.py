from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled.data.pairs import PairBatches
from unrolled.data.sequences import Sequences
from unrolled.models import EncoderDecoder
from unrolled.runtime.encoder_decoder import FIRST, Decoder, EncoderDecoderSpec
from unrolled.runtime.layers import Recurrent
from unrolled.training.by_torch import TorchEngine, build, read_by_decoder
from unrolled.training.losses import cross_entropy
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

SYMBOLS = 6


def spec(attention: str = "additive", **more: Any) -> EncoderDecoderSpec:
    writes = Decoder(
        SYMBOLS,
        6,
        Recurrent("gru", 16),
        attention=attention,
        attention_size=8,
        combined_size=12,
        **more,
    )
    return EncoderDecoderSpec(SYMBOLS, 5, Recurrent("gru", 10, bidirectional=True), writes)


def flattened(parts: list[np.ndarray]) -> Sequences:
    lengths = np.array([len(part) for part in parts])
    return Sequences(np.concatenate(parts), np.cumsum(lengths) - lengths, lengths)


def strings(num: int, *, backwards: bool, seed: int = 0) -> PairBatches:
    """Strings of 1 to 4 symbols, and the same, or read from behind, with an end."""
    rng = np.random.default_rng(seed)
    read = [rng.integers(2, SYMBOLS, rng.integers(1, 5)) for _ in range(num)]
    written = [np.append(s[::-1] if backwards else s, FIRST) for s in read]
    return PairBatches(flattened(read), flattened(written), 16, shuffle=True)


def train(engine: TorchEngine, data: PairBatches, epochs: range, rate: float) -> Totals:
    totals = Totals()
    for epoch in epochs:
        order = data.order(epoch)
        engine.train(data, order, [rate] * len(order), totals, 0)
    return totals


@pytest.mark.parametrize(
    ("attention", "backwards", "feeding"),
    [("additive", False, True), ("multiplicative", True, False)],
)
def test_short_strings_are_learnt(attention: str, backwards: bool, feeding: bool) -> None:
    described = spec(attention, input_feeding=feeding)
    flat = described.initial_values(0)
    engine = TorchEngine(described, flat, Optimizer("adam"))
    before = engine.evaluate(strings(64, backwards=backwards, seed=1))
    train(engine, strings(320, backwards=backwards), range(14), 0.02)
    new = strings(64, backwards=backwards, seed=1)
    assert before > 1.5
    assert engine.evaluate(new) < 0.3


def test_steps_are_those_of_a_hand_written_loop() -> None:
    described = spec(label_smoothing=0.2)
    data = strings(40, backwards=True)
    module = EncoderDecoder(described, described.initial_values(1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    losses, symbols = [], []
    for batch in data:
        assert batch.y is not None
        x, y = torch.from_numpy(batch.x), torch.from_numpy(batch.y)
        lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths)
        read = torch.full_like(y, FIRST)
        read[1:] = y[:-1]
        scores, _ = module(x, lengths, read.clamp(min=0))
        there = y >= 0
        loss = F.cross_entropy(scores[there], y[there], label_smoothing=0.2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        symbols.append(int(there.sum()))
    flat = described.initial_values(1)
    engine = TorchEngine(described, flat, Optimizer("sgd", momentum=0.0, clip_norm=None))
    totals = train(engine, data, range(1), 0.5)
    expected = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    np.testing.assert_allclose(flat, expected, rtol=0, atol=2e-6)
    assert totals.loss / totals.rows == pytest.approx(np.average(losses, weights=symbols))


def test_the_loss_watched_is_a_mean_over_symbols_without_smoothing() -> None:
    described = spec(label_smoothing=0.2, head_dropout=0.5, scheduled_sampling=0.5)
    data = strings(40, backwards=True)
    flat = described.initial_values(1)
    module = EncoderDecoder(described, flat).eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for batch in data:
            assert batch.y is not None
            y = torch.from_numpy(batch.y)
            lengths = None if batch.lengths is None else torch.from_numpy(batch.lengths)
            scores, _ = module(torch.from_numpy(batch.x), lengths, read_by_decoder(y))
            there = y >= 0
            log_p = scores.log_softmax(dim=2)[there]
            total -= float(log_p[torch.arange(len(log_p)), y[there]].sum())
            count += int(there.sum())
    engine = TorchEngine(described, flat)
    assert engine.evaluate(data) == pytest.approx(total / count, rel=1e-5)


def test_what_the_decoder_reads_is_the_symbol_before() -> None:
    y = torch.tensor([[4, 5], [6, 1], [1, -1]])
    assert read_by_decoder(y).tolist() == [[1, 1], [4, 5], [6, 1]]
    assert read_by_decoder(torch.tensor([[3, 1], [1, -1], [-1, -1]])).min() == 0


def test_padding_of_both_sides_changes_no_bit_of_training() -> None:
    """A batch with a longer row than another: the other's share of the gradient is the same."""
    described = spec()
    data = strings(16, backwards=True)
    batch = data.batch(np.arange(16))
    assert batch.lengths is not None
    assert batch.y is not None
    behind = np.arange(len(batch.x))[:, None] >= batch.lengths
    found = []
    for filling in (0, 5):
        x = np.where(behind, filling, batch.x)
        module: Any = build(described, described.initial_values(1))
        y = torch.from_numpy(batch.y)
        scores, _ = module(torch.from_numpy(x), torch.from_numpy(batch.lengths), read_by_decoder(y))
        cross_entropy(scores, y).values.sum().backward()
        found.append([p.grad for p in module.parameters()])
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_label_smoothing_is_that_of_its_definition(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(3, 4, 5, generator=generator)
    target = torch.tensor([[0, 1, 4, 2], [3, -1, 2, 2], [1, -1, -1, 0]])
    found = cross_entropy(scores, target, smoothing)
    log_p = scores.log_softmax(dim=2)
    for i, (t, n) in enumerate(np.ndindex(3, 4)):
        c = int(target[t, n])
        own = -(1 - smoothing) * log_p[t, n, c] - smoothing * log_p[t, n].mean()
        assert found.values[i].item() == pytest.approx(0.0 if c < 0 else own.item(), rel=1e-5)
    assert found.num == 9
    torch.testing.assert_close(
        found.values.sum() / 9,
        F.cross_entropy(
            scores.view(12, 5), target.view(12), ignore_index=-1, label_smoothing=smoothing
        ),
    )


RANDOM = spec(input_feeding=True, head_dropout=0.2, scheduled_sampling=0.3, label_smoothing=0.1)


@pytest.mark.parametrize("described", [spec(), RANDOM], ids=["plain", "random"])
def test_a_state_goes_on_to_the_same_bits(described: EncoderDecoderSpec) -> None:
    data, order = strings(64, backwards=True), strings(64, backwards=True).order(0)
    rates = [0.01, 0.02, 0.03, 0.04]

    def start() -> tuple[np.ndarray, TorchEngine]:
        flat = described.initial_values(1)
        return flat, TorchEngine(described, flat, Optimizer("adam"), seed=2)

    whole, engine = start()
    torch.manual_seed(1)
    engine.train(data, order, rates, Totals(), 0)
    first, engine = start()
    torch.manual_seed(2)
    engine.train(data, order[:2], rates[:2], Totals(), 0)
    second = first.copy()
    again = TorchEngine(described, second, Optimizer("adam"), seed=9)
    again.load_state(engine.state())
    again.train(data, order[2:], rates[2:], Totals(), 2)
    assert second.tobytes() == whole.tobytes()
    assert first.tobytes() != whole.tobytes()


def test_scheduled_sampling_changes_what_is_learnt_and_of_0_draws_nothing() -> None:
    data = strings(32, backwards=True)
    found = []
    for p in (0.0, 0.9):
        described = spec(scheduled_sampling=p)
        flat = described.initial_values(1)
        before = torch.get_rng_state()
        train(TorchEngine(described, flat), data, range(1), 0.02)
        assert torch.equal(torch.get_rng_state(), before)
        found.append(flat)
    plain = spec().initial_values(1)
    train(TorchEngine(spec(), plain), data, range(1), 0.02)
    assert found[0].tobytes() == plain.tobytes()
    assert found[1].tobytes() != plain.tobytes()


def test_the_module_of_a_spec() -> None:
    described = replace(spec(), shared=False)
    module = build(described, described.initial_values(0))
    assert isinstance(module, EncoderDecoder)
