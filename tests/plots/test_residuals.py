from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from unrolled.plots import residuals
from unrolled.plots.residuals import autocorrelation

RNG = np.random.default_rng(2)
LEFT = RNG.normal(1, 4, 200)
HOURS = np.datetime64("2010-03-01T00:00") + np.arange(200) * np.timedelta64(1, "h")


def test_three_panels_of_the_same_residuals() -> None:
    figure = residuals(LEFT, times=HOURS, unit="MW", title="What is left", lags=15)
    over_time, histogram, memory = figure.axes
    np.testing.assert_array_equal(over_time.lines[0].get_ydata(), LEFT)
    np.testing.assert_array_equal(over_time.lines[0].get_xdata(), HOURS.astype("datetime64[us]"))
    assert over_time.get_title(loc="left") == "What is left"
    assert (over_time.get_xlabel(), over_time.get_ylabel()) == ("date", "residual (MW)")
    legend = over_time.get_legend()
    assert legend is not None
    mean, deviation = f"{LEFT.mean():.3g}", f"{LEFT.std():.3g}"
    assert [text.get_text() for text in legend.get_texts()] == [
        f"200 residuals: mean {mean}, deviation {deviation}"
    ]
    bars = [patch for patch in histogram.patches if isinstance(patch, Rectangle)]
    assert sum(bar.get_height() for bar in bars) == 200
    x, y = (np.asarray(values, dtype=float) for values in histogram.lines[0].get_data())
    area = sum(bar.get_height() * bar.get_width() for bar in bars)
    assert np.sum(y[1:] * np.diff(x)) == pytest.approx(area, rel=0.01)
    assert x[y.argmax()] == pytest.approx(LEFT.mean(), abs=0.2)
    half = x[y > y.max() / 2]
    assert half[-1] - half[0] == pytest.approx(2.355 * LEFT.std(), abs=0.4)
    (sticks,) = (c for c in memory.collections if isinstance(c, LineCollection))
    tops = [np.asarray(segment)[1] for segment in sticks.get_segments()]
    np.testing.assert_allclose(tops, np.c_[np.arange(1, 16), autocorrelation(LEFT, 15)])
    limits = [np.asarray(line.get_ydata())[0] for line in memory.lines[:2]]
    np.testing.assert_allclose(limits, [-1.96 / 200**0.5, 1.96 / 200**0.5])


def test_autocorrelation_is_the_usual_estimate_and_leaves_gaps_out() -> None:
    z = LEFT - LEFT.mean()
    usual = [np.sum(z[lag:] * z[:-lag]) / np.sum(z * z) for lag in range(1, 6)]
    np.testing.assert_allclose(autocorrelation(LEFT, 5), usual)
    memory = np.zeros(5000)
    for t in range(1, 5000):
        memory[t] = 0.8 * memory[t - 1] + RNG.normal()
    full = autocorrelation(memory, 4)
    np.testing.assert_allclose(full, 0.8 ** np.arange(1, 5), atol=0.06)
    memory[RNG.random(5000) < 0.3] = np.nan
    np.testing.assert_allclose(autocorrelation(memory, 4), full, atol=0.05)
    alternating = np.array([1.0, np.nan, -1.0, np.nan, 2.0])
    assert autocorrelation(alternating, 1) == 0  # no pair is known


def test_gaps_stay_gaps_and_lags_have_a_default() -> None:
    gaps = LEFT.copy()
    gaps[5:9] = np.nan
    figure = residuals(gaps)
    assert np.isnan(np.asarray(figure.axes[0].lines[0].get_ydata())[5:9]).all()
    assert figure.axes[0].get_xlabel() == "step"
    assert figure.axes[2].get_xlim()[1] == 41
    assert residuals(LEFT[:20]).axes[2].get_xlim()[1] == 6


@pytest.mark.parametrize("count", [3, 50, 5000])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_texts_are_apart(count: int, scale: float, collisions: Any) -> None:
    title = "A title that is long enough to be broken into a second line, as titles may well be"
    values = scale * np.random.default_rng(1).normal(size=count)
    figure = residuals(values, unit="US$ per $", title=title)
    assert collisions(figure) == []
    assert all(ax.get_position().height > 0.15 for ax in figure.axes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"residuals": np.ones((2, 2))}, r"residuals must have shape \[T\], got \[2, 2\]"),
        ({"residuals": [1, 2, np.nan]}, "3 finite numbers or more, got 2"),
        ({"residuals": [1, 2, np.inf]}, "3 finite numbers or more"),
        ({"residuals": [2, 2, 2]}, "must differ from each other, all are 2"),
        ({"times": [1, 2]}, r"times must have shape \[3\] as residuals has, got \[2\]"),
        ({"lags": 3}, "lags must be from 1 to 2, got 3"),
        ({"lags": 0}, "lags must be from 1 to 2, got 0"),
    ],
)
def test_errors_say_what_is_wrong(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"residuals": [1.0, 2.0, 4.0]}
    with pytest.raises(ValueError, match=message):
        residuals(**(arguments | options))
