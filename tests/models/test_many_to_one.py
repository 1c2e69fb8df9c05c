from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unrolled.models import ManyToOne
from unrolled.runtime.spec import Recurrent, Spec, initial_values

C, H, K, L = 3, 4, 2, 2
LENGTHS = [4, 6, 1, 6, 3]
T, N = max(LENGTHS), len(LENGTHS)
TOLERANCES = {np.float32: 2e-5, np.float64: 1e-12}
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
State = Any


def spec(
    cell: str = "gru",
    nonlinearity: str = "tanh",
    *,
    two_ways: bool = False,
    pooling: str = "last",
    embedding_size: int = 0,
    layers: int = L,
) -> Spec:
    return Spec(
        input_size=7 if embedding_size else C,
        output_size=K,
        head="point",
        embedding_size=embedding_size,
        recurrent=Recurrent(cell, H, layers, two_ways, nonlinearity=nonlinearity),
        pooling=pooling,
    )


def build(described: Spec, dtype: Any) -> ManyToOne:
    """Weights twice as large as at first, so that no gate is nearly linear."""
    return ManyToOne(described, 2 * initial_values(described, 5).astype(dtype))


class ByHand(nn.Module):
    """The same network as a torch user would write it: each row alone, no padding, no lengths."""

    def __init__(self, model: ManyToOne) -> None:
        super().__init__()
        described, r = model.spec, model.spec.recurrent
        assert r is not None
        size = described.embedding_size or described.input_size
        self.pooling = described.pooling
        self.embedding = (
            nn.Embedding(described.input_size, size) if described.embedding_size else None
        )
        kinds = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        only_rnn = {"nonlinearity": r.nonlinearity} if r.cell == "rnn" else {}
        self.recurrent = kinds[r.cell](
            size, H, r.num_layers, bidirectional=r.bidirectional, **only_rnn
        )
        self.head = nn.Linear(H * (2 if r.bidirectional else 1), K)
        self.to(model.head.weight.dtype)
        self.load_state_dict(model.state_dict(), strict=True)

    def forward(self, x: Tensor, lengths: list[int], state: State = None) -> tuple[Tensor, Tensor]:
        outputs, states = [], []
        for n, length in enumerate(lengths):
            alone = x[:length, n : n + 1]
            if self.embedding is not None:
                alone = self.embedding(alone)
            first = None
            if isinstance(state, tuple):
                first = tuple(part[:, n : n + 1].contiguous() for part in state)
            elif state is not None:
                first = state[:, n : n + 1].contiguous()
            output, last = self.recurrent(alone, first)
            steps = output[:, 0]
            if self.pooling == "mean":
                h = steps.mean(dim=0)
            elif self.pooling == "max":
                h = steps.max(dim=0).values
            elif self.recurrent.bidirectional:
                # Forward reads the last step last, backward the first one.
                h = torch.cat((steps[-1, :H], steps[0, H:]))
            else:
                h = steps[-1]
            outputs.append(self.head(h))
            states.append(torch.stack(last) if isinstance(last, tuple) else last[None])
        return torch.stack(outputs), torch.cat(states, dim=2)


