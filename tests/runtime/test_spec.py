from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unrolled.models.heads import Transitions
from unrolled.runtime.spec import LOSSES, Dense, Recurrent, Spec, initial_values, views

TORCH = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}

GRU_SPEC = Spec(
    input_size=5,
    output_size=2,
    head="point",
    recurrent=Recurrent("gru", 3, num_layers=2, bidirectional=True),
)
TEXT_SPEC = Spec(
    input_size=11,
    output_size=3,
    head="class",
    embedding_size=4,
    recurrent=Recurrent("lstm", 6, dropout=0.25),
    pooling="mean",
    head_dropout=0.5,
)
DENSE_SPEC = Spec(
    input_size=7,
    output_size=2,
    head="point",
    hidden=(Dense(5), Dense(3, "tanh")),
    hidden_dropout=0.1,
)
CODES_SPEC = Spec(
    input_size=4,
    output_size=2,
    head="point",
    recurrent=Recurrent("gru", 3),
    categories=((5, 2), (7, 3)),
)
SPECS = [GRU_SPEC, TEXT_SPEC, DENSE_SPEC, CODES_SPEC]

recurrents = st.builds(
    Recurrent,
    cell=st.sampled_from(["rnn", "gru", "lstm"]),
    hidden_size=st.integers(1, 6),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    dropout=st.floats(0.0, 0.99),
    nonlinearity=st.sampled_from(["tanh", "relu"]),
)
layers = st.builds(Dense, st.integers(1, 6), st.sampled_from(["relu", "tanh"]))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    recurrent = draw(st.none() | recurrents)
    head = draw(st.sampled_from(sorted(LOSSES)))
    pooling = draw(st.sampled_from(["last", "mean", "max", "every"] if recurrent else ["last"]))
    losses = [x for x in LOSSES[head] if x != "quantile" and (x != "crf" or pooling == "every")]
    embedding_size = 0 if recurrent is None else draw(st.integers(0, 5))
    pairs = st.tuples(st.integers(1, 9), st.integers(1, 4))
    categories = draw(st.lists(pairs, max_size=3)) if recurrent and not embedding_size else []
    return Spec(
        input_size=draw(st.integers(1, 6)) + len(categories),
        categories=tuple(categories),
        output_size=draw(st.integers(1, 6)) * (6 if head == "distribution" else 1),
        head=head,
        loss=draw(st.none() | st.sampled_from(losses)),
        embedding_size=embedding_size,
        hidden=tuple(draw(st.lists(layers, max_size=3))),
        hidden_dropout=draw(st.floats(0.0, 0.99)),
        recurrent=recurrent,
        pooling=pooling,
        head_dropout=draw(st.floats(0.0, 0.99)),
    )


def torch_parts(spec: Spec) -> list[tuple[str, torch.nn.Module]]:
    """The layers of a spec as torch makes them, by the name of their place."""
    parts: list[tuple[str, torch.nn.Module]] = []
    size = spec.input_size
    if spec.embedding_size:
        parts.append(("embedding.", torch.nn.Embedding(size, spec.embedding_size)))
        size = spec.embedding_size
    for i, (codes, width) in enumerate(spec.categories):
        parts.append((f"categories.{i}.", torch.nn.Embedding(codes, width)))
        size += width - 1
    if spec.recurrent is not None:
        r = spec.recurrent
        layer = TORCH[r.cell](size, r.hidden_size, r.num_layers, bidirectional=r.bidirectional)
        parts.append(("recurrent.", layer))
        size = r.hidden_size * (2 if r.bidirectional else 1)
    for i, dense in enumerate(spec.hidden):
        parts.append((f"hidden.{i}.", torch.nn.Linear(size, dense.size)))
        size = dense.size
    parts.append(("head.", torch.nn.Linear(size, spec.output_size)))
    if spec.loss == "crf":
        parts.append(("crf.", Transitions(spec.output_size)))
    return parts


@given(specs())
def test_names_shapes_and_order_are_those_of_torch_modules(spec: Spec) -> None:
    expected = [
        (place + name, tuple(parameter.shape))
        for place, module in torch_parts(spec)
        for name, parameter in module.named_parameters()
    ]
    assert list(spec.parameter_shapes().items()) == expected
    assert spec.num_parameters == sum(math.prod(shape) for _, shape in expected)


