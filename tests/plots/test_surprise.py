from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.plots import surprise
from unrolled.plots.text_cells import lay_out


def grid(figure: Any) -> np.ndarray:
    """The bits on the ground of each cell, NaN where there is none."""
    return np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)


def lines(figure: Any) -> list[str]:
    """What is written, with blanks where nothing is."""
    texts = figure.axes[0].texts
    places = [(round(t.get_position()[1] - 0.72), round(t.get_position()[0] - 0.5)) for t in texts]
    shape = (max(p[0] for p in places) + 1, max(p[1] for p in places) + 1)
    cells = np.full(shape, " ", dtype=object)
    for place, text in zip(places, texts, strict=True):
        cells[place] = text.get_text()
    return ["".join(row).rstrip() for row in cells]


def test_grounds_are_bits_and_lines_break_behind_blanks() -> None:
    text = "the old cat\nran  away"
    nats = np.arange(len(text)) * np.log(2)
    figure = surprise(list(text), nats, columns=10, title="A text")
    assert lines(figure) == ["the old", "cat↵", "ran  away"]
    found = grid(figure)
    np.testing.assert_allclose(found[0, :8], np.arange(8))
    np.testing.assert_allclose(found[1, :4], [8, 9, 10, 11])
    np.testing.assert_allclose(found[2, :9], np.arange(12, 21))
    assert np.isnan(found[0, 8:]).all()
    assert np.isnan(found[1, 4:]).all()
    assert figure.axes[0].child_axes[0].get_ylabel() == "surprise, bits"
    assert [text.get_text() for text in figure.texts] == ["A text"]


def test_words_have_blanks_without_ground_between_them() -> None:
    figure = surprise(["to", "be", ",", "\n", "or"], [1.0, 2.0, 3.0, 4.0, 5.0], spaced=True)
    assert lines(figure) == ["to be , ↵", "or"]
    found = grid(figure) * np.log(2)
    np.testing.assert_allclose(found[0, :9], [1, 1, np.nan, 2, 2, np.nan, 3, np.nan, 4])
    np.testing.assert_allclose(found[1, :3], [5, 5, np.nan])


def test_a_word_longer_than_a_line_is_cut() -> None:
    cells = lay_out(list("a " + "b" * 25), 10, spaced=False)
    rows = ["".join(np.array(cells.glyphs)[cells.line == i]) for i in range(cells.lines)]
    assert rows == ["a ", "b" * 10, "b" * 10, "b" * 5]
    # In words too, whose cells stay together.
    cells = lay_out(["a", "b" * 25], 10, spaced=True)
    assert cells.symbol.tolist() == [0, -1, *[1] * 25, -1]


def test_characters_that_cannot_be_seen_are_marked() -> None:
    figure = surprise(list("a\tb\u00a0c\x07漢$x$"), np.full(10, 0.1), columns=20)
    assert lines(figure) == ["a→b c·□$x$"]


def test_letters_are_light_on_dark_grounds() -> None:
    figure = surprise(list("ab"), [0.0, 9.0])
    dark, light = (text.get_color() for text in figure.axes[0].texts)
    assert (dark, light) == ("#1d2330", "#ffffff")
    assert figure.axes[0].images[0].norm.vmin == 0


@pytest.mark.parametrize("length", [1, 30, 800])
@pytest.mark.parametrize("title", [None, "A title that is much longer than one line is " * 3])
def test_texts_are_apart(length: int, title: str | None, collisions: Any) -> None:
    rng = np.random.default_rng(0)
    text = [*rng.choice(list("Wm_| \nÄg"), size=length - 1), "W"]
    figure = surprise(text, rng.exponential(2, length), title=title)
    assert collisions(figure) == []


@pytest.mark.parametrize(
    ("symbols", "nats", "message"),
    [
        ([], [], "at least one symbol, got shape \\[0\\] for 0 symbols"),
        (["a"], [1.0, 2.0], "got shape \\[2\\] for 1 symbols"),
        (["a"], [-1.0], "finite numbers of at least 0"),
        (["a"], [np.nan], "finite numbers of at least 0"),
        (["a", ""], [1.0, 1.0], "one character or more each"),
    ],
)
def test_errors_say_what_is_wrong(symbols: list[str], nats: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        surprise(symbols, nats)


def test_few_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="columns must be at least 10, got 9"):
        surprise(["a"], [1.0], columns=9)
