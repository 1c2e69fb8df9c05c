from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from unrolled.models import OneToOne
from unrolled.runtime.spec import Dense, Spec, initial_values

SPEC = Spec(input_size=4, output_size=3, head="point", hidden=(Dense(6, "tanh"), Dense(5)))
TOLERANCES = {np.float32: 1e-5, np.float64: 1e-12}


def by_hand(module: OneToOne) -> nn.Sequential:
    """The same network as a torch user would write it, with the same numbers."""
    network = nn.Sequential(
        nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)
    ).to(module.head.weight.dtype)
    values = list(module.state_dict().values())
    network.load_state_dict(dict(zip(network.state_dict(), values, strict=True)))
    return network


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_and_gradients_are_those_of_torch(dtype: Any) -> None:
    module = OneToOne(SPEC, 2 * initial_values(SPEC, 3).astype(dtype))
    network = by_hand(module)
    rng = np.random.default_rng(0)
    x, pull = (torch.from_numpy(rng.normal(size=(7, n)).astype(dtype)) for n in (4, 3))
    tolerance = {"rtol": TOLERANCES[dtype], "atol": TOLERANCES[dtype]}
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, state = module(ours)
    assert state is None
    expected = network(theirs)
    torch.testing.assert_close(y, expected, **tolerance)
    (y * pull).sum().backward()
    (expected * pull).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **tolerance)
    for one, other in zip(module.parameters(), network.parameters(), strict=True):
        assert other.grad is not None
        assert other.grad.abs().max() > 0
        torch.testing.assert_close(one.grad, other.grad, **tolerance)


def test_without_hidden_layers_it_is_linear() -> None:
    spec = Spec(input_size=3, output_size=2, head="point")
    module = OneToOne(spec)
    x = torch.randn(5, 3)
    expected = x @ module.head.weight.T + module.head.bias
    torch.testing.assert_close(module(x)[0], expected)


def test_dropout_is_of_training_alone_and_keeps_the_mean() -> None:
    spec = Spec(2, 1, "point", hidden=(Dense(4000),), hidden_dropout=0.5)
    module = OneToOne(spec)
    x = torch.ones(1, 2)
    full = module.eval()(x)[0]
    torch.testing.assert_close(module(x)[0], full, rtol=0, atol=0)
    module.train()
    drawn = torch.cat([module(x)[0] for _ in range(200)])
    assert drawn.std() > 0.1 * full.abs().item() / 4000**0.5
    torch.testing.assert_close(drawn.mean(), full.mean(), rtol=0, atol=0.1)


def test_dropout_in_front_of_the_head() -> None:
    module = OneToOne(Spec(50, 1, "point", head_dropout=0.9)).train()
    x = torch.ones(64, 50)
    assert module(x)[0].std() > 0.1
    assert module.eval()(x)[0].std() < 1e-6


def test_it_has_neither_lengths_nor_a_state() -> None:
    module = OneToOne(SPEC)
    with pytest.raises(ValueError, match="neither lengths nor a state"):
        module(torch.ones(2, 4), torch.tensor([1, 1]))
