"""From options and a file of sentences to a trained and saved tagger."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.cli.fitting import NO_SEED, by_label, check_folder, resumable
from unrolled.cli.options import arguments
from unrolled.cli.pictures import report_page, told
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.cli.summary import of_training
from unrolled.cli.tagged import Sentences, TagColumns
from unrolled.estimators import SequenceTagger
from unrolled.estimators.tag_report import TagReport

GUESS = "each word's commonest"
NAMED = 5  # labels that a sentence names


@dataclass(frozen=True, eq=False)
class Tagged:
    """N sentences with the labels of their words, and what they are called."""

    name: str
    words: Sentences
    labels: Sentences

    def described(self) -> str:
        """How many there are."""
        return f"{count(len(self.words), 'sentence')} of {count(sum(map(len, self.words)), 'word')}"

    def unknown_labels(self, classes: Any) -> Counter[str]:
        """How many words have each label that is not among the classes."""
        known = set(map(str, classes))
        return Counter(label for label in chain(*self.labels) if label not in known)

    def unknown(self, classes: Any) -> str | None:
        """How many words have labels that are not among the classes, and which; None without."""
        found = self.unknown_labels(classes)
        if not found:
            return None
        named = [label for label, _ in found.most_common(NAMED)]
        more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
        return (
            f"{count(found.total(), 'word')} with labels that training did not have, "
            f"{', '.join(named)}{more}: they count as wrong, and log_loss is left out"
        )


def scores_of(model: Any, part: Tagged) -> dict[str, float]:
    """The scores of a part that are defined for it; with unknown labels there is no log_loss."""
    found = model.evaluate(part.words, part.labels)
    return {name: score for name, score in found.items() if not np.isnan(score)}


def train(
    data: Path,
    columns: TagColumns,
    out: Path,
    options: Mapping[str, Any],
    *,
    validation: Path | None,
    test: Path | None,
    test_fraction: float,
    resume_from: Path | None,
    report: bool,
    quiet: bool,
) -> None:
    """Train on a file, save the model, and print what came of it.

    Args:
        data: the file.
        columns: where its words and labels stand.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        validation: sentences to watch, or None.
        test: file to test on, or None.
        test_fraction: share of the sentences of `data` to test on instead.
        resume_from: checkpoint to go on from, or None.
        report: write the page of pictures.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Data, checkpoint or folder cannot be used.
    """
    given = arguments(SequenceTagger, options, texts=True)
    check_folder(out)
    page = report_page(out) if report else None
    learnt = Tagged("training", *columns.read(data))
    numbered = columns.learnt_from(data)
    watched = None if validation is None else Tagged("validation", *numbered.read(validation))
    tested = None if test is None else Tagged("test", *numbered.read(test))
    if test_fraction:
        learnt, tested = _hold_out(learnt, test_fraction, given.get("random_state") or NO_SEED)
    if isinstance(given.get("class_weight"), dict):
        labels = np.array(sorted(set(chain.from_iterable(learnt.labels))))
        given["class_weight"] = by_label(given["class_weight"], labels)
    model = SequenceTagger(**given, verbose=False if quiet else "auto")
    pair = None if watched is None else (watched.words, watched.labels)
    with resumable(model):
        model.fit(learnt.words, learnt.labels, validation_data=pair, resume_from=resume_from)
    model.save(out, table=numbered.to_config())
    if quiet and page is None:
        return
    parts = [part for part in (learnt, watched, tested) if part is not None]
    table = model.report(parts[-1].words, parts[-1].labels)
    if not quiet:
        _tell(model, data, out, columns, parts, table)
    if page is not None:
        from unrolled.cli.tag_report_page import write_page

        with told(page, quiet=quiet):
            write_page(page, model, str(out), parts[-1], table)


def guess_scores(learnt: Tagged, tested: Tagged) -> dict[str, float]:
    """Accuracies of giving each word its commonest label in training.

    A word that is not there is given the commonest label of all.
    """
    by_word: dict[str, Counter[str]] = {}
    for word, label in zip(chain(*learnt.words), chain(*learnt.labels), strict=True):
        by_word.setdefault(word, Counter())[label] += 1
    likeliest = {word: labels.most_common(1)[0][0] for word, labels in by_word.items()}
    commonest = Counter(chain(*learnt.labels)).most_common(1)[0][0]
    right = [
        [likeliest.get(word, commonest) == label for word, label in zip(words, labels, strict=True)]
        for words, labels in zip(tested.words, tested.labels, strict=True)
    ]
    return {
        "accuracy": float(np.mean(list(chain.from_iterable(right)))),
        "sequence_accuracy": float(np.mean([all(one) for one in right])),
    }


def _hold_out(data: Tagged, fraction: float, seed: int) -> tuple[Tagged, Tagged]:
    N = len(data.words)
    held = round(N * fraction)
    if not 1 <= held < N:
        raise ValueError(
            f"--test-fraction {fraction:g} of {count(N, 'sentence')} leaves none in one part; give "
            f"another one"
        )
    order = np.random.default_rng(seed).permutation(N)
    kept, tested = np.sort(order[held:]), np.sort(order[:held])
    return (
        Tagged(data.name, [data.words[i] for i in kept], [data.labels[i] for i in kept]),
        Tagged("held out", [data.words[i] for i in tested], [data.labels[i] for i in tested]),
    )


def _tell(
    model: Any,
    data: Path,
    out: Path,
    columns: TagColumns,
    parts: list[Tagged],
    table: TagReport,
) -> None:
    learnt, last = parts[0], parts[-1]
    facts = [("data", f"{data}, {learnt.described()}")]
    for part in parts[1:]:
        facts.append((part.name, part.described()))
        unknown = part.unknown(model.classes_)
        if unknown is not None:
            facts.append(("unknown", unknown))
    where = columns.labels or ("upos" if columns.conllu else "the last column")
    facts.append(("labels", f"{count(len(model.classes_), 'label')} ({where})"))
    show_facts([*facts, *of_training(model, str(out), ["predict", str(out), str(data)])])
    scores = [(part.name, scores_of(model, part)) for part in parts]
    show_scores([*scores, (GUESS, guess_scores(learnt, last))])
    sys.stdout.write(f"\n{table}\n")
