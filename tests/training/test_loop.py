from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from unrolled.data.batches import Batches
from unrolled.training import loop
from unrolled.training.loop import DivergedError, Pace, train
from unrolled.training.plan import Optimizer, Plan
from unrolled.training.progress import Progress, Totals

N = 20
DATA = Batches(
    np.arange(N, dtype=np.float32)[:, None],
    np.arange(N, dtype=np.float32)[:, None],
    batch_size=3,
    shuffle=True,
    seed=4,
)
VALIDATION = Batches(np.zeros((2, 1), np.float32))
Rows = Sequence[np.ndarray]


class FakeTime:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(loop, "time", fake)
    return fake


class FakeEngine:
    """Counts up its one weight by 1 a batch; validation losses are given beforehand."""

    def __init__(
        self,
        valid_losses: Iterable[float] = (),
        bad_step: int | None = None,
        after: Callable[[int], None] = lambda step: None,
    ) -> None:
        self.weights = np.zeros(3, np.float32)
        self.rows: list[list[int]] = []
        self.rates: list[float] = []
        self.calls: list[int] = []
        self.starts: list[int] = []
        self._valid_losses = iter(valid_losses)
        self._bad_step = bad_step
        self._after = after

    def train(
        self, data: Batches, rows: Rows, rates: Sequence[float], totals: Totals, start: int
    ) -> None:
        self.calls.append(len(rates))
        self.starts.append(start)
        for i, (chosen, rate) in enumerate(zip(rows, rates, strict=True)):
            batch = data.batch(chosen)
            if len(self.rows) == self._bad_step:
                raise DivergedError(i, math.nan, math.inf)
            assert batch.y is not None
            self.rows.append(batch.y[:, 0].astype(int).tolist())
            self.rates.append(rate)
            self.weights += 1
            totals.add(float(len(self.rows)), len(batch.y), len(self.rows) % 5)
            self._after(len(self.rows))

    def evaluate(self, data: Batches) -> float:
        assert data is VALIDATION
        return next(self._valid_losses)

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        raise NotImplementedError


def run(
    engine: FakeEngine,
    validation: Batches | None = None,
    progress: Progress | None = None,
    save: Callable[[], None] | None = None,
    max_epochs: int = 3,
    **changes: Any,
) -> Progress:
    plan = Plan(max_epochs, Optimizer(learning_rate=0.5), **changes)
    stands = progress or Progress()
    records = list(train(engine, engine.weights, DATA, validation, plan, stands, save))
    assert stands.finished
    assert records == stands.history[len(stands.history) - len(records) :]
    return stands


def test_every_epoch_sees_its_own_order_once() -> None:
    engine = FakeEngine()
    run(engine)
    assert len(engine.rows) == 3 * len(DATA)
    for epoch in range(3):
        seen = engine.rows[epoch * len(DATA) : (epoch + 1) * len(DATA)]
        assert seen == [rows.tolist() for rows in DATA.order(epoch)]
        assert sorted(itertools.chain(*seen)) == list(range(N))
    done = np.cumsum([0, *engine.calls[:-1]])
    assert engine.starts == (done % len(DATA)).tolist(), "where each slice starts in its epoch"


def test_one_record_an_epoch(clock: FakeTime) -> None:
    def tick(step: int) -> None:
        clock.now += 0.5

    engine = FakeEngine(valid_losses=[0.5, 0.25, 0.75], after=tick)
    progress = run(engine, VALIDATION, schedule="linear")
    history = progress.history
    assert [record["epoch"] for record in history] == [1, 2, 3]
    assert [record["valid_loss"] for record in history] == [0.5, 0.25, 0.75]
    sizes = [len(rows) for rows in DATA.order(0)]
    for epoch, record in enumerate(history):
        losses = np.arange(1, len(DATA) + 1) + epoch * len(DATA)
        assert record["train_loss"] == pytest.approx(np.average(losses, weights=sizes))
        assert record["gradient_norm"] == max(losses % 5)
        last = (epoch + 1) * len(DATA) - 1
        assert record["learning_rate"] == engine.rates[last]
        assert record["seconds"] == 0.5 * len(DATA)
        assert set(record) == {
            "epoch", "train_loss", "valid_loss", "gradient_norm", "learning_rate", "seconds",
        }  # fmt: skip
    assert engine.rates == pytest.approx(0.5 * (1 - np.arange(21) / 21))
    assert (engine.weights == 21).all(), "without patience the last weights stay"


def test_without_validation_there_is_no_validation_loss() -> None:
    progress = run(FakeEngine())
    assert [record["valid_loss"] for record in progress.history] == [None] * 3


