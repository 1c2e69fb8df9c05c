"""`unrolled train transcribe`, and the other commands on a speech recognizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unrolled import SpeechRecognizer, load
from unrolled.cli.manifest import Columns, Sounds
from unrolled.cli.transcribe_scores import Scored
from unrolled.data import telephone_tones, write_wave

pytestmark = pytest.mark.torch

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
SMALL = (
    "--sample-rate 8000 --num-mels 16 --hidden-size 6 --num-layers 1 --convolutions 6 "
    "--max-epochs 2 --random-state 0"
)
TRAIN = f"train transcribe manifest.csv --out model {SMALL}"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def manifests(folder: Path) -> None:
    """manifest.csv and heard.tsv, whose relative paths are those of other folders."""
    for name, folder_of, num in (("manifest.csv", "sounds", 12), ("heard.tsv", "more", 5)):
        place = Path(folder_of)
        place.mkdir()
        waves, texts = telephone_tones(num, num, min_keys=1, max_keys=3, noise=0.01)
        # A text of figures keeps its noughts.
        texts[0] = "007"[: len(texts[0])]
        lines = ["path,text"]
        for i, (wave, text) in enumerate(zip(waves, texts, strict=True)):
            write_wave(place / f"{i}.wav", wave, 8000)
            lines.append(f"{folder_of}/{i}.wav,{text}")
        mark = "\t" if name.endswith(".tsv") else ","
        Path(name).write_text("\n".join(lines).replace(",", mark) + "\n")


def small(**arguments: Any) -> SpeechRecognizer:
    return SpeechRecognizer(
        sample_rate=8000, num_mels=16, hidden_size=6, num_layers=1, convolutions=(6,),
        max_epochs=2, random_state=0, **arguments,
    )  # fmt: skip


def test_the_model_and_its_scores_are_those_of_python(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --validation heard.tsv")
    learnt = Sounds.read("", Path("manifest.csv"), Columns())
    held = Sounds.read("", Path("heard.tsv"), Columns())
    assert learnt.texts[0].startswith("0")
    same = small().fit(learnt.paths, learnt.texts, validation_data=(held.paths, held.texts))
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    scores = same.evaluate(held.paths, held.texts)
    rows = [line.split()[:2] for line in told.splitlines()]
    for name, score in scores.items():
        (row,) = [row for row in rows if row[:1] == [name]]
        assert float(row[1]) == pytest.approx(score, rel=1e-3, abs=1e-4)
    for said in (
        "data        manifest.csv, 12 sounds\n",
        "validation  5 sounds\n",
        "the commonest text",
        "SpeechRecognizer: frames of 16 numbers; convolutions to 6 channels, 2 frames to a step; ",
        "gru, both ways, 1 layer of 6 units; ",
        "next        unrolled predict model manifest.csv",
        f"said   {held.texts[0]}\n",
        "\nreport  model-plots/report.html\n",
    ):
        assert said in told
    written = Path("model-plots/report.html").read_text()
    assert written.count("data:image/png;base64,") == 4
    assert written.count('<audio controls preload="none" src="data:audio/wav;base64,') == 3


def test_what_is_predicted_of_a_manifest_and_of_files(succeed: Succeed) -> None:
    succeed(f"{TRAIN} -q --no-report")
    assert not Path("model-plots").exists()
    held = Sounds.read("", Path("heard.tsv"), Columns())
    heard = load("model").predict(held.paths)
    told = succeed("predict model heard.tsv")
    rows = [f"{path},{text}" for path, text in zip(held.listed, heard, strict=True)]
    expected = ["path,text", *(row + ("" if row[-1] != "," else '""') for row in rows)]
    assert told.replace('""', "").splitlines() == [row.replace('""', "") for row in expected]
    assert succeed("predict model more/0.wav more/1.wav").splitlines()[1].startswith("more/0.wav,")
    assert succeed("predict model heard.tsv --out heard.parquet") == "heard.parquet: 5 texts\n"
    assert pl.read_parquet("heard.parquet")["text"].to_list() == heard
    best = load("model").predict_n_best([Path("more/0.wav")], 3)[0]
    lines = succeed("predict model more/0.wav --n-best 3").splitlines()
    assert lines[0] == "path,text,score"
    assert [float(line.rpartition(",")[2]) for line in lines[1:]] == [
        pytest.approx(heard.score, abs=1e-4) for heard in best
    ]
    assert json.loads(succeed("evaluate model heard.tsv --json")) == {
        "sounds": 5,
        "scores": pytest.approx(load("model").evaluate(held.paths, held.texts)),
    }
    assert "symbol_error_rate" in succeed("evaluate model heard.tsv")
    succeed("plot model heard.tsv --out pictures")
    drawn = {file.name: file.read_bytes() for file in Path("pictures").iterdir()}
    assert set(drawn) == {"learning_curve.png", "heard-1.png", "heard-2.png", "heard-3.png"}
    assert all(content.startswith(PNG) for content in drawn.values())


def test_other_columns_are_kept_with_the_model(succeed: Succeed) -> None:
    text = Path("manifest.csv").read_text().replace("path,text", "file,said")
    Path("named.csv").write_text(text)
    line = TRAIN.replace("manifest.csv", "named.csv --audio file --text said")
    told = succeed(f"{line} --test-fraction 0.25 --no-report")
    assert "held out" in told
    assert load("model").table_ == {"audio": "file", "text": "said"}
    assert succeed("predict model named.csv").startswith("file,said\n")
    assert "loss" in succeed("evaluate model named.csv")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("sounds/3.wav", "sounds/none.wav", "line 5 of manifest.csv names sounds/none.wav, and th"),
        ("path,text", "path,words", "manifest.csv has no column 'text'; its first line names"),
        ("sounds/3.wav", "", "column 'path' of manifest.csv is empty in line 5"),
    ],
)
def test_manifests_that_cannot_be_used(run: Run, old: str, new: str, sentence: str) -> None:
    file = Path("manifest.csv")
    file.write_text(file.read_text().replace(old, new))
    done = run(TRAIN)
    assert done.code == 1
    assert sentence in done.said
    assert not Path("model").exists()


def test_an_empty_text_is_named_by_its_line(run: Run) -> None:
    lines = Path("manifest.csv").read_text().splitlines()
    lines[4] = lines[4].partition(",")[0] + ", "
    Path("manifest.csv").write_text("\n".join(lines))
    assert "column 'text' of manifest.csv is empty in line 5" in run(TRAIN).said


def test_usage_that_contradicts_itself(run: Run, succeed: Succeed) -> None:
    for line, sentence in (
        (f"{TRAIN} --test heard.tsv --test-fraction 0.2", "both say what to test on"),
        (f"{TRAIN} --validation heard.tsv --validation-fraction 0.2", "both say what to watch"),
        (f"{TRAIN} --patience 2", "--patience needs --validation"),
        (f"{TRAIN} --strides 2,2", "strides=(2, 2) must be one number"),
    ):
        done = run(line)
        assert done.code in (1, 2)
        assert sentence in done.said
    succeed(f"{TRAIN} -q --no-report --convolutions none")
    assert load("model").convolutions == ()
    for line, sentence in (
        ("predict model heard.tsv more/0.wav", "heard.tsv is a manifest, which stands alone"),
        ("predict model heard.tsv --out heard.txt", "must end in .csv, .tsv, .parquet"),
        ("predict model heard.tsv --out heard.tsv", "is DATA itself"),
        ("predict model heard.tsv --probabilities", "log_probabilities gives those of symbols"),
        ("predict model none.wav", "none.wav is not a file"),
    ):
        assert sentence in run(line).said


def test_examples_are_wrong_and_right_ones() -> None:
    part = Sounds("", [Path()] * 6, [""] * 6, list("abcdef"))
    scored = Scored(part, list("axcdex"), {})
    assert [i for i, *_ in scored.examples(4)] == [0, 1, 2, 5]
    assert [i for i, *_ in scored.examples(6)] == [0, 1, 2, 3, 4, 5]
    right = Scored(part, list("abcdef"), {})
    assert [i for i, *_ in right.examples(3)] == [0, 1, 2]
