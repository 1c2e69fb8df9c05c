"""Letting torch.compile into the layers: it graph-breaks at every instance of torch.nn.RNNBase.

It does so unless torch._dynamo.config.allow_rnn is set, which would also unroll torch.nn's own
layers into graphs of T steps. Here the setting holds while one of our layers is looked at, and no
longer. torch._dynamo takes seconds to import, so this waits until somebody imports it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

BUILDER = "torch._dynamo.variables.builder"


def let_in(classes: tuple[type, ...]) -> None:
    """Have torch.compile trace instances of `classes` as it does other modules."""
    if BUILDER in sys.modules:
        _let_in(sys.modules[BUILDER], classes)
    else:
        sys.meta_path.insert(0, _AfterImport(classes))


def _let_in(builder: ModuleType, classes: tuple[type, ...]) -> None:
    wrap = builder.VariableBuilder.wrap_module

    def wrap_module(self: Any, value: Any) -> Any:
        if isinstance(value, classes):
            with builder.config.patch(allow_rnn=True):
                return wrap(self, value)
        return wrap(self, value)

    builder.VariableBuilder.wrap_module = wrap_module


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds `BUILDER` once, as the other finders would, and runs `_let_in` when it is loaded."""

    def __init__(self, classes: tuple[type, ...]) -> None:
        self.classes = classes

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != BUILDER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load, classes = spec.loader.exec_module, self.classes

        def load_and_let_in(module: ModuleType) -> None:
            load(module)
            _let_in(module, classes)

        spec.loader.exec_module = load_and_let_in  # type: ignore[method-assign]
        return spec
