from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import NegativeBinomial, Normal, StudentT

from unrolled.runtime.distributions import Distribution
from unrolled.runtime.spec import LOSSES, Spec
from unrolled.training.losses import losses, mean

rng = np.random.default_rng(0)
OUTPUT, TARGET = rng.normal(scale=2.0, size=(2, 6, 3))
ERROR = OUTPUT - TARGET
SHARES = rng.uniform(size=(6, 3))
CLASSES = np.array([0, 2, 1, 1, 0, 2])
LEVELS = (0.1, 0.5, 0.8)
SIZES = {"normal": 2, "student_t": 3, "negative_binomial": 2}
PARAMETERS = {name: rng.normal(scale=2.0, size=(6, 3, size)) for name, size in SIZES.items()}
COUNTS, SCALES = rng.poisson(5.0, (6, 3)).astype(float), rng.uniform(0.2, 6.0, (6, 3))


def likelihoods(loss: str) -> np.ndarray:
    """[6, 3] -log p as torch's distributions have it."""
    o = torch.from_numpy(PARAMETERS[loss])
    positive = torch.log(1 + torch.exp(o))
    if loss == "negative_binomial":
        scale = torch.from_numpy(SCALES)
        mean, shape = scale * positive[..., 0], positive[..., 1] / scale.sqrt()
        law: Any = NegativeBinomial(1 / shape, logits=torch.log(shape * mean))
        assert law.mean.numpy() == pytest.approx(mean.numpy())
        assert law.variance.numpy() == pytest.approx((mean + shape * mean**2).numpy())
        return (-law.log_prob(torch.from_numpy(COUNTS))).numpy()
    law = Normal(o[..., 0], positive[..., 1] + 0.001)
    if loss == "student_t":
        law = StudentT(2 + positive[..., 2], o[..., 0], positive[..., 1] + 0.001)
    return (-law.log_prob(torch.from_numpy(TARGET))).numpy()


def spec_of(loss: str) -> Spec:
    head = next(head for head, names in LOSSES.items() if loss in names)
    size = output_of(loss).shape[1]
    return Spec(4, size, head, loss=loss, quantiles=LEVELS if loss == "quantile" else ())


def output_of(loss: str) -> np.ndarray:
    """Raw outputs: 3 numbers a row, or the parameters of 3 distributions."""
    return PARAMETERS[loss].reshape(6, -1) if loss in PARAMETERS else OUTPUT


def expected(loss: str) -> tuple[np.ndarray, np.ndarray]:
    """(targets, the loss of each output) by the formulas; a class has one loss for its row."""
    if loss == "cross_entropy":
        shares = np.exp(OUTPUT) / np.exp(OUTPUT).sum(axis=1, keepdims=True)
        return CLASSES, -np.log(shares[np.arange(6), CLASSES])[:, None]
    if loss == "binary_cross_entropy":
        likely = 1 / (1 + np.exp(-OUTPUT))
        return SHARES, -SHARES * np.log(likely) - (1 - SHARES) * np.log(1 - likely)
    if loss in PARAMETERS:
        pairs = np.stack((COUNTS, SCALES), axis=2).reshape(6, 6)
        return pairs if loss == "negative_binomial" else TARGET, likelihoods(loss)
    if loss == "quantile":
        e = TARGET[:, :1] - OUTPUT
        return TARGET[:, :1], np.where(e > 0, np.array(LEVELS) * e, (np.array(LEVELS) - 1) * e)
    each = {
        "squared": ERROR**2,
        "absolute": np.abs(ERROR),
        "huber": np.where(np.abs(ERROR) <= 1, ERROR**2 / 2, np.abs(ERROR) - 0.5),
    }[loss]
    return TARGET, each


# That of whole sequences, "crf", has a file of its own.
NAMES = [name for names in LOSSES.values() for name in names if name != "crf"]


@pytest.mark.parametrize("loss", NAMES)
def test_a_loss_is_its_formula(loss: str) -> None:
    assert (np.abs(ERROR) > 1).any()
    assert (np.abs(ERROR) < 1).any()
    target, each = expected(loss)
    found = losses(spec_of(loss), torch.from_numpy(output_of(loss)), torch.from_numpy(target))
    np.testing.assert_allclose(found.values.numpy(), each.mean(axis=1), rtol=1e-12)
    assert found.num == 6
    assert found.counts is None


