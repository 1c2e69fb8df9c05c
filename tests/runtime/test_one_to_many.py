from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unrolled.runtime.encoder_decoder import Decoder
from unrolled.runtime.layers import Dense, Recurrent
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import Augmentation, Convolution, Label, Maps, Picture, Vector
from unrolled.runtime.spec import views
from unrolled.runtime.specs import spec_from_config

WRITES = Decoder(
    11, 4, Recurrent("lstm", 5, 2), "additive", attention_size=3, combined_size=4, tied=True
)
LAYERS = (Convolution(8, 5, stride=2, groups=4), Convolution(6, pooling=2))
PICTURE = Picture(20, 13, 3, LAYERS, Augmentation(shift=0.1, turn=10, flip=True))
SPECS = [
    OneToManySpec(PICTURE, WRITES, (Dense(7),), memory_dropout=0.2),
    OneToManySpec(Vector(9), WRITES, (Dense(7), Dense(6, "tanh"))),
    OneToManySpec(Label(9, 3), WRITES),
    OneToManySpec(Maps(9), replace(WRITES, tied=False)),
]


@pytest.mark.parametrize("spec", SPECS)
def test_a_config_gives_the_spec_back(spec: OneToManySpec) -> None:
    config = json.loads(json.dumps(spec.to_config()))
    assert OneToManySpec.from_config(config) == spec
    assert spec_from_config(config) == spec


def test_names_and_shapes_by_hand() -> None:
    assert PICTURE.grid == (5, 3)
    assert PICTURE.most_numbers == 10 * 7 * 8
    assert PICTURE.operations == 2 * 10 * 7 * 8 * 3 * 25
    assert list(SPECS[0].parameter_shapes().items())[:9] == [
        ("encoder.layers.0.convolution.weight", (8, 3, 5, 5)),
        ("encoder.layers.0.convolution.bias", (8,)),
        ("encoder.layers.0.norm.weight", (8,)),
        ("encoder.layers.0.norm.bias", (8,)),
        ("encoder.layers.1.convolution.weight", (6, 8, 3, 3)),
        ("encoder.layers.1.convolution.bias", (6,)),
        ("encoder.hidden.0.weight", (7, 6)),
        ("encoder.hidden.0.bias", (7,)),
        ("bridge.h.weight", (10, 7)),
    ]
    shapes = SPECS[0].parameter_shapes()
    assert shapes["decoder.attention.memory.weight"] == (3, 6), "of a place of the map"
    assert SPECS[1].parameter_shapes()["decoder.attention.memory.weight"] == (3, 6)
    assert SPECS[2].parameter_shapes()["encoder.embedding.weight"] == (9, 3)
    assert "decoder.head.weight" not in shapes
    assert SPECS[0].aliases() == {"decoder.head.weight": "decoder.embedding.weight"}
    assert (SPECS[0].summary_size, SPECS[0].memory_size, SPECS[3].summary_size) == (7, 6, 9)


def test_first_values_are_torch_s_defaults() -> None:
    spec = SPECS[0]
    named = views(spec, spec.initial_values(3))
    for name, bound in (
        ("encoder.layers.0.convolution.weight", (3 * 25) ** -0.5),
        ("encoder.layers.0.convolution.bias", (3 * 25) ** -0.5),
        ("encoder.hidden.0.weight", 6**-0.5),
        ("decoder.recurrent.weight_hh_l1", 5**-0.5),
        ("decoder.head.bias", 4**-0.5),
    ):
        assert 0.4 * bound < np.abs(named[name]).max() <= bound, name
    assert (named["encoder.layers.0.norm.weight"] == 1).all()
    assert not named["encoder.layers.0.norm.bias"].any()
    assert 0.3 < named["decoder.embedding.weight"].std() < 0.7, "tied: normal(0, 1 / E)"
    np.testing.assert_array_equal(spec.initial_values(3), spec.initial_values(3))


def test_what_draws_random_numbers() -> None:
    assert SPECS[0].draws
    assert not SPECS[1].draws
    assert replace(SPECS[1], memory_dropout=0.1).draws
    assert replace(SPECS[1], decoder=replace(WRITES, scheduled_sampling=0.1)).draws
    assert replace(SPECS[0], memory_dropout=0.0).draws, "for its pictures are changed"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Convolution(8, 4), "kernel must be an odd number, got 4"),
        (lambda: Convolution(8, groups=3), "groups must divide the 8 channels"),
        (lambda: Picture(8, 8, 1, ()), "layers must be 1 to 256 convolutions"),
        (lambda: Picture(2, 8, 1, (Convolution(4, pooling=4),)), "leave nothing of pictures of 2"),
        (lambda: Augmentation(shift=1.0), "shift must be a number from 0 to below 1"),
        (lambda: Augmentation(turn=200), "turn must be a number from 0 to 180, got 200"),
        (lambda: Label(0, 3), "num_labels must be a whole number from 1"),
        (lambda: OneToManySpec(3, WRITES), "reads must be of vector, label, picture, maps, got 3"),
        (lambda: OneToManySpec(Vector(3), 4), "decoder must be a Decoder, got 4"),
        (lambda: OneToManySpec(Vector(3), WRITES, (4,)), "hidden must hold Dense alone"),
    ],
)
def test_specs_that_cannot_be_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("reads", "kind"), "sound", "reads must be a mapping whose kind is of vector, label"),
        (("reads",), 3, "reads must be a mapping whose kind"),
        (("reads", "height"), 0, "height must be a whole number from 1"),
        (("reads", "layers"), 3, "layers must be a list, got 3"),
        (("reads", "layers", 0, "sides"), 3, "layers has the unknown entry 'sides'"),
        (("reads", "augmentation", "spin"), 3, "augmentation has the unknown entry 'spin'"),
        (("hidden",), 3, "hidden must be a list, got 3"),
        (("hidden", 0, "size"), "7", "size must be a whole number"),
        (("decoder", "recurrent", "cell"), "tree", "cell must be one of"),
        (("more",), 3, "spec has the unknown entry 'more'"),
    ],
)
def test_damaged_configs_are_refused(path: tuple[Any, ...], value: Any, sentence: str) -> None:
    config = json.loads(json.dumps(SPECS[0].to_config()))
    inside = config
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    with pytest.raises(ValueError, match=sentence):
        spec_from_config(config)
