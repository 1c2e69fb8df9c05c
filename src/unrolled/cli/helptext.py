"""The words of `--help`: paragraphs that fill the terminal's width, and examples."""

from __future__ import annotations


def paragraphs(text: str) -> str:
    """A text without the line breaks inside its paragraphs, which a terminal would keep."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def examples(*commands: str) -> str:
    """Commands that work as they are typed, to stand below the options."""
    # Paragraphs, because single line breaks may be joined.
    return "\n\n".join(("[bold]Examples[/bold]", *commands))
