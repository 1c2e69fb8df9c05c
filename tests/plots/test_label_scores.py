from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from unrolled.plots import label_scores

LABELS = ["A", "B", "C"]
SCORES: tuple[list[float], ...] = ([0.5, 0.0, 1.0], [0.25, 0.0, 0.75], [1 / 3, 0.0, 6 / 7])
SUPPORT = [40, 0, 1200]


def test_bars_and_marks_are_the_scores_in_the_order_of_support() -> None:
    ax = label_scores(LABELS, *SCORES, SUPPORT, title="Words").axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["C", "A", "B"]
    bars = [bar.get_width() for bar in ax.containers[0].patches]
    np.testing.assert_allclose(bars, [6 / 7, 1 / 3, 0])
    marks = {str(line.get_label()): line for line in ax.lines}
    np.testing.assert_array_equal(marks["precision"].get_xdata(), [1.0, 0.5, 0.0])
    np.testing.assert_array_equal(marks["recall"].get_xdata(), [0.75, 0.25, 0.0])
    np.testing.assert_array_equal(marks["recall"].get_ydata(), [0, 1, 2])
    assert [text.get_text() for text in ax.texts] == ["1,200", "40", "0"]
    # The first label stands on top.
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_title(loc="left") == "Words"


@pytest.mark.parametrize("count", [1, 3, 17, 60, 2300])
@pytest.mark.parametrize("name", ["L", "$ a label of many words $ which goes on and on " * 2])
def test_texts_are_apart(count: int, name: str, collisions: Any) -> None:
    rng = np.random.default_rng(0)
    shares = rng.uniform(size=(3, count))
    support = rng.integers(0, 2_000_000, count)
    names = [f"{i} {name}" for i in range(count)]
    assert collisions(label_scores(names, *shares, support, title="Labels of words")) == []


def test_of_many_labels_those_with_most_support_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def text_size(text: str, points: float) -> tuple[float, float]:
        measured.append(text)
        return 0.1 * len(text), 0.1

    monkeypatch.setattr(sys.modules[label_scores.__module__], "text_size", text_size)
    rng = np.random.default_rng(0)
    support = rng.permutation(2300)
    figure = label_scores([f"L{n}" for n in support], *rng.uniform(size=(3, 2300)), support)
    ax = figure.axes[0]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == [f"L{n}" for n in range(2299, 2239, -1)]
    assert len(ax.containers[0].patches) == 60
    assert "2,240 of 2,300 labels, with fewer steps, are left out" in ax.get_xlabel()
    assert figure.get_figheight() < 20
    # Each text once.
    assert len(measured) == 120
    assert "left out" not in label_scores(LABELS, *SCORES, SUPPORT).axes[0].get_xlabel()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": []}, "labels must have at least one name"),
        ({"f1": [0.5]}, r"f1 must have shape \[3\] as labels has, got \(1,\)"),
        ({"recall": [0.5, 1.5, 0]}, "recall must hold shares from 0 to 1"),
        ({"precision": [0.5, np.nan, 0]}, "precision must hold shares from 0 to 1"),
        ({"support": [1, -1, 0]}, "support must hold counts of at least 0"),
        ({"support": [1, 1.5, 0]}, "support must hold counts of at least 0"),
    ],
)
def test_errors_say_what_is_wrong(changed: dict[str, Any], message: str) -> None:
    precision, recall, f1 = SCORES
    given = {"precision": precision, "recall": recall, "f1": f1, "support": SUPPORT}
    with pytest.raises(ValueError, match=message):
        label_scores(**{"labels": LABELS, **given, **changed})
