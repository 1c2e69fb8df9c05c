"""Autograd around the kernels: gradients of gradients, in-place changes, transforms."""

from __future__ import annotations

import pytest
import torch
from layer_problems import CELLS, assert_same, normal, pair, states, tensors
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence

from unrolled import nn

OPTIONS = [
    ("RNN", {"nonlinearity": "tanh", "bidirectional": True}),
    ("RNN", {"nonlinearity": "relu", "bias": False}),
    ("GRU", {"num_layers": 2}),
    ("GRU", {"bidirectional": True, "batch_first": True}),
    ("LSTM", {"bidirectional": True}),
    ("LSTM", {"proj_size": 1, "batch_first": True}),
]
IDS = [f"{cell} {options}" for cell, options in OPTIONS]
LENGTHS = [2, 3]


def as_function(layer, lengths):
    """(function of all tensors that enter the layer, those tensors)."""
    shape = (2, 3, 2) if layer.batch_first else (3, 2, 2)
    hx = states(layer, 2)
    parts = hx if isinstance(hx, tuple) else (hx,)
    names = [name for name, _ in layer.named_parameters()]

    def function(x, *rest):
        hx, parameters = rest[: len(parts)], dict(zip(names, rest[len(parts) :], strict=True))
        arguments = (x, hx if len(hx) == 2 else hx[0], lengths)
        return tuple(tensors(functional_call(layer, parameters, arguments)))

    leaves = [value.detach() for value in (normal(*shape), *parts, *layer.parameters())]
    return function, [leaf.clone().requires_grad_() for leaf in leaves]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["dense", "ragged"])
