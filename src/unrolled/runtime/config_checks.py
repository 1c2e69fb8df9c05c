"""Checks of plain data that transforms are made from, which may come from a damaged file."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping

import numpy as np


def check_keys(
    name: str, config: object, keys: tuple[str, ...], optional: tuple[str, ...] = ()
) -> None:
    """Let a mapping pass that has all of `keys`, perhaps some of `optional`, and nothing else.

    Raises:
        ValueError: it is no such mapping.
    """
    both = (*keys, *optional)
    if not isinstance(config, Mapping):
        raise ValueError(f"the {name} needs a mapping with {', '.join(keys)}, not {shown(config)}")
    for key in keys:
        if key not in config:
            raise ValueError(f"the {name} lacks {key}")
    for key in config:
        if key not in both:
            raise ValueError(f"the {name} holds {shown(key)}, which is none of {', '.join(both)}")


def is_finite_number(number: object) -> bool:
    """Whether this is an int or a float that is a finite float64."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return False
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def whole_number(name: str, value: object, *, least: int) -> int:
    """A whole number of at least `least`.

    Raises:
        TypeError: the value is no whole number.
        ValueError: it is smaller.
    """
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} needs a whole number of at least {least}, not {shown(value)}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} needs a whole number of at least {least}, not {number}")
    return number


def check_flag(name: str, value: object) -> None:
    """Let True and False pass.

    Raises:
        ValueError: the value is another one.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} needs True or False, not {shown(value)}")


def check_symbol(what: str, symbol: object) -> None:
    """Let a string pass that is not empty and has no half of a surrogate pair.

    Raises:
        ValueError: it is another thing; `what` names it.
    """
    if not isinstance(symbol, str) or not symbol:
        raise ValueError(f"{what} is {shown(symbol)}; a string that is not empty is needed")
    if not symbol.isascii() and any("\ud800" <= letter <= "\udfff" for letter in symbol):
        raise ValueError(
            f"{what}, {shown(symbol)}, is no Unicode text; decode the texts as UTF-8 first"
        )


def shown(value: object) -> str:
    """A value in an error: a short form of whatever it may be."""
    if isinstance(value, (dict, list, tuple, set)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    text = repr(value[:40]) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
