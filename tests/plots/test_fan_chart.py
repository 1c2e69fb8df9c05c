from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection

from unrolled.plots import fan_chart

T, H = 60, 12
RNG = np.random.default_rng(6)
HISTORY = 5 + RNG.normal(size=T)
FORECAST = 5 + RNG.normal(size=H)
WIDE, NARROW = np.linspace(2, 4, H), np.linspace(1, 2, H)
INTERVALS = [
    (0.5, FORECAST - NARROW, FORECAST + NARROW),
    (0.95, FORECAST - WIDE, FORECAST + 2 * WIDE),
]
HOURS = np.datetime64("2010-03-01T00:00") + np.arange(T + H) * np.timedelta64(1, "h")


def test_lines_and_bands_are_the_arrays() -> None:
    truth = FORECAST + 0.5
    truth[3] = np.nan
    figure = fan_chart(
        HISTORY, FORECAST, intervals=INTERVALS, truth=truth, times=HOURS, quantity="load",
        unit="MW", title="Load",
    )  # fmt: skip
    ax = figure.axes[0]
    when = HOURS.astype("datetime64[us]")
    history, forecast, came = ax.lines[:3]
    np.testing.assert_array_equal(history.get_ydata(), HISTORY)
    np.testing.assert_array_equal(history.get_xdata(), when[:T])
    np.testing.assert_array_equal(forecast.get_ydata(), FORECAST)
    np.testing.assert_array_equal(forecast.get_xdata(), when[T:])
    np.testing.assert_array_equal(came.get_ydata(), np.r_[HISTORY[-1], truth])
    np.testing.assert_array_equal(came.get_xdata(), when[T - 1 :])
    wide, narrow = (c for c in ax.collections if isinstance(c, FillBetweenPolyCollection))
    assert sum(wide.get_facecolor()[0]) > sum(narrow.get_facecolor()[0])  # the paler the wider
    for band, (_, low, high) in ((narrow, INTERVALS[0]), (wide, INTERVALS[1])):
        corners = band.get_paths()[0].vertices
        for end in (low, high):
            assert np.isin(np.round(end, 9), np.round(np.asarray(corners)[:, 1], 9)).all()
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "history", "95 % interval", "50 % interval", "forecast", "truth",
    ]  # fmt: skip
    assert [text.get_text() for text in ax.texts] == ["forecast"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("date", "load (MW)")
    assert ax.get_title(loc="left") == "Load"
    low, high = ax.get_ylim()
    assert low < min(INTERVALS[1][1])
    assert high > max(INTERVALS[1][2])


def test_the_shade_begins_between_history_and_forecast() -> None:
    ax = fan_chart(HISTORY, FORECAST).axes[0]
    assert ax.lines[-1].get_xdata()[0] == pytest.approx(T - 0.5)  # type: ignore[index]
    assert ax.get_xlabel() == "step"


def test_a_single_step_is_seen() -> None:
    figure = fan_chart(HISTORY, [5.0], intervals=[(0.8, [4.0], [7.0])], truth=[6.0])
    ax = figure.axes[0]
    (bar,) = (c for c in ax.collections if isinstance(c, LineCollection))
    np.testing.assert_array_equal(bar.get_segments()[0], [[T, 4], [T, 7]])
    assert ax.lines[1].get_marker() == "o"


@pytest.mark.parametrize("steps", [1, 12, 400])
def test_texts_are_apart(steps: int, collisions: Any) -> None:
    line = np.cumsum(RNG.normal(size=steps))
    bands = [(q, line - 9 * q, line + 9 * q) for q in (0.5, 0.8, 0.9, 0.95, 0.99)]
    figure = fan_chart(
        HISTORY, line, intervals=bands, truth=line + 1, unit="US$ per $", quantity="price",
        title="A title that is long enough to be broken into a second line, as titles may be",
    )  # fmt: skip
    assert collisions(figure) == []
    assert figure.axes[0].get_position().height > 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"history": []}, r"history must have shape \[T\], T >= 1, got \[0\]"),
        ({"forecast": [1.0, np.nan]}, r"forecast must have shape \[H\] and be finite, got \[2\]"),
        ({"times": np.arange(3)}, r"times must have shape \[5\], 3 of .* 2 of .* got \[3\]"),
        ({"times": [0, 1, 2, 2, 3]}, "times must increase, got 2 after 2"),
        ({"truth": [1.0]}, r"truth must have shape \[2\] as forecast has, got \[1\]"),
        ({"intervals": [(80, [1, 1], [2, 2])]}, "level .* must be between 0 and 1, got 80"),
        ({"intervals": [(0.8, [1], [2, 2])]}, r"interval 0.8 must have shape \[2\].*got \[1\]"),
        ({"intervals": [(0.8, [1, 1], [2, np.nan])]}, "interval 0.8 .* be finite"),
        ({"intervals": [(0.8, [1, 3], [2, 2])]}, "below its beginning, got 3.0 to 2.0 at step 2"),
    ],
)
def test_errors_say_what_is_wrong(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"history": np.ones(3), "forecast": np.ones(2)}
    with pytest.raises(ValueError, match=message):
        fan_chart(**(arguments | options))


@pytest.mark.parametrize(
    ("first", "unit", "steps"),
    [
        ("1958-01", "M", 48),
        ("2024-01-01T00", "h", 90),
        ("2024-01-01T00:00", "m", 230),
        ("2024-01-01T00:00:00", "s", 230),
    ],
)
def test_spans_between_two_units_of_the_calendar_get_ticks(
    first: str, unit: str, steps: int
) -> None:
    # Here matplotlib warns that it knows no interval, and warnings are errors.
    times = np.datetime64(first) + np.arange(steps).astype(f"timedelta64[{unit}]")
    figure = fan_chart(np.arange(float(steps - 12)), np.arange(12.0), times=times)
    figure.canvas.draw()
    assert 3 <= len([t for t in figure.axes[0].get_xticklabels() if t.get_text()]) <= 9
