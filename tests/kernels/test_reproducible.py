"""The same bits for any number of threads, from run to run, in any batch, and after a fork."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_problems import KINDS, assert_same_bits, infer, problems, solve, torch_like

from unrolled.kernels import compiled, engine
from unrolled.kernels.call import CODES

DTYPES = [np.float32, np.float64]
# T, N, C, H: enough work for several threads, and nothing a multiple of anything. In the last two
# threads share the hidden units, in the others the rows.
SHAPES = [(15, 67, 19, 70), (40, 3, 30, 131), (5, 131, 131, 37), (4, 9, 10, 330), (9, 2, 30, 410)]
LARGE_KINDS = [*KINDS, ("lstm", None, 101)]


def ragged(shape, seed=5):
    steps, batch = shape[:2]
    return np.random.default_rng(seed).integers(1, steps + 1, batch)


def numbers_of_threads(p, threads):
    """How many threads forward and backward take of those allowed."""
    hidden = p.states["c0" if p.cell == "lstm" else "h0"].shape[1]
    sizes = (*p.x.shape, hidden, p.states["h0"].shape[1])
    code = CODES[p.nonlinearity or p.cell]
    return [
        engine.COMPILED.threads_for(code, p.x.itemsize, *sizes, threads, backward)
        for backward in (False, True)
    ]


@pytest.mark.usefixtures("simd", "own_threads", "poisoned_scratch")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", LARGE_KINDS)
def test_any_number_of_threads_gives_the_same_bits(kind, shape, dtype):
    p = torch_like(kind, lengths=ragged(shape), sizes=shape, dtype=dtype)
    assert max(numbers_of_threads(p, 2)) == 2
    engine.set_num_threads(1)
    expected = solve(p, compiled)
    for threads in (2, 3, 4, 2, 1):
        engine.set_num_threads(threads)
        assert_same_bits(solve(p, compiled), expected)


@pytest.fixture(params=["rows", "units"])
def division(request):
    """How threads share a layer, however small it is."""
    engine.COMPILED.use_division(request.param)
    yield request.param
    engine.COMPILED.use_division("auto")


@pytest.mark.usefixtures("own_threads", "poisoned_scratch", "division")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(problems(), st.integers(2, 5))
def test_any_division_gives_the_same_bits(p, threads):
    engine.set_num_threads(1)
    expected = solve(p, compiled)
    engine.set_num_threads(threads)
    assert_same_bits(solve(p, compiled), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_large_problems_take_the_threads_that_are_allowed(kind):
    for shape in ((64, 64, 64, 128), (64, 2, 64, 700)):
        p = torch_like(kind, sizes=shape)
        assert numbers_of_threads(p, 1) == [1, 1]
        assert numbers_of_threads(p, 2) == [2, 2]
        assert all(1 <= number <= 4 for number in numbers_of_threads(p, 4))


def rows(p, chosen):
    """The problem of some rows alone."""

    def take(arrays):
        return {name: array[chosen] for name, array in arrays.items()}

    return replace(
        p,
        x=p.x[:, chosen],
        lengths=None if p.lengths is None else p.lengths[chosen],
        states=take(p.states),
        grad_output=p.grad_output[:, chosen],
        grad_final=take(p.grad_final),
    )


def rows_of(results, chosen):
    """Those rows of results; gradients of parameters are of no row."""
    axis = {"output": 1, "grad x": 1}
    return {
        name: np.take(value, chosen, axis=axis.get(name, 0))
        for name, value in results.items()
        if name in axis or name.endswith(("h0", "c0"))
    }


@pytest.mark.usefixtures("simd")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(p=problems(), data=st.data())
def test_a_row_has_the_same_bits_whatever_else_is_in_its_batch(p, data):
    batch = p.x.shape[1]
    chosen = data.draw(st.lists(st.integers(0, batch - 1), min_size=1, max_size=25), label="rows")
    whole = rows_of(solve(p, compiled), chosen)
    assert_same_bits(rows_of(solve(rows(p, chosen), compiled), range(len(chosen))), whole)
    assert_same_bits(infer(rows(p, chosen)), rows_of(infer(p), chosen))


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_has_the_bits_of_a_large_batch_on_threads(kind, dtype):
    shape = (12, 150, 33, 100)
    p = torch_like(kind, lengths=ragged(shape), sizes=shape, dtype=dtype)
    engine.set_num_threads(2)
    whole = solve(p, compiled)
    for row in (0, 17, 74, 75, 149):
        alone = rows_of(solve(rows(p, [row]), compiled), [0])
        assert_same_bits(alone, rows_of(whole, [row]))
        assert_same_bits(infer(rows(p, [row])), rows_of(infer(p), [row]))


@pytest.mark.parametrize("kind", KINDS)
def test_padding_may_be_longer_or_shorter(kind):
    lengths = np.array([3, 6, 1, 5, 6])
    p = torch_like(kind, lengths=lengths, sizes=(6, 5, 9, 11), dtype=np.float32)
    padding = ((0, 4), (0, 0), (0, 0))
    longer = replace(p, x=np.pad(p.x, padding), grad_output=np.pad(p.grad_output, padding))
    results = solve(longer, compiled)
    results["output"], results["grad x"] = results["output"][:6], results["grad x"][:6]
    assert_same_bits(results, solve(p, compiled))


def work_of_many():
    """Problems of each kind, some for one thread and some for more, and their results."""
    work = [
        torch_like(kind, lengths=ragged(shape, seed), sizes=shape, dtype=np.float32, seed=seed)
        for seed, kind in enumerate(KINDS)
        for shape in ((3, 2, 3, 5), SHAPES[0])
    ]
    return [(p, solve(p, compiled)) for p in work]


@pytest.mark.usefixtures("own_threads")
def test_several_python_threads_at_once():
    engine.set_num_threads(2)
    work = work_of_many()
    start = threading.Barrier(5)

    def repeat(first):
        start.wait(timeout=60)
        for turn in range(3 * len(work)):
            p, expected = work[(first + turn) % len(work)]
            assert_same_bits(solve(p, compiled), expected)
        return True

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(repeat, range(5)))


def check_in_child(work, answer):
    try:
        for p, expected in work:
            assert_same_bits(solve(p, compiled), expected)
        answer.send("same")
    except BaseException as error:
        answer.send(repr(error))
        raise


def answer_of_fork(work):
    """What a process forked here finds, or that it hangs."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=check_in_child, args=(work, there))
    child.start()
    there.close()
    answer = here.recv() if here.poll(60) else "hangs"
    if answer == "hangs":
        child.kill()
    child.join()
    return answer


forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


class TestFork:
    pytestmark = forks

    @pytest.mark.usefixtures("own_threads")
    def test_after_threads_were_used(self):
        engine.set_num_threads(2)
        work = work_of_many()
        assert answer_of_fork(work) == "same"
        for p, expected in work:
            assert_same_bits(solve(p, compiled), expected)

    @pytest.mark.usefixtures("own_threads")
    def test_while_other_threads_compute(self):
        engine.set_num_threads(2)
        work = work_of_many()
        ended = threading.Event()

        def compute():
            while not ended.is_set():
                solve(work[1][0], compiled)

        others = [threading.Thread(target=compute) for _ in range(2)]
        for other in others:
            other.start()
        try:
            answers = [answer_of_fork(work[:4]) for _ in range(4)]
        finally:
            ended.set()
            for other in others:
                other.join()
        assert answers == ["same"] * 4
