"""Nothing behind an origin is read: other futures, the same bits of forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from forecast_problems import LEARNT, STRATEGIES, Given, given, make, several

from unrolled import Forecaster
from unrolled.estimators import backtesting
from unrolled.estimators.forecasting import evaluation

STEPS, H = 9, 5
LEVELS = (0.1, 0.5, 0.9)
# By origin, offset from the first: all forecasts of the models, and quantiles.
Forecasts = dict[int, dict[str, bytes]]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Forecaster, Given, bool], Forecasts]:
    """The forecasts that a backtest is made of."""
    found: Forecasts = {}

    def watching(models: Any, series: Any, **how: Any) -> Any:
        first = how["first_origins"]

        def keep(name: str, predict: Any) -> Any:
            def kept(series: Any, which: Any, origins: Any, *more: Any) -> Any:
                values = predict(series, which, origins, *more)
                for place in range(len(which)):
                    offset = int(origins[place] - (series.lengths - STEPS)[which[place]])
                    at = found.setdefault(offset, {})
                    at[f"{name} {which[place]}"] = values[place].tobytes()
                return values

            return kept

        assert len(first) == len(series)
        quantiles = how.pop("quantiles") or {}
        return backtesting.backtest(
            {name: keep(name, predict) for name, predict in models.items()},
            series,
            quantiles={name: keep(f"{name} quantiles", q) for name, q in quantiles.items()},
            **how,
        )

    monkeypatch.setattr(evaluation, "backtest", watching)

    def run(model: Forecaster, whole: Given, refit: bool = False, stride: int = 1) -> Forecasts:
        found.clear()
        model.backtest(whole.X, steps=STEPS, refit=refit, stride=stride, **whole.kept())
        return {offset: dict(at) for offset, at in found.items()}

    return run


def another_future(whole: Given, offset: int) -> Given:
    """Other targets and past covariates from an origin on, also missing ones."""
    rng = np.random.default_rng(1)

    def changed(parts: Any) -> Any:
        if parts is None:
            return None
        found = []
        for part in several(parts):
            part = part.copy()
            after = part[len(part) - STEPS + offset :]
            if part.dtype == object:
                after[:, 0], after[:, 1] = 1e3, "top"
            else:
                after[...] = rng.integers(1, 500, after.shape)
                after[1] = np.nan
            found.append(part)
        return found if isinstance(parts, list) else found[0]

    return replace(whole, X=changed(whole.X), past=changed(whole.past))


@pytest.mark.parametrize(("strategy", "loss"), LEARNT)
def test_backtests_read_nothing_behind_an_origin(
    strategy: str, loss: str, watched: Callable[..., Forecasts]
) -> None:
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    model = make(strategy, loss)
    train = whole.upto(whole.lengths - STEPS, STEPS)
    model.fit(train.X, **train.kept())
    # How many random numbers a draw takes depends on its distribution, so that paths change with
    # those drawn beside them: such a forecast is looked at from its first origin alone.
    alone = (strategy, loss) in [("recursive", "student_t"), ("recursive", "negative_binomial")]
    stride = STEPS if alone else 1
    before = watched(model, whole, stride=stride)
    assert len(before) == (1 if alone else STEPS - H + 1)
    names = 5 + (loss in ("quantile", "normal", "student_t", "negative_binomial"))
    assert all(len(at) == 3 * names for at in before.values())
    for offset in (0, 3):
        after = watched(model, another_future(whole, offset), stride=stride)
        for origin in before:
            assert (after[origin] == before[origin]) is (origin <= offset)


@pytest.mark.parametrize("channels", ["shared", "joint"])
@pytest.mark.parametrize(
    "changes",
    [{"normalization": "standard", "log": True}, {"normalization": "mean", "difference": 2}],
    ids=str,
)
def test_nor_with_transforms(
    channels: str, changes: dict[str, Any], watched: Callable[..., Forecasts]
) -> None:
    whole = given("two+missing")
    model = make("direct", channels=channels, **changes).fit(whole.upto(whole.lengths - STEPS).X)
    before, after = watched(model, whole), watched(model, another_future(whole, 2))
    for origin in range(STEPS - H + 1):
        assert (after[origin] == before[origin]) is (origin <= 2)


@pytest.mark.parametrize("held", [{}, {"validation_steps": 6, "calibration_steps": 9}], ids=len)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_refit_learns_from_what_is_before_its_origin(
    strategy: str, held: dict[str, Any], watched: Callable[..., Forecasts]
) -> None:
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    model = make(strategy, hidden_size=2, **held)
    before, after = watched(model, whole, True), watched(model, another_future(whole, 2), True)
    assert len(before) == STEPS - H + 1
    for origin in range(STEPS - H + 1):
        mine = {name: bits for name, bits in before[origin].items() if "Forecaster" in name}
        theirs = {name: bits for name, bits in after[origin].items() if "Forecaster" in name}
        assert len(mine) == (6 if held else 3)  # points, and ends by measured errors
        assert (mine == theirs) is (origin <= 2)


@pytest.mark.parametrize(("strategy", "loss"), LEARNT)
def test_a_forecast_is_that_of_a_backtest_from_its_end(
    strategy: str, loss: str, watched: Callable[..., Forecasts]
) -> None:
    """`predict(X)` of what is before the first origin, which knows nothing of the rest."""
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    train = whole.upto(whole.lengths - STEPS, H)
    model = make(strategy, loss, num_samples=1).fit(train.X, **train.kept())
    tested = watched(model, whole)[0]
    found = model.predict(X=train.X, **train.kept())
    for s in range(3):
        expected = np.frombuffer(tested[f"Forecaster {s}"]).reshape(H, 1)[:, 0]
        if strategy == "recursive" and loss in ("normal", "student_t", "negative_binomial"):
            continue  # other paths, for others are drawn beside them
        np.testing.assert_allclose(found[s], expected, rtol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_trained_on_ends_before_what_is_held_out(strategy: str) -> None:
    """Weights do not depend on what is watched or calibrated on."""
    whole = given("many+missing", past=False)
    models = [
        make(strategy, validation_steps=4 + H, calibration_steps=9).fit(X)
        for X in (
            whole.X,
            [np.concatenate([x[: -13 - H], x[-13 - H :] + 9]) for x in whole.X],
        )
    ]
    assert models[0].weights_.tobytes() == models[1].weights_.tobytes()
    histories = [[r["valid_loss"] for r in model.history_] for model in models]
    assert histories[0] != histories[1]
    # And they do depend on the last step before.
    other = [x.copy() for x in whole.X]
    for x in other:
        x[-14 - H] += 3
    model = make(strategy, validation_steps=4 + H, calibration_steps=9).fit(other)
    assert model.weights_.tobytes() != models[0].weights_.tobytes()
