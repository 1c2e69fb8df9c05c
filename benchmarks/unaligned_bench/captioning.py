"""Captioners trained with each seed, timed, kept and read back; the nearest image beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from text_bench.rows import Clock, Options

from unrolled import ImageCaptioner


class Captioned(NamedTuple):
    """N images [N, H, W, C] uint8 and a caption of each."""

    images: np.ndarray
    captions: list[str]

    def take(self, rows: np.ndarray) -> Captioned:
        """Some of them."""
        return Captioned(self.images[rows], [self.captions[i] for i in rows])


class Trained(NamedTuple):
    """A captioner, and the minutes that its training took: on the wall, of the processor."""

    model: ImageCaptioner
    minutes: float
    processor: float


def trained(
    name: str, arguments: dict[str, Any], train: Captioned, options: Options
) -> Iterator[Trained]:
    """One for each seed; those in the folder of models are read back, without their minutes."""
    for seed in range(options.seeds):
        kept = None if options.models is None else options.models / f"{name}-{seed}"
        if kept is not None and kept.exists():
            yield Trained(ImageCaptioner.load(kept), float("nan"), float("nan"))
            continue
        clock = Clock()
        model = ImageCaptioner(**arguments, random_state=seed, verbose=False)
        model.fit(train.images, train.captions)
        found = Trained(model, clock.minutes, clock.processor)
        if kept is not None:
            model.save(kept)
        yield found


def nearest(train: Captioned, images: np.ndarray) -> list[str]:
    """For each image the caption of the one in training whose pixels are nearest."""
    known, asked = (x.reshape(len(x), -1).astype(np.float32) for x in (train.images, images))
    size = (known**2).sum(axis=1)
    return [train.captions[int((size - 2.0 * (known @ one)).argmin())] for one in asked]
