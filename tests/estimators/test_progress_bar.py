from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from unrolled import FeedForwardRegressor
from unrolled.estimators import progress_bar
from unrolled.estimators.progress_bar import Train, watch
from unrolled.training.history import Record
from unrolled.training.loop import Tell

X = np.random.default_rng(0).normal(size=(9, 2))
ENGINE = "kernels (engine='auto': they can), 2 threads"


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(progress_bar, "time", fake)
    return fake


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def records(
    clock: FakeTime, seconds: float, many: int, valid: float | None = None
) -> Iterator[Record]:
    for epoch in range(1, many + 1):
        clock.now += seconds
        yield Record(
            epoch=epoch,
            train_loss=1.0 / epoch,
            valid_loss=valid,
            gradient_norm=1.0,
            learning_rate=0.1,
            seconds=seconds,
        )


def training(*arguments: Any, **options: Any) -> Train:
    return lambda tell: records(*arguments, **options)


def slow_epochs(clock: FakeTime, seconds: float, num_batches: int = 100) -> Train:
    """Two epochs that tell of every batch."""

    def train(tell: Tell | None) -> Iterator[Record]:
        assert tell is not None
        for record in records(clock, 0.0, 2):
            for done in range(1, num_batches + 1):
                clock.now += seconds / num_batches
                tell(record["epoch"] - 1, done, num_batches)
            yield record

    return train


def fit(verbose: Any) -> None:
    FeedForwardRegressor(max_epochs=3, verbose=verbose, random_state=0).fit(X, X[:, 0])


def test_true_prints_the_losses_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    fit(True)
    out, err = capsys.readouterr()
    assert out == ""
    told, *lines = err.splitlines()
    assert re.fullmatch(r"engine: (kernels|torch) \(engine='auto': .+\), .+ threads?.*", told)
    assert re.fullmatch(r"epoch 1/3  train loss [0-9.e-]+", lines[0])
    assert lines[-1].startswith("epoch 3/3  train loss ")


@pytest.mark.parametrize("verbose", [False, "auto"])
def test_false_and_auto_are_quiet_in_a_pipe(
    verbose: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(verbose)
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_a_line_every_two_seconds_and_the_last(
    clock: FakeTime, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(training(clock, 0.5, 10, valid=0.25), 20, True, ENGINE)
    told, *lines = capsys.readouterr().err.splitlines()
    assert told == f"engine: {ENGINE}"
    assert [line.split()[1] for line in lines] == ["1/20", "5/20", "9/20", "10/20"]
    assert lines[0] == "epoch 1/20  train loss 1  valid loss 0.25"


def test_the_last_line_comes_once(clock: FakeTime, capsys: pytest.CaptureFixture[str]) -> None:
    watch(training(clock, 3.0, 2), 2, True, ENGINE)
    assert len(capsys.readouterr().err.splitlines()) == 3
    watch(lambda tell: iter(()), 2, True, ENGINE)
    assert capsys.readouterr().err == f"engine: {ENGINE}\n"


@pytest.mark.parametrize("verbose", [True, "auto"])
def test_a_terminal_gets_a_bar(
    verbose: Any, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    watch(training(clock, 0.4, 5, valid=0.5), 5, verbose, ENGINE)
    assert f"engine: {ENGINE}" in terminal.getvalue().replace("\n", " ")
    assert "5/5" in terminal.getvalue()
    assert "train loss 0.2" in terminal.getvalue()
    assert "valid loss 0.5" in terminal.getvalue()


def test_a_quick_fit_shows_no_bar(clock: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    seen = list(records(clock, 0.01, 5))
    watch(lambda tell: iter(seen), 5, True, ENGINE)
    assert terminal.getvalue() == ""


def test_the_bar_moves_inside_a_long_epoch(
    clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    drawn: list[tuple[Any, ...]] = []

    def update(self: Any, task: Any, **fields: Any) -> None:
        names = ("completed", "epoch", "batch", "description")
        drawn.append((clock.now, *(fields[name] for name in names)))

    monkeypatch.setattr("rich.progress.Progress.update", update)
    watch(slow_epochs(clock, 4.0), 2, "auto", ENGINE)
    assert drawn[0][0] == pytest.approx(0.52), "a short fit shows nothing"
    assert 50 < len(drawn) < 10 * 8, "at most ten times a second"
    assert drawn[0][1:] == (pytest.approx(0.13), 1, "batch 13/100", "")
    assert (4.0, 1, 1, "", "train loss 1") in [(round(at, 6), *rest) for at, *rest in drawn]
    inside = [tuple(rest) for at, *rest in drawn if 4.001 < at < 7.999]
    assert all(1.0 < completed < 2.0 and epoch == 2 for completed, epoch, *_ in inside)
    assert drawn[-1][1:] == (2, 2, "", "train loss 0.5")


def test_a_log_gets_a_line_inside_an_epoch_that_takes_long(
    clock: FakeTime, capsys: pytest.CaptureFixture[str]
) -> None:
    watch(slow_epochs(clock, 50.0), 2, True, ENGINE)
    assert capsys.readouterr().err.splitlines()[1:] == [
        "epoch 1/2  batch 40/100",
        "epoch 1/2  batch 80/100",
        "epoch 1/2  train loss 1",
        "epoch 2/2  batch 40/100",
        "epoch 2/2  batch 80/100",
        "epoch 2/2  train loss 0.5",
    ]


def test_a_log_needs_nothing_that_draws() -> None:
    program = (
        "import sys\nfrom unrolled import FeedForwardRegressor\n"
        "FeedForwardRegressor(max_epochs=2, verbose=True).fit([[1.0], [2.0]], [1.0, 2.0])\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'rich']"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("stream", ["terminal", "pipe"])
def test_false_asks_for_no_batches(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", {"terminal": Terminal(), "pipe": io.StringIO()}[stream])
    asked: list[Tell | None] = []

    def train(tell: Tell | None) -> Iterator[Record]:
        asked.append(tell)
        return iter(())

    watch(train, 2, False, ENGINE)
    assert asked == [None]


@pytest.mark.parametrize("verbose", [True, False, "auto"])
@pytest.mark.parametrize("stream", ["terminal", "pipe", "none"])
def test_every_record_is_fetched_and_errors_pass_through(
    verbose: Any,
    stream: str,
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    streams = {"terminal": Terminal(), "pipe": io.StringIO(), "none": None}
    monkeypatch.setattr(sys, "stderr", streams[stream])
    fetched = []

    def breaks() -> Iterator[Record]:
        for record in records(clock, 0.3, 6):
            fetched.append(record["epoch"])
            yield record
        raise FloatingPointError("the end")

    with pytest.raises(FloatingPointError, match="the end"):
        watch(lambda tell: breaks(), 6, verbose, ENGINE)
    assert fetched == [1, 2, 3, 4, 5, 6]
    assert capsys.readouterr().out == "", "never on standard output"
