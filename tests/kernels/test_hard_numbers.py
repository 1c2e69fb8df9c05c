"""Padding that holds anything, numbers without end, NaN, denormals, and the gates' accuracy."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from kernel_problems import (
    KINDS,
    as_float64,
    assert_accurate,
    assert_same_bits,
    problem,
    solve,
    torch_like,
)

from unrolled.kernels import compiled, engine, equations

DTYPES = [np.float32, np.float64]
RAGGED = np.array([3, 6, 1, 5, 7, 7, 2, 4])
SIZES = (7, 8, 19, 21)


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("filling", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_never_matters(kind, reverse, dtype, filling):
    p = torch_like(kind, lengths=RAGGED, reverse=reverse, sizes=SIZES, dtype=dtype)
    padding = np.arange(7)[:, None, None] >= RAGGED[:, None]
    filled = replace(
        p,
        x=np.where(padding, dtype(filling), p.x),
        grad_output=np.where(padding, dtype(filling), p.grad_output),
    )
    results = solve(filled, compiled)
    assert_same_bits(results, solve(p, compiled))
    for name in ("output", "grad x"):
        assert not results[name][np.broadcast_to(padding, results[name].shape)].any()


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("size", [1e4, -1e4, 1e20])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_huge_inputs(kind, dtype, size):
    """Of one channel: with more, sums of huge products would lose the digits that count.

    The gradients are those of saturated gates, 1 - 1 and rounding: finite is all that they can be.
    """
    p = torch_like(kind, lengths=RAGGED, sizes=(7, 8, 1, 21), dtype=dtype)
    p = replace(p, x=(p.x * size).astype(dtype))
    actual, expected = solve(p, compiled), solve(as_float64(p), equations)
    assert all(np.isfinite(value).all() for value in actual.values())
    for results in (actual, expected):
        for name in [name for name in results if name.startswith("grad")]:
            del results[name]
    assert_accurate(actual, expected)


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_one_row_without_numbers_spoils_no_other_and_shows_it(kind, dtype, value):
    p = torch_like(kind, lengths=RAGGED, sizes=SIZES, dtype=dtype)
    x = p.x.copy()
    x[2, 5] = value
    spoiled = solve(replace(p, x=x), compiled)
    healthy = solve(p, compiled)
    others = [0, 1, 2, 3, 4, 6, 7]
    for name in ("output", "grad x"):
        assert spoiled[name][:, others].tobytes() == healthy[name][:, others].tobytes()
    for name in (name for name in spoiled if name.endswith(("h0", "c0"))):
        assert spoiled[name][others].tobytes() == healthy[name][others].tobytes()
    assert spoiled["output"][:2, 5].tobytes() == healthy["output"][:2, 5].tobytes()
    # Where the equations have NaN, and nowhere else.
    expected = solve(as_float64(replace(p, x=x)), equations)
    for name in (name for name in spoiled if not name.startswith("grad")):
        assert np.array_equal(np.isnan(spoiled[name]), np.isnan(expected[name])), name


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_each_gate_alone_shows_that_it_has_no_number(kind, dtype):
    p = torch_like(kind, sizes=(1, 3, 4, 21), dtype=dtype)
    for gate in range(len(p.parameters["bias_ih"]) // 21):
        bias = p.parameters["bias_ih"].copy()
        bias[gate * 21 + 5] = np.nan
        spoiled = replace(p, parameters=p.parameters | {"bias_ih": bias})
        actual = solve(spoiled, compiled)
        expected = solve(as_float64(spoiled), equations)
        for name in ("output", "final h0"):
            assert np.isnan(actual[name]).any()
            assert np.array_equal(np.isnan(actual[name]), np.isnan(expected[name]))


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [1, 3, 13])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_infinite_input_spoils_no_gradient_by_units_that_only_pad(kind, hidden, dtype):
    p = torch_like((*kind[:2], 0), sizes=(3, 2, 2, hidden), dtype=dtype)
    x = p.x.copy()
    x[0, 0, 0] = np.inf
    p = replace(p, x=x)
    expected = solve(p, equations)
    for name, value in solve(p, compiled).items():
        assert np.isfinite(value[np.isfinite(expected[name])]).all(), name


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_infinite_input_with_weight_zero_is_no_number(kind):
    """inf * 0 is NaN, as everywhere: a product is never left out because a weight is zero."""
    p = torch_like(kind, sizes=SIZES, dtype=np.float32)
    x = p.x.copy()
    x[0, 0, 0] = np.inf
    weight = p.parameters["weight_ih"].copy()
    weight[:, 0] = 0
    p = replace(p, x=x, parameters=p.parameters | {"weight_ih": weight})
    output, *_ = getattr(compiled, f"{p.cell}_forward")(**p.inputs, **p.options)
    assert np.isnan(output[:, 0]).all()
    assert np.isfinite(output[:, 1:]).all()


# Every size of argument, both signs, and where exp over- and underflows.
ARGUMENTS = np.concatenate(
    [
        *([-s * 2.0**k * m for k in range(-40, 11)] for s in (-1, 1) for m in (1, 1.3, 1.7)),
        np.linspace(-30, 30, 4001),
        [0.0, np.inf, -np.inf, 1e30, -1e30, 87.9, 88.8, -87.9, -103.9, 709.5, -745.5],
    ]
)


def curve(values, weights, h0, cell, dtype):
    """h' of one step for each value: one unit whose gates are `weights` times the value."""
    weight_ih = np.array(weights, dtype)[:, None]
    zeros = np.zeros(len(weights), dtype)
    x = values.astype(dtype)[:, None]
    h = np.full((len(x), 1), h0, dtype)
    step = getattr(compiled, f"{cell}_step")
    return step(x, h, weight_ih, 0 * weight_ih, zeros, zeros)[:, 0]


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh(dtype):
    """h' = tanh(x): within 4 units in the last place, everywhere."""
    values = ARGUMENTS.astype(dtype)
    exact = np.tanh(values.astype(np.float64))
    ulp = np.spacing(np.abs(exact).astype(dtype))
    assert (np.abs(curve(values, [1], 0, "rnn", dtype) - exact) <= 4 * ulp).all()


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid(dtype):
    """With n = 0 and h = 1, h' = z = s(x): within 4 units in the last place of 1."""
    values = ARGUMENTS[np.isfinite(ARGUMENTS)].astype(dtype)
    exact = equations.sigmoid(values.astype(np.float64))
    error = np.abs(curve(values, [0, 1, 0], 1, "gru", dtype) - exact)
    assert (error <= 4 * np.finfo(dtype).eps).all()