def test_patience_stops_and_puts_back_the_best_weights() -> None:
    engine = FakeEngine(valid_losses=[5.0, 3.0, 4.0, 3.0, 9.0])
    progress = run(engine, VALIDATION, max_epochs=99, patience=3)
    assert len(progress.history) == 5
    assert progress.best_epoch == 2
    assert progress.best_loss == 3.0
    assert (engine.weights == 2 * len(DATA)).all()


def test_a_better_epoch_renews_patience() -> None:
    engine = FakeEngine(valid_losses=[5.0, 6.0, 4.0, 6.0, 3.0, 7.0, 8.0])
    progress = run(engine, VALIDATION, max_epochs=99, patience=2)
    assert len(progress.history) == 7
    assert (engine.weights == 5 * len(DATA)).all()


def test_the_best_weights_come_back_at_the_last_epoch_too() -> None:
    engine = FakeEngine(valid_losses=[5.0, 3.0, 4.0])
    progress = run(engine, VALIDATION, max_epochs=3, patience=50)
    assert len(progress.history) == 3
    assert (engine.weights == 2 * len(DATA)).all()


def test_the_best_weights_are_a_copy() -> None:
    engine = FakeEngine(valid_losses=[5.0, 3.0, 4.0, 5.0])
    progress = run(engine, VALIDATION, max_epochs=9, patience=2)
    assert progress.best_weights is not None
    engine.weights += 1
    assert (progress.best_weights == 2 * len(DATA)).all()


@pytest.mark.parametrize("step", [0, 1, 9, 20])
def test_what_diverges_is_told_by_epoch_and_batch(step: int) -> None:
    engine = FakeEngine(bad_step=step)
    with pytest.raises(FloatingPointError) as error:
        run(engine)
    epoch, batch = divmod(step, len(DATA))
    message = str(error.value)
    assert f"epoch {epoch + 1}, batch {batch + 1} of {len(DATA)}: the loss is nan" in message
    assert "learning_rate below 0.5" in message
    assert "\n" not in message
    assert len(engine.rows) == step


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number_stops(bad: float) -> None:
    engine = FakeEngine(valid_losses=[1.0, bad])
    with pytest.raises(FloatingPointError, match="after epoch 2: the loss of the validation data"):
        run(engine, VALIDATION, patience=5)


def test_weights_that_the_last_step_broke_are_not_returned() -> None:
    class Breaks(FakeEngine):
        def train(
            self, data: Batches, rows: Rows, rates: Sequence[float], totals: Totals, start: int
        ) -> None:
            super().train(data, rows, rates, totals, start)
            self.weights[1] = math.inf

    with pytest.raises(FloatingPointError, match="after epoch 3: its last step made weights"):
        run(Breaks())


def test_sums_do_not_depend_on_how_an_epoch_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = np.random.default_rng(0).normal(size=len(DATA)).tolist()

    class Sums(FakeEngine):
        def train(
            self, data: Batches, rows: Rows, rates: Sequence[float], totals: Totals, start: int
        ) -> None:
            for _ in zip(rows, rates, strict=True):
                totals.add(losses[len(self.rows)], 3, 0.0)
                self.rows.append([])

    found = set()
    for size in range(1, 8):

        def cut(self: Pace, start: int, stop: int, size: int = size) -> Iterable[range]:
            return (range(i, min(i + size, stop)) for i in range(start, stop, size))

        monkeypatch.setattr(Pace, "slices", cut)
        progress = run(Sums(), max_epochs=1)
        found.add(progress.history[0]["train_loss"])
    assert len(found) == 1


@pytest.mark.usefixtures("clock")
def test_slices_grow_while_they_are_quick_and_cover_the_epoch() -> None:
    parts = list(Pace().slices(3, 1000))
    assert [i for part in parts for i in part] == list(range(3, 1000))
    assert [len(part) for part in parts][:6] == [1, 2, 4, 8, 16, 32]


def test_slices_shrink_to_the_time_they_take(clock: FakeTime) -> None:
    sizes = []
    for part in Pace().slices(0, 400):
        sizes.append(len(part))
        clock.now += len(part) / 128
    # 0.2 s a slice, 1/128 s a batch: 25 batches once the pace is known.
    assert sizes[:6] == [1, 2, 4, 8, 16, 25]
    assert set(sizes[5:-1]) == {25}
    slow = []
    for part in Pace().slices(0, 5):
        slow.append(len(part))
        clock.now += len(part) * 5.0
    assert slow == [1] * 5


def test_the_next_epoch_goes_on_at_the_pace_of_the_last(clock: FakeTime) -> None:
    pace = Pace()
    sizes: list[list[int]] = []
    for _ in range(3):
        sizes.append([])
        for part in pace.slices(0, 60):
            sizes[-1].append(len(part))
            clock.now += len(part) / 128
    assert sizes == [[1, 2, 4, 8, 16, 25, 4], [25, 25, 10], [25, 25, 10]]


