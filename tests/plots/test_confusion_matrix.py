from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.plots import confusion_matrix

MATRIX = [[8, 2, 0], [1, 3, 0], [0, 0, 0]]


def test_colours_are_shares_of_rows_and_texts_are_counts() -> None:
    figure = confusion_matrix(MATRIX, ["a", "b", "c"], title="Letters")
    ax, bar = figure.axes[0], figure.axes[0].child_axes[0]
    np.testing.assert_allclose(
        np.asarray(ax.images[0].get_array()), [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]]
    )
    assert (ax.images[0].norm.vmin, ax.images[0].norm.vmax) == (0, 1)
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(c, r): str(MATRIX[r][c]) for r in range(3) for c in range(3)}
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.get_title(loc="left") == "Letters"
    assert bar.get_ylabel() == "share of the true class"


def test_numbers_are_light_on_dark_cells() -> None:
    ax = confusion_matrix(MATRIX, [0, 1, 2]).axes[0]
    ink = {text.get_position(): text.get_color() for text in ax.texts}
    assert ink[0, 0] == ink[1, 1] == "#ffffff"
    assert ink[1, 0] != "#ffffff"


@pytest.mark.parametrize(
    "names",
    [
        ["negative", "positive"],
        [str(i) for i in range(10)],
        ["$ spoken by the first of nine speakers $" + str(i) for i in range(9)],
        [f"class {i}" for i in range(60)],
    ],
)
def test_texts_are_apart(names: list[str], collisions: Any) -> None:
    counts = np.random.default_rng(0).integers(0, 99, (len(names), len(names)))
    figure = confusion_matrix(counts, names, title="A title longer than it")
    assert collisions(figure) == []
    assert bool(figure.axes[0].texts) == (len(names) <= 20)


@pytest.mark.parametrize(
    ("matrix", "classes", "message"),
    [
        (np.ones((2, 3)), "ab", r"matrix must be square \[K, K\], got shape \[2, 3\]"),
        (np.ones(4), "abcd", "matrix must be square"),
        (np.ones((2, 2)), "abc", "classes must have 2 names as matrix has rows, got 3"),
        (np.full((2, 2), 0.5), "ab", "matrix must hold counts"),
        (np.full((2, 2), -1), "ab", "matrix must hold counts"),
        (np.full((2, 2), np.nan), "ab", "matrix must hold counts"),
    ],
)
def test_errors_say_what_is_wrong(matrix: np.ndarray, classes: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_matrix(matrix, list(classes))
