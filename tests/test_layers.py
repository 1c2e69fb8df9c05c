"""The shape of the house: who may import whom, what is never imported, how long a file may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"
MAX_LINES = 400

# Each room, and the rooms that it may import. A new room needs a row here.
MAY_IMPORT: dict[str, set[str]] = {
    "_kernels": set(),  # csrc/
    "kernels.layout": set(),
    "kernels.equations": {"kernels.layout"},
    "kernels.engine": {"_kernels"},
    "kernels.call": {"kernels.layout", "kernels.engine"},
    "kernels.compiled": {"kernels.layout", "kernels.equations", "kernels.engine", "kernels.call"},
    "kernels": {
        "kernels.layout", "kernels.equations", "kernels.engine", "kernels.call",
        "kernels.compiled",
    },
    "runtime": {"kernels"},
    "_needs_torch": set(),
    "nn": {"kernels", "_needs_torch"},
    "data": {"runtime"},
    "models.decoding": {"runtime"},
    "models": {"kernels", "runtime", "nn", "_needs_torch"},
    "training": {"kernels", "runtime", "nn", "models.decoding", "models", "data"},
    "estimators": {"kernels", "runtime", "models.decoding", "training", "data"},
    "plots": set(),
    "serve": {"runtime"},
    "cli": {
        "kernels", "runtime", "nn", "models", "training", "data", "estimators", "plots", "serve",
    },
}  # fmt: skip
WITHOUT_TORCH = {
    "kernels.layout", "kernels.equations", "kernels.engine", "kernels.call", "kernels.compiled",
    "kernels", "runtime", "models.decoding", "data", "plots", "serve", "estimators",
}  # fmt: skip
# Of training the engine through torch alone may import it, and is imported where it is chosen.
TORCH_ENGINE = {
    f"unrolled.training.{name}"
    for name in ("by_torch", "crf", "ctc", "losses", "optimizers", "gradients", "threads")
}
PICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNPICKLING_CALLS = {"read_pickle", "to_pickle"}


@dataclass(frozen=True)
class Import:
    """One imported module (dotted, absolute) and the line that imports it."""

    module: str
    line: int


def room_of(module: str) -> str:
    """`unrolled.kernels.layout` -> `kernels.layout`, `unrolled.data.text` -> `data`."""
    inside = module.split(".")[1:]
    two = ".".join(inside[:2])
    return two if two in MAY_IMPORT else ".".join(inside[:1])


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[Import]:
    """Every import of a module, wherever it stands: in functions, under TYPE_CHECKING, by name."""
    parts = module.split(".")
    package = parts if is_package else parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from unrolled.data import text` may name a module: room_of() reads both alike.
                yield Import(f"{source}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            named = node.args[0]
            if called in {"import_module", "__import__"} and isinstance(named, ast.Constant):
                yield Import(str(named.value), node.lineno)


def unpickling(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Calls that read pickles without importing the module, such as torch.load(path)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield "allow_pickle", node.value.lineno
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in UNPICKLING_CALLS or (owner, node.attr) == ("torch", "load"):
                yield f"{owner}.{node.attr}", node.lineno


def needs_torch(module: str) -> bool:
    return module.split(".")[0] == "torch" or room_of(module) in {"nn", "models", "_needs_torch"}


def faults(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What is wrong with one module, a sentence each."""
    tree = ast.parse(source)
    room = room_of(module)
    found = [
        f"{module}:{line}: {call} reads a pickle, which is never done"
        for call, line in unpickling(tree)
    ]
    num_lines = len(source.splitlines())
    if num_lines > MAX_LINES:
        found.append(f"{module}: {num_lines} lines, at most {MAX_LINES} are allowed")
    if room and room not in MAY_IMPORT:
        found.append(f"{module}: {room!r} has no row in the table of tests/test_layers.py")
        return found
    for item in imports(tree, module, is_package):
        top = item.module.split(".")[0]
        where = f"{module}:{item.line}"
        if top in PICKLES:
            found.append(f"{where}: imports {top}, and no pickle is ever read or written")
        elif top == "torch" and room in WITHOUT_TORCH:
            found.append(f"{where}: {room} never imports torch")
        elif room == "training" and module not in TORCH_ENGINE and needs_torch(item.module):
            found.append(f"{where}: {module} never imports torch")
        elif top == "unrolled" and room:
            other = room_of(item.module)
            if other not in MAY_IMPORT:
                found.append(f"{where}: imports {item.module} by the package's own front door")
            elif not {other, other.split(".")[0]} & (MAY_IMPORT[room] | {room}):
                found.append(f"{where}: {room} may not import {other}")
    if not room:
        found += [
            f"{module}:{line}: the package itself may import {name} only under TYPE_CHECKING"
            for name, line in eager_imports(tree)
        ]
    return found


