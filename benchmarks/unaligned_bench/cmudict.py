"""Spellings to sounds: CMUdict without stress, split g014b2b, scored against all pronunciations."""

from __future__ import annotations

from typing import Any

import numpy as np
from text_bench.corpora import folder
from text_bench.rows import Options, Row, show

from unaligned_bench.translating import Pairs, trained

HELD = 2_000  # words of the training part that are held out to choose arguments on
# Set before any run on the test part.
ARGUMENTS: dict[str, Any] = {
    "unit": "character", "target_unit": "token", "cell": "gru", "hidden_size": 192,
    "embedding_size": 64, "dropout": 0.2, "label_smoothing": 0.1, "batch_size": 128,
    "learning_rate": 3e-3, "schedule": "one_cycle", "max_epochs": 14,
}  # fmt: skip
STRETCH = ARGUMENTS | {
    "hidden_size": 208, "num_layers": 2, "dropout": 0.3, "max_epochs": 40
}  # fmt: skip
SMALL = {"hidden_size": 8, "embedding_size": 8, "max_epochs": 1}
PUBLISHED = (
    ("Phonetisaurus, n-grams", "WER 24.4"),
    ("cmusphinx LSTM 2 x 64", "WER 32.03"),
    ("cmusphinx LSTM 2 x 512, about 7 M", "WER 24.23"),
    ("Rao et al. 2015, bidirectional LSTM with CTC", "WER 25.8"),
)


def run(options: Options) -> list[Row]:
    """Word and phone error rates in percent."""
    rows = _rows("cmudict", ARGUMENTS, options, {"WER": {"bar": 28.0}, "PER": {"bar": 6.8}})
    if options.stretch:
        rows += _rows("cmudict-stretch", STRETCH, options, {"WER": {"stretch": 24.0}, "PER": {}})
    return rows


def _rows(
    name: str, arguments: dict[str, Any], options: Options, goals: dict[str, dict[str, float]]
) -> list[Row]:
    train, held = _parts(options)
    if options.small:
        arguments = arguments | SMALL
    found = []
    for model, minutes, processor in trained(name, arguments, train, options):
        scores = model.evaluate(held.sources, held.targets)
        wer, per = 100 * (1 - scores["exact_match"]), 100 * scores["symbol_error_rate"]
        print(f"    WER {wer:.2f}, PER {per:.2f}, {minutes:.2f} min", flush=True)
        found.append((wer, per, minutes, processor))
    wer, per, minutes, processor = zip(*found, strict=True)
    layers = f"{model.num_layers} x {model.hidden_size}"
    what = f"CMUdict g014b2b without stress, {model.cell.upper()} {layers}"
    rows = [
        Row(
            what,
            measure,
            scores,
            minutes,
            model.spec_.num_parameters,
            **goals[measure],
            published=PUBLISHED if measure == "WER" else (),
            note=f"{model.max_epochs} epochs, beam of {model.beam_size}",
            processor=processor,
        )
        for measure, scores in (("WER", wer), ("PER", per))
    ]
    for row in rows:
        show(row, judged=options.judged)
    return rows


def _parts(options: Options) -> tuple[Pairs, Pairs]:
    """What is trained on, a pronunciation each, and what is scored, all of a word together."""
    whole, test = _read("train"), _read("test")
    words = sorted(whole)
    order = np.random.default_rng(0).permutation(len(words))
    valid = [words[i] for i in order[:HELD]]
    kept = [words[i] for i in np.sort(order[HELD:])]
    tested = valid if options.select else list(test)
    if options.small:
        kept, tested = kept[:200], tested[:20]
    pairs = [(word, sounds) for word in kept for sounds in whole[word]]
    scored = whole if options.select else test
    return (
        Pairs([word for word, _ in pairs], [sounds for _, sounds in pairs]),
        Pairs(tested, [scored[word] for word in tested]),
    )


def _read(part: str) -> dict[str, list[str]]:
    """The pronunciations of each word."""
    found: dict[str, list[str]] = {}
    path = folder("g2p_cmudict") / f"g014b2b.{part}"
    for line in path.read_text(encoding="utf-8").splitlines():
        word, sounds = line.split("\t")
        found.setdefault(word, []).append(sounds)
    return found
