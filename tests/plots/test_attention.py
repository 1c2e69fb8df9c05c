"""Attention matrices as pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from unrolled.plots import attention_matrix


def shares(T: int, S: int) -> np.ndarray:
    found = np.random.default_rng(0).random((T, S))
    return found / found.sum(axis=1, keepdims=True)


def test_rows_are_what_was_written_and_columns_what_was_read() -> None:
    weights = shares(3, 4)
    figure = attention_matrix(weights, ["c", " ", "$t$", "<end>"], ["K", "\n", " a"], title="x")
    ax = figure.axes[0]
    np.testing.assert_array_equal(ax.images[0].get_array(), weights)
    assert ax.images[0].get_clim() == (0.0, 1.0)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["c", "␣", "$t$", "<end>"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["K", "↵", "a"]
    assert ax.get_ylim() == (2.5, -0.5)  # the first symbol at the top
    assert ax.get_xlabel() == "what was read"
    # Letters stand upright beside a word that has to lie.
    assert [label.get_rotation() for label in ax.get_xticklabels()] == [0, 0, 0, 90]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (list("abc"), list("abcde")),
        (["a"], ["b"]),
        (["word"] * 40, ["Rettungsweste"] * 40),
        (["x"] * 5, ["of", "Donaudampfschifffahrtsgesellschaft"] * 3),
        (["w"] * 90, ["r"] * 70),
    ],
    ids=["few", "one", "many", "long", "most"],
)
def test_texts_are_apart(written: list[str], read: list[str], collisions: Any) -> None:
    weights = shares(len(written), len(read))
    figure = attention_matrix(weights, read, written, title="Where the model looked")
    assert collisions(figure) == []
    assert max(figure.get_size_inches()) < 25


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3) / 3, r"weights must be \[T, S\], got shape \[3\]"),
        (shares(3, 2), r"weights must be \[2, 3\] as there are symbols .*, got \[3, 2\]"),
        (-shares(2, 3), "weights must hold shares from 0 to 1"),
        (np.full((2, 3), np.nan), "weights must hold shares from 0 to 1"),
    ],
)
def test_errors_say_what_is_wrong(weights: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attention_matrix(weights, ["a", "b", "c"], ["d", "e"])


def test_characters_that_the_font_lacks_are_drawn_as_signs() -> None:
    figure = attention_matrix(
        np.full((2, 3), 1 / 3), ["\x7f", "漢", "a\u200bb"], ["é", "x\ny"], title="漢"
    )
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["·", "□", "a·b"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["é", "x↵y"]
    figure.savefig(io.BytesIO())  # a missing glyph warns, which fails a test
