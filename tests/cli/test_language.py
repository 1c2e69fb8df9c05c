"""`unrolled train language-model`, `generate`, and the other commands on such a model."""

from __future__ import annotations

import gzip
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import LanguageModel, load
from unrolled.cli.language_report import READ, beginning, whole_lines
from unrolled.cli.language_scores import scores
from unrolled.cli.report import Section, Verbatim, page

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
SMALL = "--hidden-size 8 --max-epochs 2 --random-state 0 --batch-size 4 --bptt 16"
TRAIN = f"train language-model corpus.txt --out model {SMALL}"
PROGRAM = "import sys; from unrolled.cli import main; main(sys.argv[1:])"
PNG = b"\x89PNG\r\n\x1a\n"


def small(**arguments: Any) -> LanguageModel:
    return LanguageModel(
        hidden_size=8, max_epochs=2, random_state=0, batch_size=4, bptt=16, **arguments
    )


def firsts(printed: str) -> list[list[str]]:
    """The first two words of each line: of a score its name and its value."""
    return [line.split()[:2] for line in printed.splitlines()]


@pytest.mark.parametrize("unit", ["character", "word"])
def test_the_model_and_its_scores_are_those_of_python(succeed: Succeed, unit: str) -> None:
    told = succeed(f"{TRAIN} --validation-fraction 0.1 --unit {unit}")
    text = Path("corpus.txt").read_text()
    same = small(unit=unit, validation_fraction=0.1).fit(text)
    found = load("model")
    np.testing.assert_array_equal(found.weights_, same.weights_)
    edge = round(0.9 * len(text))
    while unit == "word" and not text[edge].isspace():
        edge += 1
    expected = same.evaluate(text[edge:])
    for name in ("perplexity", "bits_per_character"):
        assert [name, f"{expected[name]:.4f}"] in firsts(told)
    assert f"watched   the last 10% of corpus.txt, {expected['symbols']:,.0f} symbols" in told
    for words in (
        f"data      corpus.txt, {len(text):,} bytes",
        f"symbols   {unit}s, {len(found.vocabulary_)} different ones",
        "lstm, 1 layer of 8 units",
        "\nreport  model-plots/report.html\n",
        "next      unrolled generate model\n",
        "its symbols' shares",
    ):
        assert words in told


def test_several_files_and_a_packed_one(succeed: Succeed) -> None:
    Path("other.txt.gz").write_bytes(gzip.compress(Path("other.txt").read_bytes()))
    line = TRAIN.replace("corpus.txt", "corpus.txt other.txt other.txt.gz")
    told = succeed(f"{line} --validation-fraction 0.1 --no-report")
    texts = [Path(name).read_text() for name in ("corpus.txt", "other.txt", "other.txt")]
    same = small(validation_fraction=0.1).fit(texts)
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    assert load("model").several_
    assert "watched   other.txt.gz, the last 1 of 3 files, " in told
    assert ["perplexity", f"{same.perplexity(texts[2]):.4f}"] in firsts(told)
    assert not Path("model-plots").exists()


