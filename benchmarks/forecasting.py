"""The `Forecaster` on published protocols, beside published figures, baselines and its peers.

    UNROLLED_DATA=folder python benchmarks/forecasting.py [--parts ett m4 ...] [--seeds 3] [--quick]

Parts:

    ett       ETTh1 and ETTh2, look-back 96, horizons 96, 192, 336 and 720, all 7 channels
    informer  ETTh1, 24 steps of all 7 channels
    m4        M4 hourly, 414 series, 48 steps: OWA, and coverage of the 80 % intervals
    exchange  8 exchange rates, 96 days
    update    a new value and a forecast of one step, GRU of 64 units
    peers     training time beside Darts' BlockRNNModel and NeuralForecast's GRU
    windows   10,000 series of 500 values, an epoch of 100,000 windows: memory, time per window

Channels are standardised by the training part; all test windows count, those of the last batch too.
The arguments, in `forecast_bench/chosen.py`, were chosen on the validation parts; `--select` prints
the validation errors in place of the test errors, and no verdicts, which are of test errors. Of
several seeds the mean and the standard deviation (n - 1) are shown.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from forecast_bench import chosen, data
from numpy.typing import NDArray
from processor import describe

from unrolled import Forecaster
from unrolled.kernels.engine import get_num_threads

PARTS = ("ett", "informer", "m4", "exchange", "update", "peers", "windows")
HORIZONS = (96, 192, 336, 720)


def main() -> None:
    """Measure and print what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--data", nargs="+", default=["ETTh1", "ETTh2"], help="of the part ett")
    parser.add_argument("--horizons", nargs="+", type=int, default=list(HORIZONS))
    parser.add_argument("--select", action="store_true", help="score the validation parts")
    parser.add_argument("--quick", action="store_true", help="one epoch, small sizes")
    parser.add_argument("--set", type=json.loads, default={}, help="other arguments, as JSON")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured")
    parser.add_argument("--one-epoch", type=int, metavar="SERIES", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one_epoch:
        print(json.dumps(one_epoch(options.one_epoch, options.quick)))
        return
    machine = describe(f"{get_num_threads()} threads")
    print(machine)
    found = {part: globals()[f"measure_{part}"](options) for part in options.parts}
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, **found}, indent=1))


def measure_ett(options: argparse.Namespace) -> dict[str, Any]:
    """Mean squared and absolute errors over all windows, by data set and horizon."""
    found: dict[str, Any] = {}
    for name in options.data:
        series = data.ett(name)
        rows: dict[int, dict[str, Any]] = {}
        print(f"\n{name}, look-back 96, 7 channels: MSE (MAE) of the {part_of(options)} part")
        for horizon in options.horizons:
            arguments = {**chosen.COMMON, **chosen.ETT[name][horizon]}
            rows[horizon] = long_horizon(series, horizon, arguments, options)
            print(f"  {horizon:4} steps  {line(rows[horizon])}", flush=True)
        if tuple(options.horizons) == HORIZONS:
            show_published(name, rows, options)
        found[name] = rows
    return found


def show_published(name: str, rows: dict[int, dict[str, Any]], options: argparse.Namespace) -> None:
    """Our mean over the horizons beside those that others published."""
    mse = [row["Forecaster"]["mse"] for row in rows.values()]
    mae = [row["Forecaster"]["mae"] for row in rows.values()]
    mean = float(np.mean(mse))
    print(f"  mean of the horizons: MSE {mean:.4f}, MAE {np.mean(mae):.4f}")
    for model, published in chosen.PUBLISHED_ETT[name].items():
        told = [
            f"{metric} {np.mean(theirs):.4f} ({' '.join(f'{value:.3f}' for value in theirs)})"
            for metric, theirs in zip(("MSE", "MAE"), published, strict=True)
            if theirs is not None
        ]
        print(f"    published {model:20} {', '.join(told)}")
    verdict(mean, *chosen.BARS[name], options=options)


def measure_informer(options: argparse.Namespace) -> dict[str, Any]:
    """ETTh1, 24 steps."""
    series = data.ett("ETTh1")
    print(f"\nETTh1, 24 steps, Informer's protocol: MSE (MAE) of the {part_of(options)} part")
    row = long_horizon(series, 24, {**chosen.COMMON, **chosen.INFORMER}, options)
    print(f"  {line(row)}")
    for model, (mse, mae) in chosen.PUBLISHED_INFORMER.items():
        print(f"    published {model:10} {mse:.3f}" + ("" if mae is None else f" ({mae:.3f})"))
    verdict(row["Forecaster"]["mse"], *chosen.BARS["informer"], options=options)
    return row


