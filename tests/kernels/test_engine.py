"""Which engine computes, on how many threads, and what is said where none is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

from unrolled.kernels import engine

# Another Python, in which the compiled module is as `finder` makes it.
PROGRAM = """
import importlib.machinery, sys, warnings

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "unrolled._kernels":
            {action}

sys.meta_path.insert(0, Finder())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import unrolled.kernels, unrolled.kernels.engine, unrolled.runtime.spec, unrolled.kernels.layout
for warning in caught:
    print(warning.category.__name__, warning.message)
print(unrolled.kernels.gru_forward.__module__)
print(unrolled.kernels.engine.describe())
"""
MISSING = 'raise ModuleNotFoundError("No module named " + repr(name), name=name)'


def lines_without(action):
    program = PROGRAM.format(action=action)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_missing_kernels_are_said_once_and_replaced():
    warning, module, description = lines_without(MISSING)
    assert warning.startswith(
        "SlowKernelsWarning The compiled kernels were not built for this Python "
        "(No module named 'unrolled._kernels'), so recurrent networks run several times slower, "
        "on torch's layers and NumPy's equations; install a C++17 compiler"
    )
    assert warning.endswith("pip install --force-reinstall --no-deps --no-cache-dir unrolled.")
    assert module == "unrolled.kernels.equations"
    assert description.startswith("the equations in NumPy: the compiled kernels were not built")


def test_broken_kernels_say_what_is_wrong_with_them(tmp_path: Path):
    broken = tmp_path / f"_kernels{EXTENSION_SUFFIXES[0]}"
    broken.write_bytes(b"\x7fELF, but no more")
    action = (
        f"loader = importlib.machinery.ExtensionFileLoader(name, {str(broken)!r}); "
        f"return importlib.machinery.ModuleSpec(name, loader, origin={str(broken)!r})"
    )
    warning, module, _ = lines_without(action)
    assert warning.startswith(
        "SlowKernelsWarning The compiled kernels were built, but cannot be loaded ("
    )
    assert str(broken) in warning
    assert module == "unrolled.kernels.equations"


def test_kernels_of_another_version_are_not_called(tmp_path: Path):
    older = tmp_path / "_kernels.py"
    older.write_text("INTERFACE = 0")
    loader = f"importlib.machinery.SourceFileLoader(name, {str(older)!r})"
    warning, module, _ = lines_without(f"return importlib.machinery.ModuleSpec(name, {loader})")
    assert warning.startswith(
        "SlowKernelsWarning The compiled kernels were built from another version of unrolled, so"
    )
    assert module == "unrolled.kernels.equations"


def test_an_error_other_than_of_the_import_is_not_caught():
    program = PROGRAM.format(action='raise RuntimeError("no such luck")')
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError: no such luck" in done.stderr


def test_compiled_functions_without_kernels_say_why(monkeypatch: pytest.MonkeyPatch):
    from unrolled.kernels import compiled

    monkeypatch.setattr(engine, "COMPILED", None)
    monkeypatch.setattr(engine, "why_not", "were not built for this Python (no such module)")
    one = np.ones((1, 1))
    with pytest.raises(ImportError, match=r"^The compiled kernels were not built for this Python"):
        compiled.rnn_step(one, one, one, one, one[0], one[0])


@pytest.mark.usefixtures("own_threads")
def test_number_of_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UNROLLED_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert engine.get_num_threads() == usable
    monkeypatch.setenv("OMP_NUM_THREADS", " 5,2,1")
    assert engine.get_num_threads() == 5
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "7")
    assert engine.get_num_threads() == 7
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "")
    assert engine.get_num_threads() == 5
    engine.set_num_threads(np.int64(3))
    assert engine.get_num_threads() == 3
    assert engine.describe().endswith(", 3 threads")
    engine.set_num_threads(1)
    assert engine.describe() == f"compiled kernels, {engine.COMPILED.simd()}, 1 thread"


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("variable", ["UNROLLED_NUM_THREADS", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, text: str):
    monkeypatch.delenv("UNROLLED_NUM_THREADS", raising=False)
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=f"^{variable} is '{text}', but must be a positive int"):
        engine.get_num_threads()


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize(
    ("value", "error", "sentence"),
    [
        (0, ValueError, "num_threads is 0, but must be at least 1."),
        (1.0, TypeError, "num_threads is float, but must be an integer."),
        (True, TypeError, "num_threads is bool, but must be an integer."),
        (257, ValueError, "num_threads is 257, but must be at most 256."),
        (10**11, ValueError, "num_threads is 100000000000, but must be at most 256."),
    ],
)
def test_a_wrong_number_of_threads_is_named(value, error, sentence):
    with pytest.raises(error) as caught:
        engine.set_num_threads(value)
    assert str(caught.value) == sentence


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("number", [257, 10**11])
def test_more_threads_than_a_team_has_are_refused_or_not_counted(
    monkeypatch: pytest.MonkeyPatch, number: int
):
    """Ours is refused; what is said to every library, or the machine's, is no error here."""
    monkeypatch.delenv("UNROLLED_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", str(number))
    assert engine.get_num_threads() == 256
    assert engine.describe().endswith(", 256 threads")
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(engine, "_processors", lambda: number)
    assert engine.get_num_threads() == 256
    monkeypatch.setenv("UNROLLED_NUM_THREADS", str(number))
    with pytest.raises(ValueError, match=f"^UNROLLED_NUM_THREADS is {number}, but must be at most"):
        engine.get_num_threads()
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "256")
    assert engine.get_num_threads() == 256
    engine.set_num_threads(256)
    assert engine.get_num_threads() == 256


def test_the_most_threads_are_those_of_a_team():
    text = Path(__file__).parents[2].joinpath("csrc", "threads.h").read_text(encoding="utf-8")
    assert f"constexpr int most_threads = {engine.MOST_THREADS};" in text


# Memory for one or two threads' stacks is left at first, then for all.
FEW_THREADS = """
import resource, sys
import numpy as np
from kernel_problems import assert_same_bits, solve, torch_like
from unrolled.kernels import compiled, engine

problem = torch_like(("gru", None, 0), sizes=(15, 67, 19, 70), dtype=np.float32)
engine.set_num_threads(1)
expected = solve(problem, compiled)
engine.set_num_threads(6)
_, hard = resource.getrlimit(resource.RLIMIT_AS)
stack, _ = resource.getrlimit(resource.RLIMIT_STACK)
stack = 2 << 20 if stack == resource.RLIM_INFINITY else stack
for stacks in (0.75, 1.5, 1.5, 20):
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + int(stacks * stack)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    assert_same_bits(solve(problem, compiled), expected)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
def test_a_system_that_gives_fewer_threads_is_no_reason_to_fail():
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", FEW_THREADS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert done.returncode == 0, done.stderr
