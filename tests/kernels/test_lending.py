"""Large memory that the kernels lend, and take back for the next call."""

from __future__ import annotations

import gc

import pytest

from unrolled.kernels import engine

LARGE = 2**20


def idle() -> int:
    gc.collect()
    return engine.COMPILED.idle_memory()


@pytest.mark.parametrize("item", [4, 8])
def test_memory_comes_back_and_is_lent_again(item: int) -> None:
    count = LARGE + 12_347  # which nobody else asks for
    array = engine.COMPILED.lend(count, item)
    assert array.shape == (count,)
    assert array.dtype.itemsize == item
    address = array.ctypes.data
    assert address % 64 == 0
    array[...] = 1
    del array
    assert idle() >= count * item
    again = engine.COMPILED.lend(count - 1, item)
    other = engine.COMPILED.lend(count - 1, item)
    assert again.ctypes.data == address
    # What is in use is not lent twice, and half of it would waste the rest.
    assert abs(other.ctypes.data - address) >= (count - 1) * item
    del again
    half = engine.COMPILED.lend(count // 2, item)
    assert half.ctypes.data != address


def test_no_more_is_kept_than_said() -> None:
    arrays = [engine.COMPILED.lend(2**24, 8) for _ in range(3)]
    del arrays
    assert idle() <= 256 * 2**20
    with pytest.raises(ValueError, match="at least one element"):
        engine.COMPILED.lend(0, 4)
