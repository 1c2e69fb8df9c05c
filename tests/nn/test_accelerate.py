"""accelerate and decelerate: the same model on other kernels; explain and require_fused."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from layer_problems import CELLS, assert_same, normal, pair, tensors
from torch.nn.utils import parametrizations, parametrize, prune

from unrolled import nn
from unrolled.kernels import engine
from unrolled.nn import fallback


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, 4, 2, bidirectional=True, dropout=0.2)
        self.cell = torch.nn.GRUCell(8, 5)


class OwnGRU(torch.nn.GRU):
    def forward(self, input, hx=None):
        output, final = super().forward(input, hx)
        return -output, final


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.layers = torch.nn.ModuleList([torch.nn.RNN(8, 6), torch.nn.GRU(6, 6)])
        self.again = self.layers[1]
        self.own = OwnGRU(6, 6)

    def forward(self, x):
        x, _ = self.inner.lstm(x)
        for layer in (*self.layers, self.again, self.own):
            x, _ = layer(x)
        return x


X = normal(5, 2, 3, dtype=torch.float32)


def model():
    torch.manual_seed(0)
    return Model()


def test_every_layer_inside_a_model_and_back():
    original = model()
    changed = model().eval()
    parameters = list(changed.parameters())
    optimizer = torch.optim.SGD(changed.parameters(), lr=0.1)
    assert nn.accelerate(changed) is changed
    assert [type(m) for m in (changed.inner.lstm, *changed.layers)] == [nn.LSTM, nn.RNN, nn.GRU]
    assert changed.again is changed.layers[1]
    assert type(changed.own) is OwnGRU
    assert type(changed.inner.cell) is torch.nn.GRUCell
    assert all(new is old for new, old in zip(changed.parameters(), parameters, strict=True))
    assert list(changed.state_dict()) == list(original.state_dict())
    assert not any(module.training for module in changed.modules())
    original.load_state_dict(changed.state_dict())
    assert_same([changed(X)], [original.eval()(X)], torch.float32)

    for module in (changed, original):
        module(X).square().sum().backward()
    optimizer.step()
    torch.optim.SGD(original.parameters(), lr=0.1).step()
    assert_same([changed(X)], [original(X)], torch.float32)

    assert nn.decelerate(changed) is changed
    assert [type(m) for m in changed.modules()] == [type(m) for m in original.modules()]
    assert torch.equal(changed(X), changed(X))
    assert nn.accelerate(nn.accelerate(changed)) is changed


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_by_itself_or_a_copy_of_it(cell):
    _, own = pair(cell, 3, 4)
    changed = nn.accelerate(own, inplace=False)
    assert type(own) is getattr(torch.nn, cell)
    assert type(changed) is getattr(nn, cell)
    assert changed.weight_ih_l0 is not own.weight_ih_l0
    assert type(nn.decelerate(changed, inplace=False)) is type(own)
    assert type(changed) is getattr(nn, cell)
    assert nn.accelerate(own) is own
    assert type(own) is getattr(nn, cell)


def test_hooks_and_parametrizations_stay():
    calls = []
    for change in (
        lambda gru: gru.register_forward_hook(lambda module, args, output: calls.append(output[0])),
        lambda gru: parametrizations.weight_norm(gru, "weight_hh_l0"),
        lambda gru: prune.random_unstructured(gru, "weight_ih_l0", amount=0.5),
    ):
        own, changed = torch.nn.GRU(3, 4), torch.nn.GRU(3, 4)
        for module in (own, changed):
            torch.manual_seed(1)
            module.reset_parameters()
            change(module)
        expected = tensors(own(X))
        assert nn.accelerate(changed) is changed
        with nn.require_fused():
            assert_same(tensors(changed(X)), expected, torch.float32)
        assert isinstance(changed, nn.GRU)
        assert list(changed.state_dict()) == list(own.state_dict())
        assert not isinstance(own, nn.GRU)
        back = nn.decelerate(changed)
        assert not isinstance(back, nn.GRU)
        assert_same(tensors(back(X)), expected, torch.float32)
        if parametrize.is_parametrized(nn.accelerate(back)):
            parametrize.remove_parametrizations(back, "weight_hh_l0")
            assert type(back) is nn.GRU
            assert_same(tensors(back(X)), expected, torch.float32)
    assert len(calls) == 3


def test_an_accelerated_model_is_saved_and_loaded():
    changed = nn.accelerate(model()).eval()
    file = io.BytesIO()
    torch.save(changed, file)
    file.seek(0)
    for loaded in (
        pickle.loads(pickle.dumps(changed)),  # noqa: S301
        torch.load(file, weights_only=False),
        copy.deepcopy(changed),
    ):
        assert type(loaded.inner.lstm) is nn.LSTM
        assert torch.equal(loaded(X), changed(X))
    plain = model().eval()
    plain.load_state_dict(changed.state_dict())
    assert_same([plain(X)], [changed(X)], torch.float32)


@pytest.mark.parametrize("function", [nn.accelerate, nn.decelerate, nn.explain])
def test_what_is_no_module_is_an_error(function):
    with pytest.raises(TypeError, match=r"^module is dict, but must be a torch\.nn\.Module\.$"):
        function({})


def test_explain_names_each_layer_its_path_and_why():
    changed = nn.accelerate(model())
    changed.late = torch.nn.GRU(3, 4)
    changed.half = nn.RNN(3, 4, dtype=torch.bfloat16)
    told = nn.explain(changed)
    rows = {row.name: row for row in told}
    assert {name: row.path for name, row in rows.items()} == {
        "inner.lstm": "fused",
        "inner.cell": "torch",
        "layers.0": "fused",
        "layers.1": "fused",
        "own": "torch",
        "late": "torch",
        "half": "torch",
    }
    assert rows["inner.lstm"].layer.startswith("LSTM(3, 4, num_layers=2, dropout=0.2, bid")
    assert rows["inner.lstm"].simd == engine.COMPILED.simd()
    assert rows["inner.lstm"].reason == ""
    assert rows["inner.cell"].reason == "a cell takes one step per call"
    assert rows["own"].reason == ("OwnGRU is a subclass of torch.nn.GRU, which is left as it is")
    assert rows["late"].reason == "it is torch.nn's; unrolled.nn.accelerate(model) changes that"
    assert rows["half"].reason == "a tensor is bfloat16, not float32 or float64"
    assert not told.all_fused
    assert nn.explain(changed.layers).all_fused
    text = str(told)
    for row in told:
        assert row.name in text
        assert row.reason in text
    assert len(text.splitlines()) == 2 + len(told)
    assert repr(nn.explain(torch.nn.Linear(1, 1))) == "no recurrent layer"


def test_explain_tells_the_threads_for_a_size(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    layer = nn.LSTM(64, 256)
    (large,) = nn.explain(layer)
    assert (large.forward_threads, large.backward_threads) == (2, 2)
    assert "1 steps of a batch of 1" in str(nn.explain(layer, batch_size=1, num_steps=1))
    (small,) = nn.explain(nn.RNN(1, 2), batch_size=1, num_steps=1)
    assert (small.forward_threads, small.backward_threads) == (1, 1)
    with pytest.raises(ValueError, match=r"^batch_size is 0, but must be at least 1\.$"):
        nn.explain(layer, batch_size=0)


class Marked(torch.Tensor):
    pass


REASONS = [
    ("autocast", "autocast is on for the CPU"),
    ("transform", "a transform of torch.func is active"),
    ("dtype", "a tensor is bfloat16, not float32 or float64"),
    ("device", "a tensor is on the device meta"),
    ("subclass", "a tensor is of the type Marked"),
    ("missing", "the compiled kernels were not built for this Python"),
]


@pytest.mark.parametrize(("situation", "reason"), REASONS, ids=[name for name, _ in REASONS])
def test_a_fallback_is_an_error_where_that_is_required(situation, reason, monkeypatch):
    layer, x = nn.GRU(3, 4), X
    if situation == "missing":
        monkeypatch.setattr(engine, "COMPILED", None)
        monkeypatch.setattr(engine, "why_not", "were not built for this Python")
    elif situation == "dtype":
        layer, x = layer.bfloat16(), x.bfloat16()
    elif situation == "device":
        layer, x = layer.to("meta"), x.to("meta")
    elif situation == "subclass":
        layer.bias_ih_l0 = torch.nn.Parameter(layer.bias_ih_l0.detach().as_subclass(Marked))

    def run():
        if situation == "autocast":
            with torch.autocast("cpu"):
                return layer(x), nn.explain(layer)
        if situation == "transform":
            told = []
            torch.func.vmap(lambda x: told.append(nn.explain(layer)) or layer(x)[0])(x[None])
            return None, told[0]
        return layer(x), nn.explain(layer)

    _, (row,) = run()
    assert row.reason == reason
    sentence = (
        r"^GRU\(3, 4\) would run on torch's own path, which require_fused\(\) forbids, because "
        f"{reason}"
    )
    with nn.require_fused(), pytest.raises(RuntimeError, match=sentence):
        run()
    run()


def test_require_fused_nests_and_is_turned_off():
    assert not fallback.is_required()
    nn.require_fused()
    assert fallback.is_required()
    with nn.require_fused(False):
        assert not fallback.is_required()
        with nn.require_fused():
            assert fallback.is_required()
        assert not fallback.is_required()
    assert fallback.is_required()
    nn.require_fused(False)
    assert not fallback.is_required()
