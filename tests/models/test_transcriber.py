from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unrolled.models import Transcriber
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.spec import views
from unrolled.runtime.transcription import Convolution, TranscriberSpec
from unrolled.training.by_torch import build

F, K, H, T = 5, 6, 4, 13
LENGTHS = (13, 4, 1, 9)


def spec(
    cell: str = "gru", convolutions: Any = ((7, 5, 2), (3, 4, 2)), **more: Any
) -> TranscriberSpec:
    recurrent = Recurrent(cell, H, 2, bidirectional=more.pop("both", True))
    return TranscriberSpec(F, K, recurrent, tuple(Convolution(*c) for c in convolutions), **more)


SPECS = [
    spec(),
    spec("lstm", ((4, 3, 3),)),
    spec("rnn", (), both=False),
    spec("gru", ((4, 1, 1), (4, 2, 1), (5, 6, 4))),
]


def model(described: TranscriberSpec) -> Transcriber:
    return Transcriber(described, described.initial_values(1)).eval()


def problem(filling: float = 0.0) -> tuple[Tensor, Tensor]:
    x = torch.randn(T, len(LENGTHS), F, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor(LENGTHS)
    return torch.where((torch.arange(T)[:, None] < lengths)[..., None], x, filling), lengths


class Twin(nn.Module):
    """The same model in plain torch and float64, a row at a time."""

    def __init__(self, ours: Transcriber) -> None:
        super().__init__()
        s = ours.spec
        kinds: Any = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        sizes = [F, *(c.channels for c in s.convolutions)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, c.channels, c.width, c.stride)
            for size, c in zip(sizes, s.convolutions, strict=False)
        )
        self.recurrent = kinds[s.recurrent.cell](
            s.step_size, H, 2, bidirectional=s.recurrent.bidirectional
        )
        self.head = nn.Linear(s.recurrent.output_size, K)
        self.load_state_dict(ours.state_dict())
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        """Of one row [T, F], as long as it is."""
        h = x.double().T[None]
        for layer in self.convolutions:
            width = layer.kernel_size[0]
            h = torch.relu(layer(nn.functional.pad(h, ((width - 1) // 2, width // 2))))
        return self.head(self.recurrent(h[0].T)[0]).log_softmax(dim=1)


def test_parameters_are_the_array() -> None:
    for described in SPECS:
        flat = described.initial_values(1)
        module = Transcriber(described, flat)
        found = {name: tuple(p.shape) for name, p in module.named_parameters()}
        assert list(found.items()) == list(described.parameter_shapes().items())
        for name, value in module.named_parameters():
            np.testing.assert_array_equal(value.detach().numpy(), views(described, flat)[name])
    whole = [p.detach().numpy().ravel() for p in Transcriber(spec()).parameters()]
    np.testing.assert_array_equal(np.concatenate(whole), spec().initial_values(0))
    assert isinstance(build(spec(), spec().initial_values(0)), Transcriber)


@pytest.mark.parametrize("described", SPECS)
def test_outputs_and_gradients_are_those_of_a_twin_in_plain_torch(
    described: TranscriberSpec,
) -> None:
    ours = model(described)
    twin = Twin(ours)
    x, lengths = problem()
    found, steps = ours(x, lengths)
    assert steps is not None
    assert steps.tolist() == [described.steps(n) for n in LENGTHS]
    total, expected = [], []
    generator = torch.Generator().manual_seed(2)
    for n, length in enumerate(LENGTHS):
        theirs = twin(x[:length, n])
        assert len(theirs) == steps[n]
        torch.testing.assert_close(found[: steps[n], n].double(), theirs, rtol=1e-5, atol=1e-5)
        towards = torch.randn(theirs.shape, generator=generator)
        total.append((found[: steps[n], n] * towards).sum())
        expected.append((theirs * towards).sum())
    torch.stack(total).sum().backward()
    torch.stack(expected).sum().backward()
    for name, value in ours.named_parameters():
        grad, theirs = value.grad, twin.get_parameter(name).grad
        assert grad is not None
        assert grad.any(), name
        torch.testing.assert_close(grad.double(), theirs, rtol=1e-4, atol=2e-5, msg=name)


@pytest.mark.parametrize("described", SPECS)
def test_padding_changes_no_bit(described: TranscriberSpec) -> None:
    found = []
    for filling in (0.0, 3.0, float("nan"), float("inf")):
        module = model(described)
        x, lengths = problem(filling)
        log_p, steps = module(x, lengths)
        valid = torch.arange(len(log_p))[:, None] < steps
        log_p[valid].square().sum().backward()
        found.append([log_p[valid].detach(), *(p.grad for p in module.parameters())])
    for others in found[1:]:
        for ours, theirs in zip(found[0], others, strict=True):
            assert ours is not None
            assert torch.equal(ours, theirs)
            assert torch.isfinite(ours).all()


def test_without_lengths_all_are_whole() -> None:
    module, (x, _) = model(spec()), problem()
    log_p, steps = module(x)
    whole, same = module(x, torch.full((len(LENGTHS),), T))
    assert steps is None
    assert torch.equal(log_p, whole)
    assert same.tolist() == [4] * 4
    torch.testing.assert_close(log_p.exp().sum(dim=2), torch.ones(4, 4))


@pytest.mark.parametrize("name", ["input_dropout", "head_dropout"])
def test_dropout_is_in_training_alone(name: str) -> None:
    module, quiet = model(replace(spec(), **{name: 0.5})), model(spec())
    assert torch.equal(module(*problem())[0], quiet(*problem())[0])
    module.train()
    torch.manual_seed(0)
    assert not torch.equal(module(*problem())[0], module(*problem())[0])
