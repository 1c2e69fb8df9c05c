from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from plain_scores import scores

from unrolled.data.series import SeriesSet
from unrolled.estimators import forecast_metrics as measure
from unrolled.estimators.backtesting import Backtest, backtest, merged
from unrolled.estimators.baselines import drift, naive2, repeat_last, seasonal_naive

NAN = np.nan
RNG = np.random.default_rng(11)
SEASON, H = 4, 3
FIRST = np.array([14, 20, 13, 40])
LEVELS = (0.1, 0.25, 0.5, 0.9)


def make() -> SeriesSet:
    """Series of 30, 41, 17 and 30 steps with 2 channels; the last is too short for an origin."""
    lengths = np.array([30, 41, 17, 30])
    t = np.arange(lengths.sum())[:, None]
    y = 20 + 5 * np.sin(t * np.pi / 2 + [0, 1]) + RNG.normal(0, 1, (len(t), 2))
    y[RNG.random(y.shape) < 0.05] = NAN
    y[71:88, 1] = 7.0  # series 2 has no seasonal step in channel 1
    starts = np.cumsum(lengths) - lengths
    return SeriesSet(y, starts, lengths, ("a", "b", "c", "d"), ("y0", "y1"))


SERIES = make()
MODELS = {"last": repeat_last, "season": seasonal_naive(SEASON), "drift": drift}
OPTIONS: dict[str, Any] = {"horizon": H, "first_origins": FIRST, "stride": 2, "season": SEASON}


def quantiles(
    series: SeriesSet, which: np.ndarray, origins: np.ndarray, horizon: int, levels: Any
) -> np.ndarray:
    return repeat_last(series, which, origins, horizon)[..., None] + 4 * (np.array(levels) - 0.4)


def by_hand(series: int | None, step: int | None) -> tuple[np.ndarray, ...]:
    """Truth, and of "season", naive2 and quantiles the forecasts, [n, h, 2] of a group; scales."""
    pairs = [
        (s, o)
        for s in range(4)
        for o in range(FIRST[s], SERIES.lengths[s] - H + 1, 2)
        if series in (None, s)
    ]
    which, origins = np.array(pairs).T
    steps = slice(None) if step is None else slice(step - 1, step)
    truth = np.stack([SERIES[s][o : o + H] for s, o in pairs])[:, steps]
    scale = measure.season_scale(
        SERIES.values, SERIES.starts, np.minimum(FIRST, SERIES.lengths), SEASON
    )
    return (
        truth,
        MODELS["season"](SERIES, which, origins, H)[:, steps],
        naive2(SEASON)(SERIES, which, origins, H)[:, steps],
        quantiles(SERIES, which, origins, H, LEVELS)[:, steps],
        scale[which],
    )


def run(**changes: Any) -> Backtest:
    full = {"quantiles": {"season": quantiles}, "levels": LEVELS, **OPTIONS}
    return backtest(MODELS, SERIES, **(full | changes))


