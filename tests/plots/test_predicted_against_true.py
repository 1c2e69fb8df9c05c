from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.plots import predicted_against_true


def test_points_line_and_scores() -> None:
    y = np.array([1.0, 2.0, 3.0, 6.0])
    prediction = np.array([1.5, 2.0, 2.0, 6.0])
    figure = predicted_against_true(y, prediction, quantity="load", unit="MW", title="Hours")
    ax = figure.axes[0]
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), np.stack([y, prediction], 1))
    (diagonal,) = ax.lines
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true load (MW)", "predicted load (MW)")
    assert ax.get_title(loc="left") == "Hours"
    # squared errors 0.25 + 0 + 1 + 0; squared deviations from 3: 4 + 1 + 0 + 9
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "prediction = truth",
        "4 predictions: RMSE 0.559 MW, R² 0.911",
    ]


def test_constant_truth_has_no_r2_and_columns_are_taken() -> None:
    figure = predicted_against_true(np.ones((3, 1)), [1.0, 1.0, 1.0])
    assert figure.axes[0].collections[0].get_label() == "3 predictions: RMSE 0"


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
def test_texts_are_apart(scale: float, collisions: Any) -> None:
    y = np.random.default_rng(0).normal(size=7000) * scale
    assert collisions(predicted_against_true(y, y + 0.1 * scale, unit="US$", title="$ or $")) == []


@pytest.mark.parametrize(
    ("y", "prediction", "message"),
    [
        ([1.0, 2.0], [1.0], "prediction must have 2 values as y has, got 1"),
        (np.ones((2, 2)), np.ones(2), r"y must have shape \[N\] or \[N, 1\].*got \[2, 2\]"),
        ([], [], r"y must have shape \[N\]"),
        ([1.0, np.nan], [1.0, 1.0], "y must be finite, got nan at position 1"),
        ([1.0], [np.inf], "prediction must be finite, got inf at position 0"),
    ],
)
def test_errors_say_what_is_wrong(y: Any, prediction: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predicted_against_true(y, prediction)