@pytest.mark.usefixtures("simd")
def test_relu_passes_what_is_no_number():
    values = np.array([-np.inf, -1.5, -0.0, 0.0, 2.5, np.inf, np.nan], np.float32)
    x, bias, weight = values[:, None], np.zeros(1, np.float32), np.ones((1, 1), np.float32)
    h = compiled.rnn_step(x, np.zeros_like(x), weight, 0 * weight, bias, bias, "relu")
    np.testing.assert_array_equal(h[:, 0], [0, 0, 0, 0, 2.5, np.inf, np.nan])


def tiny(kind, dtype, size):
    """A problem in which every number is about `size`, or a sum or product of such."""
    p = problem(*kind, sizes=(100, 16, 32, 48), dtype=dtype)

    def scaled(arrays):
        return {name: (array * dtype(size)).astype(dtype) for name, array in arrays.items()}

    return replace(
        p,
        x=p.x * dtype(size),
        states=scaled(p.states),
        parameters={
            name: (array * dtype(0.05)).astype(dtype) if array.ndim == 2 else array * dtype(size)
            for name, array in p.parameters.items()
        },
        grad_output=p.grad_output * dtype(size),
        grad_final=scaled(p.grad_final),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_denormal_numbers_cost_no_time(kind, dtype):
    """Measured on one core: without care such numbers cost up to a hundred times more."""

    def seconds(size):
        p, best = tiny(kind, dtype, size), np.inf
        for _ in range(5):
            start = time.process_time()
            solve(p, compiled)
            best = min(best, time.process_time() - start)
        return best

    denormal = float(np.finfo(dtype).tiny) / 1000
    assert seconds(denormal) < 4 * seconds(1.0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_denormal_numbers_are_treated_as_zero_or_as_they_are(kind, dtype):
    p = tiny(kind, dtype, float(np.finfo(dtype).tiny) / 1000)
    for name, value in solve(p, compiled).items():
        assert np.isfinite(value).all(), name


@pytest.mark.usefixtures("own_threads")
def test_arithmetic_of_the_caller_stays_as_it_was():
    engine.set_num_threads(2)
    p = torch_like(("gru", None, 0), sizes=(20, 64, 64, 128), dtype=np.float32)
    solve(p, compiled)
    # Neither flushed to zero nor rounded another way.
    for dtype in DTYPES:
        smallest = np.array([np.finfo(dtype).smallest_subnormal] * 32)
        assert ((smallest * dtype(3)) == 3 * np.finfo(dtype).smallest_subnormal).all()
        assert (smallest * dtype(3) > 0).all()
    assert 5e-324 * 3 == 1.5e-323 != 0
    assert 1 + 2**-53 == 1
    assert 1 + 2**-53 + 2**-80 == 1
