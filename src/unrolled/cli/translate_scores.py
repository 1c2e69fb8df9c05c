"""What a translator writes of a file, its scores, and those of the nearest known source."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrolled.cli.pairs import Pairs
from unrolled.estimators.symbols import unseen

NEAREST = "target of the nearest source"
PARTS = (2, 3)  # letters in a row that texts are compared by
AT_ONCE = 256  # texts


@dataclass(frozen=True, eq=False)
class Scored:
    """A part, what was written of each of its sources, and the scores of that.

    `unknown` is a sentence about symbols that were not in training, "" where there are none.
    """

    part: Pairs
    written: list[str]
    scores: dict[str, float]
    unknown: str

    @classmethod
    def of(cls, model: Any, part: Pairs) -> Scored:
        """What a translator writes."""
        sources, references = list(part.references), list(part.references.values())
        with warnings.catch_warnings():
            # They are told beside the scores.
            warnings.filterwarnings("ignore", ".* symbols of X were not in training", UserWarning)
            written = model.predict(sources)
        scores = model.evaluate_written(written, references)
        scores["perplexity"] = model.perplexity(sources, references)
        unknown = unseen(sources, model.vocabularies_.source, f"the {part.name} sources")
        return cls(part, written, scores, unknown)

    def examples(self, num: int) -> list[tuple[str, str, list[str]]]:
        """Of sources spread over the part: each, what was written, and its references."""
        rows = np.linspace(0, len(self.written) - 1, min(num, len(self.written))).round()
        found = list(self.part.references.items())
        return [(found[i][0], self.written[i], found[i][1]) for i in rows.astype(int)]


def nearest_scores(model: Any, learnt: Pairs, tested: Pairs) -> dict[str, float]:
    """Scores of giving each source the target of the training source that is most alike.

    Alike is what has the same letters in a row, two and three, rare ones above all (TF-IDF).
    """
    references = tested.references
    written = nearest_targets(learnt, list(references))
    found: dict[str, float] = model.evaluate_written(written, list(references.values()))
    return found


def nearest_targets(learnt: Pairs, texts: list[str]) -> list[str]:
    """For each text the target of the source that is most alike, the first of equal ones."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Edges, so that a text of one letter has parts too.
    known = TfidfVectorizer(analyzer="char", ngram_range=PARTS, dtype=np.float32)
    sources = known.fit_transform([f" {source} " for source in learnt.sources]).T.tocsc()
    found: list[str] = []
    for start in range(0, len(texts), AT_ONCE):
        asked = known.transform([f" {text} " for text in texts[start : start + AT_ONCE]])
        best = np.asarray((asked @ sources).argmax(axis=1)).ravel()
        found += [learnt.targets[i] for i in best]
    return found


def score_columns(
    scored: Sequence[Scored], guess: Mapping[str, float] | None
) -> list[tuple[str, Mapping[str, float]]]:
    """Scores as they stand beside each other, by their headings."""
    columns: list[tuple[str, Mapping[str, float]]] = [(s.part.name, s.scores) for s in scored]
    return columns if guess is None else [*columns, (NEAREST, guess)]
