"""The series of the forecasting benchmarks, as their protocols cut them."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
# 12, 4 and 4 months of 30 days, in hours.
ETT_PARTS = (12 * 30 * 24, 4 * 30 * 24, 4 * 30 * 24)


class Parts(NamedTuple):
    """A series [T, K], standardised by its training part, and the steps of its parts."""

    values: F64
    train: int
    valid: int
    test: int


def folder() -> Path:
    """The folder that UNROLLED_DATA names."""
    if "UNROLLED_DATA" not in os.environ:
        raise SystemExit("set UNROLLED_DATA to the folder that holds ett, m4 and exchange_rate")
    return Path(os.environ["UNROLLED_DATA"])


def ett(name: str) -> Parts:
    """ETTh1 or ETTh2, 7 channels, 12/4/4 months."""
    table = np.genfromtxt(folder() / "ett" / f"{name}.csv", delimiter=",", skip_header=1)[:, 1:]
    return _standardised(table[: sum(ETT_PARTS)], *ETT_PARTS)


def exchange_rate() -> Parts:
    """8 currencies, 7,588 days, 70/10/20 % (the cut of Autoformer's protocol)."""
    with gzip.open(folder() / "exchange_rate" / "exchange_rate.txt.gz", "rt") as lines:
        table = np.loadtxt(lines, delimiter=",")
    train, test = int(0.7 * len(table)), int(0.2 * len(table))
    return _standardised(table, train, len(table) - train - test, test)


def m4_hourly() -> tuple[list[F64], list[F64]]:
    """414 series to learn from, and the 48 values that follow each."""
    return tuple(_m4(f"Hourly-{part}.csv") for part in ("train", "test"))  # type: ignore[return-value]


def _m4(name: str) -> list[F64]:
    with (folder() / "m4" / name).open(newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return [np.array([float(cell) for cell in row[1:] if cell]) for row in rows]


def _standardised(table: F64, train: int, valid: int, test: int) -> Parts:
    mean, scale = table[:train].mean(axis=0), table[:train].std(axis=0)
    return Parts((table - mean) / scale, train, valid, test)
