"""Learning rates as pure functions of the step: nothing to save, nothing to restore."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "linear", "cosine", "one_cycle")

# One cycle: the share of steps that rise, and the first and last rate as shares of the highest
# (Smith & Topin 2018, arXiv 1708.07120; the values are those of torch's OneCycleLR).
RISE, FIRST, LAST = 0.3, 1 / 25, 1 / 250_000


def learning_rate(schedule: str, highest: float, step: int, num_steps: int) -> float:
    """The rate of one optimizer step.

    Args:
        schedule: "constant"; "linear" or "cosine", which fall to 0; "one_cycle", which rises from
            1/25 of the highest rate over the first 30 % of the steps, then falls, both as a cosine.
        highest: the highest rate.
        step: 0 for the first step of the run.
        num_steps: steps of the whole run.

    Raises:
        ValueError: the schedule has another name.
    """
    if schedule == "constant":
        return highest
    done = step / max(1, num_steps)
    if schedule == "linear":
        return highest * (1.0 - done)
    if schedule == "cosine":
        return _cosine(highest, 0.0, done)
    if schedule == "one_cycle":
        if done < RISE:
            return _cosine(highest * FIRST, highest, done / RISE)
        return _cosine(highest, highest * LAST, (done - RISE) / (1.0 - RISE))
    raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")


def _cosine(start: float, end: float, done: float) -> float:
    """Half a cosine wave from start (done = 0) to end (done = 1)."""
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * done))
