"""The engine through torch with an output at every step, tied embeddings and a carried state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences
from unrolled.models import ManyToMany
from unrolled.runtime.spec import Recurrent, Spec, initial_values
from unrolled.training.by_torch import TorchEngine, predict
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

V, E, T, N = 7, 4, 5, 6
SGD = Optimizer("sgd", momentum=0.0, clip_norm=None)


def spec(cell: str = "lstm", *, tied: bool = True) -> Spec:
    recurrent = Recurrent(cell, E)
    return Spec(
        V, V, "class", embedding_size=E, recurrent=recurrent, pooling="every", tied=tied
    )  # fmt: skip


def tokens(*, carry: bool = False, weighted: bool = False) -> Batches:
    """Rows n and n + 2 are pieces of one series; a few targets are missing."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, V, N * T)
    y = rng.integers(0, V, N * T)
    y[[1, 8, 9]] = -1
    cuts = Sequences(values, np.arange(N) * T, np.full(N, T))
    weight = rng.uniform(0.5, 1.5, N * T).astype(np.float32) if weighted else None
    return Batches(cuts, y, weight, batch_size=2, every=True, carry=carry)


def by_hand(data: Batches, rate: float) -> tuple[np.ndarray, list[float]]:
    """Plain steps of `w - rate g` in torch: weights and losses."""
    module = ManyToMany(spec(), initial_values(spec(), 1))
    state: Any = None
    found = []
    for batch in data:
        assert batch.y is not None
        scores, state = module(torch.from_numpy(batch.x), None, state if data.carry else None)
        state = tuple(part.detach() for part in state)
        target = torch.from_numpy(batch.y)
        there = target >= 0
        losses = -scores.log_softmax(2)[there].gather(1, target[there][:, None])[:, 0]
        if batch.weight is not None:
            losses = losses * torch.from_numpy(batch.weight)[there]
        loss = losses.mean()
        module.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in module.parameters():
                assert parameter.grad is not None
                parameter -= rate * parameter.grad
        found.append(loss.item())
    return np.concatenate([p.detach().numpy().ravel() for p in module.parameters()]), found


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_are_those_of_a_hand_written_loop(carry: bool, weighted: bool) -> None:
    data = tokens(carry=carry, weighted=weighted)
    expected, losses = by_hand(data, 0.3)
    flat, totals = initial_values(spec(), 1), Totals()
    TorchEngine(spec(), flat, SGD).train(data, data.order(0), [0.3] * 3, totals, 0)
    np.testing.assert_allclose(flat, expected, rtol=0, atol=1e-5)
    counts = [7, 10, 10]
    assert totals.rows == sum(counts), "the steps with a target"
    assert totals.loss == pytest.approx(np.dot(losses, counts), rel=1e-5)


def test_a_carried_state_starts_anew_with_each_epoch_and_outlives_a_checkpoint() -> None:
    data = tokens(carry=True)
    rows = data.order(0)
    whole, flat = initial_values(spec(), 1), initial_values(spec(), 1)
    two_epochs = TorchEngine(spec(), whole, SGD)
    for _ in range(2):
        two_epochs.train(data, rows, [0.3] * 3, Totals(), 0)
    engine = TorchEngine(spec(), flat, SGD)
    engine.train(data, rows, [0.3] * 3, Totals(), 0)
    for i in range(3):
        state = engine.state()
        assert ("carried.1" in state) == data.carry
        engine = TorchEngine(spec(), flat, SGD)
        engine.load_state(state)
        engine.train(data, rows[i : i + 1], [0.3], Totals(), i)
    assert flat.tobytes() == whole.tobytes()
    anew = initial_values(spec(), 1)
    for _ in range(2):
        TorchEngine(spec(), anew, SGD).train(data, rows, [0.3] * 3, Totals(), 0)
    assert anew.tobytes() == whole.tobytes(), "an epoch begins with zeros"
    cut = initial_values(spec(), 1)
    engine = TorchEngine(spec(), cut, SGD)
    for i in range(3):
        engine.train(data, rows[i : i + 1], [0.3], Totals(), 0)
    assert cut.tobytes() != whole.tobytes(), "start=0 forgets the state"


def test_evaluate_counts_steps_by_weight_and_carries() -> None:
    losses = []
    for carry in (False, True):
        data = tokens(carry=carry, weighted=True)
        flat = initial_values(spec(), 1)
        module: Any = ManyToMany(spec(), flat)
        state, loss_sum, weight_sum = None, 0.0, 0.0
        for batch in data:
            scores, state = module(torch.from_numpy(batch.x), None, state if carry else None)
            assert batch.weight is not None
            for t, n in zip(*np.nonzero(batch.y != -1), strict=True):
                loss = -scores[t, n].log_softmax(0)[batch.y[t, n]].item()
                loss_sum += loss * batch.weight[t, n]
                weight_sum += batch.weight[t, n]
        found = TorchEngine(spec(), flat).evaluate(data)
        assert found == pytest.approx(loss_sum / weight_sum, rel=1e-5)
        losses.append(found)
    assert losses[0] != losses[1]


def test_predict_gives_an_output_for_each_valid_step() -> None:
    cuts = Sequences(np.arange(10) % V, np.array([0, 3, 4]), np.array([3, 1, 5]))
    data = Batches(cuts, batch_size=2)
    flat = initial_values(spec(), 1)
    for rows, output in predict(spec(), flat, data):
        alone = [ManyToMany(spec(), flat)(torch.from_numpy(cuts[i])[:, None])[0] for i in rows]
        expected = torch.cat(alone)[:, 0].detach().numpy()
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-6)


def test_predict_gives_an_output_a_step() -> None:
    data = tokens()
    flat = initial_values(spec(), 1)
    for rows, output in predict(spec(), flat, data):
        expected = ManyToMany(spec(), flat)(torch.from_numpy(data.batch(rows).x))[0]
        by_row = expected.detach().numpy().swapaxes(0, 1).reshape(-1, V)
        np.testing.assert_allclose(output, by_row, rtol=0, atol=1e-6)
        assert output.shape == (T * len(rows), V)


def test_data_without_a_single_target_have_no_loss() -> None:
    data = tokens()
    assert data.y is not None
    data.y[:] = -1
    flat = initial_values(spec(), 1)
    engine, totals = TorchEngine(spec(), flat, SGD), Totals()
    engine.train(data, data.order(0), [0.3] * 3, totals, 0)
    assert totals == Totals(), "no row counts, and the gradient is zero"
    np.testing.assert_array_equal(flat, initial_values(spec(), 1))
    with pytest.raises(ValueError, match="all of them are missing"):
        engine.evaluate(data)
