from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from unrolled.plots import forecast

HOURS = np.datetime64("2010-03-01T00:00") + np.arange(240) * np.timedelta64(1, "h")


def series(T: int = 240) -> np.ndarray:
    rng = np.random.default_rng(3)
    return 9 + 4 * np.sin(np.arange(T) / 24 * 2 * np.pi) + rng.normal(0, 0.5, T)


def legend(figure: Figure) -> list[str]:
    drawn = figure.axes[0].get_legend()
    assert drawn is not None
    return [text.get_text() for text in drawn.get_texts()]


def band(figure: Figure) -> tuple[float, float]:
    (patch,) = [p for p in figure.axes[0].patches if isinstance(p, (Polygon, Rectangle))]
    x = patch.get_path().vertices @ patch.get_patch_transform().get_matrix()[:2, :2].T  # type: ignore[operator]
    x = x[:, 0] + patch.get_patch_transform().get_matrix()[0, 2]
    return float(x.min()), float(x.max())


def test_lines_are_the_arrays() -> None:
    y, whole, part = series(), series() + 1, series()[200:] - 1
    figure = forecast(HOURS, y, {"GRU": whole, "naive": part}, held_out_from=200)
    truth, gru, naive = figure.axes[0].lines[:3]
    np.testing.assert_array_equal(truth.get_ydata(), y)
    np.testing.assert_array_equal(truth.get_xdata(), HOURS.astype("datetime64[us]"))
    np.testing.assert_array_equal(gru.get_ydata(), whole)
    np.testing.assert_array_equal(naive.get_ydata(), part)
    np.testing.assert_array_equal(naive.get_xdata(), HOURS[200:].astype("datetime64[us]"))
    assert len({line.get_color() for line in (truth, gru, naive)}) == 3


def test_labels_units_and_errors_are_written() -> None:
    figure = forecast(
        HOURS,
        series(),
        {"GRU": series(), "naive": series()},
        held_out_from=200,
        quantity="temperature",
        unit="°C",
        title="Seattle",
        errors={"GRU": 0.28914},
        error_name="MAE",
    )
    ax = figure.axes[0]
    assert ax.get_ylabel() == "temperature (°C)"
    assert ax.get_xlabel() == "date"
    assert ax.get_title(loc="left") == "Seattle"
    assert legend(figure) == ["truth", "GRU (MAE 0.289 °C)", "naive"]
    assert [text.get_text() for text in ax.texts] == ["held out"]


def test_the_band_covers_exactly_the_held_out_steps() -> None:
    steps = np.arange(50.0)
    figure = forecast(steps, series(50), {}, held_out_from=40)
    start, end = band(figure)
    assert start == pytest.approx(39.5)
    assert end >= 49
    assert figure.axes[0].get_xlim()[1] == pytest.approx(end)
    assert figure.axes[0].get_xlabel() == "step"


def test_everything_may_be_held_out() -> None:
    start, _ = band(forecast(np.arange(9.0), series(9), {"m": series(9)}, held_out_from=0))
    assert start <= 0


def test_the_name_of_a_narrow_band_points_at_it() -> None:
    figure = forecast(np.arange(100.0), series(100), {}, held_out_from=98)
    (text,) = figure.axes[0].texts
    assert text.get_text() == "held out →"
    assert text.get_horizontalalignment() == "right"


@pytest.mark.parametrize("length", [5, 30, 235])
def test_texts_are_apart(length: int, collisions: Any) -> None:
    names = {f"method number {i} with a long name": series()[240 - length :] for i in range(4)}
    figure = forecast(
        HOURS,
        series(),
        names,
        held_out_from=240 - length,
        errors=dict.fromkeys(names, 0.123456),
        unit="US$ per $",
        title="A title that is long enough to be broken into a second line, as titles may be",
    )
    assert collisions(figure) == []
    plot = figure.axes[0].get_position()
    assert plot.width > 0.6
    assert plot.height > 0.3


def test_gaps_in_the_truth_stay_gaps() -> None:
    y = series()
    y[10:20] = np.nan
    (line, *_) = forecast(HOURS, y, {}, held_out_from=200).axes[0].lines
    assert np.isnan(np.asarray(line.get_ydata())[10:20]).all()


def test_months_and_python_dates_are_dates() -> None:
    months = np.array("2000-01", dtype="datetime64[M]") + np.arange(120)
    days = [date(2024, 2, 1), date(2024, 2, 2), date(2024, 2, 29)]
    assert forecast(months, series(120), {}, held_out_from=100).axes[0].get_xlabel() == "date"
    figure = forecast(days, np.ones(3), {}, held_out_from=2)  # type: ignore[arg-type]
    assert figure.axes[0].get_xlabel() == "date"
    assert forecast(HOURS[:24], series(24), {}, held_out_from=9).axes[0].get_xlabel() == "time"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truth": np.ones(5)}, r"truth must have shape \[4\] as times has, got \[5\]"),
        ({"held_out_from": 4}, "held_out_from must be from 0 to 3, got 4"),
        ({"held_out_from": -1}, "held_out_from must be from 0 to 3, got -1"),
        ({"predictions": {"m": np.ones(3)}}, r"predictions\['m'\] must have shape \[4\] or"),
        ({"errors": {"other": 1.0}}, r"errors must name only methods .* got \['other'\]"),
        ({"times": [3, 2, 1, 0]}, r"times must increase, got 2 after 3"),
        ({"times": [0, 1, 2, np.nan]}, "times must have no gap, got nan at 3"),
        ({"times": np.ones((4, 1))}, r"times must have shape \[T\]"),
        ({"truth": np.full(4, np.nan)}, "must hold a finite value"),
    ],
)
def test_errors_say_what_is_wrong(options: dict[str, Any], message: str) -> None:
    arguments = {"times": np.arange(4), "truth": np.ones(4), "predictions": {}, "held_out_from": 2}
    with pytest.raises(ValueError, match=message):
        forecast(**(arguments | options))  # type: ignore[arg-type]


def test_times_of_another_kind_are_refused() -> None:
    with pytest.raises(TypeError, match="times must be numbers, dates or datetime64"):
        forecast(["a", "b"], np.ones(2), {}, held_out_from=1)  # type: ignore[arg-type]
    zoned = [datetime(2024, 1, day, tzinfo=timezone.utc) for day in (1, 2)]
    with pytest.raises(TypeError, match="times must carry no time zone"):
        forecast(zoned, np.ones(2), {}, held_out_from=1)  # type: ignore[arg-type]


def test_a_name_longer_than_the_picture_is_broken(collisions: Any) -> None:
    name = "a method whose name is a sentence that nobody would ever want to read in a legend, " * 2
    figure = forecast(HOURS, series(), {name: series()}, held_out_from=200, title="Names")
    assert collisions(figure) == []
    assert " ".join(legend(figure)[1].split()) == name.strip()
    assert figure.axes[0].get_position().width > 0.6


def test_it_draws_into_one_of_several_axes(collisions: Any) -> None:
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ax in (left, right):
        names = {"GRU with 64 units": series(), "repeat the last hour": series()}
        title = "A title that has to be broken to stay within its half of the figure"
        assert forecast(HOURS, series(), names, held_out_from=200, title=title, ax=ax) is figure
    assert collisions(figure) == []
