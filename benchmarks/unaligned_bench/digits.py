"""Images of digits to the words that name them, letter by letter: scikit-learn's 8 x 8 images.

The order is that of `numpy.random.default_rng(0).permutation`: the first 360 of the 1,797 images
are the test part, the next 180 the validation part, on which nothing is trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from text_bench.rows import Options, Row, show

from unaligned_bench.captioning import nearest, take
from unaligned_bench.translating import Pairs, trained
from unrolled import ImageCaptioner, data

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TESTED, WATCHED = 360, 180
# Chosen on the validation part.
ARGUMENTS: dict[str, Any] = {
    "unit": "character", "hidden_size": 64, "embedding_size": 16, "attention": "additive",
    "convolutions": (16, 32, 64), "learning_rate": 4e-3, "batch_size": 32, "max_epochs": 25,
    "shift": 0.06,
}  # fmt: skip
SMALL = {"hidden_size": 8, "convolutions": (4, 4), "max_epochs": 1}


def run(options: Options) -> list[Row]:
    """Words that are right in all letters, in percent."""
    train, held = _parts(options)
    arguments = ARGUMENTS | (SMALL if options.small else {})
    found = []
    for model, minutes, processor in trained("digits", arguments, train, options, ImageCaptioner):
        exact = 100 * model.evaluate(held.sources, held.targets)["exact_match"]
        print(f"    exact match {exact:.2f}, {minutes:.2f} min", flush=True)
        found.append((exact, minutes, processor))
    exact, minutes, processor = zip(*found, strict=True)
    by_pixels = np.mean(np.array(nearest(train, held.sources)) == np.array(held.targets))
    row = Row(
        "digit images to words, 360 held out",
        "exact match",
        exact,
        minutes,
        model.spec_.num_parameters,
        bar=97.0,
        more_is_better=True,
        published=(("nearest neighbour on pixels", f"{100 * by_pixels:.4g}"),),
        note=f"{len(train.targets):,} images, {model.max_epochs} epochs",
        processor=processor,
    )
    show(row, judged=options.judged)
    return [row]


def _parts(options: Options) -> tuple[Pairs, Pairs]:
    X, y = data.digits()
    pixels = np.rint(X * (255 / X.max())).astype(np.uint8)[..., None]
    whole = Pairs(pixels, [NAMES[digit] for digit in y])
    order = np.random.default_rng(0).permutation(len(y))
    tested, watched, learnt = np.split(order, [TESTED, TESTED + WATCHED])
    held = watched if options.select else tested
    if options.small:
        learnt, held = learnt[:60], held[:10]
    return take(whole, learnt), take(whole, held)
