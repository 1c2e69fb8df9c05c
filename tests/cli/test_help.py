"""`--help` and `--version`: quick, complete, and with examples that work as they are typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from unrolled.cli import EXAMPLES as FIRST
from unrolled.cli import backtest, doctor, evaluate, forecast, generate, plot, predict, train

Run = Callable[[str], Any]
QUICK = "--hidden-size 3 --max-epochs 2"
IMPORTED = """
import json, sys
from unrolled.cli import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("line", ["--help", "--version", "train --help", "predict --help"])
def test_help_imports_nothing_heavy(line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *line.split()], capture_output=True, text=True, check=True
    )
    names = {name.split(".")[0] for name in json.loads(done.stderr)}
    heavy = {"torch", "sklearn", "scipy", "numpy", "polars", "pandas", "matplotlib", "pooch"}
    assert names & heavy == set()


def test_help_is_quick() -> None:
    # Beside the help of a program of one line: how fast the machine is, and how busy, says nothing.
    of_one_line = "import typer; typer.Typer(callback=lambda: None)(['--help'])"
    ours, its = [], []
    for _ in range(3):
        ours.append(processor_seconds("from unrolled.cli import main; main(['--help'])"))
        its.append(processor_seconds(of_one_line))
    assert min(ours) < 2 * min(its)


def processor_seconds(code: str) -> float:
    """Seconds of the processor's time of a new interpreter that runs `code`."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def test_version(run: Run) -> None:
    assert run("--version").out == f"unrolled {version('unrolled')}\n"


def test_commands_stand_in_the_order_of_their_use(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    lines = done.out.split("Commands")[1].splitlines()
    words = [
        line.strip("│ ").split()[0] for line in lines if line.startswith("│ ") and "  " in line
    ]
    assert [word for word in words if word.islower()][:9] == [
        "train", "predict", "evaluate", "generate", "forecast", "backtest", "plot", "demo",
        "doctor",
    ]  # fmt: skip


@pytest.mark.parametrize("short", ["-h", "--help"])
@pytest.mark.parametrize(
    ("command", "texts"),
    [
        ("train", ["classify", "regress", "forecast", "tag", "translate", "caption"]),
        ("train tag", ["--labels", "--crf", "--word-dropout"]),
        ("train language-model", ["--bptt", "--validation", "--test", "default: lstm"]),
        ("train translate", ["--beam-size", "--target-unit", "[TARGETS]", "--attention"]),
        ("train caption", ["--image-size", "--convolutions", "--beam-size", "--caption"]),
        ("generate", ["--prompt", "--temperature", "--top-k", "--top-p", "--seed", "Ctrl-C"]),
        ("train forecast", ["--horizon", "--calendar", "--future", "default: 0.1,0.5,0.9"]),
        ("forecast", ["--coverage", "MODEL-plots/forecast.png", "[DATA]"]),
        ("backtest", ["--refit", "--by", "--stride"]),
        ("train classify", ["--hidden-size", "--class-weight", "units of a layer", "--id"]),
        ("train regress", ["--loss", "squared, absolute or huber", "--resume-from"]),
        ("predict", ["--probabilities", "one that is there is replaced"]),
        ("evaluate", ["--json", "--target"]),
        ("plot", ["--row", "MODEL-plots"]),
        ("demo", ["--quick", "report.html"]),
        ("doctor", ["--json"]),
    ],
)
def test_help_says_what_there_is(run: Run, command: str, texts: list[str], short: str) -> None:
    done = run(f"{command} {short}")
    assert done.code == 0
    said = " ".join(done.out.replace("│", " ").split())
    for text in [*texts, "Examples"]:
        assert text in said


def test_losses_are_of_their_task(run: Run) -> None:
    assert "--loss" not in run("train classify --help").out
    assert "--class-weight" not in run("train regress --help").out


# The small corpus has no "T", the small pairs have few letters.
@pytest.mark.filterwarnings("ignore:.* symbols of (the prompt|X) were not:UserWarning")
@pytest.mark.parametrize(
    "commands",
    [
        [*train.EXAMPLES["classify"][:2], *predict.EXAMPLES, *evaluate.EXAMPLES, *plot.EXAMPLES],
        [*train.EXAMPLES["classify"][2:]],
        [*train.EXAMPLES["regress"]],
        [*train.EXAMPLES["forecast"][:1], *forecast.EXAMPLES, backtest.REFIT_EXAMPLE],
        [*train.EXAMPLES["forecast"][1:3], *backtest.EXAMPLES],
        [*train.EXAMPLES["forecast"][3:], forecast.SPREAD_EXAMPLE, *plot.EXAMPLES[:1]],
        [
            *train.EXAMPLES["tag"],
            f"{train.EXAMPLES['tag'][0][:-5]} tagger",
            *(line.replace("model", "tagger") for line in predict.TAG_EXAMPLES),
            evaluate.TEXT_EXAMPLES[0],
        ],
        [
            *train.EXAMPLES["language-model"],
            f"{train.EXAMPLES['language-model'][0]} --out language-model",
            *generate.EXAMPLES,
            evaluate.TEXT_EXAMPLES[1],
        ],
        pytest.param(
            [
                *train.EXAMPLES["translate"],
                f"{train.EXAMPLES['translate'][1][:-5]} translator",
                *predict.TRANSLATE_EXAMPLES,
                evaluate.TEXT_EXAMPLES[2],
            ],
            marks=pytest.mark.torch,
        ),
        [*FIRST[1:]],
        [*doctor.EXAMPLES],
    ],
    ids=[
        *("predict", "classify", "regress", "forecast", "backtest", "covariates", "tag"),
        *("language-model", "translate", "first", "doctor"),
    ],
)
def test_examples_work_as_they_are_typed(run: Run, commands: list[str]) -> None:
    for command in commands:
        name, _, line = command.partition(" ")
        assert name == "unrolled"
        if line.startswith("train"):
            line += " --max-epochs 2"
            if "translate" in line:
                line += " --hidden-size 8"
            if "language-model" in line:
                line = re.sub("--hidden-size 512", "", line) + " --hidden-size 8"
        done = run(line)
        assert done.code == 0, f"{command}: {done.err}"


def test_examples_fit_a_terminal() -> None:
    listed = [FIRST, *train.EXAMPLES.values(), predict.EXAMPLES, evaluate.EXAMPLES, plot.EXAMPLES]
    listed += [forecast.EXAMPLES, backtest.EXAMPLES, generate.EXAMPLES]
    listed += [predict.TAG_EXAMPLES, predict.TRANSLATE_EXAMPLES, evaluate.TEXT_EXAMPLES]
    listed += [predict.SOUND_EXAMPLES, predict.CAPTION_EXAMPLES]
    listed.append((forecast.SPREAD_EXAMPLE, backtest.REFIT_EXAMPLE))
    for examples in listed:
        assert max(map(len, examples)) <= 78


def test_demo_is_handed_over(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import unrolled.cli.demo

    seen: list[Any] = []
    monkeypatch.setattr(unrolled.cli.demo, "run", lambda out, quick: seen.append((out, quick)))
    assert run("demo").code == 0
    assert run("demo --quick --out there").code == 0
    assert seen == [(Path("unrolled-demo"), False), (Path("there"), True)]
