"""Which path each recurrent layer of a model runs, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils import parametrize

from unrolled.kernels import engine
from unrolled.nn.accelerate import OURS, TORCHS
from unrolled.nn.fallback import why_torch
from unrolled.nn.plan import stack_of

# Far more work than a thread needs to be worth its while: what a layer uses at most.
LARGE_BATCH, LARGE_TIME = 1024, 1024


@dataclass(frozen=True)
class LayerPath:
    """One recurrent layer of a model, and how it runs."""

    name: str  # as in model.named_modules(); "" for the model itself
    layer: str  # its class and sizes
    path: str  # "fused" | "torch"
    reason: str  # why not fused; "" if it is
    simd: str  # "avx512" | "avx2" | "neon" | "plain"; "" on torch's path
    forward_threads: int  # threads of a forward pass; 0 on torch's path, which decides itself
    backward_threads: int  # threads of a backward pass


class Explanation(Sequence[LayerPath]):
    """The layers of a model one by one, in a table when printed."""

    def __init__(self, rows: Sequence[LayerPath], threads_are_for: str) -> None:
        self.rows = tuple(rows)
        self.threads_are_for = threads_are_for

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.rows[index]

    @property
    def all_fused(self) -> bool:
        """Whether every layer runs on the compiled kernels."""
        return all(row.path == "fused" for row in self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return "no recurrent layer"
        table = [["name", "layer", "path", "threads", "why"]]
        for row in self.rows:
            threads = f"{row.forward_threads}, {row.backward_threads}"
            if row.path == "fused":
                table.append([row.name or "-", row.layer, f"fused, {row.simd}", threads, ""])
            else:
                table.append([row.name or "-", row.layer, "torch", "-", row.reason])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in table
        ]
        if any(row.path == "fused" for row in self.rows):
            lines.append(f"threads: forward, backward, {self.threads_are_for}")
        return "\n".join(lines)


def explain(
    module: torch.nn.Module, batch_size: int | None = None, num_steps: int | None = None
) -> Explanation:
    """Say for each recurrent layer of a model whether the compiled kernels run it, and if not, why.

    What is said holds for the present: for the parameters as they are, for autocast, transforms of
    torch.func and the number of threads at the time of the call. An input may bring a reason of its
    own, such as its device.

    Args:
        module: any model.
        batch_size: N, to tell the number of threads for; None: a large batch.
        num_steps: T, to tell the number of threads for; None: many steps.

    Returns:
        A sequence of `LayerPath`, printed as a table.

    Raises:
        TypeError: if `module` is no torch.nn.Module.
        ValueError: if a size is not positive.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module is {type(module).__name__}, but must be a torch.nn.Module.")
    for name, size in (("batch_size", batch_size), ("num_steps", num_steps)):
        if size is not None and size < 1:
            raise ValueError(f"{name} is {size}, but must be at least 1.")
    sizes = (num_steps or LARGE_TIME, batch_size or LARGE_BATCH)
    rows = [_row(name, layer, *sizes) for name, layer in module.named_modules() if _recurs(layer)]
    steps = "many steps" if num_steps is None else f"{num_steps} steps"
    batch = "a large batch" if batch_size is None else f"a batch of {batch_size}"
    return Explanation(rows, f"for {steps} of {batch}, torch.get_num_threads() at most")


def _recurs(layer: torch.nn.Module) -> bool:
    if isinstance(layer, torch.nn.RNNBase | torch.nn.RNNCellBase):
        return True
    # Quantised layers are torch's own modules, but no subclasses of these.
    kind = type(layer)
    return kind.__module__.startswith("torch.ao.nn.") and kind.__name__.removesuffix("Cell") in {
        "RNN",
        "GRU",
        "LSTM",
    }


def _row(name: str, layer: torch.nn.Module, num_steps: int, batch_size: int) -> LayerPath:
    described = f"{type(layer).__name__}({layer.extra_repr()})"
    reason = _why_not_ours(layer)
    if reason is None:
        assert isinstance(layer, torch.nn.RNNBase)
        stack = stack_of(layer)
        reason = why_torch([getattr(layer, name) for name in stack.names])
    if reason is not None:
        return LayerPath(name, described, "torch", reason, "", 0, 0)
    compiled: Any = engine.COMPILED
    threads = [
        max(
            compiled.threads_for(
                part.cell,
                getattr(layer, stack.names[0]).element_size(),
                num_steps,
                batch_size,
                part.input_size,
                part.hidden_size,
                part.output_size,
                torch.get_num_threads(),
                backward,
            )
            for part in stack.layers
        )
        for backward in (False, True)
    ]
    return LayerPath(name, described, "fused", "", compiled.simd(), *threads)


def _why_not_ours(layer: torch.nn.Module) -> str | None:
    """Why a layer is none of `unrolled.nn`'s, as a clause; None if it is one."""
    kind = type(layer)
    if isinstance(layer, tuple(TORCHS)):
        return None
    if isinstance(layer, torch.nn.RNNCellBase):
        return "a cell takes one step per call"
    if not isinstance(layer, torch.nn.RNNBase):
        return "it is quantised"
    if parametrize.type_before_parametrizations(layer) in OURS:
        return "it is torch.nn's; unrolled.nn.accelerate(model) changes that"
    base = next(base for base in kind.__mro__ if base in OURS or base is torch.nn.RNNBase)
    return f"{kind.__name__} is a subclass of torch.nn.{base.__name__}, which is left as it is"
