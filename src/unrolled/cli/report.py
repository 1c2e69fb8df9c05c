"""A report as one HTML page that needs nothing else: text, tables, pictures and sounds."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol

import numpy as np

from unrolled.cli.report_style import STYLE
from unrolled.runtime.files import write_whole

PIXELS_PER_INCH = 192  # of the embedded PNG: sharp on screens of twice the common density
CSS_PER_INCH = 96
LARGEST = 1.1  # of its natural width: text in pictures is then as large as that around them
SMALLEST = 0.53  # so that a picture of 7 inches fits a phone
SMALLEST_WIDE = 0.7  # wider ones have to be scrolled there anyway, and stay legible
WIDE = 700  # CSS pixels
PNG = b"\x89PNG\r\n\x1a\n"


class Drawn(Protocol):
    """What a picture needs of a matplotlib figure."""

    def savefig(self, fname: io.BytesIO, *, format: str, dpi: float) -> object: ...


@dataclass(frozen=True)
class Picture:
    """A figure with the text beside it.

    Attributes:
        figure: matplotlib figure, or the bytes of a PNG of 192 pixels an inch
        alt: what the picture shows, for those who do not see it
        caption: the text below it
    """

    figure: Drawn | bytes
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of texts and numbers; numbers are written with up to four significant digits.

    Attributes:
        header: names of the columns
        rows: one value a column in each of them; None is written as a dash
        caption: the text above the table
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    def __post_init__(self) -> None:
        for position, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise ValueError(
                    f"rows[{position}] must have {len(self.header)} values as header has names, "
                    f"got {len(row)}."
                )


@dataclass(frozen=True)
class Sound:
    """A WAV file that can be listened to, with the text beside it."""

    wave: bytes
    caption: str = ""


@dataclass(frozen=True)
class Verbatim:
    """A text whose blanks and line ends are kept, with the text above it."""

    text: str
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in order; a text is a paragraph."""

    heading: str
    content: Sequence[str | Table | Picture | Verbatim | Sound]


def write_report(
    path: str | os.PathLike[str],
    title: str,
    sections: Sequence[Section],
    subtitle: str | None = None,
) -> None:
    """Write a page with everything inside it; the file appears whole or not at all.

    The page has no scripts and loads nothing: it can be sent as one file and read on a phone, on a
    wide screen, in dark surroundings and on paper.

    Args:
        path: the file, by custom ending in .html; an older one is replaced
        title: title of the page
        sections: its parts; from three on, a list of contents stands on top
        subtitle: a line below the title

    Raises:
        OSError: The file cannot be written.
        TypeError: A section holds something that is neither text, table nor picture.
        ValueError: The bytes of a picture are no PNG.
    """
    write_whole(path, page(title, sections, subtitle).encode())


