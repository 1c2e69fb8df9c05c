"""Fits of a forecaster: what they give, what they refuse, how they go on."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from forecast_problems import LEARNT, START, STRATEGIES, given, make
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import unrolled
from unrolled import Forecaster
from unrolled.estimators.checkpoints import Run
from unrolled.training.checkpoint import CheckpointError
from unrolled.training.loop import Pace

H = 5


def curve(model: Forecaster) -> list[tuple[float, float | None]]:
    return [(record["train_loss"], record["valid_loss"]) for record in model.history_]


# What comes back


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_forecasts_are_nested_as_the_series(strategy: str) -> None:
    rng = np.random.default_rng(0)
    kinds: list[tuple[Any, tuple[int, ...]]] = [
        (rng.normal(size=30), (H,)),
        (rng.normal(size=30).tolist(), (H,)),
        (rng.normal(size=30).astype(np.float32), (H,)),
        (rng.integers(0, 9, 30), (H,)),
        (rng.normal(size=(30, 1)), (H, 1)),
        (rng.normal(size=(30, 2)), (H, 2)),
        (rng.normal(size=(3, 30, 1)), (3, H, 1)),
        (rng.normal(size=(3, 30, 2)), (3, H, 2)),
        ([rng.normal(size=30), rng.normal(size=20)], (2, H)),
        ([rng.normal(size=30)], (1, H)),
        ((rng.normal(size=30), rng.normal(size=20)), (2, H)),
        ([rng.normal(size=(30, 2)), rng.normal(size=(20, 2))], (2, H, 2)),
        ([rng.normal(size=30).tolist(), rng.normal(size=20).tolist()], (2, H)),
    ]
    for X, shape in kinds:
        model = make(strategy, "normal").fit(X)
        for found in (model.predict(), model.predict(X=X)):
            assert found.shape == shape
            assert found.dtype == np.float64
            assert np.isfinite(found).all()
        assert model.predict(2).shape == tuple(2 if n == H else n for n in shape)
        assert model.predict_quantiles((0.1, 0.6, 0.9)).shape == (*shape, 3)
        assert model.predict_interval().shape == (*shape, 2)
        assert model.sample(4).shape == (*shape, 4)
    # Other series than those of the fit, more or fewer, shorter than the look-back too.
    model = make(strategy).fit(kinds[8][0])
    assert model.predict(X=[np.arange(3.0), np.arange(50.0), np.arange(9.0)]).shape == (3, H)
    assert model.predict(X=np.arange(4.0)).shape == (H,)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_table_with_a_column_a_series(library: Any) -> None:
    """Wide form: a forecast in long form, by the columns' names; an update in wide form again."""
    rng = np.random.default_rng(0)
    times = (START + np.arange(40) * np.timedelta64(1, "h")).tolist()
    values = rng.normal(size=(40, 2))

    def table(rows: slice) -> Any:
        part = values[rows]
        return library.DataFrame({"when": times[rows], "b": part[:, 0], "a": part[:, 1]})

    model = make("recursive", time_column="when").fit(table(slice(38)))
    assert model.series_ == 2
    nested = make("recursive").fit([values[:38, 0], values[:38, 1]], times=times[:38])
    for turn in range(2):
        found = model.predict()
        assert type(found) is library.DataFrame
        assert list(found["series"]) == ["b"] * H + ["a"] * H
        last = times[37 + 2 * turn]
        ahead = [last + (h + 1) * timedelta(hours=1) for h in range(H)]
        assert list(found["when"])[:H] == ahead
        np.testing.assert_allclose(np.array(found["y"]), nested.predict().ravel(), rtol=1e-6)
        if turn == 0:
            model.update(table(slice(38, 40)))
            nested.update(values[38:40].T[:, :, None])


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize("columns", [("a",), ("a", "b")])
def test_forecasts_of_tables(library: Any, columns: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    times = [(START + np.arange(T) * np.timedelta64(1, "h")).tolist() for T in (30, 20)]
    table = library.DataFrame(
        {
            "when": [*times[0], *times[1]],
            "who": ["x"] * 30 + ["y"] * 20,
            **{name: rng.normal(size=50) for name in columns},
        }
    )
    model = make(
        "direct", "normal", time_column="when", group_column="who", target_columns=columns
    ).fit(table)
    for found in (model.predict(), model.predict(X=table)):
        assert type(found) is library.DataFrame
        assert list(found.columns) == ["who", "when", *columns]
        assert list(found["who"]) == ["x"] * H + ["y"] * H
        ahead = [each[-1] + np.arange(1, H + 1) * np.timedelta64(1, "h") for each in
                 (np.array(part, "M8[us]") for part in times)]  # fmt: skip
        assert np.array(found["when"], "M8[us]").tolist() == np.concatenate(ahead).tolist()
    names = [f"{name}{end}" for name in columns for end in ("_q0.1", "_q0.75")]
    assert list(model.predict_quantiles((0.1, 0.75)).columns) == ["who", "when", *names]
    names = [f"{name}{end}" for name in columns for end in ("_low", "_high")]
    interval = model.predict_interval(0.5)
    assert list(interval.columns) == ["who", "when", *names]
    assert (np.array(interval["a_low"]) < np.array(interval["a_high"])).all()
    # The same numbers as from arrays of the same values.
    parts = [np.array(table[list(columns)])[:30], np.array(table[list(columns)])[30:]]
    nested = make("direct", "normal").fit(parts, times=times).predict()
    for k, name in enumerate(columns):
        np.testing.assert_allclose(
            np.array(model.predict()[name]).reshape(2, H), nested[:, :, k], rtol=1e-6
        )


def test_arguments_are_in_the_units_of_the_series() -> None:
    """A network fitted on scaled series forecasts the same, scaled."""
    X = given("many").X
    model = make("segments", max_epochs=3).fit(X)
    other = make("segments", max_epochs=3).fit([1000 * x - 5 for x in X])
    for mine, theirs in zip(model.predict(), other.predict(), strict=True):
        np.testing.assert_allclose(1000 * mine - 5, theirs, rtol=1e-3)


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        *((strategy, {}) for strategy in STRATEGIES),
        ("segments", {"channels": "joint", "cell": "lstm"}),
        ("direct", {"difference": 6, "scaling": "mean"}),
        ("recursive", {"log": True, "difference": 1, "loss": "student_t"}),
        ("direct", {"loss": "quantile", "normalization": "mean"}),
        ("recursive", {"loss": "negative_binomial", "scaling": "mean"}),
    ],
    ids=str,
)
def test_a_wave_is_learnt(strategy: str, changes: dict[str, Any]) -> None:
    """Better than the last value by far, with targets in their places."""
    t = np.arange(120)[:, None]
    X = np.rint(60 + 40 * np.sin(t * np.pi / 6 + np.array([0, 2]))) * np.array([1, 10])
    model = make(
        strategy, hidden_size=16, max_epochs=60, lookback=12, batch_size=32, num_samples=50,
        **changes,
    ).fit(X[:-H])  # fmt: skip
    error = np.abs(model.predict() - X[-H:]).mean(axis=0) / np.array([1, 10])
    plain = np.abs(X[-H - 1] - X[-H:]).mean(axis=0) / np.array([1, 10])
    assert (error < 0.35 * plain.max()).all()
    assert model.history_[-1]["train_loss"] < model.history_[0]["train_loss"]


