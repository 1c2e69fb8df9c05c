"""Times of a local clock, which skips some and shows others twice."""

from __future__ import annotations

from datetime import timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone by name; None where Python has none of that name, as of a fixed offset."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def in_utc(times: NDArray[Any], zone: ZoneInfo) -> NDArray[Any]:
    """Times of a local clock in UTC, datetime64[us] both.

    A time that the clock skips is as much later as it skips, and of one that comes twice it is the
    first.
    """
    each, places = np.unique(times, return_inverse=True)
    moments = [
        moment.replace(tzinfo=zone).astimezone(timezone.utc).replace(tzinfo=None)
        for moment in each.tolist()
    ]
    return np.array(moments, dtype="datetime64[us]")[places]


def without_skips(
    local: NDArray[Any],
    utc: NDArray[Any],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    zone: ZoneInfo,
) -> NDArray[Any]:
    """Times that are later only because the clock skips theirs, as that which is skipped.

    Days that begin at midnight begin at one o'clock where a clock goes from midnight to one; what
    they begin at else is told by the first two of a series, and is midnight of one alone.

    Args:
        local: array [M] by the local clock.
        utc: array [M], the same.
        starts: array [S], the row of each series' first time.
        lengths: array [S], the times of each series.
        zone: of the clock.
    """
    clock = local - local.astype("datetime64[D]")
    second = np.where(lengths > 1, clock[starts + (lengths > 1)], np.timedelta64(0, "us"))
    usual = np.repeat(np.minimum(clock[starts], second), lengths)
    later = np.flatnonzero(clock > usual)
    if not len(later):
        return local
    nominal = local[later].astype("datetime64[D]") + usual[later]
    same = in_utc(nominal, zone) == utc[later]
    found: NDArray[Any] = local.copy()
    found[later[same]] = nominal[same]
    return found
