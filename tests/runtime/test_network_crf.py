"""The loss "crf" of the kernels beside its form in NumPy and differences of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chain_problems import LARGE_CRF, Problem, problem, recurrent_spec

from unrolled.kernels import engine
from unrolled.runtime import crf
from unrolled.runtime.network import Network, Settings, TrainState
from unrolled.runtime.spec import Dense, initial_values, views

pytestmark = pytest.mark.usefixtures("poisoned_scratch")

ROWS = np.array([2, 0, 3, 1, 7, 4, 6])
LAST = ("head.weight", "head.bias", "crf.start", "crf.end", "crf.transition")


def crf_problem(
    K: int, *, weighted: bool = False, missing: bool = False, scale: float = 1.0
) -> Problem:
    spec = recurrent_spec(
        "lstm", hidden_size=4, bidirectional=True, pooling="every", loss="crf", output_size=K
    )
    p = problem(spec, weighted=weighted, missing=missing)
    views(spec, p.flat)["crf.transition"][...] *= scale
    return p


class ByNumPy:
    """The loss of a batch in float64, by the parameters behind the recurrent stack."""

    def __init__(self, p: Problem, rows: np.ndarray = ROWS) -> None:
        self.named = {name: views(p.spec, p.flat)[name].astype(np.float64) for name in LAST}
        states = Network(p.spec, p.flat).hidden_states(p.inputs, rows).astype(np.float64)
        self.lengths = p.inputs.lengths[rows]
        self.h = np.concatenate([states[:T, n] for n, T in enumerate(self.lengths)])
        places = [p.targets_of(row) for row in rows]
        self.y = p.y[np.concatenate(places)]
        labelled = np.array([(p.y[at] >= 0).sum() for at in places])
        first = np.array([at[0] for at in places])
        weight = np.ones(len(rows)) if p.weight is None else p.weight[first].astype(np.float64)
        self.share, self.weight = weight / labelled.sum(), float(weight @ labelled)
        self.count = int(labelled.sum())

    def loss(self) -> float:
        weight, bias, *rest = self.named.values()
        e = self.h @ weight.T + bias
        return -float(self.share @ crf.log_likelihood(e, self.y, self.lengths, *rest))

    def slopes(self, name: str) -> np.ndarray:
        """By central differences."""
        values, step = self.named[name], 1e-5
        found = np.empty_like(values)
        for at in np.ndindex(*values.shape):
            kept = values[at]
            values[at] = kept + step
            more = self.loss()
            values[at] = kept - step
            found[at] = (more - self.loss()) / (2 * step)
            values[at] = kept
        return found


# Labels of less than a vector, a whole number of vectors, and more; transitions beyond 300.
@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(("K", "scale"), [(1, 1.0), (3, 1.0), (3, 400.0), (8, 1.0), (11, 300.0)])
def test_gradients_are_differences_of_the_form_in_numpy(
    K: int, scale: float, missing: bool, weighted: bool
) -> None:
    p = crf_problem(K, weighted=weighted, missing=missing, scale=scale)
    spread = np.ptp(views(p.spec, p.flat)["crf.transition"])
    assert (spread > 310) == (scale > 1)
    loss, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, p.weight, ROWS)
    reference = ByNumPy(p)
    assert loss == pytest.approx(reference.loss(), rel=1e-6, abs=1e-7)
    for name in LAST:
        expected = reference.slopes(name)
        found = views(p.spec, gradient)[name]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6, err_msg=name)
        assert K == 1 or np.abs(expected).max() > 0.01


def test_a_batch_counts_its_labels_by_the_weights_of_first_steps() -> None:
    p = crf_problem(5, weighted=True, missing=True)
    reference = ByNumPy(p)
    network = Network(p.spec, p.flat.copy())
    loss_sum, weight_sum = network.evaluate(p.inputs, p.y, p.weight, [ROWS])
    assert weight_sum == pytest.approx(reference.weight, rel=1e-6)
    assert loss_sum == pytest.approx(reference.loss() * reference.count, rel=1e-6)
    state = TrainState.new(p.spec, Settings("sgd"))
    trained = network.train(p.inputs, p.y, p.weight, [ROWS], [0.0], state)
    assert trained.counts[0] == reference.count
    assert trained.losses[0] == pytest.approx(reference.loss(), rel=1e-6)


def test_a_sequence_without_a_label_adds_nothing() -> None:
    p = crf_problem(4)
    row = ROWS[4]
    others = np.delete(ROWS, 4)
    p.inputs.starts[...] = np.cumsum(p.inputs.lengths) - p.inputs.lengths  # none shares its steps
    alone = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, others)
    y = p.y.copy()
    y[p.targets_of(row)] = -1
    among = Network(p.spec, p.flat).gradients(p.inputs, y, None, ROWS)
    assert among[0] == pytest.approx(alone[0], rel=1e-12)
    np.testing.assert_allclose(among[1], alone[1], rtol=0, atol=1e-7)


def test_with_one_step_and_no_scores_of_neighbours_it_is_the_cross_entropy() -> None:
    p = problem(recurrent_spec("gru", pooling="every", loss="crf", output_size=9), missing=True)
    p.inputs.starts[...] = np.arange(9)
    plain = replace(p.spec, loss="cross_entropy")
    size = plain.num_parameters
    p.flat[size:] = 0
    for lengths in (np.ones(9, np.int64), p.inputs.lengths):
        p.inputs.lengths[...] = lengths
        if lengths.max() > 1:  # missing labels are then summed over, and add nothing
            p.flat[size:] = 3.0  # nor does a score that all paths have
        found = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
        expected = Network(plain, p.flat[:size].copy()).gradients(p.inputs, p.y, None, ROWS)
        assert found[0] == pytest.approx(expected[0], rel=1e-6)
        np.testing.assert_allclose(found[1][:size], expected[1], rtol=0, atol=1e-6)


@pytest.mark.usefixtures("simd")
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("size", [1e4, -1e4])
@pytest.mark.parametrize("name", LAST)
def test_extreme_scores_are_finite(name: str, size: float, missing: bool) -> None:
    p = crf_problem(5, missing=missing)
    values = views(p.spec, p.flat)[name]
    values.flat[1], values.flat[-1] = size, -size
    loss, gradient = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
    assert loss == pytest.approx(ByNumPy(p).loss(), rel=1e-5)
    assert np.isfinite(gradient).all()
    # As many transitions are expected as are taken.
    for part in ("crf.start", "crf.end", "crf.transition"):
        assert views(p.spec, gradient)[part].sum() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", LAST)
def test_scores_that_are_no_numbers_are_told(name: str) -> None:
    p = crf_problem(5)
    views(p.spec, p.flat)[name].flat[2] = np.nan
    loss, _ = Network(p.spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
    assert np.isnan(loss)


@pytest.mark.usefixtures("own_threads")
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_any_number_of_threads_gives_the_same_bits(scale: float) -> None:
    """Also where each sum has its own largest term; that of chain_problems.LARGE has not."""
    lengths = tuple(np.random.default_rng(1).integers(1, 40, 61).tolist())
    p = problem(LARGE_CRF, lengths=lengths, weighted=True)
    p.y[np.random.default_rng(2).random(len(p.y)) < 0.02] = -1
    views(p.spec, p.flat)["crf.transition"][...] *= scale
    rows = np.random.default_rng(3).permutation(61)
    found = []
    for threads in (1, 2, 3):
        engine.set_num_threads(threads)
        network = Network(p.spec, p.flat)
        found.append(network.gradients(p.inputs, p.y, p.weight, rows))
        assert network.evaluate(p.inputs, p.y, p.weight, [rows]) > (0.0, 0.0)
    assert np.isfinite(found[0][1]).all()
    for loss, gradient in found[1:]:
        assert loss == found[0][0]
        assert np.array_equal(gradient, found[0][1])


def test_a_thousand_labels() -> None:
    spec = recurrent_spec("gru", pooling="every", loss="crf", output_size=1003)
    p = problem(spec)
    p.y[20] = p.y[31] = -1
    loss, gradient = Network(spec, p.flat).gradients(p.inputs, p.y, None, ROWS)
    reference = ByNumPy(p)
    assert loss == pytest.approx(reference.loss(), rel=1e-6)
    named = views(spec, gradient)
    y = p.y[p.targets_of(0)]
    assert (y >= 0).all()
    for name, at in (
        ("crf.transition", (y[0], y[1])),
        ("crf.transition", (17, 1002)),
        ("crf.transition", (1002, 0)),
        ("head.bias", (999,)),
    ):
        values, step = reference.named[name], 1e-3
        values[at] += step
        more = reference.loss()
        values[at] -= 2 * step
        less = reference.loss()
        values[at] += step
        assert named[name][at] == pytest.approx((more - less) / (2 * step), rel=1e-4)


def test_learns_what_only_neighbours_tell() -> None:
    """Labels that alternate from a first one that no input tells: start and transitions do."""
    spec = recurrent_spec("gru", pooling="every", loss="crf", output_size=3, hidden=(Dense(3),))
    p = problem(spec)
    p.inputs.values[...] = 0
    p.inputs.starts[...] = np.cumsum(p.inputs.lengths) - p.inputs.lengths
    for n in range(9):
        at = p.targets_of(n)
        p.y[at] = (n + np.arange(len(at))) % 3
    flat = initial_values(spec, 0)
    network = Network(spec, flat)
    state = TrainState.new(spec, Settings("adam"))
    steps = [np.arange(9)] * 300
    network.train(p.inputs, p.y, None, steps, [0.05] * 300, state)
    named = views(spec, flat)
    e = network.predict(p.inputs, np.arange(9))
    args = (named["crf.start"], named["crf.end"], named["crf.transition"])
    found = crf.viterbi(e, p.inputs.lengths, *args)
    begin = np.cumsum(p.inputs.lengths) - p.inputs.lengths
    for n, first in enumerate(begin):
        T = p.inputs.lengths[n]
        np.testing.assert_array_equal(np.diff(found[first : first + T]) % 3, 1, err_msg=str(n))
