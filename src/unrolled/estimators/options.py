"""Constructor arguments as data: what each accepts, said once, checked at fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np

Rule = dict[str, Any]


def whole(least: int, *, help: str, none: bool = False) -> Rule:
    """A whole number of at least `least` (or None)."""

    def accepts(value: object) -> bool:
        return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least

    return _rule(accepts, f"a whole number of at least {least}", help, none)


def real(least: float, *, help: str, none: bool = False, above: bool = False) -> Rule:
    """A number of at least `least`, or above it (or None)."""

    def accepts(value: object) -> bool:
        if not isinstance(value, Real) or isinstance(value, bool):
            return False
        number = float(value)
        return math.isfinite(number) and (number > least if above else number >= least)

    return _rule(accepts, f"a number {'above' if above else 'of at least'} {least:g}", help, none)


def share(*, help: str) -> Rule:
    """A number from 0 to below 1."""

    def accepts(value: object) -> bool:
        return isinstance(value, Real) and not isinstance(value, bool) and 0.0 <= float(value) < 1.0

    return _rule(accepts, "a number from 0 to below 1", help)


def flag(*, help: str) -> Rule:
    """True or False."""
    return _rule(lambda value: isinstance(value, bool | np.bool_), "True or False", help)


def choice(*values: object, help: str) -> Rule:
    """One of some values; NumPy's strings too, as a search over an array of them gives."""

    def accepts(value: object) -> bool:
        kind = str if isinstance(value, str) else type(value)
        return any(kind is type(known) and value == known for known in values)

    return _rule(accepts, f"one of {', '.join(map(repr, values))}", help)


def sizes(*, help: str) -> Rule:
    """A tuple or list of whole numbers of at least 1, or one such number."""

    def accepts(value: object) -> bool:
        several = value if isinstance(value, tuple | list) else (value,)
        return all(
            isinstance(v, Integral) and not isinstance(v, bool) and int(v) >= 1 for v in several
        )

    return _rule(accepts, "a tuple of whole numbers of at least 1", help)


def pixels(*, help: str) -> Rule:
    """A whole number of at least 1, also alone in a tuple, a pair of them, or None."""

    def accepts(value: object) -> bool:
        several = value if isinstance(value, tuple | list) else (value,)
        return len(several) in (1, 2) and all(
            isinstance(v, Integral) and not isinstance(v, bool) and int(v) >= 1 for v in several
        )

    return _rule(accepts, "a whole number of at least 1 or two of them", help, True)


def names(*, help: str) -> Rule:
    """A tuple or list of texts, or one text."""

    def accepts(value: object) -> bool:
        several = value if isinstance(value, tuple | list) else (value,)
        return all(isinstance(v, str) for v in several)

    return _rule(accepts, "a tuple of names", help)


def levels(*, help: str) -> Rule:
    """A tuple or list of rising numbers between 0 and 1."""

    def accepts(value: object) -> bool:
        if not isinstance(value, tuple | list) or not value:
            return False
        if not all(isinstance(v, Real) and 0.0 < float(v) < 1.0 for v in value):
            return False
        return all(a < b for a, b in pairwise(value))

    return _rule(accepts, "rising numbers between 0 and 1", help)


def factors(*, help: str) -> Rule:
    """A tuple or list of numbers from 0.1 to 10."""

    def accepts(value: object) -> bool:
        if not isinstance(value, tuple | list) or not value:
            return False
        return all(isinstance(v, Real) and 0.1 <= float(v) <= 10.0 for v in value)

    return _rule(accepts, "a tuple of numbers from 0.1 to 10", help)


def instance(*kinds: type, wanted: str, help: str) -> Rule:
    """An object of one of these types, or None."""
    return _rule(lambda value: isinstance(value, kinds), wanted, help, none=True)


def _rule(accepts: Callable[[object], bool], wanted: str, help: str, none: bool = False) -> Rule:
    if none:
        return {
            "accepts": lambda value: value is None or accepts(value),
            "wanted": f"{wanted}, or None",
            "help": help,
        }
    return {"accepts": accepts, "wanted": wanted, "help": help}


def check_options(estimator: Any) -> None:
    """Check every constructor argument of an estimator.

    Raises:
        ValueError: an argument is not what it accepts; names it, what came and what would do.
    """
    for option in fields(estimator):
        value = getattr(estimator, option.name)
        if not option.metadata["accepts"](value):
            wanted = option.metadata["wanted"]
            raise ValueError(f"{option.name} must be {wanted}, got {value!r:.80}")
