"""The equations against torch.nn, against finite differences, and against themselves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_problems import KINDS, Problem, assert_same, problem, solve
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled.kernels import equations
from unrolled.kernels.layout import GATE_NAMES

RAGGED = np.array([3, 6, 1, 5])


def by_equations(p: Problem, **functions):
    return solve(p, equations, **functions)


def by_torch(p):
    """The same by torch.nn; one direction of a bidirectional layer if p runs in reverse."""
    steps, _, inputs = p.x.shape
    hidden = p.parameters["weight_hh"].shape[0] // len(GATE_NAMES[p.cell])
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[p.cell]
    own = {"nonlinearity": p.nonlinearity} if p.cell == "rnn" else {}
    if "weight_hr" in p.parameters:
        own["proj_size"] = len(p.parameters["weight_hr"])
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
    output = output[..., -p.states["h0"].shape[1] :]
    final = [h[-1] for h in (final if p.cell == "lstm" else (final,))]

    torch.autograd.backward(
        [output, *final], [torch.tensor(grad) for grad in (p.grad_output, *p.grad_final.values())]
    )
    results = {"output": output}
    results |= {f"final {name}": value for name, value in zip(states, final, strict=True)}
    results |= {f"grad {name}": value.grad for name, value in {"x": x, **states}.items()}
    results |= {f"grad {name}": getattr(layer, name + suffix).grad for name in p.parameters}
    return {name: value.detach().numpy() for name, value in results.items()}


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
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_states_and_every_gradient_are_torch_s(kind, lengths, reverse):
    p = problem(*kind, lengths=lengths, reverse=reverse)
    assert_same(by_equations(p), by_torch(p))


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32(kind):
    p = problem(*kind, lengths=RAGGED, dtype=np.float32)
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
    p = problem(cell, lengths=RAGGED)
    gates = len(GATE_NAMES[cell])

    def mutated(**arguments):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            arguments[name] = swap_gates(arguments[name], first, second, gates)
        return getattr(equations, f"{cell}_forward")(**arguments)

    with pytest.raises(AssertionError, match="output"):
        assert_same(by_equations(p, forward=mutated), by_torch(p))


@pytest.mark.parametrize(("cell", "first", "second"), GATE_PAIRS)
def test_comparison_sees_two_gates_swapped_in_backward(cell, first, second):
    p = problem(cell, lengths=RAGGED)
    gates = len(GATE_NAMES[cell])

    def mutated(*arguments, **options):
        grads = list(getattr(equations, f"{cell}_backward")(*arguments, **options))
        grads[-4:] = [swap_gates(array, first, second, gates) for array in grads[-4:]]
        return grads

    with pytest.raises(AssertionError, match="grad weight_ih"):
        assert_same(by_equations(p, backward=mutated), by_torch(p))


def loss(p):
    """The number whose gradients are `grad_output` and `grad_final`."""
    output, *final, _ = getattr(equations, f"{p.cell}_forward")(**p.inputs, **p.options)
    grads = [p.grad_output, *p.grad_final.values()]
    return sum((value * grad).sum() for value, grad in zip([output, *final], grads, strict=True))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_differences_of_the_loss(kind, reverse):
    lengths = np.array([2, 4, 1])
    p = problem(*kind, lengths=lengths, reverse=reverse, sizes=(4, 3, 2, 3), seed=1)
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
    kind=st.sampled_from(KINDS),
    reverse=st.booleans(),
    steps=st.integers(1, 6),
    batch=st.integers(1, 4),
    data=st.data(),
)
def test_forward_is_step_along_each_row_alone(kind, reverse, steps, batch, data):
    lengths = np.array(data.draw(st.lists(st.integers(1, steps), min_size=batch, max_size=batch)))
    sizes = (steps, batch, 2, 3)
    p = problem(*kind, lengths=lengths, reverse=reverse, sizes=sizes, seed=steps)
    step = getattr(equations, f"{p.cell}_step")
    weights = [value for name, value in p.inputs.items() if name not in ("x", *p.states)]
    results = by_equations(p)
    for n, length in enumerate(lengths):
        order = range(length)[::-1] if reverse else range(length)
        states = tuple(state[n : n + 1] for state in p.states.values())
        for t in order:
            states = step(p.x[t, n : n + 1], *states, *weights, **p.own)
            states = states if p.cell == "lstm" else (states,)
            np.testing.assert_allclose(results["output"][t, n], states[0][0], atol=1e-13)
        for name, state in zip(p.states, states, strict=True):
            np.testing.assert_allclose(results[f"final {name}"][n], state[0], atol=1e-13)
        assert not results["output"][length:, n].any()
        assert not results["grad x"][length:, n].any()


@pytest.mark.parametrize("filling", [np.nan, np.inf])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_never_leaks(kind, reverse, filling):
    p = problem(*kind, lengths=RAGGED, reverse=reverse)
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
