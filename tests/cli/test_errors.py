"""Errors are one line and an exit code; tracebacks come only when they are asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unrolled import SequenceClassifier, SequenceRegressor, load
from unrolled.cli import main
from unrolled.cli.errors import sentence
from unrolled.data import table_files

Run = Callable[[str], Any]
PROGRAM = "import sys; from unrolled.cli import main; main(sys.argv[1:])"


def start(*arguments: str, program: str = PROGRAM) -> subprocess.Popen[str]:
    """`unrolled` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of Python, without columns, and some that predict numbers."""
    folder = tmp_path_factory.mktemp("models")
    own = SequenceClassifier(hidden_size=2, max_epochs=1).fit(np.eye(4), [0, 1, 0, 1])
    own.save(folder / "python")
    table = {
        "layout": {"kind": "wide", "target": "y", "columns": ["a", "b"], "id": "id", "time": None},
        "guess": [0.5],
        "steps": [2, 2],
    }
    model = SequenceRegressor(hidden_size=2, max_epochs=1).fit(np.eye(2), [0.0, 1.0])
    model.save(folder / "numbers", table=table)
    model.save(folder / "odd layout", table={**table, "layout": None})
    model.save(folder / "odd guess", table={**table, "guess": ["x"]})
    model.save(folder / "odd steps", table={**table, "steps": [1]})
    return folder


@pytest.fixture
def models(folder: Path, made: Path) -> None:
    """The models in the working folder, and files for them."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    pl.DataFrame({"a": [0.1, 0.2], "b": [1.0, 2.0], "y": [1.0, 2.0]}).write_csv("ab.csv")
    pl.DataFrame({"id": [1, 2], "a": [0.1, 0.2], "b": [1.0, 2.0]}).write_csv("id.csv")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("predict gone new.csv", "gone is no saved model that can be read: there is nothing at"),
        ("predict train.csv new.csv", "train.csv is no saved model that can be read: it is a file"),
        ("predict numbers gone.csv", "gone.csv is not a file"),
        ("predict numbers readme.md", "readme.md must end in .csv, .tsv or .parquet"),
        ("predict numbers new.csv", "new.csv has no column 'a'; its first line names 't0', 't1'"),
        ("predict numbers ab.csv --probabilities", "numbers predicts numbers; --probabilities are"),
        ("predict python new.csv", "python was not trained by the command line and does not say"),
        ("plot python new.csv", "python was not trained by the command line and does not say"),
        ("predict 'odd layout' ab.csv", "odd layout does not say as it should which columns to"),
        ("predict 'odd guess' ab.csv", "odd guess does not say as it should what a plain guess is"),
        ("predict 'odd steps' ab.csv", "odd steps does not say as it should how long its"),
        (
            "evaluate numbers id.csv",
            "id.csv has no column 'y'; its first line names 'id', 'a', 'b'",
        ),
        ("evaluate numbers ab.csv --target z", "ab.csv has no column 'z'"),
        ("plot numbers ab.csv --row 2", "--row 2 is not there, ab.csv has 2, counted from 0"),
        ("plot gone", "gone is no saved model that can be read"),
        ("predict numbers ab.csv --out train.csv/p.csv", "train.csv: is a file, so p.csv cannot"),
        ("plot numbers --out train.csv", "train.csv: is a file, so learning_curve.png cannot"),
    ],
)
def test_one_line_each(run: Run, models: None, line: str, words: str) -> None:
    done = run(line)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert words in done.said
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("predict numbers", "Missing argument"),
        ("predict numbers ab.csv --out p.json", "--out p.json must end in .csv, .tsv, .parquet"),
        ("predict numbers ab.csv --out ab.csv", "--out ab.csv is DATA itself, which is not repl"),
        ("plot numbers --row 1", "--row needs DATA, whose row it is"),
        ("plot numbers ab.csv --row -1", "Invalid value for '--row'"),
        ("paint numbers", "No such command 'paint'"),
    ],
)
def test_wrong_usage(run: Run, models: None, line: str, words: str) -> None:
    done = run(line)
    assert (done.code, done.out) == (2, "")
    assert words in done.said


def test_name_of_the_rows_that_is_taken(run: Run, models: None) -> None:
    table = pl.read_csv("id.csv").rename({"id": "prediction"})
    table.write_csv("taken.csv")
    model = load("numbers")
    model.table_["layout"]["id"] = "prediction"
    model.save("taken")
    done = run("predict taken taken.csv")
    assert done.said == (
        "error: the column 'prediction' names the rows, and would be written twice"
    )


def test_predictions_are_written_whole_or_not_at_all(
    run: Run, models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("p.csv").write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    done = run("predict numbers ab.csv --out p.csv")
    assert (done.code, done.err) == (1, "error: No space left on device\n")
    assert Path("p.csv").read_text() == "old"
    assert not list(Path().glob(".p.csv*"))


def test_traceback_when_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_TRACEBACK", "1")
    with pytest.raises(ValueError, match="gone is no saved model"):
        main(["predict", "gone", "train.csv"])


def test_faults_of_the_program_are_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Any) -> Any:
        raise KeyError("a fault")

    monkeypatch.setattr("unrolled.cli.text_models.load", broken)
    with pytest.raises(KeyError, match="a fault"):
        main(["predict", "model", "train.csv"])


def test_warnings_are_one_line(run: Run, models: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read = table_files.read

    def warn(path: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn("the data\nlook odd", stacklevel=1)
        return read(path)

    monkeypatch.setattr(table_files, "read", warn)
    done = run("predict numbers ab.csv")
    assert (done.code, done.err) == (0, "warning: the data look odd\n")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("two\n lines."), "two lines"),
        (ValueError(), "ValueError"),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), "x.csv: No such file or dir"),
        (FileNotFoundError("x.csv is not a file"), "x.csv is not a file"),
        (MemoryError(), "there is not enough memory for this"),
        (ModuleNotFoundError("torch is missing: pip install it", name="torch"), "torch is missing"),
    ],
)
def test_sentence(error: BaseException, words: str) -> None:
    assert sentence(error).startswith(words)
    assert "\n" not in sentence(error)


def test_process_without_traceback(folder: Path) -> None:
    done = start("predict", "gone", "train.csv")
    words = "error: gone is no saved model that can be read: there is nothing at this path\n"
    assert done.communicate() == ("", words)
    assert done.returncode == 1


def test_process_without_torch(folder: Path) -> None:
    program = f"import sys; sys.modules['torch'] = None; {PROGRAM[len('import sys; ') :]}"
    asked = ("--engine", "torch", "--out", "by-torch")
    done = start("train", "classify", "train.csv", "--target", "label", *asked, program=program)
    out, err = done.communicate()
    assert (done.returncode, out) == (1, "")
    assert err.startswith("error: engine='torch' needs PyTorch")
    assert "pip install 'unrolled[torch]'" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
@pytest.mark.parametrize("command", ["--help", "doctor"])
def test_process_whose_reader_has_gone(command: str) -> None:
    late = "import sys, time; sys.modules['torch'] = None; time.sleep(0.2); "
    done = start(command, program=late + PROGRAM)
    assert done.stdout is not None
    assert done.stderr is not None
    done.stdout.close()
    assert done.stderr.read() == ""
    assert done.wait() == 1
    done.stderr.close()