def test_covariates_known_ahead_are_used() -> None:
    """A target that only they tell, also by a category and by the calendar."""
    rng = np.random.default_rng(0)
    T = 300
    warm = rng.normal(size=T + H)
    kind = rng.choice(["low", "high"], T + H)
    hours = START + np.arange(T + H) * np.timedelta64(1, "h")
    y = 3 * warm + 5 * (kind == "high") + (hours.astype("M8[h]").astype(int) % 24 > 11) * 4.0
    future = np.stack([warm.astype(object), kind], axis=1)
    for strategy in STRATEGIES:
        model = make(
            strategy, hidden_size=24, max_epochs=25, normalization="none", segment=None,
            learning_rate=0.01,
        ).fit(y[:T], future=future, times=hours[:T])  # fmt: skip
        error = np.abs(model.predict() - y[T:]).mean()
        assert error < 0.45 * y.std(), strategy


def test_static_covariates_are_used() -> None:
    """Series that nothing else tells apart."""
    rng = np.random.default_rng(0)
    X = [np.where(np.arange(60) % 10 == 9, (-1.0) ** s, 0) * 5 + 0.1 * rng.normal(size=60)
         for s in range(6)]  # fmt: skip
    X = [x[:-1] for x in X]
    static = np.array([["odd" if s % 2 else "even"] for s in range(6)], object)
    model = make(
        "direct", horizon=1, lookback=9, scaling="none", normalization="none", max_epochs=60,
        hidden_size=8,
    )  # fmt: skip
    X = [x[-9:] * 0 if s > 5 else x for s, x in enumerate(X)]
    found = model.fit(X, static=static).predict()[:, 0]
    assert (np.sign(found) == [1, -1, 1, -1, 1, -1]).all()


