"""How near texts that were written come to their references."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from unrolled.runtime.edit_distance import closest

GET_METRICS = "pip install 'unrolled[metrics]'"
References = list[list[str]]


def has_sacrebleu() -> bool:
    """Whether the library of BLEU and chrF is there."""
    return find_spec("sacrebleu") is not None


def bleu(written: Sequence[str], references: References, most: int = 4) -> float:
    """Corpus BLEU, 0 to 100, as sacrebleu takes it (Post 2018, arXiv 1804.08771).

    Runs of up to `most` words count, 4 by custom.

    Raises:
        ModuleNotFoundError: sacrebleu is not installed.
    """
    measure = _library().BLEU(max_ngram_order=most, force=True)
    return float(measure.corpus_score(written, _streams(references)).score)


def chrf(written: Sequence[str], references: References) -> float:
    """Corpus chrF2, 0 to 100, likewise (Popovic 2015)."""
    return float(_library().corpus_chrf(written, _streams(references)).score)


def symbol_scores(
    written: Sequence[str], references: References, split: Callable[[str], list[str]]
) -> dict[str, float]:
    """`exact_match` and `symbol_error_rate`.

    The first is the share of texts with all symbols of one of their references, the second the
    edits to the closest reference of each text over the symbols of these.
    """
    exact = edits = length = 0
    for text, several in zip(written, references, strict=True):
        found, size = closest(split(text), map(split, several))
        exact += found == 0
        edits += found
        length += size
    return {
        "exact_match": exact / len(written),
        "symbol_error_rate": edits / length if length else math.nan,
    }


def _streams(references: References) -> list[list[str | None]]:
    """The first reference of every text, the second of every text, and so on; None is none."""
    most = max(map(len, references))
    return [[row[i] if i < len(row) else None for row in references] for i in range(most)]


def _library() -> Any:
    try:
        import sacrebleu
    except ModuleNotFoundError as error:
        if error.name != "sacrebleu":
            raise
        raise ModuleNotFoundError(
            f"BLEU needs the library sacrebleu, which is not installed; run: {GET_METRICS}",
            name="sacrebleu",
        ) from error
    return sacrebleu
