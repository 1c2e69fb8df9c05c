from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled.training.losses import LOSSES, mean

rng = np.random.default_rng(0)
OUTPUT, TARGET = rng.normal(scale=2.0, size=(2, 6, 3))
ERROR = OUTPUT - TARGET
CLASSES = np.array([0, 2, 1, 1, 0, 2])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("squared", (ERROR**2).mean(axis=1)),
        ("absolute", np.abs(ERROR).mean(axis=1)),
        (
            "huber",
            np.where(np.abs(ERROR) <= 1, ERROR**2 / 2, np.abs(ERROR) - 0.5).mean(axis=1),
        ),
    ],
)
def test_losses_of_numbers(name: str, expected: np.ndarray) -> None:
    assert (np.abs(ERROR) > 1).any()
    assert (np.abs(ERROR) < 1).any()
    found = LOSSES[name](torch.from_numpy(OUTPUT), torch.from_numpy(TARGET))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_cross_entropy() -> None:
    found = LOSSES["cross_entropy"](torch.from_numpy(OUTPUT), torch.from_numpy(CLASSES))
    shares = np.exp(OUTPUT) / np.exp(OUTPUT).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.numpy(), -np.log(shares[np.arange(6), CLASSES]), rtol=1e-12)


def test_there_are_no_other_losses() -> None:
    assert set(LOSSES) == {"squared", "absolute", "huber", "cross_entropy"}


def test_mean_by_weight() -> None:
    losses, weight = rng.uniform(size=(2, 6))
    found = mean(torch.from_numpy(losses), torch.from_numpy(weight))
    assert found.item() == pytest.approx(np.mean(losses * weight))
    assert mean(torch.from_numpy(losses), None).item() == pytest.approx(losses.mean())
