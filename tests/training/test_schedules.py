from __future__ import annotations

import math

import numpy as np
import pytest

from unrolled.training.plan import Optimizer, Plan
from unrolled.training.schedules import SCHEDULES, learning_rate

STEPS = 200
HIGHEST = 0.3


def rates(schedule: str, num_steps: int = STEPS) -> np.ndarray:
    return np.array([learning_rate(schedule, HIGHEST, i, num_steps) for i in range(num_steps)])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_above_zero_and_at_most_the_highest(schedule: str) -> None:
    for num_steps in (1, 2, 3, STEPS):
        found = rates(schedule, num_steps)
        assert (found > 0).all()
        assert (found <= HIGHEST * (1 + 1e-12)).all()


def test_constant() -> None:
    np.testing.assert_array_equal(rates("constant"), HIGHEST)


def test_linear_falls_evenly_to_zero() -> None:
    found = rates("linear")
    assert found[0] == HIGHEST
    np.testing.assert_allclose(np.diff(found), -HIGHEST / STEPS)
    np.testing.assert_allclose(found[-1], HIGHEST / STEPS)


def test_cosine_is_half_a_wave() -> None:
    found = rates("cosine")
    expected = HIGHEST * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS)) / 2
    np.testing.assert_allclose(found, expected)
    assert found[0] == HIGHEST
    assert found[-1] < 1e-4 * HIGHEST


def test_one_cycle_rises_then_falls() -> None:
    found = rates("one_cycle")
    top = round(0.3 * STEPS)
    np.testing.assert_allclose(found[0], HIGHEST / 25)
    np.testing.assert_allclose(found[top], HIGHEST)
    assert (np.diff(found[: top + 1]) > 0).all()
    assert (np.diff(found[top:]) < 0).all()
    assert found[-1] < 1e-3 * HIGHEST


def test_one_cycle_ends_where_that_of_torch_does() -> None:
    """Torch's defaults: div_factor 25, final_div_factor 1e4, pct_start 0.3."""
    assert learning_rate("one_cycle", HIGHEST, 0, STEPS) == pytest.approx(HIGHEST / 25)
    end = learning_rate("one_cycle", HIGHEST, STEPS, STEPS)
    assert end == pytest.approx(HIGHEST / 25 / 1e4)


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"schedule must be one of constant, .*'step'"):
        learning_rate("step", 0.1, 0, 10)


def test_a_plan_asks_the_schedule_and_says_when_to_save() -> None:
    plan = Plan(5, Optimizer(learning_rate=0.2), "cosine", None, 1.5, 3)
    assert plan.rate(3, 10) == learning_rate("cosine", 0.2, 3, 10)
    assert plan.rate(0, 10) == 0.2
    assert math.isclose(plan.rate(10, 10), 0.0, abs_tol=1e-12)
    assert [plan.is_due(seconds) for seconds in (0.0, 1.4, 1.5, 2.0)] == [False, False, True, True]
    assert [plan.is_due_epoch(epoch) for epoch in (1, 3, 4, 6)] == [False, True, False, True]
    never = Plan(5, Optimizer())
    assert not never.is_due(1e9)
    assert not never.is_due_epoch(1)
