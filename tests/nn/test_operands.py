"""The registered operators called directly: what does not fit is refused, what is empty works."""

from __future__ import annotations

import pytest
import torch
from layer_problems import assert_same, normal

from unrolled.nn.functions import Lengths, differentiable_layer
from unrolled.nn.plan import CELLS, make_layer
from unrolled.nn.reference import forward_by_steps

LAYER = torch.ops.unrolled.layer.default
SAVING = torch.ops.unrolled.layer_saving.default
BACKWARD = torch.ops.unrolled.layer_backward.default
T, N, C, H, P, D = 5, 2, 3, 4, 2, 2


def problem(cell, input_size, hidden_size, output_size, projected, grad=False):
    """(layer, its `sizes`, x, h0, c0, weights), D directions with biases."""
    code = CELLS[cell]
    layer = make_layer(code, input_size, hidden_size, output_size, D, True, projected)
    sizes = [code, input_size, hidden_size, output_size, D, 1, int(projected)]
    x, h0 = normal(T, N, input_size), normal(D, N, output_size, seed=2)
    c0 = normal(D, N, hidden_size, seed=3) if cell == "LSTM" else None
    weights = [normal(*shape, seed=10 + k) for k, shape in enumerate(layer.shapes)]
    if grad:
        for value in (x, h0, c0, *weights):
            if value is not None:
                value.requires_grad_()
    return layer, sizes, x, h0, c0, weights


def lstm(**changed):
    """Arguments of the operator for an LSTM with a projection, `changed` where said."""
    _, sizes, x, h0, c0, weights = problem("LSTM", C, H, P, True)
    arguments = {"x": x, "lengths": None, "h0": h0, "c0": c0, "weights": weights, "sizes": sizes}
    return (*(arguments | changed).values(), False, False)


def replaced(values, number, value):
    return [*values[:number], value, *values[number + 1 :]]


_, SIZES, _, _, _, WEIGHTS = problem("LSTM", C, H, P, True)
WRONG = [
    ({"x": normal(T, N, C).half()}, TypeError, r"x is torch\.float16, but must be"),
    ({"x": normal(T, N, C).to(torch.int64)}, TypeError, r"x is torch\.int64, but must be"),
    ({"x": normal(T, N, C).to(torch.complex64)}, TypeError, r"x is torch\.complex64, but must"),
    ({"x": normal(T, N, C).float()}, TypeError, r"h0 is torch\.float64, but must be torch\.float3"),
    ({"x": normal(T, C)}, ValueError, r"x has shape \(5, 3\), but must have 3 axes"),
    ({"x": normal(T, N, 2)}, ValueError, r"x has shape \(5, 2, 2\), but .* 3 channels"),
    ({"x": normal(0, N, C)}, RuntimeError, "Expected sequence length to be larger than 0 in RNN"),
    ({"lengths": torch.tensor([5])}, ValueError, r"lengths has shape \(1,\)"),
    ({"lengths": torch.tensor([5, 6])}, ValueError, r"lengths\[1\] is 6"),
    ({"h0": normal(D, 1, P)}, ValueError, r"h0 has shape \(2, 1, 2\), but .* \(2, 2, 2\)"),
    ({"h0": normal(D, N, H)}, ValueError, r"h0 has shape \(2, 2, 4\), but .* \(2, 2, 2\)"),
    ({"c0": normal(D, N, P)}, ValueError, r"c0 has shape \(2, 2, 2\), but .* \(2, 2, 4\)"),
    ({"c0": normal(D, N, H).float()}, TypeError, r"c0 is torch\.float32, but .* as x is"),
    ({"weights": WEIGHTS[:5]}, ValueError, "weights has 5 tensors, but must have 10"),
    (
        {"weights": replaced(WEIGHTS, 1, normal(16, 4))},
        ValueError,
        r"weights\[1\] has shape \(16, 4\), but must have shape \(16, 2\)",
    ),
    (
        {"weights": replaced(WEIGHTS, 7, WEIGHTS[7].float())},
        TypeError,
        r"weights\[7\] is torch\.float32",
    ),
    ({"sizes": SIZES[:6]}, ValueError, "sizes has 6 numbers, but must have 7"),
    ({"sizes": replaced(SIZES, 0, 4)}, ValueError, "cell in sizes is 4, but must be from 0 to 3"),
    ({"sizes": replaced(SIZES, 2, 0)}, ValueError, "hidden_size in sizes is 0, but must be at le"),
    ({"sizes": replaced(SIZES, 4, 3)}, ValueError, "directions in sizes is 3, but must be from 1"),
    ({"sizes": replaced(SIZES, 6, 0)}, ValueError, "output_size in sizes is 2, but without"),
    ({"sizes": replaced(SIZES, 0, 2)}, ValueError, "projected in sizes is 1, but must be from 0"),
]


