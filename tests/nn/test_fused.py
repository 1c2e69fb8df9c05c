"""The fused path beside torch.nn's layers: outputs, final states and every gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_problems import CELLS, TOLERANCE, assert_same, normal, outcome, pair, states, tensors
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled import nn

# torch.nn's own projected LSTM says so of itself.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


@pytest.fixture(autouse=True, scope="module")
def only_fused():
    """Here nothing may run on torch's own path unseen."""
    with nn.require_fused():
        yield


@st.composite
def layers(draw):
    """(cell, options, dtype, [T, N, C, H])."""
    cell = draw(st.sampled_from(CELLS))
    sizes = [draw(st.integers(1, top)) for top in (7, 5, 9, 9)]
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
    }
    if cell == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if cell == "LSTM" and sizes[3] > 1:
        options["proj_size"] = draw(st.integers(0, sizes[3] - 1))
    return cell, options, draw(st.sampled_from([torch.float32, torch.float64])), sizes


def strided(x, kind):
    """The same values in other memory."""
    if kind == "transposed":
        return x.transpose(0, 1).contiguous().transpose(0, 1)
    if kind == "channels apart":
        return x.transpose(0, 2).contiguous().transpose(0, 2)
    if kind == "steps apart":
        return torch.stack([x, x + 1], 1).flatten(0, 1)[::2]
    if kind == "part of rows":
        return torch.cat([x, x + 1], 2)[..., : x.shape[2]]
    return x


KINDS = ["plain", "transposed", "channels apart", "steps apart", "part of rows"]


@settings(max_examples=60)
@given(
    layers(),
    st.integers(0, 99),
    st.sampled_from(KINDS),
    st.sampled_from(KINDS[:2]),
    st.booleans(),
    st.booleans(),
    st.tuples(st.booleans(), st.booleans(), st.booleans()).filter(lambda taken: any(taken[:2])),
)
def test_dense(problem, seed, kind, state_kind, with_hx, x_needs_grad, weigh):
    cell, options, dtype, (T, N, C, H) = problem
    layer, own = pair(cell, C, H, dtype=dtype, seed=seed, **options)
    shape = (N, T, C) if layer.batch_first else (T, N, C)
    x = strided(normal(*shape, seed=seed, dtype=dtype), kind).requires_grad_(x_needs_grad)
    hx = None
    if with_hx:
        hx = states(layer, N, seed=seed, dtype=dtype)
        parts = hx if isinstance(hx, tuple) else (hx,)
        parts = tuple(strided(part, state_kind).requires_grad_() for part in parts)
        hx = parts if isinstance(hx, tuple) else parts[0]
    expected = outcome(own, x, hx, weigh=weigh)
    assert_same(outcome(layer, x, hx, weigh=weigh), expected, dtype)
    with torch.no_grad():
        assert_same(tensors(layer(x, hx)), tensors(own(x, hx)), dtype)


def by_packing(own, x, hx, lengths):
    """torch.nn's own layer on the same rows, packed."""
    packed = pack_padded_sequence(
        x, torch.as_tensor(lengths), own.batch_first, enforce_sorted=False
    )
    output, final = own(packed, hx)
    time = 1 if own.batch_first else 0
    padded, _ = pad_packed_sequence(output, own.batch_first, total_length=x.shape[time])
    return padded, final


class ByPacking(torch.nn.Module):
    """torch.nn's layer as one that takes `lengths`."""

    def __init__(self, own):
        super().__init__()
        self.own = own

    def forward(self, x, hx, lengths):
        return by_packing(self.own, x, hx, lengths)


@settings(max_examples=60)
@given(layers(), st.integers(0, 99), st.booleans(), st.sampled_from(KINDS), st.data())
def test_ragged(problem, seed, with_hx, kind, data):
    cell, options, dtype, (T, N, C, H) = problem
    layer, own = pair(cell, C, H, dtype=dtype, seed=seed, **options)
    lengths = data.draw(st.lists(st.integers(1, T), min_size=N, max_size=N))
    x = normal(T, N, C, seed=seed, dtype=dtype)
    padding = torch.arange(T)[:, None, None] >= torch.tensor(lengths)[:, None]
    hx = states(layer, N, seed=seed, dtype=dtype) if with_hx else None
    for part in hx if isinstance(hx, tuple) else () if hx is None else (hx,):
        part.requires_grad_()

    def leaf(fill):
        filled = x.masked_fill(padding, fill)
        filled = filled.transpose(0, 1).contiguous() if layer.batch_first else filled
        return strided(filled, kind).requires_grad_()

    expected = outcome(ByPacking(own), leaf(0.0), hx, lengths=lengths)
    actual = outcome(layer, leaf(torch.nan), hx, lengths=lengths)
    assert_same(actual, expected, dtype)


