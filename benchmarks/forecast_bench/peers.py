"""GRUs of Darts and NeuralForecast, trained on the windows, sizes and steps that ours is given.

Both read `lookback` values with one torch.nn.GRU and put one linear layer, H to 1, on each of its
last `horizon` states (behind a linear layer over time where the horizon is longer than the
lookback). Both use Adam and the mean squared error, scale nothing, and draw from all windows that
lie wholly inside a series. What differs is how they draw:

    Darts           an epoch goes over all windows once in a new order, the last batch smaller; of
                    series shorter than the longest, windows come again until all have as many
    NeuralForecast  a step takes the next `series_per_step` series, in a new order each epoch, cuts
                    all their windows, and draws `batch_size` of them, none twice if there are as
                    many; an epoch is one pass over the series
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

# Name of a peer: the packages that it needs, and what brings them.
NEEDS = {
    "darts": ("darts", "pytorch_lightning", "torch"),
    "neuralforecast": ("neuralforecast", "pytorch_lightning", "torch"),
}
COMMANDS = {
    "darts": "pip install -c constraints.txt 'darts[torch]==0.48.*'",
    "neuralforecast": "pip install -c constraints.txt 'neuralforecast==3.3.*'",
}
LOGGERS = ("darts", "lightning.fabric", "lightning_fabric", "pytorch_lightning")
# A trainer that only trains.
TRAINER: dict[str, Any] = {
    "accelerator": "cpu",
    "devices": 1,
    "logger": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "enable_progress_bar": False,
    "limit_val_batches": 0,
    "num_sanity_val_steps": 0,
}


@dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        seconds: of the call that trains; imports and the conversion of the data are not in it.
        predict: from series [T_i], T_i at least the lookback, to the values that follow each,
            [horizon] float32.
    """

    seconds: float
    predict: Callable[[Sequence[np.ndarray]], list[np.ndarray]]


def installed(name: str) -> bool:
    """Whether all packages of a peer can be found."""
    return all(find_spec(package) is not None for package in NEEDS[name])


def train_darts_block_rnn(
    series: Sequence[np.ndarray],
    lookback: int,
    horizon: int,
    hidden_size: int,
    batch_size: int,
    steps: int,
    learning_rate: float,
    seed: int,
    *,
    threads: int = 1,
    workers: int = 0,
) -> Trained:
    """Train Darts' BlockRNNModel with a GRU.

    Args:
        series: float32 arrays [T_i], each at least `lookback + horizon` long.
        lookback: values that a forecast is made from.
        horizon: values that it gives.
        hidden_size: units of the one layer.
        batch_size: windows of a step.
        steps: optimizer steps.
        learning_rate: of Adam, constant.
        seed: of the weights and of the order.
        threads: of torch.
        workers: further processes that cut windows; 0 cuts them between the steps.

    Raises:
        SystemExit: Darts is not installed, with the command that brings it.
    """
    _require("darts")
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    def converted(series: Sequence[np.ndarray]) -> list[TimeSeries]:
        return [TimeSeries.from_values(np.asarray(one, np.float32)) for one in series]

    loader = {"num_workers": workers, "persistent_workers": workers > 0, "pin_memory": False}

    def fit(steps: int) -> tuple[BlockRNNModel, float]:
        model = BlockRNNModel(
            input_chunk_length=lookback,
            output_chunk_length=horizon,
            model="GRU",
            hidden_dim=hidden_size,
            n_rnn_layers=1,
            batch_size=batch_size,
            n_epochs=steps,  # an upper bound: max_steps ends the training
            optimizer_kwargs={"lr": learning_rate},
            random_state=seed,
            pl_trainer_kwargs=TRAINER | {"max_steps": steps},
        )
        started = time.perf_counter()
        model.fit(data, dataloader_kwargs=dict(loader))
        seconds = time.perf_counter() - started
        assert model.trainer.global_step == steps
        return model, seconds

    data = converted(series)
    with _quiet(), _torch_threads(threads):
        fit(1)  # a first fit loads modules
        model, seconds = fit(steps)

    def predict(series: Sequence[np.ndarray]) -> list[np.ndarray]:
        with _quiet(), _torch_threads(threads):
            found = model.predict(horizon, series=converted(series), verbose=False)
        return [one.values()[:, 0] for one in found]

    return Trained(seconds, predict)


def train_neuralforecast_gru(
    series: Sequence[np.ndarray],
    lookback: int,
    horizon: int,
    hidden_size: int,
    batch_size: int,
    steps: int,
    learning_rate: float,
    seed: int,
    *,
    threads: int = 1,
    series_per_step: int = 32,
) -> Trained:
    """Train NeuralForecast's GRU with a linear decoder, all values of a forecast at once.

    Args:
        series: float32 arrays [T_i]; those shorter than `lookback + horizon` are left out.
        lookback: values that a forecast is made from.
        horizon: values that it gives.
        hidden_size: units of the one layer.
        batch_size: windows of a step.
        steps: optimizer steps.
        learning_rate: of Adam, constant.
        seed: of the weights and of the order.
        threads: of torch.
        series_per_step: series whose windows a step draws from, NeuralForecast's `batch_size`. All
            their windows are copied at each step, so that many make a step slow, and few make
            the windows of a batch alike.

    Raises:
        SystemExit: NeuralForecast is not installed, with the command that brings it.
    """
    _require("neuralforecast")
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import GRU
    from neuralforecast.tsdataset import TimeSeriesDataset

    def converted(series: Sequence[np.ndarray]) -> TimeSeriesDataset:
        values = np.concatenate([np.asarray(one, np.float32) for one in series])
        return TimeSeriesDataset(
            temporal=np.stack([values, np.ones_like(values)], axis=1),
            temporal_cols=["y", "available_mask"],
            indptr=np.cumsum([0, *map(len, series)]),
            y_idx=0,
        )

    def fit(steps: int) -> tuple[GRU, float]:
        model = GRU(
            h=horizon,
            input_size=lookback,
            encoder_n_layers=1,
            encoder_hidden_size=hidden_size,
            decoder_layers=1,
            recurrent=False,
            loss=MSE(),
            max_steps=steps,
            learning_rate=learning_rate,
            val_check_steps=steps,
            batch_size=min(series_per_step, len(series)),
            windows_batch_size=batch_size,
            training_data_availability_threshold=1.0,  # no windows with padding
            scaler_type="identity",
            random_seed=seed,
            **TRAINER,
        )
        started = time.perf_counter()
        model.fit(data)
        seconds = time.perf_counter() - started
        assert len(model.train_trajectories) == steps
        return model, seconds

    data = converted(series)
    with _quiet(), _torch_threads(threads):
        fit(1)  # a first fit loads modules
        model, seconds = fit(steps)

    def predict(series: Sequence[np.ndarray]) -> list[np.ndarray]:
        with _quiet(), _torch_threads(threads):
            found = model.predict(converted(series))
        return list(np.asarray(found, np.float32).reshape(len(series), horizon))

    return Trained(seconds, predict)


def _require(name: str) -> None:
    if not installed(name):
        raise SystemExit(f"{name} is not installed: {COMMANDS[name]}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither warnings nor what the peers log below an error."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
