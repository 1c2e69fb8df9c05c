"""Times of many series to whole steps of one frequency, or what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.frequency import Frequency, infer


def steps_of(
    times: NDArray[Any],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    names: tuple[str, ...],
    frequency: Frequency | None,
    *,
    gaps: str,
) -> tuple[Frequency, NDArray[np.int64]]:
    """Which step of its series each time is.

    Args:
        times: array [M], rising inside each series.
        starts: array [S], the row of each series' first time.
        lengths: array [S], the times of each series.
        names: S names for messages, as "series 'A'".
        frequency: what leads from step to step; None finds out.
        gaps: "error", or "fill" where steps may have no time.

    Returns:
        The frequency and an array [M] of steps, 0 for the first of a series.

    Raises:
        ValueError: series have different frequencies, a time lies between the steps, or steps have
            no times and `gaps` is "error".
    """
    found = infer(times, starts) if frequency is None else frequency
    if (times.dtype.kind == "M") != (found.kind != "number"):
        raise ValueError(f"times are {times.dtype}, which have no steps of {found.name!r}.")
    series = np.repeat(np.arange(len(starts)), lengths)
    steps = found.index(times[starts][series], times)
    if frequency is None:
        trouble = np.unique(series[(steps < 0) | _after_gap(steps, starts)])
        _refuse_different(times, starts, lengths, names, found, trouble)
    if (steps < 0).any():
        row = int(np.argmax(steps < 0))
        many = f" ({int((steps < 0).sum())} times in all)" if (steps < 0).sum() > 1 else ""
        raise ValueError(
            f"{names[series[row]]} has {shown(times[row])}, which lies between its "
            f"{found.steps_are} from {shown(times[starts[series[row]]])}{many}; correct it, or "
            f"give another frequency, or frequency='rows' to take each row as a step."
        )
    if gaps == "error":
        _refuse_gaps(times, steps, starts, lengths, series, names, found)
    return found, steps


def shown(time: Any) -> str:
    """A time as a message shows it: "2024-01-31", "2024-01-31T05:00"."""
    if not isinstance(time, np.datetime64):
        return str(time)
    text = str(time.astype("datetime64[us]"))
    return text.removesuffix(".000000").removesuffix(":00").removesuffix("T00:00")


def _refuse_different(
    times: NDArray[Any],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    names: tuple[str, ...],
    found: Frequency,
    trouble: NDArray[np.int64],
) -> None:
    """Refuse series that are irregular only because others have another frequency."""
    for s in trouble:
        own = _own(times, starts, lengths, s)
        if own is None or own == found:
            continue
        for other in range(len(starts)):
            if _own(times, starts, lengths, other) == found:
                raise ValueError(
                    f"series have different frequencies: {names[other]} has {found.steps_are} "
                    f"and {names[s]} {own.steps_are}; make them alike, or give "
                    f"frequency={found.name!r} if that is the step of all."
                )


def _after_gap(steps: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which times [M] do not come one step after the time before them in their series."""
    gap = np.zeros(len(steps), dtype=bool)
    gap[1:] = steps[1:] != steps[:-1] + 1
    gap[starts] = False
    return gap


def _own(
    times: NDArray[Any], starts: NDArray[np.int64], lengths: NDArray[np.int64], s: int
) -> Frequency | None:
    """The frequency that explains series s alone without a gap; None where none does."""
    own = times[starts[s] : starts[s] + lengths[s]]
    if len(own) < 3:
        return None
    frequency = infer(own)
    regular = (frequency.index(own[0], own) == np.arange(len(own))).all()
    return frequency if regular else None


def _refuse_gaps(
    times: NDArray[Any],
    steps: NDArray[np.int64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    series: NDArray[np.int64],
    names: tuple[str, ...],
    frequency: Frequency,
) -> None:
    gap = _after_gap(steps, starts)
    if not gap.any():
        return
    row = int(np.argmax(gap))
    s = int(series[row])
    total = int(steps[starts[s] + lengths[s] - 1]) + 1
    first = shown(frequency.at(times[starts[s]], steps[row - 1] + 1)[()])
    others = len(np.unique(series[gap])) - 1
    more = f", and {others} more series lack some" if others else ""
    raise ValueError(
        f"{names[s]} lacks {total - lengths[s]} of {total} {frequency.steps_are}, first {first}"
        f"{more}; give gaps='fill' to take them as missing, or frequency='rows' to take each row "
        f"as a step."
    )