@settings(max_examples=60)
@given(layers(), st.integers(0, 99), st.booleans(), st.booleans(), st.data())
def test_packed(problem, seed, is_sorted, with_hx, data):
    cell, options, dtype, (T, N, C, H) = problem
    layer, own = pair(cell, C, H, dtype=dtype, seed=seed, **options)
    lengths = data.draw(st.lists(st.integers(1, T), min_size=N, max_size=N))
    lengths = sorted(lengths, reverse=True) if is_sorted else lengths
    hx = states(layer, N, seed=seed, dtype=dtype) if with_hx else None
    x = normal(T, N, C, seed=seed, dtype=dtype)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=is_sorted)
    packed = packed._replace(data=packed.data.detach().requires_grad_())
    output, _ = layer(packed, hx)
    expected, _ = own(packed, hx)
    assert type(output) is type(expected)
    for ours, theirs in zip(output[1:], expected[1:], strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or torch.equal(ours, theirs)
    assert_same(outcome(layer, packed, hx), outcome(own, packed, hx), dtype)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("with_hx", [False, True])
def test_unbatched(cell, batch_first, with_hx):
    layer, own = pair(cell, 3, 4, 2, bidirectional=True, batch_first=batch_first)
    x = normal(5, 3).requires_grad_()
    hx = states(layer, None) if with_hx else None
    assert [t.shape for t in tensors(layer(x, hx))] == [t.shape for t in tensors(own(x, hx))]
    assert_same(outcome(layer, x, hx), outcome(own, x, hx))


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_dropout_draws_torch_s_own_random_numbers(cell, bidirectional, batch_first, dtype):
    options = {"dropout": 0.4, "bidirectional": bidirectional, "batch_first": batch_first}
    layer, own = pair(cell, 3, 5, 3, dtype=dtype, **options)
    x = normal(4, 6, 3, dtype=dtype).requires_grad_()
    N, T = (4, 6) if batch_first else (6, 4)
    lengths = torch.tensor([2, 3, 1, 3, 2, 1][:N])
    inputs = [x]
    for is_sorted in (False, True):
        counts = torch.sort(lengths, descending=True).values if is_sorted else lengths
        inputs.append(pack_padded_sequence(x, counts, batch_first, enforce_sorted=is_sorted))
    for input in inputs:
        outcomes = []
        for module in (layer, own):
            torch.manual_seed(3)
            results = tensors(module(input))
            grads = torch.autograd.grad(
                results[0].square().sum(), [x, *module.parameters()], retain_graph=True
            )
            outcomes.append([*results, *grads, torch.rand(1)])
        assert_same(*outcomes, dtype)
    for counts in (lengths, torch.full((N,), T)):
        torch.manual_seed(3)
        ours = [*tensors(layer(x, lengths=counts)), torch.rand(1)]
        torch.manual_seed(3)
        packed = tensors(by_packing(own, x, None, counts) if counts is lengths else own(x))
        assert_same(ours, [*packed, torch.rand(1)], dtype)
    layer.eval()
    state = torch.get_rng_state()
    layer(x)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("cell", CELLS)
def test_only_the_gradients_that_are_needed(cell):
    layer, own = pair(cell, 3, 4, 2)
    x = normal(5, 2, 3)
    for frozen in (["weight_ih_l0"], ["bias_hh_l1", "weight_hh_l1"], list(layer.state_dict())):
        for module in (layer, own):
            for name, parameter in module.named_parameters():
                parameter.requires_grad_(name not in frozen)
        if len(frozen) == len(layer.state_dict()):
            assert not layer(x)[0].requires_grad
            hx = states(layer, 2)
            for part in hx if isinstance(hx, tuple) else (hx,):
                part.requires_grad_()
            assert_same(outcome(layer, x, hx), outcome(own, x, hx))
        else:
            assert_same(outcome(layer, x), outcome(own, x))


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_any_strides_and_absent_ones(cell):
    layer, own = pair(cell, 3, 4, batch_first=True, bidirectional=True)
    x = normal(2, 5, 3).requires_grad_()

    def gradients(module):
        output, final = module(x)
        h_n = final[0] if isinstance(final, tuple) else final
        losses = [
            output.sum(),  # an expanded number
            output[:, -1].square().sum(),
            output.transpose(1, 2).contiguous().square().sum(),
            h_n.sum(),
            h_n.transpose(0, 1).reshape(2, -1).square().sum(),
        ]
        leaves = [x, *module.parameters()]
        negated = torch._neg_view(output.detach() + 1)
        assert negated.is_neg()
        return [
            *torch.autograd.grad(output, leaves, negated, retain_graph=True),
            *(
                grad
                for loss in losses
                for grad in torch.autograd.grad(loss, leaves, retain_graph=True)
            ),
        ]

    assert_same(gradients(layer), gradients(own))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_a_row_s_bits_do_not_depend_on_its_neighbours(cell, batch_first):
    layer, _ = pair(cell, 7, 9, 2, bidirectional=True, dtype=torch.float32, batch_first=batch_first)
    x = normal(5, 6, 7, dtype=torch.float32)
    x = x.transpose(0, 1).contiguous() if batch_first else x
    together = layer(x, lengths=[5, 1, 4, 2, 5, 3])[0]
    alone = layer(x[3:4, :2] if batch_first else x[:2, 3:4])[0]
    rows = together[3:4, :2] if batch_first else together[:2, 3:4]
    assert torch.equal(rows, alone)


def test_memory_layout_of_outputs():
    layer, own = pair("GRU", 3, 4, batch_first=True)
    assert layer(normal(2, 5, 3))[0].is_contiguous()
    layer, own = pair("LSTM", 3, 4, 2)
    for ours, theirs in zip(
        tensors(layer(normal(5, 2, 3))), tensors(own(normal(5, 2, 3))), strict=True
    ):
        assert ours.stride() == theirs.stride()


@pytest.mark.parametrize("cell", CELLS)
def test_lengths_of_numpy_do_not_share_memory_with_the_graph(cell):
    layer, _ = pair(cell, 3, 4)
    x = normal(5, 2, 3)
    lengths = np.array([2, 5])
    output, _ = layer(x, lengths=lengths)
    expected = torch.autograd.grad(output.sum(), layer.weight_ih_l0, retain_graph=True)
    lengths[:] = 1
    assert torch.equal(torch.autograd.grad(output.sum(), layer.weight_ih_l0)[0], expected[0])
