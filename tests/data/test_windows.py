"""Windows: what stands in them, that nothing later does, and that nothing is copied."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import windows


def test_pairs_of_one_channel() -> None:
    pasts, y = windows(np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]), length=3)
    np.testing.assert_array_equal(
        [past[:, 0] for past in pasts], [[1, 2, 4], [2, 4, 8], [4, 8, 16]]
    )
    np.testing.assert_array_equal(y, [8, 16, 32])


def test_horizon_and_stride() -> None:
    pasts, y = windows(np.arange(12.0), length=3, horizon=2, stride=4)
    np.testing.assert_array_equal([past[:, 0] for past in pasts], [[0, 1, 2], [4, 5, 6]])
    np.testing.assert_array_equal(y, [4, 8])


def test_channels() -> None:
    series = np.arange(30.0).reshape(10, 3)
    pasts, y = windows(series, length=4)
    assert pasts.channels == 3
    np.testing.assert_array_equal(pasts[2], series[2:6])
    np.testing.assert_array_equal(y, series[4:])
    _, y = windows(series, length=4, target=1)
    np.testing.assert_array_equal(y, series[4:, 1])
    _, y = windows(series[:, :1], length=4)
    np.testing.assert_array_equal(y, series[4:, 0])


def test_several_horizons() -> None:
    series = np.arange(30.0).reshape(10, 3)
    _, y = windows(series, length=4, horizon=range(1, 4), target=2)
    np.testing.assert_array_equal(y, np.stack([series[h : h + 4, 2] for h in (4, 5, 6)], axis=1))
    _, y = windows(series, length=4, horizon=[1, 3])
    np.testing.assert_array_equal(y, np.concatenate([series[4:8], series[6:]], axis=1))
    _, y = windows(series[:, 0], length=4, horizon=[2])
    assert y.shape == (5, 1)


@given(
    steps=st.integers(2, 40),
    channels=st.integers(1, 3),
    length=st.integers(1, 12),
    horizons=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    stride=st.integers(1, 5),
)
def test_never_looks_ahead(
    steps: int, channels: int, length: int, horizons: list[int], stride: int
) -> None:
    # Channel c of step t holds t + c / 10, so that every number says which step it is from.
    series = np.arange(steps)[:, None] + np.arange(channels) / 10
    least = length + max(horizons)
    if steps < least:
        with pytest.raises(ValueError, match=rf"^series has {steps} steps, .* at least {least}\.$"):
            windows(series, length, horizons, stride)
        return
    pasts, y = windows(series, length, horizons, stride)
    assert np.shares_memory(pasts.values, series)
    assert len(pasts) == len(y) == len(range(0, steps - least + 1, stride))
    for n, past in enumerate(pasts):
        last = n * stride + length - 1
        np.testing.assert_array_equal(past, series[last - length + 1 : last + 1])
        assert np.floor(past).max() == last
        np.testing.assert_array_equal(
            y[n].reshape(len(horizons), -1), series[last + np.array(horizons)]
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_series_is_viewed_and_keeps_its_dtype(dtype: type) -> None:
    for series in (np.ones(20, dtype), np.ones((20, 2), dtype), np.ones((40, 4), dtype)[::2, 1:]):
        pasts, y = windows(series, length=5)
        assert np.shares_memory(pasts.values, series)
        assert pasts.values.dtype == y.dtype == dtype
        assert pasts.lengths.sum() > len(pasts.values)


def test_dataframes_and_columns() -> None:
    columns = {"a": [1, 2, 3, 4], "b": [5, 6, 7, 8]}
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
        pasts, y = windows(frame, length=2, target=1)
        np.testing.assert_array_equal(pasts[1], [[2, 6], [3, 7]])
        np.testing.assert_array_equal(y, [7, 8])
        np.testing.assert_array_equal(windows(frame["a"], length=2)[1], [3, 4])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"length": 0}, ValueError, r"^length must be at least 1, got 0\.$"),
        ({"length": 2.0}, TypeError, r"^length must be a whole number, got float 2\.0\.$"),
        ({"length": True}, TypeError, r"^length must be a whole number, got bool True\.$"),
        ({"length": 2, "horizon": 0}, ValueError, r"^horizon must be at least 1, got 0\.$"),
        ({"length": 2, "horizon": [1, -1]}, ValueError, r"^horizon must be at least 1, got -1\.$"),
        ({"length": 2, "horizon": []}, ValueError, r"^horizon must name at least one step"),
        ({"length": 2, "stride": 0}, ValueError, r"^stride must be at least 1, got 0\.$"),
        ({"length": 2, "target": 2}, ValueError, r"^target must be a channel from 0 to 1, got 2"),
        ({"length": 2, "target": -1}, ValueError, r"^target must be at least 0, got -1\.$"),
        ({"length": 9}, ValueError, r"^series has 9 steps, but length 9 and horizon 1 need at "),
    ],
)
def test_refuses_arguments(arguments: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        windows(np.ones((9, 2)), **arguments)


def test_refuses_series() -> None:
    series = np.ones((9, 2))
    series[4, 1] = np.nan
    with pytest.raises(ValueError, match=r"^series holds NaN at step 4, channel 1; fill or drop"):
        windows(series, length=2)
    with pytest.raises(ValueError, match=r"^series must be \[M\] or \[M, C\], got 3 dimensions"):
        windows(np.ones((2, 9, 2)), length=2)
    with pytest.raises(ValueError, match=r"^series: found array with 0 step\(s\)"):
        windows([], length=2)
    with pytest.raises(ValueError, match=r"^series: found array with 0 feature\(s\)"):
        windows(np.ones((9, 0)), length=2)
    with pytest.raises(TypeError, match=r"^series holds text"):
        windows(["a", "b"], length=1)
