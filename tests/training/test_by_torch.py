from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled.data.batches import Batch, Batches
from unrolled.data.sequences import as_sequences
from unrolled.models import ManyToOne, OneToOne
from unrolled.runtime.spec import Dense, Recurrent, Spec, initial_values
from unrolled.training.by_torch import (
    TorchEngine,
    build,
    hidden_states,
    predict,
)
from unrolled.training.loop import DivergedError
from unrolled.training.plan import Optimizer
from unrolled.training.progress import Totals

SEQUENCES = Spec(
    input_size=2,
    output_size=3,
    head="class",
    recurrent=Recurrent("gru", 5, num_layers=2, bidirectional=True),
    pooling="mean",
)
TABLE = Spec(input_size=4, output_size=2, head="point", hidden=(Dense(6), Dense(3, "tanh")))
ALL = slice(0, None)
RATES = [0.03, 0.02, 0.05, 0.01, 0.03, 0.04]

OPTIMIZERS = [
    Optimizer("adam", clip_norm=0.3),
    Optimizer("adam", weight_decay=0.1),
    Optimizer("adamw", weight_decay=0.1, clip_norm=0.3),
    Optimizer("sgd", momentum=0.9, weight_decay=0.05, clip_norm=0.3),
    Optimizer("sgd", momentum=0.0, clip_norm=None),
    Optimizer("rmsprop", weight_decay=0.1, clip_norm=0.3),
]


def batches(spec: Spec, *, weighted: bool = True) -> Batches:
    """Six batches of 4 rows or less, ragged, with unequal weights."""
    rng = np.random.default_rng(0)
    N = 22
    inputs: Any = rng.normal(size=(N, spec.input_size)).astype(np.float32)
    if spec.recurrent is not None:
        lengths = rng.integers(1, 7, N)
        inputs = as_sequences(
            [rng.normal(size=(T, spec.input_size)).astype(np.float32) for T in lengths]
        )
    if spec.embedding_size:
        tokens = rng.integers(0, spec.input_size, len(inputs.values))
        inputs = inputs.with_values(tokens)
    y: Any = rng.integers(0, spec.output_size, N)
    if spec.head == "point":
        y = rng.normal(size=(N, spec.output_size)).astype(np.float32)
    weight = rng.uniform(0.2, 3.0, N).astype(np.float32) if weighted else None
    return Batches(inputs, y, weight, batch_size=4)


def train(engine: TorchEngine, data: Batches, totals: Totals, part: slice = ALL) -> None:
    """One step a batch of an epoch, or of a part of it."""
    engine.train(data, data.order(0)[part], RATES[part], totals, part.start)


def tensors(batch: Batch) -> Iterator[torch.Tensor | None]:
    for array in (batch.x, batch.lengths, batch.y, batch.weight):
        yield None if array is None else torch.from_numpy(array)


