"""Calendar features beside pandas' own calendar, their range, and which go with which steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unrolled.data.calendar import RANGES, calendar_features, default_calendar
from unrolled.data.frequency import Frequency


def test_features_are_those_of_the_calendar() -> None:
    """Over dates before and after 1970, with years of 53 weeks and 366 days."""
    rng = np.random.default_rng(0)
    seconds = rng.integers(-2_000_000_000, 4_000_000_000, size=5000)
    times = seconds.astype("datetime64[s]")
    when = pd.DatetimeIndex(times)
    expected = {
        "second": when.second / 59 - 0.5,
        "minute": when.minute / 59 - 0.5,
        "hour": when.hour / 23 - 0.5,
        "weekday": when.day_of_week / 6 - 0.5,
        "month_day": (when.day - 1) / 30 - 0.5,
        "year_day": (when.day_of_year - 1) / 365 - 0.5,
        "week": (when.isocalendar().week.to_numpy(dtype=float) - 1) / 52 - 0.5,
        "month": (when.month - 1) / 11 - 0.5,
    }
    assert set(expected) == set(RANGES)
    features = calendar_features(times, list(expected))
    assert features.dtype == np.float32
    assert features.shape == (5000, 8)
    for column, name in enumerate(expected):
        np.testing.assert_allclose(features[:, column], expected[name], atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(features.min(axis=0), [-0.5] * 8)
    np.testing.assert_array_equal(features.max(axis=0), [0.5] * 8)
    again = calendar_features(times.astype("datetime64[us]"), ["week", "hour"])
    np.testing.assert_array_equal(again, features[:, [6, 2]])


def test_features_go_with_the_frequency() -> None:
    days = ("weekday", "month_day", "year_day")
    expected = {
        "YS": (), "1": (), "QS": ("month",), "ME": ("month",), "W": ("month_day", "week"),
        "D": days, "B": days, "2D": days, "h": ("hour", *days), "36h": ("hour", *days),
        "15min": ("minute", "hour", *days), "s": ("second", "minute", "hour", *days),
    }  # fmt: skip
    assert {name: default_calendar(Frequency.parse(name)) for name in expected} == expected
    assert default_calendar(None) == ()


def test_what_has_no_calendar() -> None:
    with pytest.raises(TypeError, match=r"^calendar features need times that are dates, got int64"):
        calendar_features(np.arange(3), ["hour"])
    with pytest.raises(ValueError, match=r"^calendar must be of second, .*, month, got 'holiday'"):
        calendar_features(np.array(["2024-01-01"], dtype="datetime64[us]"), ["holiday"])
    assert calendar_features(np.array([], dtype="datetime64[us]"), ["hour"]).shape == (0, 1)
