"""CoNLL-U and files of columns, in and out."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import read_tagged, write_tagged

CONLLU = """\
# sent_id = 1
# text = I don't know.
1\tI\tI\tPRON\tPRP\t_\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tknow\tknow\tVERB\tVB\t_\t0\troot\t_\t_
4.1\tit\tit\tPRON\tPRP\t_\t_\t_\t_\t_
5\t.\t.\tPUNCT\t.\t_\t4\tpunct\t_\t_

# sent_id = 2
1\t#\t#\tSYM\t#\t_\t0\troot\t_\t_
2\tNew York\tNY\tPROPN\tNNP\t_\t1\tflat\t_\t_

"""


def write(path: Path, text: str) -> Path:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.conllu", "A.CONLLU", "a.conllu.gz"])
@pytest.mark.parametrize("text", [CONLLU, CONLLU.rstrip(), "\n\n" + CONLLU.replace("\n", "\r\n")])
def test_conllu(tmp_path: Path, name: str, text: str) -> None:
    words, labels = read_tagged(write(tmp_path / name, text))
    assert words == [["I", "do", "n't", "know", "."], ["#", "New York"]]
    assert labels == [["PRON", "AUX", "PART", "VERB", "PUNCT"], ["SYM", "PROPN"]]


def test_other_fields_of_conllu(tmp_path: Path) -> None:
    file = write(tmp_path / "a.conllu", CONLLU)
    words, labels = read_tagged(file, words="LEMMA", labels="xpos")
    assert words[0] == ["I", "do", "not", "know", "."]
    assert labels == [["PRP", "VBP", "RB", "VB", "."], ["#", "NNP"]]
    assert read_tagged(file, words=3, labels=5) == (words, labels)


@pytest.mark.parametrize(
    "text",
    [
        "a\tX\nb\tY\n\nc\tX\n",
        "a X\nb   Y\n\n\n \nc X",
        "\n a X \nb Y\n\nc X\n\n\n",
        "a\tz\tX\nb\t \u00a0z\tY\n\nc\tz\tX",
        "a z X\nb z Y\n\nc z X",
    ],
)
def test_columns(tmp_path: Path, text: str) -> None:
    expected = ([["a", "b"], ["c"]], [["X", "Y"], ["X"]])
    assert read_tagged(write(tmp_path / "a.txt", text)) == expected
    assert read_tagged(write(tmp_path / "a.txt.gz", text)) == expected


def test_columns_by_number(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", "a\tb\tc\td\n#\t#\tNew York\t#\n")
    assert read_tagged(file) == ([["a", "#"]], [["d", "#"]])
    assert read_tagged(file, words=3, labels=2) == ([["c", "New York"]], [["b", "#"]])
    assert read_tagged(file, labels=1) == ([["a", "#"]], [["a", "#"]])


WORDS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\t\r\n\ufeff"), min_size=1
)
TEXTS = st.lists(
    st.lists(st.tuples(*[WORDS.filter(lambda word: word.strip())] * 2), min_size=1), min_size=1
)


@settings(max_examples=10)
@given(TEXTS)
@pytest.mark.parametrize("name", ["a.conllu", "a.tsv", "a.conllu.gz", "a.tsv.gz"])
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, sentences: list[list[tuple[str, str]]]
) -> None:
    words = [[word for word, _ in sentence] for sentence in sentences]
    labels = [[label for _, label in sentence] for sentence in sentences]
    file = tmp_path_factory.mktemp("tagged") / name
    write_tagged(file, words, labels)
    assert read_tagged(file) == (words, labels)


def test_a_treebank(data_folder: Callable[[str], Path]) -> None:
    folder = data_folder("ud_english_ewt")
    words, labels = read_tagged(folder / "en_ewt-ud-train.conllu.gz")
    assert len(words) == 12_544
    assert sum(map(len, words)) == sum(map(len, labels)) == 204_577
    assert len({label for sentence in labels for label in sentence}) == 17
    _, fine = read_tagged(folder / "en_ewt-ud-dev.conllu", labels="xpos")
    assert sum(map(len, fine)) == 25_147


ROW = "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.conllu", ROW + "2\ta\tX\n", "line 2 has 3 fields between tabs; CoNLL-U has 10"),
        ("a.conllu", ROW + ROW, "line 2 has the ID '1' where 2 is expected; a blank line"),
        ("a.conllu", "\n" + ROW.replace("1", "x"), "line 2 has the ID 'x' where 1"),
        ("a.conllu", ROW.replace("1", "²"), "line 1 has the ID '²'"),
        ("a.conllu", ROW.replace("X", ""), "line 1 has nothing in column 4"),
        ("a.conllu", "# only\n\n", "holds no sentence"),
        ("a.txt", "\n\n", "holds no sentence"),
        ("a.txt", "", "is empty"),
        ("a.txt", "\nword\n", "line 2 has one column; a word and its label"),
        ("a.txt", "a b\n\nc d e\n", "line 3 has 3 columns between blanks, where line 1 has 2"),
        ("a.txt", "a\tb\nc d\n", "line 2 has 1 columns between tabs, where line 1 has 2"),
        ("a.txt", "a\tb\nc\t\n", "line 2 has nothing in column 2"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        read_tagged(write(tmp_path / name, text))
    assert str(error.value).startswith(str(tmp_path / name))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "how", "kind", "said"),
    [
        (
            "a.conllu",
            {"labels": "tag"},
            ValueError,
            "labels='tag' is no field of CoNLL-U; it has id",
        ),
        ("a.conllu", {"words": 11}, ValueError, "words=11 is no field; CoNLL-U has 10"),
        ("a.conllu", {"words": 0}, ValueError, "words must be at least 1"),
        ("a.conllu", {"labels": 1.0}, TypeError, "labels must be a whole number"),
        ("a.txt", {"labels": "upos"}, TypeError, "labels='upos' names a field, which only .conllu"),
        ("a.txt", {"labels": 0}, ValueError, "labels must be at least 1"),
        ("a.txt", {"words": 11}, ValueError, "line 1 has 10 columns, so words=11 is none"),
    ],
)
def test_columns_that_are_not_there(
    tmp_path: Path, name: str, how: dict[str, Any], kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        read_tagged(write(tmp_path / name, ROW), **how)


@pytest.mark.parametrize(
    ("words", "labels", "kind", "said"),
    [
        ([["a"]], [], ValueError, "labels are 0 lists for 1 sentences"),
        ([["a", "b"]], [["X"]], ValueError, "sentence 0 has 2 words and 1 labels"),
        ([["a"], []], [["X"], []], ValueError, "sentence 1 has 0 words"),
        ([["a", "b\tc"]], [["X", "Y"]], ValueError, "word 2 of sentence 0 is 'b"),
        ([["a"]], [["\n"]], ValueError, "label 1 of sentence 0 is"),
        ([["a"]], [[None]], TypeError, "label 1 of sentence 0 must be a string, got NoneType"),
    ],
)
def test_what_cannot_be_written(
    tmp_path: Path, words: Any, labels: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        write_tagged(tmp_path / "a.tsv", words, labels)
    assert not (tmp_path / "a.tsv").exists()


def test_labels_are_written_to_a_field(tmp_path: Path) -> None:
    file = tmp_path / "a.conllu"
    write_tagged(file, [["a", "b"]], [["X", "Y"]], field="XPOS")
    assert file.read_text().splitlines()[0] == "1\ta\t_\t_\tX\t_\t_\t_\t_\t_"
    assert read_tagged(file, labels="xpos") == ([["a", "b"]], [["X", "Y"]])
    write_tagged(tmp_path / "a.tsv", [["a"]], [["X"]], field="xpos")
    assert (tmp_path / "a.tsv").read_text() == "a\tX\n\n"
    for field in ("form", "id", "pos"):
        with pytest.raises(ValueError, match="is no field for labels; use lemma, upos"):
            write_tagged(file, [["a"]], [["X"]], field=field)
