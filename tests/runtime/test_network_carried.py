"""A state that goes on from call to call: a sequence in pieces gives what it gives as a whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chain_problems import Problem, problem, recurrent_spec, table_spec
from torch_chains import Reference

from unrolled.runtime.network import Network
from unrolled.runtime.spec import Spec

pytestmark = pytest.mark.usefixtures("poisoned_scratch")

SPECS = {
    "rnn": recurrent_spec("rnn", pooling="every"),
    "gru": recurrent_spec("gru", pooling="every", num_layers=2),
    "lstm": recurrent_spec("lstm", pooling="every", num_layers=3),
    "tied": recurrent_spec("lstm", tokens=True, tied=True, loss="cross_entropy", pooling="every"),
    "categories": recurrent_spec("gru", pooling="every", categories=((5, 3),)),
    "dropout": recurrent_spec("lstm", pooling="every", num_layers=2, dropout=(0.5, 0.0, 0.5)),
}
LENGTHS = (12, 7, 9, 5)
ROWS = np.array([2, 0, 3])
# Where each row of LENGTHS is cut.
CUTS = np.array([[0, 5, 6, 12], [0, 1, 4, 7], [0, 2, 8, 9], [0, 3, 4, 5]])


def whole(spec: Spec) -> Problem:
    return problem(spec, lengths=LENGTHS)


def pieces(p: Problem) -> list[Any]:
    """The inputs of each piece; row n of the next goes on where row n of the last ended."""
    starts = p.inputs.starts[:, None] + CUTS
    return [
        SimpleNamespace(
            values=p.inputs.values,
            starts=np.ascontiguousarray(starts[:, i]),
            lengths=np.diff(CUTS)[:, i].copy(),
        )
        for i in range(3)
    ]


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """Outputs row after row of the pieces as those of the whole rows."""
    sizes = np.diff(CUTS)[ROWS]
    ends = [np.cumsum(sizes[:, i]) for i in range(3)]
    return np.concatenate(
        [
            parts[i][ends[i][n] - sizes[n, i] : ends[i][n]]
            for n in range(len(ROWS))
            for i in range(3)
        ]
    )


@pytest.mark.parametrize("name", SPECS)
def test_predictions(name: str) -> None:
    p = whole(SPECS[name])
    network = Network(p.spec, p.flat)
    state = network.first_state(len(ROWS))
    parts = [network.predict(piece, ROWS, carried=state) for piece in pieces(p)]
    np.testing.assert_array_equal(joined(parts), network.predict(p.inputs, ROWS))
    assert not np.array_equal(parts[1], network.predict(pieces(p)[1], ROWS))
    expected = Reference(p).scores(ROWS)[1]
    assert len(state) == len(expected)
    for mine, theirs in zip(state, expected, strict=True):
        np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=0, atol=3e-6)


@pytest.mark.parametrize("name", SPECS)
def test_hidden_states(name: str) -> None:
    p = whole(SPECS[name])
    network = Network(p.spec, p.flat)
    expected, state = network.hidden_states(p.inputs, ROWS), network.first_state(len(ROWS))
    for i, piece in enumerate(pieces(p)):
        found = network.hidden_states(piece, ROWS, carried=state)
        for n, row in enumerate(ROWS):
            part = slice(CUTS[row, i], CUTS[row, i + 1])
            count = part.stop - part.start
            np.testing.assert_array_equal(found[:count, n], expected[part, n])
            assert (found[count:, n] == 0).all()


@pytest.mark.parametrize("name", SPECS)
def test_evaluation(name: str) -> None:
    """Of batches in one call, and in a call each; each target counts once."""
    p = whole(SPECS[name])
    network = Network(p.spec, p.flat)
    expected = network.evaluate(p.inputs, p.y, None, [ROWS])
    state, found = network.first_state(len(ROWS)), np.zeros(2)
    for piece in pieces(p):
        found += network.evaluate(piece, p.y, None, [ROWS], carried=state)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # The rows of piece i follow those of piece i - 1.
    together = SimpleNamespace(
        values=p.inputs.values,
        starts=np.concatenate([piece.starts for piece in pieces(p)]),
        lengths=np.concatenate([piece.lengths for piece in pieces(p)]),
    )
    batches = [ROWS + i * len(LENGTHS) for i in range(3)]
    again = network.first_state(len(ROWS))
    assert network.evaluate(together, p.y, None, batches, carried=again) == tuple(found)
    for one, other in zip(again, state, strict=True):
        np.testing.assert_array_equal(one, other)
    assert network.evaluate(together, p.y, None, batches)[0] != pytest.approx(found[0], rel=1e-4)


def test_a_batch_is_as_large_as_its_state() -> None:
    """More rows than predict takes at once without one."""
    p = problem(recurrent_spec("gru", pooling="every"), lengths=LENGTHS * 100)
    network, rows = Network(p.spec, p.flat), np.arange(400)
    state = network.first_state(400)
    first = network.predict(p.inputs, rows, carried=state)
    np.testing.assert_array_equal(first, network.predict(p.inputs, rows))
    own = [part[:, 300:301].copy() for part in state]
    second = network.predict(p.inputs, rows, carried=state)
    alone = network.predict(p.inputs, rows[300:301], carried=own)
    at = int(p.inputs.lengths[:300].sum())
    np.testing.assert_array_equal(second[at : at + len(alone)], alone)


def test_a_state_that_does_not_fit_is_told_and_stays() -> None:
    p = whole(SPECS["lstm"])
    network = Network(p.spec, p.flat)
    h, c = network.first_state(3)
    frozen = c.copy()
    frozen.setflags(write=False)
    wrong: list[tuple[Any, type[Exception], str]] = [
        ([h], ValueError, "carried must hold 2 arrays, got 1"),
        ([h, c[:, :2].copy()], ValueError, r"carried must have shape \[3, 3, 5\], got \[3, 2, 5\]"),
        ([h, c.astype(np.float64)], TypeError, "carried must be an array of float32"),
        ([h, frozen], ValueError, "carried is read-only, but is to be changed"),
        ([h, np.zeros((3, 5, 3), np.float32).swapaxes(1, 2)], ValueError, "carried must be contig"),
    ]
    for carried, kind, said in wrong:
        with pytest.raises(kind, match=said):
            network.predict(p.inputs, ROWS, carried=carried)
        with pytest.raises(kind, match=said):
            network.hidden_states(p.inputs, ROWS, carried=carried)
        with pytest.raises(kind, match=said):
            network.evaluate(p.inputs, p.y, None, [ROWS], carried=carried)
    with pytest.raises(ValueError, match="batches of different sizes"):
        network.evaluate(p.inputs, p.y, None, [ROWS, ROWS[:2]], carried=[h, c])
    assert not h.any()
    table = problem(table_spec())
    with pytest.raises(ValueError, match="a carried state needs a recurrent stack"):
        Network(table.spec, table.flat).predict(table.inputs, ROWS, carried=[])