@given(specs())
def test_a_spec_comes_back_from_json(spec: Spec) -> None:
    config = json.loads(json.dumps(spec.to_config()))
    again = Spec.from_config(config)
    assert again == spec
    assert isinstance(again.hidden, tuple)
    assert all(isinstance(pair, tuple) for pair in again.categories)
    assert again.to_config() == config


def test_what_a_config_leaves_out_has_its_default() -> None:
    assert Spec.from_config({"input_size": 3, "output_size": 1, "head": "point"}) == Spec(
        3, 1, "point"
    )
    config = {
        "input_size": 3,
        "output_size": 1,
        "head": "point",
        "recurrent": {"cell": "gru", "hidden_size": 2},
    }
    assert Spec.from_config(config).recurrent == Recurrent("gru", 2)


HOSTILE: list[tuple[list[str | int], Any, str]] = [
    (["input_size"], 0, "input_size"),
    (["input_size"], -3, "input_size"),
    (["input_size"], 2**24 + 1, "input_size"),
    (["input_size"], 10**5000, "input_size"),
    (["input_size"], 5.0, "input_size"),
    (["input_size"], True, "input_size"),
    (["input_size"], "5", "input_size"),
    (["input_size"], None, "input_size"),
    (["output_size"], 0, "output_size"),
    (["output_size"], [1], "output_size"),
    (["head"], "softmax", "head"),
    (["head"], ["point"], "head"),
    (["head"], "x" * 10_000, "head"),
    (["embedding_size"], -1, "embedding_size"),
    (["embedding_size"], False, "embedding_size"),
    (["embedding_size"], 0.0, "embedding_size"),
    (["embedding_size"], None, "embedding_size"),
    (["hidden_dropout"], 1.0, "hidden_dropout"),
    (["hidden_dropout"], float("nan"), "hidden_dropout"),
    (["hidden_dropout"], 10**5000, "hidden_dropout"),
    (["hidden_dropout"], True, "hidden_dropout"),
    (["head_dropout"], -0.1, "head_dropout"),
    (["head_dropout"], "0.1", "head_dropout"),
    (["pooling"], "sum", "pooling"),
    (["pooling"], None, "pooling"),
    (["hidden"], None, "hidden"),
    (["hidden"], {"size": 3}, "hidden"),
    (["hidden"], [3], "hidden"),
    (["hidden"], [{"size": 3, "activation": "gelu"}], "activation"),
    (["hidden"], [{"activation": "relu"}], "size"),
    (["hidden"], [{"size": 3, "bias": False}], "bias"),
    (["hidden"], [{"size": 3}] * 257, "hidden"),
    (["recurrent"], "gru", "recurrent"),
    (["recurrent"], [], "recurrent"),
    (["recurrent"], {}, "cell"),
    (["recurrent", "cell"], "transformer", "cell"),
    (["recurrent", "cell"], 3, "cell"),
    (["recurrent", "hidden_size"], 2**24 + 1, "hidden_size"),
    (["recurrent", "num_layers"], 257, "num_layers"),
    (["recurrent", "num_layers"], 0, "num_layers"),
    (["recurrent", "bidirectional"], 1, "bidirectional"),
    (["recurrent", "bidirectional"], "no", "bidirectional"),
    (["recurrent", "dropout"], 1, "dropout"),
    (["recurrent", "dropout"], 0.99999999, "dropout"),  # 1 in float32
    (["recurrent", "nonlinearity"], "sigmoid", "nonlinearity"),
    (["recurrent", "proj_size"], 2, "proj_size"),
    (["layers"], [], "layers"),
    (["categories"], None, "categories must be a list"),
    (["categories"], {"0": [3, 2]}, "categories must be a list"),
    (["categories"], [3, 2], "categories must be pairs"),
    (["categories"], [[3, 2, 1]], "categories must be pairs"),
    (["categories"], [[0, 2]], "number of codes in categories must be a whole number"),
    (["categories"], [[3, 2.0]], "size in categories must be a whole number"),
    (["categories"], [[3, True]], "size in categories must be a whole number"),
    (["categories"], [[3, 2]] * 6, "categories are 6 of the channels, but input_size is 5"),
    (["categories"], [[3, 2**24]], "the step that the recurrent stack reads must be"),
    (["\n" * 200], 1, "spec"),
]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    HOSTILE,
    ids=[f"{said}-{i}" for i, (_, _, said) in enumerate(HOSTILE)],
)
def test_a_hostile_config_is_one_sentence(place: list[Any], value: Any, said: str) -> None:
    config = GRU_SPEC.to_config()
    inside = config
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    with pytest.raises(ValueError, match=said) as error:
        Spec.from_config(config)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("missing", ["input_size", "output_size", "head"])
