"""Checks of what a spec holds: each refuses a value in one sentence that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_SIZE = 2**24


def fields_of(what: str, config: object, kind: type) -> dict[str, Any]:
    """The entries of a config, when each is a field of the dataclass and none is missing."""
    if not isinstance(config, Mapping):
        raise ValueError(f"{what} must be a mapping of names to values, got {shown(config)}")
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    for name in config:
        if name not in known:
            raise ValueError(f"{what} has the unknown entry {shown(name)}")
    for name, field in known.items():
        if name not in config and field.default is field.default_factory:
            raise ValueError(f"{what} lacks the entry {name!r}")
    return dict(config)


def check_size(name: str, value: object, most: int = MAX_SIZE, least: int = 1) -> None:
    """Refuse what is no whole number within the bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(
            f"{name} must be a whole number from {least} to {most}, got {shown(value)}"
        )


def check_probability(name: str, value: object) -> None:
    """Refuse what is no number from 0 to below 1."""
    # What float32 rounds to 1 would leave nothing.
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0.0 <= value < 1.0
        or np.float32(value) == 1.0
    ):
        raise ValueError(f"{name} must be a number from 0 to below 1, got {shown(value)}")


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {shown(value)}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse what is none of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {shown(value)}")


def shown(value: object) -> str:
    """A value as errors show it."""
    # Python writes out no whole number of more than 4300 digits.
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    return f"{value!r:.80}"