@pytest.mark.parametrize(("changed", "error", "message"), WRONG, ids=[w[2][:24] for w in WRONG])
def test_operators_refuse_what_does_not_fit(changed, error, message):
    arguments = lstm(**changed)
    for call in (
        lambda: LAYER(*arguments),
        lambda: SAVING(*arguments),
        lambda: BACKWARD(None, None, None, normal(1), *arguments, [True] * 13),
    ):
        with pytest.raises(error, match=f"^{message}"):
            call()


def test_states_that_the_cell_has_not():
    _, sizes, x, h0, _, weights = problem("GRU", C, H, H, False)
    arguments = (x, None, h0, normal(D, N, H), weights, sizes, False, False)
    with pytest.raises(ValueError, match=r"^c0 was given, but only an LSTM has one; drop it"):
        LAYER(*arguments)
    arguments = replaced(arguments, 3, None)
    saved = SAVING(*arguments)[3]
    with pytest.raises(ValueError, match=r"^grad_c_n was given, but only an LSTM has one"):
        BACKWARD(None, None, normal(D, N, H), saved, *arguments, [True] * 11)


@pytest.mark.parametrize(
    ("number", "value", "error", "message"),
    [
        (0, normal(N, T, D * P), ValueError, r"grad_output has shape \(2, 5, 4\), but must have"),
        (0, normal(T, N, D * P).float(), TypeError, r"grad_output is torch\.float32, but must be"),
        (1, normal(D, N, H), ValueError, r"grad_h_n has shape \(2, 2, 4\), but must have shape"),
        (2, normal(D, N, P), ValueError, r"grad_c_n has shape \(2, 2, 2\), but must have shape"),
        (3, normal(7), ValueError, r"saved has shape \(7,\), but must have shape \("),
        (3, torch.empty(0), TypeError, r"saved is torch\.float32, but must be torch\.float64"),
        (-1, [True] * 12, ValueError, "needs has 12 items, but must have 13"),
    ],
)
def test_backward_refuses_what_does_not_fit(number, value, error, message):
    arguments = lstm()
    saved = SAVING(*arguments)[3]
    grads = normal(T, N, D * P), normal(D, N, P), normal(D, N, H)
    right = [*grads, saved, *arguments, [True] * 13]
    BACKWARD(*right)
    right[number] = value
    with pytest.raises(error, match=f"^{message}"):
        BACKWARD(*right)


@pytest.mark.parametrize("cell", ["RNN_TANH", "GRU", "LSTM"])
def test_no_input_channels(cell):
    layer, sizes, x, h0, c0, weights = problem(cell, 0, H, H, False, grad=True)
    leaves = [value for value in (h0, c0, *weights) if value is not None]
    results = LAYER(x, None, h0, c0, weights, sizes, False, False)
    expected = forward_by_steps(layer, x, None, h0, c0, weights)
    assert_same(results[: len(expected)], expected)
    sums = [sum(y.square().sum() for y in values) for values in (results, expected)]
    assert_same(*(torch.autograd.grad(loss, leaves) for loss in sums))


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 3])], ids=["dense", "ragged"])
@pytest.mark.parametrize("by_operator", [False, True])
def test_a_projection_as_wide_as_the_hidden_units(by_operator, lengths):
    layer, sizes, x, h0, c0, weights = problem("LSTM", C, H, H, True, grad=True)
    leaves = [x, h0, c0, *weights]
    if by_operator:
        results = LAYER(x, lengths, h0, c0, weights, sizes, False, False)
    else:
        counts = None if lengths is None else Lengths(lengths, int(lengths.sum()))
        results = differentiable_layer(layer, counts, False, False, x, h0, c0, weights)
    expected = forward_by_steps(layer, x, lengths, h0, c0, weights)
    assert_same(results, expected)
    sums = [sum(y.square().sum() for y in values) for values in (results, expected)]
    assert_same(*(torch.autograd.grad(loss, leaves) for loss in sums))
