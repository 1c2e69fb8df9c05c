"""Small networks trained whole inside the kernels, beside torch, JAX and Keras.

    python benchmarks/textbook.py [--parts step process ...] [--quick] [--json textbook.json]

The textbook job: random walks of three values, 64 tanh units, the fourth value to be found, 50
epochs in batches of 32. Parts:

    step        one optimizer step, Adam included, on one thread and on two
    process     ten samples, the whole process from `python` to the printed error
    fit         10,000 samples: the training alone, beside a torch loop and a jitted fit in JAX
    layers      an epoch of 64 batches of 50 steps, 16 inputs, 64 units, beside a torch loop
    characters  an LSTM of 256 on symbols, state carried on: symbols a second
    memory      what a longer training adds to the memory of the process

Libraries take turns; medians count. torch runs on one thread and on all, and the faster counts.
JAX and Keras take part where they are installed (`pip install 'unrolled[torch,bench]'`).
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from machine import describe
from textbook_bench import by_unrolled, jobs, processes

PARTS = ("step", "process", "fit", "layers", "characters", "memory")
MICROSECONDS_A_STEP, GOAL_A_STEP = 70, 40
PROCESS_SECONDS, GOAL_PROCESS = 0.7, 0.4
PROCESS_BARS = {"torch": (4, None), "jax": (3, None)}
FIT_BARS = {"torch": (12, 25), "jax": (2, 3)}
LAYER_BARS = {"gru": (5, 8), "lstm": (2, 3), "rnn": (6, 10)}
CHARACTER_BAR, CHARACTER_PEAK = 1.5, 0.75


def main() -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer repeats and samples")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    options = parser.parse_args()
    print(describe())
    found = {part: globals()[f"measure_{part}"](options.quick) for part in options.parts}
    if options.json:
        options.json.write_text(json.dumps({"machine": describe(), **found}, indent=1))


def measure_step(quick: bool) -> dict[str, float]:
    """Microseconds of a step, by number of threads."""
    job = jobs.textbook(jobs.BATCH * 250)
    found = {}
    for threads in (1, 2):
        with kernel_threads(threads):
            taken = repeated({"": lambda: by_unrolled.seconds_of_a_step(job)}, 5 if quick else 25)
        found[f"{threads} threads"] = 1e6 * taken[""]
    best = min(found.values())
    print("\nstep: batch 32, 3 time steps, 64 tanh units, Adam")
    for name, value in found.items():
        print(f"  {name:12} {value:8.1f} us")
    print(f"  at most {MICROSECONDS_A_STEP}: {met(best <= MICROSECONDS_A_STEP)}", end="")
    print(f"; goal {GOAL_A_STEP}: {met(best <= GOAL_A_STEP)}")
    return found


def measure_process(quick: bool) -> dict[str, float]:
    """Seconds of a whole process on ten samples, by library."""
    names = [n for n in processes.PROGRAMS if find_spec(processes.NEEDS[n])]
    errors: dict[str, float] = {}

    def run(name: str) -> float:
        taken, errors[name] = processes.seconds(name)
        return taken

    found = repeated({n: lambda n=n: run(n) for n in names}, 3 if quick else 9)
    print("\nprocess: the textbook job on 10 samples, from `python` to the printed error")
    for name in names:
        print(f"  {name:12} {found[name]:8.2f} s   error {errors[name]:.4f}")
    ours = found["unrolled"]
    print(f"  at most {PROCESS_SECONDS} s: {met(ours <= PROCESS_SECONDS)}", end="")
    print(f"; goal {GOAL_PROCESS} s: {met(ours <= GOAL_PROCESS)}")
    compare(ours, found, PROCESS_BARS)
    return found


def measure_fit(quick: bool) -> dict[str, float]:
    """Seconds of training on 10,000 samples, by library."""
    job = jobs.textbook(1000 if quick else 10_000)
    errors: dict[str, float] = {}
    compiling: list[float] = []

    def run(name: str, train: Callable[[jobs.Job], tuple[float, ...]]) -> float:
        taken, errors[name], *more = train(job)
        compiling.extend(more)
        return taken

    from textbook_bench import by_torch

    calls = {"unrolled": lambda: run("unrolled", by_unrolled.train)}
    calls |= torch_calls(lambda name: run(name, by_torch.train))
    if find_spec("jax"):
        from textbook_bench import by_jax

        calls["jax"] = lambda: run("jax", by_jax.train)
    found = repeated(calls, 1 if quick else 3)
    print(f"\nfit: the textbook job on {len(job.x):,} samples, {job.num_steps:,} steps")
    for name, taken in found.items():
        print(f"  {name:16} {taken:8.3f} s   error {errors[name]:.4f}")
    if compiling:
        # Later calls find what the first one compiled.
        print(f"  jax compiles for {max(compiling):.2f} s before, not counted")
    compare(found["unrolled"], found, FIT_BARS)
    return found


def measure_layers(quick: bool) -> dict[str, dict[str, float]]:
    """Seconds of an epoch of each cell, by library."""
    from textbook_bench import by_torch

    found = {}
    print("\nlayers: an epoch of 64 batches of 32, 50 steps, 16 inputs, 64 units")
    for cell, bars in LAYER_BARS.items():
        job = jobs.small_layer(cell)
        calls = {"unrolled": lambda job=job: by_unrolled.train(job)[0]}
        calls |= torch_calls(lambda _, job=job: by_torch.train(job)[0])
        found[cell] = repeated(calls, 3 if quick else 9)
        for name, taken in found[cell].items():
            print(f"  {cell:5} {name:16} {1e3 * taken:8.1f} ms")
        compare(found[cell]["unrolled"], found[cell], {"torch": bars})
    return found


def measure_characters(quick: bool) -> dict[str, float]:
    """Symbols a second, by library."""
    from textbook_bench import by_torch

    from unrolled.kernels.engine import COMPILED

    job = jobs.characters(3 if quick else 8)
    calls = {"unrolled": lambda: by_unrolled.train_characters(job)}
    calls |= torch_calls(lambda _: by_torch.train_characters(job))
    taken = repeated(calls, 2 if quick else 7)
    symbols = jobs.BATCH * job.num_windows * job.window
    found = {name: symbols / seconds for name, seconds in taken.items()}
    E, H, V = job.embedding_size, job.hidden_size, job.num_symbols
    flops = 3 * 2 * (4 * H * (E + H) + H * V)  # of a symbol, forward and backward
    assert COMPILED is not None
    peak = max(COMPILED.fma_peak(2, 0.3) for _ in range(3))
    share = found["unrolled"] * flops / peak / 1e9
    print("\ncharacters: LSTM of 256, embedding 64, 65 symbols, batch 32, 128 steps, Adam")
    for name, rate in found.items():
        print(f"  {name:16} {rate:10,.0f} symbols/s")
    print(f"  {share:.0%} of the FMA peak of {peak:.0f} GFLOP/s", end="")
    print(f"; goal {CHARACTER_PEAK:.0%}: {met(share >= CHARACTER_PEAK)}")
    compare(taken["unrolled"], taken, {"torch": (CHARACTER_BAR, None)})
    return found | {"share of peak": share}


def measure_memory(quick: bool) -> dict[str, int]:
    """Peak memory in KB after two epochs and after many."""
    epochs = 20 if quick else 200
    before, after = processes.growth(epochs)
    print(f"\nmemory: {before} KB at its peak after 2 epochs of 10,000 samples, ", end="")
    print(f"{after} KB after {epochs}: {met(after - before < 1024)}")
    return {"after 2 epochs": before, f"after {epochs} epochs": after}


def torch_calls(run: Callable[[str], float]) -> dict[str, Callable[[], float]]:
    """`run` on one of torch's threads and on all, by name."""
    import torch

    every = torch.get_num_threads()

    def on(threads: int, name: str) -> float:
        torch.set_num_threads(threads)
        try:
            return run(name)
        finally:
            torch.set_num_threads(every)

    names = {"torch, 1 thread": 1, f"torch, {every} threads": every}
    return {name: lambda name=name, n=n: on(n, name) for name, n in names.items()}


def repeated(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Median of what the calls return, in turns."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            samples[name].append(call())
    return {name: statistics.median(values) for name, values in samples.items()}


def compare(
    ours: float, found: dict[str, float], bars: dict[str, tuple[float, float | None]]
) -> None:
    """Print how many times faster we are than the faster way of each rival, and what was asked."""
    for rival, (bar, goal) in bars.items():
        times = [taken for name, taken in found.items() if name.startswith(rival)]
        if not times:
            continue
        ratio = min(times) / ours
        print(f"  {ratio:.1f} times faster than {rival} (bar {bar}: {met(ratio >= bar)}", end="")
        print(f"; goal {goal}: {met(ratio >= goal)})" if goal else ")")


def met(is_so: bool) -> str:
    """In words."""
    return "met" if is_so else "MISSED"


@contextmanager
def kernel_threads(count: int) -> Iterator[None]:
    """The kernels on at most `count` threads."""
    from unrolled.kernels import get_num_threads, set_num_threads

    before = get_num_threads()
    set_num_threads(count)
    try:
        yield
    finally:
        set_num_threads(before)


if __name__ == "__main__":
    main()
