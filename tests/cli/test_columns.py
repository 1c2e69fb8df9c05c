"""Which columns are read: what is chosen, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer

from unrolled.cli.columns import ColumnOptions, Layout, choose
from unrolled.cli.rows import read_rows
from unrolled.data import read as read_file


def table(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame(columns)


BOTH = table(id=["a", "a", "b"], t=[0, 1, 0], x=[1.0, 2.0, 3.0], y=[1, 0, 1], word=["p", "q", "r"])


def layout(frame: pl.DataFrame, target: str, **options: Any) -> Layout:
    return choose(frame, "f.csv", ColumnOptions(target, **options))[0]


def read(frame: pl.DataFrame, target: str = "y", **options: Any) -> Any:
    return read_rows(frame, layout(frame, target, **options), "f.csv", target=True)


def test_numbers_in_their_order_are_steps() -> None:
    found, left_out = choose(BOTH, "f.csv", ColumnOptions("y", drop=("t",)))
    assert found == Layout("wide", "y", ("x",))
    assert left_out == ["id", "word"]


def test_channels_are_the_other_numbers() -> None:
    assert layout(BOTH, "y", id="id", time="t") == Layout("long", "y", ("x",), "id", "t")
    assert layout(BOTH, "word", id="id", time="t", values=("y",)).columns == ("y",)


def test_bools_are_numbers_and_empty_columns_are_not() -> None:
    frame = table(a=[True, None], b=["", None], c=[None, None], d=["p", "q"], y=[1, 2])
    frame = frame.with_columns(b=pl.lit(None, pl.String))
    assert choose(frame, "f.csv", ColumnOptions("y")) == (
        Layout("wide", "y", ("a",)),
        ["b", "c", "d"],
    )


def test_stored_and_read_back() -> None:
    for found in (layout(BOTH, "y", id="id", time="t"), layout(BOTH, "y", text="word")):
        assert Layout.from_config(found.to_config(), "m") == found


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "deep"}, {"kind": ["wide"]}, {"target": 3}, {"columns": []}, {"columns": "x"},
        {"columns": [1]}, {"id": 3}, {"kind": "long"}, {"more": 1},
    ],
)  # fmt: skip
def test_odd_stored_layout_is_refused(change: dict[str, Any]) -> None:
    config = {**layout(BOTH, "y").to_config(), **change}
    with pytest.raises(ValueError, match=r"^m does not say as it should which columns to read$"):
        Layout.from_config(config, "m")
    with pytest.raises(ValueError, match="which columns to read"):
        Layout.from_config(None, "m")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "t"}, "--time needs --id, the column that says whose steps they are"),
        ({"text": "word", "values": ("x",)}, "--text goes without --time, --value and --table"),
        ({"text": "word", "feed_forward": True}, "--text goes without"),
        ({"feed_forward": True, "id": "id", "time": "t"}, "--table goes without --time"),
        ({"id": "y"}, "--target and --id name the same column"),
        ({"values": ("x", "x")}, "--value x and --value x name the same column"),
        ({"values": ("x",), "drop": ("x",)}, "--value x and --drop x name the same column"),
    ],
)
def test_contradictions(options: dict[str, Any], words: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        layout(BOTH, "y", **options)
    assert words in str(refused.value)


def test_missing_column_is_named_with_those_there() -> None:
    words = r"^f.csv has no column 'wrd'; its first line names 'id', 't', .* \(is 'word' meant\?\)$"
    with pytest.raises(ValueError, match=words):
        layout(BOTH, "wrd")
    many = pl.DataFrame({f"c{i}": [1.0] for i in range(11)})
    with pytest.raises(ValueError, match=r"'c7', 3 more$"):
        layout(many, "label")
    with pytest.raises(ValueError, match=r"^g.parquet has no column 'z'; it has "):
        choose(many, "g.parquet", ColumnOptions("z"))


def test_no_numbers() -> None:
    said = r"^f.csv has no column of numbers to read besides 'y'; --text reads a column of texts$"
    with pytest.raises(ValueError, match=said):
        layout(table(y=[1], name=["a"]), "y")


def test_number_column_with_stray_text_is_not_left_out() -> None:
    frame = table(a=["1", "2.5", "n/a"], b=[1, 2, 3], y=[1, 2, 3])
    words = r"^column 'a' of f.csv holds numbers and text \('n/a' in row 2\); mend it, .* --drop a$"
    with pytest.raises(ValueError, match=words):
        layout(frame, "y")
    assert layout(frame, "y", drop=("a",)).columns == ("b",)


def test_gap_in_a_row() -> None:
    frame = table(a=[1.0, 2.0], b=[None, 2.0], c=[3.0, None], y=[1, 2])
    words = "^column 'b' of f.csv is empty in row 0 with values after it; fill it"
    with pytest.raises(ValueError, match=words):
        read(frame)


def test_empty_row() -> None:
    with pytest.raises(ValueError, match=r"^row 1 of f.csv is empty; drop it$"):
        read(table(a=[1.0, None], b=[2.0, None], y=[1, 2]))


def test_rows_end_where_cells_are_empty() -> None:
    frame = table(a=[1.0, 2.0, 3.0], b=[4.0, None, 5.0], c=[6.0, None, None], d=[True, None, None])
    rows = read(frame.with_columns(y=pl.Series([1, 2, 3])))
    assert [x[:, 0].tolist() for x in rows.X] == [[1.0, 4.0, 6.0, 1.0], [2.0], [3.0, 5.0]]
    assert rows.steps() == (1, 4)


def test_not_a_number() -> None:
    with pytest.raises(ValueError, match=r"^f.csv holds NaN in row 1 of column 'a'"):
        read(table(a=[1.0, float("nan")], b=[1.0, 2.0], y=[1, 2]))
    with pytest.raises(ValueError, match=r"^f.csv holds NaN in row 0 of column 'b'"):
        read(table(a=[1.0], b=[None], c=[2.0], y=[1]), values=("a", "b", "c"), feed_forward=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t": [0, 0, 0]}, "f.csv: table holds id 'a', t 0 twice"),
        ({"x": [1.0, None, 2.0]}, "f.csv: column 'x' of table holds NaN at id 'a', t 1"),
        ({"y": [1, 2, 1]}, "f.csv: target column 'y' of table changes inside id 'a', from 1 to 2"),
        ({"y": [1, 1, None]}, "f.csv: target column 'y' of table is missing for id 'b' in row 2"),
    ],
)
def test_faults_of_steps(change: dict[str, Any], words: str) -> None:
    frame = BOTH.with_columns(y=pl.Series([1, 1, 2])).with_columns(
        **{name: pl.Series(values) for name, values in change.items()}
    )
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (the text is compared below)
        read(frame, id="id", time="t", values=("x",))
    assert str(refused.value).startswith(words)


def test_ids_keep_the_order_and_the_kind_of_the_file() -> None:
    frame = table(id=[7, 3, 7], t=[1, 0, 0], x=[2.0, 3.0, 1.0], y=[1, 0, 1])
    rows = read(frame, id="id", time="t")
    assert rows.ids.to_list() == [7, 3]
    assert rows.ids.dtype == pl.Int64
    assert rows.y.tolist() == [1, 0]
    assert rows.X[0][:, 0].tolist() == [1.0, 2.0]


def test_texts() -> None:
    frame = table(s=["a b", None], n=[10, 1], d=[b"x", b"y"], y=[1, 2])
    with pytest.raises(
        ValueError, match=r"^column 's' of f.csv is empty in row 1; fill or drop it"
    ):
        read(frame, text="s")
    with pytest.raises(TypeError, match=r"^column 'n' of f.csv holds numbers, not texts"):
        read(frame, text="n")
    with pytest.raises(TypeError, match=r"^column 'd' of f.csv holds Binary, not texts"):
        read(frame, text="d")


def test_targets() -> None:
    frame = table(
        x=[1.0, 2.0], y=["p", None], z=["p", "q"], n=[1, 2], nan=[1.0, float("nan")]
    ).with_columns(d=pl.date(2024, 1, 1))
    with pytest.raises(ValueError, match=r"^column 'y' of f.csv is empty in row 1"):
        read(frame, "y", values=("x",))
    with pytest.raises(
        TypeError, match=r"^the target column of f.csv holds str_ \(p\), not numbers"
    ):
        read(frame, "z", values=("x",)).with_numbers("f.csv")
    with pytest.raises(TypeError, match=r"holds date \(2024-01-01\), which is no label"):
        read(frame, "d", values=("x",)).with_labels("f.csv")
    with pytest.raises(ValueError, match=r"^the target column of f.csv holds NaN in row 1"):
        read(frame, "nan", values=("x",)).with_numbers("f.csv")
    rows = read(frame, "n", values=("x",)).with_numbers("f.csv")
    assert rows.y.tolist() == [1.0, 2.0]
    assert rows.y.dtype == float


def test_labels_as_a_model_knows_them() -> None:
    numbers = read(table(x=[1.0, 2.0], y=[1, 2]))
    assert numbers.with_labels("f", np.array(["1", "2", "x"])).y.tolist() == ["1", "2"]
    assert numbers.with_labels("f", np.array([1, 2])).y.tolist() == [1, 2]
    bools = read(table(x=[1.0, 2.0], y=[True, False]))
    assert bools.with_labels("f", np.array(["true", "maybe", "false"])).y.tolist() == [
        "true",
        "false",
    ]
    texts = read(table(x=[1.0, 2.0], y=["a", "b"]))
    words = (
        r"^the target column of f holds text \('a'\), and the model's classes are numbers: 3, 4$"
    )
    with pytest.raises(TypeError, match=words):
        texts.with_labels("f", np.array([3, 4]))


def test_a_file_that_is_read_again(tmp_path: Path) -> None:
    BOTH.write_csv(tmp_path / "f.csv")
    frame = read_file(tmp_path / "f.csv")
    rows = read_rows(frame, layout(frame, "y", id="id", time="t"), "f.csv", target=False)
    assert rows.y is None
    assert len(rows) == 2
