"""The sizes of a window that arguments leave open."""

from __future__ import annotations

# Steps of a segment at most, where nobody says.
MOST_A_SEGMENT = 48


def lookback(horizon: int, season: int, longest: int) -> int:
    """Steps that are read: three horizons or two seasons, where the series are long enough."""
    return max(1, min(max(3 * horizon, 2 * season), longest - horizon))


def segment(lookback: int, horizon: int, season: int) -> int:
    """Steps of a segment: whole seasons, or half the look-back, at most 48 and the horizon."""
    most = max(1, min(MOST_A_SEGMENT, lookback // 2, horizon))
    return most // season * season if 1 < season <= most else most
