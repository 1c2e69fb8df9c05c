"""torch modules whose parameters are the arrays of a `Spec`, not copies of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.runtime.spec import AnySpec, views


def share(module: nn.Module, spec: AnySpec, flat: NDArray[np.float32]) -> None:
    """Make the parameters of `module` views into the flat array [P] of `spec`.

    `flat` and the module then change together, whichever is written. A parameter that is another's
    alias, as a tied head's weight, is given by `nn.Module.parameters` once.

    Raises:
        ValueError: the module's parameters are not those of the spec by name, shape and order.
    """
    _tie(module, spec)
    whole = torch.from_numpy(flat)
    named = views(spec, flat)
    found = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
    wanted = list(spec.parameter_shapes().items())
    if found != wanted:
        raise ValueError(f"module has the parameters {found}, the spec {wanted}")
    start = 0
    for name, value in named.items():
        owner, _, leaf = name.rpartition(".")
        part = whole[start : start + value.size].view(value.shape)
        setattr(module.get_submodule(owner), leaf, nn.Parameter(part))
        start += value.size
    _tie(module, spec)


def _tie(module: nn.Module, spec: AnySpec) -> None:
    for alias, name in spec.aliases().items():
        owner, _, leaf = alias.rpartition(".")
        module.get_submodule(owner).register_parameter(leaf, module.get_parameter(name))
