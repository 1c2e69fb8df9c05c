"""Layers with lengths: each sequence as if it were alone, whatever stands in its padding."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled import nn
from unrolled.nn import stack

CELLS = ["RNN", "GRU", "LSTM"]
STEPS, INPUTS, HIDDEN = 6, 3, 4
LENGTHS = [2, 5, 1, 5]
BATCH = len(LENGTHS)
OPTIONS = [
    {},
    {"batch_first": True},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True, "bias": False},
    {"num_layers": 3},
]
CASES = [(cell, options) for cell in CELLS for options in OPTIONS]
CASES += [
    ("RNN", {"nonlinearity": "relu", "bidirectional": True}),
    ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True}),
]


def make(cell, options, seed=0):
    torch.manual_seed(seed)
    return getattr(nn, cell)(INPUTS, HIDDEN, dtype=torch.float64, **options)


def example(layer, batch=BATCH, seed=1):
    """x [T, N, C] and initial states [L*D, N, H], time first whatever the layer says."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    rows = layer.num_layers * (1 + layer.bidirectional)
    sizes = [layer.proj_size or HIDDEN, HIDDEN][: 1 + isinstance(layer, torch.nn.LSTM)]
    return normal(STEPS, batch, INPUTS), [normal(rows, batch, size) for size in sizes]


def call(layer, x, states, lengths=None):
    """A layer's call, time first: (output, [final states])."""
    hx = tuple(states) if isinstance(layer, torch.nn.LSTM) else states[0]
    x = x.transpose(0, 1) if layer.batch_first else x
    output, final = layer(x, hx) if lengths is None else layer(x, hx, lengths=lengths)
    output = output.transpose(0, 1) if layer.batch_first else output
    return output, list(final) if isinstance(layer, torch.nn.LSTM) else [final]


def each_row_alone(layer, x, states, lengths):
    """The same from torch.nn's own class, one sequence at a time, without any padding."""
    own = type(layer).__bases__[0]
    outputs, finals = [], []
    for n, length in enumerate(lengths):
        row = [state[:, n : n + 1].contiguous() for state in states]
        hx = tuple(row) if own is torch.nn.LSTM else row[0]
        x_n = x[:length, n : n + 1]
        x_n = x_n.transpose(0, 1) if layer.batch_first else x_n
        output, final = own.forward(layer, x_n, hx)
        output = output.transpose(0, 1) if layer.batch_first else output
        outputs.append(torch.nn.functional.pad(output, (0, 0, 0, 0, 0, len(x) - length)))
        finals.append(final if own is torch.nn.LSTM else (final,))
    return torch.cat(outputs, 1), [torch.cat(parts, 1) for parts in zip(*finals, strict=True)]


def results(layer, x, states, run, grad_output):
    """Outputs, final states and the gradients of everything that entered."""
    layer.zero_grad()
    leaves = [value.clone().requires_grad_() for value in (x, *states)]
    output, final = run(layer, leaves[0], leaves[1:])
    grad_final = [torch.linspace(-1, 2, h.numel(), dtype=h.dtype).view_as(h) for h in final]
    torch.autograd.backward([output, *final], [grad_output, *grad_final])
    grads = [value.grad for value in (*leaves, *layer.parameters())]
    return [output.detach(), *(h.detach() for h in final), *grads]


@pytest.mark.parametrize("lengths", [LENGTHS, [6, 2, 6, 3]], ids=["none full", "some full"])
@pytest.mark.parametrize(("cell", "options"), CASES)
def test_each_sequence_is_as_if_alone_and_nan_in_padding_never_leaks(cell, options, lengths):
    layer = make(cell, options)
    x, states = example(layer)
    padding = torch.arange(STEPS)[:, None, None] >= torch.tensor(lengths)[:, None]
    width = call(layer, x, states)[0].shape[-1]
    grad_output = torch.linspace(-1, 1, STEPS * BATCH * width, dtype=x.dtype)
    grad_output = grad_output.view(STEPS, BATCH, width)

    expected = results(
        layer,
        x,
        states,
        lambda *a: each_row_alone(*a, lengths),
        grad_output.masked_fill(padding, 0),
    )
    actual = results(
        layer,
        x.masked_fill(padding, torch.nan),
        states,
        lambda *a: call(*a, lengths=lengths),
        grad_output.masked_fill(padding, torch.nan),
    )
    assert len(actual) == len(expected) == 2 * (1 + len(states)) + len(list(layer.parameters()))
    for ours, alone in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, alone, rtol=1e-11, atol=1e-12)
    assert not actual[0].masked_select(padding).any()


