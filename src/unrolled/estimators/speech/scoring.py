"""How near texts that were heard come to those that were said."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from unrolled.runtime.edit_distance import edit_distance

GET_METRICS = "pip install 'unrolled[metrics]'"


def has_jiwer() -> bool:
    """Whether the library of error rates is there."""
    return find_spec("jiwer") is not None


def error_rates(heard: list[str], said: list[str]) -> dict[str, float]:
    """`word_error_rate` and `character_error_rate`, as jiwer takes them.

    Raises:
        ModuleNotFoundError: jiwer is not installed.
    """
    jiwer = require_jiwer()
    return {
        "word_error_rate": float(jiwer.wer(said, heard)),
        "character_error_rate": float(jiwer.cer(said, heard)),
    }


def symbol_scores(
    heard: list[str], said: list[str], split: Callable[[str], list[str]]
) -> dict[str, float]:
    """`exact_match`, the share of texts with all symbols right, and `symbol_error_rate`.

    The second is the edits that make what was said of what was heard, over the symbols said.
    """
    pairs = [(split(a), split(b)) for a, b in zip(heard, said, strict=True)]
    edits = [edit_distance(a, b) for a, b in pairs]
    return {
        "exact_match": sum(found == 0 for found in edits) / len(edits),
        "symbol_error_rate": sum(edits) / sum(len(b) for _, b in pairs),
    }


def require_jiwer() -> Any:
    """The library.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        import jiwer
    except ModuleNotFoundError as error:
        if error.name != "jiwer":
            raise
        raise ModuleNotFoundError(
            f"error rates need the library jiwer, which is not installed; run: {GET_METRICS}",
            name="jiwer",
        ) from error
    return jiwer