@pytest.mark.parametrize("block", [1, 4, 256])
@pytest.mark.parametrize("by", [("model",), ("model", "step"), ("series", "step", "model")])
def test_rows_are_the_averages_of_their_group(
    block: int, by: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unrolled.estimators.backtesting.REFERENCE_VALUES", 7 * H * 2)
    metrics = ("mse", "mae", "rmse", "smape", "mase", "owa", "crps", "coverage", "width")
    rows = run(block=block, metrics=metrics).rows(by)
    groups = 3 * (4 if "series" in by else 1) * (H if "step" in by else 1)
    assert len(rows) == groups
    seen = 0
    for row in rows:
        assert list(row)[: len(by)] == [part for part in ("model", "series", "step") if part in by]
        if row["model"] != "season":
            assert row["crps"] is row["coverage_80"] is row["width_80"] is None
            continue
        if row.get("series") == "d":
            assert all(row[m] is None for m in list(row)[len(by) :])
            continue
        place = "abc".index(row["series"]) if "series" in by else None
        truth, forecast, reference, found, scale = by_hand(place, row.get("step"))
        expected = scores(truth, forecast, scale=scale, naive2=reference)
        assert {name: row[name] for name in expected} == pytest.approx(expected)
        low, high = found[..., 0], found[..., 3]
        score = measure.crps_from_quantiles(truth, found, LEVELS)
        assert row["crps"] == pytest.approx(np.nanmean(score))
        assert row["coverage_80"] == pytest.approx(np.nanmean(measure.covered(truth, low, high)))
        assert row["width_80"] == pytest.approx(3.2)
        seen += 1
    assert seen == (3 if "series" in by else 1) * (H if "step" in by else 1)


def test_scores_are_the_rows_by_model() -> None:
    result = run()
    names = ("mae", "rmse", "smape", "mase", "owa", "crps", "coverage_80", "width_80")
    assert result.metrics == names
    assert result.scores() == {
        row["model"]: {name: row[name] for name in names} for row in result.rows()
    }
    plain = backtest(MODELS, SERIES, **OPTIONS)
    assert plain.metrics == names[:5]
    np.testing.assert_array_equal(plain.origins, [7, 10, 1, 0])


def test_a_median_alone_gives_the_crps_and_no_interval() -> None:
    result = run(levels=(0.5,))
    assert result.metrics == ("mae", "rmse", "smape", "mase", "owa", "crps")


def test_the_scale_may_be_measured_elsewhere() -> None:
    stops = np.array([99, 12, 9, 20])  # of a series shorter than that, all steps
    result = run(scale_stops=stops, metrics=("mase",))
    truth, forecast, *_ = by_hand(None, None)
    which = np.repeat(np.arange(4), result.origins)
    stops[0] = 30
    scale = measure.season_scale(SERIES.values, SERIES.starts, stops, SEASON)[which]
    expected = np.nanmean(np.abs(truth - forecast) / scale[:, None])
    assert result.scores()["season"]["mase"] == pytest.approx(expected)


def test_parts_with_other_origins_are_merged() -> None:
    whole, stops = run(), np.full(4, 22)
    early = run(last_origins=21)
    late = run(first_origins=np.array([22, 22, 23, 40]), scale_stops=FIRST)
    np.testing.assert_array_equal(early.origins, [4, 1, 1, 0])
    np.testing.assert_array_equal(early.origins + late.origins, whole.origins)
    assert (stops > early.origins).all()
    together = merged([early, late])
    np.testing.assert_array_equal(together.origins, whole.origins)
    both = together.rows(("model", "series", "step"))
    for row, expected in zip(both, whole.rows(("model", "series", "step")), strict=True):
        assert row == pytest.approx(expected)
    with pytest.raises(ValueError, match="must have the same metrics"):
        merged([whole, run(metrics="mae")])
    with pytest.raises(ValueError, match="one horizon, got 3 and 2 steps"):
        merged([whole, run(horizon=2)])
    with pytest.raises(ValueError, match="one backtest or more"):
        merged([])


def test_progress_is_told_and_blocks_are_bounded() -> None:
    told: list[tuple[int, int]] = []
    sizes: list[int] = []

    def model(series: Any, which: np.ndarray, origins: np.ndarray, horizon: int) -> np.ndarray:
        sizes.append(len(which))
        return repeat_last(series, which, origins, horizon)

    backtest({"m": model}, SERIES, **OPTIONS, block=5, tell=lambda *now: told.append(now))
    assert told == [(5, 18), (10, 18), (15, 18), (18, 18)]
    assert sizes == [5, 5, 5, 3]


def test_many_origins_cost_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unrolled.estimators.backtesting.REFERENCE_VALUES", 256 * 48)

    steps = np.arange(12_000.0)[:, None]
    series = SeriesSet(
        10 + np.sin(steps / 4) + 0.001 * steps, np.zeros(1, int), np.array([12_000]), (0,), ("y",)
    )
    tracemalloc.start()
    result = backtest(
        {"last": repeat_last, "season": seasonal_naive(24)},
        series,
        horizon=48,
        first_origins=1000,
        season=24,
        metrics=("mae", "owa"),
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.origins[0] == 10_953
    assert peak < 10_953 * 48 * 8 / 2  # of one array of all forecasts


def test_table_for_a_terminal() -> None:
    series = SeriesSet(
        np.array([[1.0], [2], [4], [NAN], [8], [5], [5], [5], [5], [1]]),
        np.array([0, 5, 9]), np.array([5, 4, 1]), ("up", "flat", "short"), ("y",),
    )  # fmt: skip
    options: dict[str, Any] = {"horizon": 2, "first_origins": 2}
    result = backtest({"last": repeat_last, "drift": drift}, series, **options)
    # last: errors 2 (of 4), 4 (of 8), 0, 0; drift: 1 (of 4), 1 (of 8), 0, 0; scale 1 and none
    assert result.table().splitlines() == [
        "model     mae    rmse  smape   mase     owa",
        "-----  ------  ------  -----  -----  ------",
        "last   1.5000  2.2361  33.33  3.000  1.0000",
        "drift  0.5000  0.7071  10.48  1.000  0.3238",
        "2 series, 3 origins, 4 values a model",
        "1 more series have no origin: too short",
        "mase and owa leave out 1 series without a seasonal step",
    ]
    lines = result.table(("series", "model")).splitlines()
    assert lines[0].split() == ["model", "series", "mae", "rmse", "smape", "mase", "owa"]
    assert lines[3].split() == ["last", "flat", "0.000", "0.000", "0.00", "-", "-"]
    flat = backtest({"last": repeat_last}, series.take(np.array([1])), **options).table()
    assert flat.endswith("\nmase and owa leave out 1 series without a seasonal step")
    rising = backtest({"last": repeat_last}, series.take(np.array([0])), **options).table()
    assert rising.endswith("\n1 series, 2 origins, 2 values a model")
    large = backtest({"last": repeat_last}, replace(series, values=series.values * 1e12), **options)
    assert large.table().splitlines()[2].split()[1] == "1.500e+12"


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_frames(library: str) -> None:
    result = run()
    frame = result.frame(("model", "step"), library=library)
    assert type(frame).__module__.split(".")[0] == library
    assert list(frame.columns) == ["model", "step", *result.metrics]
    rows = result.rows(("model", "step"))
    assert list(frame["model"]) == [row["model"] for row in rows]
    assert list(frame["step"]) == [row["step"] for row in rows]
    assert list(frame["mae"]) == [row["mae"] for row in rows]
    flat = replace(SERIES, values=np.ones_like(SERIES.values))
    undefined = backtest({"last": repeat_last}, flat, **OPTIONS)
    assert undefined.scores()["last"]["owa"] is None
    assert str(undefined.frame(library=library)["owa"].dtype).lower() == "float64"


def gives(value: Any) -> Any:
    return lambda series, which, origins, horizon: np.full((len(which), horizon, 2), value)


def with_nan(series: Any, which: Any, origins: Any, horizon: int) -> np.ndarray:
    forecast = repeat_last(series, which, origins, horizon)
    forecast[(which == 1) & (origins == 24), 1] = np.inf
    return forecast


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: backtest({}, SERIES, **OPTIONS), "models must hold one model or more"),
        (lambda: run(quantiles={"gru": quantiles}), "must name models of models, got gru"),
        (lambda: run(horizon=0), "horizon must be a whole number from 1 on, got 0"),
        (lambda: run(stride=1.5), "stride must be a whole number from 1 on, got 1.5"),
        (lambda: run(block=True), "block must be a whole number from 1 on, got True"),
        (lambda: run(season=0), "season must be a whole number"),
        (lambda: run(levels=()), "levels must be rising numbers"),
        (lambda: run(first_origins=[1, 2]), "first_origins must be 4 whole numbers"),
        (lambda: run(first_origins=12.0), "first_origins must be 4 whole numbers"),
        (lambda: run(first_origins=0), "first_origins must be 1 or more, got 0"),
        (lambda: run(first_origins=39), "the longest has 41 steps, .* of 3 need 42 or more"),
        (lambda: run(metrics=("mae", "acc")), "metrics must be of mae, .* got 'acc'"),
        (lambda: run(metrics=("mae", "mae")), "each once"),
        (lambda: run(metrics=()), "metrics must name one or more"),
        (lambda: backtest(MODELS, SERIES, **OPTIONS, metrics="crps"), "'crps', which needs"),
        (lambda: run(metrics="width", levels=(0.5,)), r"no pair q and 1 - q, got \[0.5\]"),
        (
            lambda: backtest({"m": lambda *_: np.ones(3)}, SERIES, **OPTIONS),
            r"model 'm' gave forecasts of shape \[3\]; \[18, 3, 2\] is needed",
        ),
        (
            lambda: backtest({"m": with_nan}, SERIES, **OPTIONS),
            "model 'm' forecast inf for series 'b' at origin 24, step 2; a finite number",
        ),
        (
            lambda: run(quantiles={"last": lambda *a: quantiles(*a)[..., 1:]}),
            r"model 'last \(quantiles\)' gave .* \[18, 3, 2, 4\] is needed",
        ),
        (lambda: run().rows(()), "by must name one or more of model, series, step"),
        (lambda: run().rows(("model", "model")), "by must name one or more"),
        (lambda: run().rows(("channel",)), "by must name one or more"),
        (lambda: run().rows("step"), "by must hold 'model', since there are 3 models"),
        (lambda: run().frame(library="excel"), "library must be 'polars' or 'pandas'"),
    ],
)
def test_errors_say_what_is_wrong(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_values_that_are_all_missing_are_an_error() -> None:
    series = SeriesSet(
        np.r_[np.ones((9, 1)), np.full((5, 1), NAN)], np.array([0]), np.array([14]), (0,), ("y",)
    )
    with pytest.raises(ValueError, match="every value behind the origins is missing"):
        backtest({"last": repeat_last}, series, horizon=2, first_origins=9)


def test_one_model_may_be_left_out_of_the_groups() -> None:
    result = backtest({"last": repeat_last}, SERIES, **OPTIONS)
    assert [next(iter(row)) for row in result.rows("step")] == ["step"] * H


def test_a_model_that_forecasts_nothing_has_an_empty_row() -> None:
    models = {**MODELS, "linear": None}
    found = backtest(models, SERIES, **OPTIONS, notes=("linear has no scores",))
    assert set(found.scores()["linear"].values()) == {None}
    assert found.scores()["drift"] == backtest(MODELS, SERIES, **OPTIONS).scores()["drift"]
    assert found.table().splitlines()[5].split() == ["linear", *"-----"]
    assert found.table().endswith("\nlinear has no scores")
    assert merged([found, found]).notes == ("linear has no scores",)


def test_intervals_may_come_from_elsewhere() -> None:
    def wide(*asked: Any) -> np.ndarray:
        return quantiles(*asked) + 100 * (np.array(LEVELS) - 0.5)

    names = ("crps", "coverage_80", "width_80")
    own = run(metrics=names).scores()["season"]
    found = run(metrics=names, intervals={"season": wide}).scores()["season"]
    assert found["crps"] == own["crps"]
    assert found["coverage_80"] == 1
    np.testing.assert_allclose(found["width_80"], own["width_80"] + 80)
    with pytest.raises(ValueError, match="intervals must name models of quantiles, got drift"):
        run(intervals={"drift": wide})


def test_series_that_were_never_seen_stop_no_reference() -> None:
    values = SERIES.values.copy()
    values[:14] = NAN  # all of series a before its first origin
    unseen = replace(SERIES, values=values)
    found = backtest({"zero": gives(0.0)}, unseen, **(OPTIONS | {"stride": 50})).rows(
        ("series", "model")
    )
    assert found[0]["smape"] == 200
    assert found[0]["mase"] is None
