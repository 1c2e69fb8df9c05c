"""The compiled kernels against the equations in float64: outputs, final states, every gradient."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from kernel_problems import (
    KINDS,
    as_float64,
    assert_accurate,
    assert_same,
    assert_same_bits,
    infer,
    problem,
    problems,
    solve,
    torch_like,
)

from unrolled.kernels import compiled, engine, equations
from unrolled.kernels.layout import GATE_NAMES

RAGGED = np.array([3, 6, 1, 5])
# The fixtures choose what computes, for all examples of a test alike.
with_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def snapshot(p):
    return [a.copy() for a in (p.x, *p.inputs.values(), p.grad_output, *p.grad_final.values())]


@pytest.mark.usefixtures("simd", "poisoned_scratch")
@with_fixtures
@given(p=problems())
def test_any_problem_is_solved_as_by_the_equations(p):
    before = snapshot(p)
    actual = solve(p, compiled)
    assert {value.dtype for value in actual.values()} == {p.x.dtype}
    assert_accurate(actual, solve(as_float64(p), equations))
    outputs = {name: value for name, value in actual.items() if not name.startswith("grad")}
    assert_same_bits(infer(p), outputs)
    for then, now in zip(before, snapshot(p), strict=True):
        assert then.tobytes() == now.tobytes()


@pytest.mark.usefixtures("simd", "poisoned_scratch")
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, RAGGED, np.full(4, 7)], ids=["None", "ragged", "full"])
@pytest.mark.parametrize("kind", [*KINDS, ("lstm", None, 5), ("lstm", None, 9)])
def test_large_weights_in_float64(kind, lengths, reverse):
    p = problem(*kind, lengths=lengths, reverse=reverse)
    assert_same(solve(p, compiled), solve(p, equations))


# T, N, C, H of more than one of the kernels' blocks of steps, rows or columns.
LONG = [
    (700, 1, 3, 5),
    (90, 7, 19, 9),
    (3, 301, 4, 6),
    (30, 20, 31, 130),
    (4, 70, 270, 33),
    (7, 40, 20, 262),
]


@pytest.mark.usefixtures("simd", "poisoned_scratch", "own_threads")
@pytest.mark.parametrize(("dtype", "ragged"), [(np.float32, True), (np.float64, False)])
@pytest.mark.parametrize("shape", LONG)
@pytest.mark.parametrize("kind", [*KINDS, ("lstm", None, 41)])
def test_long_wide_and_large_problems(kind, shape, dtype, ragged):
    steps, batch = shape[:2]
    engine.set_num_threads(2)
    lengths = np.random.default_rng(steps).integers(1, steps + 1, batch) if ragged else None
    p = torch_like(kind, lengths=lengths, reverse=ragged, sizes=shape, dtype=dtype)
    assert_accurate(solve(p, compiled), solve(as_float64(p), equations))


def batch_first(a):
    return np.ascontiguousarray(a.transpose(1, 0, 2)).transpose(1, 0, 2)


def wider(a):
    whole = np.full((*a.shape[:2], a.shape[2] + 3), np.nan, a.dtype)
    whole[..., 2:-1] = a
    return whole[..., 2:-1]


def unaligned(a):
    whole = np.empty(a.nbytes + 1, np.uint8)
    moved = whole[1:].view(a.dtype).reshape(a.shape)
    moved[:] = a
    return moved


def between_other_bytes(a):
    whole = np.zeros(a.shape, [("flag", "i1"), ("value", a.dtype)])
    whole["value"] = a
    return whole["value"]


def last_axis_not_contiguous(a):
    return np.ascontiguousarray(a.transpose(2, 0, 1)).transpose(1, 2, 0)


LAYOUTS = {
    "batch first": batch_first,
    "wider rows": wider,
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "Fortran": np.asfortranarray,
    "last axis not contiguous": last_axis_not_contiguous,
    "last axis backwards": lambda a: a[..., ::-1].copy()[..., ::-1],
    "unaligned": unaligned,
    "between other bytes": between_other_bytes,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_layout_of_what_enters_does_not_matter(kind, layout, inputs, dtype):
    p = problem(*kind, lengths=RAGGED, sizes=(7, 4, inputs, 5), dtype=dtype)
    change = LAYOUTS[layout]

    def changed(arrays):
        """Arrays of fewer axes are laid out as the first entry of three."""
        missing = {name: 3 - a.ndim for name, a in arrays.items()}
        return {n: change(a[(None,) * missing[n]])[(0,) * missing[n]] for n, a in arrays.items()}

    other = replace(
        p,
        x=change(p.x),
        states=changed(p.states),
        parameters=changed(p.parameters),
        grad_output=change(p.grad_output),
        grad_final=changed(p.grad_final),
    )
    assert_same_bits(solve(other, compiled), solve(p, compiled))


@pytest.mark.parametrize("kind", KINDS)
def test_broadcast_arrays(kind):
    p = problem(*kind, lengths=RAGGED)
    p = replace(
        p,
        x=np.broadcast_to(p.x[:1, :1], p.x.shape),
        grad_output=np.broadcast_to(np.ones(1), p.grad_output.shape),
    )
    assert_same(solve(p, compiled), solve(p, equations))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_step_is_forward_s_first(kind, dtype):
    p = problem(*kind, sizes=(1, 9, 3, 21), dtype=dtype)
    arguments = p.inputs | {"x": p.x[0]}
    renamed = {name.removesuffix("0"): value for name, value in arguments.items()}
    result = getattr(compiled, f"{p.cell}_step")(**renamed, **p.own)
    states = result if p.cell == "lstm" else (result,)
    expected = list(solve(p, compiled).values())[1 : 1 + len(states)]
    for state, final in zip(states, expected, strict=True):
        assert state.tobytes() == final.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_backward_changes_nothing_that_it_was_given(kind):
    """The initial states may be changed after forward, and backward may run twice."""
    p = problem(*kind, lengths=RAGGED)
    states = {name: state.copy() for name, state in p.states.items()}
    changeable = replace(p, states=states)
    *_, saved = getattr(compiled, f"{p.cell}_forward")(**changeable.inputs, **p.options)
    for state in states.values():
        state[:] = np.nan
    weights = p.parameters["weight_ih"], p.parameters["weight_hh"]
    arguments = p.grad_output, *p.grad_final.values(), saved, p.x, *weights
    first, second = (
        getattr(compiled, f"{p.cell}_backward")(*arguments, **p.options) for _ in range(2)
    )
    expected = [value for name, value in solve(p, compiled).items() if name.startswith("grad")]
    for one, two, three in zip(first, second, expected, strict=True):
        assert one.tobytes() == two.tobytes() == three.tobytes()


@pytest.mark.parametrize("empty", ["T", "N", "C", "H"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind[2]])
def test_empty_axes_are_as_the_equations_have_them(kind, empty):
    sizes = {"T": 7, "N": 4, "C": 3, "H": 5} | {empty: 0}
    p = problem(*kind, sizes=tuple(sizes.values()))
    assert_same(solve(p, compiled), solve(p, equations), tolerance=0)


def swap_gates(array, first, second, gates):
    parts = np.split(array, gates)
    parts[first], parts[second] = parts[second], parts[first]
    return np.concatenate(parts)


GATE_PAIRS = [
    (cell, *pair)
    for cell in ("gru", "lstm")
    for pair in itertools.combinations(range(len(GATE_NAMES[cell])), 2)
]


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize(("cell", "first", "second"), GATE_PAIRS)
def test_comparison_sees_two_gates_swapped(cell, first, second, where):
    p = torch_like((cell, None, 0), lengths=RAGGED)
    gates = len(GATE_NAMES[cell])

    def forward(**arguments):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            arguments[name] = swap_gates(arguments[name], first, second, gates)
        return getattr(compiled, f"{cell}_forward")(**arguments)

    def backward(*arguments, **options):
        grads = list(getattr(compiled, f"{cell}_backward")(*arguments, **options))
        grads[-4:] = [swap_gates(array, first, second, gates) for array in grads[-4:]]
        return grads

    mutation = {"forward": forward} if where == "forward" else {"backward": backward}
    expected = solve(p, equations)
    assert_accurate(solve(p, compiled), expected)
    with pytest.raises(AssertionError, match="is off by"):
        assert_accurate(solve(p, compiled, **mutation), expected)