def test_an_epoch_without_a_single_target_is_refused() -> None:
    with pytest.raises(ValueError, match="all of them are missing"):
        Progress().close_epoch(None, 0.1, 0.0)


@pytest.mark.usefixtures("clock")
def test_checkpoints_by_time_come_between_slices() -> None:
    stands: list[tuple[int, int]] = []
    progress = Progress()
    run(
        FakeEngine(),
        progress=progress,
        save=lambda: stands.append((progress.epoch, progress.batch)),
        max_epochs=2,
        checkpoint_seconds=0.0,
    )
    last = len(DATA)
    assert stands == [(0, 1), (0, 3), (0, last), (1, last), (2, 0)]


def test_checkpoints_by_time_wait_that_long(clock: FakeTime) -> None:
    def tick(step: int) -> None:
        clock.now += 1.0

    saved: list[float] = []
    run(
        FakeEngine(after=tick),
        save=lambda: saved.append(clock.now),
        max_epochs=2,
        checkpoint_seconds=3.0,
    )
    # A second a batch makes slices of one batch; the last save is that of the end.
    assert saved == [3.0, 6.0, 9.0, 12.0, 14.0]


def test_time_between_checkpoints_counts_from_the_last_of_any_kind(clock: FakeTime) -> None:
    def tick(step: int) -> None:
        clock.now += 1.0

    saved: list[float] = []
    run(
        FakeEngine(after=tick),
        save=lambda: saved.append(clock.now),
        max_epochs=2,
        checkpoint_seconds=5.0,
        checkpoint_epochs=1,
    )
    assert saved == [5.0, 7.0, 12.0, 14.0]


def test_checkpoints_by_epoch_and_at_the_end() -> None:
    progress = Progress()
    epochs: list[int] = []
    run(
        FakeEngine(),
        progress=progress,
        save=lambda: epochs.append(progress.epoch),
        max_epochs=7,
        checkpoint_epochs=3,
    )
    assert epochs == [3, 6, 7]


def test_without_a_plan_for_it_the_end_alone_is_saved() -> None:
    progress = Progress()
    saved: list[bool] = []
    run(FakeEngine(), progress=progress, save=lambda: saved.append(progress.finished))
    assert saved == [True]


@pytest.mark.parametrize("cut", range(2 * len(DATA) + 1))
def test_a_run_goes_on_from_any_batch(cut: int) -> None:
    """A copy of what a checkpoint holds, taken between any two batches, leads to the same end."""
    whole = FakeEngine()
    expected = run(whole, max_epochs=2, schedule="cosine").history
    epoch, batch = divmod(cut, len(DATA))
    if cut and not batch:
        epoch, batch = epoch - 1, len(DATA)
    progress = Progress(epoch=epoch, batch=batch, history=expected[:epoch])
    engine = FakeEngine()
    engine.rows, engine.rates = whole.rows[:cut], whole.rates[:cut]
    for i in range(epoch * len(DATA), cut):
        progress.totals.add(float(i + 1), len(whole.rows[i]), (i + 1) % 5)
    history = run(engine, progress=progress, max_epochs=2, schedule="cosine").history
    assert engine.rows == whole.rows
    assert engine.rates == whole.rates
    for ours, theirs in zip(history, expected, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def test_seconds_count_what_was_before_the_checkpoint(clock: FakeTime) -> None:
    def tick(step: int) -> None:
        clock.now += 0.5

    clock.now = 70.0
    progress = Progress(batch=3, seconds=100.0)
    progress.totals.add(1.0, 1, 0.0)
    history = run(FakeEngine(after=tick), progress=progress, max_epochs=1).history
    assert history[0]["seconds"] == 100.0 + 0.5 * (len(DATA) - 3)


def test_a_finished_run_does_nothing() -> None:
    engine = FakeEngine()
    assert (
        list(
            train(engine, engine.weights, DATA, None, Plan(3, Optimizer()), Progress(finished=True))
        )
        == []
    )
    assert not engine.rows


@pytest.mark.usefixtures("clock")
def test_the_batches_of_an_epoch_are_told_after_every_slice() -> None:
    told: list[tuple[int, int, int]] = []
    engine = FakeEngine()
    plan = Plan(2, Optimizer())
    records = train(
        engine, engine.weights, DATA, None, plan, Progress(), None,
        lambda *stands: told.append(stands),
    )  # fmt: skip
    last = len(DATA)
    next(records)
    assert told == [(0, 1, last), (0, 3, last), (0, last, last)]
    next(records)
    assert told[3:] == [(1, last, last)]
