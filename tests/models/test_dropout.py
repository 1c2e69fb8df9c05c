"""Dropout of symbols, inputs and recurrent weights, and dropout that is locked over time."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.models import ManyToMany, ManyToOne
from unrolled.runtime.spec import Dense, Recurrent, Spec, initial_values, views

V, E, H, N, T = 11, 4, 5, 4, 6
LENGTHS = torch.tensor([4, 6, 1, 3])
KINDS: dict[str, Any] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
P = 0.3


def spec(cell: str = "lstm", *, two_ways: bool = False, **changes: Any) -> Spec:
    """All kinds of dropout at once, with a tied head."""
    whole = Spec(
        V, V, "class", E, (Dense(E, "tanh"),), 0.0,
        Recurrent(cell, H, 2, two_ways, P, weight_dropout=P), "every", P, True,
        embedding_dropout=P, input_dropout=P, locked_dropout=True,
    )  # fmt: skip
    return replace(whole, **changes)


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The factors of every dropout that a model draws, in order."""
    drawn: list[Tensor] = []
    dropout = F.dropout

    def recorded(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
        assert training
        drawn.append(dropout(torch.ones_like(x), p))
        return x * drawn[-1]

    monkeypatch.setattr(F, "dropout", recorded)
    return drawn


def one_layer(
    described: Spec, named: dict[str, Tensor], number: int, size: int, weights: list[Tensor]
) -> tuple[nn.Module, dict[str, Tensor]]:
    """A layer of plain torch and its parameters, W_hh times a mask a direction."""
    r = described.recurrent
    assert r is not None
    layer = KINDS[r.cell](size, H, bidirectional=r.bidirectional).double()
    found, left = {}, list(weights)
    for name, _ in layer.named_parameters():
        value = named[f"recurrent.{name.replace('_l0', f'_l{number}')}"]
        found[name] = value * left.pop(0) if name.startswith("weight_hh") else value
    return layer, found


def by_hand(
    described: Spec, named: dict[str, Tensor], tokens: Tensor, drawn: list[Tensor]
) -> Tensor:
    """Outputs of every valid step, row after row, each row alone; masks as they were drawn."""
    r, left = described.recurrent, list(drawn)
    assert r is not None
    ways = 1 + r.bidirectional
    of_symbols, of_input = left.pop(0), left.pop(0)
    table = named["embedding.weight"]
    first = [left.pop(0) for _ in range(ways)]
    between = left.pop(0)
    second = [left.pop(0) for _ in range(ways)]
    (head,) = left
    outputs = []
    for n, length in enumerate(LENGTHS.tolist()):
        x = (table * of_symbols[:, None])[tokens[:length, n]] * of_input[n]
        layer, weights = one_layer(described, named, 0, E, first)
        x, _ = torch.func.functional_call(layer, weights, (x,))
        layer, weights = one_layer(described, named, 1, ways * H, second)
        x, _ = torch.func.functional_call(layer, weights, (x * between[n],))
        h = torch.tanh(F.linear(x, named["hidden.0.weight"], named["hidden.0.bias"]))
        outputs.append(F.linear(h * head[n], table, named["head.bias"]))
    return torch.cat(outputs)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("two_ways", [False, True])
def test_outputs_and_gradients_are_those_of_a_row_alone_with_the_same_masks(
    cell: str, two_ways: bool, masks: list[Tensor]
) -> None:
    described = spec(cell, two_ways=two_ways)
    flat = 2 * initial_values(described, 1)
    module = ManyToMany(described, flat).train()
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(V, (T, N), generator=generator)
    y, _ = module(tokens, LENGTHS)
    valid = torch.cat([y[:length, n] for n, length in enumerate(LENGTHS.tolist())])
    factors = torch.randn(valid.shape, generator=generator)
    (valid * factors).sum().backward()
    named = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in views(described, flat).items()
    }
    for mask in masks:
        assert ((mask == 0) | ((mask * (1 - P) - 1).abs() < 1e-6)).all()
    expected = by_hand(described, named, tokens, [mask.double() for mask in masks])
    torch.testing.assert_close(valid.double(), expected, rtol=1e-4, atol=5e-6)
    (expected * factors.double()).sum().backward()
    for name, parameter in module.named_parameters():
        found, wanted = parameter.grad, named[name].grad
        assert found is not None
        assert wanted is not None
        assert wanted.abs().max() > 1e-3
        torch.testing.assert_close(found.double(), wanted, rtol=1e-3, atol=2e-5, msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol_dropout": P},
        {"embedding_dropout": P},
        {"input_dropout": P},
        {"head_dropout": P},
        {"recurrent": Recurrent("gru", H, 2, dropout=P)},
        {"recurrent": Recurrent("gru", H, weight_dropout=P)},
    ],
    ids=lambda changes: next(iter(changes)),
)
@pytest.mark.parametrize("locked", [False, True])
def test_each_drops_in_training_alone(changes: dict[str, Any], locked: bool) -> None:
    described = Spec(
        V, 3, "point", E, recurrent=Recurrent("gru", H), pooling="every", locked_dropout=locked
    )
    described = replace(described, **changes)
    module = ManyToMany(described, 3 * initial_values(described, 1))
    tokens = torch.arange(T * N).reshape(T, N) % V
    torch.manual_seed(0)
    module.train()
    assert not torch.allclose(module(tokens)[0], module(tokens)[0])
    module.eval()
    state = torch.get_rng_state()
    expected = module(tokens)[0]
    assert torch.equal(torch.get_rng_state(), state), "nothing is drawn"
    whole = replace(
        described,
        recurrent=replace(described.recurrent, dropout=0.0, weight_dropout=0.0),
        **dict.fromkeys(set(changes) - {"recurrent"}, 0.0),
    )
    plain = ManyToMany(whole, 3 * initial_values(whole, 1)).train()
    assert torch.equal(plain(tokens)[0], expected)


