"""Dropout: random numbers that are a function of seed, step, site and element."""

from __future__ import annotations

import numpy as np
import pytest
from chain_problems import (
    assert_close_gradients,
    problem,
    recurrent_spec,
    table_spec,
)
from drawn_masks import factors, masks_of, philox
from torch_chains import Reference

from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import Dense

pytestmark = pytest.mark.usefixtures("poisoned_scratch")

ROWS = np.array([2, 0, 3, 1, 7, 4, 6])
HIDDEN = (Dense(6, "relu"), Dense(4, "tanh"))


def test_philox_gives_the_published_numbers() -> None:
    """The first and second known answers of its authors' Random123."""
    ones = 0xFFFFFFFF
    found = philox(np.array([[0] * 4, [ones] * 4], np.uint64)[:1], 0)
    assert [hex(n) for n in found[0]] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]
    found = philox(np.array([[ones] * 4], np.uint64), 2**64 - 1)
    assert [hex(n) for n in found[0]] == ["0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd"]


def test_share_and_scale() -> None:
    for p in (0.1, 0.5, 0.75):
        drawn = factors(p, 5, 1, 0, 1000, 37)
        assert set(np.unique(drawn)) == {0.0, 1 / (1 - np.float64(np.float32(p)))}
        assert (drawn == 0).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / drawn.size))
        assert drawn.mean(axis=0).std() < 0.1
        assert drawn.mean(axis=1).std() < 1


SPECS = {
    "between": recurrent_spec("gru", num_layers=3, bidirectional=True, dropout=(0.3, 0, 0)),
    "head": recurrent_spec("lstm", dropout=(0, 0, 0.4)),
    "head-every": recurrent_spec("lstm", pooling="every", dropout=(0, 0, 0.4)),
    "head-max": recurrent_spec("rnn", pooling="max", bidirectional=True, dropout=(0, 0, 0.4)),
    "hidden": recurrent_spec("gru", hidden=HIDDEN, dropout=(0, 0.3, 0)),
    "hidden-every": recurrent_spec("gru", hidden=HIDDEN, pooling="every", dropout=(0, 0.3, 0)),
    "all": recurrent_spec("lstm", num_layers=2, hidden=HIDDEN, dropout=(0.2, 0.3, 0.4)),
    "tied": recurrent_spec(
        "gru", tokens=True, tied=True, loss="cross_entropy", pooling="every", dropout=(0, 0.3, 0.4)
    ),
    "table": table_spec(hidden_dropout=0.3, head_dropout=0.2),
    "table-no hidden": table_spec(hidden=(), head_dropout=0.2),
}


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("name", SPECS)
def test_gradients_are_those_of_torch_with_the_same_masks(name: str) -> None:
    spec = SPECS[name]
    p = problem(spec, weighted=True)
    seed, step = 2**63 + 12345, 6
    lengths = np.zeros(0, int) if spec.recurrent is None else p.inputs.lengths
    masks = masks_of(spec, ROWS, lengths, seed, step)
    loss, gradient = Network(spec, p.flat).gradients(
        p.inputs, p.y, p.weight, ROWS, dropout=(seed, step)
    )
    expected_loss, expected = Reference(p).gradients(ROWS, masks=masks)
    assert loss == pytest.approx(expected_loss, rel=2e-6)
    assert_close_gradients(spec, gradient, expected)
    without, _ = Network(spec, p.flat).gradients(p.inputs, p.y, p.weight, ROWS)
    assert without != pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("name", SPECS)
def test_training_draws_anew_each_step_and_evaluation_draws_nothing(name: str) -> None:
    spec = SPECS[name]
    p = problem(spec)
    network = Network(spec, p.flat.copy())
    state = TrainState.new(spec, Settings("sgd", momentum=0.0, seed=9))
    losses = network.train(p.inputs, p.y, None, [ROWS] * 4, [0.0] * 4, state).losses
    assert len(set(losses)) == 4
    steps = [network.gradients(p.inputs, p.y, None, ROWS, dropout=(9, n))[0] for n in range(1, 5)]
    assert losses.tolist() == steps
    other = TrainState.new(spec, Settings("sgd", momentum=0.0, seed=10))
    assert network.train(p.inputs, p.y, None, [ROWS], [0.0], other).losses[0] not in losses
    sums = network.evaluate(p.inputs, p.y, None, [ROWS])
    assert sums[0] == pytest.approx(float(Reference(p).loss(ROWS)[0].detach()), rel=1e-5)
