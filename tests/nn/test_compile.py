"""torch.compile and torch.export: one operator for a layer, no graph break, any batch and time."""

from __future__ import annotations

import pytest
import torch
from layer_problems import assert_same, normal, outcome, pair, states, tensors

from unrolled import nn
from unrolled.nn import dynamo

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch's own, of itself
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def operators(program):
    return [str(node.target) for node in program.graph.nodes if "unrolled" in str(node.target)]


class Model(torch.nn.Module):
    """A recurrent layer among others."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, lengths=None):
        output, final = self.layer(2 * x, lengths=lengths)
        return output.tanh(), final


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
        ("GRU", {"bias": False}),
    ],
)
def test_compiled_model_trains_without_a_graph_break(cell, options):
    layer, own = pair(cell, 3, 4, **options)
    torch._dynamo.reset()
    compiled = torch.compile(Model(layer), fullgraph=True, dynamic=True, backend="aot_eager")
    with nn.require_fused():
        for shape in ((5, 4, 3), (7, 6, 3)):
            x = normal(*shape).requires_grad_()
            expected = outcome(own, 2 * x.detach())[1 + (cell == "LSTM") + 1 :]
            results = tensors(compiled(x))
            assert_same(results[1:], tensors(own(2 * x))[1:])
            # The same loss as `outcome`, of what follows the layer.
            inverse = [torch.atanh(results[0]), *results[1:]]
            loss = sum(
                (normal(*value.shape, seed=9 + k) * value).sum() for k, value in enumerate(inverse)
            )
            assert_same(torch.autograd.grad(loss, list(layer.parameters())), expected)
            batch = shape[0] if layer.batch_first else shape[1]
            lengths = torch.arange(batch) % 4 + 1
            with torch.no_grad():
                ragged, _ = compiled(x, lengths)
                assert_same([ragged], [layer(2 * x, lengths=lengths)[0].tanh()])
        with pytest.raises(ValueError, match=r"^lengths\[1\] is 9, but must be from 1 to"):
            compiled(x, torch.full((batch,), 1).index_fill(0, torch.tensor(1), 9))


def test_inductor_takes_initial_states():
    layer, own = pair("LSTM", 3, 4, proj_size=2)
    torch._dynamo.reset()
    compiled = torch.compile(layer, fullgraph=True)
    x, hx = normal(5, 2, 3).requires_grad_(), states(layer, 2)
    for part in hx:
        part.requires_grad_()
    assert_same(outcome(compiled, x, hx), outcome(own, x, hx))


def test_torch_s_own_layers_break_the_graph_as_ever():
    torch._dynamo.reset()
    compiled = torch.compile(torch.nn.GRU(3, 4), fullgraph=True, backend="eager")
    with pytest.raises(torch._dynamo.exc.Unsupported, match="RNN, GRU, or LSTM"):
        compiled(torch.ones(5, 2, 3))
    assert torch._dynamo.config.allow_rnn is False


@pytest.mark.parametrize("strict", [False, True])
def test_export_with_dynamic_batch_and_time(strict):
    layer, _ = pair("GRU", 3, 4, 2, bidirectional=True, batch_first=True)
    sizes = {0: torch.export.Dim("batch", min=1, max=64), 1: torch.export.Dim("time", max=99)}
    lengths = {0: sizes[0]}
    program = torch.export.export(
        Model(layer),
        (normal(2, 5, 3), torch.tensor([5, 2])),
        dynamic_shapes={"x": sizes, "lengths": lengths},
        strict=strict,
    )
    assert operators(program) == ["unrolled.layer.default"] * 2
    counts = torch.tensor([1, 7, 3])
    x = normal(3, 7, 3)
    expected = [layer(2 * x, lengths=counts)[0].tanh()]
    assert_same([program.module()(x, counts)[0]], expected)
    lowered = program.run_decompositions()
    assert operators(lowered) == ["unrolled.layer.default"] * 2
    assert_same([lowered.module()(x, counts)[0]], expected)
    module = program.module()
    module(x, counts)[0].sum().backward()
    layer(2 * x, lengths=counts)[0].tanh().sum().backward()
    trained = {name.removeprefix("layer."): p.grad for name, p in module.named_parameters()}
    assert_same(
        [trained[name] for name, _ in layer.named_parameters()],
        [parameter.grad for parameter in layer.parameters()],
    )


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, of its own layer
def test_onnx_gets_torch_s_own_operations(monkeypatch):
    monkeypatch.setattr(torch.onnx, "is_in_onnx_export", lambda: True)
    program = torch.export.export(pair("GRU", 3, 4)[0], (normal(5, 2, 3),), strict=False)
    assert operators(program) == []


def test_operators_keep_their_promises():
    layer, _ = pair("LSTM", 3, 4, proj_size=2, bidirectional=True, batch_first=True)
    h0, c0 = states(layer, 2)
    sizes = [3, 3, 4, 2, 2, 1, 1]
    tensors_in = [value.detach().clone().requires_grad_() for value in (normal(2, 5, 3), h0, c0)]
    x, h0, c0 = tensors_in
    weights = list(layer.parameters())
    for lengths in (None, torch.tensor([5, 2])):
        arguments = (x, lengths, h0, c0, weights, sizes, True, False)
        torch.library.opcheck(torch.ops.unrolled.layer.default, arguments)


def test_the_way_into_dynamo_when_it_is_there_already(monkeypatch):
    import torch._dynamo.variables.builder as builder

    class Own(torch.nn.GRU):
        pass

    torch._dynamo.reset()
    monkeypatch.setattr(builder.VariableBuilder, "wrap_module", builder.VariableBuilder.wrap_module)
    dynamo.let_in((Own,))
    own = Own(3, 4)
    x = torch.ones(5, 2, 3)
    assert_same(
        [torch.compile(own, fullgraph=True, backend="eager")(x)[0]], [own(x)[0]], torch.float32
    )


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_transforms_of_torch_func_are_compiled(backend):
    layer, x = nn.GRU(3, 4), torch.randn(5, 2, 3)
    parameters = dict(layer.named_parameters())

    def loss(parameters, x):
        return torch.func.functional_call(layer, parameters, (x,))[0].square().sum()

    def of_rows(xs):
        return torch.func.vmap(lambda x: layer(x)[0])(xs)

    expected = torch.func.grad(loss)(parameters, x)
    found = torch.compile(torch.func.grad(loss), backend=backend)(parameters, x)
    assert_same([found[name] for name in expected], list(expected.values()), torch.float32)
    xs = torch.randn(6, 5, 2, 3)
    assert_same([torch.compile(of_rows, backend=backend)(xs)], [of_rows(xs)], torch.float32)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_unbatched_input_of_a_length_is_compiled(kind, batch_first):
    layer, x = kind(3, 4, bidirectional=True, batch_first=batch_first), torch.randn(5, 3)
    h0 = torch.randn(2, 4)
    hx = (h0, torch.randn(2, 4)) if kind is nn.LSTM else h0
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    assert_same(
        outcome(compiled, x, hx, lengths=3), outcome(layer, x, hx, lengths=3), torch.float32
    )
    assert_same(outcome(compiled, x, lengths=4), outcome(layer, x, lengths=4), torch.float32)
