"""What is special to `unrolled train`: test rows, resuming, folders, and how little it may say."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import unrolled
from unrolled.estimators import checkpoints
from unrolled.estimators.base import Network

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
SMALL = "--hidden-size 4 --max-epochs 3 --random-state 0"
TRAIN = f"train classify train.csv --target label --out model {SMALL}"


def scores(printed: str) -> dict[str, list[float]]:
    """The table of scores by name."""
    table = printed.split("\n\n")[-1].splitlines()[2:]
    return {line.split()[0]: [float(word) for word in line.split()[1:]] for line in table}


def test_scores_stand_beside_a_plain_guess(succeed: Succeed) -> None:
    found = scores(succeed(f"{TRAIN} --test test.csv"))
    train, test = (pl.read_csv(f"{name}.csv")["label"] for name in ("train", "test"))
    shares = train.value_counts(sort=True)
    majority, share = shares["label"][0], shares["count"][0] / len(train)
    model = unrolled.load("model")
    for name, score in model.evaluate(
        np.array(pl.read_csv("test.csv").drop("label")), test
    ).items():
        assert found[name][1] == pytest.approx(score, abs=5e-5)
    assert found["accuracy"][2] == pytest.approx((test == majority).mean(), abs=5e-5)
    entropy = -np.where(test == majority, np.log(share), np.log(1 - share)).mean()
    assert found["log_loss"][2] == pytest.approx(entropy, abs=5e-5)


def test_without_test_rows_the_training_rows_are_scored(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --validation-fraction 0.2 --patience 3")
    assert "training rows   always " in told
    assert ", lowest validation loss " in told
    assert "kernels (engine='auto'" in told


def test_held_out_rows_are_the_same_each_time_and_not_trained_on(
    succeed: Succeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    fit = Network.fit

    def watch(self: Any, X: Any, y: Any, **rest: Any) -> Any:
        seen.append(X.values[X.starts].ravel().tolist())
        return fit(self, X, y, **rest)

    monkeypatch.setattr(Network, "fit", watch)
    line = (
        "train classify train.csv --target label --hidden-size 4 --max-epochs 1 --test-fraction 0.2"
    )
    told = succeed(f"{line} --out a")
    succeed(f"{line} --out b")
    succeed(f"{line} --out c --random-state 5")
    assert "test      train.csv, 6 rows held out" in told
    assert "24 sequences" in told
    assert len(seen[0]) == 24
    assert seen[0] == seen[1] != seen[2]


def test_class_of_test_rows_alone(run: Run) -> None:
    pl.read_csv("test.csv").with_columns(label=pl.lit("sideways")).write_csv("odd.csv")
    done = run(f"{TRAIN} --test odd.csv")
    assert done.code == 1
    assert done.said == (
        "error: the label 'sideways' is among the rows of odd.csv to test on, and not among "
        "those to train on"
    )
    assert not Path("model").exists()


def test_one_class(run: Run) -> None:
    pl.read_csv("train.csv").with_columns(label=pl.lit("up")).write_csv("one.csv")
    done = run(f"train classify one.csv --target label --out model {SMALL}")
    assert done.code == 1
    assert done.said == (
        "error: the rows of one.csv to train on have the label 'up' alone; a classifier needs two"
    )


def test_going_on_ends_with_the_same_bits(
    succeed: Succeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "train classify train.csv --target label --hidden-size 4 --max-epochs 4 -q"
    kept = []
    save = checkpoints.save_checkpoint

    def keep(path: Any, *rest: Any) -> None:
        save(path, *rest)
        kept.append(Path(path).read_bytes())

    monkeypatch.setattr(checkpoints, "save_checkpoint", keep)
    succeed(f"{line} --out whole --checkpoint run --checkpoint-epochs 1 --checkpoint-seconds none")
    assert len(kept) == 4
    Path("half").write_bytes(kept[1])
    succeed(f"{line} --out again --resume-from half")
    whole, again = unrolled.load("whole"), unrolled.load("again")
    np.testing.assert_array_equal(whole.weights_, again.weights_)


def test_interruption_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Any, *_: Any, **__: Any) -> Any:
        if self.checkpoint is not None:
            self.checkpoint.write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "fit", stop)
    assert (run(TRAIN).code, run(TRAIN).err) == (130, "interrupted\n")
    done = run(f"{TRAIN} --checkpoint 'a run'")
    assert done.code == 130
    assert done.err == "interrupted; the same command with --resume-from 'a run' goes on\n"


def test_resuming_another_run(run: Run, succeed: Succeed) -> None:
    succeed(f"{TRAIN} --checkpoint run -q")
    done = run(f"{TRAIN} --resume-from run --cell lstm")
    assert done.code == 1
    assert done.said.startswith("error: run is of a fit with cell='gru', now 'lstm'; resume with")
    done = run(f"{TRAIN} --resume-from nothing")
    assert (done.code, done.said) == (1, "error: there is no checkpoint nothing")


def test_quiet_says_nothing(run: Run) -> None:
    done = run(f"{TRAIN} --quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_left_out_columns_are_told(succeed: Succeed) -> None:
    pl.read_csv("train.csv").with_columns(city=pl.lit("Aachen")).write_csv("named.csv")
    assert "left out  city (no numbers)\n" in succeed(
        f"train classify named.csv --target label --out model {SMALL}"
    )


def test_old_model_is_replaced(succeed: Succeed) -> None:
    succeed(f"{TRAIN} -q")
    succeed("train classify train.csv --target label --out model --max-epochs 1 --hidden-size 5 -q")
    assert unrolled.load("model").spec_.recurrent.hidden_size == 5


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("taken", "--out taken is a folder of other files; give a new one"),
        ("train.csv", "--out train.csv is a file; give a folder"),
        ("train.csv/model", "--out train.csv/model cannot be made, "),
    ],
)
def test_folder_is_checked_before_training(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, out: str, words: str
) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("all of it")
    monkeypatch.setattr(Network, "fit", None)
    done = run(f"train classify train.csv --target label --out {out}")
    assert done.code == 1
    assert done.said.startswith(f"error: {words}")
    assert os.listdir(folder / "taken") == ["thesis.txt"]


def test_folder_that_may_not_be_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    done = run("train classify train.csv --target label --out model")
    assert done.said == f"error: --out model cannot be made, {folder} is not yours to write in"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--patience 3", "--patience needs --validation-fraction, something to watch"),
        ("--test-fraction 1.5", "--test-fraction must be from 0 to below 1: 1.5"),
        ("--test-fraction 0.2 --test test.csv", "--test and --test-fraction both say"),
        ("--cell gnu", "'gnu' is not one of 'rnn', 'gru', 'lstm'"),
        ("--time t0", "--time needs --id"),
        ("--min-count 2", "--min-count needs --text"),
        ("--table --cell gru", "--cell has no effect with --table"),
        ("--class-weight sideways=2", "the label 'sideways', which is not among down, up"),
        ("--colour red", "No such option: --colour"),
    ],
)
def test_wrong_usage(run: Run, line: str, words: str) -> None:
    done = run(f"{TRAIN} {line}")
    assert done.code == 2
    assert words in done.said
    assert "Usage: unrolled train classify" in done.said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train classify gone.csv --target label --out m", "error: gone.csv is not a file"),
        (
            "train classify train.csv --target lable --out m",
            "error: train.csv has no column 'lable'",
        ),
        ("train regress train.csv --target label --out m", "error: the target column of train.csv"),
        (
            "train classify train.csv --target label --test-fraction 0.001 --out m",
            "error: --test-fraction 0.001 of 30 rows holds out none; give a larger one",
        ),
        (
            "train classify texts.tsv --target label --out m",
            "error: texts.tsv has no column of num",
        ),
    ],
)
def test_bad_data(run: Run, line: str, words: str) -> None:
    done = run(line)
    assert done.code == 1
    assert done.said.startswith(words)
    assert done.err.count("\n") == 1
    assert not Path("m").exists()


def test_diverged_training(run: Run) -> None:
    done = run(f"train regress walks.csv --target next --out m {SMALL} --learning-rate 1e38")
    assert done.code == 1
    assert done.said.startswith("error: training stopped in epoch ")
    assert not Path("m").exists()


def test_scores_as_json_are_json(succeed: Succeed) -> None:
    succeed(f"{TRAIN} -q")
    found = json.loads(succeed("evaluate model test.csv --json"))
    assert set(found) == {"rows", "scores", "guess"}
    assert set(found["scores"]) == set(found["guess"])
