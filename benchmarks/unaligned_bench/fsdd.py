"""Spoken digits one at a time: FSDD, official split, by connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from text_bench.rows import Options, Row, show

from unaligned_bench.speaking import train
from unaligned_bench.spoken import digits

# Chosen on recordings 5 to 9 of each digit and speaker, which were then learnt from too.
ARGUMENTS: dict[str, Any] = {
    "hidden_size": 64, "num_layers": 1, "convolutions": (48,), "strides": (2,), "dropout": 0.3,
    "normalize": "training", "speeds": (0.9, 0.95, 1.0, 1.05, 1.1), "learning_rate": 6e-3,
    "max_epochs": 15,
}  # fmt: skip
PUBLISHED = (
    ("DeepGRU, 13 MFCC, 3 epochs, random split", "85.48 %"),
    ("LSTM or GRU on MFCC, random split, of 50,000 to 250,000 parameters", "96 to 99 %"),
    ("SVM on MFCC; CNN on spectrograms, random split", "95 to 98 %; 97 to 99 %"),
)


def run(options: Options) -> list[Row]:
    """Share of the 300 test recordings that are read as their digit and nothing else."""
    runs = train(digits(select=options.select), ARGUMENTS, options)
    row = Row(
        "FSDD, official split, single digits through CTC",
        "accuracy",
        tuple(found["exact_match"] for found in runs.scores),
        runs.minutes,
        runs.model.spec_.num_parameters,
        0.975,
        0.985,
        more_is_better=True,
        published=PUBLISHED,
        note=f"{runs.model.n_iter_} epochs",
        processor=runs.processor,
    )
    show(row, judged=options.judged)
    return [row]
