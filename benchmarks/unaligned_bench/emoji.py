"""Pictures to their names: Twemoji at 32 x 32 pixels, a held-out tenth.

A picture belongs to the test part where the SHA-256 of its file's name is 0 modulo 10, to the
validation part where it is 1. Names are in lower case; all but two pictures have names of their
own, so that a caption is right only where its parts are known from others.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from typing import Any

import numpy as np
from PIL import Image
from text_bench.corpora import folder
from text_bench.rows import Options, Row, show

from unaligned_bench.captioning import nearest, take
from unaligned_bench.translating import Pairs, trained
from unrolled import ImageCaptioner
from unrolled.data import as_images

SIZE = 32  # pixels of a side
# Not yet chosen: to be done by `--select`, on the validation part.
ARGUMENTS: dict[str, Any] = {
    "unit": "word", "hidden_size": 128, "embedding_size": 64, "attention": "additive",
    "convolutions": (32, 64, 128), "learning_rate": 2e-3, "batch_size": 32, "max_epochs": 40,
    "dropout": 0.3, "memory_dropout": 0.2, "label_smoothing": 0.1, "shift": 0.1, "zoom": 0.1,
    "turn": 10, "tied": True,
}  # fmt: skip
SMALL = {"hidden_size": 8, "embedding_size": 8, "convolutions": (4, 4), "max_epochs": 1}


def run(options: Options) -> list[Row]:
    """BLEU of single words and exact matches, in percent, above those of the nearest picture."""
    train, held = _parts(options)
    arguments = ARGUMENTS | (SMALL if options.small else {})
    found = []
    beside: dict[str, float] = {}
    for model, minutes, processor in trained("emoji", arguments, train, options, ImageCaptioner):
        scores = _percent(model.evaluate(held.sources, held.targets))
        if not beside:
            written = nearest(train, held.sources)
            beside = _percent(model.evaluate_written(written, held.targets))
        told = ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
        print(f"    {told}, {minutes:.2f} min", flush=True)
        found.append((scores, minutes, processor))
    rows = [
        Row(
            "emoji names, held-out tenth",
            measure,
            tuple(scores[measure] for scores, _, _ in found),
            tuple(minutes for _, minutes, _ in found),
            model.spec_.num_parameters,
            bar=beside[measure],
            more_is_better=True,
            published=(("nearest neighbour on pixels, the bar", f"{beside[measure]:.4g}"),),
            note=f"{len(train.targets):,} pictures, {model.max_epochs} epochs",
            processor=tuple(processor for _, _, processor in found),
        )
        for measure in ("BLEU-1", "exact match")
    ]
    for row in rows:
        show(row, judged=options.judged)
    return rows


def _percent(scores: dict[str, float]) -> dict[str, float]:
    return {"BLEU-1": scores["bleu_1"], "exact match": 100 * scores["exact_match"]}


def _parts(options: Options) -> tuple[Pairs, Pairs]:
    """What is trained on, and what is scored; the test part is trained on without validation."""
    where = folder("emoji_names")
    rows = list(csv.DictReader((where / "names.csv").open(encoding="utf-8", newline="")))
    with zipfile.ZipFile(where / "emoji_64px_png.zip") as packed:
        names = {name.rpartition("/")[2]: name for name in packed.namelist()}
        # Some have a palette and some are transparent.
        pictures = [
            np.asarray(Image.open(io.BytesIO(packed.read(names[row["file"]]))).convert("RGBA"))
            for row in rows
        ]
    whole = Pairs(as_images(pictures, SIZE), [row["name"].lower() for row in rows])
    tenth = np.array(
        [int(hashlib.sha256(row["file"].encode()).hexdigest(), 16) % 10 for row in rows]
    )
    if options.select:
        learnt, scored = np.flatnonzero(tenth > 1), np.flatnonzero(tenth == 1)
    else:
        learnt, scored = np.flatnonzero(tenth > 0), np.flatnonzero(tenth == 0)
    if options.small:
        learnt, scored = learnt[:60], scored[:10]
    return take(whole, learnt), take(whole, scored)