def identity(**changes: Any) -> ManyToMany:
    """A network of 200 units that hands its inputs on, without memory."""
    size = 200
    described = Spec(
        size, size, "point", recurrent=Recurrent("rnn", size, nonlinearity="relu"), pooling="every"
    )
    described = replace(described, **changes)
    flat = np.zeros(described.num_parameters, np.float32)
    for name, value in views(described, flat).items():
        if "weight_ih" in name or name == "head.weight":
            value[...] = np.eye(*value.shape)
        elif name.startswith("embedding"):
            value[...] = 1.0 + np.arange(len(value))[:, None]
    return ManyToMany(described, flat).train()


@pytest.mark.parametrize(
    "changes",
    [
        {"input_dropout": P},
        {"head_dropout": P},
        {"recurrent": Recurrent("rnn", 200, 2, dropout=P, nonlinearity="relu")},
    ],
    ids=["input", "head", "between"],
)
@pytest.mark.parametrize("locked", [False, True])
def test_locked_is_the_same_at_all_steps(changes: dict[str, Any], locked: bool) -> None:
    torch.manual_seed(0)
    y, _ = identity(locked_dropout=locked, **changes)(torch.ones(5, 8, 200))
    kept = y > 0
    assert torch.allclose(y[kept], torch.tensor(1 / (1 - P)))
    one = kept[0].double().mean().item()
    assert one == pytest.approx(1 - P, abs=4 * np.sqrt(P * (1 - P) / 1600))
    same = 1 - 2 * P * (1 - P)
    over_time = (kept[1:] == kept[:-1]).double().mean().item()
    assert over_time == (1.0 if locked else pytest.approx(same, abs=0.03))
    over_rows = (kept[:, 1:] == kept[:, :-1]).double().mean().item()
    assert over_rows == pytest.approx(same, abs=0.06)


