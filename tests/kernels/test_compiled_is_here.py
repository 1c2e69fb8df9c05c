"""Where the tests run the compiled kernels are there: a test without them would say little."""

from __future__ import annotations

from unrolled import kernels
from unrolled.kernels import engine


def test_kernels_are_compiled():
    assert engine.COMPILED is not None, (
        f"The compiled kernels {engine.why_not}; the tests need them: {engine.REMEDY}."
    )
    assert kernels.gru_forward.__module__ == "unrolled.kernels.compiled"


def test_vector_instructions_are_the_best_of_those_that_there_are():
    available = engine.COMPILED.simd_available()
    assert engine.COMPILED.simd() in available
    assert "plain" in available
    assert engine.COMPILED.simd() != "plain" or available == ["plain"]
