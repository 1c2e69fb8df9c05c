"""`unrolled train translate`, and the other commands on a translator."""

from __future__ import annotations

import gzip
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import Translator, load
from unrolled.cli.pairs import Pairs
from unrolled.cli.translate_scores import nearest_targets

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
pytestmark = pytest.mark.torch
SMALL = "--unit character --hidden-size 8 --max-epochs 2 --random-state 0 --batch-size 8"
TRAIN = f"train translate pairs.tsv --out model {SMALL}"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    """A source with two targets, and one with one."""
    Path("test.tsv").write_text("abc\tcba\nabc\tcbb\ndab\tbad\n")


def small() -> Translator:
    return Translator(unit="character", hidden_size=8, max_epochs=2, random_state=0, batch_size=8)


def test_the_model_and_its_scores_are_those_of_python(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --test test.tsv")
    pairs = Pairs.read("", [Path("pairs.tsv")])
    same = small().fit(pairs.sources, pairs.targets)
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    X, y = ["abc", "dab"], [["cba", "cbb"], ["bad"]]
    scores = same.evaluate(X, y)
    rows = [line.split()[:2] for line in told.splitlines()]
    for name, score in scores.items():
        (row,) = [row for row in rows if row[:1] == [name]]
        assert float(row[1]) == pytest.approx(score, rel=1e-3, abs=1e-4)
    written = same.predict(X)
    for said in (
        f"data      pairs.tsv, {len(pairs.sources)} pairs\n",
        "test      3 pairs of 2 sources",
        "target of the nearest source",
        "reads 6 symbols as vectors of 8; gru, both ways, 1 layer of 8 units; writes 6 symbols",
        "next      unrolled predict model pairs.tsv",
        f"source     abc\nwritten    {written[0]}\nreference  cba\nreference  cbb\n",
        "\nreport  model-plots/report.html\n",
    ):
        assert said in told
    page = Path("model-plots/report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "<td>cba / cbb</td>" in page


def test_two_files_are_pairs_line_by_line(succeed: Succeed) -> None:
    told = succeed(
        f"{TRAIN.replace('pairs.tsv', 'train.de train.en')} --no-report "
        "--validation train.de --validation train.en"
    )
    assert "data        train.de and train.en, " in told
    pairs = Pairs.read("", [Path("pairs.tsv")])
    same = small().fit(pairs.sources, pairs.targets, validation_data=(pairs.sources, pairs.targets))
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    Path("packed.tsv.gz").write_bytes(gzip.compress(Path("pairs.tsv").read_bytes()))
    assert Pairs.read("", [Path("packed.tsv.gz")]).sources == pairs.sources


def test_a_share_is_held_out_by_sources(succeed: Succeed) -> None:
    sources = [f"s{i // 2}" for i in range(40)]
    targets = [f"t{i}" for i in range(40)]
    kept, held = Pairs("", sources, targets).held_out(0.25, 3)
    assert (len(kept.references), len(held.references)) == (15, 5)
    assert not set(kept.sources) & set(held.sources)
    assert all(len(several) == 2 for several in held.references.values())
    both = sorted(zip(kept.sources + held.sources, kept.targets + held.targets, strict=True))
    assert both == sorted(zip(sources, targets, strict=True))
    assert "held out  " in succeed(f"{TRAIN} --test-fraction 0.2 --no-report")
    with pytest.raises(ValueError, match=r"0\.01 of 20 sources leaves none in one part"):
        Pairs("", sources, targets).held_out(0.01, 3)


def test_without_a_test_the_beginning_of_training_is_scored(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --attention none")
    assert "target of the nearest source" not in told
    assert "exact_match  " in told
    assert "has no attention" in Path("model-plots/report.html").read_text()


def test_nearest_sources() -> None:
    learnt = Pairs("", ["a red boat", "a green hill", "x"], ["ein rotes Boot", "ein Berg", "X"])
    assert nearest_targets(learnt, ["the red boats", "hills", "x", "?"]) == [
        "ein rotes Boot", "ein Berg", "X", "ein rotes Boot",
    ]  # fmt: skip


def test_predict_evaluate_and_plot(succeed: Succeed, run: Run, model: None) -> None:
    saved = load("model")
    X = ["abc", "abc", "dab"]
    lines = [f"{x}\t{text}\n" for x, text in zip(X, saved.predict(X), strict=True)]
    assert succeed("predict model test.tsv") == "".join(lines)
    assert succeed("predict model test.tsv --out o.tsv") == "o.tsv: 3 texts\n"
    assert Path("o.tsv").read_text() == "".join(lines)
    best = [
        f"{x}\t{one.text}\t{one.score:.4f}\n"
        for x, row in zip(X, saved.predict_n_best(X, 2), strict=True)
        for one in row
    ]
    assert succeed("predict model test.tsv --n-best 2") == "".join(best)
    Path("new.txt").write_text("abc\nzab\n")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = run("predict model new.txt")
    assert done.code == 0
    assert done.said == (
        "warning: 1 of the 6 symbols of X were not in training and are read as the unknown "
        "symbol: 'z'"
    )
    assert done.out.splitlines()[0] == lines[0].rstrip()
    found = json.loads(succeed("evaluate model test.tsv --json"))
    assert found == {
        "pairs": 3,
        "sources": 2,
        "scores": saved.evaluate(["abc", "dab"], [["cba", "cbb"], ["bad"]]),
    }
    Path("odd.tsv").write_text("az\tza\n")
    said = "unknown  1 of the 2 symbols of the given sources were not in training"
    assert said in succeed("evaluate model odd.tsv")
    assert said not in succeed("evaluate model train.de --target train.en")
    assert succeed("plot model test.tsv").splitlines() == [
        f"model-plots/{name}.png" for name in ("learning_curve", "attention-1", "attention-2")
    ]
    assert all(path.read_bytes()[:8] == PNG for path in Path("model-plots").iterdir())
    assert succeed("plot model").splitlines() == ["model-plots/learning_curve.png"]


@pytest.mark.parametrize(
    ("text", "other", "says"),
    [
        ("a\tb\nab\n", None, "x.tsv line 2 has no tab between a source and its target"),
        ("a\tb\na\tb\tc\n", None, "x.tsv line 2 has 2 tabs; one is needed"),
        ("a\tb\n \tb\n", None, "x.tsv line 2 has an empty source"),
        ("a\tb\na\t\n", None, "x.tsv line 2 has an empty target"),
        ("", None, "x.tsv is empty"),
        ("a\nb\n", "c\n", "x.tsv has 2 lines and y.tsv has 1;"),
        ("a\n\nb\n", "c\nd\ne\n", "x.tsv line 2 has an empty text"),
    ],
)
def test_files_that_are_no_pairs(run: Run, text: str, other: str | None, says: str) -> None:
    Path("x.tsv").write_text(text)
    if other is not None:
        Path("y.tsv").write_text(other)
    done = run(f"train translate x.tsv {'' if other is None else 'y.tsv'} --out fresh")
    assert done.code == 1
    assert says in done.said
    assert not list(Path().glob("fresh*"))


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (f"{TRAIN} --test gone.tsv", 1, "gone.tsv is not a file"),
        (f"{TRAIN} --test test.tsv --test-fraction 0.2", 2, "both say what to test on"),
        (f"{TRAIN} --test a --test b --test c", 2, "or given twice: sources, then targets"),
        ("predict model test.tsv --probabilities", 1, "--probabilities are those of a classifier"),
        ("predict model test.tsv --out o.csv", 2, "must end in .tsv or .txt"),
        ("predict model test.tsv --out test.tsv", 2, "is DATA itself"),
        ("predict model one.tab", 1, "one.tab line 2 has an empty source"),
    ],
)
def test_what_does_not_fit_is_refused(
    run: Run, model: None, line: str, code: int, says: str
) -> None:
    Path("one.tab").write_text("a\n\n")
    done = run(line)
    assert (done.code, done.out) == (code, "")
    assert says in done.said
