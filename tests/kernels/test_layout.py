"""The layout is torch's: same names, same shapes, same order."""

from __future__ import annotations

import itertools

import pytest
import torch

from unrolled.kernels.layout import GATE_NAMES, GATES, recurrent_shapes

TORCH_CLASSES = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


@pytest.mark.parametrize(
    ("cell", "num_layers", "bidirectional"),
    list(itertools.product(TORCH_CLASSES, (1, 3), (False, True))),
)
def test_names_shapes_and_order_are_torch_s(cell, num_layers, bidirectional):
    module = TORCH_CLASSES[cell](5, 3, num_layers, bidirectional=bidirectional)
    expected = [(name, tuple(value.shape)) for name, value in module.state_dict().items()]
    assert list(recurrent_shapes(cell, 5, 3, num_layers, bidirectional).items()) == expected


@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (2, True)])
def test_projection_s_names_shapes_and_order_are_torch_s(num_layers, bidirectional):
    module = torch.nn.LSTM(5, 4, num_layers, bidirectional=bidirectional, proj_size=3)
    expected = [(name, tuple(value.shape)) for name, value in module.state_dict().items()]
    actual = recurrent_shapes("lstm", 5, 4, num_layers, bidirectional, proj_size=3)
    assert list(actual.items()) == expected


def test_only_an_lstm_has_a_projection():
    with pytest.raises(ValueError, match=r"^proj_size is 2, but only an lstm has a projection, no"):
        recurrent_shapes("gru", 5, 3, proj_size=2)


def test_gates_are_counted_from_their_names():
    assert GATES == {"rnn": 1, "gru": 3, "lstm": 4}
    assert GATE_NAMES["gru"] == ("r", "z", "n")
    assert GATE_NAMES["lstm"] == ("i", "f", "g", "o")


def test_unknown_cell_is_named():
    with pytest.raises(ValueError, match=r"^cell is 'elman', but must be one of 'rnn', 'gru', "):
        recurrent_shapes("elman", 5, 3)
