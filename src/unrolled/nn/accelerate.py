"""Turning torch.nn's recurrent layers inside any model into ours, and back."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch.nn.utils import parametrize

from unrolled.nn.recurrent import GRU, LSTM, RNN

Model = TypeVar("Model", bound=torch.nn.Module)

OURS: dict[type, type] = {torch.nn.RNN: RNN, torch.nn.GRU: GRU, torch.nn.LSTM: LSTM}
TORCHS: dict[type, type] = {ours: torchs for torchs, ours in OURS.items()}


def accelerate(module: Model, inplace: bool = True) -> Model:
    """Run every torch.nn.RNN, GRU and LSTM inside a model on the compiled kernels.

    Each such layer, and `module` itself if it is one, becomes the class of the same name of
    `unrolled.nn`, a subclass of torch.nn's. It stays the same object: its name in the model, its
    parameters, hooks, parametrizations and training flag are left as they are, and optimizers hold
    on to it. `decelerate` turns it back.

    Left alone are torch's cells, quantised and scripted layers, and subclasses of torch.nn's, which
    may compute something else; `explain` names them. An accelerated model pickles with layers of
    `unrolled.nn`, so whoever loads it needs this package; its state_dict is torch's own.

    Args:
        module: any model.
        inplace: change `module`; else a deep copy of it.

    Returns:
        `module`, or its accelerated copy.

    Raises:
        TypeError: if `module` is no torch.nn.Module.
    """
    return _exchange(module, inplace, OURS)


def decelerate(module: Model, inplace: bool = True) -> Model:
    """The way back from `accelerate`: layers of `unrolled.nn` become torch.nn's own.

    Needed before torch.jit.script and torch's dynamic quantisation, which look for torch.nn's exact
    classes. Layers that were made as `unrolled.nn.GRU(...)` are turned into torch.nn's as well.

    Args:
        module: any model.
        inplace: change `module`; else a deep copy of it.

    Returns:
        `module`, or its copy.

    Raises:
        TypeError: if `module` is no torch.nn.Module.
    """
    return _exchange(module, inplace, TORCHS)


def _exchange(module: Model, inplace: bool, classes: dict[type, type]) -> Model:
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type(module).__name__}, but must be a torch.nn.Module.")
    if not inplace:
        module = copy.deepcopy(module)
    for layer in module.modules():
        kind = type(layer)
        if kind in classes:
            layer.__class__ = classes[kind]
        elif parametrize.is_parametrized(layer) and kind.__base__ in classes:
            # A parametrized layer has a class of its own, which holds a property for each
            # parametrized weight: the same properties over the other base.
            contents = {
                name: value
                for name, value in vars(kind).items()
                if name not in ("__dict__", "__weakref__")
            }
            layer.__class__ = type(kind.__name__, (classes[kind.__base__],), contents)
    return module
