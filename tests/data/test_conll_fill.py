from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from unrolled.data import read_tagged
from unrolled.data.conll import read_words
from unrolled.data.conll_fill import fill_tagged

CONLLU = (
    "# newdoc\r\n# text = Don't go\n"
    "1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
    "1\tDo\tdo\tAUX\tVBP\tMood=Imp\t3\taux\t3:aux\t_\r\n"
    "2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_\n"
    "2.1\tgone\tgo\tVERB\t_\t_\t_\t_\t0:root\t_\n"
    "3\tgo now\tgo\tVERB\tVB\t_\t0\troot\t_\t_\n"
    "\n \n"
    "1\t#1\tx\tX\tY\t_\t0\troot\t_\t_"
)
LABELS = [["A", "B", "C"], ["D"]]


def filled(
    tmp_path: Path, name: str, text: str, labels: Any, field: Any = None, new_column: bool = False
) -> str:
    (tmp_path / name).write_bytes(text.encode())
    fill_tagged(tmp_path / name, tmp_path / "new", labels, field=field, new_column=new_column)
    return (tmp_path / "new").read_bytes().decode()


@pytest.mark.parametrize(
    ("field", "old"),
    [
        (None, ["AUX", "PART", "VERB", "X"]),
        ("XPOS", ["VBP", "RB", "VB", "Y"]),
        (5, ["VBP", "RB", "VB", "Y"]),
    ],
)
def test_only_the_label_of_a_word_changes(tmp_path: Path, field: Any, old: list[str]) -> None:
    found = filled(tmp_path, "a.conllu", CONLLU, LABELS, field).split("\n")
    changed = 0
    for before, after in zip(CONLLU.split("\n"), found, strict=True):
        if before != after:
            label = old[changed]
            assert after == before.replace(f"\t{label}\t", f"\t{'ABCD'[changed]}\t", 1)
            changed += 1
    assert changed == 4


def test_packed_files_and_byte_order_marks(tmp_path: Path) -> None:
    (tmp_path / "a.conllu.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + CONLLU.encode()))
    words = read_tagged(tmp_path / "a.conllu.gz")[0]
    fill_tagged(tmp_path / "a.conllu.gz", tmp_path / "b.conllu.gz", LABELS)
    assert read_tagged(tmp_path / "b.conllu.gz") == (words, LABELS)
    text = gzip.decompress((tmp_path / "b.conllu.gz").read_bytes())
    assert text.startswith(b"\xef\xbb\xbf# newdoc\r\n")


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("a\tx y\tO\n\nb\tz\tO", None, "a\tx y\t1\n\nb\tz\t2"),
        ("a\tx y\tO\n\nb\tz\tO", 2, "a\t1\tO\n\nb\t2\tO"),
        (" a  x   O \n\n\nb z O\n", None, " a  x   1 \n\n\nb z 2\n"),
        ("a  x   O\n\nb z O\n", 2, "a  1   O\n\nb 2 O\n"),
        ("# x\n\nb y\n", None, "# 1\n\nb 2\n"),
        ("\ufeffa x\r\rb y\r", 1, "\ufeff1 x\r\r2 y\r"),
        ("\ufeff a x O\r\n\r\nb y O", 2, "\ufeff a 1 O\r\n\r\nb 2 O"),
    ],
)
def test_columns(tmp_path: Path, text: str, field: Any, expected: str) -> None:
    assert filled(tmp_path, "a.tsv", text, [["1"], ["2"]], field) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tx y\r\n\nb\tz", "a\tx y\t1\r\n\nb\tz\t2"),
        ("\ufeff a  x  \n\nb z\n", "\ufeff a  x 1  \n\nb z 2\n"),
        ("\ufeff a \r\n\nb", "\ufeffa\t1\r\n\nb\t2"),
    ],
)
def test_a_new_column(tmp_path: Path, text: str, expected: str) -> None:
    assert filled(tmp_path, "a.tsv", text, [["1"], ["2"]], new_column=True) == expected
    words = read_words(tmp_path / "a.tsv")
    assert read_tagged(tmp_path / "new") == (words, [["1"], ["2"]])
    for name, field in (("a.tsv", 1), ("a.conllu", None)):
        with pytest.raises(ValueError, match="new_column=True is for files of columns, without a"):
            filled(tmp_path, name, text, [["1"], ["2"]], field, new_column=True)


def test_a_label_with_a_blank_needs_a_tab(tmp_path: Path) -> None:
    assert filled(tmp_path, "a.tsv", "b\n", [["1 2"]], new_column=True) == "b\t1 2\n"
    with pytest.raises(ValueError, match="label 1 is '1 2'; blanks part the columns"):
        filled(tmp_path, "a.tsv", "a b\n", [["1 2"]], new_column=True)


@pytest.mark.parametrize(
    ("name", "text", "labels", "field", "said"),
    [
        ("a.conllu", CONLLU, LABELS[:1], None, "line 10 has a word without a label: they are 3"),
        ("a.conllu", CONLLU, [*LABELS, ["E"]], None, "has 4 words, and there are more labels"),
        ("a.conllu", CONLLU, LABELS, "form", "field='form' is no field for labels"),
        ("a.conllu", CONLLU, LABELS, 11, "field=11 is no field"),
        ("a.tsv", "a b\n", [["1"]], 3, "line 1 has 2 columns, so labels=3 is none"),
        ("a.tsv", "a b\n", [["1"]], 0, "field must be at least 1, got 0"),
        ("a.tsv", "a b\n", [["1"]], -1, "field must be at least 1, got -1"),
        ("a.tsv", "a b\n", [["1"]], 1.0, "field must be a whole number, got float 1.0"),
        ("a.tsv", "a b\n", [["1"]], "upos", "names a field, and"),
        ("a.tsv", "a b\n", [["1 2"]], None, "label 1 is '1 2'; blanks part the columns"),
        ("a.tsv", "a\tb\n", [["1\t2"]], None, "no tab and no line end"),
    ],
)
def test_what_does_not_fit(
    tmp_path: Path, name: str, text: str, labels: Any, field: Any, said: str
) -> None:
    with pytest.raises(TypeError if field == 1.0 else ValueError, match=said):
        filled(tmp_path, name, text, labels, field)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tsv", b"a\tO\nb\xff\tO\n", "a.tsv is no utf-8 text: byte 5 of the file, in line 2"),
        ("a.tsv.gz", gzip.compress(b"a\tO\n", mtime=0)[:-9], "a.tsv.gz is no whole gzip file"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        fill_tagged(tmp_path / name, tmp_path / "new", [["1"]])
    assert not (tmp_path / "new").exists()
