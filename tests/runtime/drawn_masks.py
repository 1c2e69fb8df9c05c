"""What the kernels drop, from the definition of their random numbers in NumPy alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch_chains import Masks

from unrolled.runtime.spec import Spec

SITES = {
    "between": 0,
    "hidden": 256,
    "head": 512,
    "input": 513,
    "symbols": 514,
    "embedding": 515,
    "weights": 1024,
}


def philox(counter: np.ndarray, key: int) -> np.ndarray:
    """Philox-4x32-10 (Salmon et al. 2011): counters [n, 4] to numbers [n, 4] of 32 bits."""
    x = [counter[:, i].astype(np.uint64) for i in range(4)]
    low, high = key & 0xFFFFFFFF, key >> 32
    word = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = x[0] * np.uint64(0xD2511F53), x[2] * np.uint64(0xCD9E8D57)
        shift = np.uint64(32)
        x = [
            (b >> shift) ^ x[1] ^ np.uint64(low),
            b & word,
            (a >> shift) ^ x[3] ^ np.uint64(high),
            a & word,
        ]
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(x, axis=1)


def factors(p: float, seed: int, step: int, site: int, rows: int, columns: int) -> np.ndarray:
    """0 or 1 / (1 - p) for each element [rows, columns]."""
    groups = -(-columns // 32)
    counter = np.empty((rows, groups, 8, 4), np.uint64)
    counter[..., 0] = np.arange(groups * 8).reshape(groups, 8)
    counter[..., 1] = np.arange(rows)[:, None, None]
    counter[..., 2], counter[..., 3] = step, site
    # Of 32 columns, the first 8 draw the first word of 8 blocks.
    drawn = philox(counter.reshape(-1, 4), seed).reshape(rows, groups, 8, 4).swapaxes(2, 3)
    drawn = drawn.reshape(rows, groups * 32)[:, :columns]
    return (drawn >= int(np.float32(p) * 2**32)) / (1 - np.float64(np.float32(p)))


def probability(spec: Spec, kind: str) -> float:
    r = spec.recurrent
    return {
        "between": 0.0 if r is None else r.dropout,
        "weights": 0.0 if r is None else r.weight_dropout,
        "hidden": spec.hidden_dropout,
        "head": spec.head_dropout,
        "input": spec.input_dropout,
        "symbols": spec.symbol_dropout,
        "embedding": spec.embedding_dropout,
    }[kind]


def masks_of(spec: Spec, rows: np.ndarray, lengths: np.ndarray, seed: int, step: int) -> Masks:
    """What the kernels draw, in the order of the reference's rows."""

    def masks(kind: str, index: int, shape: tuple[int, ...]) -> Tensor:
        p = probability(spec, kind)
        if not p:
            return torch.ones(shape, dtype=torch.float64)
        every = spec.recurrent is not None and spec.pooling == "every"
        locked = spec.locked_dropout and (
            kind in ("input", "between") or (kind == "head" and every)
        )
        count = len(rows) if locked else int(np.prod(shape[:-1]))
        drawn = factors(p, seed, step, SITES[kind] + index, count, shape[-1])
        if kind in ("hidden", "head") and every:
            # The head's rows are steps, and within a step rows in falling order of length.
            order = np.argsort(-lengths[rows], kind="stable")
            read = [(j, i) for j in range(lengths.max()) for i in order if j < lengths[rows[i]]]
            chosen = [(j, i) for i in range(len(rows)) for j in range(lengths[rows[i]])]
            drawn = drawn[[i if locked else read.index((j, i)) for j, i in chosen]]
        elif locked:
            drawn = np.broadcast_to(drawn, shape).copy()
        return torch.from_numpy(drawn.reshape(shape))

    return masks