def test_a_file_to_watch(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --validation other.txt --patience 1 --no-report")
    expected = load("model").evaluate(Path("other.txt"))
    assert "watched   other.txt, " in told
    assert ["perplexity", f"{expected['perplexity']:.4f}"] in firsts(told)
    assert load("model").history_[0]["valid_loss"] is not None


def test_a_text_to_test_on_is_scored_beside_the_watched_one(succeed: Succeed) -> None:
    text = Path("corpus.txt").read_text()
    Path("third.txt").write_text(text[:50])
    line = f"{TRAIN} --validation-fraction 0.1 --patience 1"
    told = succeed(f"{line} --test other.txt --test third.txt")
    model, test = load("model"), [Path("other.txt"), Path("third.txt")]
    watched, tested = model.evaluate(text[round(0.9 * len(text)) :]), model.evaluate(test)
    np.testing.assert_array_equal(
        model.weights_, small(validation_fraction=0.1, patience=1).fit(text).weights_
    )
    found = [f"{part['perplexity']:.4f}" for part in (watched, tested)]
    rows = [line.split()[:3] for line in told.splitlines()]
    assert ["perplexity", *found] in rows
    assert ["watched", "test", "its"] in rows
    assert f"test      other.txt and 1 more, {tested['symbols']:,.0f} symbols" in told
    assert "a text that it has not seen" in Path("model-plots/report.html").read_text()


def test_a_page_that_cannot_be_written_is_found_before_training(run: Run) -> None:
    Path("model-plots").write_text("")
    done = run(TRAIN)
    assert (done.code, done.out) == (1, "")
    assert "model-plots: is a file, so report.html cannot be put below it" in done.said
    assert not Path("model").exists()


def test_a_text_to_test_on_is_read_before_training(run: Run) -> None:
    Path("latin.txt").write_bytes("caf\xe9".encode("latin-1"))
    Path("empty.txt").write_text("")
    for name, sentence in (("latin.txt", "is no utf-8 text"), ("empty.txt", "is empty")):
        done = run(f"{TRAIN} --test {name}")
        assert done.code == 1
        assert f"{name} {sentence}" in done.said
        assert not Path("model").exists()


def test_scores_stand_before_the_page_is_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from unrolled.cli import language_report

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(language_report, "write_report", full)
    done = run(f"{TRAIN} --test other.txt")
    assert (done.code, done.said) == (1, "error: no space left")
    assert "bits_per_character" in done.out
    assert "report.html" not in done.out


@pytest.mark.filterwarnings("always")
def test_symbols_that_the_model_has_never_seen(run: Run, model: None) -> None:
    done = run("generate model --prompt 'Ann ☃☃é' --length 5")
    assert done.code == 0
    assert done.err == (
        "warning: 3 of the 7 symbols of the prompt were not in training and are read as the "
        "unknown symbol: '☃', 'é'\n"
    )
    assert run("generate model --prompt 'Ann ' --length 5").err == ""


def test_one_symbol_and_no_minus_zero(succeed: Succeed, model: None) -> None:
    Path("one.txt").write_text("a")
    told = succeed("evaluate model one.txt")
    assert "one.txt, 1 character\n" in told
    assert "-0" not in told
    assert "-0" not in succeed("evaluate model one.txt --json")


def test_nothing_held_out(succeed: Succeed) -> None:
    told = succeed(TRAIN)
    assert "watched" not in told
    assert "shares" not in told
    last = load("model").history_[-1]["train_loss"]
    assert f"in the last one, training perplexity {math.exp(last):.4g}" in told
    written = Path("model-plots/report.html").read_text()
    assert "the text that it learnt from" in written


def test_the_page_shows_what_was_learnt(succeed: Succeed) -> None:
    assert succeed(f"{TRAIN} --validation-fraction 0.2 -q") == ""
    written = Path("model-plots/report.html").read_text()
    assert written.count("data:image/png;base64,") == 2
    assert "a text that was watched in training" in written
    assert "Temperature 0.5" in written
    text = "".join(load("model").generate(length=500, temperature=0.5, random_state=0))
    assert f"<pre>\n{text}</pre>" in written


def test_the_guess_is_the_entropy_of_the_symbols() -> None:
    model = small().fit("abcd" * 60)
    found = scores(model, ["aaab"])
    nats = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found.guess["nats"] == pytest.approx(nats)
    assert found.guess["perplexity"] == pytest.approx(math.exp(nats))
    assert found.guess["bits_per_character"] == pytest.approx(nats / math.log(2))
    assert found.symbols == 4
    assert found.model["perplexity"] == model.perplexity("aaab")


def test_evaluate(succeed: Succeed, model: None) -> None:
    expected = load("model").evaluate(Path("other.txt"))
    told = json.loads(succeed("evaluate model other.txt --json"))
    assert told["symbols"] == expected.pop("symbols")
    assert told["scores"] == expected
    shown = succeed("evaluate model other.txt")
    assert ["perplexity", f"{expected['perplexity']:.4f}"] in firsts(shown)


def test_plot(succeed: Succeed, model: None) -> None:
    assert succeed("plot model").split() == [
        "model-plots/learning_curve.png",
        "model-plots/network.png",
    ]
    assert "pictures/surprise.png" in succeed("plot model other.txt --out pictures")
    assert Path("pictures/surprise.png").read_bytes().startswith(PNG)


def test_generate_is_that_of_python(succeed: Succeed, model: None) -> None:
    asked = {"temperature": 0.7, "top_k": 9, "top_p": 0.9}
    expected = "".join(load("model").generate("Ann ", 50, **asked, random_state=3))  # type: ignore[arg-type]
    line = "generate model --prompt 'Ann ' --length 50 --temperature 0.7 --top-k 9 --top-p 0.9"
    assert succeed(f"{line} --seed 3") == f"Ann {expected}\n".replace("\n\n", "\n")
    assert succeed(f"{line} --seed 3 --no-echo") == f"{expected}\n".replace("\n\n", "\n")
    assert succeed("generate model --length 0") == "\n"
    assert len(succeed("generate model").rstrip("\n")) >= 490


def test_pieces_are_flushed_as_they_come(
    run: Run, model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    class Screen:
        def write(self, text: str) -> None:
            written.append(text)

        def flush(self) -> None:
            written.append("<flushed>")

    import unrolled.cli.generate as module

    class System:
        stdout = Screen()

    monkeypatch.setattr(module, "sys", System)
    run("generate model --prompt A --length 3 --seed 0")
    assert written[:2] == ["A", "<flushed>"]
    assert written[1::2] == ["<flushed>"] * (len(written) // 2)
    assert len(written) >= 8


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes are others on Windows")
@pytest.mark.parametrize("end", ["interrupted", "nobody reads"])
def test_a_text_without_end_ends_cleanly(model: None, end: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "generate", "model", "--length", "none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert len(process.stdout.read(2000)) == 2000
    if end == "interrupted":
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert rest.endswith(b"\n")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == (130 if end == "interrupted" else 1)
    process.stderr.close()


def test_a_stopped_fit_goes_on(succeed: Succeed) -> None:
    line = f"{TRAIN} --validation-fraction 0.1 --no-report --checkpoint run.ckpt -q"
    succeed(f"{line} --checkpoint-epochs 1")
    before = load("model").weights_.copy()
    succeed(f"{line} --resume-from run.ckpt")
    np.testing.assert_array_equal(load("model").weights_, before)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train language-model gone.txt", "gone.txt is not a file"),
        ("train language-model corpus.txt --validation gone.txt", "gone.txt is not a file"),
        ("train language-model train.parquet", "train.parquet is no utf-8 text: byte 7"),
        ("train language-model corpus.txt --out corpus.txt", "--out corpus.txt is a file"),
        ("generate gone", "gone is no saved model that can be read"),
        ("generate train.csv", "train.csv is no saved model that can be read"),
        ("predict model other.txt", "model is a language model: `unrolled generate` goes on"),
        ("evaluate model gone.txt", "gone.txt is not a file"),
        ("evaluate gone other.txt", "gone is no saved model that can be read"),
        ("evaluate model empty.txt", "empty.txt is empty"),
        ("plot model gone.txt", "gone.txt is not a file"),
        ("forecast model", "model"),
    ],
)
def test_one_line_each(run: Run, model: None, line: str, words: str) -> None:
    Path("empty.txt").write_text("")
    done = run(line)
    assert done.code == 1, done.err
    assert done.err.startswith("error: ")
    assert words in done.said
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train language-model", "Missing argument 'FILE'"),
        (
            "train language-model corpus.txt --validation other.txt --validation-fraction 0.1",
            "--validation and --validation-fraction both say what to watch",
        ),
        (
            "train language-model corpus.txt --patience 2",
            "--patience needs --validation or --validation-fraction",
        ),
        ("train language-model corpus.txt --unit letter", "'letter' is not"),
        ("generate model --length many", "--length many is neither a whole number of at least 0"),
        ("generate model --length -1", "--length -1 is neither a whole number"),
        ("generate model --top-p 0", "--top-p must be above 0 and at most 1, got 0"),
        ("generate model --temperature -1", "Invalid value for '--temperature'"),
        ("generate model --top-k 0", "Invalid value for '--top-k'"),
        ("evaluate model other.txt --target x", "--target has no effect with a language model"),
        ("plot model --row 1", "--row has no effect with a model of texts"),
    ],
)
def test_wrong_usage(run: Run, model: None, line: str, words: str) -> None:
    done = run(line)
    assert (done.code, done.out) == (2, "")
    assert words in done.said


