from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unrolled.runtime.layers import Recurrent
from unrolled.runtime.spec import views
from unrolled.runtime.specs import spec_from_config
from unrolled.runtime.transcription import Convolution, TranscriberSpec

SPEC = TranscriberSpec(
    input_size=5,
    output_size=7,
    recurrent=Recurrent("gru", 4, 2, bidirectional=True, dropout=0.1),
    convolutions=(Convolution(6, 5, 2), Convolution(3, 4, 3)),
    input_dropout=0.2,
    head_dropout=0.3,
)


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, convolutions=())])
def test_a_config_gives_the_spec_back(spec: TranscriberSpec) -> None:
    config = json.loads(json.dumps(spec.to_config()))
    assert TranscriberSpec.from_config(config) == spec == spec_from_config(config)


def test_names_and_shapes_by_hand() -> None:
    shapes = SPEC.parameter_shapes()
    assert list(shapes.items())[:6] == [
        ("convolutions.0.weight", (6, 5, 5)),
        ("convolutions.0.bias", (6,)),
        ("convolutions.1.weight", (3, 6, 4)),
        ("convolutions.1.bias", (3,)),
        ("recurrent.weight_ih_l0", (12, 3)),
        ("recurrent.weight_hh_l0", (12, 4)),
    ]
    assert list(shapes.items())[-2:] == [("head.weight", (7, 8)), ("head.bias", (7,))]
    assert SPEC.num_parameters == sum(map(math.prod, shapes.values()))
    assert (SPEC.step_size, SPEC.stride) == (3, 6)
    assert replace(SPEC, convolutions=()).step_size == 5


def test_steps_are_those_that_are_begun() -> None:
    assert [SPEC.steps(T) for T in (1, 2, 6, 7, 12, 13)] == [1, 1, 1, 2, 2, 3]
    np.testing.assert_array_equal(SPEC.steps(np.array([1, 12, 13])), [1, 2, 3])
    assert replace(SPEC, convolutions=()).steps(13) == 13


def test_first_values_are_of_the_seed_and_of_the_size_that_is_promised() -> None:
    spec = TranscriberSpec(40, 30, Recurrent("lstm", 25, forget_bias=1.0), (Convolution(64, 5, 2),))
    first, again, other = (spec.initial_values(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9
    named = views(spec, first)
    for name, fan in {
        "convolutions.0.weight": 200,
        "convolutions.0.bias": 200,
        "recurrent.weight_ih_l0": 25,
        "head.weight": 25,
    }.items():
        largest = np.abs(named[name]).max()
        assert 0.9 / math.sqrt(fan) < largest <= 1 / math.sqrt(fan), name
    np.testing.assert_array_equal(named["recurrent.bias_ih_l0"][25:50], 1.0)


def test_which_specs_draw_numbers() -> None:
    plain = TranscriberSpec(2, 3, Recurrent("gru", 4))
    assert not plain.draws
    assert replace(plain, input_dropout=0.1).draws
    assert replace(plain, head_dropout=0.1).draws
    assert replace(plain, recurrent=Recurrent("gru", 4, 2, dropout=0.1)).draws


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"input_size": 0}, "input_size must be a whole number from 1"),
        ({"output_size": 1}, "output_size must be a whole number from 2"),
        ({"recurrent": None}, "recurrent must be"),
        ({"recurrent": {"cell": "gru", "hidden_size": 2, "weight_dropout": 0.1}}, "weight_dropout"),
        ({"convolutions": 3}, "convolutions must be a list, got int"),
        ({"convolutions": [{"channels": 0}]}, "channels must be a whole number from 1"),
        ({"convolutions": [{"channels": 2, "width": 2, "stride": 3}]}, "at most the width"),
        ({"convolutions": [{"channels": 2, "width": True}]}, "width must be a whole number"),
        ({"convolutions": [3]}, "a convolution must be a mapping"),
        ({"convolutions": [{"channels": 2}] * 257}, "at most 256"),
        ({"head_dropout": 1.0}, "head_dropout must be a number from 0 to below 1"),
        ({"extra": 1}, "unknown entry 'extra'"),
    ],
)
def test_configs_that_are_none_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        TranscriberSpec.from_config({**SPEC.to_config(), **change})
