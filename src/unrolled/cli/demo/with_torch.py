"""Examples of the demo that need torch; without it a sentence says so."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from rich.console import Console

from unrolled.cli.report import Section, Table

GET_TORCH = "pip install 'unrolled[torch]'"
NAMES = "spelling to sound, the sound of telephone keys to text, digit images to words"
Show = Callable[[Console, Table], None]


def learn_with_torch(console: Console, show: Show, quick: bool) -> list[Section]:
    """Learn them one after the other and print their tables.

    Returns:
        Their parts of the report; where torch is not installed the sentence alone.
    """
    if find_spec("torch") is None:
        told = f"Left out, since they need torch: {NAMES}. To see them: {GET_TORCH}"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
        return [Section("Sequences of other lengths", (f"{told}.",))]
    from unrolled.cli.demo.digit_words import (
        digit_words_section,
        digit_words_table,
        learn_digit_words,
    )
    from unrolled.cli.demo.pronunciation import (
        learn_pronunciation,
        pronunciation_section,
        pronunciation_table,
    )
    from unrolled.cli.demo.tones import learn_tones, tones_section, tones_table

    with console.status("Learning to pronounce"):
        pronunciation = learn_pronunciation(quick)
    show(console, pronunciation_table(pronunciation))
    with console.status("Learning to hear telephone keys"):
        tones = learn_tones(quick)
    show(console, tones_table(tones))
    with console.status("Learning to name digits"):
        named = learn_digit_words(quick)
    show(console, digit_words_table(named))
    return [pronunciation_section(pronunciation), tones_section(tones), digit_words_section(named)]
