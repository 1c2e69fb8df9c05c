"""Spoken digits strung together: 3 to 7 of one speaker, of the same parts of FSDD."""

from __future__ import annotations

from typing import Any

from text_bench.rows import Options, Row, show

from unaligned_bench.speaking import train
from unaligned_bench.spoken import strings

# Not yet chosen: `--select` scores what is held out of the training part to choose on.
ARGUMENTS: dict[str, Any] = {
    "hidden_size": 48, "num_layers": 2, "convolutions": (48,), "strides": (2,), "dropout": 0.2,
    "speeds": (0.9, 0.95, 1.0, 1.05, 1.1), "time_masks": 2, "feature_masks": 2,
    "feature_mask_size": 6, "learning_rate": 6e-3, "max_epochs": 20,
}  # fmt: skip
TRAIN, HELD = 1500, 300


def run(options: Options) -> list[Row]:
    """Edits that make what was said of what was heard, over the digits said."""
    parts = strings(select=options.select, train=TRAIN, held=HELD)
    runs = train(parts, ARGUMENTS, options)
    row = Row(
        "FSDD digits strung together, 3 to 7",
        "digit error rate",
        tuple(found["symbol_error_rate"] for found in runs.scores),
        runs.minutes,
        runs.model.spec_.num_parameters,
        0.04,
        0.03,
        note=f"{runs.model.n_iter_} epochs of {TRAIN:,} strings, {HELD} scored",
        processor=runs.processor,
    )
    show(row, judged=options.judged)
    return [row]
