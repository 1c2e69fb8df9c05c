"""Telephone prompts to text: the 553 asterisk prompts of one speaker, a held-out tenth."""

from __future__ import annotations

from typing import Any

from text_bench.rows import Options, Row, show

from unaligned_bench.speaking import train
from unaligned_bench.spoken import prompts

# Not yet chosen: `--select` scores what is held out of the training part to choose on.
ARGUMENTS: dict[str, Any] = {
    "hidden_size": 96, "num_layers": 2, "convolutions": (64,), "strides": (2,), "dropout": 0.3,
    "speeds": (0.9, 0.95, 1.0, 1.05, 1.1), "time_masks": 2, "feature_masks": 2,
    "feature_mask_size": 6, "learning_rate": 6e-3, "max_epochs": 60, "batch_size": 8,
}  # fmt: skip
# Behind training: an n-gram of the training texts takes part.
READS: dict[str, Any] = {"beam_size": 16, "order": 6, "language_weight": 0.5, "symbol_bonus": 0.5}


def run(options: Options) -> list[Row]:
    """Character error rate by an n-gram of the training texts."""
    runs = train(prompts(select=options.select), ARGUMENTS, options, READS)
    words = sum(found["word_error_rate"] for found in runs.scores) / len(runs.scores)
    row = Row(
        "asterisk prompts, held-out tenth",
        "character error rate",
        tuple(found["character_error_rate"] for found in runs.scores),
        runs.minutes,
        runs.model.spec_.num_parameters,
        0.45,
        0.30,
        note=f"{runs.model.n_iter_} epochs, beam of {READS['beam_size']} with a {READS['order']}-"
        f"gram of the training texts, word error rate {words:.3f}",
        processor=runs.processor,
    )
    show(row, judged=options.judged)
    return [row]
