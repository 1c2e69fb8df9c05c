from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from unrolled.runtime.encoder_decoder import Decoder, EncoderDecoderSpec
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.spec import views

WRITES = Decoder(
    output_size=11,
    embedding_size=4,
    recurrent=Recurrent("lstm", 5, num_layers=2, dropout=0.1),
    attention="additive",
    attention_size=3,
    input_feeding=True,
    combined_size=4,
    tied=True,
    input_dropout=0.1,
    head_dropout=0.2,
    label_smoothing=0.1,
    scheduled_sampling=0.25,
)
SPEC = EncoderDecoderSpec(
    input_size=9,
    embedding_size=6,
    recurrent=Recurrent("gru", 7, num_layers=2, bidirectional=True),
    decoder=WRITES,
    input_dropout=0.3,
)
PLAIN = replace(WRITES, attention="none", attention_size=0, tied=False, input_feeding=False)


@pytest.mark.parametrize(
    "spec", [SPEC, replace(SPEC, decoder=PLAIN), replace(SPEC, input_size=11, embedding_size=4)]
)
@pytest.mark.parametrize("shared", [False, True])
def test_a_config_gives_the_spec_back(spec: EncoderDecoderSpec, shared: bool) -> None:
    spec = replace(spec, shared=shared and spec.input_size == 11)
    config = json.loads(json.dumps(spec.to_config()))
    assert EncoderDecoderSpec.from_config(config) == spec


def test_names_and_shapes_by_hand() -> None:
    gates = 4 * 5
    assert list(SPEC.parameter_shapes().items())[-19:] == [
        ("bridge.h.weight", (10, 14)),
        ("bridge.h.bias", (10,)),
        ("bridge.c.weight", (10, 14)),
        ("bridge.c.bias", (10,)),
        ("decoder.embedding.weight", (11, 4)),
        ("decoder.recurrent.weight_ih_l0", (gates, 8)),
        ("decoder.recurrent.weight_hh_l0", (gates, 5)),
        ("decoder.recurrent.bias_ih_l0", (gates,)),
        ("decoder.recurrent.bias_hh_l0", (gates,)),
        ("decoder.recurrent.weight_ih_l1", (gates, 5)),
        ("decoder.recurrent.weight_hh_l1", (gates, 5)),
        ("decoder.recurrent.bias_ih_l1", (gates,)),
        ("decoder.recurrent.bias_hh_l1", (gates,)),
        ("decoder.attention.query.weight", (3, 5)),
        ("decoder.attention.memory.weight", (3, 14)),
        ("decoder.attention.memory.bias", (3,)),
        ("decoder.attention.score.weight", (1, 3)),
        ("decoder.combine.weight", (4, 19)),
        ("decoder.head.bias", (11,)),
    ]
    assert SPEC.num_parameters == sum(map(math.prod, SPEC.parameter_shapes().values()))
    assert SPEC.output_size == 11


def test_first_values_are_a_function_of_the_seed() -> None:
    first, again, other = (SPEC.initial_values(seed) for seed in (1, 1, 2))
    assert (first.shape, first.dtype) == ((SPEC.num_parameters,), np.float32)
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9


def test_first_values_have_the_sizes_that_are_promised() -> None:
    spec = EncoderDecoderSpec(
        input_size=400,
        embedding_size=64,
        recurrent=Recurrent("lstm", 48, bidirectional=True, forget_bias=1.0),
        decoder=Decoder(
            300, 25, Recurrent("gru", 36, initializer="orthogonal"), combined_size=25, tied=True
        ),
    )
    named = views(spec, spec.initial_values(0))
    assert named["encoder.embedding.weight"].std() == pytest.approx(1.0, rel=0.05)
    assert named["decoder.embedding.weight"].std() == pytest.approx(0.2, rel=0.05)
    bounds = {
        "encoder.recurrent.weight_ih_l0": 48,
        "bridge.h.weight": 2 * 96,
        "bridge.h.bias": 2 * 96,
        "decoder.recurrent.weight_ih_l0": 36,
        "decoder.attention.memory.weight": 96,
        "decoder.combine.weight": 36 + 96,
        "decoder.head.bias": 25,
    }
    for name, fan in bounds.items():
        assert np.abs(named[name]).max() == pytest.approx(1 / math.sqrt(fan), rel=0.1), name
        assert np.abs(named[name]).max() <= 1 / math.sqrt(fan), name
    np.testing.assert_array_equal(named["encoder.recurrent.bias_ih_l0"][48:96], 1.0)
    W = named["decoder.recurrent.weight_hh_l0"][:36]
    np.testing.assert_allclose(W @ W.T, np.eye(36), atol=1e-5)


def test_what_is_shared_has_one_name() -> None:
    spec = replace(SPEC, input_size=11, embedding_size=4, shared=True)
    assert "decoder.embedding.weight" not in spec.parameter_shapes()
    assert "decoder.head.weight" not in spec.parameter_shapes()
    assert spec.aliases() == {
        "decoder.embedding.weight": "encoder.embedding.weight",
        "decoder.head.weight": "encoder.embedding.weight",
    }
    assert SPEC.aliases() == {"decoder.head.weight": "decoder.embedding.weight"}
    assert replace(SPEC, decoder=PLAIN).aliases() == {}
    assert SPEC.num_parameters - spec.num_parameters == 9 * 6 + 2 * 3 * 7 * 2


