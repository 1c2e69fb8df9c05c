from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from unrolled.plots import ctc_spikes

SYMBOLS = ("<blank>", "a", "b", " ", "$x_1$")
T, F = 24, 10


def heard(path: str, sure: float = 0.9) -> np.ndarray:
    """Log-probabilities [T', K] whose likeliest path is that of letters, . the blank."""
    shares = np.full((len(path), len(SYMBOLS)), (1 - sure) / (len(SYMBOLS) - 1))
    shares[np.arange(len(path)), [".ab $".index(letter) for letter in path]] = sure
    return np.log(shares)


SOUND = np.random.default_rng(0).normal(size=(T, F))


def test_symbols_stand_over_their_peaks() -> None:
    log_p = heard("..a.bbb.. .$")
    log_p[5, 2] = np.log(0.99)
    figure = ctc_spikes(SOUND, log_p, SYMBOLS, title="What was $heard$")
    above, below = figure.axes
    labels = {text.get_text(): text for text in above.texts}
    assert list(labels) == ["a", "b", "␣", "$x_1$"]
    assert [text.xy[0] for text in above.texts] == pytest.approx([0.045, 0.105, 0.185, 0.225])
    curves = [line.get_color() for line in above.get_lines()[1:]]
    assert [text.get_color() for text in above.texts] == curves
    np.testing.assert_allclose(above.get_lines()[0].get_ydata(), np.exp(log_p[:, 0]))
    np.testing.assert_allclose(above.get_lines()[2].get_ydata(), np.exp(log_p[:, 2]))
    np.testing.assert_array_equal(below.images[0].get_array(), SOUND.T)
    assert below.images[0].get_extent() == [0.0, 0.24, 0.0, F]
    assert above.get_xlim() == below.get_xlim() == (0.0, 0.24)
    assert len(below.get_lines()) == 4
    assert above.get_title(loc="left") == "What was $heard$"
    figure.canvas.draw()


def test_what_comes_near_is_drawn_and_nothing_written() -> None:
    log_p = heard("......", sure=0.75)
    log_p[3] = np.log([0.5, 0.3, 0.1, 0.05, 0.05])
    figure = ctc_spikes(SOUND, log_p, SYMBOLS, seconds_per_frame=0.02, seconds_per_step=0.05)
    assert len(figure.axes[0].texts) == 0
    assert len(figure.axes[0].get_lines()) == 3
    assert figure.axes[0].get_xlim() == (0.0, 0.48)


def test_labels_do_not_cover_each_other_and_long_texts_are_wide() -> None:
    short = ctc_spikes(SOUND, heard("ababab"), SYMBOLS)
    long = ctc_spikes(np.zeros((400, F)), heard("ab." * 60), SYMBOLS)
    assert short.get_figwidth() == 7.0
    assert 7.0 < long.get_figwidth() <= 14.0
    for figure in (short, long):
        figure.canvas.draw()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        assert all(a.x1 <= b.x0 + 1 for a, b in pairwise(boxes))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"spectrogram": np.zeros(3)}, "spectrogram must be finite numbers"),
        ({"spectrogram": np.full((3, 2), np.nan)}, "spectrogram must be finite numbers"),
        ({"log_probabilities": np.zeros((0, 5))}, "log_probabilities must be"),
        ({"log_probabilities": np.ones((3, 5))}, "log_probabilities must be at most 0"),
        ({"log_probabilities": np.full((3, 5), np.nan)}, "at most 0, and not NaN"),
        ({"symbols": ("a", "b")}, "symbols must have one name for each of 5 outputs, got 2"),
        ({"seconds_per_frame": 0.0}, "seconds_per_frame must be a number above 0"),
        ({"seconds_per_step": np.inf}, "seconds_per_step must be a number above 0"),
    ],
)
def test_what_cannot_be_drawn(change: dict[str, Any], sentence: str) -> None:
    given = {"spectrogram": SOUND, "log_probabilities": heard("a.b"), "symbols": SYMBOLS}
    with pytest.raises(ValueError, match=sentence):
        ctc_spikes(**{**given, **change})
