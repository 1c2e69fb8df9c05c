from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from plain_decoder import PlainDecoder
from torch import Tensor, nn

from unrolled.models import EncoderDecoder
from unrolled.models.decoder import RecurrentDecoder
from unrolled.runtime.encoder_decoder import ATTENTIONS, Decoder, EncoderDecoderSpec
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.spec import views

V, K, E, H, A = 9, 9, 4, 5, 3
LENGTHS = [6, 2, 4, 1]
S, T, N = max(LENGTHS), 5, len(LENGTHS)


def spec(
    cell: str = "gru",
    attention: str = "additive",
    *,
    theirs: str | None = None,
    two_ways: bool = True,
    shared: bool = False,
    **more: Any,
) -> EncoderDecoderSpec:
    """Two layers on each side, of unequal sizes."""
    writes = Decoder(
        K,
        E,
        Recurrent(theirs or cell, H, num_layers=2),
        attention=attention,
        attention_size=A,
        combined_size=more.pop("combined_size", E),
        **more,
    )
    reads = Recurrent(cell, H + 1, num_layers=2, bidirectional=two_ways)
    return EncoderDecoderSpec(V, E, reads, writes, shared=shared)


def model(described: EncoderDecoderSpec) -> EncoderDecoder:
    return EncoderDecoder(described, 2 * described.initial_values(1)).eval()


