"""Imported first by every part that needs PyTorch: without it, one sentence says how to get it."""

from __future__ import annotations

try:
    import torch as torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        "PyTorch is not installed, and unrolled.nn, unrolled.models and engine='torch' need it; "
        "run: pip install 'unrolled[torch]'",
        name="torch",
    ) from error
