from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from unrolled.models import ManyToMany, ManyToOne
from unrolled.runtime.spec import Dense, Recurrent, Spec, initial_values

C, H, K = 3, 4, 5
LENGTHS = [4, 6, 1, 3]


def spec(cell: str = "gru", *, two_ways: bool = False, **more: Any) -> Spec:
    recurrent = Recurrent(cell, H, 2, two_ways)
    return Spec(C, K, "class", recurrent=recurrent, pooling="every", **more)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("two_ways", [False, True])
def test_every_step_is_that_of_a_row_alone_in_plain_torch(cell: str, two_ways: bool) -> None:
    described = spec(cell, two_ways=two_ways, hidden=(Dense(7, "tanh"),))
    module = ManyToMany(described, 2 * initial_values(described, 1))
    theirs: Any = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](
        C, H, 2, bidirectional=two_ways
    )
    theirs.load_state_dict(module.recurrent.state_dict(), strict=True)
    x = torch.randn(max(LENGTHS), len(LENGTHS), C, generator=torch.Generator().manual_seed(0))
    y, state = module(x, torch.tensor(LENGTHS))
    assert y.shape == (max(LENGTHS), len(LENGTHS), K)
    for n, length in enumerate(LENGTHS):
        output, last = theirs(x[:length, n])
        expected = module.head(torch.tanh(module.hidden[0](output)))
        torch.testing.assert_close(y[:length, n], expected, rtol=1e-4, atol=2e-6)
        h, expected_h = (pair[0] if cell == "lstm" else pair for pair in (state, last))
        torch.testing.assert_close(h[:, n], expected_h, rtol=1e-4, atol=2e-6)


def test_a_sequence_in_two_halves_with_its_state_is_the_whole() -> None:
    module = ManyToMany(spec("lstm"))
    x = torch.randn(6, 2, C, generator=torch.Generator().manual_seed(0))
    whole, _ = module(x)
    first, state = module(x[:4])
    second, _ = module(x[4:], None, state)
    torch.testing.assert_close(torch.cat((first, second)), whole, rtol=1e-5, atol=1e-6)


def test_a_tied_head_is_the_embedding() -> None:
    described = Spec(
        9, 9, "class", embedding_size=H, recurrent=Recurrent("gru", H), pooling="every", tied=True
    )
    flat = initial_values(described, 1)
    module = ManyToMany(described, flat)
    assert module.embedding is not None
    assert module.head.weight is module.embedding.weight
    assert [name for name, _ in module.named_parameters()] == list(described.parameter_shapes())
    tokens = torch.tensor([[1, 2], [8, 0], [3, 3]])
    states, _ = module.states(tokens)
    expected = states @ module.embedding.weight.T + module.head.bias
    torch.testing.assert_close(module(tokens)[0], expected)
    before = module(tokens)[0].detach().clone()
    flat *= 2.0
    assert not torch.allclose(module(tokens)[0], before), "the array and the module are one"


@pytest.mark.parametrize(("kind", "pooling"), [(ManyToMany, "last"), (ManyToOne, "every")])
def test_a_spec_of_the_other_kind_is_refused(kind: Any, pooling: str) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__} takes a spec with the pooling"):
        kind(Spec(C, K, "class", recurrent=Recurrent("gru", H), pooling=pooling))


def test_a_spec_without_recurrence_is_refused() -> None:
    with pytest.raises(ValueError, match="ManyToMany takes a spec with a recurrent stack"):
        ManyToMany(Spec(C, K, "class"))


def test_without_parameters_they_are_those_of_seed_0() -> None:
    whole = np.concatenate([p.detach().numpy().ravel() for p in ManyToMany(spec()).parameters()])
    np.testing.assert_array_equal(whole, initial_values(spec(), 0))
