"""Named data sets: generated, shipped inside a dependency, or fetched once with a checksum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrolled.data.generated import adding, copying, random_walk, temporal_order
from unrolled.data.python_reference import python_reference, python_tokens
from unrolled.data.reber import ReberStrings, embedded_reber
from unrolled.data.remote import UCR_PROBLEMS, fetch
from unrolled.data.shipped import (
    TimeSeries,
    digits,
    pronunciations,
    seattle_temperatures,
    stocks,
)
from unrolled.data.ts_format import read_ts

__all__ = [
    "ReberStrings",
    "TimeSeries",
    "TimeSeriesProblem",
    "adding",
    "copying",
    "digits",
    "embedded_reber",
    "fetch",
    "pronunciations",
    "python_reference",
    "python_tokens",
    "random_walk",
    "seattle_temperatures",
    "stocks",
    "temporal_order",
    "ucr",
]


@dataclass(frozen=True, eq=False)
class TimeSeriesProblem:
    """A time series classification problem with its published train and test parts.

    Attributes:
        name: the problem's name in the archive.
        X_train, X_test: lists of arrays [T_i, C] float64.
        y_train, y_test: arrays [N] of class labels as text.
    """

    name: str
    X_train: list[np.ndarray]
    y_train: np.ndarray
    X_test: list[np.ndarray]
    y_test: np.ndarray


def ucr(name: str) -> TimeSeriesProblem:
    """One problem of the UCR and UEA time series archives, in its published two parts.

    Fetched on first use, see `fetch`. No licence is stated for each problem.

    Args:
        name: one of these, with the cases for training and test, channels x steps, and classes:
            "ArrowHead": 36 and 175, 1 x 251, 3;
            "BasicMotions": 40 and 40, 6 x 100, 4;
            "GunPoint": 50 and 150, 1 x 150, 2;
            "ItalyPowerDemand": 67 and 1,029, 1 x 24, 2;
            "JapaneseVowels": 270 and 370, 12 x 7 to 29, 9;
            "UnitTest": 20 and 22, 1 x 24, 2.

    Raises:
        ValueError: there is no such problem, or its file is damaged.
        FileNotFoundError: a file cannot be fetched.
    """
    if name not in UCR_PROBLEMS:
        raise ValueError(f"name must be one of {', '.join(UCR_PROBLEMS)}, got {name!r}.")
    train = read_ts(fetch("ucr_uea", f"{name}_TRAIN.ts"))
    test = read_ts(fetch("ucr_uea", f"{name}_TEST.ts"))
    return TimeSeriesProblem(name, train.X, train.y, test.X, test.y)
