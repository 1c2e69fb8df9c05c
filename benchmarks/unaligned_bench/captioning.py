"""Images and their captions: some of them, and the nearest image to one."""

from __future__ import annotations

import numpy as np

from unaligned_bench.translating import Pairs


def take(pairs: Pairs, rows: np.ndarray) -> Pairs:
    """Some of N images [N, H, W, C] with their captions."""
    return Pairs(pairs.sources[rows], [pairs.targets[i] for i in rows])


def nearest(train: Pairs, images: np.ndarray) -> list[str]:
    """For each image the caption of the one in training whose pixels are nearest."""
    known, asked = (x.reshape(len(x), -1).astype(np.float32) for x in (train.sources, images))
    size = (known**2).sum(axis=1)
    return [train.targets[int((size - 2.0 * (known @ one)).argmin())] for one in asked]