def problem() -> tuple[Tensor, Tensor, Tensor]:
    """x [S, N], its lengths, and the symbols [T, N] that the decoder reads."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(V, (S, N), generator=generator)
    return x, torch.tensor(LENGTHS), torch.randint(K, (T, N), generator=generator)


COMBINATIONS = list(product(["rnn", "gru", "lstm"], ATTENTIONS, *[[False, True]] * 4))


def test_names_shapes_and_order_are_those_of_the_spec_whatever_it_is() -> None:
    for cell, attention, two_ways, feeding, tied, shared in COMBINATIONS:
        described = spec(
            cell, attention, two_ways=two_ways, input_feeding=feeding, tied=tied, shared=shared
        )
        found = {
            name: tuple(value.shape) for name, value in EncoderDecoder(described).named_parameters()
        }
        assert list(found.items()) == list(described.parameter_shapes().items())


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_parameters_are_the_array_and_those_that_are_shared_are_one(
    tied: bool, shared: bool
) -> None:
    described = spec(tied=tied, shared=shared)
    flat = described.initial_values(1)
    module = EncoderDecoder(described, flat)
    for name, value in module.named_parameters():
        np.testing.assert_array_equal(value.detach().numpy(), views(described, flat)[name])
    decoder = module.decoder
    assert (decoder.embedding.weight is module.encoder.embedding.weight) == shared
    assert (decoder.head.weight is decoder.embedding.weight) == tied
    before = module(*problem())[0].detach()
    flat *= 1.5
    assert not torch.allclose(module(*problem())[0], before)


def test_without_parameters_they_are_those_of_seed_0() -> None:
    whole = [p.detach().numpy().ravel() for p in EncoderDecoder(spec()).parameters()]
    np.testing.assert_array_equal(np.concatenate(whole), spec().initial_values(0))


class Twin(PlainDecoder):
    """The same model in plain torch and float64, a row and a step at a time."""

    def __init__(self, ours: EncoderDecoder) -> None:
        super().__init__(ours, ours.spec.decoder, ours.spec.aliases())
        kinds: Any = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        r = self.reads = ours.spec.recurrent
        self.encoder = kinds[r.cell](E, r.hidden_size, 2, bidirectional=r.bidirectional)
        self.encoder.load_state_dict(ours.encoder.recurrent.state_dict())
        self.encoder.double()

    def forward(self, x: Tensor, lengths: Tensor, symbols: Tensor) -> Tensor:
        rows = [self._row(x[: int(length), n], symbols[:, n]) for n, length in enumerate(lengths)]
        return torch.stack(rows, dim=1)

    def _row(self, x: Tensor, symbols: Tensor) -> Tensor:
        memory, last = self.encoder(self.named["encoder.embedding.weight"][x])
        parts = last if isinstance(last, tuple) else (last,)
        ways = 1 + self.reads.bidirectional
        q = torch.cat([h for part in parts for h in part[-ways:]])
        return self.write(q, memory, symbols)


TWINS = [
    spec("gru", "additive", input_feeding=True),
    spec("lstm", "multiplicative", tied=True),
    spec("rnn", "none", two_ways=False),
    spec("gru", "multiplicative", theirs="lstm", shared=True, input_feeding=True),
    spec("lstm", "additive", theirs="gru", tied=True, shared=True),
    spec("gru", "none", input_feeding=True, combined_size=6),
]


@pytest.mark.parametrize("described", TWINS)
def test_scores_and_gradients_are_those_of_a_twin_in_plain_torch(
    described: EncoderDecoderSpec,
) -> None:
    ours = model(described)
    twin = Twin(ours)
    scores, _ = ours(*problem())
    theirs = twin(*problem())
    torch.testing.assert_close(scores.double(), theirs, rtol=1e-5, atol=1e-5)
    towards = torch.randn(scores.shape, generator=torch.Generator().manual_seed(2))
    (scores * towards).sum().backward()
    (theirs * towards).sum().backward()
    for name, value in ours.named_parameters():
        expected = twin.gradient(name)
        assert expected is not None, name
        assert value.grad is not None, name
        assert value.grad.any(), name
        torch.testing.assert_close(value.grad.double(), expected, rtol=1e-4, atol=2e-5, msg=name)


@pytest.mark.parametrize("described", TWINS)
def test_step_by_step_is_all_at_once(described: EncoderDecoderSpec) -> None:
    module = model(described)
    x, lengths, symbols = problem()
    whole, asked = module(x, lengths, symbols)
    before = module.read(x, lengths)
    for t in range(T):
        scores, before, weights = module.decoder(symbols[t : t + 1], before)
        torch.testing.assert_close(scores[0], whole[t], rtol=1e-5, atol=1e-5)
        if asked is None:
            assert weights is None
        else:
            torch.testing.assert_close(weights[0], asked[t], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("described", TWINS)
def test_a_row_alone_is_the_row_among_others(described: EncoderDecoderSpec) -> None:
    module = model(described)
    x, lengths, symbols = problem()
    whole, asked = module(x, lengths, symbols)
    for n, length in enumerate(LENGTHS):
        scores, weights = module(x[:length, n : n + 1], None, symbols[:, n : n + 1])
        torch.testing.assert_close(whole[:, n], scores[:, 0], rtol=1e-5, atol=1e-5)
        if asked is not None:
            assert not asked[:, n, length:].any()
            torch.testing.assert_close(asked[:, n, :length], weights[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("described", TWINS)
def test_padded_symbols_change_no_bit(described: EncoderDecoderSpec) -> None:
    x, lengths, symbols = problem()
    found = []
    for filling in (0, 1, V - 1):
        module = model(described)
        filled = torch.where(torch.arange(S)[:, None] < lengths, x, filling)
        scores, weights = module(filled, lengths, symbols)
        scores.square().sum().backward()
        grads = [p.grad for p in module.parameters()]
        found.append([scores, *([] if weights is None else [weights]), *grads])
    for others in found[1:]:
        for ours, theirs in zip(found[0], others, strict=True):
            assert torch.equal(ours, theirs)


def test_a_step_reads_nothing_of_later_ones() -> None:
    module = model(spec(input_feeding=True))
    x, lengths, symbols = problem()
    changed = symbols.clone()
    changed[3:] = (changed[3:] + 1) % K
    ours, theirs = (module(x, lengths, read)[0] for read in (symbols, changed))
    assert torch.equal(ours[:3], theirs[:3])
    assert not torch.equal(ours[3:], theirs[3:])


@pytest.mark.parametrize("described", TWINS)
def test_rows_taken_go_on_as_they_would(described: EncoderDecoderSpec) -> None:
    module = model(described)
    x, lengths, symbols = problem()
    _, before, _ = module.decoder(symbols[:2], module.read(x, lengths))
    rows = torch.tensor([2, 0, 0, 3, 1])
    whole, _, _ = module.decoder(symbols[2:], before)
    scores, _, _ = module.decoder(symbols[2:, rows], before.take(rows))
    torch.testing.assert_close(scores, whole[:, rows], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["input_dropout", "head_dropout"])
def test_dropout_of_the_decoder_is_in_training_alone(name: str) -> None:
    module = model(spec(**{name: 0.5}))
    quiet = model(spec())
    assert torch.equal(module(*problem())[0], quiet(*problem())[0])
    module.train()
    torch.manual_seed(0)
    first, second = (module(*problem())[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_dropout_of_what_is_read_is_in_training_alone() -> None:
    described = replace(spec(), input_dropout=0.5)
    module, quiet = model(described), model(spec())
    assert torch.equal(module(*problem())[0], quiet(*problem())[0])
    module.train()
    torch.manual_seed(0)
    assert not torch.equal(module(*problem())[0], quiet(*problem())[0])


def read_in_training(p: float) -> tuple[EncoderDecoder, Tensor, Tensor]:
    """A model, the symbols that were given to its decoder, and those that it read at last."""
    module = model(spec(scheduled_sampling=p)).train()
    x, lengths, symbols = problem()
    seen: list[Tensor] = []
    handle = module.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    torch.manual_seed(0)
    module(x, lengths, symbols)
    handle.remove()
    return module, symbols, seen[-1]


def test_scheduled_sampling_near_1_reads_the_guesses() -> None:
    module, symbols, read = read_in_training(0.999999)
    x, lengths, _ = problem()
    guesses = module.decoder(symbols, module.read(x, lengths))[0].argmax(dim=2)
    assert torch.equal(read[0], symbols[0]), "nothing was guessed before the first"
    assert torch.equal(read[1:], guesses[:-1])
    assert not torch.equal(read[1:], symbols[1:])


def test_scheduled_sampling_between_mixes_and_of_0_or_outside_training_does_nothing() -> None:
    module, symbols, read = read_in_training(0.5)
    assert 0 < (read[1:] == symbols[1:]).float().mean() < 1
    assert torch.equal(read_in_training(0.0)[2], symbols)
    module.eval()
    plain = model(spec())
    assert torch.equal(module(*problem())[0], plain(*problem())[0])


def test_without_attention_no_memory_is_kept() -> None:
    module = model(spec("gru", "none"))
    x, lengths, symbols = problem()
    before = module.read(x, lengths)
    assert before.memory is None
    assert module(x, lengths, symbols)[1] is None
    assert isinstance(module.decoder, RecurrentDecoder)
    assert module.decoder.attention is None
