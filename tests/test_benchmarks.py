"""The programs of benchmarks/ run: what they measure is read by people, not asserted here."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


LAYERS = "layers.py --samples 1 --threads 1 --peers torch.nn --quick --shapes tiny --cells gru"


@pytest.mark.torch
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("textbook.py --parts step memory --quick", "step: batch 32, 3 time steps"),
        (LAYERS, "gru tiny"),
        ("layers.py --samples 1 --threads 1 --sweep 1", "are below 1"),
        ("text.py adding --small --seeds 2", "times as fast"),
    ],
    ids=["textbook", "layers", "sweep", "text"],
)
def test_benchmark_runs(command: str, shown: str) -> None:
    check(command, shown)


def test_benchmark_of_forecasts_runs_without_torch() -> None:
    check("forecasting.py --parts update windows --quick", "10000 series")


def test_benchmark_of_memory_runs_without_torch() -> None:
    parts = "adding temporal_order copying reber"
    check(f"text.py {parts} --small --seeds 1 --no-peers", "| embedded Reber grammar, tanh RNN |")


def test_benchmark_of_texts_runs_without_torch(data_folder: Callable[[str], Path]) -> None:
    for name in ("tinyshakespeare", "ptb", "ud_english_ewt", "sst", "sentence_classification"):
        data_folder(name)
    parts = "shakespeare ptb_characters ptb_words tagging speed sst2 trec mr"
    check(f"text.py {parts} --small --seeds 1 --no-peers", "| UD English EWT, universal tags")


@pytest.mark.torch
def test_benchmark_of_texts_runs_beside_torch(data_folder: Callable[[str], Path]) -> None:
    for name in ("tinyshakespeare", "sentence_classification"):
        data_folder(name)
    check("text.py shakespeare speed mr --small --seeds 2", "times the seconds")


@pytest.mark.torch
def test_benchmark_of_translators_runs(data_folder: Callable[[str], Path]) -> None:
    for name in ("g2p_cmudict", "multi30k"):
        data_folder(name)
    check("unaligned.py cmudict multi30k beam --small", "| beam of 5, 60 sentences of Multi30k |")


@pytest.mark.torch
def test_benchmark_of_captioners_runs(data_folder: Callable[[str], Path]) -> None:
    pytest.importorskip("PIL")
    data_folder("emoji_names")
    check("unaligned.py emoji digits --small", "| digit images to words, 360 held out |")


def check(command: str, shown: str) -> None:
    script, *arguments = command.split()
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.torch
def test_a_course_is_gone_through_again_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    copying = importlib.import_module("text_bench.copying")
    learner = importlib.import_module("text_bench.learner")
    rounds = [copying.Round(3, 1.0), copying.Round(5, 0.5)]
    course = copying.Growing(5, 0.9, 9, lambda model: False, rounds)
    model = copying._model("gru", 5, 0)
    trained = learner.learn_by_torch(model, course, 0, 4, learner.Budget(20, 1.0, 2))
    assert (trained.steps, course.rounds) == (4, rounds)
