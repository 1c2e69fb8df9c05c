"""Images with their captions as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.plots import captions

RNG = np.random.default_rng(0)
IMAGES = [
    RNG.random((8, 8)),
    RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8),
    np.zeros((4, 4, 1)),
]
WRITTEN = ["a cat", "a $dog$ that runs over a wide green field in the morning", ""]
RIGHT = ["a cat", ["a dog", "the dog runs"], "nothing"]


def shown(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_captions_stand_beside_their_images_with_what_is_right() -> None:
    figure = captions(IMAGES, WRITTEN, RIGHT, title="What it saw")
    assert [ax.images[0].get_array().shape[:2] for ax in figure.axes] == [(8, 8), (20, 30), (4, 4)]
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), IMAGES[1] / 255)
    texts = shown(figure)
    assert texts[:3] == ["What it saw", "a cat", "as the reference"]
    for line in ("reference: a dog", "or the dog runs", "(nothing)", "reference: nothing"):
        assert line in texts
    assert "reference: a cat" not in texts
    assert not any("reference" in text for text in shown(captions(IMAGES, WRITTEN)))


def test_attention_is_drawn_for_each_symbol() -> None:
    weights = RNG.random((9, 3, 2))
    figure = captions(IMAGES[1:2], ["x"], attention=([*"abcdefgh", "<end>"], weights))
    assert len(figure.axes) == 9
    assert [ax.get_title() for ax in figure.axes] == [*"abcdefgh", "<end>"]
    for ax, share in zip(figure.axes, weights, strict=True):
        np.testing.assert_array_equal(ax.images[1].get_array(), share)
        assert ax.images[1].get_extent() == ax.images[0].get_extent()


@pytest.mark.parametrize("num", [1, 2, 3])
def test_texts_are_apart(num: int, collisions: Any) -> None:
    long = [w * 3 for w in WRITTEN]
    assert collisions(captions(IMAGES[:num], long[:num], RIGHT[:num], title="T")) == []
    attention = (["Donaudampfschifffahrt"] * 10, RNG.random((10, 2, 2)))
    assert collisions(captions(IMAGES[:1], ["x"], attention=attention, title="T")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "a caption for each of at least one image, got 0 for 0"),
        ((IMAGES, ["a"]), "got 1 for 3 images"),
        ((IMAGES, WRITTEN, ["a"]), "references must be for each of the 3 images, got 1"),
        (([np.zeros((2, 2, 4))], ["a"]), r"images\[0\] must be .* got \[2, 2, 4\]"),
        ((IMAGES, WRITTEN, None, (["a"], np.ones((1, 2, 2)))), "of a single image, got 3"),
        ((IMAGES[:1], ["a"], None, (["a"], np.ones((2, 2, 2)))), "of 1 symbols, got shape"),
    ],
)
def test_errors_say_what_is_wrong(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        captions(*arguments)
