"""A line about the machine, without importing torch."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path


def describe(threads: str) -> str:
    """Processor, cores, what `threads` says of their use, and the versions of what is installed."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        lines = [line for line in lines if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    names = ["unrolled", "numpy"] + (["torch"] if find_spec("torch") else [])
    packages = ", ".join(f"{name} {_version(name)}" for name in names)
    return f"{model}, {os.cpu_count()} cores, {threads}; Python {platform.python_version()}, {packages}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "of this folder"