def test_other_models_do_not_generate(run: Run, succeed: Succeed) -> None:
    succeed("train classify train.csv --target label --hidden-size 2 --max-epochs 1 -q")
    done = run("generate model")
    assert done.code == 1
    assert "model is a SequenceClassifier; `unrolled generate` goes on from texts" in done.said


def test_a_damaged_model_is_named(run: Run, model: None) -> None:
    file = Path("model/model.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    for line in ("evaluate model other.txt", "predict model other.txt", "generate model"):
        assert run(line).said.startswith("error: model is no saved model that can be read")


def test_verbatim_texts_keep_their_lines() -> None:
    written = page("t", [Section("s", (Verbatim("\n a <b>\n", "as & drawn"),))])
    assert "<figcaption>as &amp; drawn</figcaption><pre>\n\n a &lt;b&gt;\n</pre>" in written


def test_the_beginning_of_a_text_ends_with_a_line_or_a_word(tmp_path: Path) -> None:
    lines = "".join(f"line {i} of a text\n" for i in range(1000))
    (tmp_path / "a.txt").write_text(lines)
    for source in (tmp_path / "a.txt", lines):
        found = beginning(source)
        assert lines.startswith(found)
        assert found.endswith("of a text\n")
        assert READ - 30 < len(found) <= READ
    words = "words " * 2000
    assert beginning(words) == words[: READ // 6 * 6]
    assert beginning("x" * 9000) == "x" * READ
    assert beginning(lines[:100]) == lines[:100]
    assert whole_lines("short\nab cd ef gh", 15) == "short\nab cd ef "
    assert whole_lines("short\nab cd ef gh", 14) == "short\nab cd ef"
    assert whole_lines("short\nab cd ef gh", 13) == "short\nab cd "
    assert whole_lines("ab cd\nef", 7) == "ab cd\n"
    assert whole_lines("a bcdefghijkl", 9) == "a bcdefgh"
