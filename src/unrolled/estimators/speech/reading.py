"""From the log-probabilities of steps to symbols and their times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.estimators.speech.texts import UNKNOWN
from unrolled.runtime.ctc import CtcDecoded, Scorer, ctc_beam, ctc_greedy
from unrolled.runtime.log_mel import LogMel
from unrolled.runtime.transcription import TranscriberSpec


class Search(NamedTuple):
    """How symbols are read.

    Attributes:
        width: prefixes side by side; 1 without a model takes the likeliest path.
        model: what knows which symbols follow which, or None.
        weight: of its log-probabilities.
        bonus: for each symbol.
        n_best: how many readings are given of each utterance.
    """

    width: int
    model: Scorer | None = None
    weight: float = 0.5
    bonus: float = 0.0
    n_best: int = 1


class Timed(NamedTuple):
    """A symbol, or a word, and when it was.

    Attributes:
        symbol: what was read.
        start: seconds after the beginning of the sound.
        end: likewise.
    """

    symbol: str
    start: float
    end: float


def read(log_p: NDArray[np.float32], search: Search) -> list[CtcDecoded]:
    """The best readings of log-probabilities [T', K], the unknown symbol left out."""
    allowed = log_p.astype(np.float64)
    allowed[:, UNKNOWN] = -np.inf
    if search.width == 1 and search.model is None and not search.bonus:
        return [ctc_greedy(allowed)]
    return ctc_beam(
        allowed,
        search.width,
        model=search.model,
        weight=search.weight,
        bonus=search.bonus,
        n_best=search.n_best,
    )


class Clock:
    """Seconds of the steps of a model.

    Args:
        spec: the model.
        log_mel: what makes its frames; None where they are given.
        step: seconds between two frames.
    """

    def __init__(self, spec: TranscriberSpec, log_mel: LogMel | None, step: float) -> None:
        self._stride = spec.stride
        if log_mel is None:
            self._step, self._middle, self._behind = step, step / 2, step / 2
        else:
            self._step = log_mel.step_samples / log_mel.sample_rate
            self._middle = self._behind = log_mel.window_samples / log_mel.sample_rate / 2

    def seconds(self, steps: NDArray[np.int64], frames: int) -> NDArray[np.float64]:
        """Beginning and end, [K, 2], of the first and last steps [K, 2] of an utterance."""
        middle = self._middle + self._step * self._stride * steps
        half = self._step * self._stride / 2
        last = self._middle + self._step * (frames - 1) + self._behind
        found: NDArray[np.float64] = np.clip(middle + np.array([-half, half]), 0.0, last)
        return found

    @property
    def step(self) -> float:
        """Seconds from step to step."""
        return self._step * self._stride


def timed(symbols: Iterable[str], seconds: NDArray[np.float64]) -> list[Timed]:
    """Symbols [K] with their seconds [K, 2]."""
    rows: list[Any] = seconds.tolist()
    return [Timed(symbol, *row) for symbol, row in zip(symbols, rows, strict=True)]


def words(symbols: list[Timed]) -> list[Timed]:
    """Characters put together to words: what is between white space."""
    found: list[Timed] = []
    inside = False
    for symbol, start, end in symbols:
        if symbol.isspace():
            inside = False
            continue
        if inside:
            last = found[-1]
            found[-1] = Timed(last.symbol + symbol, last.start, end)
        else:
            found.append(Timed(symbol, start, end))
        inside = True
    return found