def losses_by_hand(spec: Spec, y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if spec.head == "class":
        return -torch.log_softmax(y, dim=1)[torch.arange(len(y)), target]
    return ((y - target) ** 2).mean(dim=1)


def train_by_hand(
    spec: Spec, settings: Optimizer, data: Batches
) -> tuple[np.ndarray, list[float], list[float]]:
    """The loop that every tutorial has, over a module of its own: weights, losses and norms."""
    module: Any = build(spec, initial_values(spec, 1))
    kinds = {
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "sgd": torch.optim.SGD,
        "rmsprop": torch.optim.RMSprop,
    }
    more = {"momentum": settings.momentum} if settings.name == "sgd" else {}
    optimizer = kinds[settings.name](
        module.parameters(), lr=1.0, weight_decay=settings.weight_decay, **more
    )
    losses, norms = [], []
    for batch, rate in zip(data, RATES, strict=True):
        x, lengths, target, weight = tensors(batch)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        each = losses_by_hand(spec, module(x, lengths)[0], target)
        loss = each.mean() if weight is None else (weight * each).mean()
        loss.backward()
        most = math.inf if settings.clip_norm is None else settings.clip_norm
        norms.append(torch.nn.utils.clip_grad_norm_(module.parameters(), most).item())
        optimizer.step()
        losses.append(loss.item())
    whole = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    return whole, losses, norms


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=lambda s: f"{s.name}-{s.clip_norm}")
@pytest.mark.parametrize("spec", [SEQUENCES, TABLE], ids=["sequences", "table"])
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
def test_steps_are_those_of_a_hand_written_loop(
    spec: Spec, settings: Optimizer, weighted: bool
) -> None:
    data = batches(spec, weighted=weighted)
    expected, losses, norms = train_by_hand(spec, settings, data)
    flat = initial_values(spec, 1)
    totals = Totals()
    train(TorchEngine(spec, flat, settings), data, totals)
    moved = np.abs(expected - initial_values(spec, 1)).max()
    assert moved > 0.005
    np.testing.assert_allclose(flat, expected, rtol=0, atol=1e-5 + 1e-4 * moved)
    rows = [len(batch.y) for batch in data]  # type: ignore[arg-type]
    assert totals.loss / totals.rows == pytest.approx(np.average(losses, weights=rows), rel=1e-4)
    assert totals.gradient_norm == pytest.approx(max(norms), rel=1e-3)
    if settings.clip_norm is not None and settings.clip_norm < 1:
        assert max(norms) > settings.clip_norm, "clipping must have acted"


def test_the_module_and_the_array_stay_one() -> None:
    flat = initial_values(SEQUENCES, 1)
    engine = TorchEngine(SEQUENCES, flat)
    train(engine, batches(SEQUENCES), Totals())
    whole = np.concatenate([p.detach().numpy().ravel() for p in engine.module.parameters()])
    np.testing.assert_array_equal(whole, flat)


WITH_DROPOUT = [
    replace(SEQUENCES, recurrent=Recurrent("gru", 5, num_layers=2, dropout=0.3)),
    replace(SEQUENCES, head_dropout=0.3),
    replace(TABLE, hidden_dropout=0.3),
    replace(SEQUENCES, recurrent=Recurrent("gru", 5, weight_dropout=0.3)),
    replace(SEQUENCES, input_dropout=0.3, locked_dropout=True),
    replace(SEQUENCES, input_size=7, embedding_size=4, embedding_dropout=0.3),
    replace(SEQUENCES, input_size=7, embedding_size=4, symbol_dropout=0.3),
]


@pytest.mark.parametrize("spec", WITH_DROPOUT)
def test_dropout_depends_on_its_own_seed_alone(spec: Spec) -> None:
    results = []
    for seed, global_seed in ((3, 0), (3, 1), (4, 0)):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        flat = initial_values(spec, 1)
        engine = TorchEngine(spec, flat, seed=seed)
        train(engine, batches(spec), Totals())
        assert torch.equal(torch.get_rng_state(), before), "torch's own numbers are left alone"
        results.append(flat)
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_torch_random_numbers_are_put_back_after_an_error() -> None:
    spec = WITH_DROPOUT[2]
    before = torch.get_rng_state()
    engine = TorchEngine(spec, np.full(spec.num_parameters, np.nan, np.float32))
    with pytest.raises(DivergedError):
        train(engine, batches(spec), Totals())
    assert torch.equal(torch.get_rng_state(), before)


def test_each_step_drops_other_units() -> None:
    """The same rows twice at rate 0 give two losses."""
    spec = WITH_DROPOUT[2]
    engine = TorchEngine(spec, initial_values(spec, 1))
    data = batches(spec)
    found = []
    for _ in range(2):
        totals = Totals()
        engine.train(data, data.order(0)[:1], [0.0], totals, 0)
        found.append(totals.loss)
    assert found[0] != found[1]


