"""Recurrent networks for Python: estimators, layers, saved models and pictures.

Names are loaded when they are first used, so that `import unrolled` is quick and brings neither
torch nor NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unrolled import data, kernels, nn, plots, runtime
    from unrolled.estimators import (
        FeedForwardClassifier,
        FeedForwardRegressor,
        Forecaster,
        ImageCaptioner,
        LanguageModel,
        SequenceClassifier,
        SequenceGenerator,
        SequenceRegressor,
        SequenceTagger,
        SignalRegressor,
        SpeechRecognizer,
        Translator,
        load,
    )
    from unrolled.runtime.artifact import ArtifactError
    from unrolled.training.checkpoint import CheckpointError

    __version__: str

__all__ = [
    "ArtifactError",
    "CheckpointError",
    "FeedForwardClassifier",
    "FeedForwardRegressor",
    "Forecaster",
    "ImageCaptioner",
    "LanguageModel",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SignalRegressor",
    "SpeechRecognizer",
    "Translator",
    "__version__",
    "data",
    "kernels",
    "load",
    "nn",
    "plots",
    "runtime",
]

_SUBMODULES = frozenset({"data", "kernels", "nn", "plots", "runtime"})
_ERRORS = {"ArtifactError": "runtime.artifact", "CheckpointError": "training.checkpoint"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'unrolled' has no attribute {name!r}")
    if name in _SUBMODULES:
        return importlib.import_module(f"unrolled.{name}")
    value: Any
    if name == "__version__":
        from importlib.metadata import version

        value = version("unrolled")
    else:
        room = _ERRORS.get(name, "estimators")
        value = getattr(importlib.import_module(f"unrolled.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
