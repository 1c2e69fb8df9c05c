"""Real series forecast one step ahead on windows, against repeating what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data import seattle_temperatures, stocks, windows
from unrolled.estimators import SequenceRegressor

# The last share of the time is held out.
HELD_OUT = 0.2


@dataclass(frozen=True)
class Forecasts:
    """One series, its forecasts by each method and their errors on the held-out time.

    Attributes:
        series: all that was forecast.
        title: the series whose values these are.
        unit: of the values and of the errors.
        times: [M] datetime64.
        truth: [M] values.
        held_out_from: first index that nothing was fitted on.
        predictions: [M - held_out_from] by method.
        errors: mean absolute error by method, over all series held out.
        model: the fitted estimator.
    """

    series: str
    title: str
    unit: str
    times: NDArray[np.datetime64]
    truth: NDArray[np.float64]
    held_out_from: int
    predictions: dict[str, NDArray[np.float64]]
    errors: dict[str, float]
    model: SequenceRegressor


def forecast_prices(quick: bool = False) -> Forecasts:
    """Monthly share prices of five companies, the next month from the twelve before.

    One model for all: a window is the logarithm of prices relative to its last one, the target
    the logarithm of the next price relative to it.
    """
    length = 12
    series = stocks()
    cuts = {name: int(len(s.values) * (1 - HELD_OUT)) for name, s in series.items()}
    pasts, nexts = [], []
    for name, s in series.items():
        X, y = _relative(s.values[: cuts[name]], length)
        pasts.append(X)
        nexts.append(y)
    model = SequenceRegressor(
        hidden_size=16,
        max_epochs=5 if quick else 30,
        weight_decay=1e-4,
        random_state=0,
        verbose=False,
    ).fit(np.concatenate(pasts), np.concatenate(nexts))
    errors: dict[str, list[NDArray[np.float64]]] = {}
    shown: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, s in series.items():
        cut = cuts[name]
        X, _ = _relative(s.values[cut - length :], length)
        last = s.values[cut - 1 : -1]
        shown[name] = {
            "recurrent network": last * np.exp(model.predict(X)),
            "repeat last month": last,
            "same month a year ago": s.values[cut - 12 : -12],
        }
        for method, values in shown[name].items():
            errors.setdefault(method, []).append(np.abs(values - s.values[cut:]))
    s = series["IBM"]
    return Forecasts(
        series="share prices of five companies",
        title="IBM, one of five companies",
        unit=s.unit,
        times=s.times,
        truth=s.values,
        held_out_from=cuts["IBM"],
        predictions=shown["IBM"],
        errors={method: float(np.concatenate(e).mean()) for method, e in errors.items()},
        model=model,
    )


def forecast_temperatures(quick: bool = False) -> Forecasts:
    """Hourly temperatures, the next hour from the day before.

    The network reads, for 24 hours, by how much each is warmer than the same hour a day earlier,
    and forecasts that difference for the next hour.
    """
    length = day = 24
    s = seattle_temperatures()
    cut = int(len(s.values) * (1 - HELD_OUT))
    warmer = s.values[day:] - s.values[:-day]
    X, y = windows(warmer[: cut - day], length)
    model = SequenceRegressor(
        hidden_size=32,
        max_epochs=1 if quick else 6,
        batch_size=64,
        learning_rate=3e-3,
        schedule="one_cycle",
        random_state=0,
        verbose=False,
    ).fit(X, y)
    X_held, _ = windows(warmer[cut - day - length :], length)
    yesterday = s.values[cut - day : -day]
    predictions = {
        "recurrent network": yesterday + model.predict(X_held),
        "repeat last hour": s.values[cut - 1 : -1],
        "same hour yesterday": yesterday,
    }
    return Forecasts(
        series="temperatures in Seattle",
        title="Seattle",
        unit=s.unit,
        times=s.times,
        truth=s.values,
        held_out_from=cut,
        predictions=predictions,
        errors={name: float(np.abs(p - s.values[cut:]).mean()) for name, p in predictions.items()},
        model=model,
    )


def states_over_time(forecasts: Forecasts, hours: int = 72) -> tuple[Any, Any]:
    """Hidden states [T, H] of the temperature model over some held-out hours, and their times."""
    part = slice(forecasts.held_out_from, forecasts.held_out_from + hours)
    before = slice(part.start - 24, part.stop - 24)
    warmer = forecasts.truth[part] - forecasts.truth[before]
    return forecasts.model.hidden_states([warmer])[0], forecasts.times[part]


def _relative(
    prices: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Windows of log prices relative to their last one [N, T, 1], and the next one so [N]."""
    X, y = windows(np.log(prices), length)
    pasts = np.stack([X[i] for i in range(len(X))])
    last = pasts[:, -1]
    return pasts - last[:, None], y - last[:, 0]
