"""One process that measures on a fixed number of threads and writes what it finds, a line a case.

A process each, since JAX takes its number of threads once, when it is loaded.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from argparse import Namespace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from layer_bench.bars import OURS, TORCH
from layer_bench.cases import Case, case_of
from layer_bench.contenders import NEEDS, build, check
from layer_bench.problem import make_problem
from layer_bench.timing import alternate, peak


def settings(threads: int) -> dict[str, str]:
    """Variables of the environment that a worker has to be started with."""
    single = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    numeric = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        **dict.fromkeys(numeric, str(threads)),
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": single if threads == 1 else "",
    }


def work(options: Namespace, threads: int, file: Path) -> None:
    """Measure what `options` ask for and write JSON lines to `file`: the rows, then a header.

    Nothing numeric may have been imported but NumPy, whose products are not used.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import torch

    from unrolled.kernels.engine import COMPILED
    from unrolled.nn import require_fused

    torch.set_num_threads(threads)
    if COMPILED is not None:
        require_fused()  # a layer on torch's own path is then an error
    if options.dtype == "float64" and {"jax", "keras-jax"} & set(options.peers):
        import jax

        jax.config.update("jax_enable_x64", True)
    with file.open("w", encoding="utf-8") as out:
        header = _header(threads, options.dtype, options.peers)
        if options.sweep:
            from layer_bench.sweep import sweep_cases

            cases = [("", case) for case in sweep_cases(options.sweep, options.seed, options.dtype)]
        else:
            cases = [
                (shape, case_of(cell, shape, mode, options.dtype))
                for mode in options.mode
                for cell in options.cells
                for shape in options.shapes
                if cell != "lstm-proj" or shape in options.projected_shapes
            ]
        for done, (shape, case) in enumerate(cases, start=1):
            row = measure(case, options.peers, threads, options.samples)
            row["shape"] = shape
            _write(out, row)
            if options.progress:
                _tell(done, len(cases), row)
        again, _ = peak(threads, options.dtype)
        header["peak_gflops"] = max(again, header["peak_gflops"])
        _write(out, header)


def measure(case: Case, peers: list[str], threads: int, least_samples: int) -> dict[str, Any]:
    """Check and time one case: milliseconds of a call of this library and of each peer that can.

    Returns:
        a row, ready for JSON: the case, its flops, and by name "milliseconds" (median), "quartiles"
        and "errors" (largest relative difference to torch.nn).
    """
    problem = make_problem(case)
    made = {name: build(name, problem, threads) for name in (OURS, *peers)}
    contenders = {name: one for name, one in made.items() if one is not None}
    reference = contenders.get(TORCH) or build(TORCH, problem, threads)
    errors = check(contenders, reference, case.dtype)

    samples = alternate({name: one.call for name, one in contenders.items()}, least_samples)
    row = {
        "cell": case.cell,
        "mode": case.mode,
        "sizes": [case.shape.batch, case.shape.steps, case.shape.inputs, case.shape.hidden],
        "layers": case.shape.layers,
        "bidirectional": case.shape.bidirectional,
        "ragged": problem.lengths is not None,
        "dtype": case.dtype,
        "threads": threads,
        "flops": case.flops(problem.valid_steps),
        "samples": len(samples[OURS]),
        "milliseconds": {name: 1e3 * float(np.median(s)) for name, s in samples.items()},
        "quartiles": {
            name: [1e3 * float(q) for q in np.quantile(s, (0.25, 0.75))]
            for name, s in samples.items()
        },
        "errors": errors,
    }
    del made, contenders, reference, problem
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    return row


def _header(threads: int, dtype: str, peers: list[str]) -> dict[str, Any]:
    from machine import describe

    from unrolled.kernels.engine import COMPILED

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    speed, how = peak(threads, dtype)
    packages = sorted({package for name in peers for package in NEEDS[name]} - {"torch"})
    kernels = "absent: torch's own path" if COMPILED is None else COMPILED.simd()
    return {
        "threads": threads,
        "machine": describe(),
        "kernels": kernels,
        "peers": [f"{package} {version(package)}" for package in packages],
        "load": load,
        "peak_gflops": speed,
        "peak_measured_by": how,
    }


def _write(out: Any, content: dict[str, Any]) -> None:
    out.write(json.dumps(content) + "\n")
    out.flush()


def _tell(done: int, count: int, row: dict[str, Any]) -> None:
    times = ", ".join(f"{name} {ms:.4g}" for name, ms in row["milliseconds"].items())
    what = row["shape"] or f"{row['sizes']}{' ragged' if row['ragged'] else ''}"
    where = f"{row['threads']} thread{'s' if row['threads'] > 1 else ''} {done}/{count}"
    print(f"{where} {row['mode']} {row['cell']} {what}: {times} ms", file=sys.stderr, flush=True)