def page(title: str, sections: Sequence[Section], subtitle: str | None = None) -> str:
    """The text of the page that `write_report` writes."""
    head = f"<h1>{escape(title)}</h1>"
    if subtitle:
        head += f'\n<p class="subtitle">{escape(subtitle)}</p>'
    contents = ""
    if len(sections) >= 3:
        links = "".join(
            f'<li><a href="#part-{i}">{escape(section.heading)}</a></li>'
            for i, section in enumerate(sections, 1)
        )
        contents = f'<nav aria-label="Contents"><ol>{links}</ol></nav>'
    parts = "\n".join(_section(section, i) for i, section in enumerate(sections, 1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
{head}
</header>
{contents}
<main>
{parts}
</main>
</body>
</html>
"""


def _section(section: Section, number: int) -> str:
    lines = [f'<section id="part-{number}">', f"<h2>{escape(section.heading)}</h2>"]
    beside: list[str] = []  # pictures that follow one another share a row where they fit
    for item in section.content:
        if isinstance(item, Picture):
            beside.append(_picture(item))
            continue
        lines += _pictures(beside)
        beside = []
        if isinstance(item, str):
            lines.append(f"<p>{escape(item)}</p>")
        elif isinstance(item, Table):
            lines.append(_table(item))
        elif isinstance(item, Verbatim):
            lines.append(_verbatim(item))
        elif isinstance(item, Sound):
            lines.append(_sound(item))
        else:
            raise TypeError(
                f"section {section.heading!r} must hold texts, tables and pictures, "
                f"got {type(item).__name__}."
            )
    return "\n".join([*lines, *_pictures(beside), "</section>"])


def _pictures(figures: list[str]) -> list[str]:
    return ['<div class="pictures">', *figures, "</div>"] if figures else []


def _picture(picture: Picture) -> str:
    if isinstance(picture.figure, bytes):
        data = picture.figure
    else:
        buffer = io.BytesIO()
        picture.figure.savefig(buffer, format="png", dpi=PIXELS_PER_INCH)
        data = buffer.getvalue()
    if not data.startswith(PNG):
        raise ValueError(f"the picture {picture.alt!r} must be a PNG, got other bytes.")
    # the PNG's header: width and height, four bytes each, from byte 16
    width, height = (
        int.from_bytes(data[i : i + 4], "big") * CSS_PER_INCH // PIXELS_PER_INCH for i in (16, 20)
    )
    is_wide = width > WIDE
    least = (SMALLEST_WIDE if is_wide else SMALLEST) * width
    frame = "frame wide" if is_wide else "frame"
    source = base64.b64encode(data).decode("ascii")
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    return (
        f'<figure style="max-width: {int(LARGEST * width)}px"><div class="{frame}">'
        f'<img src="data:image/png;base64,{source}" alt="{escape(picture.alt)}" '
        f'width="{width}" height="{height}" style="min-width: {int(least)}px">'
        f"</div>{caption}</figure>"
    )


def _table(table: Table) -> str:
    columns = [[row[i] for row in table.rows] for i in range(len(table.header))]
    written = [_column(values) for values in columns]
    kinds = [
        ' class="number"' if any(v is not None for v in values) and _are_numbers(values) else ""
        for values in columns
    ]
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    header = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for name, kind in zip(table.header, kinds, strict=True)
    )
    rows = [
        "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(cells, kinds, strict=True))
        for cells in zip(*written, strict=True)
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="table"><table>{caption}\n<thead><tr>{header}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _verbatim(item: Verbatim) -> str:
    caption = f"<figcaption>{escape(item.caption)}</figcaption>" if item.caption else ""
    # A line end behind <pre> is dropped, so that one of the text's own is kept.
    return f'<figure class="verbatim">{caption}<pre>\n{escape(item.text)}</pre></figure>'


def _sound(item: Sound) -> str:
    source = base64.b64encode(item.wave).decode("ascii")
    return (
        f'<figure><audio controls preload="none" src="data:audio/wav;base64,{source}"></audio>'
        f"<figcaption>{escape(item.caption)}</figcaption></figure>"
    )


def _column(values: Sequence[object]) -> list[str]:
    """The cells of a column; floats of like size have their decimal points below one another."""
    floats = [float(v) for v in values if isinstance(v, (float, np.floating)) and np.isfinite(v)]
    sizes = [abs(v) for v in floats if v != 0]
    if sizes and max(sizes) >= 1e4 * min(sizes):
        return [_text(value, None) for value in values]
    digits = [significant(v).partition(".")[2] for v in floats]
    return [_text(value, max(map(len, digits), default=0)) for value in values]


def _text(value: object, decimals: int | None) -> str:
    if value is None:
        return "–"
    if not isinstance(value, (float, np.floating)):
        return str(value)
    text = significant(float(value))
    if decimals is None or "e" in text or not np.isfinite(value):
        return text
    return f"{value:.{decimals}f}"


def significant(value: float) -> str:
    """Up to four significant digits, all digits before the point, exponents only where needed."""
    size = abs(value)
    if size == 0 or not np.isfinite(size):
        return f"{value:g}"
    if not 1e-4 <= size < 1e7:
        return f"{value:.3e}"
    text = f"{value:.{max(0, 3 - int(np.floor(np.log10(size))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _are_numbers(values: Sequence[object]) -> bool:
    numbers = (int, float, np.integer, np.floating)
    return all(v is None or (isinstance(v, numbers) and not isinstance(v, bool)) for v in values)
