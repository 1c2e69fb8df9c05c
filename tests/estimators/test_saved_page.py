from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
    SignalRegressor,
)
from unrolled.cli.columns import Layout
from unrolled.cli.saved import SavedModel
from unrolled.cli.scores import Guess
from unrolled.estimators.saving import LOCAL
from unrolled.runtime.artifact import load_artifact

PAGE = Path(__file__).parents[2] / "docs" / "saved-model.md"
ROW = re.compile(r"\| `([\w.]+)` \| (`[*\w`, ]+`) \| (`.+`) \|")

rng = np.random.default_rng(0)
SEQUENCES = rng.normal(size=(12, 3, 2))
TABLE = rng.normal(size=(12, 2))
TEXTS = ["a cat", "the dog ran"] * 6
LABELS = np.array(["low", "top"] * 6)
NUMBERS = rng.normal(size=12)
SENTENCES = [text.split() for text in TEXTS]
TAGS = [[len(word) for word in words] for words in SENTENCES]
STEPS = rng.integers(2, size=(12, 3))

# More arguments, for keys that are there with them alone.
VECTORS = {"vectors": "vectors.txt"}
WORDS = {"affixes": True, **VECTORS}

MODELS: dict[Any, list[tuple[Any, ...]]] = {
    SequenceClassifier: [(SEQUENCES, LABELS), (TEXTS, LABELS), (TEXTS, LABELS, WORDS)],
    SequenceRegressor: [(SEQUENCES, NUMBERS), (TEXTS, NUMBERS), (TEXTS, NUMBERS, WORDS)],
    SequenceTagger: [
        *((SENTENCES, TAGS), (SENTENCES, TAGS, VECTORS)),
        *((TEXTS, list(map(list, TEXTS))), (SEQUENCES, STEPS)),
    ],
    SignalRegressor: [(SEQUENCES, SEQUENCES)],
    FeedForwardClassifier: [(TABLE, LABELS)],
    FeedForwardRegressor: [(TABLE, NUMBERS)],
}


def written(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """(place, key) of all keys in plain data; the entries of a list are at the list's place."""
    if isinstance(value, list):
        for entry in value:
            yield from written(place, entry)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield place, key
            yield from written(key if place == "content" else f"{place}.{key}", inner)


def named(estimator: str) -> list[tuple[str, str]]:
    """(place, key) of all keys that the page names for an estimator."""
    rows = [ROW.fullmatch(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return [
        (row[1], key)
        for row in rows
        if row is not None
        and any(fnmatchcase(estimator, name.strip("` ")) for name in row[2].split(","))
        for key in re.findall(r"`([^`]+)`", row[3])
    ]


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_the_page_names_the_keys_of_a_saved_model_and_no_others(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vectors.txt").write_text("cat 0.5 1.5")
    found: set[tuple[str, str]] = set()
    for X, y, *more in MODELS[kind]:
        arguments = dict(*more)
        model = kind(max_epochs=1, batch_size=12, random_state=0, verbose=False, **arguments)
        model.fit(X, y)
        if kind in (SequenceTagger, SignalRegressor):
            model.save(tmp_path / "m")
        else:
            layout = Layout("table", "y", ("a", "b"))
            SavedModel(model, "m", layout, Guess.of(model, y), (2, 3)).save(tmp_path / "m")
        found |= set(written("content", load_artifact(tmp_path / "m").content))
    page = named(kind.__name__)
    assert len(page) == len(set(page))
    assert set(page) == found


@pytest.mark.parametrize("unit", ["character", "word", "subword"])
def test_the_page_names_what_a_language_model_has_of_its_own(unit: str, tmp_path: Path) -> None:
    if unit == "subword":
        pytest.importorskip("tokenizers")
    model = LanguageModel(unit=unit, hidden_size=2, max_epochs=1, random_state=0, verbose=False)
    model.fit(TEXTS).save(tmp_path / "m")
    content = load_artifact(tmp_path / "m").content
    page = named("LanguageModel")
    for place in ("content", "training", "spec"):
        found = set(content if place == "content" else content[place])
        assert {key for where, key in page if where == place} == found
    text = PAGE.read_text(encoding="utf-8")
    part = text[text.index("A `LanguageModel` has") : text.index("A `Forecaster` has")]
    own = set(re.findall(r"`(\w+)`", part))
    vocabulary = dict(content["inputs"]["vocabulary"])
    if unit != "subword":
        of_any = {key for where, key in named("SequenceTagger") if where == "inputs.vocabulary"}
        assert of_any == set(vocabulary)
        vocabulary.clear()
    assert set(content["inputs"]) | set(vocabulary) <= own
    assert content["targets"] == {}
    assert set(content["parameters"]) == set(model.get_params()) - LOCAL
