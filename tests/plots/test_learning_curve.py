from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from unrolled.plots import learning_curve


def history(train: list[float], valid: list[float | None] | None = None) -> list[dict[str, Any]]:
    valid = valid or [None] * len(train)
    return [
        {"epoch": i + 1, "train_loss": t, "valid_loss": v}
        for i, (t, v) in enumerate(zip(train, valid, strict=True))
    ]


def lines(figure: Figure) -> dict[str, Any]:
    return {str(line.get_label()): line for line in figure.axes[0].lines}


def legend(figure: Figure) -> list[str]:
    drawn = figure.axes[0].get_legend()
    assert drawn is not None
    return [text.get_text() for text in drawn.get_texts()]


def test_lines_are_the_records() -> None:
    records = history([0.9, 0.5, 0.4, 0.35], [0.8, None, 0.55, 0.6])
    records[0]["epoch"], records[1]["epoch"] = 11, 12
    records[2]["epoch"], records[3]["epoch"] = 13, 14
    figure = learning_curve(records, title="A run", quantity="mean squared error (°C²)")
    drawn = lines(figure)
    np.testing.assert_array_equal(drawn["training"].get_xdata(), [11, 12, 13, 14])
    np.testing.assert_array_equal(drawn["training"].get_ydata(), [0.9, 0.5, 0.4, 0.35])
    np.testing.assert_array_equal(drawn["validation"].get_xdata(), [11, 13, 14])
    np.testing.assert_array_equal(drawn["validation"].get_ydata(), [0.8, 0.55, 0.6])
    ax = figure.axes[0]
    assert ax.get_xlabel() == "epoch"
    assert ax.get_ylabel() == "mean squared error (°C²)"
    assert ax.get_title(loc="left") == "A run"


def test_the_best_epoch_is_that_of_the_least_validation_value() -> None:
    figure = learning_curve(history([0.9, 0.5, 0.4], [0.8, 0.55, 0.6]))
    assert "best validation: 0.55 at epoch 2" in legend(figure)
    (ring,) = [line for line in figure.axes[0].lines if line.get_marker() == "o"][2:]
    assert (ring.get_xdata(), ring.get_ydata()) == ([2], [0.55])


def test_the_best_epoch_of_an_accuracy_is_the_highest() -> None:
    records = [
        {"epoch": i + 1, "train_accuracy": a, "valid_accuracy": a - 0.1}
        for i, a in enumerate([0.5, 0.9, 0.8])
    ]
    figure = learning_curve(records, metric="accuracy", higher_is_better=True)
    assert "best validation: 0.8 at epoch 2" in legend(figure)
    assert figure.axes[0].get_ylabel() == "accuracy"


def test_no_best_epoch_without_validation() -> None:
    assert legend(learning_curve(history([0.9, 0.5]))) == ["training"]


@pytest.mark.parametrize(
    ("train", "scale"),
    [([1.0, 0.04], "log"), ([1.0, 0.06], "linear"), ([1.0, 0.0], "linear"), ([1, -9], "linear")],
)
def test_the_axis_is_logarithmic_when_the_range_asks_for_it(train: list[float], scale: str) -> None:
    figure = learning_curve(history(train))
    ax = figure.axes[0]
    assert ax.get_yscale() == scale
    assert ax.get_ylabel() == ("loss, log scale" if scale == "log" else "loss")
    low, high = ax.get_ylim()
    assert low <= min(train) < max(train) <= high


def test_a_baseline_widens_the_range_and_makes_it_logarithmic() -> None:
    assert learning_curve(history([1.0, 0.5])).axes[0].get_yscale() == "linear"
    figure = learning_curve(history([1.0, 0.5]), baseline={"least": 0.01})
    assert figure.axes[0].get_yscale() == "log"


def test_baselines_are_labelled_lines() -> None:
    baseline = {"repeat last value": 0.3, "least error": 0.2}
    figure = learning_curve(history([0.9, 0.4, 0.21]), baseline=baseline)
    heights = {float(line.get_ydata()[0]) for line in figure.axes[0].lines[1:]}  # type: ignore[index]
    assert heights == {0.3, 0.2}
    assert [t.get_text() for t in figure.axes[0].texts] == [
        "repeat last value\n0.3",
        "least error\n0.2",
    ]


@pytest.mark.parametrize("values", [(0.300, 0.301, 0.302), (0.9, 0.899, 0.0), (0.21, 0.21, 0.21)])
def test_names_of_close_baselines_neither_overlap_nor_leave_the_axes(
    values: tuple[float, ...], collisions: Any
) -> None:
    baseline = {f"baseline {i} $ with a long name": value for i, value in enumerate(values)}
    figure = learning_curve(history([0.9, 0.4, 0.21]), baseline=baseline, title="Names")
    assert collisions(figure) == []


def test_one_epoch_is_drawn_with_one_tick() -> None:
    figure = learning_curve(history([0.5], [0.6]))
    assert list(figure.axes[0].get_xticks()) == [1]


def test_dollars_are_no_mathematics(collisions: Any) -> None:
    title = r"Loss in $ and \frac of $x"
    figure = learning_curve(history([0.5, 0.4]), title=title, quantity="US$ per $")
    assert collisions(figure) == []
    assert figure.axes[0].get_title(loc="left") == title
    assert not figure.axes[0]._left_title.get_parse_math()  # type: ignore[attr-defined]


def test_it_draws_into_given_axes() -> None:
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert learning_curve(history([0.5, 0.4]), ax=right) is figure
    assert len(left.lines) == 0
    assert len(right.lines) == 1


@pytest.mark.parametrize(
    ("records", "options", "message"),
    [
        ([], {}, "history must hold the records of at least one epoch"),
        (history([0.5]), {"metric": "accuracy"}, r"metric must be one of \['loss'\], got 'acc"),
        (history([0.5, np.nan]), {}, "train_loss must be finite, got nan at epoch 2"),
        (history([0.5, 0.4], [0.3, np.inf]), {}, "valid_loss must be finite, got inf at epoch 2"),
        (history([0.5]), {"baseline": {"b": np.nan}}, r"baseline\['b'\] must be a finite number"),
    ],
)
def test_errors_say_what_is_wrong(
    records: list[dict[str, Any]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        learning_curve(records, **options)
