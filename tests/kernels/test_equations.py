"""The equations against torch.nn, against finite differences, and against themselves."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled import kernels
from unrolled.kernels import equations
from unrolled.kernels.layout import GATE_NAMES, recurrent_shapes

PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", None), ("lstm", None)]
RAGGED = np.array([3, 6, 1, 5])


@dataclass
class Problem:
    """One layer and direction with everything that enters it, all of it random."""

    cell: str
    nonlinearity: str | None
    lengths: np.ndarray | None
    reverse: bool
    x: np.ndarray
    states: dict[str, np.ndarray]
    parameters: dict[str, np.ndarray]
    grad_output: np.ndarray
    grad_final: list[np.ndarray]

    @property
    def options(self) -> dict[str, Any]:
        own = {"lengths": self.lengths, "reverse": self.reverse}
        return own | ({"nonlinearity": self.nonlinearity} if self.cell == "rnn" else {})


def problem(
    cell, nonlinearity, lengths=None, reverse=False, sizes=(7, 4, 3, 5), dtype=np.float64, seed=0
):
    steps, batch, inputs, hidden = sizes
    rng = np.random.default_rng(seed)

    def normal(*shape):
        array = rng.normal(size=shape).astype(dtype)
        array.flags.writeable = False
        return array

    names = ("h0", "c0") if cell == "lstm" else ("h0",)
    shapes = recurrent_shapes(cell, inputs, hidden).values()
    return Problem(
        cell=cell,
        nonlinearity=nonlinearity,
        lengths=lengths,
        reverse=reverse,
        x=normal(steps, batch, inputs),
        states={name: normal(batch, hidden) for name in names},
        parameters={name: normal(*shape) for name, shape in zip(PARAMETERS, shapes, strict=True)},
        grad_output=normal(steps, batch, hidden),
        grad_final=[normal(batch, hidden) for _ in names],
    )


def by_equations(p, forward=None, backward=None):
    """Outputs, final states and all gradients, by name."""
    forward = forward or getattr(kernels, f"{p.cell}_forward")
    backward = backward or getattr(kernels, f"{p.cell}_backward")
    output, *final, saved = forward(p.x, *p.states.values(), *p.parameters.values(), **p.options)
    weights = p.parameters["weight_ih"], p.parameters["weight_hh"]
    grads = backward(p.grad_output, *p.grad_final, saved, p.x, *weights, **p.options)
    names = ["x", *p.states, *PARAMETERS]
    return {
        "output": output,
        **{f"final {name}": value for name, value in zip(p.states, final, strict=True)},
        **{f"grad {name}": value for name, value in zip(names, grads, strict=True)},
    }


def by_torch(p):
    """The same by torch.nn; one direction of a bidirectional layer if p runs in reverse."""
    steps, _, inputs = p.x.shape
    hidden = p.states["h0"].shape[1]
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[p.cell]
    own = {"nonlinearity": p.nonlinearity} if p.cell == "rnn" else {}
    dtype = torch.from_numpy(p.x.copy()).dtype
    layer = kind(inputs, hidden, bidirectional=p.reverse, dtype=dtype, **own)
    suffix = "_l0_reverse" if p.reverse else "_l0"
    for name, value in p.parameters.items():
        getattr(layer, name + suffix).data.copy_(torch.from_numpy(value.copy()))

    x = torch.tensor(p.x, requires_grad=True)
    states = {name: torch.tensor(value, requires_grad=True) for name, value in p.states.items()}
    hx = [torch.stack([state] * (1 + p.reverse)) for state in states.values()]
    if p.reverse:
        hx = [torch.stack([torch.zeros_like(h[0]), h[1]]) for h in hx]
    packed = x
    if p.lengths is not None:
        packed = pack_padded_sequence(x, torch.from_numpy(p.lengths), enforce_sorted=False)
    output, final = layer(packed, tuple(hx) if p.cell == "lstm" else hx[0])
    if p.lengths is not None:
        output, _ = pad_packed_sequence(output, total_length=steps)
    output = output[..., -hidden:]
    final = [h[-1] for h in (final if p.cell == "lstm" else (final,))]

    torch.autograd.backward(
        [output, *final], [torch.tensor(grad) for grad in (p.grad_output, *p.grad_final)]
    )
    results = {"output": output}
    results |= {f"final {name}": value for name, value in zip(states, final, strict=True)}
    results |= {f"grad {name}": value.grad for name, value in {"x": x, **states}.items()}
    results |= {f"grad {name}": getattr(layer, name + suffix).grad for name in PARAMETERS}
    return {name: value.detach().numpy() for name, value in results.items()}


def assert_same(actual, expected, tolerance=1e-11):
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].shape == value.shape, name
        assert actual[name].dtype == value.dtype, name
        np.testing.assert_allclose(
            actual[name], value, rtol=tolerance, atol=tolerance, err_msg=name
        )


@pytest.fixture
def poisoned_memory(monkeypatch):
    """Fresh memory holds NaN, so that what is read before it is written shows."""

    def empty(shape, dtype=float):
        return np.full(shape, np.nan, dtype)

    monkeypatch.setattr(np, "empty", empty)
    monkeypatch.setattr(np, "empty_like", lambda a: empty(a.shape, a.dtype))


@pytest.mark.usefixtures("poisoned_memory")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, RAGGED, np.full(4, 7)], ids=["None", "ragged", "full"])
@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_outputs_states_and_every_gradient_are_torch_s(cell, nonlinearity, lengths, reverse):
    p = problem(cell, nonlinearity, lengths, reverse)
    assert_same(by_equations(p), by_torch(p))


@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_float32_stays_float32(cell, nonlinearity):
    p = problem(cell, nonlinearity, RAGGED, dtype=np.float32)
    results = by_equations(p)
    assert {value.dtype for value in results.values()} == {np.dtype(np.float32)}
    assert_same(results, by_torch(p), tolerance=2e-5)


def swap_gates(array, first, second, gates):
    parts = np.split(array, gates)
    parts[first], parts[second] = parts[second], parts[first]
    return np.concatenate(parts)


GATE_PAIRS = [
    (cell, *pair)
    for cell in ("gru", "lstm")
    for pair in itertools.combinations(range(len(GATE_NAMES[cell])), 2)
]


@pytest.mark.parametrize(("cell", "first", "second"), GATE_PAIRS)
def test_comparison_sees_two_gates_swapped_in_forward(cell, first, second):
    p = problem(cell, None, RAGGED)
    gates = len(GATE_NAMES[cell])

    def mutated(x, *rest, **options):
        states, parameters = rest[:-4], rest[-4:]
        swapped = [swap_gates(array, first, second, gates) for array in parameters]
        return getattr(kernels, f"{cell}_forward")(x, *states, *swapped, **options)

    with pytest.raises(AssertionError, match="output"):
        assert_same(by_equations(p, forward=mutated), by_torch(p))


@pytest.mark.parametrize(("cell", "first", "second"), GATE_PAIRS)
def test_comparison_sees_two_gates_swapped_in_backward(cell, first, second):
    p = problem(cell, None, RAGGED)
    gates = len(GATE_NAMES[cell])

    def mutated(*arguments, **options):
        grads = list(getattr(kernels, f"{cell}_backward")(*arguments, **options))
        grads[-4:] = [swap_gates(array, first, second, gates) for array in grads[-4:]]
        return grads

    with pytest.raises(AssertionError, match="grad weight_ih"):
        assert_same(by_equations(p, backward=mutated), by_torch(p))


def loss(p):
    """The number whose gradients are `grad_output` and `grad_final`."""
    forward = getattr(kernels, f"{p.cell}_forward")
    output, *final, _ = forward(p.x, *p.states.values(), *p.parameters.values(), **p.options)
    grads = [p.grad_output, *p.grad_final]
    return sum((value * grad).sum() for value, grad in zip([output, *final], grads, strict=True))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_gradients_are_the_differences_of_the_loss(cell, nonlinearity, reverse):
    p = problem(cell, nonlinearity, np.array([2, 4, 1]), reverse, sizes=(4, 3, 2, 3), seed=1)
    analytic = by_equations(p)
    p = replace(p, x=p.x.copy())
    p.states = {name: value.copy() for name, value in p.states.items()}
    p.parameters = {name: value.copy() for name, value in p.parameters.items()}
    for name, array in {"x": p.x, **p.states, **p.parameters}.items():
        numeric = np.empty_like(array)
        for index in np.ndindex(array.shape):
            value, losses = array[index], []
            for step in (1e-6, -1e-6):
                array[index] = value + step
                losses.append(loss(p))
            array[index] = value
            numeric[index] = (losses[0] - losses[1]) / 2e-6
        np.testing.assert_allclose(analytic[f"grad {name}"], numeric, atol=1e-7, err_msg=name)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(CELLS),
    reverse=st.booleans(),
    steps=st.integers(1, 6),
    batch=st.integers(1, 4),
    data=st.data(),
)
def test_forward_is_step_along_each_row_alone(kind, reverse, steps, batch, data):
    lengths = np.array(data.draw(st.lists(st.integers(1, steps), min_size=batch, max_size=batch)))
    p = problem(*kind, lengths, reverse, sizes=(steps, batch, 2, 3), seed=steps)
    step = getattr(kernels, f"{p.cell}_step")
    own = {"nonlinearity": p.nonlinearity} if p.cell == "rnn" else {}
    results = by_equations(p)
    for n, length in enumerate(lengths):
        order = range(length)[::-1] if reverse else range(length)
        states = tuple(state[n : n + 1] for state in p.states.values())
        for t in order:
            states = step(p.x[t, n : n + 1], *states, *p.parameters.values(), **own)
            states = states if p.cell == "lstm" else (states,)
            np.testing.assert_allclose(results["output"][t, n], states[0][0], atol=1e-13)
        for name, state in zip(p.states, states, strict=True):
            np.testing.assert_allclose(results[f"final {name}"][n], state[0], atol=1e-13)
        assert not results["output"][length:, n].any()
        assert not results["grad x"][length:, n].any()


@pytest.mark.parametrize("filling", [np.nan, np.inf])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("cell", "nonlinearity"), CELLS)
def test_padding_never_leaks(cell, nonlinearity, reverse, filling):
    p = problem(cell, nonlinearity, RAGGED, reverse)
    padding = np.arange(7)[:, None, None] >= RAGGED[:, None]
    poisoned = replace(
        p,
        x=np.where(padding, filling, p.x),
        grad_output=np.where(padding, filling, p.grad_output),
    )
    assert_same(by_equations(poisoned), by_equations(p), tolerance=0)


def test_sigmoid_is_right_and_never_overflows():
    a = np.array([-800.0, -2.0, 0.0, 3.0, 800.0])
    expected = [0.0, 1 / (1 + np.exp(2.0)), 0.5, 1 / (1 + np.exp(-3.0)), 1.0]
    np.testing.assert_allclose(equations.sigmoid(a), expected, rtol=1e-14)


def forward_with(cell="gru", nonlinearity=None, **changes):
    """`forward` of a fitting problem with some arguments replaced."""
    p = problem(cell, nonlinearity)
    arguments = {"x": p.x, **p.states, **p.parameters, **p.options} | changes
    return getattr(kernels, f"{cell}_forward")(**arguments)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"x": np.ones((7, 3))}, ValueError, "x has shape (7, 3), but must have three axes"),
        ({"x": np.ones((7, 4, 3), int)}, TypeError, "x is int64, but must be float32 or float64."),
        ({"h0": np.ones(5)}, ValueError, "h0 has shape (5,), but x of shape (7, 4, 3) and 5 "),
        ({"h0": np.ones((4, 5), np.float32)}, TypeError, "h0 is float32, but must be float64"),
        ({"weight_ih": np.ones((20, 3))}, ValueError, "weight_ih has shape (20, 3), but x of "),
        ({"weight_hh": np.ones((15, 4))}, ValueError, "weight_ih has shape (15, 3), but x of "),
        ({"bias_ih": np.ones(1)}, ValueError, "bias_ih has shape (1,), but x of shape"),
        ({"bias_hh": np.ones(5)}, ValueError, "bias_hh has shape (5,), but x of shape"),
        ({"lengths": [1, 2, 3]}, ValueError, "lengths has shape (3,), but must be one length "),
        ({"lengths": [7, 2, 0, 1]}, ValueError, "lengths[2] is 0, but must be from 1 to 7,"),
        ({"lengths": [7, 8, 1, 1]}, ValueError, "lengths[1] is 8, but must be from 1 to 7,"),
        ({"lengths": [7.0, 2, 1, 1]}, TypeError, "lengths holds float64, but must hold integers."),
        ({"lengths": [True] * 4}, TypeError, "lengths holds bool, but must hold integers."),
    ],
)
def test_what_does_not_fit_is_named(changes, error, sentence):
    with pytest.raises(error) as caught:
        forward_with(**changes)
    message = str(caught.value)
    assert message.startswith(sentence)
    assert message.endswith(".")


def test_c0_is_checked_as_h0_is():
    with pytest.raises(ValueError, match=r"^c0 has shape \(4, 1\), but x of shape"):
        forward_with("lstm", c0=np.ones((4, 1)))


def test_unknown_nonlinearity_is_named():
    with pytest.raises(ValueError, match=r"^nonlinearity is 'sine', but must be 'tanh' or 'relu'"):
        forward_with("rnn", "sine")


def test_the_package_exports_nine_functions():
    names = [f"{c}_{f}" for c in ("gru", "lstm", "rnn") for f in ("backward", "forward", "step")]
    assert sorted(kernels.__all__) == names
    assert all(getattr(kernels, name) is getattr(equations, name) for name in names)