def test_what_a_config_must_have(missing: str) -> None:
    config = GRU_SPEC.to_config()
    del config[missing]
    with pytest.raises(ValueError, match=f"spec lacks the entry '{missing}'"):
        Spec.from_config(config)


@pytest.mark.parametrize("config", [None, [], "spec", 3, [("input_size", 3)]])
def test_a_config_that_is_no_mapping(config: Any) -> None:
    with pytest.raises(ValueError, match="spec must be a mapping"):
        Spec.from_config(config)


@pytest.mark.parametrize(
    ("loss", "outputs", "columns"),
    [("normal", 2, 1), ("student_t", 3, 1), ("negative_binomial", 2, 2)],
)
def test_outputs_and_targets_of_a_distribution(loss: str, outputs: int, columns: int) -> None:
    spec = Spec(3, 5 * outputs, "distribution", loss=loss)
    assert spec.outputs_per_target == outputs
    assert spec.target_columns == 5 * columns
    with pytest.raises(ValueError, match=f"multiple of the {outputs} parameters of the distrib"):
        Spec(3, 5 * outputs + 1, "distribution", loss=loss)
    with pytest.raises(ValueError, match="loss must be one of squared"):
        Spec(3, 5 * outputs, "point", loss=loss)
    with pytest.raises(ValueError, match='quantiles go with the loss "quantile"'):
        Spec(3, 5 * outputs, "distribution", loss=loss, quantiles=(0.5,))


def test_outputs_and_targets_of_other_losses() -> None:
    assert Spec(3, 4, "distribution").loss == "normal"
    spec = Spec(3, 6, "point", loss="quantile", quantiles=(0.1, 0.9))
    assert (spec.outputs_per_target, spec.target_columns) == (2, 3)
    assert (Spec(3, 6, "point").outputs_per_target, Spec(3, 6, "point").target_columns) == (1, 6)


def test_a_random_field_needs_every_step_and_begins_with_zeros() -> None:
    spec = Spec(3, 4, "class", recurrent=Recurrent("gru", 5), pooling="every", loss="crf")
    plain = replace(spec, loss=None)
    fields = {"crf.start": (4,), "crf.end": (4,), "crf.transition": (4, 4)}
    assert spec.parameter_shapes() == plain.parameter_shapes() | fields
    flat = initial_values(spec, 1)
    np.testing.assert_array_equal(flat[: -4 * 6], initial_values(plain, 1))
    assert (flat[-4 * 6 :] == 0).all()
    for other in ({"pooling": "last"}, {"pooling": "last", "recurrent": None}):
        with pytest.raises(ValueError, match=r'the loss "crf" needs pooling="every"'):
            replace(spec, **other)
    with pytest.raises(ValueError, match="loss must be one of squared"):
        replace(spec, head="point")


def test_categories_are_columns_of_numbers_in_sequences() -> None:
    assert CODES_SPEC.step_size == 7
    assert CODES_SPEC.parameter_shapes()["recurrent.weight_ih_l0"] == (9, 7)
    for changes in ({"recurrent": None}, {"embedding_size": 3}):
        config = {**CODES_SPEC.to_config(), **changes}
        with pytest.raises(ValueError, match="categories need a recurrent stack that reads num"):
            Spec.from_config(config)


def test_first_values_of_categories_are_normal() -> None:
    spec = Spec(2, 1, "point", recurrent=Recurrent("rnn", 3), categories=((90, 40), (3, 2)))
    named = views(spec, initial_values(spec, 0))
    table = named["categories.0.weight"]
    assert abs(table.mean()) < 0.06
    assert abs(table.std() - 1.0) < 0.06
    assert np.abs(table).max() > 2.5
    assert named["categories.1.weight"].shape == (3, 2)


def test_an_embedding_needs_a_recurrence() -> None:
    with pytest.raises(ValueError, match="embedding_size needs a recurrent stack"):
        Spec(5, 1, "point", embedding_size=3)


