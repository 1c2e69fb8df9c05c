from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.plots import backtest

STEPS = np.arange(1, 97)
ERRORS = {"GRU": 0.3 + 0.002 * STEPS, "naive": 0.4 + 0.5 * np.abs(np.sin(STEPS / 8))}


def test_lines_are_the_errors_by_step() -> None:
    figure = backtest(ERRORS, metric="MAE", unit="°C", title="Oil")
    ax = figure.axes[0]
    assert len(ax.lines) == 2
    for line, values in zip(ax.lines, ERRORS.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), STEPS)
        np.testing.assert_array_equal(line.get_ydata(), values)
        assert line.get_marker() in ("", "None")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps ahead", "MAE (°C)")
    assert ax.get_title(loc="left") == "Oil"
    legend = ax.get_legend()
    assert legend is not None
    mean = float(ERRORS["naive"].mean())
    assert [text.get_text() for text in legend.get_texts()] == [
        "GRU (mean 0.397)",
        f"naive (mean {mean:.3g})",
    ]
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylim()[1] > 0.9
    assert ax.get_xlim()[0] > 0
    assert ax.get_xlim()[1] >= 96


def test_errors_that_are_close_are_drawn_apart() -> None:
    ax = backtest({"a": [0.95, 0.97, np.nan], "b": [1.0, 1.01, 1.02]}).axes[0]
    low, high = ax.get_ylim()
    assert 0.9 < low < 0.95
    assert 1.02 < high < 1.05
    assert ax.lines[0].get_marker() == "o"
    for same in (0.0, 3.0):
        low, high = backtest({"a": [same, same]}).axes[0].get_ylim()
        assert low == 0
        assert high > same


@pytest.mark.parametrize("steps", [1, 7, 720])
def test_texts_are_apart(steps: int, collisions: Any) -> None:
    rng = np.random.default_rng(0)
    errors = {f"method number {i} with a name": rng.uniform(0, 9e4, steps) for i in range(8)}
    figure = backtest(errors, unit="US$ per $", title="Errors of many methods by step " * 3)
    assert collisions(figure) == []
    assert figure.axes[0].get_position().height > 0.3


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ({}, "errors must hold a model or more, got none"),
        ({"a": []}, r"errors\['a'\] must have shape \[H\], H >= 1, got \[0\]"),
        ({"a": [1, 2], "b": [1]}, r"errors\['b'\] must have 2 steps as errors\['a'\] has, got 1"),
        ({"a": [np.nan]}, r"errors\['a'\] must hold a number"),
        ({"a": [1, np.inf]}, r"errors\['a'\] must be finite and 0 or more"),
        ({"a": [1, -1]}, r"errors\['a'\] must be finite and 0 or more"),
    ],
)
def test_errors_say_what_is_wrong(errors: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backtest(errors)
