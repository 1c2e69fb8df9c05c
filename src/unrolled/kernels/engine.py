"""What computes the recurrences: the compiled kernels, or why there are none.

This is the one place that imports `unrolled._kernels`. Where that fails, the first import of
`unrolled.kernels` warns, once, and everything runs on the equations in NumPy and on torch's layers.
"""

from __future__ import annotations

import os
import warnings
from numbers import Integral
from types import ModuleType

OURS, EVERYONES = "UNROLLED_NUM_THREADS", "OMP_NUM_THREADS"
MOST_THREADS = 256  # most_threads of csrc/threads.h
INTERFACE = 7  # that of csrc/bindings.cpp; memory is passed by address, so that both must agree


class SlowKernelsWarning(UserWarning):
    """The compiled kernels cannot be used, and what runs in their place is several times slower."""


COMPILED: ModuleType | None
why_not: str  # "" if COMPILED is there
try:
    import unrolled._kernels as _kernels
except ModuleNotFoundError as error:
    COMPILED, why_not = None, f"were not built for this Python ({error})"
except ImportError as error:
    COMPILED, why_not = None, f"were built, but cannot be loaded ({error})"
else:
    if getattr(_kernels, "INTERFACE", 0) == INTERFACE:
        COMPILED, why_not = _kernels, ""
    else:
        COMPILED, why_not = None, "were built from another version of unrolled"

REMEDY = (
    "install a C++17 compiler such as g++, clang or MSVC, then unrolled again: "
    "pip install --force-reinstall --no-deps --no-cache-dir unrolled"
)
if COMPILED is None:
    warnings.warn(
        f"The compiled kernels {why_not}, so recurrent networks run several times slower, on "
        f"torch's layers and NumPy's equations; {REMEDY}.",
        SlowKernelsWarning,
        stacklevel=2,
    )

_num_threads: int | None = None


def get_num_threads() -> int:
    """The most threads that a function of `unrolled.kernels` uses; fewer where work is little.

    What `set_num_threads` was given; else the variable UNROLLED_NUM_THREADS, else OMP_NUM_THREADS,
    else the number of processors that this process may use; of the latter two 256 at most. Layers
    of `unrolled.nn` go by `torch.get_num_threads()` instead.

    Raises:
        ValueError: if the variable that counts is no positive integer, or UNROLLED_NUM_THREADS is
            above 256.
    """
    if _num_threads is not None:
        return _num_threads
    for variable in (OURS, EVERYONES):
        # OMP_NUM_THREADS may be a list, an entry for each level of nested loops: the first counts.
        text = os.environ.get(variable, "").split(",")[0].strip()
        if text:
            if not text.isdecimal() or int(text) < 1:
                raise ValueError(f"{variable} is {text!r}, but must be a positive integer.")
            if variable == OURS and int(text) > MOST_THREADS:
                raise ValueError(f"{variable} is {text}, but must be at most {MOST_THREADS}.")
            return min(int(text), MOST_THREADS)
    return min(_processors(), MOST_THREADS)


def set_num_threads(num_threads: int) -> None:
    """Set what `get_num_threads` gives, for the whole process. Results do not depend on it.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is less than 1 or above 256.
    """
    if not isinstance(num_threads, Integral) or isinstance(num_threads, bool):
        kind = type(num_threads).__name__
        raise TypeError(f"num_threads is {kind}, but must be an integer.")
    if num_threads < 1:
        raise ValueError(f"num_threads is {num_threads}, but must be at least 1.")
    if num_threads > MOST_THREADS:
        raise ValueError(f"num_threads is {num_threads}, but must be at most {MOST_THREADS}.")
    global _num_threads
    _num_threads = int(num_threads)


def describe() -> str:
    """One line for people: what computes, with which vector instructions, on how many threads."""
    if COMPILED is None:
        return f"the equations in NumPy: the compiled kernels {why_not}"
    threads = get_num_threads()
    return f"compiled kernels, {COMPILED.simd()}, {threads} thread{'s' if threads > 1 else ''}"


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
