"""Values and arguments that a forecaster refuses before any work is done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled import Forecaster
from unrolled.runtime.spec import views

COUNTS = np.random.default_rng(0).poisson(5, 60).astype(float)


def make(**arguments: Any) -> Forecaster:
    plain = {"horizon": 3, "lookback": 6, "hidden_size": 3, "max_epochs": 1, "random_state": 0}
    return Forecaster(**{**plain, "verbose": False, **arguments})


@pytest.mark.parametrize("wrong", [-1.0, 2.5])
def test_what_is_no_count(wrong: float) -> None:
    counts = {"loss": "negative_binomial", "scaling": "mean", "strategy": "recursive"}
    with pytest.raises(ValueError, match=f"needs counts.*got {wrong:g} in series 0 at step 60"):
        make(**counts).fit(np.append(COUNTS, wrong))
    model = make(**counts).fit(np.append(COUNTS, np.nan))
    before = model.predict()
    with pytest.raises(ValueError, match=f"needs counts.*got {wrong:g}"):
        model.update(wrong)
    np.testing.assert_array_equal(model.predict(), before)
    model.update(4.0).update(np.nan)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"loss": "quantile", "quantiles": (0.7, 0.9)}, "must hold 0.5"),
        ({"calibration_steps": 2}, "calibration_steps must be at least horizon=3"),
        ({"strategy": "recursive", "normalization": "mean"}, "the state of strategy='recursive'"),
        ({"strategy": "recursive", "loss": "quantile"}, "says nothing of paths"),
        ({"loss": "normal", "difference": 2}, "needs strategy='recursive'"),
        ({"loss": "negative_binomial"}, "needs scaling='mean' or 'none'"),
        ({"strategy": "direct", "segment": 2}, "segment goes with strategy='segments'"),
        ({"patience": 2}, "needs something to watch"),
    ],
)
def test_arguments_that_exclude_each_other(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make(**arguments).fit(COUNTS)


def test_covariates_that_a_direct_network_would_not_read() -> None:
    future = np.arange(80.0)[:, None]
    with pytest.raises(ValueError, match="lookback must be at least horizon=8"):
        make(strategy="direct", horizon=8).fit(COUNTS, future=future)
    make(strategy="direct", horizon=6).fit(COUNTS, future=future)


def test_levels_that_training_does_not_have_tell_nothing() -> None:
    static = np.array([["a"], ["b"]], dtype=object)
    model = make(channels="shared").fit([COUNTS, COUNTS + 1], static=static)
    table = views(model.spec_, model.weights_)["categories.0.weight"]
    assert not table[0].any()
    assert table[1:].all()


def test_the_first_step_of_paths_is_exact() -> None:
    model = make(strategy="recursive", loss="student_t").fit(COUNTS)
    np.testing.assert_allclose(model.predict(3)[0], model.predict(1)[0], rtol=1e-6)
    levels = [0.1, 0.9]
    more = model.predict_quantiles(levels, 3)[0]
    np.testing.assert_allclose(more, model.predict_quantiles(levels, 1)[0], rtol=1e-6)


@pytest.mark.parametrize("held", ["ahead", "watched"])
def test_levels_that_only_other_parts_have_are_unknown(held: str) -> None:
    kinds = np.array(["a", "b"] * 30 + ["new"] * 3, dtype=object)[:, None]
    arguments = {"validation_steps": 3} if held == "watched" else {}
    values = np.append(COUNTS, [1.0, 2.0, 3.0]) if held == "watched" else COUNTS
    future = np.append(kinds, [["a"]] * 3, axis=0) if held == "watched" else kinds
    model = make(**arguments).fit(values, future=future)
    known = model._preparation.future
    assert known is not None
    assert known.levels == (("a", "b"),)
    if held == "ahead":
        # The same as a level that is met for the first time in a forecast.
        other = make().fit(values, future=kinds[:60])
        expected = other.predict(future=np.array([["never"]] * 3, dtype=object))
        np.testing.assert_array_equal(model.predict(), expected)


def test_one_value_at_a_time_with_covariates_known_ahead() -> None:
    future = np.sin(np.arange(80.0))[:, None]
    quick = make(strategy="recursive").fit(COUNTS[:50], future=future)
    slow = make(strategy="recursive").fit(COUNTS[:50], future=future)
    for value in COUNTS[50:]:
        quick.update(float(value))
        assert quick._memory._follower is not None
    slow.update(COUNTS[50:])
    np.testing.assert_allclose(quick.predict(), slow.predict(), rtol=1e-5)


def test_gaps_that_are_expected_are_told_to_the_network() -> None:
    """Also where the series of the fit have none."""
    assert not make().fit(COUNTS)._indicator
    model = make(gaps="fill").fit(COUNTS)
    assert model._indicator
    assert model.spec_.input_size == make().fit(COUNTS).spec_.input_size + model._segment
