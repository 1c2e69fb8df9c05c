"""Estimators on disk: to and from the saved model that `unrolled.runtime.artifact` specifies."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import numpy as np

from unrolled.runtime.artifact import Artifact, ArtifactError, load_artifact, save_artifact
from unrolled.runtime.spec import Spec, views


def save(estimator: Any, path: str | os.PathLike[str], table: dict[str, Any] | None) -> None:
    """Write a fitted estimator as the folder `path`."""
    content = {
        "estimator": type(estimator).__name__,
        "parameters": {
            name: _plain(value) for name, value in estimator.get_params(deep=False).items()
        },
        "spec": estimator.spec_.to_config(),
        "inputs": estimator._inputs_to_config(),
        "targets": estimator._targets_to_config(),
        "training": {"epochs": estimator.n_iter_, "history": estimator.history_},
        "versions": {name: version(name) for name in ("numpy", "scikit-learn", "torch")},
        "table": table,
    }
    save_artifact(path, content, estimator.named_parameters())


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
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{os.fspath(path)} holds no {name} that fits: {error}") from error


def _restore(kind: Any, artifact: Artifact) -> Any:
    content = artifact.content
    estimator = kind(
        **{name: _argument(name, value) for name, value in content["parameters"].items()}
    )
    estimator.spec_ = Spec.from_config(content["spec"])
    estimator.weights_ = np.empty(estimator.spec_.num_parameters, np.float32)
    for name, view in views(estimator.spec_, estimator.weights_).items():
        view[...] = artifact.arrays[name]
    estimator._inputs_from_config(content["inputs"])
    estimator._targets_from_config(content["targets"])
    if estimator._describe() != estimator.spec_:
        raise ValueError("its spec is not the one that its arguments and data describe")
    estimator.history_ = list(content["training"]["history"])
    estimator.n_iter_ = int(content["training"]["epochs"])
    estimator.table_ = content["table"]
    estimator._engine_state, estimator._seed = None, 0
    return estimator


def _plain(value: Any) -> Any:
    """A constructor argument as JSON has it; one that JSON has not is saved as its default."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return [[_plain(label), float(weight)] for label, weight in value.items()]
    return value


def _argument(name: str, value: Any) -> Any:
    """The inverse of `_plain`."""
    if name == "hidden_layer_sizes" and isinstance(value, list):
        return tuple(value)
    if name == "class_weight" and isinstance(value, list):
        return dict(value)
    return value
