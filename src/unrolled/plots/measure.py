"""How large a text will be, known before anything is drawn."""

from __future__ import annotations

from functools import lru_cache

from matplotlib.cbook import is_math_text
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path


def literal(text: str) -> str:
    """`text` in the form in which matplotlib takes no part of it for mathematics."""
    return text.replace("$", r"\$")


@lru_cache(maxsize=4096)
def text_size(text: str, points: float, *, weight: str = "normal") -> tuple[float, float]:
    """Width and height in inches of `text`: one or more lines, mathtext allowed."""
    font = FontProperties(
        family="DejaVu Sans", size=points, weight=weight, math_fontfamily="dejavusans"
    )
    lines = text.split("\n")
    widths = [0.0]
    for line in lines:
        ismath = is_math_text(line)
        plain = line if ismath else line.replace(r"\$", "$")
        widths.append(text_to_path.get_text_width_height_descent(plain, font, ismath)[0])
    return max(widths) / 72, len(lines) * points * 1.25 / 72


def shortened(text: str, width: float, points: float) -> str:
    """`text`, which is no mathtext, with its end left out where it is wider than so many inches."""
    # No letter is narrower than a twentieth of a point size.
    kept = text[: int(width * 72 / points * 20) + 1]
    while len(kept) > 1 and text_size(literal(kept + "…"), points)[0] > width:
        kept = kept[:-1]
    return text if text_size(literal(text[:1000]), points)[0] <= width else kept + "…"


def wrap(text: str, width: float, points: float, *, weight: str = "normal") -> str:
    """`text`, which is no mathtext, broken at spaces into lines of at most `width` inches."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_size(literal(longer), points, weight=weight)[0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
