"""A long series to (past, future) pairs that never look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from unrolled.data import checks, tables
from unrolled.data.sequences import Sequences


def windows(
    series: Any,
    length: int,
    horizon: int | Sequence[int] = 1,
    stride: int = 1,
    target: int | None = None,
) -> tuple[Sequences, np.ndarray]:
    """Cut one series into pasts of `length` steps and the values that follow them.

    Past n is `series[n * stride : n * stride + length]`; its last step is
    `t = n * stride + length - 1` and its target is `series[t + horizon]`. No past holds a step
    later than `t`, so what is cut from a training part of a series has seen nothing behind it.

    Args:
        series: array or DataFrame [M, C], or array [M] for one channel; oldest step first.
        length: steps in each past.
        horizon: steps from the last past value to its target; several, as in `range(1, 25)`, give a
            target for each of them.
        stride: steps from the start of one past to the start of the next.
        target: the channel to be forecast; all of them when None.

    Returns:
        pasts: N overlapping sequences over the series itself, which is viewed and not copied.
        y: array [N], or [N, K] when there are several horizons or target channels; K runs over the
            channels of the first horizon, then over those of the next.

    Raises:
        TypeError: the series holds no numbers, or an argument is no whole number.
        ValueError: the series is too short for one pair, has a NaN or infinity, or has no such
            channel.
    """
    values = _as_series(series)
    M, C = values.shape
    length = checks.as_count(length, "length")
    stride = checks.as_count(stride, "stride")
    several = isinstance(horizon, (Sequence, np.ndarray))
    steps = np.array(
        [checks.as_count(h, "horizon") for h in (horizon if several else [horizon])],  # type: ignore[union-attr]
        dtype=np.int64,
    )
    if len(steps) == 0:
        raise ValueError("horizon must name at least one step, got none.")
    if target is not None and not 0 <= checks.as_count(target, "target", 0) < C:
        raise ValueError(f"target must be a channel from 0 to {C - 1}, got {target}.")
    N = (M - length - int(steps.max())) // stride + 1
    if N < 1:
        raise ValueError(
            f"series has {M} steps, but length {length} and horizon {int(steps.max())} need at "
            f"least {length + int(steps.max())}."
        )
    starts = np.arange(N, dtype=np.int64) * stride
    pasts = Sequences(values, starts, np.full(N, length, dtype=np.int64))
    rows = (starts + length - 1)[:, None] + steps  # [N, horizons]
    channels = slice(None) if target is None else slice(target, target + 1)
    y = values[:, channels][rows].reshape(N, -1)
    return pasts, y[:, 0] if y.shape[1] == 1 and not several else y


def _as_series(series: Any) -> np.ndarray:
    """[M, C] finite floating, a view wherever `series` is a floating array."""
    if tables.is_dataframe(series):
        values = tables.wide(series, name="series")
    else:
        values = checks.as_float(series, "series")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise ValueError(
            f"series must be [M] or [M, C], got {values.ndim} dimensions {list(values.shape)}; "
            f"cut several series one at a time."
        )
    if values.shape[0] == 0:
        raise checks.too_few("series", "step", values.shape)
    if values.shape[1] == 0:
        raise checks.too_few("series", "feature", values.shape)
    found = checks.first_not_finite(values)
    if found is not None:
        raise checks.not_finite("series", values[found], f"at step {found[0]}, channel {found[1]}")
    return values
