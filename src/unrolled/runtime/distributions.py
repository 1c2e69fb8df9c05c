"""What the raw outputs of a "distribution" head mean: means, quantiles, samples, likelihoods.

The K raw outputs are [targets, parameters]. With `s(o) = log(1 + exp(o))` the parameters are

    normal             mean o0, scale s(o1) + 0.001
    student_t          mean o0, scale s(o1) + 0.001, degrees of freedom 2 + s(o2)
    negative_binomial  mean c s(o0), shape a = s(o1) / sqrt(c), variance mean + a mean^2

where c is the scale of the row that a count belongs to (Salinas et al. 2020, arXiv 1704.04110).
Everything is float64. SciPy is imported where it is needed, which is everywhere but in means and
samples.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unrolled.runtime.spec import DISTRIBUTION_SIZES

# A scale that goes to 0, on targets that can be told exactly, would take a likelihood to infinity.
LOWEST_SCALE = 1e-3
# Of the negative binomial: nearer to the Poisson distribution, 1 / a^2 would be no number.
LOWEST_SHAPE = 1e-100
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
# log Gamma(x) = (x - 1/2) log x - x + log(2 pi) / 2 + the sum of STIRLING[i] / x^(2 i + 1).
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)

Floats = NDArray[np.float64]


class Distribution(ABC):
    """A kind of distribution, one for each target; `Distribution.of` gives it by the loss's name.

    In all methods `outputs` are raw ones [..., targets * parameters], and `scale`, which the
    negative binomial needs and no other takes, is positive and broadcasts to [..., targets].

    Attributes:
        name: the loss of the spec.
    """

    name: str

    @staticmethod
    def of(loss: str | None) -> Distribution:
        """The distribution that a model with this loss describes.

        Raises:
            ValueError: the loss is of no distribution.
        """
        if loss is None or loss not in DISTRIBUTIONS:
            raise ValueError(
                f"loss must be of a distribution, {', '.join(DISTRIBUTIONS)}, got {loss!r:.80}"
            )
        return DISTRIBUTIONS[loss]

    @abstractmethod
    def mean(self, outputs: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        """Expected values [..., targets]."""

    def quantile(
        self, outputs: ArrayLike, levels: Sequence[float], scale: ArrayLike | None = None
    ) -> Floats:
        """Quantiles [..., targets, Q]; of counts the least whose probability is reached.

        Raises:
            ValueError: a level is not between 0 and 1.
        """
        q = np.asarray(levels, np.float64)
        if q.ndim != 1 or not ((q > 0.0) & (q < 1.0)).all():
            raise ValueError(f"levels must be numbers between 0 and 1, got {levels!r:.80}")
        parameters = [part[..., None] for part in self._parameters(outputs, scale)]
        return self._quantile(q, *parameters)

    @abstractmethod
    def sample(
        self, outputs: ArrayLike, rng: np.random.Generator, scale: ArrayLike | None = None
    ) -> Floats:
        """One draw [..., targets] for each target."""

    @abstractmethod
    def log_prob(self, outputs: ArrayLike, y: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        """Logarithm of the density, or of a count's probability, at y [..., targets]."""

    @abstractmethod
    def _parameters(self, outputs: ArrayLike, scale: ArrayLike | None) -> tuple[Floats, ...]:
        """Each [..., targets]."""

    @abstractmethod
    def _quantile(self, q: Floats, *parameters: Floats) -> Floats: ...

    def _raw(self, outputs: ArrayLike) -> list[Floats]:
        """The raw numbers of each parameter, [..., targets] each."""
        o = np.asarray(outputs, np.float64)
        size = DISTRIBUTION_SIZES[self.name]
        if o.ndim == 0 or o.shape[-1] % size:
            raise ValueError(
                f"outputs of a {self.name} distribution must have {size} numbers a target, got the "
                f"shape {list(o.shape)}"
            )
        o = o.reshape(*o.shape[:-1], -1, size)
        return [o[..., i] for i in range(size)]

    def _no_scale(self, scale: ArrayLike | None) -> None:
        if scale is not None:
            raise ValueError(f"a {self.name} distribution takes no scale; pass None")


