"""What stands for a character in a picture: itself, or a sign where it has no form or no glyph."""

from __future__ import annotations

from functools import lru_cache

from matplotlib.font_manager import FontProperties, findfont, get_font

SANS, MONO = "DejaVu Sans", "DejaVu Sans Mono"
LINE_END, TAB, CONTROL, MISSING = "↵", "→", "·", "□"


def glyph(character: str, family: str = SANS) -> str:
    """One character that the font has, of no width of its own but a blank's where it is space."""
    if character == "\n":
        return LINE_END
    if character == "\t":
        return TAB
    if character.isspace():
        return " "
    if not character.isprintable():
        return CONTROL
    return character if ord(character) in _known(family) else MISSING


def visible(text: str) -> str:
    """`text` in characters that the font of labels has, as many as before."""
    return "".join(map(glyph, text))


@lru_cache(maxsize=2)
def _known(family: str) -> frozenset[int]:
    """The characters that a font has."""
    return frozenset(get_font(findfont(FontProperties(family=family))).get_charmap())