def test_which_specs_draw_numbers() -> None:
    assert all(spec.draws for spec in WITH_DROPOUT)
    assert not any(spec.draws for spec in (SEQUENCES, TABLE))
    assert not Spec(2, 1, "point", hidden_dropout=0.5).draws, "no layer to drop"


@pytest.mark.parametrize("settings", OPTIMIZERS[1:], ids=lambda s: f"{s.name}-{s.momentum}")
@pytest.mark.parametrize("cut", [0, 1, 4])
def test_a_state_goes_on_to_the_same_bits(settings: Optimizer, cut: int) -> None:
    spec = replace(WITH_DROPOUT[0], head_dropout=0.2)
    data = batches(spec)
    whole = initial_values(spec, 1)
    in_one = Totals()
    train(TorchEngine(spec, whole, settings, seed=2), data, in_one)

    first = initial_values(spec, 1)
    engine = TorchEngine(spec, first, settings, seed=2)
    in_two = Totals()
    train(engine, data, in_two, slice(0, cut))
    state = engine.state()
    before = {name: value.copy() for name, value in state.items()}
    second = first.copy()
    again = TorchEngine(spec, second, settings, seed=99)
    again.load_state(state)
    train(engine, data, Totals(), slice(cut, None))
    train(again, data, in_two, slice(cut, None))
    assert second.tobytes() == whole.tobytes()
    assert first.tobytes() == whole.tobytes()
    for name, value in state.items():
        np.testing.assert_array_equal(value, before[name], "a state is a copy")
    assert in_two == in_one
    for name, value in again.state().items():
        np.testing.assert_array_equal(value, engine.state()[name])
        assert isinstance(value, np.ndarray)


def test_a_state_of_another_optimizer_or_size_is_refused() -> None:
    flat = initial_values(TABLE, 1)
    state = TorchEngine(TABLE, flat, optimizer=OPTIMIZERS[0]).state()
    other = TorchEngine(TABLE, flat, optimizer=OPTIMIZERS[-1])
    with pytest.raises(ValueError, match="the optimizer rmsprop keeps"):
        other.load_state(state)
    engine = TorchEngine(TABLE, flat, optimizer=OPTIMIZERS[0])
    for name in state:
        with pytest.raises(ValueError, match=r"adam keeps|random numbers"):
            engine.load_state({key: value for key, value in state.items() if key != name})
    short = {**state, "adam.exp_avg": state["adam.exp_avg"][:-1]}
    with pytest.raises(ValueError, match="adam keeps"):
        engine.load_state(short)


def test_an_optimizer_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"optimizer must be one of adam, .*'lion'"):
        TorchEngine(TABLE, initial_values(TABLE, 1), optimizer=Optimizer("lion"))


@pytest.mark.parametrize("spec", [WITH_DROPOUT[0], WITH_DROPOUT[2]])
def test_evaluate_is_the_mean_by_weight_without_dropout(spec: Spec) -> None:
    flat = initial_values(spec, 1)
    engine = TorchEngine(spec, flat)
    data = batches(spec)
    losses, weights = [], []
    module: Any = build(spec, flat).eval()
    for batch in data:
        x, lengths, target, weight = tensors(batch)
        assert target is not None
        assert weight is not None
        losses.append(losses_by_hand(spec, module(x, lengths)[0], target).detach().numpy())
        weights.append(weight.numpy())
    expected = np.average(np.concatenate(losses), weights=np.concatenate(weights))
    before = flat.copy()
    assert engine.evaluate(data) == pytest.approx(expected, rel=1e-5)
    assert engine.evaluate(data) == engine.evaluate(data)
    np.testing.assert_array_equal(flat, before)
    plain = replace(data, weight=None)
    assert engine.evaluate(plain) == pytest.approx(np.concatenate(losses).mean(), rel=1e-5)


