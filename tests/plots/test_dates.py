from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from unrolled.plots.dates import date_ticks, tick_labels


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ([(1999, 1, 1), (2004, 1, 1)], ["1999", "2004"]),
        ([(2003, 11, 1), (2004, 1, 1), (2004, 3, 1)], ["Nov\n2003", "Jan\n2004", "Mar"]),
        ([(2004, 2, 28), (2004, 2, 29), (2004, 3, 1)], ["28\nFeb 2004", "29", "1\nMar"]),
        (
            [(2004, 12, 31, 18), (2005, 1, 1), (2005, 1, 1, 6)],
            ["18:00\n31 Dec 2004", "00:00\n1 Jan 2005", "06:00"],
        ),
        ([(2004, 5, 1, 9, 5, 0), (2004, 5, 1, 9, 5, 30)], ["09:05:00\n1 May 2004", "09:05:30"]),
        (
            [(2004, 5, 1, 9, 5, 0), (2004, 5, 1, 9, 5, 0, 250000)],
            ["09:05:00\n1 May 2004", "09:05:00.25"],
        ),
    ],
)
def test_a_tick_says_what_changed(ticks: list[tuple[int, ...]], labels: list[str]) -> None:
    assert tick_labels([datetime(*tick) for tick in ticks]) == labels  # type: ignore[arg-type]


def test_ticks_stand_at_their_dates_even_between_irregular_steps() -> None:
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-09"], dtype="M8[us]")
    places, labels = date_ticks(days, 8)
    by_label = dict(zip(labels, places, strict=True))
    assert by_label["1\nJan 2024"] == pytest.approx(0.0)
    assert by_label["5"] == pytest.approx(2.0)
    assert by_label["3"] == pytest.approx(1 + 1 / 3)
    assert by_label["7"] == pytest.approx(2.5)


def test_one_date_has_one_tick() -> None:
    places, labels = date_ticks(np.array(["2024-01-05"], dtype="M8[us]"), 8)
    assert (list(places), labels) == ([0.0], ["5\nJan 2024"])