@pytest.mark.parametrize("loss", NAMES)
def test_a_loss_at_every_step_is_that_of_each(loss: str) -> None:
    target, each = expected(loss)
    found = losses(
        spec_of(loss),
        torch.from_numpy(output_of(loss).reshape(2, 3, -1)),
        torch.from_numpy(target.reshape(2, 3, *target.shape[1:])),
    )
    np.testing.assert_allclose(found.values.numpy(), each.mean(axis=1), rtol=1e-12)


@pytest.mark.parametrize("loss", NAMES)
def test_what_is_missing_adds_nothing(loss: str) -> None:
    """A row without any target does not count; a number that is missing adds 0 to its row."""
    target, each = expected(loss)
    target, each = target.copy(), each.copy()
    target[[1, 4]], each[[1, 4]] = (-1 if loss == "cross_entropy" else np.nan), 0.0
    if loss == "negative_binomial":  # a count, the scale of another
        target[2, 2], each[2, 1] = np.nan, 0.0
        target[3, 5], each[3, 2] = np.nan, 0.0
    elif target.ndim == 2 and target.shape[1] == 3:
        target[2, 1], each[2, 1] = np.nan, 0.0
    output = torch.from_numpy(output_of(loss)).requires_grad_()
    found = losses(spec_of(loss), output, torch.from_numpy(target))
    np.testing.assert_allclose(found.values.detach().numpy(), each.mean(axis=1), rtol=1e-12)
    assert found.num == 4
    assert found.counts is not None
    np.testing.assert_array_equal(found.counts, [1, 0, 1, 1, 0, 1])
    weight = rng.uniform(size=6)
    loss_of_batch = mean(found, torch.from_numpy(weight))
    assert loss_of_batch.item() == pytest.approx((weight * each.mean(axis=1)).sum() / 4)
    loss_of_batch.backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None
    np.testing.assert_array_equal(output.grad[[1, 4]], 0.0)
    assert (output.grad[[0, 2, 3, 5]] != 0).any(dim=1).all()
    assert output.grad.isfinite().all()


@pytest.mark.parametrize("loss", NAMES)
def test_a_batch_without_a_target_has_the_loss_zero_and_no_gradient(loss: str) -> None:
    target = np.full_like(expected(loss)[0], -1 if loss == "cross_entropy" else np.nan)
    output = torch.from_numpy(output_of(loss)).requires_grad_()
    found = losses(spec_of(loss), output, torch.from_numpy(target))
    assert found.num == 0
    total = mean(found, None)
    assert total.item() == 0.0
    total.backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None
    np.testing.assert_array_equal(output.grad, 0.0)


def test_mean_by_weight() -> None:
    target, each = expected("squared")
    found = losses(spec_of("squared"), torch.from_numpy(OUTPUT), torch.from_numpy(target))
    weight = rng.uniform(size=6)
    rows = each.mean(axis=1)
    assert mean(found, torch.from_numpy(weight)).item() == pytest.approx(np.mean(rows * weight))
    assert mean(found, None).item() == pytest.approx(rows.mean())


def test_targets_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="3 outputs and the loss 'quantile' cannot learn targets"):
        losses(spec_of("quantile"), torch.from_numpy(OUTPUT), torch.from_numpy(TARGET))


def test_squares_and_sums_that_overflow_float32_are_numbers() -> None:
    output = torch.tensor([[3e25], [1e25]], requires_grad=True)
    loss = mean(losses(Spec(4, 1, "point"), output, torch.zeros(2, 1)), None)
    assert loss.item() == pytest.approx(5e50)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(output.grad, output.detach())
    classes = losses(Spec(4, 2, "class"), torch.tensor([[3e38, 0.0]] * 2), torch.tensor([1, 1]))
    assert mean(classes, None).item() == pytest.approx(3e38)


@pytest.mark.parametrize("size", [0.0, 21.0, 300.0, 1e20])
@pytest.mark.parametrize("loss", SIZES)
def test_likelihoods_of_any_outputs_have_gradients(loss: str, size: float) -> None:
    """No output overflows, cancels or divides by zero; beside the same in NumPy."""
    o = torch.from_numpy(np.sign(output_of(loss)) * size).requires_grad_()
    target, _ = expected(loss)
    found = losses(spec_of(loss), o, torch.from_numpy(target)).values
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert o.grad is not None
    assert o.grad.isfinite().all()
    pairs = loss == "negative_binomial"
    y, scale = (target[:, 0::2], target[:, 1::2]) if pairs else (target, None)
    by_numpy = Distribution.of(loss).log_prob(o.detach().numpy(), y, scale)
    assert np.isfinite(by_numpy).all()
    np.testing.assert_allclose(found.detach().numpy(), -by_numpy.mean(axis=1), rtol=1e-12)
