"""torch.nn's layers in everything but speed: errors, copies, other types, threads, processes."""

from __future__ import annotations

import copy
import io
import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from layer_problems import CELLS, assert_same, normal, outcome, pair, tensors
from torch.func import functional_call
from torch.nn.utils import parametrizations, prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from unrolled import nn

X = normal(5, 2, 3)


def bad_calls():
    """(what is wrong, the arguments)."""
    h = normal(1, 2, 4)
    yield "channels", (normal(5, 2, 4),)
    yield "axes", (normal(5, 2, 3, 1),)
    yield "one axis", (normal(5),)
    yield "no step", (normal(0, 2, 3),)
    yield "dtype", (X.float(),)
    yield "integers", (X.long(),)
    yield "half", (X.half(),)
    yield "rows of hx", (X, normal(1, 3, 4))
    yield "units of hx", (X, normal(1, 2, 5))
    yield "layers of hx", (X, normal(2, 2, 4))
    yield "axes of hx", (X, normal(2, 4))
    yield "unbatched with batched hx", (X[:, 0], h)
    yield "dtype of hx", (X, h.float())
    yield "packed channels", (pack_padded_sequence(normal(5, 2, 4), [5, 3]),)
    yield "packed rows of hx", (pack_padded_sequence(X, [5, 3]), normal(1, 3, 4))
    yield "packed axes", (PackedSequence(normal(8, 3, 1), torch.tensor([2, 2, 2, 1, 1])),)
    yield "packed rising", (PackedSequence(normal(8, 3), torch.tensor([2, 3, 3])),)


BAD = list(bad_calls())


@pytest.mark.parametrize("arguments", [a for _, a in BAD], ids=[name for name, _ in BAD])
@pytest.mark.parametrize("cell", CELLS)
def test_errors_are_torch_s(cell, arguments):
    layer, own = pair(cell, 3, 4)
    x, *hx = arguments
    if hx and cell == "LSTM":
        hx = [(hx[0], hx[0])]
    with pytest.raises((RuntimeError, ValueError)) as theirs:
        own(x, *hx)
    with pytest.raises(theirs.type) as ours:
        layer(x, *hx)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("hx", ["h", [1, 2], (X,), (None, None)])
def test_hx_of_another_type_is_torch_s_error(hx):
    layer, own = pair("LSTM", 3, 4)
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        own(X, hx)
    with pytest.raises(theirs.type) as ours:
        layer(X, hx)
    assert str(ours.value) == str(theirs.value)


def test_parameters_of_wrong_shapes_and_types_never_reach_the_kernels():
    for name, value in {
        "weight_hh_l0": normal(12, 5),
        "weight_ih_l0": normal(11, 3),
        "bias_ih_l0": normal(13),
        "bias_hh_l0": normal(12).float(),
    }.items():
        layer, own = pair("GRU", 3, 4)
        for module in (layer, own):
            setattr(module, name, torch.nn.Parameter(value))
        with pytest.raises(RuntimeError) as theirs:
            own(X)
        with pytest.raises(RuntimeError) as ours:
            layer(X)
        assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("cell", CELLS)
def test_packed_rows_put_together_by_hand(cell):
    layer, own = pair(cell, 3, 4)
    rows, sizes, order = normal(6, 3), torch.tensor([3, 2, 1]), torch.tensor([1, 2, 0])
    for packed in (
        PackedSequence(rows, sizes, order),
        PackedSequence(rows, sizes, order, order),  # not each other's inverse
        PackedSequence(rows, sizes, unsorted_indices=order),
        PackedSequence(normal(9, 3), sizes),  # more rows than sizes tell of
    ):
        assert_same(tensors(layer(packed)), tensors(own(packed)))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_empty_batches(cell, batch_first):
    layer, own = pair(cell, 3, 4, 2, bidirectional=True, batch_first=batch_first)
    x = normal(*((0, 5) if batch_first else (5, 0)), 3).requires_grad_()
    with nn.require_fused():
        assert_same(outcome(layer, x), outcome(own, x))
        assert_same(outcome(layer, x, lengths=torch.zeros(0, dtype=int)), outcome(own, x))


@pytest.mark.parametrize("cell", CELLS)
def test_copies_of_every_kind(cell):
    layer, own = pair(cell, 3, 4, 2, dropout=0.5, bidirectional=True)
    layer(X)  # whatever a call may leave behind
    whole, again = io.BytesIO(), io.BytesIO()
    torch.save(layer, whole)
    torch.save(layer.state_dict(), again)
    loaded, weights = (
        torch.load(io.BytesIO(whole.getvalue()), weights_only=False),
        torch.load(io.BytesIO(again.getvalue())),
    )
    fresh, _ = pair(cell, 3, 4, 2, seed=1, dropout=0.5, bidirectional=True)
    fresh.load_state_dict(weights)
    own.load_state_dict(weights)
    expected = tensors(own.eval()(X))
    for copied in (
        copy.copy(layer),
        copy.deepcopy(layer),
        pickle.loads(pickle.dumps(layer)),  # noqa: S301
        loaded,
    ):
        assert type(copied) is type(layer)
        assert repr(copied) == repr(layer)
        assert_same(tensors(copied.eval()(X)), expected)
    assert_same(tensors(fresh.eval()(X)), expected)


