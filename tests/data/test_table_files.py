"""CSV, TSV and Parquet files, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from unrolled.data import as_table, read
from unrolled.data.tables import read as read_of_tables


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_numbers(tmp_path: Path) -> None:
    table = read(written(tmp_path, "a,b\n1,2.5\n3,4\n"))
    assert table.columns == ["a", "b"]
    assert as_table(table).tolist() == [[1, 2.5], [3, 4]]
    assert read_of_tables is read


def test_quoted_text_and_empty_cells(tmp_path: Path) -> None:
    content = 'who,what,x\n"Doe, Jane","she said ""no""",1\nRoe,"two\nlines",\nPoe,,3\n'
    table = read(str(written(tmp_path, content)))
    assert table["who"].to_list() == ["Doe, Jane", "Roe", "Poe"]
    assert table["what"].to_list() == ['she said "no"', "two\nlines", None]
    assert table["x"].to_list() == [1, None, 3]


def test_tabs_and_capitals(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a\tb\n1,5\t2\n", "T.TSV"))["a"].to_list() == ["1,5"]


def test_windows_line_ends_byte_order_mark_and_last_lines(tmp_path: Path) -> None:
    table = read(written(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n\r\n"))
    assert table.rows() == [(1, 2), (3, 4)]
    assert table.columns == ["a", "b"]


def test_blanks_around_numbers_and_names(tmp_path: Path) -> None:
    table = read(written(tmp_path, "a, b, c\n1, 2, x\n3, , y\n"))
    assert table.columns == ["a", "b", "c"]
    assert table["c"].to_list() == [" x", " y"]
    table = read(written(tmp_path, "a, b\n1, 2\n3, 4.5\n"))
    assert table["b"].to_list() == [2.0, 4.5]


def test_kinds_are_inferred_from_all_rows(tmp_path: Path) -> None:
    content = "a\n" + "1\n" * 5000 + "2.5\n"
    assert read(written(tmp_path, content))["a"].dtype == pl.Float64
    content = "a\n" + "1\n" * 5000 + "n/a\n"
    with pytest.raises(TypeError, match=r"^column 'a' of X holds text \('n/a' in row 5000\)"):
        as_table(read(written(tmp_path, content)))


def test_dates_stay_text(tmp_path: Path) -> None:
    content = "when,b\n2024-01-02,1\n01/02/2024,2\n"
    assert read(written(tmp_path, content))["when"].to_list() == ["2024-01-02", "01/02/2024"]


def test_parquet(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": [1.5, 2.5], "b": ["x", None]})
    table.write_parquet(tmp_path / "table.parquet")
    assert read(tmp_path / "table.parquet").equals(table)
    whole = (tmp_path / "table.parquet").read_bytes()
    with pytest.raises(ValueError, match=r"^\S*cut\.parquet is no whole Parquet file: [^\n]+\.$"):
        read(written(tmp_path, whole[: len(whole) // 2], "cut.parquet"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n3,4,5\n", r"cannot be read: line 3 has 3 cells where line 1 has 2\.$"),
        ("a,b\n1,2\n3\n5,6\n", r"cannot be read: line 3 has 1 cells where line 1 has 2\.$"),
        ('a,b\n"1\n1",2\n3\n', r"cannot be read: line 4 has 1 cells where line 1 has 2\.$"),
        ("a,b\n1,2\n\n5,6\n", r"cannot be read: line 3 is blank\.$"),
        ('a,b\n1,2\n"3,4\n5,6\n', r"the cell quoted in line 3 is not closed as it should be"),
        ('a,b\n1,"2"3\n', r"the cell quoted in line 2 is not closed as it should be"),
        ('"a,b\n1,2\n', r"the cell quoted in line 1 is not closed as it should be"),
        (b"a,b\n1,2\n3,\xff\n", r"cannot be read: line 3 is not UTF-8 text\.$"),
        (b"a,\xff\n1,2\n", r"cannot be read: line 1 is not UTF-8 text\.$"),
        ("", r"is empty; its first line must name the columns\.$"),
        ("a,b\n", r"holds no rows below its column names\.$"),
        ("a,b,a\n1,2,3\n", r"has two columns 'a' in line 1; rename one of them\.$"),
        (",a\n0,1\n", r"has no name for column 1 in line 1; name it, or leave it out"),
        ("a;b\n1;2\n", r"separates its columns with ';', where its suffix says ','"),
    ],
)
def test_damaged_text(tmp_path: Path, content: str | bytes, words: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv is not a file\.$"):
        read(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match=r"table\.xlsx must end in \.csv, \.tsv or \.parquet\.$"):
        read(tmp_path / "table.xlsx")
