"""Small forecasters, and series of every kind for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unrolled import Forecaster

LENGTHS = (48, 31, 40)
STRATEGIES = ("segments", "direct", "recursive")
# All pairs that go together.
LEARNT = [
    (strategy, loss)
    for strategy in STRATEGIES
    for loss in (
        "squared", "absolute", "huber", "quantile", "normal", "student_t", "negative_binomial"
    )
    if (strategy, loss) != ("recursive", "quantile")
]  # fmt: skip
START = np.datetime64("2024-03-01T05", "us")


@dataclass(frozen=True)
class Given:
    """What `fit` and `predict` take, nested as they take it."""

    X: Any
    past: Any = None
    future: Any = None
    static: Any = None
    times: Any = None

    def kept(self) -> dict[str, Any]:
        """What goes with X."""
        named = {"past": self.past, "future": self.future}
        named |= {"static": self.static, "times": self.times}
        return {name: part for name, part in named.items() if part is not None}

    def upto(self, stops: Any, ahead: int = 0) -> Given:
        """The first steps of each series, and `ahead` more of what is known ahead."""
        return replace(self.between(np.zeros(len(stops), np.int64), stops, ahead))

    def between(self, starts: Any, stops: Any, ahead: int = 0) -> Given:
        """Steps of each series from a start on."""

        def cut(parts: Any, more: int = 0) -> Any:
            if parts is None:
                return None
            found = [
                part[a : b + more] for part, a, b in zip(several(parts), starts, stops, strict=True)
            ]
            return found if isinstance(parts, list) else found[0]

        return replace(
            self, X=cut(self.X), past=cut(self.past), future=cut(self.future, ahead),
            times=cut(self.times),
        )  # fmt: skip

    @property
    def lengths(self) -> np.ndarray:
        """[S]."""
        return np.array([len(part) for part in several(self.X)])


def several(parts: Any) -> list[Any]:
    """A list of one or of several."""
    return parts if isinstance(parts, list) else [parts]


def given(kind: str, *, past: bool = True, seed: int = 0) -> Given:
    """Series of counts from 1 to about 30, which every loss and transform takes.

    Args:
        kind: "one" [T], "two" targets [T, 2], or "many" series of unequal lengths [T_s]; behind a
            "+" what is added: "missing", "calendar", "covariates".
        past: whether the covariates have those known up to the present.
        seed: of the numbers.
    """
    rng = np.random.default_rng(seed)
    shape, *more = kind.split("+")
    lengths = LENGTHS if shape == "many" else LENGTHS[:1]
    X, pasts, futures, times = [], [], [], []
    for T in lengths:
        wave = 12 + 8 * np.sin(np.arange(T)[:, None] / 2 + rng.uniform(0, 6, (1, 2)))
        values = rng.poisson(wave).astype(np.float64) + 1
        if "missing" in more:
            gone = rng.random(values.shape) < 0.2
            gone[:2] = gone[-1:] = False
            gone[-5] = True
            values[gone] = np.nan
        X.append(values if shape == "two" else values[:, 0])
        names = np.array(["low", "mid", "top"])
        mixed = np.empty((T + 20, 2), object)
        mixed[:, 0] = rng.normal(5, 3, T + 20)
        mixed[:, 1] = rng.choice(names, T + 20)
        futures.append(mixed)
        pasts.append(np.where(np.arange(2) == 1, mixed[::-1][:T], mixed[:T]))
        times.append(START + np.arange(T) * np.timedelta64(1, "h"))
    nest = (lambda parts: parts) if shape == "many" else (lambda parts: parts[0])
    found = Given(nest(X))
    if "calendar" in more:
        found = replace(found, times=nest(times))
    if "covariates" in more:
        static = np.empty((len(lengths), 2), object)
        static[:, 0], static[:, 1] = rng.normal(size=len(lengths)), names[: len(lengths)]
        found = replace(found, future=nest(futures), static=static)
        if past:
            found = replace(found, past=nest(pasts))
    return found


def make(strategy: str, loss: str = "squared", **changes: Any) -> Forecaster:
    """A forecaster that is fitted in no time, and forgets nothing of what is asked of it."""
    usual = {
        "horizon": 5, "lookback": 8, "hidden_size": 4, "max_epochs": 1, "batch_size": 16,
        "learning_rate": 0.02, "random_state": 0, "num_samples": 7, "season": 4,
    }  # fmt: skip
    if strategy == "segments":
        usual["segment"] = 2  # which divides the look-back, and not the horizon
    counts = {"scaling": "mean"} if loss == "negative_binomial" else {}
    return Forecaster(strategy=strategy, loss=loss, verbose=False, **{**usual, **counts, **changes})
