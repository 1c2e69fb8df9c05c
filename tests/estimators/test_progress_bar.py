from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from unrolled import FeedForwardRegressor
from unrolled.estimators import progress_bar
from unrolled.estimators.progress_bar import watch
from unrolled.training.history import Record

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
    watch(records(clock, 0.5, 10, valid=0.25), 20, True, ENGINE)
    told, *lines = capsys.readouterr().err.splitlines()
    assert told == f"engine: {ENGINE}"
    assert [line.split()[1] for line in lines] == ["1/20", "5/20", "9/20", "10/20"]
    assert lines[0] == "epoch 1/20  train loss 1  valid loss 0.25"


def test_the_last_line_comes_once(clock: FakeTime, capsys: pytest.CaptureFixture[str]) -> None:
    watch(records(clock, 3.0, 2), 2, True, ENGINE)
    assert len(capsys.readouterr().err.splitlines()) == 3
    watch(iter(()), 2, True, ENGINE)
    assert capsys.readouterr().err == f"engine: {ENGINE}\n"


@pytest.mark.parametrize("verbose", [True, "auto"])
def test_a_terminal_gets_a_bar(
    verbose: Any, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    watch(records(clock, 0.4, 5, valid=0.5), 5, verbose, ENGINE)
    assert f"engine: {ENGINE}" in terminal.getvalue().replace("\n", " ")
    assert "5/5" in terminal.getvalue()
    assert "train loss 0.2" in terminal.getvalue()
    assert "valid loss 0.5" in terminal.getvalue()


def test_a_quick_fit_shows_no_bar(clock: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    seen = list(records(clock, 0.01, 5))
    watch(iter(seen), 5, True, ENGINE)
    assert terminal.getvalue() == ""


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
        watch(breaks(), 6, verbose, ENGINE)
    assert fetched == [1, 2, 3, 4, 5, 6]
    assert capsys.readouterr().out == "", "never on standard output"
