"""Labels of classes as JSON has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The dtypes that hold labels of a type.
_DTYPES = {
    bool: re.compile(r"\|b1"),
    int: re.compile(r"[<>|][iu][1248]"),
    float: re.compile(r"[<>]f[248]"),
    str: re.compile(r"[<>]U\d+|\|O"),
}


def labels_to_config(classes: NDArray[Any]) -> dict[str, Any]:
    """Labels [K] and their dtype; `labels_from_config` reads them back.

    Raises:
        ValueError: the labels are not all texts, whole numbers, numbers or bools.
    """
    config = {"classes": classes.tolist(), "dtype": classes.dtype.str}
    labels_from_config(config)
    return config


def labels_from_config(config: Mapping[str, Any]) -> NDArray[Any]:
    """Labels [K], sorted and each once, from what `labels_to_config` gave.

    Raises:
        ValueError: they are not so, or not of one type, or do not fit their dtype.
    """
    labels, name = config["classes"], config["dtype"]
    if not isinstance(labels, list) or not labels:
        raise ValueError(f"classes must be a list of at least one label, got {labels!r:.80}")
    kinds = {type(label) for label in labels}
    kind = kinds.pop()
    if kinds or kind not in _DTYPES:
        names = ", ".join(sorted(each.__name__ for each in {*kinds, kind}))
        raise ValueError(
            f"classes must be all texts, all numbers or all bools to be saved, got {names}"
        )
    if not isinstance(name, str) or not _DTYPES[kind].fullmatch(name):
        raise ValueError(f"classes of type {kind.__name__} have the dtype {name!r:.80}")
    if any(not before < after for before, after in pairwise(labels)):
        raise ValueError("classes must be sorted, each label once")
    if name[1] == "U":
        return np.array(labels)
    try:
        classes: NDArray[Any] = np.array(labels, dtype=name)
    except OverflowError as error:
        raise ValueError(f"classes do not fit their dtype {name}") from error
    if classes.tolist() != labels:
        raise ValueError(f"classes do not fit their dtype {name}")
    return classes
