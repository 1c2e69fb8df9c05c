"""Prediction intervals from the errors of forecasts on a held-out part (split conformal)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST = 1000  # order statistics that are kept a step; with more residuals, the next higher is taken
KEPT = 2**21  # residuals that are kept of those that come block by block


@dataclass(frozen=True, eq=False)
class Conformal:
    """Intervals that hold a new value with at least the coverage asked for.

    The interval of step h is forecast ± the r-th smallest of the n absolute residuals of that step,
    r = ceil((n + 1) coverage). If the new residual and those n are exchangeable, it covers with a
    probability of at least `coverage`, whatever the model and the distribution (Vovk, Gammerman,
    Shafer, "Algorithmic Learning in a Random World", 2005; Lei et al., "Distribution-Free
    Predictive Inference for Regression", Journal of the American Statistical Association 113,
    2018). With `widths` each residual is divided by the width of its row and the interval
    multiplied by it (section 5.2 there): narrow where the model, or the series, is calm.

    Attributes:
        scores: [J, H, K] float64, rising along the first axis: of the n residuals of a step those
            of rank ceil((j + 1) n / J), j from 0 on.
        counts: [H, K] int64, n of each step and channel.
        scaled: the residuals were divided by widths.
    """

    scores: NDArray[np.float64]
    counts: NDArray[np.int64]
    scaled: bool

    @classmethod
    def fit(cls, residuals: ArrayLike, widths: ArrayLike | None = None) -> Conformal:
        """Keep the ranked residuals of a part that the model was not fitted on.

        Args:
            residuals: truth - forecast [n, H, K]; NaN where the truth is missing
            widths: [n, H, K] or what is broadcast to it, such as [n, 1, K]: finite, above 0

        Raises:
            ValueError: Other shapes, an infinite residual, a step without any, or bad widths.
        """
        return cls._ranked(_errors(residuals, widths), widths is not None)

    @classmethod
    def _ranked(cls, errors: NDArray[np.float64], scaled: bool) -> Conformal:
        counts = np.asarray((~np.isnan(errors)).sum(axis=0), dtype=np.int64)
        if (counts == 0).any():
            h, k = np.argwhere(counts == 0)[0]
            raise ValueError(f"residuals holds no number for step {h + 1}, channel {k}.")
        errors = np.sort(errors, axis=0)  # NaN last
        J = min(int(counts.max()), MOST)
        ranks = -(-(np.arange(1, J + 1)[:, None, None] * counts) // J)
        return cls(np.take_along_axis(errors, ranks - 1, axis=0), counts, scaled)

    def interval(
        self, forecast: ArrayLike, coverage: float, widths: ArrayLike | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends [..., h, K] of the intervals around `forecast` [..., h, K], h <= H.

        Args:
            forecast: point forecasts of the steps 1 to h
            coverage: share of the values that the intervals shall hold, between 0 and 1
            widths: [..., h, K] or what is broadcast to it; needed if, and only if, `fit` had widths

        Raises:
            ValueError: Other shapes, widths that `fit` had not (or had), or a coverage that the
                number of residuals is too small for.
        """
        centre = np.asarray(forecast, dtype=np.float64)
        H, K = self.counts.shape
        if centre.ndim < 2 or centre.shape[-1] != K or not 1 <= centre.shape[-2] <= H:
            raise ValueError(
                f"forecast has shape {list(centre.shape)}; [..., h, {K}] with h from 1 to {H} is "
                "needed."
            )
        if self.scaled != (widths is not None):
            raise ValueError(
                "widths is needed: these intervals were fitted with widths."
                if self.scaled
                else "widths was given, but these intervals were fitted without."
            )
        reach = self.reach(coverage)[: centre.shape[-2]]
        if widths is not None:
            reach = reach * _widths(widths, centre.shape)
        return centre - reach, centre + reach

    def reach(self, coverage: float) -> NDArray[np.float64]:
        """Half the width of the intervals, [H, K]; of fitted widths a multiple."""
        if not 0 < coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1, got {coverage!r}.")
        # the smallest rank r with r / (n + 1) >= coverage; 1e-9 absorbs the rounding of 0.8 * 20
        ranks = np.ceil((self.counts + 1) * coverage - 1e-9).astype(np.int64)
        if (ranks > self.counts).any():
            raise ValueError(
                f"coverage {coverage:g} needs {math.ceil(coverage / (1 - coverage) - 1e-9)} "
                f"residuals of each step, but there are {int(self.counts.min())}; hold out more, "
                "or ask for less coverage."
            )
        kept = (ranks - 1) * len(self.scores) // self.counts  # first kept rank that is not below
        reach: NDArray[np.float64] = np.take_along_axis(self.scores, kept[None], axis=0)[0]
        return reach

    def to_config(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_config` gives back the same bits."""
        return {
            "scores": self.scores.tolist(),
            "counts": self.counts.tolist(),
            "scaled": self.scaled,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Conformal:
        """Inverse of `to_config`.

        Raises:
            ValueError: The data holds anything unexpected.
        """
        if not isinstance(config, Mapping) or set(config) != {"scores", "counts", "scaled"}:
            raise ValueError("conformal needs exactly the fields scores, counts and scaled.")
        scores = _numbers(config["scores"], 3, "scores")
        counts = _numbers(config["counts"], 2, "counts")
        if scores.shape[1:] != counts.shape or not 1 <= len(scores) <= MOST:
            raise ValueError(
                f"conformal scores has shape {list(scores.shape)} beside counts "
                f"{list(counts.shape)}; [J, H, K] beside [H, K] with J up to {MOST} is needed."
            )
        if (counts < 1).any() or (counts > 2**40).any() or (counts % 1 != 0).any():
            raise ValueError("conformal counts needs whole numbers from 1 on.")
        if (scores < 0).any() or (np.diff(scores, axis=0) < 0).any():
            raise ValueError("conformal scores needs rising numbers from 0 on.")
        if not isinstance(config["scaled"], bool):
            raise ValueError("conformal scaled needs true or false.")
        return cls(scores, counts.astype(np.int64), config["scaled"])


class Residuals:
    """Residuals that come block by block, from which a `Conformal` is fitted in bounded memory.

    Each step and channel keeps `most` of its known residuals at least. Where there are more, they
    are drawn at random, always the same: the intervals are then those of a random part, which is as
    exchangeable with new residuals as the whole.

    Args:
        most: residuals to keep a step and channel; by default 2²¹ of all, and 1000 or more.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._blocks: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._rows, self._scaled = 0, False
        self._rng = np.random.default_rng(0)

    def add(self, residuals: ArrayLike, widths: ArrayLike | None = None) -> None:
        """Go on by a block; arguments and errors as of `Conformal.fit`."""
        errors = _errors(residuals, widths)
        self._scaled = widths is not None
        if self._most is None:
            self._most = max(MOST, KEPT // errors[0].size)
        keys = np.broadcast_to(self._rng.random((len(errors), 1, 1)), errors.shape)
        self._blocks.append((errors, keys))
        self._rows += len(errors)
        if self._rows > 2 * self._most:
            self._draw()

    def conformal(self) -> Conformal:
        """Of all that was added, one block or more.

        Raises:
            ValueError: A step has no residual.
        """
        if self._most is not None and self._rows > self._most:
            self._draw()
        return Conformal._ranked(np.concatenate([e for e, _ in self._blocks]), self._scaled)

    def _draw(self) -> None:
        """Keep those of the smallest keys, known ones first."""
        assert self._most is not None
        errors, keys = (np.concatenate(parts) for parts in zip(*self._blocks, strict=True))
        unknown_last = np.where(np.isnan(errors), np.inf, keys)
        kept = np.argpartition(unknown_last, self._most, axis=0)[: self._most]
        errors, keys = (np.take_along_axis(part, kept, axis=0) for part in (errors, keys))
        self._blocks, self._rows = [(errors, keys)], len(errors)


def _errors(residuals: ArrayLike, widths: ArrayLike | None) -> NDArray[np.float64]:
    """|residuals| over widths."""
    errors = np.abs(np.asarray(residuals, dtype=np.float64))
    if errors.ndim != 3 or 0 in errors.shape:
        raise ValueError(f"residuals has shape {list(errors.shape)}; [n, H, K] is needed.")
    if np.isinf(errors).any():
        raise ValueError("residuals holds infinity; finite numbers, or NaN, are needed.")
    return errors if widths is None else errors / _widths(widths, errors.shape)


def _widths(widths: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    array = np.asarray(widths, dtype=np.float64)
    try:
        fitted: NDArray[np.float64] = np.broadcast_to(array, shape)
    except ValueError as error:
        raise ValueError(
            f"widths has shape {list(array.shape)}; {list(shape)}, or what is broadcast to it, is "
            "needed."
        ) from error
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError("widths needs finite numbers above 0.")
    return fitted


def _numbers(values: Any, axes: int, name: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"conformal {name} needs lists of one length at each depth.") from error
    if array.dtype.kind not in "iuf" or array.ndim != axes or 0 in array.shape:
        raise ValueError(f"conformal {name} needs {axes} nested lists of numbers.")
    if not np.isfinite(array).all():
        raise ValueError(f"conformal {name} needs finite numbers.")
    return array.astype(np.float64)