def test_which_specs_draw_numbers() -> None:
    quiet = replace(
        WRITES,
        recurrent=Recurrent("gru", 5),
        input_dropout=0.0,
        head_dropout=0.0,
        scheduled_sampling=0.0,
    )
    spec = replace(SPEC, input_dropout=0.0, decoder=quiet)
    assert not spec.draws, "label smoothing draws nothing"
    assert replace(spec, input_dropout=0.1).draws
    assert replace(spec, recurrent=Recurrent("gru", 7, 2, dropout=0.1)).draws
    dropping = Recurrent("gru", 5, num_layers=2, dropout=0.1)
    for change in (
        {"input_dropout": 0.1},
        {"head_dropout": 0.1},
        {"scheduled_sampling": 0.1},
        {"recurrent": dropping},
    ):
        changed: Any = replace(quiet, **change)  # type: ignore[arg-type]
        assert replace(spec, decoder=changed).draws


ONE_WAY = Recurrent("gru", 5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"output_size": 0}, "output_size must be a whole number from 1"),
        ({"embedding_size": True}, "embedding_size must be a whole number from 1"),
        ({"recurrent": None}, "the decoder's recurrent must be Recurrent, got None"),
        ({"recurrent": Recurrent("gru", 5, bidirectional=True)}, "writes in one direction"),
        (
            {"recurrent": Recurrent("gru", 5, weight_dropout=0.1)},
            "the decoder's recurrent has weight_dropout, which encoders and decoders lack",
        ),
        ({"attention": "dot"}, "attention must be one of multiplicative, additive, none"),
        ({"attention_size": 0}, "attention_size must be a whole number from 1"),
        ({"input_feeding": 1}, "input_feeding must be true or false, got 1"),
        ({"combined_size": 0}, "combined_size must be a whole number from 1"),
        ({"combined_size": 5}, "tied needs combined_size=4, the size of the embedding, got 5"),
        ({"tied": "yes"}, "tied must be true or false"),
        ({"input_dropout": 1.0}, "input_dropout must be a number from 0 to below 1"),
        ({"head_dropout": -0.1}, "head_dropout must be a number from 0 to below 1"),
        ({"label_smoothing": math.nan}, "label_smoothing must be a number from 0 to below 1"),
        ({"scheduled_sampling": 1}, "scheduled_sampling must be a number from 0 to below 1"),
    ],
)
def test_decoders_that_cannot_be_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        replace(WRITES, **change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"input_size": 0}, "input_size must be a whole number from 1"),
        ({"embedding_size": 2.0}, "embedding_size must be a whole number from 1"),
        ({"recurrent": "gru"}, "recurrent must be Recurrent, got 'gru'"),
        ({"recurrent": Recurrent("gru", 5, weight_dropout=0.1)}, "recurrent has weight_dropout"),
        ({"decoder": ONE_WAY}, "decoder must be a Decoder, got Recurrent("),
        ({"shared": 0}, "shared must be true or false, got 0"),
        ({"input_dropout": 1}, "input_dropout must be a number from 0 to below 1"),
        (
            {"shared": True},
            "shared needs embeddings of one shape, got [9, 6] of the encoder and [11, 4] of the",
        ),
    ],
)
def test_specs_that_cannot_be_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        replace(SPEC, **change)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (("heads",), 3, "spec has the unknown entry 'heads'"),
        (("decoder", "beam"), 3, "decoder has the unknown entry 'beam'"),
        (("decoder",), None, "decoder must be a mapping of names to values, got None"),
        (("decoder", "recurrent"), [], "the decoder's recurrent must be a mapping"),
        (("decoder", "recurrent", "cell"), "gpu", "cell must be one of"),
        (("recurrent",), 4, "recurrent must be a mapping"),
        (("input_size",), "9", "input_size must be a whole number"),
        (("decoder", "tied"), None, "tied must be true or false, got None"),
    ],
)
def test_configs_that_are_none_are_refused(
    path: tuple[str, ...], value: Any, sentence: str
) -> None:
    config = SPEC.to_config()
    place = config
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=re.escape(sentence)):
        EncoderDecoderSpec.from_config(config)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (("decoder",), "spec lacks the entry 'decoder'"),
        (("recurrent",), "spec lacks the entry 'recurrent'"),
        (("decoder", "recurrent"), "decoder lacks the entry 'recurrent'"),
        (("decoder", "output_size"), "decoder lacks the entry 'output_size'"),
    ],
)
def test_configs_without_an_entry_are_refused(path: tuple[str, ...], sentence: str) -> None:
    config = SPEC.to_config()
    place = config
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    with pytest.raises(ValueError, match=re.escape(sentence)):
        EncoderDecoderSpec.from_config(config)
