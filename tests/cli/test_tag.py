"""`unrolled train tag`, and the other commands on a tagger."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import SequenceTagger, load
from unrolled.cli import tag_report_page
from unrolled.cli.tag_fitting import Tagged, guess_scores
from unrolled.cli.tagged import TagColumns
from unrolled.data import read_tagged

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
SMALL = "--hidden-size 6 --max-epochs 3 --random-state 0 --learning-rate 0.01"
TRAIN = f"train tag train.conllu --out model {SMALL}"
PNG = b"\x89PNG\r\n\x1a\n"


def small(**arguments: Any) -> SequenceTagger:
    return SequenceTagger(
        hidden_size=6, max_epochs=3, random_state=0, learning_rate=0.01, **arguments
    )


def test_the_model_and_its_table_are_those_of_python(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --crf --validation dev.conllu --word-dropout 0.1")
    X, y = read_tagged("train.conllu")
    dev = read_tagged("dev.conllu")
    same = small(crf=True, word_dropout=0.1).fit(X, y, validation_data=dev)
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    assert str(same.report(*dev)) in told
    accuracy = [f"{same.evaluate(*part)['accuracy']:.4f}" for part in ((X, y), dev)]
    assert ["accuracy", *accuracy] in [line.split()[:3] for line in told.splitlines()]
    words = sum(map(len, X))
    for said in (
        f"data        train.conllu, 60 sentences of {words} words",
        f"validation  20 sentences of {sum(map(len, dev[0]))} words",
        "labels      7 labels (upos)",
        "10 features of a word as 256 numbers; gru, both ways, 1 layer of 6 units; conditional",
        "each word's commonest",
        "\nreport  model-plots/report.html\n",
        "next        unrolled predict model train.conllu",
    ):
        assert said in told
    written = Path("model-plots/report.html").read_text()
    assert written.count("data:image/png;base64,") == 3
    assert "Of the validation sentences (20 sentences" in written


def test_other_labels(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN} --labels XPOS --test dev.conllu --no-report")
    assert "7 labels (xpos)" in told
    assert load("model").classes_.tolist()[0] == "adj"
    assert json.loads(succeed("evaluate model dev.conllu --json"))["labels"][0]["label"] == "adj"
    succeed("predict model dev.conllu --out tagged.conllu")
    guess = load("model").predict(read_tagged("dev.conllu")[0])
    assert read_tagged("tagged.conllu", labels="xpos")[1] == guess
    # Asked for by name where the model has learnt others.
    of_upos = json.loads(succeed("evaluate model dev.conllu --target upos --json"))
    assert of_upos["scores"]["accuracy"] == 0.0
    assert of_upos["scores"]["log_loss"] is None


def test_labels_that_training_did_not_have(succeed: Succeed) -> None:
    text = Path("dev.conllu").read_text()
    marks, verbs = (len(re.findall(f"\t{label}\t", text)) for label in ("PUNCT", "VERB"))
    text = text.replace("\tPUNCT\t", "\tMARK\t").replace("\tVERB\t", "\tDO\t", 1)
    Path("other.conllu").write_text(text)
    told = succeed(f"{TRAIN} --test other.conllu")
    said = (
        f"{marks + 1} words with labels that training did not have, MARK, DO: they count as wrong, "
        "and log_loss is left out"
    )
    assert said in told
    (row,) = [line.split() for line in told.splitlines() if line.split()[:1] == ["log_loss"]]
    assert len(row) == 2
    assert verbs > 1
    assert said in Path("model-plots/report.html").read_text()
    assert said in succeed("evaluate model other.conllu")
    found = json.loads(succeed("evaluate model other.conllu --json"))
    assert found["unknown"] == {"labels": ["MARK", "DO"], "words": marks + 1}
    assert found["scores"]["log_loss"] is None
    assert found["scores"]["accuracy"] == load("model").score(*read_tagged("other.conllu"))
    assert json.loads(succeed("evaluate model dev.conllu --json"))["unknown"] is None
    many = Tagged("test", [["w"] * 9], [list("AABCDEFGK")])
    assert "8 words with labels that training did not have, A, B, C, D, E and 2 more:" in str(
        many.unknown(["K"])
    )
    assert many.unknown(list("ABCDEFGK")) is None


def test_a_page_of_many_labels_is_bounded(
    succeed: Succeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_report_page, "MOST_ROWS", 3)
    monkeypatch.setattr(tag_report_page, "MOST_LABELS", 6)
    told = succeed(TRAIN)
    written = Path("model-plots/report.html").read_text()
    report = load("model").report(*read_tagged("train.conllu"))
    order = sorted(report.rows, key=lambda row: -row["support"])
    there = [f"<td>{row['label']}</td>" in written for row in order]
    assert there == [True] * 3 + [False] * 4
    assert "The table has the 3 labels with the most words and leaves out 4" in written
    assert "is drawn of 6 labels at most" in written
    assert written.count("data:image/png;base64,") == 2
    assert str(report) in told


def test_columns(succeed: Succeed) -> None:
    told = succeed(f"{TRAIN.replace('train.conllu', 'entities.tsv')} --labels 2 --no-report")
    assert "7 labels (2)" in told
    words, labels = read_tagged("entities.tsv", labels=2)
    same = small().fit(words, labels)
    np.testing.assert_array_equal(load("model").weights_, same.weights_)
    # A file of the other kind is read by default.
    found = json.loads(succeed("evaluate model dev.conllu --json"))
    assert found["scores"] == same.evaluate(*read_tagged("dev.conllu"))
    last = TRAIN.replace("train.conllu", "entities.tsv")
    assert "1 label (the last column)" in succeed(f"{last} --no-report --out other")


def test_predict_sentences(succeed: Succeed, model: None) -> None:
    words = [["Ann", "sees", "a", "cup", "."], ["Zoe", "takes", "the", "new", "book", "."]]
    labels = load("model").predict(words)
    printed = succeed("predict model sentences.txt")
    Path("printed.tsv").write_text(printed)
    assert read_tagged("printed.tsv") == (words, labels)
    Path("packed.txt.gz").write_bytes(gzip.compress(Path("sentences.txt").read_bytes()))
    assert succeed("predict model packed.txt.gz") == printed
    assert succeed("predict model sentences.txt --out o.tsv") == "o.tsv: 2 sentences\n"
    assert Path("o.tsv").read_text() == printed
    succeed("predict model sentences.txt --out o.conllu.gz")
    assert read_tagged("o.conllu.gz") == (words, labels)


def test_a_page_that_cannot_be_written_is_found_before_training(run: Run) -> None:
    Path("model-plots").write_text("")
    done = run(TRAIN)
    assert (done.code, done.out) == (1, "")
    assert "model-plots: is a file, so report.html cannot be put below it" in done.said
    assert not Path("model").exists()


@pytest.mark.parametrize("line", ["tag gone.conllu", "tag broken.tsv", "language-model gone.txt"])
def test_a_training_that_fails_leaves_nothing(run: Run, line: str) -> None:
    Path("broken.tsv").write_text("a B\na\n")
    assert run(f"train {line} --out fresh").code == 1
    assert not list(Path().glob("fresh*"))


def test_predict_of_columns_does_not_look_at_labels(succeed: Succeed, model: None) -> None:
    words = read_tagged("entities.tsv")[0]
    Path("o.tsv").write_text(succeed("predict model entities.tsv"))
    assert read_tagged("o.tsv") == (words, load("model").predict(words))


def test_a_file_keeps_all_but_the_labels(succeed: Succeed, model: None) -> None:
    rich = "# text = Ann sees\n1-2\tAnnsees\t_\t_\t_\t_\t_\t_\t_\t_\n"
    rich += "1\tAnn\tann\tOLD\tx\tN=1\t2\tsubj\t_\t_\n2\tsees\tsee\tOLD\ty\t_\t0\troot\t_\tm\n\n"
    Path("rich.conllu").write_text(rich)
    succeed("predict model rich.conllu --out new.conllu")
    for label in load("model").predict([["Ann", "sees"]])[0]:
        rich = rich.replace("OLD", label, 1)
    assert Path("new.conllu").read_text() == rich
    before = Path("entities.tsv").read_text().splitlines()
    succeed("predict model entities.tsv --out new.tsv")
    after = Path("new.tsv").read_text().splitlines()
    assert [line.split(" ")[:2] for line in after] == [line.split(" ")[:2] for line in before]
    words = read_tagged("entities.tsv")[0]
    assert read_tagged("new.tsv") == (words, load("model").predict(words))
    # Of another kind it is written anew.
    succeed("predict model rich.conllu --out new.tsv")
    assert Path("new.tsv").read_text().startswith("Ann\t")


@pytest.mark.parametrize(
    ("learnt", "options", "new", "replaced"),
    [
        ("1\tthe\tD\n2\tcat\tN\n", "--words 2", "1\tThe\n", False),
        ("1\tthe\tD\n2\tcat\tN\n", "--words 2", "1\tThe\tOLD\n", True),
        ("the X D\ncat Y N\n", "", "The POS \n", False),
        ("the X D\ncat Y N\n", "--labels 3", "The POS\n\nCat OLD\n", False),
        ("the X D\ncat Y N\n", "", "The POS OLD \n", True),
        ("the D\ncat N\n", "", "The POS NER\n", False),
        ("the\tD\ncat\tN\n", "", "The\n\ncat\n", False),
        ("the D X\ncat N X\n", "--labels 2", "The OLD X\n", True),
    ],
)
def test_only_a_label_column_is_replaced(
    succeed: Succeed, learnt: str, options: str, new: str, replaced: bool
) -> None:
    Path("learnt.tsv").write_text(f"{learnt}\n" * 9)
    Path("new.tsv").write_text(new)
    train = f"{TRAIN.replace('train.conllu', 'learnt.tsv')} {options} --no-report -q"
    succeed(train)
    number = 1 if "--words" in options else 0
    rows = [line.split() for line in new.splitlines()]
    words = [[row[number]] for row in rows if row]
    labels = [label for (label,) in load("model").predict(words)]
    succeed("predict model new.tsv --out out.tsv")
    found = [line.split() for line in Path("out.tsv").read_text().splitlines()]
    given = iter(labels)
    assert found == [
        [next(given) if column == "OLD" else column for column in row]
        if replaced
        else row and [*row, next(given)]
        for row in rows
    ]


def test_scores_ask_where_the_labels_of_another_width_stand(run: Run, succeed: Succeed) -> None:
    Path("two.tsv").write_text("the D\ncat N\n\n" * 9)
    Path("three.tsv").write_text("the X D\ncat X N\n\n" * 9)
    succeed(f"{TRAIN.replace('train.conllu', 'two.tsv')} --no-report -q")
    assert run("evaluate model three.tsv").said == (
        "error: three.tsv has 3 columns, but the model has learnt from a file of 2; where do its "
        "labels stand? evaluate takes --target N"
    )
    assert succeed("evaluate model three.tsv --target 3 --json") == succeed(
        "evaluate model two.tsv --json"
    )


def test_columns_are_numbers_in_the_model(succeed: Succeed, run: Run) -> None:
    succeed(f"{TRAIN.replace('train.conllu', 'entities.tsv')} --no-report -q")
    table = load("model").table_
    assert table == {"conllu": False, "words": 1, "labels": 3, "num_columns": 3}
    # A model from before this was kept does not know where labels stand.
    del table["num_columns"]
    for old in (table, {**table, "words": None, "labels": None}):
        load("model").save("old", table=old)
        succeed("predict old entities.tsv --out old.tsv")
        words = read_tagged("entities.tsv")[0]
        assert read_tagged("old.tsv", labels=3)[1] == read_tagged("entities.tsv")[1]
        assert read_tagged("old.tsv") == (words, load("model").predict(words))
    Path("two.tsv").write_text("the D\n")
    done = run("evaluate model two.tsv")
    assert (done.code, done.said) == (
        1,
        (
            "error: two.tsv has 2 columns, but the model has learnt from a file of 3; where do its "
            "labels stand? evaluate takes --target N"
        ),
    )


def test_labels_are_never_put_where_the_words_are(run: Run, model: None) -> None:
    Path("two.tsv").write_text("1 the\n")
    small().fit([["a", "b"]], [["A", "B"]]).save("python")
    both = {"conllu": False, "words": 2, "labels": 2, "num_columns": 2}
    load("model").save("odd", table=both)
    load("model").save("form", table={"conllu": True, "words": None, "labels": 2})
    for line, said in (
        ("train tag two.tsv --words 2 --out new", "two.tsv: words and labels are both read from c"),
        ("train tag train.conllu --words 4 --out new", "are both read from the field upos"),
        ("evaluate model two.tsv --target 1", "two.tsv: words and labels are both read from col"),
        ("predict odd two.tsv --out o.tsv", "two.tsv: words and labels are both read from col"),
        ("predict form dev.conllu --out o.conllu", "field='form' is no field for labels"),
        ("predict form sentences.txt --out o.conllu", "field='form' is no field for labels"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SequenceTagger, "fit", None)
            patch.setattr(SequenceTagger, "predict", None)
            done = run(line)
        assert (done.code, done.out) == (1, ""), done.err
        assert said in done.said
    assert not Path("o.tsv").exists()


def test_evaluate_and_plot(succeed: Succeed, model: None) -> None:
    words, labels = read_tagged("dev.conllu")
    shown = succeed("evaluate model dev.conllu")
    assert str(load("model").report(words, labels)) in shown
    found = json.loads(succeed("evaluate model dev.conllu --json"))
    assert found["sentences"] == 20
    assert found["scores"] == load("model").evaluate(words, labels)
    drawn = succeed("plot model dev.conllu --out pictures").split()
    names = ["learning_curve", "network", "labels", "confusion"]
    assert drawn == [f"pictures/{name}.png" for name in names]
    assert all(Path(path).read_bytes().startswith(PNG) for path in drawn)


def test_a_tagger_of_python_needs_no_columns(succeed: Succeed) -> None:
    words, labels = read_tagged("train.conllu")
    small().fit(words, labels).save("python")
    assert "macro" in succeed("evaluate python dev.conllu")
    assert succeed("predict python sentences.txt").startswith("Ann\t")


def test_held_out_sentences_are_not_learnt_from(succeed: Succeed) -> None:
    text = Path("train.conllu").read_text()
    Path("train.conllu").write_text(text + "1\tonce\t_\tONCE\tx" + "\t_" * 5 + "\n\n")
    told = succeed(f"{TRAIN} --test-fraction 0.25 --no-report")
    assert "held out  15 sentences of" in told
    assert "46 sentences of" in told
    again = succeed(f"{TRAIN} --test-fraction 0.25 --no-report")
    assert [line for line in again.splitlines() if " s, " not in line] == [
        line for line in told.splitlines() if " s, " not in line
    ]


def test_weights_by_label(succeed: Succeed, run: Run) -> None:
    succeed(f"{TRAIN} --class-weight NOUN=3 --no-report -q")
    assert load("model").class_weight == {"NOUN": 3.0}
    done = run(f"{TRAIN} --class-weight CUP=3")
    assert done.code == 2
    assert "--class-weight names the label 'CUP', which is not among ADJ" in done.said


def test_the_guess_is_each_words_commonest_label() -> None:
    learnt = Tagged("a", [["x", "x", "y"], ["x", "y"]], [["A", "A", "B"], ["B", "B"]])
    tested = Tagged("b", [["x", "y"], ["new", "x"], ["y"]], [["A", "B"], ["B", "B"], ["A"]])
    # x is A, y and what is new B.
    assert guess_scores(learnt, tested) == {"accuracy": 3 / 5, "sequence_accuracy": 1 / 3}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train tag gone.conllu", "gone.conllu is not a file"),
        ("train tag corpus.txt", "corpus.txt is read as a sentence a line, for its name ends in"),
        ("train tag entities.tsv --labels 9", "columns, so labels=9 is none"),
        ("train tag train.conllu --test-fraction 0.001", "--test-fraction 0.001 of 60 sentences"),
        ("predict model sentences.txt --probabilities", "model labels words; --probabilities are"),
        ("predict model blank.txt", "blank.txt holds no words"),
        ("predict model gone.txt", "gone.txt is not a file"),
        ("evaluate model sentences.txt", "sentences.txt is read as a sentence a line"),
        ("predict letters sentences.txt", "letters labels no words, but characters or numbers"),
        ("predict odd sentences.txt", "odd does not say as it should which columns to read"),
        ("forecast model", "model"),
        ("generate model", "model is a SequenceTagger; `unrolled generate` goes on from texts"),
    ],
)
def test_one_line_each(run: Run, model: None, line: str, words: str) -> None:
    Path("blank.txt").write_text(" \n\n")
    if "letters" in line:
        small().fit(["ab", "b"], [["A", "B"], ["B"]]).save("letters")
    load("model").save("odd", table={"conllu": True, "words": 2.5, "labels": None})
    done = run(line)
    assert (done.code, done.out) == (1, ""), done.err
    assert done.err.startswith("error: ")
    assert words in done.said
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train tag train.conllu --labels tag", "--labels tag is no field of CoNLL-U: id, form"),
        ("train tag train.conllu --labels FORM", "--labels FORM is no field for labels: lemma, u"),
        ("train tag train.conllu --labels 1", "--labels 1 is no field for labels: lemma, upos"),
        ("train tag entities.tsv --labels upos", "--labels upos is no number of a column"),
        ("train tag entities.tsv --words 0", "--words 0 is no number of a column"),
        (
            "train tag train.conllu --validation dev.conllu --validation-fraction 0.1",
            "--validation and --validation-fraction both say what to watch",
        ),
        (
            "train tag train.conllu --patience 2",
            "--patience needs --validation or --validation-fraction",
        ),
        (
            "train tag train.conllu --test dev.conllu --test-fraction 0.1",
            "--test and --test-fraction both say what to test on",
        ),
        ("train tag train.conllu --test-fraction 1", "--test-fraction must be from 0 to below 1"),
        ("predict model sentences.txt --out o.csv", "--out o.csv must end in .tsv or .conllu"),
        ("predict model entities.tsv --out entities.tsv", "is DATA itself, which is not replaced"),
        ("evaluate model dev.conllu --target tag", "--target tag is no field of CoNLL-U"),
        ("train tag train.conllu --no-standardize", "No such option"),
    ],
)
def test_wrong_usage(run: Run, model: None, line: str, words: str) -> None:
    done = run(line)
    assert (done.code, done.out) == (2, "")
    assert words in done.said


def test_columns_of_a_file_of_the_other_kind() -> None:
    columns = TagColumns(True, "lemma", "xpos")
    assert columns.of(Path("a.conllu.gz")) is columns
    assert columns.of(Path("a.tsv")) == TagColumns(False)
    assert TagColumns.from_config(columns.to_config(), "m") == columns
    assert columns.field() == "xpos"
    assert TagColumns(True, None, 6).field() == "feats"
    assert TagColumns(False, 1, 4).field() == "upos"