# scikit-learn's contract


def test_parameters() -> None:
    model = make("recursive", "student_t", calendar=("hour", "month"))
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert again is not model
    assert Forecaster().set_params(horizon=3, cell="rnn").get_params()["horizon"] == 3
    assert "Forecaster(" in repr(model)
    assert "strategy='recursive'" in repr(model)
    with pytest.raises(ValueError, match="lookbak"):
        Forecaster().set_params(lookbak=3)
    fitted = model.fit(given("one+calendar").X, times=given("one+calendar").times)
    assert fitted is model
    with pytest.raises(NotFittedError):
        clone(fitted).predict()


def test_nothing_without_a_fit() -> None:
    for call in (
        lambda m: m.predict(),
        lambda m: m.predict(X=np.arange(9.0)),
        lambda m: m.predict_quantiles(),
        lambda m: m.predict_interval(),
        lambda m: m.sample(),
        lambda m: m.update([1.0]),
        lambda m: m.backtest(np.arange(99.0)),
        lambda m: m.tail_,
        lambda m: m.explain(),
        lambda m: m.save("nowhere"),
    ):
        with pytest.raises(NotFittedError, match="This Forecaster is not fitted yet"):
            call(Forecaster(horizon=2))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fits_repeat_and_seeds_tell_them_apart(strategy: str) -> None:
    X = given("many+missing").X
    bits = [
        make(strategy, random_state=seed, dropout=0.3, num_layers=2).fit(X).weights_.tobytes()
        for seed in (0, 0, 1)
    ]
    assert bits[0] == bits[1] != bits[2]


def test_a_second_fit_forgets_the_first() -> None:
    one, two = given("two+missing"), given("many+calendar+covariates")
    expected = make("segments").fit(two.X, **two.kept())
    model = make("segments", calibration_steps=0).fit(one.X).update([[3.0, 4.0]])
    model.fit(two.X, **two.kept())
    assert model.weights_.tobytes() == expected.weights_.tobytes()
    assert model.predict().tobytes() == expected.predict().tobytes()
    assert model.targets_ == ("y",)


# Fits that fail