class Normal(Distribution):
    """The normal distribution."""

    name = "normal"

    def mean(self, outputs: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        return self._parameters(outputs, scale)[0]

    def sample(
        self, outputs: ArrayLike, rng: np.random.Generator, scale: ArrayLike | None = None
    ) -> Floats:
        mean, width = self._parameters(outputs, scale)
        return mean + width * rng.standard_normal(mean.shape)

    def log_prob(self, outputs: ArrayLike, y: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        mean, width = self._parameters(outputs, scale)
        e: Floats = (np.asarray(y, np.float64) - mean) / width
        return -HALF_LOG_TWO_PI - np.log(width) - 0.5 * e**2

    def _parameters(self, outputs: ArrayLike, scale: ArrayLike | None) -> tuple[Floats, ...]:
        self._no_scale(scale)
        mean, width = self._raw(outputs)
        return mean, softplus(width) + LOWEST_SCALE

    def _quantile(self, q: Floats, *parameters: Floats) -> Floats:
        from scipy.special import ndtri

        mean, width = parameters
        return mean + width * np.asarray(ndtri(q), np.float64)


class StudentT(Distribution):
    """Student's t-distribution, moved and stretched; it has more than 2 degrees of freedom."""

    name = "student_t"

    def mean(self, outputs: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        return self._parameters(outputs, scale)[0]

    def sample(
        self, outputs: ArrayLike, rng: np.random.Generator, scale: ArrayLike | None = None
    ) -> Floats:
        mean, width, df = self._parameters(outputs, scale)
        return mean + width * rng.standard_t(df)

    def log_prob(self, outputs: ArrayLike, y: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        mean, width, df = self._parameters(outputs, scale)
        e: Floats = (np.asarray(y, np.float64) - mean) / width
        power = 0.5 * (df + 1.0) * np.log1p(e * e / df)
        return _gamma_ratio(np.array(0.5), 2.0 / df) - HALF_LOG_TWO_PI - np.log(width) - power

    def _parameters(self, outputs: ArrayLike, scale: ArrayLike | None) -> tuple[Floats, ...]:
        self._no_scale(scale)
        mean, width, df = self._raw(outputs)
        return mean, softplus(width) + LOWEST_SCALE, 2.0 + softplus(df)

    def _quantile(self, q: Floats, *parameters: Floats) -> Floats:
        from scipy.special import stdtrit

        mean, width, df = parameters
        return mean + width * np.asarray(stdtrit(df, q), np.float64)


class NegativeBinomial(Distribution):
    """The negative binomial distribution of counts, by its mean and shape."""

    name = "negative_binomial"

    def mean(self, outputs: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        return self._parameters(outputs, scale)[0]

    def sample(
        self, outputs: ArrayLike, rng: np.random.Generator, scale: ArrayLike | None = None
    ) -> Floats:
        mean, shape = self._parameters(outputs, scale)
        rate = rng.standard_gamma(1.0 / shape) * (shape * mean)
        # Of so many, a Poisson distribution's spread is less than its rate's rounding.
        few = rate < 1e15
        return np.where(few, rng.poisson(np.where(few, rate, 0.0)), np.rint(rate))

    def log_prob(self, outputs: ArrayLike, y: ArrayLike, scale: ArrayLike | None = None) -> Floats:
        from scipy.special import gammaln

        mean, shape = self._parameters(outputs, scale)
        z = np.asarray(y, np.float64)
        level = self._raw(outputs)[0]
        found: Floats = (
            _gamma_ratio(z, shape)
            - gammaln(z + 1.0)
            + z * (np.log(np.asarray(scale, np.float64)) + _log_softplus(level))
            - (z + 1.0 / shape) * np.log1p(shape * mean)
        )
        return found

    def _parameters(self, outputs: ArrayLike, scale: ArrayLike | None) -> tuple[Floats, ...]:
        if scale is None:
            raise ValueError(f"a {self.name} distribution needs the scale of each row")
        c = np.asarray(scale, np.float64)
        if not (c > 0.0).all():
            raise ValueError(f"scale must be above 0, got {c[~(c > 0.0)].ravel()[0]}")
        level, spread = self._raw(outputs)
        shape: Floats = np.maximum(np.exp(_log_softplus(spread)) / np.sqrt(c), LOWEST_SHAPE)
        return c * softplus(level), shape

    def _quantile(self, q: Floats, *parameters: Floats) -> Floats:
        from scipy.special import betainc, gammainc, ndtri

        mean, shape = parameters
        # Where the shape makes no difference to a float64's half, the Poisson distribution.
        poisson = shape * np.maximum(mean, 1.0) < 1e-9
        success = shape * mean / (1.0 + shape * mean)

        def below(count: Floats) -> NDArray[np.bool_]:
            """Whether the probability of at most so many, [..., targets, Q], is below q."""
            k = np.maximum(count, 0.0) + 1.0
            above = np.where(
                poisson, gammainc(k, mean), betainc(k, np.where(poisson, 1.0, 1.0 / shape), success)
            )
            found: NDArray[np.bool_] = (count < 0.0) | (above > 1.0 - q)
            return found

        spread = np.sqrt(mean + shape * mean**2)
        guess = np.floor(np.maximum(mean + spread * ndtri(q), 0.0))
        step = 1.0 + np.floor(0.25 * spread)
        low, high = np.maximum(guess - step, -1.0), guess + step
        while (wrong := ~below(low) & np.isfinite(low)).any():
            step = step * 2.0
            low = np.where(wrong, np.maximum(low - step, -1.0), low)
        while (wrong := below(high) & np.isfinite(high)).any():
            step = step * 2.0
            high = np.where(wrong, high + step, high)
        # `low` is too few and `high` enough, until nothing is between them.
        middle = np.floor(0.5 * (low + high))
        while ((middle > low) & (middle < high)).any():
            few = below(middle)
            low, high = np.where(few, middle, low), np.where(few, high, middle)
            middle = np.floor(0.5 * (low + high))
        return np.asarray(high, np.float64)


DISTRIBUTIONS: dict[str, Distribution] = {
    kind.name: kind() for kind in (Normal, StudentT, NegativeBinomial)
}


def softplus(o: Floats) -> Floats:
    """`log(1 + exp(o))`."""
    found: Floats = np.logaddexp(o, 0.0)
    return found


def _log_softplus(o: Floats) -> Floats:
    return np.where(o < -30.0, o, np.log(softplus(np.maximum(o, -30.0))))


def _gamma_ratio(z: Floats, a: Floats) -> Floats:
    """`log Gamma(1/a + z) - log Gamma(1/a) + z log a`, which tends to 0 with a."""
    from scipy.special import gammaln

    small, large = np.minimum(a, 0.1), np.maximum(a, 0.1)
    direct = gammaln(1.0 / large + z) - gammaln(1.0 / large) + z * np.log(large)
    more = 1.0 + small * z
    near = (1.0 / small + z - 0.5) * np.log1p(small * z) - z
    near = near + stirling_rest(small / more) - stirling_rest(small)
    found: Floats = np.where(a > 0.1, direct, near)
    return found


def stirling_rest(a: Any) -> Any:
    """What Stirling's formula for `log Gamma(1 / a)` lacks, of an array or a tensor."""
    total = 0.0 * a
    for factor in reversed(STIRLING):
        total = factor + a * a * total
    return a * total
