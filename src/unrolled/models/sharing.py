"""torch modules whose parameters are the arrays of a `Spec`, not copies of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unrolled.runtime.spec import Spec, views


def share(module: nn.Module, spec: Spec, flat: NDArray[np.float32]) -> None:
    """Make the parameters of `module` views into the flat array [P] of `spec`.

    `flat` and the module then change together, whichever is written.

    Raises:
        ValueError: the module's parameters are not those of the spec by name, shape and order.
    """
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
