from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from unrolled.plots import labelled_text


def inks(figure: Any, columns: int) -> tuple[list[str], list[str]]:
    """The colours of the letters of the left text and of the right one."""
    letters = [text for text in figure.axes[0].texts if len(text.get_text()) == 1]
    left = [t.get_color() for t in letters if t.get_position()[0] < columns]
    return left, [t.get_color() for t in letters if t.get_position()[0] > columns]


def key(figure: Any) -> dict[str, str]:
    squares = [p for p in figure.findobj(Rectangle) if p in figure.artists]
    names = [text.get_text() for text in figure.texts if text.get_text() != "T"]
    return {n: to_hex(p.get_facecolor()) for n, p in zip(names, squares, strict=True)}


def test_letters_have_the_colours_of_their_labels() -> None:
    labels, truth = list("xxyzx"), list("xyyzz")
    figure = labelled_text(list("abcde"), labels, truth, title="T", columns=12)
    left, right = inks(figure, 12)
    colours = key(figure)
    assert list(colours) == ["x", "y", "z", "wrong"]
    assert left == [colours[label] for label in labels]
    assert right == [colours[label] for label in truth]
    grounds = {tuple(p.get_xy()): to_hex(p.get_facecolor()) for p in figure.axes[0].patches}
    assert grounds == {(1, 0): colours["wrong"], (4, 0): colours["wrong"]}
    written = [text.get_text() for text in figure.axes[0].texts]
    assert [text for text in written if len(text) > 1] == ["predicted", "true"]


def test_one_text_alone() -> None:
    figure = labelled_text(["to", "be"], ["P", "V"], spaced=True, columns=20)
    left, right = inks(figure, 20)
    assert len(left) == 4
    assert right == []
    assert list(key(figure)) == ["P", "V"]
    assert not figure.axes[0].patches


@pytest.mark.parametrize("classes", [1, 3, 7, 20])
def test_texts_are_apart(classes: int, collisions: Any) -> None:
    rng = np.random.default_rng(0)
    text = list(rng.choice(list("Wm_ \n"), size=300))
    names = [f"class {i} $x$" for i in range(classes)]
    labels, truth = rng.choice(names, 300).tolist(), rng.choice(names, 300).tolist()
    assert collisions(labelled_text(text, labels, truth, title="A title", columns=30)) == []


@pytest.mark.parametrize("columns", [10, 13, 54])
@pytest.mark.parametrize("name", ["N", "a label $x$", "a label that goes on and on " * 4])
def test_one_text_alone_with_any_labels(columns: int, name: str, collisions: Any) -> None:
    labels = [f"{i} {name}" for i in range(7)]
    alone = labelled_text(["to", "be"] * 7, labels * 2, spaced=True, columns=columns)
    assert collisions(alone) == []
    assert list(key(alone)) == labels or all(
        label.startswith(shown.rstrip("…")) for label, shown in zip(labels, key(alone), strict=True)
    )
    beside = labelled_text(["to", "be"] * 7, labels * 2, labels * 2, spaced=True, columns=columns)
    assert collisions(beside) == []


def test_one_text_alone_has_no_room_for_what_is_wrong() -> None:
    # The legend fills the line; with a name behind it there would be two.
    for columns in range(10, 40):
        figure = labelled_text(["to", "be"], ["P", "V"], spaced=True, columns=columns)
        lowest = min(
            figure.findobj(Rectangle), key=lambda p: p.get_y() if p in figure.artists else 9
        )
        assert lowest.get_y() * figure.get_figheight() < 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "labels must be one for each of at least one symbol, got 0 for 0"),
        ((["a"], ["x", "y"]), "labels must be one for each of at least one symbol, got 2 for 1"),
        ((["a"], ["x"], []), "truth must be one for each of at least one symbol, got 0 for 1"),
        (([""], ["x"]), "one character or more each"),
    ],
)
def test_errors_say_what_is_wrong(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labelled_text(*arguments)


def test_few_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="columns must be at least 10, got 1"):
        labelled_text(["a"], ["x"], columns=1)
