"""`unrolled doctor`: what is installed, and what computes on what."""

from __future__ import annotations

import json
import os
import platform
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from unrolled.cli.helptext import examples, paragraphs

HELP = paragraphs("""
Say what is installed, and what computes on what.

Versions, processor, threads, which recurrence runs, and where data sets are looked for: what a
report of a fault should begin with.
""")
EXAMPLES = ("unrolled doctor", "unrolled doctor --json")
EPILOG = examples(*EXAMPLES)
PACKAGES = (
    "unrolled", "torch", "numpy", "scikit-learn", "matplotlib", "narwhals", "polars", "pooch",
    "rich", "safetensors", "typer", "vega_datasets",
)  # fmt: skip
# {package: the extra that brings it}
EXTRAS = {"torch": "torch", "vega_datasets": "demo"}
THREAD_VARIABLES = (
    "UNROLLED_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
)  # fmt: skip

Json = Annotated[bool, typer.Option("--json", help="print one JSON object for other programs")]


def doctor(as_json: Json = False) -> None:
    """Print what is found, in groups."""
    found = {
        "versions": _versions(),
        "processor": _processor(),
        "threads": _threads(),
        "recurrence": _recurrence(),
        "data sets": _data_sets(),
    }
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    from unrolled.cli.screen import show_facts

    for group, facts in found.items():
        typer.echo(("" if group == "versions" else "\n") + group)
        show_facts((f"  {name}", _words(fact)) for name, fact in facts.items())


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    return found | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        if package in EXTRAS:
            return f'not installed: pip install "unrolled[{EXTRAS[package]}]"'
        return "not installed"


def _processor() -> dict[str, Any]:
    found: dict[str, Any] = {"machine": platform.machine(), "name": _processor_name()}
    import numpy as np

    # What NumPy was built for, and what it found to use beside it.
    vectors = np.show_config(mode="dicts").get("SIMD Extensions", {})
    found["vector instructions"] = [*vectors.get("baseline", []), *vectors.get("found", [])]
    return found


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name":
                return name.strip()
    return platform.processor() or "unknown"


def _threads() -> dict[str, Any]:
    found: dict[str, Any] = {"cores": os.cpu_count()}
    if hasattr(os, "sched_getaffinity"):
        found["cores that may be used"] = len(os.sched_getaffinity(0))
    found |= {name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ}
    torch = _torch()
    if not isinstance(torch, str):
        found["torch"] = torch.get_num_threads()
    return found


def _recurrence() -> dict[str, Any]:
    with warnings.catch_warnings():
        # What the warning says is said below.
        warnings.filterwarnings("ignore", "The compiled kernels")
        from unrolled.kernels import engine

    torch = _torch()
    if isinstance(torch, str):
        layers = f"none ({torch})"
    elif engine.COMPILED is None:
        layers = f"torch's layers, on {torch.backends.cpu.get_cpu_capability()}"
    else:
        layers = "compiled kernels"
    estimators = layers if engine.COMPILED is None else "compiled kernels"
    found: dict[str, Any] = {
        "training": estimators,
        "prediction": estimators,
        "unrolled.nn": layers,
        "unrolled.kernels": engine.describe(),
    }
    if engine.COMPILED is None:
        found["what to do"] = engine.REMEDY
    else:
        found["vector instructions"] = engine.COMPILED.simd_available()
    return found


def _data_sets() -> dict[str, Any]:
    import pooch

    from unrolled.data.remote import FOLDER_VARIABLE

    own = os.environ.get(FOLDER_VARIABLE)
    if own is None:
        shown = "not set"
    else:
        shown = own if Path(own).is_dir() else f"{own}, which is no folder"
    return {FOLDER_VARIABLE: shown, "cache": str(pooch.os_cache("unrolled"))}


def _torch() -> Any:
    """The module, or why there is none."""
    try:
        import torch
    except (ImportError, OSError) as error:
        missing = isinstance(error, ModuleNotFoundError)
        return "torch is not installed" if missing else f"torch cannot be imported: {error}"
    return torch


def _words(fact: Any) -> str:
    return ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)
