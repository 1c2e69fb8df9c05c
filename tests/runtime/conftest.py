"""What the tests of the compiled kernels share, for networks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unrolled.kernels import engine

KINDS = ["missing"] if engine.COMPILED is None else engine.COMPILED.simd_available()


@pytest.fixture
def poisoned_scratch() -> Iterator[None]:
    """All memory of the kernels holds NaN before each use."""
    engine.COMPILED.poison_scratch(True)
    yield
    engine.COMPILED.poison_scratch(False)


@pytest.fixture(params=KINDS)
def simd(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the instructions by which the test's kernels run."""
    best = engine.COMPILED.simd()
    engine.COMPILED.use_simd(request.param)
    yield request.param
    engine.COMPILED.use_simd(best)


@pytest.fixture
def own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test sets by `set_num_threads` ends with it."""
    monkeypatch.setattr(engine, "_num_threads", None)