def eager_imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Imports of the package's own rooms that run when `unrolled` is imported."""
    for statement in tree.body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            continue
        if isinstance(statement, ast.FunctionDef):
            continue
        for item in imports(statement, "unrolled", is_package=True):
            if item.module.startswith("unrolled"):
                yield item.module, item.line


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = sorted(SOURCES.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[module_of(path) for path in FILES])
def test_module_keeps_to_its_room(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert faults(source, module_of(path), is_package=path.name == "__init__.py") == []


KERNELS = sorted((SOURCES.parent / "csrc").glob("*.*"))


@pytest.mark.parametrize("path", KERNELS, ids=[path.name for path in KERNELS])
def test_kernel_source_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_sources_were_found() -> None:
    assert {"kernels.cpp", "matmul.h"} <= {path.name for path in KERNELS}
    assert {"unrolled", "unrolled.kernels.layout"} <= {module_of(path) for path in FILES}


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("unrolled.runtime.spec", "from unrolled.data import text", "runtime may not import data"),
        ("unrolled.runtime.spec", "import unrolled.nn.recurrent as r", "may not import nn"),
        ("unrolled.nn.unroll", "import unrolled.runtime", "nn may not import runtime"),
        ("unrolled.models.heads", "from ..training import loop", "may not import training"),
        ("unrolled.models.heads", "from .. import training", "may not import training"),
        ("unrolled.kernels.layout", "from . import equations", "may not import kernels.equations"),
        ("unrolled.kernels.layout", "from unrolled.kernels import gru_step", "not import kernels"),
        ("unrolled.kernels.equations", "from .fast import gru", "may not import kernels"),
        ("unrolled.kernels.equations", "from . import compiled", "not import kernels.compiled"),
        ("unrolled.kernels.engine", "from . import equations", "not import kernels.equations"),
        ("unrolled.nn.functions", "import unrolled._kernels", "nn may not import _kernels"),
        ("unrolled.training.loop", "def f():\n    import unrolled.estimators", "import estimators"),
        (
            "unrolled.data.text",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from unrolled import models",
            "data may not import models",
        ),
        ("unrolled.data.text", "import torch.nn", "data never imports torch"),
        ("unrolled.runtime.spec", "def f():\n    from torch import nn", "runtime never imports"),
        ("unrolled.kernels", "__import__('torch')", "kernels never imports torch"),
        ("unrolled.estimators.base", "def f():\n    import torch", "estimators never imports"),
        ("unrolled.estimators.base", "from unrolled.models import X", "may not import models"),
        ("unrolled.training.loop", "import torch", "unrolled.training.loop never imports torch"),
        ("unrolled.training.loop", "from unrolled.models import X", "never imports torch"),
        ("unrolled.models.decoding", "import torch", "models.decoding never imports torch"),
        ("unrolled.models.decoding", "from unrolled.models import heads", "not import models"),
        ("unrolled.plots.style", "from unrolled.runtime import Spec", "may not import runtime"),
        ("unrolled.models.heads", "import importlib as i\ni.import_module('unrolled.cli')", "cli"),
        ("unrolled.models.heads", "import unrolled", "front door"),
        ("unrolled.models.heads", "from unrolled import SequenceClassifier", "front door"),
        ("unrolled.attic.old", "x = 1", "'attic' has no row"),
        ("unrolled.training.loop", "import pickle", "imports pickle"),
        ("unrolled.training.loop", "from joblib import load", "imports joblib"),
        ("unrolled.data.text", "np.load(path, allow_pickle=flag)", "allow_pickle reads a pickle"),
        ("unrolled.nn.unroll", "torch.load(path)", "torch.load reads a pickle"),
        ("unrolled.data.text", "x = 1\n" * (MAX_LINES + 1), "401 lines"),
        ("unrolled", "from unrolled import data", "only under TYPE_CHECKING"),
        ("unrolled", "try:\n    from .estimators import load\nfinally:\n    pass", "only under"),
    ],
)
def test_faults_are_reported(module: str, source: str, fault: str) -> None:
    found = faults(source, module, is_package=module in {"unrolled", "unrolled.kernels"})
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("unrolled.data.text", "from unrolled.runtime import transforms\nfrom .sequences import S"),
        ("unrolled.kernels.equations", "from unrolled.kernels.layout import GATES"),
        ("unrolled.kernels", "from .equations import gru_step\nfrom . import layout"),
        ("unrolled.kernels.engine", "import unrolled._kernels as _kernels"),
        ("unrolled.runtime.spec", "from unrolled.kernels.layout import recurrent_shapes"),
        ("unrolled.runtime.spec", "from unrolled.kernels import gru_step, layout"),
        ("unrolled.nn.unroll", "import torch\nfrom torch import nn"),
        ("unrolled.training.by_torch", "import torch\nfrom unrolled.models import ManyToOne"),
        ("unrolled.estimators.base", "from unrolled.models.decoding import beam"),
        ("unrolled.training.loop", "from unrolled.models.decoding import greedy"),
        ("unrolled.data.text", "np.load(path, allow_pickle=False)"),
        ("unrolled.data.text", "x = 1\n" * MAX_LINES),
        ("unrolled", "def __getattr__(name):\n    from unrolled import data\n    return data"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert faults(source, module, is_package=module in {"unrolled", "unrolled.kernels"}) == []


def test_table_has_no_cycle() -> None:
    done: set[str] = set()
    left = dict(MAY_IMPORT)
    while left:
        ready = {room for room, below in left.items() if below <= done}
        assert ready, f"these rooms import each other in a circle: {sorted(left)}"
        done |= ready
        left = {room: below for room, below in left.items() if room not in ready}
