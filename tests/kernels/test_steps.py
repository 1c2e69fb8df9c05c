"""A step that is repeated gives the bits of the cell's own step."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest

from unrolled import kernels
from unrolled.kernels import engine
from unrolled.kernels.layout import GATES
from unrolled.kernels.steps import ROWS_OF_ONE_THREAD, RepeatedStep

C, H = 3, 5
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]


def weights_of(cell: str, dtype: Any = np.float32, seed: int = 0) -> list[np.ndarray]:
    rng, G = np.random.default_rng(seed), GATES[cell] * H
    return [rng.normal(size=shape).astype(dtype) for shape in ((G, C), (G, H), (G,), (G,))]


def one_step(cell: str, phi: str, x: np.ndarray, states: Any, weights: Any) -> tuple[Any, ...]:
    if cell == "lstm":
        return kernels.lstm_step(x, *states, *weights)
    if cell == "gru":
        return (kernels.gru_step(x, *states, *weights),)
    return (kernels.rnn_step(x, *states, *weights, nonlinearity=phi),)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 4, ROWS_OF_ONE_THREAD + 7])
@pytest.mark.parametrize(("cell", "phi"), CELLS)
def test_step_after_step(cell: str, phi: str, rows: int, dtype: Any) -> None:
    rng, weights = np.random.default_rng(1), weights_of(cell, dtype)
    step = RepeatedStep(cell, weights, rows, phi)
    ours = theirs = tuple(np.zeros((rows, H), dtype) for _ in range(1 + (cell == "lstm")))
    for n in range(4):
        x = rng.normal(size=(rows, C)).astype(dtype)
        kept = [part.copy() for part in ours]
        after = step(x, *ours)
        for part, was in zip(ours, kept, strict=True):
            np.testing.assert_array_equal(part, was)  # the state is a value
        ours, theirs = after, one_step(cell, phi, x, theirs, weights)
        for mine, its in zip(ours, theirs, strict=True):
            assert mine.dtype == dtype
            np.testing.assert_array_equal(mine, its)
        weights[n % 4][...] *= dtype(1.1)  # changes in place count


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, ROWS_OF_ONE_THREAD + 7])
@pytest.mark.parametrize(("cell", "phi"), CELLS)
def test_frozen_weights_give_the_same_bits(cell: str, phi: str, rows: int, dtype: Any) -> None:
    rng, weights = np.random.default_rng(1), weights_of(cell, dtype)
    frozen = RepeatedStep(cell, weights, rows, phi, frozen=True)
    kept = [weight.copy() for weight in weights]
    x = rng.normal(size=(rows, C)).astype(dtype)
    state = tuple(rng.normal(size=(rows, H)).astype(dtype) for _ in range(1 + (cell == "lstm")))
    expected = one_step(cell, phi, x, state, kept)
    for _ in range(2):
        for mine, its in zip(frozen(x, *state), expected, strict=True):
            np.testing.assert_array_equal(mine, its)
        for weight in weights:
            weight[...] = 9.0  # changes do not count


def test_frozen_weights_are_laid_out_for_the_kernels_in_use() -> None:
    weights, x = weights_of("gru"), np.ones((1, C), np.float32)
    step, h = RepeatedStep("gru", weights, 1, frozen=True), np.ones((1, H), np.float32)
    before, compiled = step(x, h)[0], engine.COMPILED
    assert compiled is not None
    in_use = compiled.simd()
    try:
        for name in compiled.simd_available():
            compiled.use_simd(name)
            np.testing.assert_allclose(step(x, h)[0], before, rtol=1e-5, err_msg=name)
    finally:
        compiled.use_simd(in_use)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])  # noqa: S301
def test_a_copy_has_arrays_of_its_own(copied: Any) -> None:
    weights = weights_of("gru")
    step, x, h = RepeatedStep("gru", weights, 2), np.ones((2, C), np.float32), np.zeros((2, H))
    h = h.astype(np.float32)
    other, expected = copied(step), step(x, h)[0]
    weights[0][...] = 0
    np.testing.assert_array_equal(other(x, h)[0], expected)
    assert not np.array_equal(step(x, h)[0], expected)


def test_threads_take_turns() -> None:
    step, rng = RepeatedStep("gru", weights_of("gru"), 2), np.random.default_rng(2)
    inputs = rng.normal(size=(8, 2, C)).astype(np.float32)
    h = np.zeros((2, H), np.float32)
    expected, wrong = [step(x, h)[0] for x in inputs], []

    def work(n: int) -> None:
        found = (np.array_equal(step(inputs[n], h)[0], expected[n]) for _ in range(200))
        wrong.append(not all(found))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not any(wrong)
    assert len(wrong) == len(threads)


def test_what_does_not_fit() -> None:
    weights = weights_of("gru")
    step = RepeatedStep("gru", weights, 2)
    h = np.zeros((2, H), np.float32)
    with pytest.raises(ValueError, match=r"a step takes \[2, 3\], got \[1, 3\]"):
        step(np.zeros((1, C), np.float32), h)
    with pytest.raises(ValueError, match=r"a step takes \[2, 5\], got \[2, 1\]"):
        step(np.zeros((2, C), np.float32), h[:, :1])
    with pytest.raises(ValueError, match="contiguous"):
        RepeatedStep("gru", [np.asfortranarray(weights[0]), *weights[1:]], 2)
    with pytest.raises(ValueError, match="bias_hh"):
        RepeatedStep("gru", [*weights[:3], weights[3][:-1]], 2)
