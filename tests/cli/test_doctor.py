"""`unrolled doctor`: what it finds, and that it finds it where torch is missing too."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

Succeed = Callable[[str], str]


def test_json(succeed: Succeed, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("UNROLLED_DATA", str(folder))
    monkeypatch.setenv("UNROLLED_NUM_THREADS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = json.loads(succeed("doctor --json"))
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["numpy"] == np.__version__
    assert found["threads"]["UNROLLED_NUM_THREADS"] == "1"
    assert found["threads"]["OMP_NUM_THREADS"] == "3"
    assert found["recurrence"]["training"] == "compiled kernels"
    assert found["recurrence"]["unrolled.kernels"].startswith("compiled kernels, ")
    assert found["recurrence"]["unrolled.kernels"].endswith(", 1 thread")
    assert "plain" in found["recurrence"]["vector instructions"]
    assert "what to do" not in found["recurrence"]
    assert found["data sets"]["UNROLLED_DATA"] == str(folder)
    assert found["data sets"]["cache"].endswith("unrolled")
    assert isinstance(found["processor"]["vector instructions"], list)


def test_for_people(succeed: Succeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_DATA", "/nowhere/at/all")
    shown = succeed("doctor")
    for group in ("versions", "processor", "threads", "recurrence", "data sets"):
        assert f"{group}\n" in shown
    assert f"  numpy          {version('numpy')}\n" in shown
    assert "  UNROLLED_DATA  /nowhere/at/all, which is no folder\n" in shown
    monkeypatch.delenv("UNROLLED_DATA")
    assert "  UNROLLED_DATA  not set\n" in succeed("doctor")


@pytest.mark.torch
def test_with_torch(succeed: Succeed) -> None:
    import torch

    found = json.loads(succeed("doctor --json"))
    assert found["versions"]["torch"] == version("torch")
    assert found["threads"]["torch"] == torch.get_num_threads()
    assert found["recurrence"]["unrolled.nn"] == "compiled kernels"


def test_without_torch(succeed: Succeed, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata
    import sys

    def without(name: str) -> str:
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    monkeypatch.setitem(sys.modules, "torch", None)
    found = json.loads(succeed("doctor --json"))
    assert found["versions"]["torch"] == 'not installed: pip install "unrolled[torch]"'
    assert found["recurrence"]["training"] == "compiled kernels"
    assert found["recurrence"]["unrolled.nn"] == "none (torch is not installed)"
    assert "torch" not in found["threads"]


@pytest.mark.torch
def test_without_compiled_kernels(succeed: Succeed, monkeypatch: pytest.MonkeyPatch) -> None:
    from unrolled.kernels import engine

    monkeypatch.setattr(engine, "COMPILED", None)
    monkeypatch.setattr(engine, "why_not", "were not built for this Python (no such module)")
    found = json.loads(succeed("doctor --json"))["recurrence"]
    assert found["training"].startswith("torch's layers, on ")
    assert found["prediction"] == found["unrolled.nn"] == found["training"]
    assert found["unrolled.kernels"] == (
        "the equations in NumPy: the compiled kernels were not built for this Python "
        "(no such module)"
    )
    assert found["what to do"].startswith("install a C++17 compiler")