def failing() -> list[tuple[Any, ...]]:
    """X, arguments of fit, parameters, the error and its sentence."""
    x = np.arange(1.0, 41.0)
    infinite, hole = x.copy(), x.copy()
    infinite[7], hole[:] = np.inf, np.nan
    day = np.datetime64("2024-01-01") + np.arange(40)
    twice = day.copy()
    twice[5] = twice[4]
    V, T = ValueError, TypeError
    return [
        ([], {}, {}, V, "X: found array with 0 series"),
        ([[]], {}, {}, V, r"X\[0\]: found array with 0 step"),
        (np.zeros(0), {}, {}, V, "X: found array with 0 step"),
        (np.zeros((0, 2)), {}, {}, V, "X: found array with 0 step"),
        (np.zeros((9, 0)), {}, {}, V, "X: found array with 0 target"),
        (np.zeros((2, 3, 4, 5)), {}, {}, V, r"X\[0\] must be \[T\] or \[T, K\]"),
        (None, {}, {}, T, "X must be an array or a list of numbers, got NoneType"),
        (3.0, {}, {}, T, "X must be an array or a list of numbers, got float"),
        ("text", {}, {}, T, "X must be an array or a list of numbers, got str"),
        (["a", "b"], {}, {}, T, r"X holds text \('a'\), not numbers"),
        ([x, list("abc")], {}, {}, T, r"X\[1\] holds text \('a'\), not numbers"),
        (x * 1j, {}, {}, V, "Complex data not supported"),
        (infinite, {}, {}, V, "X holds infinity at step 7"),
        (hole, {}, {}, V, "X has no value for target 0: all 40 are missing"),
        ([x, hole], {}, {}, V, r"X\[1\] has no value for target 0"),
        ([x, np.zeros((9, 2))], {}, {}, V, "X has 1 targets in series 0 and 2 in series 1"),
        (x[:1], {}, {}, V, "series 0 has 1 step, and training needs 2"),
        (x[:5], {}, {}, V, "the longest has 5 steps to train on, and horizon=5 needs 6"),
        ([x[:5], x[:3]], {}, {}, V, "no series is long enough for one window"),
        (x, {}, {"validation_steps": 39}, V, "validation and calibration leave 1 to train on"),
        (x, {}, {"validation_steps": 3}, V, "part to watch has 3 steps, fewer than horizon=5"),
        (x, {}, {"validation_fraction": 0.05}, V, "part to watch has 2 steps, fewer than"),
        (x, {}, {"calibration_steps": 4}, V, r"must be at least horizon=5, or 0, got 4"),
        (x, {}, {"difference": 40}, V, "difference=40 needs more steps than that to train on"),
        (x - 9, {}, {"log": True}, V, "log=True needs values above 0, got -8 in series 0"),
        (x, {"past": x[:9]}, {}, V, "past must have 40 rows for series 0"),
        (x, {"future": x[:9]}, {}, V, "future must have at least 40 rows"),
        (x, {"past": infinite}, {}, V, "'past0' holds infinity"),
        (x, {"past": np.array([1, "a"] * 20, object)}, {}, T, "'past0' mixes"),
        (x, {"static": np.ones((2, 2))}, {}, V, r"static must be \[Q\] or \[1, Q\]"),
        ([x, x], {"past": [x]}, {}, V, "past must be nested like X, which is 2 series; got 1"),
        (x, {"times": day[:9]}, {}, V, "times must have 40 entries"),
        (x, {"times": twice}, {}, V, "times"),
        (x, {"times": day[::-1]}, {}, V, "times"),
        (x, {"past": x}, {"strategy": "recursive"}, V, "past covariates are not known where"),
        (x, {}, {"calendar": ("hour",)}, V, r"calendar features \(hour\) need times"),
        (x, {"times": day}, {"calendar": ("hours",)}, V, "calendar must be of .*, got 'hours'"),
        (x, {"resume_from": "no/such/file"}, {}, V, "no/such/file"),
        (x, {}, {"horizon": 0}, V, "horizon"),
        (x, {}, {"horizon": 2.5}, V, "horizon"),
        (x, {}, {"strategy": "both"}, V, "strategy"),
        (x, {}, {"loss": "mse"}, V, "loss"),
        (x, {}, {"segment": 3, "strategy": "direct"}, V, "segment goes with strategy='segments'"),
        (x, {}, {"loss": "quantile", "strategy": "recursive"}, V, "says nothing of paths"),
        (x, {}, {"loss": "quantile", "quantiles": (0.9, 0.1)}, V, "quantiles"),
        (x, {}, {"loss": "normal", "difference": 1}, V, "needs strategy='recursive'"),
        (x, {}, {"loss": "negative_binomial"}, V, "needs scaling='mean' or 'none'"),
        (x, {}, {"normalization": "last", "strategy": "recursive"}, V, "changes with each window"),
        (x, {}, {"patience": 2}, V, "patience=2 needs something to watch"),
        (x, {}, {"learning_rate": 1e30, "optimizer": "sgd", "clip_norm": None, "max_epochs": 9},
         FloatingPointError, "learning_rate"),
        (pd.DataFrame({"t": range(9), "y": x[:9]}), {}, {}, V, "column of the time of each row"),
        (pd.DataFrame({"t": range(9), "y": x[:9]}), {}, {"target_columns": "y"}, V,
         "name the column of the time of each row by time_column"),
        (pd.DataFrame({"t": range(9), "y": list("abcdefghi")}), {},
         {"target_columns": "y", "time_column": "t"}, T, "y"),
        (pd.DataFrame({"t": range(9), "y": x[:9]}), {"past": x[:9]},
         {"target_columns": "y", "time_column": "t"}, V, "name them by past_columns"),
        (pd.DataFrame({"t": range(9), "y": x[:9]}), {"times": x[:9]},
         {"target_columns": "y", "time_column": "t"}, V, "name them by time_column instead"),
    ]  # fmt: skip


