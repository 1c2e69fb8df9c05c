"""What a recognizer heard in sounds, how near it comes, and what one guess for all would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from unrolled.cli.manifest import Sounds
from unrolled.estimators.speech.scoring import has_jiwer, symbol_scores

COMMONEST = "the commonest text"


@dataclass(frozen=True, eq=False)
class Scored:
    """What a recognizer heard in the sounds of a part, and its scores."""

    part: Sounds
    heard: list[str]
    scores: dict[str, float]

    @classmethod
    def of(cls, model: Any, part: Sounds) -> Scored:
        """Read a part; rates of words and characters are left out where jiwer is not installed."""
        scores = model._evaluate(part.paths, part.texts, None, rates=has_jiwer())
        return cls(part, model.predict(part.paths), scores)

    def examples(self, most: int) -> Iterator[tuple[int, str, str]]:
        """(row, heard, said) of some, wrong and right ones in turn where there are both."""
        pairs = list(enumerate(zip(self.heard, self.part.texts, strict=True)))
        wrong = [i for i, (a, b) in pairs if a != b]
        right = [i for i, (a, b) in pairs if a == b]
        few = most // 2
        chosen = wrong[: max(few, most - len(right))] + right[: max(most - few, most - len(wrong))]
        for i in sorted(chosen[:most]):
            yield i, self.heard[i], self.part.texts[i]


def guess_scores(model: Any, learnt: Sounds, tested: Sounds) -> dict[str, float]:
    """The scores of writing, whatever is heard, the text that came most often in training."""
    commonest = Counter(model._as_written(learnt.texts)).most_common(1)[0][0]
    said = model._as_written(tested.texts)
    return symbol_scores([commonest] * len(said), said, model.vocabulary_.split)