def test_evaluating_between_steps_changes_no_bit() -> None:
    spec = WITH_DROPOUT[0]
    data = batches(spec)
    results = []
    for watched in (False, True):
        flat = initial_values(spec, 1)
        engine = TorchEngine(spec, flat, seed=1)
        for i in range(len(data)):
            train(engine, data, Totals(), slice(i, i + 1))
            if watched:
                engine.evaluate(data)
        results.append(flat)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(("where", "bad"), [("x", np.nan), ("x", np.inf), ("y", np.inf)])
def test_a_batch_that_diverges_is_named_and_not_stepped(where: str, bad: float) -> None:
    data = batches(TABLE)
    row = data.order(0)[3][0]
    {"x": data.inputs, "y": data.y}[where][row, 0] = bad  # type: ignore[index]
    flat, expected = initial_values(TABLE, 1), initial_values(TABLE, 1)
    train(TorchEngine(TABLE, expected), data, Totals(), slice(0, 3))
    with pytest.raises(DivergedError) as error:
        train(TorchEngine(TABLE, flat), data, Totals())
    assert error.value.batch == 3
    np.testing.assert_array_equal(flat, expected)


def test_training_works_inside_no_grad() -> None:
    flat, expected = initial_values(TABLE, 1), initial_values(TABLE, 1)
    train(TorchEngine(TABLE, expected), batches(TABLE), Totals())
    with torch.no_grad():
        train(TorchEngine(TABLE, flat), batches(TABLE), Totals())
    np.testing.assert_array_equal(flat, expected)


def test_a_batch_without_targets_has_no_loss() -> None:
    engine = TorchEngine(TABLE, initial_values(TABLE, 1))
    with pytest.raises(ValueError, match="without targets"):
        train(engine, Batches(np.zeros((24, 4), np.float32), batch_size=4), Totals())


@pytest.mark.parametrize("spec", [*WITH_DROPOUT, SEQUENCES, TABLE])
@pytest.mark.parametrize("writeable", [True, False])
def test_predict_gives_raw_outputs_without_dropout(spec: Spec, writeable: bool) -> None:
    flat = initial_values(spec, 1)
    module: Any = build(spec, flat.copy()).eval()
    flat.setflags(write=writeable)
    data = batches(spec)
    for rows, output in predict(spec, flat, data):
        x, lengths, *_ = tensors(data.batch(rows))
        expected = module(x, lengths)[0].detach().numpy()
        np.testing.assert_allclose(output, expected, rtol=0, atol=1e-6)


def test_hidden_states_are_those_of_the_last_layer() -> None:
    flat = initial_values(SEQUENCES, 1)
    flat.setflags(write=False)
    module = ManyToOne(SEQUENCES, flat.copy())
    data = batches(SEQUENCES)
    for rows, states in hidden_states(SEQUENCES, flat, data):
        x, lengths, *_ = tensors(data.batch(rows))
        assert x is not None
        expected = module.recurrent(x, lengths=lengths)[0].detach().numpy()
        np.testing.assert_array_equal(states, expected)


def test_a_spec_builds_its_own_kind_of_model() -> None:
    assert isinstance(build(SEQUENCES, initial_values(SEQUENCES, 0)), ManyToOne)
    assert isinstance(build(TABLE, initial_values(TABLE, 0)), OneToOne)


def test_losses_by_hand_are_those_of_torch() -> None:
    """The oracle above, checked against torch's functions."""
    y, target = torch.randn(5, 3), torch.randint(3, (5,))
    torch.testing.assert_close(
        losses_by_hand(SEQUENCES, y, target), F.cross_entropy(y, target, reduction="none")
    )


def test_engines_with_dropout_in_several_threads_give_the_bits_of_one() -> None:
    spec = replace(SEQUENCES, head_dropout=0.3)
    before = torch.get_rng_state()

    def trained(_: int) -> bytes:
        flat = initial_values(spec, 1)
        engine = TorchEngine(spec, flat, seed=3)
        for _ in range(10):
            train(engine, batches(spec), Totals())
        return flat.tobytes()

    expected = trained(0)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(trained, range(4))) == {expected}
    assert torch.equal(torch.get_rng_state(), before)