@pytest.mark.parametrize(
    "changed", [{"hidden": [Dense(3)]}, {"hidden": (3,)}, {"recurrent": {"cell": "gru"}}]
)
def test_a_spec_holds_layers_and_no_plain_data(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        Spec(**{"input_size": 5, "output_size": 1, "head": "point", **changed})


@pytest.mark.parametrize("spec", SPECS)
def test_views_share_memory_in_the_order_of_the_flat_array(spec: Spec) -> None:
    flat = np.arange(spec.num_parameters, dtype=np.float32)
    named = views(spec, flat)
    assert {name: value.shape for name, value in named.items()} == spec.parameter_shapes()
    np.testing.assert_array_equal(np.concatenate([v.ravel() for v in named.values()]), flat)
    for value in named.values():
        assert np.shares_memory(value, flat)
        assert value.dtype == np.float32
        value -= 1.0
    np.testing.assert_array_equal(flat, np.arange(spec.num_parameters) - 1.0)


@pytest.mark.parametrize("wrong", [(-1,), (1,), (0, 2)])
def test_views_of_another_number_of_parameters(wrong: tuple[int, ...]) -> None:
    P = DENSE_SPEC.num_parameters
    shape = (P + wrong[0],) if len(wrong) == 1 else (P, wrong[1])
    with pytest.raises(ValueError, match=rf"flat must have shape \({P},\)"):
        views(DENSE_SPEC, np.zeros(shape, np.float32))


@pytest.mark.parametrize("spec", SPECS)
def test_the_same_seed_gives_the_same_bits(spec: Spec) -> None:
    first, again, other = (initial_values(spec, seed) for seed in (3, 3, 4))
    assert first.dtype == np.float32
    assert first.shape == (spec.num_parameters,)
    assert first.tobytes() == again.tobytes()
    assert (first != other).mean() > 0.99


def test_first_values_are_drawn_in_the_order_of_the_flat_array() -> None:
    rng = np.random.default_rng(7)
    half, third = 1.0 / math.sqrt(4), 1.0 / math.sqrt(3)
    drawn = [
        rng.standard_normal((5, 2)),
        rng.uniform(-half, half, (4, 2)),
        rng.uniform(-half, half, (4, 4)),
        rng.uniform(-half, half, 4),
        rng.uniform(-half, half, 4),
        rng.uniform(-half, half, (3, 4)),
        rng.uniform(-half, half, 3),
        rng.uniform(-third, third, (1, 3)),
        rng.uniform(-third, third, 1),
    ]
    spec = Spec(5, 1, "point", 2, hidden=(Dense(3),), recurrent=Recurrent("rnn", 4))
    flat = np.concatenate([part.ravel() for part in drawn]).astype(np.float32)
    np.testing.assert_array_equal(initial_values(spec, 7), flat)


def test_first_values_follow_torch_distributions() -> None:
    """Per layer: uniform within 1/sqrt(H) or 1/sqrt(F), and the normal one of an embedding."""
    spec = Spec(
        input_size=400,
        output_size=300,
        head="class",
        embedding_size=30,
        recurrent=Recurrent("lstm", 40, num_layers=2, bidirectional=True),
        hidden=(Dense(90),),
    )
    values = views(spec, initial_values(spec, 0))
    theirs = {
        place + name: parameter.detach().numpy()
        for place, module in torch_parts(spec)
        for name, parameter in module.named_parameters()
    }
    bounds = {"recurrent": 40, "hidden": 80, "head": 90}
    for name, value in values.items():
        place = name.split(".")[0]
        if place == "embedding":
            assert abs(value.mean()) < 0.05
            assert abs(value.std() - 1.0) < 0.05
            assert abs(theirs[name].std() - 1.0) < 0.05
            continue
        bound = 1.0 / math.sqrt(bounds[place])
        for ours in (value, theirs[name]):
            assert np.abs(ours).max() <= bound * (1 + 1e-6)
            assert np.abs(ours).max() > 0.93 * bound
            assert abs(ours.mean()) < 4 * bound / math.sqrt(3 * ours.size)
            assert abs(ours.std() * math.sqrt(3) / bound - 1.0) < 4 / math.sqrt(ours.size)


def test_symbol_columns_are_categories() -> None:
    recurrent = Recurrent("gru", 3)
    Spec(4, 2, "point", recurrent=recurrent, categories=((4, 2), (3, 5)), symbol_columns=2)
    with pytest.raises(ValueError, match="symbol_columns=3 needs as many categories, got 2"):
        Spec(4, 2, "point", recurrent=recurrent, categories=((4, 2), (3, 5)), symbol_columns=3)
    with pytest.raises(ValueError, match="symbol_columns must be a whole number"):
        Spec(4, 2, "point", recurrent=recurrent, symbol_columns=0)