def test_symbols_are_dropped_to_number_0_at_single_places() -> None:
    torch.manual_seed(0)
    module = identity(input_size=V, embedding_size=200, symbol_dropout=P)
    tokens = torch.arange(1000).reshape(50, 20) % V
    found = module(tokens)[0][:, :, 0].round().long() - 1
    assert ((found == tokens) | (found == 0)).all()
    others = tokens > 0
    rate = (found[others] == 0).double().mean().item()
    assert rate == pytest.approx(P, abs=4 * np.sqrt(P * (1 - P) / 909))


def test_a_symbol_of_the_embedding_is_dropped_whole() -> None:
    torch.manual_seed(0)
    module = identity(input_size=100, embedding_size=200, embedding_dropout=P)
    tokens = torch.arange(1000).reshape(50, 20) % 100
    factors = module(tokens)[0] / (1.0 + tokens[:, :, None])
    assert (factors.std(dim=2) < 1e-6).all()
    by_symbol = factors[:, :, 0].reshape(10, 100)
    torch.testing.assert_close(by_symbol[1:], by_symbol[:-1])
    assert (by_symbol[0] == 0).double().mean().item() == pytest.approx(P, abs=0.15)


def test_only_the_first_categories_are_dropped() -> None:
    described = Spec(
        3, 2, "point", recurrent=Recurrent("gru", H), categories=((5, 3), (4, 2)),
        symbol_dropout=0.5,
    )  # fmt: skip
    module = ManyToOne(described).train()
    torch.manual_seed(0)
    x = torch.full((T, N, 3), 2.0)
    module(x)[0].sum().backward()
    first, second = (table.weight.grad.abs().sum(dim=1) > 0 for table in module.categories)
    assert first.tolist() == [True, False, True, False, False]
    assert second.tolist() == [False, False, True, False]
    module.zero_grad()
    module.spec = replace(described, symbol_columns=2)
    module(x)[0].sum().backward()
    assert module.categories[1].weight.grad is not None
    assert module.categories[1].weight.grad.abs().sum(dim=1).ne(0).tolist() == [
        True,
        False,
        True,
        False,
    ]
    x[0, 0, 1] = 5.0
    module.spec = replace(described, symbol_dropout=0.999)
    with pytest.raises(ValueError, match="inputs holds 5 in column 1"):
        module(x)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_state_goes_on_in_training_and_gradients_with_it(cell: str) -> None:
    described = Spec(
        E, 3, "point", recurrent=Recurrent(cell, H, 2, dropout=1e-9, weight_dropout=1e-9),
        pooling="every", locked_dropout=True,
    )  # fmt: skip
    flat = 2 * initial_values(described, 1)
    x = torch.randn(T, N, E, generator=torch.Generator().manual_seed(0))
    found = []
    for training in (True, False):
        module = ManyToMany(described, flat).train(training)
        first, state = module(x[:4])
        second, _ = module(x[4:], None, state)
        (torch.cat((first, second)) ** 2).sum().backward()
        grads = [parameter.grad for parameter in module.parameters()]
        found.append((first, second, *grads))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_torch_own_path_drops_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    flat, found = initial_values(spec(), 1), []
    tokens = torch.arange(T * N).reshape(T, N) % V
    for _ in range(2):
        module = ManyToMany(spec(), flat).train()
        torch.manual_seed(0)
        y, _ = module(tokens, LENGTHS)
        valid = torch.cat([y[:length, n] for n, length in enumerate(LENGTHS.tolist())])
        (valid**2).sum().backward()
        found.append([valid, *(parameter.grad for parameter in module.parameters())])
        monkeypatch.setattr("unrolled.nn.stack.why_torch", lambda *_: "of a test")
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_copy_drops_its_own_weights() -> None:
    module = ManyToMany(spec()).train()
    other = copy.deepcopy(module)
    other(torch.zeros(T, N, dtype=torch.int64))[0].sum().backward()
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(parameter.grad is not None for parameter in other.parameters())
