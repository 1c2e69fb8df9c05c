"""Raw outputs of a network to forecasts: points, quantiles, samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.distributions import Distribution
from unrolled.runtime.spec import Spec

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Outputs:
    """What the numbers of one target mean, by the loss of a spec.

    Attributes:
        loss: of the spec.
        levels: of a loss "quantile".
    """

    loss: str
    levels: tuple[float, ...] = ()

    @classmethod
    def of(cls, spec: Spec) -> Outputs:
        """Of a spec."""
        return cls(str(spec.loss), spec.quantiles)

    @property
    def distribution(self) -> Distribution | None:
        """The distribution that is learnt, or None."""
        known = ("normal", "student_t", "negative_binomial")
        return Distribution.of(self.loss) if self.loss in known else None

    @property
    def knows_spread(self) -> bool:
        """Whether more than a point comes out."""
        return bool(self.levels) or self.distribution is not None

    def points(self, raw: NDArray[Any], scale: NDArray[Any] | None = None) -> F64:
        """Raw numbers [..., P] of each target to one number [...]: the median, or the mean of a
        loss "squared".
        """
        if not self.knows_spread:
            return raw[..., 0].astype(np.float64)
        return self.quantiles(raw, (0.5,), scale)[..., 0]

    def quantiles(
        self, raw: NDArray[Any], levels: Sequence[float], scale: NDArray[Any] | None = None
    ) -> F64:
        """Raw numbers [..., P] to quantiles [..., Q], which never cross.

        Learnt quantiles are sorted (Chernozhukov et al. 2010), which takes none of them further
        from the truth, and those between two levels are interpolated.

        Raises:
            ValueError: the outputs know no spread, or not out to a level that is asked for.
        """
        distribution = self.distribution
        if distribution is not None:
            beside = None if scale is None else scale[..., None]
            return distribution.quantile(raw, levels, beside)[..., 0, :]
        if not self.levels:
            raise ValueError(
                f"loss={self.loss!r} learns one number and no spread; fit with loss='quantile' or "
                "a distribution, or with calibration_steps for predict_interval"
            )
        least, most = self.levels[0], self.levels[-1]
        outside = [q for q in levels if not least <= q <= most]
        if outside:
            raise ValueError(
                f"quantiles from {self.levels[0]:g} to {self.levels[-1]:g} were learnt, got the "
                f"level {outside[0]:g}; fit with quantiles that reach it"
            )
        known = np.sort(raw.astype(np.float64), axis=-1)
        place = np.interp(levels, self.levels, np.arange(len(self.levels)))
        below = np.minimum(place.astype(np.int64), max(0, len(self.levels) - 2))
        above = np.minimum(below + 1, len(self.levels) - 1)
        share = place - below
        return known[..., below] * (1 - share) + known[..., above] * share

    def sample(
        self, raw: NDArray[Any], rng: np.random.Generator, scale: NDArray[Any] | None = None
    ) -> F64:
        """One draw [...] of each target, from its raw numbers [..., P]; independent of each other.

        Raises:
            ValueError: the outputs know no distribution.
        """
        distribution = self.distribution
        if distribution is None:
            raise ValueError(
                f"loss={self.loss!r} learns no distribution to draw from; fit with loss='normal', "
                "'student_t' or 'negative_binomial'"
            )
        beside = None if scale is None else scale[..., None]
        return distribution.sample(raw, rng, beside)[..., 0]