@pytest.mark.parametrize("case", range(len(failing())))
def test_what_cannot_be_fitted(case: int) -> None:
    """One clear sentence; and a forecaster that was fitted stays as it was."""
    X, arguments, parameters, error, sentence = failing()[case]
    usual = {"segment": None, **({"scaling": "standard"} if "loss" in parameters else {})}
    model = make("segments", **{**usual, **parameters}) if "strategy" not in parameters else (
        make(parameters["strategy"] if parameters["strategy"] != "both" else "direct",
             **{k: v for k, v in parameters.items() if k != "strategy"})
    )  # fmt: skip
    if parameters.get("strategy") == "both":
        model.set_params(strategy="both")
    with pytest.raises(error, match=sentence) as caught:
        model.fit(X, **arguments)
    assert "\n" not in str(caught.value)
    assert not hasattr(model, "weights_")
    assert set(vars(model)) == set(model.get_params())

    good = make("segments").fit(given("two").X).update([[2.0, 3.0]])
    before, kept = good.predict(), dict(vars(good))
    good.set_params(**{"segment": None, **parameters})
    changed = dict(vars(good))
    with pytest.raises(error, match=sentence):
        good.fit(X, **arguments)
    assert vars(good) == changed
    good.set_params(**{name: kept[name] for name in parameters})
    assert good.predict().tobytes() == before.tobytes()


def test_an_interrupt_leaves_the_estimator_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make("direct").fit(given("one").X)
    before = (model.weights_.tobytes(), model.predict().tobytes())

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Forecaster, "_calibrate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(given("many").X)
    assert (model.weights_.tobytes(), model.predict().tobytes()) == before


# Predictions that fail


def test_what_cannot_be_forecast() -> None:
    x, whole = given("one").X, given("one+calendar+covariates")
    model = make("segments").fit(x)
    for horizon in (0, -1, 2.5, "3", True, None if False else np.nan):
        with pytest.raises(ValueError, match="horizon must be a whole number of at least 1, got"):
            model.predict(horizon)  # type: ignore[arg-type]
    for strategy in ("segments", "direct"):
        with pytest.raises(ValueError, match=r"forecasts 5 steps, got horizon=6; fit with that"):
            make(strategy).fit(x).predict(6)
    assert make("recursive").fit(x).predict(31).shape == (31,)
    with pytest.raises(ValueError, match="future: the series were given without covariates known"):
        model.predict(future=x)
    with pytest.raises(ValueError, match="static goes with X; what follows is told by update"):
        model.predict(static=[1.0])
    with pytest.raises(ValueError, match="have 2 targets, but Forecaster was fitted on 1"):
        model.predict(X=given("two").X)
    with pytest.raises(ValueError, match=r"have past covariates, but .* had none"):
        model.predict(X=x, past=x)
    with pytest.raises(ValueError, match="X holds infinity"):
        model.predict(X=np.array([1, np.inf]))
    with pytest.raises(TypeError, match="X holds text"):
        model.predict(X=["a"])
    model = make("segments").fit(whole.X, **whole.kept())
    kept = whole.kept()
    for name, sentence in [
        ("past", "have no past covariates, but those of the training had past0, past1"),
        ("future", "have no future covariates, but those of the training had future0, future1"),
        ("static", "have no static covariates, but those of the training had static0, static1"),
        ("times", "calendar features .* need times, which these series do not have"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            model.predict(X=whole.X, **{k: v for k, v in kept.items() if k != name})
    short = {**kept, "future": whole.future[: len(whole.X) + 3]}
    with pytest.raises(ValueError, match=r"reads future0, future1 of 5 steps .* 3 are known"):
        model.predict(X=whole.X, **short)
    assert model.predict(2, X=whole.X, **short).shape == (2,)
    with pytest.raises(ValueError, match="the covariates are past0, but those of the training"):
        model.predict(X=whole.X, **{**kept, "past": whole.past[:, :1]})
    with pytest.raises(ValueError, match="'past0' is categories, but was numbers"):
        model.predict(X=whole.X, **{**kept, "past": whole.past[:, ::-1]})


def test_a_level_that_training_did_not_have() -> None:
    whole = given("one+covariates")
    model = make("direct").fit(whole.X, **whole.kept())
    future = whole.future.copy()
    future[-25:, 1] = "never seen"
    found = model.predict(X=whole.X, **{**whole.kept(), "future": future})
    assert np.isfinite(found).all()
    assert not np.array_equal(found, model.predict())


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps must be a whole number of at least 1, got 2.5"),
        ({"steps": 3}, "steps=3 leaves no origin: each forecast has 5 steps"),
        ({"steps": 48}, "series 0 has 48 steps, which leaves none before the first origin"),
        ({"horizon": 0}, "horizon must be a whole number of at least 1, got 0"),
        ({"horizon": 6}, "forecasts 5 steps, got horizon=6"),
        ({"stride": 0}, "stride must be a whole number of at least 1, got 0"),
        ({"stride": 1.5}, "stride must be a whole number of at least 1, got 1.5"),
        ({"levels": (0.9, 0.1)}, "levels must be rising numbers"),
        ({"metrics": ("mae", "best")}, "metrics must be of .*, got 'best'"),
        ({"past": np.ones(48)}, "have past covariates, but those of the training had none"),
    ],
)
def test_what_cannot_be_backtested(how: dict[str, Any], sentence: str) -> None:
    model = make("direct", "normal").fit(given("one").X)
    with pytest.raises(ValueError, match=sentence):
        model.backtest(given("one").X, **how)
    with pytest.raises(ValueError, match="have 2 targets, but Forecaster was fitted on 1"):
        model.backtest(given("two").X)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_backtest_stands_beside_baselines(strategy: str, refit: bool) -> None:
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    model = make(strategy, "normal", num_samples=20)
    if not refit:
        train = whole.upto(whole.lengths - 12, 12)
        model.fit(train.X, **train.kept())
    told: list[tuple[int, int]] = []
    found = model.backtest(
        whole.X, steps=12, stride=3, refit=refit, tell=lambda *done: told.append(done),
        **whole.kept(),
    )  # fmt: skip
    models = [row["model"] for row in found.rows()]
    assert models[0] == "Forecaster"
    assert len(models) >= 5
    assert {"mae", "rmse", "smape", "mase", "owa", "crps", "coverage_80"} <= set(found.rows()[0])
    assert told[-1] == ((3, 3) if refit else (9, 9))
    assert len(found.rows(by=("model", "step"))) == len(models) * H
    if refit:
        with pytest.raises(NotFittedError):
            model.predict()


