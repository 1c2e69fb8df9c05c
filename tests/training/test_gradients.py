from __future__ import annotations

import math

import pytest
import torch

from unrolled.training.gradients import clip


@pytest.mark.parametrize("most", [0.5, 1.0, 4.0])
def test_a_long_gradient_keeps_its_direction_and_gets_the_norm(most: float) -> None:
    gradient = torch.tensor([3.0, -4.0, 0.0])
    before = gradient.clone()
    assert clip(gradient, most) == pytest.approx(5.0)
    assert torch.linalg.vector_norm(gradient).item() == pytest.approx(most)
    torch.testing.assert_close(gradient / most, before / 5.0)


@pytest.mark.parametrize("most", [5.0, 6.0, None])
def test_a_short_gradient_is_left_alone(most: float | None) -> None:
    gradient = torch.tensor([3.0, -4.0])
    assert clip(gradient, most) == pytest.approx(5.0)
    assert gradient.tolist() == [3.0, -4.0]


def test_it_is_torch_own_clipping() -> None:
    ours = torch.randn(50) * 3
    theirs = torch.nn.Parameter(torch.zeros(50))
    theirs.grad = ours.clone()
    norm = torch.nn.utils.clip_grad_norm_([theirs], 0.7)
    assert clip(ours, 0.7) == pytest.approx(norm.item())
    torch.testing.assert_close(ours, theirs.grad, rtol=1e-5, atol=0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_told_and_not_scaled(bad: float) -> None:
    gradient = torch.tensor([1.0, bad])
    assert not math.isfinite(clip(gradient, 1.0))
    assert gradient[0].item() == 1.0


@pytest.mark.parametrize("most", [1.0, None])
def test_a_norm_whose_square_overflows_float32_is_a_norm(most: float | None) -> None:
    gradient = torch.tensor([3e30, -4e30])
    assert clip(gradient, most) == pytest.approx(5e30)
    expected = [0.6, -0.8] if most else [3e30, -4e30]
    torch.testing.assert_close(gradient, torch.tensor(expected))