@pytest.mark.parametrize(("cell", "options"), OPTIONS, ids=IDS)
def test_gradcheck_and_gradgradcheck(cell, options, lengths):
    layer, _ = pair(cell, 2, 2, seed=4, **options)
    function, leaves = as_function(layer, lengths)
    with nn.require_fused():
        assert torch.autograd.gradcheck(function, leaves)
        assert torch.autograd.gradgradcheck(function, leaves, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_gradient_penalty_is_torch_s(cell, dtype):
    layer, own = pair(cell, 3, 4, 2, dtype=dtype, bidirectional=True)
    x = normal(5, 2, 3, dtype=dtype).requires_grad_()

    def penalty(module):
        module.zero_grad()
        output, _ = module(x)
        (slope,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        slope.norm().backward()
        return [slope.detach(), *(p.grad for p in module.parameters())]

    with nn.require_fused():
        assert_same(penalty(layer), penalty(own), dtype)


@pytest.mark.parametrize("cell", CELLS)
def test_a_tensor_that_enters_twice(cell):
    """x is also h0, and both directions have the same weights."""
    layer, own = pair(cell, 4, 4, bidirectional=True)
    for module in (layer, own):
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            setattr(module, f"{name}_reverse", getattr(module, name))
    x = normal(2, 2, 4).requires_grad_()

    def gradients(module):
        output, _ = module(x, (x, x) if cell == "LSTM" else x)
        leaves = [x, *module.parameters()]
        first = torch.autograd.grad(output.square().sum(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(grad.square().sum() for grad in first), leaves)
        return [*(grad.detach() for grad in first), *second]

    assert_same(gradients(layer), gradients(own))


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_may_be_changed_in_place(cell):
    layer, own = pair(cell, 3, 4, 2, batch_first=True)
    x = normal(2, 5, 3).requires_grad_()

    def gradients(module):
        output, *final = tensors(module(x))
        output.mul_(2).relu_()
        for part in final:
            part.add_(1).square_()
        loss = output.sum() + sum(part.sum() for part in final)
        return torch.autograd.grad(loss, [x, *module.parameters()])

    def out_of_place(module):
        output, *final = tensors(module(x))
        loss = (output * 2).relu().sum() + sum((part + 1).square().sum() for part in final)
        return torch.autograd.grad(loss, [x, *module.parameters()])

    assert_same(gradients(layer), out_of_place(own))


@pytest.mark.parametrize("changed", ["x", "weight_hh_l0", "h0"])
@pytest.mark.parametrize("cell", CELLS)
def test_what_backward_needs_may_not_be_changed_in_place(cell, changed):
    layer, _ = pair(cell, 3, 4)
    x, hx = normal(5, 2, 3), states(layer, 2)
    output, _ = layer(x, hx)
    parts = {"x": x, "h0": hx[0] if cell == "LSTM" else hx, "weight_hh_l0": layer.weight_hh_l0}
    with torch.no_grad():
        parts[changed].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@pytest.mark.parametrize("cell", CELLS)
def test_backward_twice_gives_the_same_bits_and_not_a_third_time(cell):
    layer, _ = pair(cell, 3, 4, dtype=torch.float32)
    output, _ = layer(normal(5, 2, 3, dtype=torch.float32), lengths=[2, 5])
    leaves = list(layer.parameters())
    first = torch.autograd.grad(output.sum(), leaves, retain_graph=True)
    again = torch.autograd.grad(output.sum(), leaves)
    assert all(map(torch.equal, first, again))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(output.sum(), leaves)


@pytest.mark.parametrize("cell", CELLS)
def test_saved_tensors_hooks_and_checkpointing(cell):
    layer, own = pair(cell, 3, 4)
    x = normal(5, 2, 3).requires_grad_()
    expected = torch.autograd.grad(own(x)[0].sum(), [x, *own.parameters()])
    with torch.autograd.graph.save_on_cpu():
        output, _ = layer(x)
    assert_same(torch.autograd.grad(output.sum(), [x, *layer.parameters()]), expected)
    output, _ = torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)
    assert_same(torch.autograd.grad(output.sum(), [x, *layer.parameters()]), expected)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["dense", "ragged"])
@pytest.mark.parametrize("cell", CELLS)
def test_transforms_of_torch_func(cell, lengths):
    layer, own = pair(cell, 2, 3)
    function, leaves = as_function(layer, lengths)
    leaves = [leaf.detach() for leaf in leaves]

    def loss(*leaves):
        return sum(result.square().sum() for result in function(*leaves))

    everything = tuple(range(len(leaves)))
    gradients = torch.func.grad(loss, everything)(*leaves)
    with_graph = [leaf.clone().requires_grad_() for leaf in leaves]
    assert_same(gradients, torch.autograd.grad(loss(*with_graph), with_graph))
    if lengths is None:
        x = normal(4, 3, 2, 2)
        together = torch.func.vmap(lambda x: layer(x)[0])(x)
        assert_same([together], [torch.stack([own(x_k)[0] for x_k in x])])


@pytest.mark.parametrize("cell", CELLS)
def test_jacobian(cell):
    layer, own = pair(cell, 2, 3)
    x = normal(3, 1, 2)
    expected = torch.autograd.functional.jacobian(lambda x: own(x)[0], x)
    assert_same([torch.func.jacrev(lambda x: layer(x)[0])(x)], [expected])
    assert_same([torch.autograd.functional.jacobian(lambda x: layer(x)[0], x)], [expected])


@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("cell", CELLS)
def test_forward_mode(cell):
    layer, own = pair(cell, 2, 3)
    x, tangent = normal(3, 2, 2), normal(3, 2, 2, seed=5)
    _, expected = torch.autograd.functional.jvp(lambda x: own(x)[0], x, tangent)
    _, by_transform = torch.func.jvp(lambda x: layer(x)[0], (x,), (tangent,))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        by_level = torch.autograd.forward_ad.unpack_dual(layer(dual)[0]).tangent
    assert_same([by_transform, by_level], [expected, expected])


PARTS = torch.tensor([3, 2, 1]), torch.tensor([2, 0, 1]), torch.tensor([1, 2, 0])


def packed_function(module):
    """(function of packed rows [6, 2] and the parameters, those tensors) of sequences 2, 1, 3."""
    names, values = zip(*module.named_parameters(), strict=True)

    def function(data, *parameters):
        given = dict(zip(names, parameters, strict=True))
        return tuple(tensors(functional_call(module, given, (PackedSequence(data, *PARTS),))))

    return function, [normal(6, 2), *(value.detach() for value in values)]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("cell", CELLS)
def test_packed_sequences_under_torch_func_grad(cell, dropout):
    options = {"num_layers": 2, "bidirectional": True, "dropout": dropout}
    layer, own = pair(cell, 2, 3, **options)
    found = []
    for module in (layer, own):
        function, leaves = packed_function(module)

        def loss(*leaves, function=function):
            return sum(result.square().sum() for result in function(*leaves))

        torch.manual_seed(7)
        if module is layer:
            found.append(torch.func.grad(loss, tuple(range(len(leaves))))(*leaves))
        else:
            leaves = [leaf.clone().requires_grad_() for leaf in leaves]
            found.append(torch.autograd.grad(loss(*leaves), leaves))
    assert_same(*found)


@pytest.mark.parametrize("cell", CELLS)
def test_packed_sequences_under_vmap(cell):
    layer, own = pair(cell, 2, 3, bidirectional=True)
    function, (data, *parameters) = packed_function(layer)
    expected, _ = packed_function(own)
    rows = torch.stack([data, -2 * data])
    together = torch.func.vmap(lambda data: function(data, *parameters))(rows)
    one_by_one = zip(*(expected(data_k, *parameters) for data_k in rows), strict=True)
    assert_same(together, [torch.stack(results) for results in one_by_one])
    models = [torch.stack([value, value.flip(0)]) for value in parameters]
    together = torch.func.vmap(lambda *parameters: function(data, *parameters))(*models)
    each = zip(*models, strict=True)
    one_by_one = zip(*(expected(data, *parameters) for parameters in each), strict=True)
    assert_same(together, [torch.stack(results) for results in one_by_one])


@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("cell", CELLS)
def test_packed_sequences_in_forward_mode(cell):
    layer, own = pair(cell, 2, 3, bidirectional=True)
    function, leaves = packed_function(layer)
    leaves = tuple(leaves)
    tangents = tuple(normal(*leaf.shape, seed=20 + k) for k, leaf in enumerate(leaves))
    _, expected = torch.autograd.functional.jvp(packed_function(own)[0], leaves, tangents)
    _, by_transform = torch.func.jvp(function, leaves, tangents)
    with torch.autograd.forward_ad.dual_level():
        duals = map(torch.autograd.forward_ad.make_dual, leaves, tangents)
        results = function(*duals)
        by_level = [torch.autograd.forward_ad.unpack_dual(result).tangent for result in results]
    assert_same([*by_transform, *by_level], [*expected, *expected])


@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")
@pytest.mark.parametrize("cell", CELLS)
def test_transforms_on_another_device(cell):
    layer, _ = pair(cell, 2, 3, 2, dropout=0.5)
    layer.to("meta")
    x = normal(3, 2, 2).to("meta")
    packed = PackedSequence(normal(6, 2).to("meta"), PARTS[0])

    def rows(data):
        return layer(packed._replace(data=data))[0].data

    _, tangent = torch.func.jvp(lambda x: layer(x, lengths=LENGTHS)[0], (x,), (x,))
    _, of_packed = torch.func.jvp(rows, (packed.data,), (packed.data,))
    assert (tangent.device, tangent.shape) == (x.device, (3, 2, 3))
    assert (of_packed.device, of_packed.shape) == (x.device, (6, 3))


def test_tensors_of_other_kinds():
    layer, own = pair("GRU", 3, 4)

    class Marked(torch.Tensor):
        pass

    x = normal(5, 2, 3)
    output, _ = layer(x.as_subclass(Marked))
    assert type(output) is Marked
    assert_same([output.as_subclass(torch.Tensor)], [own(x)[0]])
    turned = torch.complex(x, x).conj().imag
    assert turned.is_neg()
    assert_same(tensors(layer(turned)), tensors(own(-x)))


def test_dispatch_modes_see_one_operator():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Recorder(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = []

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.seen.append(str(function))
            return function(*args, **(kwargs or {}))

    layer, _ = pair("LSTM", 3, 4, 2, bidirectional=True)
    x = normal(5, 2, 3).requires_grad_()
    with Recorder() as recorder:
        results = tensors(layer(x, lengths=[2, 5]))
        loss = sum(result.sum() for result in results)
        gradients = torch.autograd.grad(loss, [x, *layer.parameters()])
    assert recorder.seen.count("unrolled.layer_saving.default") == 2
    assert recorder.seen.count("unrolled.layer_backward.default") == 2
    again = tensors(layer(x, lengths=[2, 5]))
    expected = torch.autograd.grad(sum(result.sum() for result in again), [x, *layer.parameters()])
    assert_same([*results, *gradients], [*again, *expected])