@pytest.mark.parametrize("cell", CELLS)
def test_weights_are_read_at_each_call(cell):
    layer, own = pair(cell, 3, 4)
    other, _ = pair(cell, 3, 4, seed=1)
    with nn.require_fused():
        first = layer(X)[0]
        assert_same(
            [functional_call(layer, dict(other.named_parameters()), (X,))[0]], [other(X)[0]]
        )
        assert torch.equal(layer(X)[0], first)
        for module in (layer, own):
            with torch.no_grad():
                module.weight_hh_l0.mul_(2)
                module.weight_ih_l0.data = module.weight_ih_l0.data.t().contiguous().t() + 1
            module.bias_hh_l0 = torch.nn.Parameter(normal(*module.bias_hh_l0.shape, seed=7))
        assert not layer.weight_ih_l0.is_contiguous()
        x = X.clone().requires_grad_()
        assert_same(outcome(layer, x), outcome(own, x))
    layer.float(), own.float()
    assert_same(outcome(layer, X.float()), outcome(own, X.float()), torch.float32)


@pytest.mark.parametrize("cell", CELLS)
def test_weights_that_are_computed(cell):
    for change in (
        lambda module: parametrizations.weight_norm(module, "weight_hh_l0"),
        lambda module: parametrizations.orthogonal(module, "weight_hh_l0"),
        lambda module: prune.l1_unstructured(module, "weight_ih_l0", amount=0.4),
    ):
        layer, own = pair(cell, 3, 4)
        for module in (layer, own):
            torch.manual_seed(0)
            change(module)
        with nn.require_fused():
            assert_same(outcome(layer, X), outcome(own, X))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_torch_s_path_elsewhere():
    for dtype in (torch.bfloat16, torch.float16):
        layer, own = pair("GRU", 3, 4, dtype=dtype)
        x = X.to(dtype)
        assert torch.equal(layer(x)[0], own(x)[0])
    layer, own = pair("GRU", 3, 4, dtype=torch.float32)
    x = X.float()
    with torch.autocast("cpu"):
        assert layer(x)[0].dtype == own(x)[0].dtype
        assert torch.equal(layer(x)[0], own(x)[0])
        assert torch.equal(layer(x, lengths=[5, 2])[0][:, 0], layer(x[:, :1])[0][:, 0])
    assert layer.to("meta")(x.to("meta"))[0].is_meta
    own = torch.ao.quantization.quantize_dynamic(
        torch.nn.Sequential(nn.decelerate(pair("LSTM", 3, 4, dtype=torch.float32)[0]))
    )
    assert nn.explain(own)[0].reason == "it is quantised"


@pytest.mark.parametrize("cell", CELLS)
def test_a_default_device_or_dtype_changes_nothing(cell):
    layer, own = pair(cell, 3, 4)
    packed = pack_padded_sequence(X, [3, 5], enforce_sorted=False)
    with torch.device("meta"):
        output, _ = layer(X, lengths=[5, 2])
        found = tensors(layer(packed))
        by_transform = torch.func.vmap(lambda x: layer(x, lengths=[5, 2])[0])(X[None])
    assert output.device.type == "cpu"
    assert_same(found, tensors(own(packed)))
    assert_same(by_transform, [output])
    assert_same([output[:, 0]], [own(X)[0][:, 0]])


@pytest.mark.parametrize("cell", CELLS)
def test_several_python_threads_at_once(cell):
    layer, own = pair(cell, 3, 8, 2, bidirectional=True)
    inputs = [normal(6, 3, 3, seed=seed) for seed in range(8)]

    def step(x):
        results = tensors(layer(x))
        return [*results, *torch.autograd.grad(results[0].square().sum(), list(layer.parameters()))]

    expected = [step(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for actual, alone in zip(pool.map(step, inputs), expected, strict=True):
                assert all(map(torch.equal, actual, alone))
    assert_same([expected[0][0]], [own(inputs[0])[0]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_after_fork():
    layer, _ = pair("GRU", 3, 8)
    x = normal(6, 3, 3)
    expected = layer(x)[0].detach()
    child = os.fork()
    if child == 0:
        with torch.no_grad():
            same = torch.equal(layer(x)[0], expected)
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert torch.equal(layer(x)[0], expected)
