"""German to English, Multi30k task 1: BLEU of test 2016 against the references as they stand.

Texts are lower-cased and cut into subwords that keep white space, so that what is written is plain
text again; sacrebleu cuts it and the references alike (13a), both lower-cased.
"""

from __future__ import annotations

import gzip
from typing import Any

from text_bench.corpora import folder
from text_bench.rows import Options, Row, show

from unaligned_bench.translating import Pairs, trained

# Set before any run on the test part.
ARGUMENTS: dict[str, Any] = {
    "unit": "subword", "vocabulary_size": 4000, "lowercase": True, "cell": "gru",
    "hidden_size": 256, "tied": True, "dropout": 0.3, "input_dropout": 0.1,
    "label_smoothing": 0.1, "batch_size": 64, "learning_rate": 2e-3, "schedule": "one_cycle",
    "max_epochs": 8,
}  # fmt: skip
STRETCH = ARGUMENTS | {
    "hidden_size": 352, "embedding_size": 256, "dropout": 0.4, "input_dropout": 0.2,
    "max_epochs": 20,
}  # fmt: skip
SMALL = {"hidden_size": 8, "embedding_size": 8, "max_epochs": 1, "vocabulary_size": 300}
PUBLISHED = (("GRU and additive attention, 20.5 M, greedy, spaCy's tokens (bentrevett)", "28.11"),)
SPLITS = {"valid": "val", "test": "test_2016_flickr"}


def run(options: Options) -> list[Row]:
    """BLEU of each seed."""
    rows = [_row("multi30k", ARGUMENTS, options, {"bar": 24.0})]
    if options.stretch:
        rows.append(_row("multi30k-stretch", STRETCH, options, {"stretch": 30.0}))
    return rows


def parts(options: Options) -> tuple[Pairs, Pairs]:
    """What is trained on, and what is scored."""
    train, held = read("train"), read(SPLITS["valid" if options.select else "test"])
    if options.small:
        train, held = (Pairs(p.sources[:60], p.targets[:60]) for p in (train, held))
    return train, held


def read(part: str) -> Pairs:
    """The German and English lines of a part."""
    lines = []
    for language in ("de", "en"):
        path = folder("multi30k") / f"{part}.{language}.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines.append([line.strip() for line in file])
    return Pairs(*lines)


def _row(name: str, arguments: dict[str, Any], options: Options, goal: dict[str, float]) -> Row:
    from sacrebleu import corpus_bleu

    train, held = parts(options)
    if options.small:
        arguments = arguments | SMALL
    found = []
    for model, minutes, processor in trained(name, arguments, train, options):
        written = model.predict(held.sources)
        bleu = corpus_bleu(written, [held.targets], lowercase=True).score
        print(f"    BLEU {bleu:.2f}, {minutes:.2f} min", flush=True)
        found.append((bleu, minutes, processor))
    scores, minutes, processor = zip(*found, strict=True)
    row = Row(
        f"Multi30k German to English, {model.cell.upper()} {model.num_layers} x "
        f"{model.hidden_size}",
        "BLEU (sacrebleu 13a, lower-cased)",
        scores,
        minutes,
        model.spec_.num_parameters,
        **goal,
        more_is_better=True,
        published=PUBLISHED,
        note=f"{model.max_epochs} epochs, beam of {model.beam_size}",
        processor=processor,
    )
    show(row, judged=options.judged)
    return row
