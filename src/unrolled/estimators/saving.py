"""Estimators on disk: to and from the saved model that `unrolled.runtime.artifact` specifies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.estimators.options import check_options
from unrolled.runtime.artifact import Artifact, ArtifactError, load_artifact, save_artifact
from unrolled.runtime.config_checks import check_keys
from unrolled.runtime.spec import views
from unrolled.runtime.specs import spec_from_config
from unrolled.training.engines import KERNELS, TORCH
from unrolled.training.history import Record

RECORD_KEYS = frozenset(Record.__annotations__)

CONTENT = (
    "estimator", "parameters", "spec", "inputs", "targets", "training", "versions", "table",
)  # fmt: skip

# Arguments about files of the machine that trained: no part of a model that is handed on.
LOCAL = frozenset({"checkpoint", "checkpoint_seconds", "checkpoint_epochs", "vectors"})


def save(estimator: Any, path: str | os.PathLike[str], table: dict[str, Any] | None) -> None:
    """Write a fitted estimator as the folder `path`.

    Raises:
        ArtifactError: its arguments were changed so that they describe another model, or something
            cannot be written.
    """
    try:
        _check(estimator)
        targets = estimator._targets_to_config()
    except ValueError as error:
        raise ArtifactError(f"the model cannot be saved: {error}") from error
    content = {
        "estimator": type(estimator).__name__,
        "parameters": {
            name: plain(value)
            for name, value in estimator.get_params(deep=False).items()
            if name not in LOCAL
        },
        "spec": estimator.spec_.to_config(),
        "inputs": estimator._inputs_to_config(),
        "targets": targets,
        "training": {
            "epochs": estimator.n_iter_,
            "history": estimator.history_,
            "engine": getattr(estimator, "engine_", None),
        },
        "versions": _versions(estimator),
        "table": table,
    }
    arrays = {**estimator.named_parameters(), **estimator._arrays_to_save()}
    save_artifact(path, content, arrays)


def restore(kinds: dict[str, Any], path: str | os.PathLike[str]) -> Any:
    """Read a saved estimator of one of these kinds, classes by name.

    Raises:
        ArtifactError: there is none, it is damaged, or it holds another kind of model.
    """
    artifact = load_artifact(path)
    name = artifact.content.get("estimator")
    if not isinstance(name, str) or name not in kinds:
        raise ArtifactError(
            f"{os.fspath(path)} holds the estimator {name!r:.80}, not {' or '.join(kinds)}"
        )
    try:
        return _restore(kinds[name], artifact)
    except KeyError as error:
        raise ArtifactError(f"{os.fspath(path)} holds no whole {name}: it lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"{os.fspath(path)} holds no {name} that fits: {error}") from error


def _restore(kind: Any, artifact: Artifact) -> Any:
    content = artifact.content
    check_keys("content", content, (), CONTENT)
    for name in ("parameters", "inputs", "targets", "training"):
        if not isinstance(content[name], Mapping):
            raise ValueError(f"its {name} are no mapping of names to values")
    check_keys("part training", content["training"], (), ("epochs", "history", "engine"))
    if LOCAL & set(content["parameters"]):
        raise ValueError(
            "its parameters name a checkpoint or vectors, files that no model brings along"
        )
    estimator = kind(
        **{name: _argument(name, value) for name, value in content["parameters"].items()}
    )
    estimator.spec_ = spec_from_config(content["spec"])
    estimator.weights_ = np.empty(estimator.spec_.num_parameters, np.float32)
    for name, view in views(estimator.spec_, estimator.weights_).items():
        view[...] = artifact.arrays[name]
    estimator._inputs_from_config(content["inputs"])
    estimator._targets_from_config(content["targets"])
    _check(estimator)
    estimator._arrays_from_saved(artifact.arrays)
    estimator.history_, estimator.n_iter_ = _history(content["training"])
    _set_engine(estimator, content["training"])
    estimator.table_ = content["table"]
    estimator._engine_state, estimator._seed = None, 0
    return estimator


def _check(estimator: Any) -> None:
    """What is saved and what is loaded alike: arguments that are right and describe the model."""
    check_options(estimator)
    if estimator._describe() != estimator.spec_:
        raise ValueError("its arguments describe another model than the one that was fitted")


def _versions(estimator: Any) -> dict[str, str | None]:
    from importlib.metadata import version

    by_torch = getattr(estimator, "engine_", None) == TORCH
    return {
        **{name: version(name) for name in ("numpy", "scikit-learn")},
        "torch": version("torch") if by_torch else None,
    }


def _set_engine(estimator: Any, training: Mapping[str, Any]) -> None:
    """What trained: None where nothing did yet, absent from models of earlier writers."""
    engine = training.get("engine")
    if engine not in (None, KERNELS, TORCH):
        raise ValueError(f"its engine is {engine!r:.80}, not {KERNELS} or {TORCH}")
    if engine is not None:
        estimator.engine_ = engine


def _history(training: Mapping[str, Any]) -> tuple[list[Record], int]:
    history, epochs = training["history"], training["epochs"]
    if not isinstance(history, list) or type(epochs) is not int or epochs != len(history):
        raise ValueError(f"its history is not one record for each of {epochs!r:.80} epochs")
    for epoch, record in enumerate(history, 1):
        if not is_record(record) or record["epoch"] != epoch:
            raise ValueError(f"its history has no record of epoch {epoch}")
    return history, epochs


def is_record(record: Any) -> bool:
    """Whether plain data is the record of an epoch."""
    if not isinstance(record, dict) or set(record) != RECORD_KEYS:
        return False
    numbers = [value for name, value in record.items() if name != "valid_loss" or value is not None]
    return all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)


def plain(value: Any) -> Any:
    """A constructor argument as JSON has it; a random generator, which it has not, is None."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return None
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return [[plain(label), float(weight)] for label, weight in value.items()]
    return value


def _argument(name: str, value: Any) -> Any:
    """The inverse of `plain`."""
    if isinstance(value, list) and name != "class_weight":
        return tuple(value)
    if name == "class_weight" and isinstance(value, list):
        return dict(value)
    return value
