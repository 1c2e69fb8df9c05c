"""Data in: sequences, series, tables, texts, sound, windows and named data sets."""

from unrolled.data.audio import as_waves, audio_blocks, read_audio
from unrolled.data.augmentation import change_speed, mask_spans
from unrolled.data.conll import read_tagged, write_tagged
from unrolled.data.frequency import Frequency
from unrolled.data.long_tables import LongTable, long
from unrolled.data.parallel import read_pairs
from unrolled.data.sequences import Sequences, as_sequences, as_table, pad, unpad, valid_mask
from unrolled.data.series import Covariates, SeriesSet
from unrolled.data.series_arrays import series_from_arrays
from unrolled.data.series_output import forecast_frame
from unrolled.data.series_tables import series_from_table
from unrolled.data.sources import (
    ReberStrings,
    TimeSeries,
    TimeSeriesProblem,
    adding,
    copying,
    digits,
    embedded_reber,
    fetch,
    pronunciations,
    python_reference,
    python_tokens,
    random_walk,
    seattle_temperatures,
    stocks,
    temporal_order,
    ucr,
)
from unrolled.data.streams import Streams
from unrolled.data.tables import read
from unrolled.data.text import encode
from unrolled.data.text_files import Corpus, encode_corpus, text_pieces
from unrolled.data.tones import telephone_tones
from unrolled.data.ts_format import LabelledSeries, read_ts
from unrolled.data.wave_files import write_wave
from unrolled.data.windows import windows
from unrolled.data.word_vectors import read_vectors
from unrolled.runtime.log_mel import LogMel

__all__ = [
    "Corpus",
    "Covariates",
    "Frequency",
    "LabelledSeries",
    "LogMel",
    "LongTable",
    "ReberStrings",
    "Sequences",
    "SeriesSet",
    "Streams",
    "TimeSeries",
    "TimeSeriesProblem",
    "adding",
    "as_sequences",
    "as_table",
    "as_waves",
    "audio_blocks",
    "change_speed",
    "copying",
    "digits",
    "embedded_reber",
    "encode",
    "encode_corpus",
    "fetch",
    "forecast_frame",
    "long",
    "mask_spans",
    "pad",
    "pronunciations",
    "python_reference",
    "python_tokens",
    "random_walk",
    "read",
    "read_audio",
    "read_pairs",
    "read_tagged",
    "read_ts",
    "read_vectors",
    "seattle_temperatures",
    "series_from_arrays",
    "series_from_table",
    "stocks",
    "telephone_tones",
    "temporal_order",
    "text_pieces",
    "ucr",
    "unpad",
    "valid_mask",
    "windows",
    "write_tagged",
    "write_wave",
]
