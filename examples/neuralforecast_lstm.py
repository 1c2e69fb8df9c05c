"""NeuralForecast's recursive LSTM, unmodified, made faster by one line.

    python -m venv .venv-neuralforecast
    .venv-neuralforecast/bin/pip install '.[torch]' -r examples/requirements-neuralforecast.txt
    .venv-neuralforecast/bin/python examples/neuralforecast_lstm.py

With `recurrent=True` the library's LSTM feeds each forecast back as the next input, through
torch.nn.LSTM with a projection, which PyTorch computes in a plain loop on a CPU. The program trains
the model from the same seed as it is and after `unrolled.nn.accelerate(model)`, and prints both
times; then it forecasts with one trained model before and after that line.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
import warnings

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import LSTM

from unrolled.nn import accelerate

SERIES, LENGTH, SEASON, HORIZON = 100, 400, 24, 24
ROUNDS = 2  # of training before and after, of which the quicker ones count


def demand(seed: int = 0) -> pd.DataFrame:
    """Hourly demand of `SERIES` places: a daily pattern, a trend and noise, in rows as it wants."""
    rng, hours = np.random.default_rng(seed), np.arange(LENGTH)
    parts = []
    for place in range(SERIES):
        daily = np.sin(2 * np.pi * (hours / SEASON + rng.uniform()))
        y = 10 + rng.uniform(1, 3) * daily + 0.005 * hours + rng.normal(0, 0.2, LENGTH)
        when = pd.date_range("2024-01-01", periods=LENGTH, freq="h")
        parts.append(pd.DataFrame({"unique_id": f"place {place}", "ds": when, "y": y}))
    return pd.concat(parts, ignore_index=True)


def recursive_lstm(max_steps: int) -> LSTM:
    """The library's model; nothing in it knows of unrolled."""
    return LSTM(
        h=HORIZON,
        input_size=4 * SEASON,
        recurrent=True,
        encoder_n_layers=2,
        encoder_hidden_size=128,
        max_steps=max_steps,
        windows_batch_size=64,
        random_seed=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )


def trained(model: LSTM, table: pd.DataFrame) -> tuple[NeuralForecast, float]:
    """The fitted library and the seconds of `fit`."""
    forecaster = NeuralForecast(models=[model], freq="h")
    started = time.perf_counter()
    forecaster.fit(table)
    return forecaster, time.perf_counter() - started


def forecast(forecaster: NeuralForecast) -> tuple[np.ndarray, float]:
    """`HORIZON` values of each place, [SERIES * HORIZON], and the least seconds of three calls."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        table = forecaster.predict()
        seconds.append(time.perf_counter() - started)
    return table["LSTM"].to_numpy(), min(seconds)


def print_times(before: float, after: float) -> None:
    """Two lines."""
    print(f"  before  {before:6.2f} s")
    print(f"  after   {after:6.2f} s, {before / after:.1f} times faster")


def main() -> None:
    """Train and forecast before and after; the forecasts must be equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=30, help="training steps")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="(neuralforecast|pytorch_lightning|torch)")
    table = demand()
    trained(recursive_lstm(1), table)  # what is loaded and set up once is not counted

    seconds, fewer = [], []
    for _ in range(ROUNDS):
        before, taken = trained(recursive_lstm(arguments.steps), table)
        seconds.append(taken)
        model = recursive_lstm(arguments.steps)
        accelerate(model)
        after, taken = trained(model, table)
        fewer.append(taken)
    print(f"train, {arguments.steps} steps of 64 windows, {arguments.threads} thread(s)")
    print_times(min(seconds), min(fewer))

    plain, slow = forecast(before)
    twice_trained, _ = forecast(after)
    accelerate(before.models[0])
    fast, quick = forecast(before)
    print(f"forecast {HORIZON} hours of {SERIES} places, one step at a time")
    print_times(slow, quick)

    np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-4)
    print(f"forecasts of the same weights differ by {np.abs(fast - plain).max():.1e} at most,")
    apart = np.abs(twice_trained - plain).max()
    print(f"those of the two trainings by {apart:.1e}; the values are about {plain.mean():.0f}")


if __name__ == "__main__":
    main()