def inputs(described: Spec, dtype: Any, layers: int = L) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Padded x, a first state for both parts, and random weights of the two results."""
    rng = np.random.default_rng(1)
    r = described.recurrent
    assert r is not None
    two = 2 if r.bidirectional else 1
    if described.embedding_size:
        x = rng.integers(0, described.input_size, (T, N))
    else:
        x = rng.normal(size=(T, N, C)).astype(dtype)
        x[np.arange(T)[:, None] >= LENGTHS] = np.nan
    first, pull_state = rng.normal(size=(2, 2 if r.cell == "lstm" else 1, L * two, N, H))
    pull = rng.normal(size=(N, K))
    arrays = (x, first.astype(dtype), pull.astype(dtype), pull_state.astype(dtype))
    return tuple(torch.from_numpy(array) for array in arrays)  # type: ignore[return-value]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("two_ways", [False, True])
@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_ragged_batches_equal_each_row_alone(
    cell: str, nonlinearity: str, two_ways: bool, pooling: str, dtype: Any
) -> None:
    """Outputs, last states and every gradient, with a first state and a pull on the last one."""
    described = spec(cell, nonlinearity, two_ways=two_ways, pooling=pooling)
    module = build(described, dtype)
    alone = ByHand(module)
    x, first, pull, pull_state = inputs(described, dtype)
    tolerance = {"rtol": TOLERANCES[dtype], "atol": TOLERANCES[dtype]}
    results = []
    for network in (module, alone):
        own_x = torch.nan_to_num(x, 0.0).requires_grad_() if network is alone else x.clone()
        own_x = own_x.detach().requires_grad_()
        own_first = first.clone().requires_grad_()
        state = tuple(own_first) if cell == "lstm" else own_first[0]
        if network is module:
            y, last = module(own_x, torch.tensor(LENGTHS), state)
            last = torch.stack(last) if cell == "lstm" else last[None]
        else:
            y, last = alone(own_x, LENGTHS, state)
        ((y * pull).sum() + (last * pull_state).sum()).backward()
        results.append((y, last, own_x.grad, own_first.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)
    gradients = dict(alone.named_parameters())
    for name, parameter in module.named_parameters():
        assert gradients[name].grad.abs().max() > 0, name
        torch.testing.assert_close(parameter.grad, gradients[name].grad, **tolerance)
    padded = torch.arange(T)[:, None] >= torch.tensor(LENGTHS)
    assert (results[0][2][padded] == 0).all(), "what is padded has no gradient"


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("two_ways", [False, True])
def test_equal_lengths_need_not_be_given(pooling: str, two_ways: bool) -> None:
    module = build(spec("gru", two_ways=two_ways, pooling=pooling), np.float64)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(T, N, C)))
    expected, _ = ByHand(module)(x, [T] * N)
    for lengths in (None, torch.full((N,), T)):
        torch.testing.assert_close(module(x, lengths)[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_an_embedding_learns_from_valid_steps_alone(pooling: str) -> None:
    described = spec("gru", two_ways=True, pooling=pooling, embedding_size=C)
    module = build(described, np.float64)
    alone = ByHand(module)
    x, _, pull, _ = inputs(described, np.float64)
    lengths = torch.tensor(LENGTHS)
    padded = torch.arange(T)[:, None] >= lengths
    x[~padded & (x == 0)] = 1
    x[padded] = 0
    y, _ = module(x, lengths)
    expected, _ = alone(x, LENGTHS)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    (y * pull).sum().backward()
    (expected * pull).sum().backward()
    gradient = module.embedding.weight.grad
    torch.testing.assert_close(gradient, alone.embedding.weight.grad, rtol=1e-10, atol=1e-12)
    assert (gradient[0] == 0).all(), "the number that pads has no gradient from padding"
    assert (gradient[1:] != 0).any(dim=1).all()


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_what_stands_in_padding_is_never_read(cell: str, pooling: str) -> None:
    module = build(spec(cell, two_ways=True, pooling=pooling), np.float32)
    lengths = torch.tensor(LENGTHS)
    x = torch.randn(T, N, C)
    padded = torch.arange(T)[:, None] >= lengths
    outputs = []
    for filling in (0.0, 1e30, float("nan")):
        x[padded] = filling
        outputs.append(module(x, lengths)[0])
    assert torch.isfinite(outputs[0]).all()
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_max_may_be_below_zero() -> None:
    """Padding must not win over states that are all negative."""
    described = spec("rnn", pooling="max", layers=1)
    module = build(described, np.float64)
    with torch.no_grad():
        module.recurrent.bias_ih_l0.fill_(-3.0)
        module.head.weight.fill_(1.0)
    x = torch.zeros(T, N, C, dtype=torch.float64)
    pooled = module(x, torch.tensor(LENGTHS))[0] - module.head.bias
    assert (pooled < -1.0).all()


def test_states_of_every_step_are_zero_behind_the_end() -> None:
    module = build(spec("lstm", two_ways=True), np.float64)
    lengths = torch.tensor(LENGTHS)
    states, (h, c) = module.states(torch.randn(T, N, C, dtype=torch.float64), lengths)
    assert states.shape == (T, N, 2 * H)
    assert h.shape == c.shape == (2 * L, N, H)
    padded = torch.arange(T)[:, None] >= lengths
    assert (states[padded] == 0).all()
    assert (states[~padded] != 0).all()
    for n, length in enumerate(LENGTHS):
        torch.testing.assert_close(states[length - 1, n, :H], h[-2, n])
        torch.testing.assert_close(states[0, n, H:], h[-1, n])


def test_the_returned_state_goes_on_where_a_sequence_was_cut() -> None:
    for cell in ("rnn", "gru", "lstm"):
        module = build(spec(cell), np.float64)
        x = torch.randn(7, N, C, dtype=torch.float64)
        whole, end = module(x)
        _, state = module(x[:3])
        in_two, end_in_two = module(x[3:], state=state)
        torch.testing.assert_close(in_two, whole)
        torch.testing.assert_close(end_in_two, end)


def test_dropout_between_layers_and_in_front_of_the_head() -> None:
    x = torch.randn(T, 1, C).expand(T, 64, C)
    for recurrent, head in ((0.5, 0.0), (0.0, 0.5)):
        described = Spec(
            C, K, "point", recurrent=Recurrent("gru", H, L, dropout=recurrent), head_dropout=head
        )
        module = ManyToOne(described).train()
        assert (module(x)[0].std(dim=0) > 0).all()
        torch.testing.assert_close(*module.eval()(x)[0][:2])
