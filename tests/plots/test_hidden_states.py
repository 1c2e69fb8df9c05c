from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from unrolled.plots import hidden_states


def states(T: int = 30, H: int = 12, seed: int = 0) -> np.ndarray:
    return np.tanh(np.random.default_rng(seed).normal(size=(T, H)))


def image(figure: Figure) -> AxesImage:
    (drawn,) = figure.axes[0].images
    return drawn


def ticks(figure: Figure) -> dict[float, str]:
    ax = figure.axes[0]
    labels = [label.get_text() for label in ax.get_xticklabels()]
    return dict(zip(map(float, ax.get_xticks()), labels, strict=True))


def test_the_image_is_the_array_with_time_to_the_right() -> None:
    h = states()
    figure = hidden_states(h, title="Memory")
    np.testing.assert_array_equal(image(figure).get_array(), h.T)
    assert tuple(image(figure).get_extent()) == (0.5, 30.5, 11.5, -0.5)
    ax, bar = figure.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "hidden unit")
    assert bar.get_ylabel() == "hidden state"
    assert ax.get_title(loc="left") == "Memory"


@pytest.mark.parametrize(
    ("peak", "bound"),
    [(0.9, 1), (1.0, 1), (0.26, 1), (0.2, 0.2), (0.021, 0.03), (1.2, 1.5), (62, 70)],
)
def test_white_is_zero_and_the_scale_follows_the_states(peak: float, bound: float) -> None:
    h = np.linspace(-0.5, 1, 24).reshape(6, 4) * peak
    norm = image(hidden_states(h)).norm
    assert (norm.vmin, norm.vmax) == (pytest.approx(-bound), pytest.approx(bound))
    assert image(hidden_states(h)).cmap(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.02)


def test_all_zero_and_given_limits() -> None:
    assert image(hidden_states(np.zeros((3, 2)))).norm.vmax == 1
    assert image(hidden_states(states(), limit=0.4)).norm.vmax == 0.4


def test_the_bar_of_states_that_are_never_negative_starts_at_zero() -> None:
    assert hidden_states(np.abs(states()) * 3).axes[1].get_ylim() == (0, 3)
    assert hidden_states(states() * 3).axes[1].get_ylim() == (-3, 3)


def test_rows_by_peak_step() -> None:
    h = np.array([[0.1, -0.9, 0.2], [0.2, 0.1, 0.3], [0.9, 0.0, -0.1]])
    figure = hidden_states(h, order="peak")
    np.testing.assert_array_equal(image(figure).get_array(), h[:, [1, 2, 0]].T)
    assert figure.axes[0].get_ylabel().split() == ["hidden", "unit,", "by", "peak", "step"]


def test_rows_by_similarity_put_like_courses_side_by_side() -> None:
    t = np.arange(48)[:, None] / 24 * 2 * np.pi
    phases = np.repeat([0.3, 2.1, 4.4], 4)
    shuffled = np.random.default_rng(1).permutation(12)
    h = np.sin(t + phases[shuffled])
    figure = hidden_states(h, order="similarity")
    rows = np.asarray(image(figure).get_array())
    changes = np.abs(np.diff(rows, axis=0)).max(axis=1) > 1e-6
    assert sorted(map(tuple, np.round(rows, 6))) == sorted(map(tuple, np.round(h.T, 6)))
    assert changes.sum() <= 3  # three groups on a circle, cut anywhere
    assert figure.axes[0].get_ylabel() == "hidden unit, by similarity"
    assert hidden_states(h[:1], order="similarity").axes[0].get_ylabel()


def test_steps_are_numbered_from_one() -> None:
    figure = hidden_states(states(8))
    assert [t for t in figure.axes[0].get_xticks() if 0.5 < t < 8.5] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_characters_are_labels_and_white_space_is_seen() -> None:
    text = "a $b$\n"
    assert ticks(hidden_states(states(6), steps=text)) == dict(
        zip(range(1, 7), ["a", "␣", "$", "b", "$", "↵"], strict=True)
    )


def test_words_are_turned_when_they_do_not_fit(collisions: Any) -> None:
    words = ["some", "words", "of", "quite", "different", "length", "unfortunately", "more"] * 2
    figure = hidden_states(states(len(words)), steps=words, step_name="word")
    assert list(ticks(figure).values()) == words
    assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {90.0}
    assert collisions(figure) == []
    assert figure.axes[0].get_xlabel() == "word"


def test_too_many_labels_are_thinned_and_the_axis_says_so(collisions: Any) -> None:
    figure = hidden_states(states(784), steps=[str(i) for i in range(784)])
    assert figure.axes[0].get_xlabel() == "step (one label in 100)"
    assert ticks(figure) == {i + 1: str(i) for i in range(0, 784, 100)}
    assert collisions(figure) == []


def test_dates_are_written_as_dates(collisions: Any) -> None:
    hours = np.datetime64("2010-03-01T00:00") + np.arange(72) * np.timedelta64(1, "h")
    figure = hidden_states(states(72), steps=hours)
    drawn = ticks(figure)
    assert drawn[1.0] == "00:00\n1 Mar 2010"
    assert drawn[25.0] == "00:00\n2 Mar"
    assert drawn[37.0] == "12:00"
    assert collisions(figure) == []


@pytest.mark.parametrize(
    ("order", "H"), [("index", 1), ("peak", 3), ("similarity", 20), ("index", 300)]
)
def test_texts_are_apart(order: str, H: int, collisions: Any) -> None:
    title = "A title that is long enough for a second line when the picture is narrow, as it may be"
    assert collisions(hidden_states(states(40, H), order=order, title=title)) == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"states": np.ones(3)}, ValueError, r"states must have shape \[T, H\].*got \[3\]"),
        ({"states": np.ones((0, 3))}, ValueError, r"states must have shape \[T, H\]"),
        (
            {"states": np.array([[0.0, 1.0], [0.0, np.nan]])},
            ValueError,
            "states must be finite, got nan at step 1, unit 1",
        ),
        ({"order": "size"}, ValueError, "order must be one of index, peak, similarity, got 'size'"),
        ({"limit": 0.0}, ValueError, r"limit must be a positive number, got 0\.0"),
        ({"steps": ["a"]}, ValueError, "steps must have 30 labels as states has steps, got 1"),
        ({"steps": np.ones((30, 2))}, TypeError, "steps must be one row of labels"),
    ],
)
def test_errors_say_what_is_wrong(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        hidden_states(**({"states": states()} | arguments))