@pytest.mark.parametrize("cell", CELLS)
def test_without_hx_the_initial_state_is_zero(cell):
    layer = make(cell, {"bidirectional": True})
    x, states = example(layer)
    output, _ = layer(x, lengths=LENGTHS)
    zeros = [torch.zeros_like(state) for state in states]
    torch.testing.assert_close(output, call(layer, x, zeros, LENGTHS)[0], rtol=0, atol=0)


NUMPY_TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
TORCH_TYPES = [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16]


@pytest.mark.parametrize(
    "lengths",
    [
        tuple(LENGTHS),
        [np.int32(length) for length in LENGTHS],
        [torch.tensor(length) for length in LENGTHS],
        *(np.array(LENGTHS, dtype) for dtype in NUMPY_TYPES),
        *(torch.tensor(LENGTHS).to(dtype) for dtype in TORCH_TYPES),
    ],
    ids=lambda lengths: f"{type(lengths).__name__} {getattr(lengths, 'dtype', type(lengths[0]))}",
)
def test_lengths_of_any_integer_type(lengths):
    layer = make("GRU", {})
    x, states = example(layer)
    expected, _ = call(layer, x, states, LENGTHS)
    output, _ = call(layer, x, states, lengths)
    torch.testing.assert_close(output, expected, rtol=0, atol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_equal_lengths_are_not_packed(cell, monkeypatch):
    layer = make(cell, {"batch_first": True})
    x, states = example(layer)
    expected, final = call(layer, x, states)
    monkeypatch.setattr(stack, "pack_padded_sequence", None)
    output, own_final = call(layer, x, states, [STEPS] * BATCH)
    torch.testing.assert_close([output, *own_final], [expected, *final], rtol=0, atol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_packed_sequences_work_as_ever_and_refuse_lengths(cell):
    layer = make(cell, {})
    x, states = example(layer)
    packed = pack_padded_sequence(x, torch.tensor(LENGTHS), enforce_sorted=False)
    hx = tuple(states) if cell == "LSTM" else states[0]
    output, _ = pad_packed_sequence(layer(packed, hx)[0], total_length=STEPS)
    torch.testing.assert_close(output, call(layer, x, states, LENGTHS)[0], rtol=0, atol=0)
    with pytest.raises(TypeError, match=r"^lengths was given beside a PackedSequence, .*\.$"):
        layer(packed, lengths=LENGTHS)


@pytest.mark.parametrize("length", [3, [3], np.array(3), np.uint8([3]), torch.tensor(3)])
@pytest.mark.parametrize("cell", CELLS)
def test_unbatched_input(cell, length):
    layer = make(cell, {"num_layers": 2, "bidirectional": True})
    x, states = example(layer, batch=1)
    expected, final = each_row_alone(layer, x, states, [3])
    output, own_final = call(layer, x[:, 0], [state[:, 0] for state in states], length)
    torch.testing.assert_close(output, expected[:, 0])
    torch.testing.assert_close(own_final, [state[:, 0] for state in final])
    with pytest.raises(ValueError, match=r"^lengths\[0\] is 7, but must be from 1 to 6"):
        layer(x[:, 0], lengths=7)


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_acts_between_layers_in_training_alone(cell):
    plain, dropped = make(cell, {"num_layers": 2}), make(cell, {"num_layers": 2, "dropout": 0.5})
    x, states = example(plain)
    padding = torch.arange(STEPS)[:, None] >= torch.tensor(LENGTHS)
    output, final = call(dropped, x, states, LENGTHS)
    expected, expected_final = call(plain, x, states, LENGTHS)
    assert not torch.allclose(output, expected)
    torch.testing.assert_close(final[0][0], expected_final[0][0])
    assert not output[padding].any()
    torch.testing.assert_close(call(dropped.eval(), x, states, LENGTHS)[0], expected)


@pytest.mark.parametrize("cell", CELLS)
def test_it_is_torch_s_own_class_with_torch_s_own_parameters(cell):
    options = {"num_layers": 2, "bidirectional": True}
    layer, own = make(cell, options), getattr(torch.nn, cell)(INPUTS, HIDDEN, **options).double()
    assert isinstance(layer, getattr(torch.nn, cell))
    assert list(layer.state_dict()) == list(own.state_dict())
    assert repr(layer) == repr(own)
    own.load_state_dict(layer.state_dict())
    x, states = example(layer)
    expected, _ = call(own, x, states)
    torch.testing.assert_close(call(layer, x, states)[0], expected)
    torch.testing.assert_close(call(copy.deepcopy(layer), x, states)[0], expected)


@pytest.mark.parametrize(
    ("lengths", "error", "sentence"),
    [
        ([2, 5, 0, 5], ValueError, "lengths[2] is 0, but must be from 1 to 6, "),
        ([2, 7, 1, 5], ValueError, "lengths[1] is 7, but must be from 1 to 6, "),
        (torch.tensor([2, 5, 1, -1]), ValueError, "lengths[3] is -1, but must be from 1 to 6, "),
        (np.uint64([2, 2**63, 1, 1]), ValueError, "lengths[1] is 9223372036854775808, but must "),
        ([2, 5, 1], ValueError, "lengths has shape (3,), but must be one length for each of the 4"),
        ([LENGTHS], ValueError, "lengths has shape (1, 4), but must be one length for each of "),
        (5, ValueError, "lengths has shape (), but must be one length for each of the 4 sequences"),
        ([2.0, 5.0, 1.0, 5.0], TypeError, "lengths holds float64, but must hold integers."),
        (torch.tensor([2.0, 5, 1, 5]), TypeError, "lengths holds float32, but must hold integers."),
        ([True, True, True, False], TypeError, "lengths holds bool, but must hold integers."),
        (["2", "5", "1", "5"], TypeError, "lengths holds <U1, but must hold integers."),
    ],
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_wrong_lengths_are_named_before_any_work(
    lengths, error, sentence, batch_first, monkeypatch
):
    monkeypatch.setattr(torch.nn.GRU, "forward", None)
    layer = make("GRU", {"batch_first": batch_first})
    x, _ = example(layer)
    with pytest.raises(error) as caught:
        layer(x.transpose(0, 1) if batch_first else x, lengths=lengths)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("cell", CELLS)
def test_hx_of_another_batch_is_an_error_not_cut_to_fit(cell):
    layer = make(cell, {})
    x, _ = example(layer)
    _, states = example(layer, batch=BATCH + 1)
    with pytest.raises(RuntimeError, match="Expected hidden"):
        call(layer, x, states, LENGTHS)


def test_input_of_four_axes_is_an_error():
    with pytest.raises(ValueError, match=r"^input has 4 axes, but must have 2 \(unbatched\) or 3"):
        make("GRU", {})(torch.ones(2, 2, 2, INPUTS), lengths=[1, 2])


@pytest.mark.parametrize("cell", CELLS)
def test_gradcheck(cell):
    torch.manual_seed(2)
    layer = getattr(nn, cell)(3, 2, bidirectional=True, dtype=torch.float64)
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(3, 3, 3, dtype=torch.float64)
    states = [torch.randn(2, 3, 2, dtype=torch.float64) for _ in range(1 + (cell == "LSTM"))]

    def function(x, *rest):
        hx, parameters = rest[: len(states)], dict(zip(names, rest[len(states) :], strict=True))
        arguments = (x, hx if cell == "LSTM" else hx[0], np.array([2, 3, 1]))
        output, final = torch.func.functional_call(layer, parameters, arguments)
        return (output, *final) if cell == "LSTM" else (output, final)

    leaves = [value.detach().requires_grad_() for value in (x, *states, *layer.parameters())]
    assert torch.autograd.gradcheck(function, leaves)
