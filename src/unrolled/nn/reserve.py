"""Memory that forward leaves for backward, kept from one training step to the next.

A buffer of many megabytes that is freed goes back to the system, and the next one costs a page
fault for every 4 KB: a tenth of a training step and more. A buffer that autograd's graph has let go
of waits here for the next step instead.
"""

from __future__ import annotations

import threading

import torch
from torch import Tensor

MOST_BYTES = 256 << 20  # that wait at any time

_waiting: list[Tensor] = []
_lock = threading.RLock()  # a Lease may end, by garbage collection, while this thread holds it


def take(size: int, dtype: torch.dtype) -> Tensor:
    """A buffer of `size` to twice as many items; their values are anything."""
    with _lock:
        for place, buffer in enumerate(_waiting):
            if buffer.dtype is dtype and size <= buffer.numel() <= 2 * size:
                return _waiting.pop(place)
    return torch.empty(size, dtype=dtype)


def bytes_waiting() -> int:
    """Bytes of the buffers that wait."""
    with _lock:
        return sum(buffer.nbytes for buffer in _waiting)


class Lease:
    """Holds a buffer that nothing else will use when this object ends, and then takes it back."""

    __slots__ = ("_buffer",)

    def __init__(self, buffer: Tensor) -> None:
        self._buffer = buffer

    def __del__(self) -> None:
        with _lock:
            _waiting.append(self._buffer)
            # The oldest go first; one larger than all that may wait goes at once.
            while bytes_waiting() > MOST_BYTES:
                _waiting.pop(0)
