from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from unrolled.models import ManyToOne, OneToOne
from unrolled.models.sharing import share
from unrolled.runtime.spec import Dense, Recurrent, Spec, initial_values, views

RECURRENT = Spec(
    input_size=9,
    output_size=2,
    head="class",
    embedding_size=4,
    recurrent=Recurrent("lstm", 3, num_layers=2, bidirectional=True),
    hidden=(Dense(5),),
)
DENSE = Spec(input_size=4, output_size=2, head="point", hidden=(Dense(5, "tanh"), Dense(3)))


def model(spec: Spec, flat: np.ndarray | None = None) -> OneToOne | ManyToOne:
    return OneToOne(spec, flat) if spec.recurrent is None else ManyToOne(spec, flat)


def some_input(spec: Spec) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    if spec.embedding_size:
        return torch.randint(spec.input_size, (6, 3), generator=generator)
    return torch.randn(3, spec.input_size, generator=generator)


@pytest.mark.parametrize("spec", [RECURRENT, DENSE])
def test_names_and_order_are_those_of_the_spec(spec: Spec) -> None:
    state = model(spec).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert list(shapes.items()) == list(spec.parameter_shapes().items())


def test_names_inside_the_recurrence_are_those_of_torch() -> None:
    theirs = nn.LSTM(4, 3, num_layers=2, bidirectional=True).state_dict()
    ours = ManyToOne(RECURRENT).recurrent.state_dict()
    assert list(ours) == list(theirs)
    nn.LSTM(4, 3, num_layers=2, bidirectional=True).load_state_dict(ours, strict=True)


@pytest.mark.parametrize("spec", [RECURRENT, DENSE])
def test_writing_the_array_changes_the_module(spec: Spec) -> None:
    flat = initial_values(spec, 1)
    module, x = model(spec, flat), some_input(spec)
    before = module(x)[0]
    for name, parameter in module.named_parameters():
        np.testing.assert_array_equal(parameter.detach().numpy(), views(spec, flat)[name])
    flat *= 3.0
    after = module(x)[0]
    other = model(spec, flat.copy())(x)[0]
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, other, rtol=0, atol=0)


@pytest.mark.parametrize("spec", [RECURRENT, DENSE])
def test_training_the_module_changes_the_array(spec: Spec) -> None:
    flat = initial_values(spec, 1)
    before = flat.copy()
    module = model(spec, flat)
    module(some_input(spec))[0].square().sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter -= 0.1 * parameter.grad
    for name, value in views(spec, flat).items():
        gradient = module.get_parameter(name).grad
        assert gradient is not None
        expected = views(spec, before)[name] - 0.1 * gradient.numpy()
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)
    assert (flat != before).mean() > 0.5


def test_loading_a_state_dict_changes_the_array() -> None:
    flat = initial_values(DENSE, 1)
    module = model(DENSE, flat)
    module.load_state_dict(model(DENSE, initial_values(DENSE, 2)).state_dict())
    np.testing.assert_array_equal(flat, initial_values(DENSE, 2))


@pytest.mark.parametrize("spec", [RECURRENT, DENSE])
def test_without_an_array_the_first_values_are_those_of_seed_0(spec: Spec) -> None:
    whole = np.concatenate([p.detach().numpy().ravel() for p in model(spec).parameters()])
    np.testing.assert_array_equal(whole, initial_values(spec, 0))


@pytest.mark.parametrize("spec", [RECURRENT, DENSE])
def test_building_draws_none_of_torch_random_numbers(spec: Spec) -> None:
    before = torch.get_rng_state()
    module = model(spec)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(p.device.type == "cpu" and p.requires_grad for p in module.parameters())
    assert not list(module.buffers())


@pytest.mark.parametrize("spec", [RECURRENT, DENSE])
def test_an_array_of_another_size_is_refused(spec: Spec) -> None:
    P = spec.num_parameters
    with pytest.raises(ValueError, match=rf"flat must have shape \({P},\), got \({P + 1},\)"):
        model(spec, np.zeros(P + 1, np.float32))


def test_a_module_of_another_form_is_refused() -> None:
    flat = initial_values(DENSE, 0)
    reordered = nn.Module()
    reordered.head = nn.Linear(3, 2)
    reordered.hidden = nn.ModuleList([nn.Linear(4, 5), nn.Linear(5, 3)])
    for module in (nn.Linear(4, 2), reordered):
        with pytest.raises(ValueError, match="module has the parameters"):
            share(module, DENSE, flat)


def test_each_model_takes_only_its_own_specs() -> None:
    with pytest.raises(ValueError, match="OneToOne takes a spec with recurrent=None"):
        OneToOne(RECURRENT)
    with pytest.raises(ValueError, match="ManyToOne takes a spec with a recurrent stack"):
        ManyToOne(DENSE)
