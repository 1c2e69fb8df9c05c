"""How many of torch's threads a network is worth: small products are faster on one."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import Picture
from unrolled.runtime.spec import AnySpec

# Floating-point operations of one matrix product, from which a second thread gains more than
# starting and awaiting it costs; measured with torch.nn's layers on two cores.
WORTH_THREADS = 8e6

_lock = threading.Lock()
_scopes = 0
_before = 0


def largest_product(spec: AnySpec, rows: int) -> float:
    """Operations of the largest matrix product that one time step of `rows` rows needs."""
    sizes = [
        math.prod(shape)
        for name, shape in spec.parameter_shapes().items()
        if len(shape) == 2 and not name.endswith("embedding.weight") and "categories." not in name
    ]
    product = 2.0 * rows * max(sizes)
    if isinstance(spec, OneToManySpec) and isinstance(spec.reads, Picture):
        return max(product, rows * spec.reads.operations)
    return product


def describe() -> str:
    """On how many threads torch computes, as a clause."""
    num_threads = torch.get_num_threads()
    if num_threads == 1:
        return "1 thread"
    return f"{num_threads} threads, 1 where its products are small"


@contextmanager
def suited_threads(spec: AnySpec, rows: int) -> Iterator[None]:
    """Run on one of torch's threads where the network's products are small, else on all.

    Each scope puts back, for its Python thread, the number of threads that torch had before the
    first of the scopes that overlap.
    """
    global _scopes, _before
    if largest_product(spec, rows) >= WORTH_THREADS:
        yield
        return
    with _lock:
        if _scopes == 0:
            _before = torch.get_num_threads()
        _scopes += 1
    try:
        torch.set_num_threads(1)
        yield
    finally:
        with _lock:
            _scopes -= 1
            torch.set_num_threads(_before)
