"""Embedded categorical columns in the models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled.models import ManyToMany, ManyToOne
from unrolled.runtime.spec import Recurrent, Spec, initial_values

LENGTHS = torch.tensor([4, 6, 1, 3])
PADDED = torch.arange(6)[:, None] >= LENGTHS


def spec(pooling: str = "last") -> Spec:
    return Spec(
        5,
        2,
        "point",
        recurrent=Recurrent("gru", 4, 2, bidirectional=True),
        pooling=pooling,
        categories=((6, 3), (4, 2)),
    )


def build(described: Spec) -> ManyToOne | ManyToMany:
    kind = ManyToMany if described.pooling == "every" else ManyToOne
    return kind(described, 2 * initial_values(described, 5).astype(np.float64))


def inputs() -> torch.Tensor:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(6, 4, 5))
    x[..., 3] = rng.integers(0, 6, (6, 4))
    x[..., 4] = rng.integers(0, 4, (6, 4))
    return torch.from_numpy(x)


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "every"])
def test_codes_become_rows_of_their_tables(pooling: str) -> None:
    """Beside the same stack that is given the rows; outputs and gradients of the tables."""
    module, x = build(spec(pooling)), inputs()
    first, second = (table.weight.detach().clone() for table in module.categories)
    first.requires_grad_()
    second.requires_grad_()
    embedded = torch.cat(
        (x[..., :3], F.embedding(x[..., 3].long(), first), F.embedding(x[..., 4].long(), second)),
        dim=-1,
    )
    output, state = module.recurrent(embedded, None, lengths=LENGTHS)
    expected = output if pooling == "every" else module.pool(output, LENGTHS, state)
    expected = module.read_out(expected)
    found, _ = module(x, LENGTHS)
    pull = torch.from_numpy(np.random.default_rng(3).normal(size=found.shape))
    if pooling == "every":
        pull[PADDED] = 0.0
    torch.testing.assert_close(found * (pull != 0), expected * (pull != 0))
    (found * pull).sum().backward()
    (expected * pull).sum().backward()
    for table, reference in zip(module.categories, (first, second), strict=True):
        assert table.weight.grad.abs().max() > 0
        torch.testing.assert_close(table.weight.grad, reference.grad)


def test_codes_in_padding_are_never_read() -> None:
    module, x = build(spec()), inputs()
    expected, _ = module(x, LENGTHS)
    for filling in (0.0, -7.5, 1e30, float("nan")):
        x[PADDED] = filling
        assert torch.equal(module(x, LENGTHS)[0], expected)


@pytest.mark.parametrize("wrong", [6.0, -1.0, 2.5, 1e30, float("nan"), float("inf")])
def test_a_code_that_is_none_is_told(wrong: float) -> None:
    module, x = build(spec()), inputs()
    x[2, 1, 3] = wrong
    text = rf"inputs holds {wrong:g} in column 3, but a code there is a whole number from 0 to 5"
    with pytest.raises(ValueError, match=text.replace("+", r"\+")):
        module(x, LENGTHS)


def test_the_names_are_those_of_the_spec() -> None:
    module = build(spec())
    assert [name for name, _ in module.named_parameters()] == list(spec().parameter_shapes())
    assert module.categories[1].weight.shape == (4, 2)