@pytest.mark.parametrize("kind", ["one", "many"])
def test_a_backtest_of_other_series_takes_their_own_scale(kind: str) -> None:
    """Arrays of as many series as those of the fit: the same in another unit, and scored alike."""
    X = given(kind).X
    model = make("segments", max_epochs=5).fit(X)

    def score(unit: float) -> float:
        series = [unit * x for x in X] if kind == "many" else unit * X
        found: float = model.backtest(series, steps=8).rows()[0]["mase"]
        return found

    assert score(1e-3) == pytest.approx(score(1e3), rel=1e-4)


# Going on


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the next fit die right after its n-th checkpoint."""
    save = Run.save

    def after(saves: int) -> None:
        left = [saves]

        def save_and_die(self: Run, *arguments: Any) -> None:
            save(self, *arguments)
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(Run, "save", save_and_die)

    return after


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        ("segments", {"dropout": 0.3, "num_layers": 2}),
        ("direct", {"validation_steps": 8, "patience": 2, "windows_per_epoch": 30}),
        ("recursive", {"loss": "negative_binomial", "scaling": "mean", "schedule": "cosine"}),
        ("direct", {"loss": "quantile", "calibration_steps": 9, "stride": 2}),
    ],
    ids=str,
)
def test_a_fit_that_died_ends_with_the_same_bits(
    strategy: str,
    changes: dict[str, Any],
    tmp_path: Path,
    dies: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Pace, "slices", lambda _, a, b: (range(i, min(i + 2, b)) for i in range(a, b, 2))
    )
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    usual = {**changes, "max_epochs": 4, "checkpoint_seconds": 0.0}
    expected = make(strategy, **usual).fit(whole.X, **whole.kept())
    path, resume = tmp_path / "run", None
    for saves in (1, 3):
        dies(saves)
        with pytest.raises(KeyboardInterrupt):
            make(strategy, **usual, checkpoint=path).fit(
                whole.X, **whole.kept(), resume_from=resume
            )
        resume = path
    dies(10**9)
    model = make(strategy, **usual, checkpoint=path)
    model.fit(whole.X, **whole.kept(), resume_from=path)
    assert model.weights_.tobytes() == expected.weights_.tobytes()
    assert curve(model) == curve(expected)
    assert model.predict().tobytes() == expected.predict().tobytes()
    if model.calibration_steps:
        mine, theirs = model.predict_interval(0.7), expected.predict_interval(0.7)
        assert mine.tobytes() == theirs.tobytes()
    # Of other series or arguments it is no checkpoint.
    with pytest.raises(CheckpointError, match="is of a fit with other training data"):
        make(strategy, **usual).fit([x[::-1] for x in whole.X], **whole.kept(), resume_from=path)
    with pytest.raises(CheckpointError, match="resume with the same arguments"):
        make(strategy, **{**usual, "learning_rate": 0.1}).fit(
            whole.X, **whole.kept(), resume_from=path
        )


# Engines


@pytest.mark.torch
@pytest.mark.parametrize(("strategy", "loss"), LEARNT)
def test_both_engines_train_alike(strategy: str, loss: str) -> None:
    whole = given("two+missing+calendar+covariates", past=strategy != "recursive")
    curves, found = [], []
    for engine in ("kernels", "torch"):
        model = make(
            strategy, loss, engine=engine, max_epochs=4, validation_steps=8, num_samples=1,
            channels="joint" if loss == "huber" else "shared",
        ).fit(whole.X, **whole.kept())  # fmt: skip
        assert model.engine_ == engine
        curves.append(np.array(curve(model), float))
        found.append(model.predict())
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
    assert len(np.unique(curves[0])) == 8
    if loss in ("squared", "absolute", "huber"):
        np.testing.assert_allclose(found[1], found[0], rtol=1e-3)


# Memory


def most_memory(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_memory_does_not_grow_with_the_windows(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside some numbers for each value of the series: no window is kept."""
    monkeypatch.setattr(
        Pace, "slices", lambda _, a, b: (range(i, min(i + 8, b)) for i in range(a, b, 8))
    )
    rng = np.random.default_rng(0)
    most = []
    for T in (2_000, 12_000):
        X = rng.normal(size=T)
        model = make(
            strategy, lookback=200, horizon=20, hidden_size=2, segment=None, batch_size=64,
            validation_steps=T // 4, stride=2,
        )  # fmt: skip
        most.append(most_memory(lambda model=model, X=X: model.fit(X)))
    # All windows would hold 3,750 * 220 numbers more, those watched 2,500 * 220 again.
    assert most[1] - most[0] < 10_000 * 8 * 22


