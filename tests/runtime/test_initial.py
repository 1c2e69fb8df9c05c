"""What a recurrent stack begins with: orthogonal, identity, and biases made for long memories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.runtime.spec import Recurrent, Spec, initial_values, views

H = 12


def first(cell: str, **changes: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Parameters as these arguments have them begin, and as torch does."""
    both = []
    for given in (changes, {}):
        recurrent = Recurrent(cell, H, num_layers=2, bidirectional=True, **given)
        spec = Spec(5, 2, "point", recurrent=recurrent)
        both.append(views(spec, initial_values(spec, 3)))
    return both[0], both[1]


def gates(value: np.ndarray) -> np.ndarray:
    """[G, H, ...] of weights or biases [G*H, ...]."""
    return value.reshape(-1, H, *value.shape[1:])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_orthogonal_weights_keep_the_length_of_a_state(cell: str) -> None:
    ours, theirs = first(cell, initializer="orthogonal")
    seen = []
    for name, value in ours.items():
        if "weight_hh" not in name:
            continue
        for block in gates(value):
            np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-5)
            seen.append(block[0])
    assert len(np.unique(seen, axis=0)) == len(seen), "each is drawn anew"
    weight = "recurrent.weight_ih_l0"
    np.testing.assert_array_equal(ours[weight], theirs[weight])
    assert np.abs(np.mean(seen)) < 0.1


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_identity_weights_hand_a_state_on(cell: str) -> None:
    ours, _ = first(cell, initializer="identity")
    for name, value in ours.items():
        if "weight_hh" in name:
            for block in gates(value):
                np.testing.assert_array_equal(block, np.eye(H))
        elif "recurrent.bias" in name:
            np.testing.assert_array_equal(value, 0.0)
        else:
            assert value.any()


def test_forget_bias_is_that_of_the_forget_gate_alone() -> None:
    ours, theirs = first("lstm", forget_bias=1.5)
    for name, value in ours.items():
        if "recurrent.bias" not in name:
            np.testing.assert_array_equal(value, theirs[name])
            continue
        forget = 1.5 if "bias_ih" in name else 0.0
        np.testing.assert_array_equal(gates(value)[1], forget)
        np.testing.assert_array_equal(gates(value)[[0, 2, 3]], gates(theirs[name])[[0, 2, 3]])


@pytest.mark.parametrize(("cell", "keeps"), [("gru", 1), ("lstm", 1)])
def test_chrono_biases_span_the_steps_to_remember(cell: str, keeps: int) -> None:
    T = 200
    ours, theirs = first(cell, chrono=T)
    spans = []
    for name, value in ours.items():
        if "recurrent.bias_hh" in name:
            np.testing.assert_array_equal(gates(value)[keeps], 0.0)
        if "recurrent.bias_ih" not in name:
            continue
        spans.append(np.exp(gates(value)[keeps].astype(np.float64)))
        if cell == "lstm":
            np.testing.assert_array_equal(gates(value)[0], -gates(value)[1])
        np.testing.assert_array_equal(gates(value)[2], gates(theirs[name])[2])
    assert 1.0 <= np.min(spans) < 30
    assert T - 30 < np.max(spans) <= T - 1 + 1e-3
    assert abs(np.mean(spans) - T / 2) < 40
    assert len(np.unique(spans)) == 4 * H, "each unit of its own"


@pytest.mark.parametrize(
    ("cell", "changes", "said"),
    [
        ("gru", {"forget_bias": 1.0}, 'forget_bias needs the cell "lstm"'),
        ("lstm", {"forget_bias": 1.0, "chrono": 9}, "give one"),
        ("lstm", {"forget_bias": np.inf}, "finite number"),
        ("rnn", {"chrono": 9}, 'chrono needs the cell "lstm" or "gru"'),
        ("gru", {"chrono": 1}, "at least 2 steps, got 1"),
        ("gru", {"initializer": "ones"}, "initializer must be one of uniform, orthogonal, identit"),
        ("gru", {"weight_dropout": 1.0}, "weight_dropout must be a number from 0 to below 1"),
    ],
)
def test_what_no_recurrence_can_begin_with(cell: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Recurrent(cell, H, **changes)


def test_an_embedding_that_is_the_heads_weight_is_of_its_size() -> None:
    spec = Spec(90, 90, "class", 64, recurrent=Recurrent("gru", 64), pooling="every", tied=True)
    table = views(spec, initial_values(spec, 0))["embedding.weight"]
    assert abs(table.std() * 8 - 1) < 0.05
