"""The loss "crf" in torch beside its form in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.models.heads import Transitions
from unrolled.runtime import crf as by_numpy
from unrolled.training import crf
from unrolled.training.losses import mean

LENGTHS = np.array([4, 1, 6, 2, 6])
T, N, K = 6, 5, 4


def problem(missing: float) -> tuple[Transitions, torch.Tensor, np.ndarray]:
    """Scores of neighbours, emissions [T, N, K] and labels [T, N]; noise in padding."""
    rng = np.random.default_rng(0)
    field = Transitions(K)
    with torch.no_grad():
        for parameter in field.parameters():
            assert (parameter == 0).all()
            parameter += torch.from_numpy(rng.normal(size=parameter.shape))
    target = rng.integers(0, K, (T, N))
    target[rng.random((T, N)) < missing] = -1
    target[np.arange(T)[:, None] >= LENGTHS] = -1
    return field, torch.from_numpy(rng.normal(size=(T, N, K))).requires_grad_(), target


@pytest.mark.parametrize("missing", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("ragged", [True, False])
def test_a_loss_is_that_in_numpy(missing: float, ragged: bool) -> None:
    field, output, target = problem(missing)
    if not ragged:
        target[:, :] = target[:, [2]]
    lengths = LENGTHS if ragged else np.full(N, T)
    found = crf.losses(
        field, output, torch.from_numpy(target), torch.from_numpy(lengths) if ragged else None
    )
    valid = np.arange(T) < lengths[:, None]
    e = output.detach().numpy().swapaxes(0, 1)[valid]
    y = target.T[valid]
    parts = [p.detach().numpy() for p in field.parameters()]
    expected = -by_numpy.log_likelihood(e, y, lengths, *parts)
    np.testing.assert_allclose(found.values.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    assert found.num == (y >= 0).sum()
    assert found.counts is not None
    np.testing.assert_array_equal(found.counts, (target.T >= 0).sum(axis=1))
    weight = torch.rand(N, generator=torch.Generator().manual_seed(0))
    total = mean(found, weight)
    assert total.item() == pytest.approx(
        (weight.numpy() * expected).sum() / max(1, found.num), rel=1e-6
    )
    total.backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None
    assert output.grad.isfinite().all()
    padding = torch.arange(T)[:, None] >= torch.from_numpy(lengths)
    assert (output.grad[padding] == 0).all()
    assert (missing == 1.0) == (output.grad == 0).all().item()
    for parameter in field.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_gradients_are_differences(missing: float) -> None:
    field, output, target = problem(missing)
    names = [name for name, _ in field.named_parameters()]
    given = tuple(p.detach().double().requires_grad_() for p in field.parameters())

    def loss(output: torch.Tensor, *parts: torch.Tensor) -> torch.Tensor:
        whole = torch.func.functional_call(
            Wrapped(field), {f"field.{n}": p for n, p in zip(names, parts, strict=True)},
            (output, torch.from_numpy(target)),
        )  # fmt: skip
        assert isinstance(whole, torch.Tensor)
        return whole

    assert torch.autograd.gradcheck(loss, (output, *given))


class Wrapped(torch.nn.Module):
    """A field whose loss is what the module gives."""

    def __init__(self, field: Transitions) -> None:
        super().__init__()
        self.field = field

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return crf.losses(self.field, output, target, torch.from_numpy(LENGTHS)).values.sum()


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_scores_are_finite(size: float) -> None:
    field, output, target = problem(0.3)
    for parameter in field.parameters():
        with torch.no_grad():
            parameter.view(-1)[1], parameter.view(-1)[-1] = size, -size
    found = crf.losses(field, output, torch.from_numpy(target), torch.from_numpy(LENGTHS))
    found.values.sum().backward()  # type: ignore[no-untyped-call]
    assert found.values.isfinite().all()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in field.parameters())