def test_memory_of_forecasts_from_many_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backtest makes them in blocks."""
    from unrolled.estimators.forecasting import network

    monkeypatch.setattr(network, "BLOCK", 2**16)
    model = make("direct", lookback=200, hidden_size=2).fit(
        np.random.default_rng(0).normal(size=600)
    )
    most = []
    for T in (3000, 9000):
        X = np.random.default_rng(1).normal(size=T)
        most.append(
            most_memory(lambda X=X, T=T: model.backtest(X, steps=T - 500, metrics=("mae",)))
        )
    assert most[1] - most[0] < 6_000 * 8 * 60


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_many_series_are_forecast_as_each_alone(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks that are smaller than their number."""
    from unrolled.estimators.forecasting import network

    rng = np.random.default_rng(0)
    X = [rng.normal(size=(T, 2)) for T in rng.integers(6, 40, 30)]
    model = make(strategy, channels="shared").fit(X)
    expected = np.stack([model.predict(X=x) for x in X])
    np.testing.assert_allclose(model.predict(X=X), expected, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(network, "BLOCK", 1500)
    np.testing.assert_allclose(model.predict(X=X), expected, rtol=1e-4, atol=1e-5)
    assert len(list(model._memory.network._blocks(30))) > 2


def test_explain_tells_what_is_remembered() -> None:
    X = given("one").X
    assert make("recursive").fit(X).explain().endswith("the state goes on from value to value")
    assert make("direct").fit(X).explain().endswith("the last 8 steps are read for each forecast")


def test_it_is_at_the_front_door() -> None:
    assert unrolled.Forecaster is Forecaster
    assert "Forecaster" in dir(unrolled)