def measure_exchange(options: argparse.Namespace) -> dict[str, Any]:
    """Exchange rates, a random walk: the ratio to the last value repeated."""
    series = data.exchange_rate()
    print(f"\nexchange rates, 96 days: MSE (MAE) of the {part_of(options)} part")
    row = long_horizon(series, 96, {**chosen.COMMON, **chosen.EXCHANGE}, options)
    print(f"  {line(row)}")
    for model, mse in chosen.PUBLISHED_EXCHANGE.items():
        print(f"    published {model:14} {mse:.3f}")
    ratio = row["Forecaster"]["mse"] / row["repeat last"]["mse"]
    print(f"  {ratio:.4f} of the error of the last value repeated")
    verdict(ratio, *chosen.BARS["exchange"], options=options)
    return {**row, "ratio": ratio}


def long_horizon(
    series: data.Parts, horizon: int, arguments: dict[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    """Scores by model, the Forecaster's as mean over the seeds, with its deviation and time.

    With `apart` among the arguments the channels are series of their own: the network is not told
    which of them it reads.
    """
    arguments = {**arguments, **options.set}
    as_series = list_of_channels if arguments.pop("apart", False) else np.asarray
    if options.quick:
        arguments |= {"max_epochs": 1, "hidden_size": 8, "stride": 97}
    end = series.train + series.valid
    whole = series.values[: end if options.select else end + series.test]
    steps = series.valid if options.select else series.test
    each, seconds, epochs = [], [], []
    for seed in range(options.seeds):
        model = Forecaster(
            horizon=horizon, validation_steps=series.valid, random_state=seed, **arguments
        )
        start = time.perf_counter()
        model.fit(as_series(series.values[:end]))
        seconds.append(time.perf_counter() - start)
        epochs.append(model.n_iter_)
        stride = 97 if options.quick else 1
        table = model.backtest(as_series(whole), steps=steps, stride=stride, metrics=["mse", "mae"])
        each.append(table.scores())
    scores: dict[str, Any] = {name: dict(found) for name, found in each[0].items()}
    for metric in ("mse", "mae"):
        values = [found["Forecaster"][metric] for found in each]
        scores["Forecaster"][metric] = float(np.mean(values))
        scores["Forecaster"][f"{metric}_sd"] = deviation(values)
    scores["Forecaster"] |= {
        "seconds": float(np.mean(seconds)),
        "epochs": epochs,
        "parameters": model.spec_.num_parameters,
    }
    return scores


def list_of_channels(values: data.F64) -> list[data.F64]:
    """A series [T] of each channel."""
    return list(values.T)


def line(row: dict[str, Any]) -> str:
    """Our errors, then those of the baselines."""
    ours = row["Forecaster"]
    plain = ", ".join(
        f"{name} {scores['mse']:.3f}" for name, scores in row.items() if name != "Forecaster"
    )
    return (
        f"{ours['mse']:.4f} sd {ours['mse_sd']:.4f} ({ours['mae']:.4f}), "
        f"{ours['parameters']} parameters, {ours['seconds']:.0f} s; {plain}"
    )


def measure_m4(options: argparse.Namespace) -> dict[str, Any]:
    """OWA and coverage on M4 hourly."""
    train, test = data.m4_hourly()
    whole = train if options.select else [np.append(a, b) for a, b in zip(train, test, strict=True)]
    known = [values[:-48] for values in train] if options.select else train
    arguments = {**chosen.M4, **options.set}
    if options.quick:
        known, whole = known[:6], whole[:6]
        arguments |= {"max_epochs": 1, "hidden_size": 8, "stride": 25}
    print(f"\nM4 hourly, {len(whole)} series, 48 steps, {part_of(options)} part")
    each, seconds = [], []
    for seed in range(options.seeds):
        model = Forecaster(horizon=48, random_state=seed, **arguments)
        start = time.perf_counter()
        model.fit(known)
        seconds.append(time.perf_counter() - start)
        table = model.backtest(
            whole, steps=48, metrics=["smape", "mase", "owa", "crps", "coverage"]
        )
        each.append(table.scores())
        print(f"  seed {seed}: {shown(each[-1]['Forecaster'])}, {seconds[-1]:.0f} s", flush=True)
    for name, scores in each[0].items():
        if name != "Forecaster":
            print(f"  {name}: {shown(scores)}")
    for name, figures in chosen.PUBLISHED_M4.items():
        told = " ".join("-" if value is None else f"{value:.3f}" for value in figures)
        print(f"    published {name:26} {told}")
    owa = [scores["Forecaster"]["owa"] for scores in each]
    coverage = [scores["Forecaster"]["coverage_80"] for scores in each]
    print(f"  OWA {np.mean(owa):.4f} sd {deviation(owa):.4f}")
    verdict(float(np.mean(owa)), *chosen.BARS["m4"], options=options)
    least, most = chosen.BARS["coverage"]
    inside = least <= float(np.mean(coverage)) <= most
    told = "" if options.select else f": {met(inside)}"
    print(f"  80 % intervals cover {100 * np.mean(coverage):.1f} %{told}")
    return {"owa": owa, "coverage": coverage, "seconds": seconds, "scores": each}


def shown(scores: dict[str, Any]) -> str:
    """Named scores in a row."""
    return ", ".join(f"{name} {value:.3f}" for name, value in scores.items() if value is not None)


def measure_update(options: argparse.Namespace) -> dict[str, Any]:
    """Microseconds of a new value and of a forecast of one step behind it."""
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(2000) * 2 * np.pi / 24) + rng.normal(0, 0.1, 2000)
    model = Forecaster(
        strategy="recursive", cell="gru", hidden_size=64, horizon=24, lookback=48,
        max_epochs=1, stride=10, random_state=0, verbose=False,
    ).fit(values[:1000])  # fmt: skip
    taken = []
    for value in values[1000 : 1050 if options.quick else 2000]:
        start = time.perf_counter()
        model.update(value)
        model.predict(1)
        taken.append(1e6 * (time.perf_counter() - start))
    median, most = statistics.median(taken), float(np.percentile(taken, 99))
    print("\nupdate by one value and forecast of one step, GRU of 64 units")
    print(f"  median {median:.0f} us, 99 of 100 within {most:.0f} us")
    verdict(median, *chosen.BARS["update"], unit=" us", options=options)
    return {"median": median, "percentile_99": most}


def measure_peers(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds to train on the same series, sizes, batches and steps, and errors afterwards."""
    from forecast_bench import peers

    sizes = {"lookback": 48, "horizon": 24, "hidden_size": 64, "batch_size": 32}
    steps, repeats = (20, 1) if options.quick else (1000, 3)
    known, truth = noisy_seasons(100, 500, sizes["horizon"])
    found: dict[str, Any] = {"unrolled": []}

    def ours(seed: int) -> tuple[float, NDArray[np.float64]]:
        model = Forecaster(
            strategy="direct", normalization="none", scaling="none", calendar=(),
            windows_per_epoch=steps * sizes["batch_size"], max_epochs=1, clip_norm=None,
            learning_rate=1e-3, random_state=seed, verbose=False, **sizes,
        )  # fmt: skip
        start = time.perf_counter()
        model.fit(known)
        return time.perf_counter() - start, np.array(model.predict())

    print(f"\ntraining, {steps} steps of {sizes['batch_size']} windows, GRU of 64 units, 48 to 24")
    ours(0)
    train = {
        "darts": peers.train_darts_block_rnn,
        "neuralforecast": peers.train_neuralforecast_gru,
    }
    there = [name for name in train if peers.installed(name)]
    for name in set(train) - set(there):
        print(f"  {name} is not installed: {peers.COMMANDS[name]}")
    for seed in range(repeats):
        seconds, forecast = ours(seed)
        found["unrolled"].append((seconds, float(np.abs(forecast - truth).mean())))
        for name in there:
            for threads in (1, 2):
                trained = train[name](known, *sizes.values(), steps, 1e-3, seed, threads=threads)
                error = float(np.abs(np.array(trained.predict(known)) - truth).mean())
                found.setdefault(f"{name}, {threads} threads", []).append((trained.seconds, error))
    repeated = np.array([values[-1] for values in known])[:, None]
    print(f"  repeat last: MAE {np.abs(repeated - truth).mean():.3f}")
    medians = {name: statistics.median(s for s, _ in runs) for name, runs in found.items()}
    errors = {name: float(np.mean([error for _, error in runs])) for name, runs in found.items()}
    for name in found:
        print(f"  {name:28} {medians[name]:8.2f} s, MAE {errors[name]:.3f}")
    for name in there:
        keys = [key for key in found if key.startswith(name)]
        ratio = min(medians[key] for key in keys) / medians["unrolled"]
        # Fast counts only where it forecasts as well.
        more = errors["unrolled"] / min(errors[key] for key in keys)
        told = f"  {ratio:.1f} times as fast as {name} at {more:.3f} of its error"
        if more > chosen.ALIKE:
            print(f"{told}: NOT the same accuracy, so neither bar nor stretch is met")
            continue
        least, goal = chosen.BARS["peers"]
        print(f"{told}: bar {least:g} {met(ratio >= least)}, stretch {goal:g} {met(ratio >= goal)}")
    return found


def measure_windows(options: argparse.Namespace) -> dict[str, Any]:
    """Memory of the process and time per window, of few series and of many."""
    found = {}
    for many in (100, 10_000):
        command = [sys.executable, __file__, "--one-epoch", str(many)]
        command += ["--quick"] if options.quick else []
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[many] = json.loads(done.stdout)
    print("\n100,000 windows, look-back 48, horizon 24, GRU of 32 units; median of three fits")
    for many, row in found.items():
        print(
            f"  {many:6} series: {row['epochs']:.0f} epochs of {row['windows']:,.0f} windows, "
            f"{row['us']:.1f} us a window, {row['gigabytes']:.2f} GB at most"
        )
    ratio = found[10_000]["us"] / found[100]["us"]
    verdict(ratio, *chosen.BARS["windows"], unit=" of the time", options=options)
    gigabytes = found[10_000]["gigabytes"]
    verdict(gigabytes, *chosen.BARS["gigabytes"], unit=" GB", options=options)
    return {str(many): row for many, row in found.items()}


def one_epoch(num_series: int, quick: bool) -> dict[str, float]:
    """Train on 100,000 windows in this process and tell what it took; median of three.

    100 series have no more than 42,900 windows, so they are trained on in four epochs of 25,000.
    """
    series, _ = noisy_seasons(num_series, 500, 24)
    whole, taken = 1_000 if quick else 100_000, []
    # 500 steps without look-back and horizon, and windows that begin at each step.
    there = num_series * (500 - 48 - 24 + 1)
    epochs = next(n for n in range(1, whole) if whole % n == 0 and whole // n <= there)
    for _ in range(3):
        model = Forecaster(
            strategy="direct", hidden_size=32, lookback=48, horizon=24, max_epochs=epochs,
            windows_per_epoch=whole // epochs, batch_size=64, random_state=0, verbose=False,
        )  # fmt: skip
        model.fit(series)
        taken.append(1e6 * sum(epoch["seconds"] for epoch in model.history_) / whole)
    return {
        "us": statistics.median(taken),
        "gigabytes": peak_memory() / 2**30,
        "epochs": epochs,
        "windows": whole // epochs,
    }


def peak_memory() -> int:
    """Bytes that this process held at most; the system tells kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def noisy_seasons(
    num_series: int, length: int, horizon: int
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Standardised noisy sines of period 24 with amplitudes and phases, and what follows each."""
    rng = np.random.default_rng(0)
    phase, size = rng.uniform(0, 24, (num_series, 1)), rng.uniform(0.5, 1.5, (num_series, 1))
    step = np.arange(length + horizon)
    values = size * np.sin((step + phase) * 2 * np.pi / 24)
    values = (values + rng.normal(0, 0.2, values.shape)).astype(np.float32)
    return list(values[:, :length]), values[:, length:]


def part_of(options: argparse.Namespace) -> str:
    """Which part is scored."""
    return "validation" if options.select else "test"


def deviation(values: list[float]) -> float:
    """Standard deviation over n - 1; NaN of a single seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def verdict(
    value: float, bar: float, *stretch: float, options: argparse.Namespace, unit: str = ""
) -> None:
    """Whether a value is as low as was asked for; the bars are of the test part."""
    if options.select:
        print(f"  {value:.4g}{unit} (validation part, no verdict)")
        return
    told = [f"  {value:.4g}{unit}: at most {bar:g} {met(value <= bar)}"]
    told += [f"stretch {goal:g} {met(value <= goal)}" for goal in stretch]
    print(", ".join(told))


def met(reached: bool) -> str:
    """A bar's verdict."""
    return "met" if reached else "MISSED"


if __name__ == "__main__":
    main()
