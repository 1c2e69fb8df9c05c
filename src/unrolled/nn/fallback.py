"""Why a layer runs on torch's own path: the one place that decides it, and how to forbid it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from unrolled.kernels import engine

PLAIN_TYPES = frozenset({Tensor, torch.nn.Parameter})
FUSED_DTYPES = frozenset({torch.float32, torch.float64})

# (is_cpu, dtype, layout): looked up for all tensors at once, since this runs at every call.
_kind = attrgetter("is_cpu", "dtype", "layout")
_fused_kinds = frozenset((True, dtype, torch.strided) for dtype in FUSED_DTYPES)
_transforms_active = torch._C._are_functorch_transforms_active
_tracing_state = torch._C._get_tracing_state
_is_autocast_enabled = torch.is_autocast_enabled


def why_torch(tensors: Sequence[Any], compiling: bool = False) -> str | None:
    """Why a layer runs on torch's own path, as a clause; None: the fused kernels run.

    Args:
        tensors: all that enter it: input, parameters and initial states.
        compiling: torch.compile or torch.export is at work, and sees tensors of its own kinds.
    """
    if engine.COMPILED is None:
        return f"the compiled kernels {engine.why_not}"
    if _transforms_active():
        return "a transform of torch.func is active"
    if compiling:
        if torch.onnx.is_in_onnx_export():
            return "torch.onnx knows torch's own operations alone"
    else:
        if forward_ad._current_level >= 0:
            return "forward-mode differentiation is active"
        if _tracing_state() is not None:
            return "torch.jit.trace records torch's own operations"
    if _is_autocast_enabled("cpu"):
        return "autocast is on for the CPU"
    plain = not compiling and PLAIN_TYPES.issuperset(map(type, tensors))
    if plain and _fused_kinds.issuperset(map(_kind, tensors)):
        return None
    for tensor in tensors:
        if not compiling and type(tensor) not in PLAIN_TYPES:
            return f"a tensor is of the type {type(tensor).__name__}"
        if not tensor.is_cpu:
            return f"a tensor is on the device {tensor.device}"
        if tensor.dtype not in FUSED_DTYPES:
            return f"a tensor is {_name(tensor.dtype)}, not float32 or float64"
        if tensor.layout is not torch.strided:
            return f"a tensor has the layout {_name(tensor.layout)}"
    return None


def is_transformed() -> bool:
    """Whether a transform of torch.func or forward-mode differentiation is active."""
    return _transforms_active() or forward_ad._current_level >= 0


def _name(thing: torch.dtype | torch.layout) -> str:
    return str(thing).removeprefix("torch.")


_required = False


def is_required() -> bool:
    """Whether `require_fused` is in force."""
    return _required


def refuse(module: torch.nn.Module, reason: str) -> None:
    """Raise what `require_fused` promises.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(
        f"{type(module).__name__}({module.extra_repr()}) would run on torch's own path, which "
        f"require_fused() forbids, because {reason}."
    )


class _Requirement:
    """What `require_fused` returns: leaving it as a context brings the former setting back."""

    def __init__(self, former: bool) -> None:
        self._former = former

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _required
        _required = self._former


def require_fused(required: bool = True) -> _Requirement:
    """From now on, a layer of `unrolled.nn` that would run on torch's own path is an error.

        require_fused()          # for the whole process, all threads
        require_fused(False)     # no longer

        with require_fused():    # until the end of the block
            model(x)

    It holds for layers of `unrolled.nn` alone: torch.nn's, which `accelerate` has not changed, know
    nothing of it. The error is a RuntimeError that names the layer and the reason.
    """
    global _required
    former, _required = _required, bool(required)
    return _Requirement(former)
