"""Going on by new values: in any pieces, of any series, as if all had been there at once."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from forecast_problems import LEARNT, START, STRATEGIES, Given, given, make

from unrolled import Forecaster
from unrolled.data.series import SeriesSet
from unrolled.data.series_arrays import series_from_arrays
from unrolled.estimators.forecasting.memory import Memory

KINDS = [
    "one", "two", "many", "one+missing", "two+missing", "many+missing", "many+calendar",
    "one+covariates", "many+missing+calendar+covariates", "two+missing+calendar+covariates",
]  # fmt: skip
N = 7  # steps that come later


def split(strategy: str, kind: str) -> tuple[Given, Given]:
    whole = given(kind, past=strategy != "recursive")
    return whole.upto(whole.lengths - N, 5), whole


def fitted(strategy: str, before: Given, loss: str = "squared", **changes: Any) -> Forecaster:
    return make(strategy, loss, **changes).fit(before.X, **before.kept())


def new(whole: Given, start: int, stop: int, *, ahead: int = 12) -> tuple[Any, dict[str, Any]]:
    """The steps that come later from `start` to `stop`, as `update` takes them."""
    begin = whole.lengths - N
    part = whole.between(begin + start, begin + stop, ahead)
    kept = part.kept()
    kept.pop("static", None)
    return part.X, kept


def going_on(model: Forecaster, whole: Given, cuts: list[int]) -> Forecaster:
    model = copy.deepcopy(model)
    for start, stop in zip([0, *cuts], [*cuts, N], strict=True):
        values, more = new(whole, start, stop)
        model.update(values, **more)
    return model


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_pieces_lead_where_the_whole_does(strategy: str, kind: str) -> None:
    before, whole = split(strategy, kind)
    model = fitted(strategy, before)
    once = going_on(model, whole, [])
    expected = once.predict()
    assert not np.allclose(expected, model.predict())
    for cuts in ([1, 2, 3, 4, 5, 6], [3], [1, 6]):
        again = going_on(model, whole, cuts)
        close(again.predict(), expected)
        close(again.predict(1), once.predict(1))
        np.testing.assert_array_equal(again.tail_.values, once.tail_.values)
        assert len(again._memory.state) == len(once._memory.state)
        for mine, theirs in zip(again._memory.state, once._memory.state, strict=True):
            close(mine, theirs)


@pytest.mark.parametrize(
    "changes",
    [
        {"log": True, "difference": 1},
        {"difference": 3, "scaling": "none"},
        {"loss": "normal"},
        {"loss": "negative_binomial", "channels": "joint"},
        {"cell": "lstm", "num_layers": 2, "channels": "joint"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["one+missing", "two+missing", "two", "many+missing"])
def test_one_value_at_a_time(kind: str, changes: dict[str, Any]) -> None:
    """As numbers, arrays and lists of numbers, which take a shorter way, and nested lists."""
    before, whole = split("recursive", kind)
    model = fitted("recursive", before, **changes)
    short, long = copy.deepcopy(model), copy.deepcopy(model)
    listed = copy.deepcopy(model)
    for t in range(N):
        values, _ = new(whole, t, t + 1)
        if kind.startswith("many"):
            short.update(np.concatenate(values))
            long.update([part.tolist() for part in values])
        else:
            short.update(values[0] if kind.startswith("one") else np.ascontiguousarray(values[0]))
            long.update(
                [[value] for value in values] if kind.startswith("one") else values.tolist()
            )
        numbers = np.concatenate(values) if kind.startswith("many") else np.ravel(values)
        listed.update([tuple, list][t % 2](numbers.tolist()))
        assert len(listed._memory._pending) == t + 1
        assert listed.predict(1).tobytes() == short.predict(1).tobytes()
        close(short.predict(3), long.predict(3))
        close(short.predict(1), long.predict(1))
        if t == 3:  # what is pending goes into the memory in the middle of a run
            short.tail_  # noqa: B018
    close(short.predict(), going_on(model, whole, []).predict())
    for mine, theirs in zip(short._memory.state, long._memory.state, strict=True):
        close(mine, theirs)
    np.testing.assert_array_equal(short.tail_.values, long.tail_.values)


def test_a_long_run_of_single_values() -> None:
    """Longer than what is kept apart, and than the calendar that is looked up at once."""
    before = given("one+missing+calendar")
    model = fitted("recursive", before)
    more = np.random.default_rng(3).uniform(5, 20, 150)
    more[::7] = np.nan
    short, long = copy.deepcopy(model), copy.deepcopy(model)
    for value in more:
        short.update(value)
    long.update(more.tolist())
    close(short.predict(), long.predict())
    np.testing.assert_array_equal(short.tail_.values, long.tail_.values)
    assert short.tail_.first == long.tail_.first
    assert len(short.tail_.values) < 20


@pytest.mark.parametrize(
    ("loss", "difference"),
    [("squared", 0), ("squared", 2), ("student_t", 2), ("negative_binomial", 0)],
)
def test_a_state_that_goes_on_is_that_of_the_whole(loss: str, difference: int) -> None:
    """Beside a look-back that reaches from where the state began to the end."""
    before, whole = split("recursive", "many+missing+calendar+covariates")
    model = fitted("recursive", before, loss, difference=difference)
    memory = going_on(model, whole, [2])._memory
    network, series = memory.network, series_of(model, whole)
    prepared = model._preparation.apply(series, memory.scales, 5)
    longer = replace(network, layout=replace(network.layout, lookback=8 + N))
    which = np.arange(3)
    expected = longer.points(prepared, which, series.lengths, 5, seed=0)
    np.testing.assert_allclose(memory.points(5, 0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("strategy", "loss"), LEARNT)
def test_a_memory_forecasts_as_the_network_does(strategy: str, loss: str) -> None:
    """Without updates it is the same computation, to the bit."""
    whole = given("two+missing+calendar+covariates", past=strategy != "recursive")
    model = fitted(strategy, whole, loss, channels="joint")
    memory, series = model._memory, series_of(model, whole)
    prepared = model._preparation.apply(series, memory.scales, 5)
    expected = memory.network.points(prepared, np.arange(1), series.lengths, 5, seed=0)
    assert memory.points(5, 0).tobytes() == expected.tobytes()


@pytest.mark.parametrize("strategy", ["segments", "direct"])
def test_after_updates_as_if_given_whole(strategy: str) -> None:
    before, whole = split(strategy, "many+missing+calendar+covariates")
    model = going_on(fitted(strategy, before, scaling="none"), whole, [1, 4])
    expected = model.predict(X=whole.X, **whole.kept())
    close(model.predict(), expected)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_gap_longer_than_the_look_back_is_filled_from_before(strategy: str) -> None:
    X = given("one").X
    X[-15:] = np.nan
    X[-16] = 40.0
    model = make(strategy, scaling="none").fit(X)
    memory, series = model._memory, series_from_arrays(X)
    prepared = model._preparation.apply(series, memory.scales, 5)
    expected = memory.network.points(prepared, np.arange(1), series.lengths, 5)
    close(memory.points(5, 0), expected)
    for _ in range(20):
        model.update([np.nan])
    assert model.tail_.values[0, 0] == 40
    whole = series_from_arrays(np.concatenate([X, np.full(20, np.nan)]))
    prepared = model._preparation.apply(whole, memory.scales, 5)
    if strategy != "recursive":
        expected = memory.network.points(prepared, np.arange(1), whole.lengths, 5)
        close(model._memory.points(5, 0), expected)


def series_of(model: Forecaster, whole: Given) -> SeriesSet:
    return series_from_arrays(whole.X, **whole.kept(), levels=model._preparation.levels())


# DataFrames


def table(library: Any, *, names: str = "abc", steps: slice = slice(None)) -> Any:
    """Three series in long form, hourly, with a covariate known ahead and a static one."""
    whole = given("many+missing")
    parts = []
    for s, values in enumerate(whole.X):
        if "abc"[s] not in names:
            continue
        rows = np.arange(len(values))[-40:][steps]
        parts.append(
            pd.DataFrame(
                {
                    "name": "abc"[s],
                    "time": START + rows * np.timedelta64(1, "h"),
                    "y": values[rows],
                    "warm": np.sin(rows * 1.0 + s),
                    "place": ["north", "south", "north"][s],
                }
            )
        )
    found = pd.concat(parts, ignore_index=True)
    return pl.from_pandas(found) if library is pl else found


def framed(strategy: str, **changes: Any) -> Forecaster:
    return make(
        strategy, time_column="time", group_column="name", target_columns="y",
        static_columns="place", **changes,
    )  # fmt: skip


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_tables_row_by_row(strategy: str, library: Any) -> None:
    past = {} if strategy == "recursive" else {"past_columns": ("warm",)}
    model = framed(strategy, **past).fit(table(library, steps=slice(None, -4)))
    once, each = copy.deepcopy(model), copy.deepcopy(model)
    once.update(table(library, steps=slice(-4, None)))
    for t in range(-4, 0):
        each.update(table(library, steps=slice(t, t + 1 or None)))
    found, expected = each.predict(), once.predict()
    assert type(found) is type(table(library))
    close(np.array(found["y"]), np.array(expected["y"]))
    assert list(found["time"]) == list(expected["time"])
    assert list(found["name"]) == ["a"] * 5 + ["b"] * 5 + ["c"] * 5
    assert not np.allclose(found["y"], model.predict()["y"])


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_some_series_alone(strategy: str, library: Any) -> None:
    """Others stay where they are, and go on later to the same end."""
    model = framed(strategy).fit(table(library, steps=slice(None, -4)))
    before = model.predict()
    some, whole = copy.deepcopy(model), copy.deepcopy(model)
    some.update(table(library, names="b", steps=slice(-4, None)))
    whole.update(table(library, steps=slice(-4, None)))
    y = {name: np.array(each["y"]) for name, each in
         [("before", before), ("some", some.predict()), ("whole", whole.predict())]}  # fmt: skip
    close(y["some"][5:10], y["whole"][5:10])
    close(y["some"][:5], y["before"][:5])
    close(y["some"][10:], y["before"][10:])
    some.update(table(library, names="ca", steps=slice(-4, -1)))
    some.update(table(library, names="ac", steps=slice(-1, None)))
    close(some.predict()["y"], y["whole"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_missing_values_of_tables(strategy: str) -> None:
    model = framed(strategy).fit(table(pd, steps=slice(None, -4)))
    rows = table(pd, steps=slice(-4, -3))
    rows["y"] = np.nan
    again = copy.deepcopy(model).update(rows)
    nothing = [np.full(1, np.nan)] * 3
    close(again.predict()["y"], copy.deepcopy(model).update(nothing).predict()["y"])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_known_ahead_goes_on(strategy: str) -> None:
    """A table whose last rows only tell the covariate; then values, then more of the covariate."""
    rows = table(pd)
    last = rows.groupby("name").cumcount(ascending=False)
    start = rows.copy()
    start.loc[last < 15, "y"] = np.nan
    model = framed(strategy, future_columns="warm").fit(start[last >= 10])
    assert model.tail_.lengths.tolist() != [40, 31, 40]
    expected = model.predict()
    np.testing.assert_array_equal(model.predict(X=start[last >= 10]).columns, ["name", "time", "y"])
    model.update(start.assign(y=rows["y"].fillna(9.0))[(last < 15) & (last >= 12)])
    if strategy != "direct":  # which reads what is known of its whole horizon
        assert not np.allclose(model.predict(2)["y"], expected.groupby("name").head(2)["y"])
    with pytest.raises(ValueError, match=r"reads warm of 5 steps ahead, .* 'a' 2 are known"):
        model.predict()
    fill = start.assign(y=rows["y"].fillna(9.0))
    model.update(fill[(last < 12) & (last >= 5)])
    with pytest.raises(ValueError, match="'a' 0 are known"):
        model.predict(1)


# What does not follow


def unchanged(
    model: Forecaster, values: Any, error: type[Exception], match: str, **more: Any
) -> None:
    """An update that fails, and changes nothing."""
    before, tail = model.predict(), model.tail_.values.copy()
    states = [part.copy() for part in model._memory.state]
    with pytest.raises(error, match=match):
        model.update(values, **more)
    np.testing.assert_array_equal(np.asarray(model.predict()), np.asarray(before))
    np.testing.assert_array_equal(model.tail_.values, tail)
    for part, after in zip(states, model._memory.state, strict=True):
        np.testing.assert_array_equal(part, after)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_values_that_cannot_be_used(strategy: str) -> None:
    one = fitted(strategy, given("one"), log=True)
    unchanged(one, [np.inf], ValueError, "values hold infinity")
    unchanged(one, np.inf, ValueError, "values hold infinity")
    unchanged(one, [1.0, -3.0], ValueError, r"log=True needs values above 0, got -3")
    unchanged(one, -3.0, ValueError, r"log=True needs values above 0, got -3")
    unchanged(one, ["a"], TypeError, r"values holds text \('a'\), not numbers")
    unchanged(one, [], ValueError, r"values must be \[n, 1\] for a series of 1 targets")
    unchanged(one, None, TypeError, "values must be an array or a list of numbers")
    unchanged(one, [[1.0, 2.0]], ValueError, r"values must be \[n, 1\]")
    unchanged(one, [1.0], ValueError, "given without times", times=[3])
    unchanged(one, [1.0], ValueError, "must not be given with new", past=[3])
    unchanged(one, [1.0], ValueError, "future covariates, but the series were", future=[3])
    many = fitted(strategy, given("many"))
    unchanged(many, [1.0, 2.0], ValueError, r"values must be of the 3 series, got \[1.0, 2.0\]")
    unchanged(many, np.ones(4), ValueError, "values must be of the 3 series")
    unchanged(many, 1.0, ValueError, "values must be of the 3 series")
    two = fitted(strategy, given("two"))
    unchanged(two, np.ones(3), ValueError, r"values must be \[n, 2\] for a series of 2 targets")
    unchanged(two, 1.0, ValueError, r"values must be \[n, 2\]")


def test_times_that_do_not_follow() -> None:
    whole = given("one+calendar")
    model = fitted("recursive", whole)
    follows = START + np.arange(48, 52) * np.timedelta64(1, "h")
    for times in (follows[1:2], follows[:1] - np.timedelta64(1, "h")):
        unchanged(
            model, [3.0], ValueError, "begin at 2024-03-03T.*, but its next step", times=times
        )
    unchanged(model, [3.0, 4.0], ValueError, "must rise regularly", times=follows[[0, 2]])
    unchanged(model, [3.0, 4.0], ValueError, "must have 2 entries", times=follows[:1])
    model.update([3.0], times=follows[:1]).update([4.0, 5.0], times=follows[1:3])
    assert model.tail_.times(0, int(model.tail_.lengths[0]) - 1, 10**3)[0] == follows[2]


def test_tables_that_do_not_follow() -> None:
    model = framed("segments").fit(table(pd, steps=slice(None, -4)))
    late = table(pd, names="b", steps=slice(-3, None))
    unchanged(model, late, ValueError, "new values of series 'b' begin at .*, but its next step is")
    other = table(pd, names="b", steps=slice(-4, None)).assign(name="z")
    unchanged(model, other, ValueError, "series 'z' is none of the 3 that are remembered")
    unchanged(model, other.drop(columns="y"), ValueError, "no target column 'y'")
    infinite = table(pd, steps=slice(-4, None)).assign(y=np.inf)
    unchanged(model, infinite, ValueError, "'y' holds infinity")
    text = table(pd, steps=slice(-4, None)).assign(y="high")
    unchanged(model, text, TypeError, "y")
    array = fitted("segments", given("one"))
    unchanged(array, late, ValueError, "name the column of the time of each row by")


def test_covariates_that_do_not_fit() -> None:
    whole = given("one+covariates")
    model = fitted("segments", whole)
    values, past, future = [3.0, 4.0], np.zeros((2, 2)), np.zeros((30, 2))
    assert isinstance(whole.past, np.ndarray)
    right = {"past": whole.past[:2], "future": whole.future[:30]}
    unchanged(model, values, ValueError, "past covariates were given", **{**right, "past": None})
    unchanged(model, values, ValueError, "are past0,", **{**right, "past": whole.past[:2, :1]})
    unchanged(model, values, ValueError, "must have 2 rows", **{**right, "past": whole.past[:1]})
    infinite = np.array([[np.inf, "low"]] * 2, object)
    unchanged(model, values, ValueError, "holds infinity", **{**right, "past": infinite})
    assert (past.shape, future.shape) == ((2, 2), (30, 2))
    model.update(values, **right)


def test_a_set_of_series_goes_by_its_names() -> None:
    model = fitted("direct", given("many"))
    before = model.predict()
    model.update(series_from_arrays([np.full(3, 20.0)], ids=[1]))
    after = model.predict()
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert not np.allclose(after[1], before[1])
    one = series_from_arrays([np.full(3, 20.0)], ids=[7])
    unchanged(model, one, ValueError, "the series 7 is none of the 3")


def test_a_memory_holds_no_more_than_it_reads() -> None:
    long = np.random.default_rng(0).normal(size=5000)
    model = make("segments").fit(long, future=np.ones((5100, 1)))
    assert len(model.tail_.values) == 8 + 2
    assert model.tail_.future is not None
    assert len(model.tail_.future.values) == 8 + 2 + 100
    assert isinstance(model._memory, Memory)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])  # noqa: S301
def test_a_copy_goes_on_by_itself(copied: Any) -> None:
    values = np.sin(np.arange(60.0))
    model = Forecaster(
        strategy="recursive", horizon=3, lookback=6, hidden_size=4, max_epochs=1, random_state=0
    ).fit(values[:50])
    model.update(values[50]).predict(1)
    other = copied(model)
    model.update(values[51])
    expected = model.predict(2)
    del model
    np.testing.assert_array_equal(other.update(values[51]).predict(2), expected)
