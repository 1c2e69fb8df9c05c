from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from unrolled.cli.report import Picture, Section, Table, page, write_report
from unrolled.cli.report_style import STYLE

VOID = {"meta", "link", "img", "br", "hr"}


class Reader(HTMLParser):
    """Reads a page strictly: each element is closed by its own end tag."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[str, str]] = []  # innermost element, text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append((self.open[-1], data.strip()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self, tag: str) -> list[str]:
        return [text for name, text in self.text if name == tag]


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def figure(width: float = 7.0, height: float = 2.0) -> Figure:
    drawn = Figure(figsize=(width, height))
    drawn.add_subplot().plot([0, 1])
    return drawn


def sections() -> list[Section]:
    return [
        Section("First", ["A paragraph.", Table(["name", "error"], [["GRU", 0.25]], "Errors")]),
        Section("Second", [Picture(figure(), "A rising line", "What rises.")]),
        Section("Third", ["End."]),
    ]


def test_the_page_holds_everything_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_report(path, "A report", sections(), "All that was found")
    reader = read(path.read_text(encoding="utf-8"))
    assert reader.words("title") == reader.words("h1") == ["A report"]
    assert reader.words("h2") == reader.words("a") == ["First", "Second", "Third"]
    assert reader.words("p") == ["All that was found", "A paragraph.", "End."]
    assert reader.words("caption") == ["Errors"]
    assert reader.words("th") == ["name", "error"]
    assert reader.words("td") == ["GRU", "0.25"]
    assert reader.words("figcaption") == ["What rises."]
    parts = [attributes["id"] for attributes in reader.all("section")]
    assert [link["href"] for link in reader.all("a")] == [f"#{part}" for part in parts]


def test_pictures_are_inside_and_sharp() -> None:
    (image,) = read(page("t", sections())).all("img")
    kind, data = str(image["src"]).split(",")
    assert kind == "data:image/png;base64"
    png = base64.b64decode(data, validate=True)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    size = (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big"))
    assert size == (1344, 384)  # 7 by 2 inches at 192 pixels an inch
    assert (image["width"], image["height"]) == ("672", "192")
    assert image["alt"] == "A rising line"


def test_bytes_of_a_png_are_taken_as_they_are() -> None:
    (first,) = read(page("t", sections())).all("img")
    data = base64.b64decode(str(first["src"]).split(",")[1])
    (again,) = read(page("t", [Section("s", [Picture(data, "x")])])).all("img")
    assert again["src"] == first["src"]


def test_a_wide_picture_stays_legible_on_a_phone() -> None:
    content = [Picture(figure(7), "narrow"), Picture(figure(11), "wide")]
    reader = read(page("t", [Section("s", content)]))
    least = [int(re.findall(r"min-width: (\d+)px", str(i["style"]))[0]) for i in reader.all("img")]
    assert least[0] < 360 < least[1] == 739
    frames = [d["class"] for d in reader.all("div") if "frame" in str(d["class"])]
    assert frames == ["frame", "frame wide"]


def test_nothing_is_loaded_and_nothing_runs() -> None:
    text = page("t", sections())
    reader = read(text)
    assert not reader.all("script")
    without_pictures = re.sub(r"base64,[^\"]+", "", text)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", without_pictures)
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    for attributes in reader.all("link") + reader.all("img"):
        assert str(attributes.get("href") or attributes.get("src")).startswith("data:")
    policy = next(m for m in reader.all("meta") if m.get("http-equiv"))
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")


HOSTILE = "<script>alert('1')</script> & \"quoted\" </style></title>"


def test_all_text_is_escaped() -> None:
    content = [
        HOSTILE,
        Table([HOSTILE], [[HOSTILE]], HOSTILE),
        Picture(figure(), HOSTILE, HOSTILE),
    ]
    text = page(HOSTILE, [Section(HOSTILE, content)] * 3, HOSTILE)
    reader = read(text)
    assert "<script" not in text
    assert not reader.all("script")
    for tag in ("h1", "h2", "p", "caption", "th", "td", "figcaption", "a", "title"):
        assert set(reader.words(tag)) == {HOSTILE}, tag
    assert {image["alt"] for image in reader.all("img")} == {HOSTILE}


def test_contents_stand_on_top_from_three_sections_on() -> None:
    assert len(read(page("t", sections())).all("nav")) == 1
    assert len(read(page("t", sections()[:2])).all("nav")) == 0


def test_pictures_in_a_row_share_a_row() -> None:
    one, text = Picture(figure(2), "a"), "between"
    reader = read(page("t", [Section("s", [one, one, text, one])]))
    assert [d["class"] for d in reader.all("div") if d["class"] == "pictures"] == ["pictures"] * 2


def column(values: list[object]) -> list[str]:
    return read(page("t", [Section("s", [Table(["x"], [[v] for v in values])])])).words("td")


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([0.0103, 0.0217], ["0.0103", "0.0217"]),
        ([0.087, 1.32, 4.2], ["0.087", "1.320", "4.200"]),
        ([0.123456, 12.3456], ["0.1235", "12.3456"]),
        ([1e-7, 12.5], ["1.000e-07", "12.5"]),
        ([10, 1797], ["10", "1797"]),
        ([0.0, 1.5, None], ["0.0", "1.5", "–"]),
        ([np.float32(0.25), np.int64(3)], ["0.25", "3"]),
        ([float("nan"), float("inf"), 1.5], ["nan", "inf", "1.5"]),
        (["text", True], ["text", "True"]),
        ([123456.7, -2.0], ["123457", "-2"]),
    ],
)
def test_numbers_are_written_for_people(values: list[object], written: list[str]) -> None:
    assert column(values) == written


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    table = Table(["name", "n", "flag", "empty"], [["a", 1, True, None], ["b", None, False, None]])
    reader = read(page("t", [Section("s", [table])]))
    assert [th.get("class") for th in reader.all("th")] == [None, "number", None, None]
    assert [td.get("class") for td in reader.all("td")] == [None, "number", None, None] * 2


def test_an_older_report_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, "New", [])
    assert "<h1>New</h1>" in path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_made_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(TypeError, match="section 's' must hold texts, tables and pictures, got in"):
        write_report(path, "New", [Section("s", [3])])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="the picture 'alt' must be a PNG, got other bytes"):
        write_report(path, "New", [Section("s", [Picture(b"GIF89a", "alt")])])
    assert path.read_text() == "old"


def test_rows_must_have_a_value_for_each_column() -> None:
    with pytest.raises(
        ValueError, match=r"rows\[1\] must have 2 values as header has names, got 1"
    ):
        Table(["a", "b"], [[1, 2], [3]])


def test_the_style_is_whole() -> None:
    assert STYLE.count("{") == STYLE.count("}")
    for query in ("prefers-color-scheme: dark", "max-width: 32rem", "media print"):
        assert query in STYLE
    used = set(re.findall(r"var\((--[a-z]+)\)", STYLE))
    for theme in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL):
        assert used <= set(re.findall(r"(--[a-z]+):", theme))
