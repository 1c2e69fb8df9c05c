"""Data in: sequences of unequal length, tables, texts, windows, batches and named data sets."""

from unrolled.data.long_tables import LongTable, long
from unrolled.data.sequences import Sequences, as_sequences, as_table, pad, unpad, valid_mask
from unrolled.data.sources import (
    ReberStrings,
    TimeSeries,
    TimeSeriesProblem,
    adding,
    copying,
    digits,
    embedded_reber,
    fetch,
    random_walk,
    seattle_temperatures,
    stocks,
    temporal_order,
    ucr,
)
from unrolled.data.tables import read
from unrolled.data.text import encode
from unrolled.data.ts_format import LabelledSeries, read_ts
from unrolled.data.windows import windows

__all__ = [
    "LabelledSeries",
    "LongTable",
    "ReberStrings",
    "Sequences",
    "TimeSeries",
    "TimeSeriesProblem",
    "adding",
    "as_sequences",
    "as_table",
    "copying",
    "digits",
    "embedded_reber",
    "encode",
    "fetch",
    "long",
    "pad",
    "random_walk",
    "read",
    "read_ts",
    "seattle_temperatures",
    "stocks",
    "temporal_order",
    "ucr",
    "unpad",
    "valid_mask",
    "windows",
]
