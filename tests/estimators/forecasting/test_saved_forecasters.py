"""A model that is saved and loaded goes on with the same bits."""

from __future__ import annotations

import copy
import pickle
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from forecast_problems import LEARNT, START, STRATEGIES, given, make

import unrolled
from unrolled import Forecaster
from unrolled.runtime.artifact import ArtifactError, load_artifact, save_artifact


def all_bits(model: Forecaster) -> list[bytes]:
    """Everything that comes out of a model without X."""
    found = [model.predict(), model.predict(1)]
    if model.loss in ("quantile", "normal", "student_t", "negative_binomial"):
        found += [model.predict_quantiles((0.2, 0.5)), model.predict_interval(0.8)]
    if model.loss in ("normal", "student_t", "negative_binomial"):
        found.append(model.sample(3, random_state=4))
    if model.calibration_steps:
        found.append(model.predict_interval(0.5))
    found += [model.tail_.values, *model._memory.state]
    return [np.asarray(part).tobytes() for part in found]


@pytest.mark.parametrize(("strategy", "loss"), LEARNT)
def test_the_same_bits(strategy: str, loss: str, tmp_path: Path) -> None:
    """Also after updates, of those that are pending too, and from copies of copies."""
    whole = given("many+missing+calendar+covariates", past=strategy != "recursive")
    train = whole.upto(whole.lengths - 6, 14)
    model = make(strategy, loss).fit(train.X, **train.kept())
    model.save(tmp_path / "0")
    again = Forecaster.load(tmp_path / "0")
    assert all_bits(again) == all_bits(model)
    for turn in (1, 2, 3):
        part = whole.between(whole.lengths - 8 + 2 * turn, whole.lengths - 6 + 2 * turn, 14)
        kept = part.kept()
        del kept["static"]
        if turn == 3:
            kept["future"] = [future[:9] for future in kept["future"]]
        for each in (model, again):
            each.update(part.X, **kept)
        assert all_bits(again) == all_bits(model)
        again.save(tmp_path / str(turn))
        again = Forecaster.load(tmp_path / str(turn))
        assert all_bits(again) == all_bits(model)
    X = model.predict(X=train.X, **train.kept())
    for mine, theirs in zip(again.predict(X=train.X, **train.kept()), X, strict=True):
        assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": "lstm", "num_layers": 2, "dropout": 0.2, "channels": "joint"},
        {"log": True, "difference": 2, "calibration_steps": 9},
        {"cell": "rnn", "validation_steps": 8, "patience": 1, "windows_per_epoch": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_with_other_arguments(strategy: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """Single values, which recursive models take over one at a time."""
    model = make(strategy, **changes).fit(given("two+missing").X)
    model.save(tmp_path / "model")
    again = unrolled.load(tmp_path / "model")
    assert again.get_params() == model.get_params()
    for _ in range(3):
        for each in (model, again):
            each.update(np.array([7.0, 9.0]))
        assert all_bits(again) == all_bits(model)
        again.save(tmp_path / "again")
        again = unrolled.load(tmp_path / "again")
        assert all_bits(again) == all_bits(model)
    assert again.history_ == model.history_
    assert (again.series_, again.targets_) == (1, ("y0", "y1"))
    assert (again.lookback_, again.season_) == (model.lookback_, model.season_)
    assert again.explain() == model.explain()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_copies_and_pickles(strategy: str) -> None:
    model = make(strategy).fit(given("one+calendar").X)
    model.update(np.array([3.0]))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert all_bits(other) == all_bits(model)
        other.update([5.0])
        assert all_bits(other) != all_bits(model)
        assert all_bits(other) == all_bits(copy.deepcopy(model).update([5.0]))


@pytest.mark.parametrize("group", [None, "name"])
@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_tables(library: Any, group: str | None, tmp_path: Path) -> None:
    """What a loaded model gives without X is a table too, with the same numbers and times."""
    T = 40
    columns: dict[str, Any] = {
        "time": (START + np.arange(T) * np.timedelta64(1, "h")).tolist(),
        "y": np.random.default_rng(0).normal(size=T),
    }
    if group:
        columns["name"] = np.repeat([7, 3], T // 2)
        columns["time"] = columns["time"][:20] * 2
    table = library.DataFrame(columns)
    model = make("segments", time_column="time", target_columns="y", group_column=group).fit(table)
    model.save(tmp_path / "model")
    again = unrolled.load(tmp_path / "model")
    found, expected = again.predict(), model.predict()
    assert list(found.columns) == list(expected.columns)
    for name in found.columns:
        assert [*found[name].to_list()] == [*expected[name].to_list()]
    assert type(again.predict(X=table)) is library.DataFrame
    last = columns["time"][-1] + timedelta(hours=1)
    row = {"time": [last], "y": [1.0], **({"name": [3]} if group else {})}
    after = [each.update(library.DataFrame(row)).predict() for each in (model, again)]
    for name in found.columns:
        assert [*after[0][name].to_list()] == [*after[1][name].to_list()]
    assert [*after[0]["y"].to_list()] != [*expected["y"].to_list()]


def test_other_arguments_after_the_fit_describe_no_saved_model(tmp_path: Path) -> None:
    model = make("direct").fit(given("one").X)
    expected = model.predict(X=given("one").X)
    model.set_params(horizon=3, hidden_size=9, strategy="recursive", difference=2)
    # What was fitted forecasts on; only its default horizon is another.
    np.testing.assert_array_equal(model.predict(X=given("one").X), expected[:3])
    np.testing.assert_array_equal(model.predict(5, X=given("one").X), expected)
    assert model.backtest(given("one").X).rows()
    with pytest.raises(ArtifactError, match="arguments describe another model"):
        model.save(tmp_path / "model")


@pytest.mark.parametrize("name", ["scales.center", "series.values", "state.0", "series.lengths"])
def test_arrays_that_do_not_fit(name: str, tmp_path: Path) -> None:
    make("recursive").fit(given("two+calendar").X).save(tmp_path / "model")
    artifact = load_artifact(tmp_path / "model")
    kept = artifact.arrays[name]
    other = np.float64 if kept.dtype == np.float32 else np.float32
    for changed in (kept[:-1], kept.astype(other), kept[None]):
        save_artifact(tmp_path / "bad", dict(artifact.content), {**artifact.arrays, name: changed})
        with pytest.raises(ArtifactError, match="holds no Forecaster that fits"):
            unrolled.load(tmp_path / "bad")
    arrays = {key: array for key, array in artifact.arrays.items() if key != name}
    save_artifact(tmp_path / "bad", dict(artifact.content), arrays)
    with pytest.raises(ArtifactError, match=f"lacks '{name}'"):
        unrolled.load(tmp_path / "bad")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("inputs",), "part inputs holds 'more', which is none of lookback"),
        (("inputs", "kind"), "kind of inputs holds 'more', which is none of single"),
        (("targets",), "part targets holds 'more', which is none of names"),
    ],
)
def test_entries_that_there_are_not(place: tuple[str, ...], said: str, tmp_path: Path) -> None:
    make("direct").fit(given("one").X).save(tmp_path / "model")
    artifact = load_artifact(tmp_path / "model")
    inside: Any = artifact.content
    for key in place:
        inside = inside[key]
    inside["more"] = 1
    save_artifact(tmp_path / "bad", dict(artifact.content), dict(artifact.arrays))
    with pytest.raises(ArtifactError, match=said):
        unrolled.load(tmp_path / "bad")


IDS = {
    "fractions": [0.5, 1.5],
    "dates": [date(2020, 1, 1), date(2020, 1, 2)],
    "moments": [datetime(2020, 1, 1, 3), datetime(2020, 1, 2)],
    "truth": [True, False],
}


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
@pytest.mark.parametrize("name", IDS)
def test_a_loaded_model_answers_with_the_same_table(
    name: str, library: Any, tmp_path: Path
) -> None:
    """Of the same library, with the same types, names and time zone."""
    days = pl.Series([START.item() + timedelta(days=i) for i in range(20)])
    zoned = days.dt.replace_time_zone("Europe/Paris").dt.cast_time_unit("ms")
    rows = pl.DataFrame({"time": zoned, "y": np.random.default_rng(0).normal(size=20)})
    whole = pl.concat([rows.with_columns(name=pl.lit(one)) for one in IDS[name]])
    table = whole.to_pandas() if library is pd else whole
    model = make("direct", time_column="time", target_columns="y", group_column="name")
    model.fit(table).save(tmp_path / "model")
    again = unrolled.load(tmp_path / "model")
    found, expected = again.predict(), model.predict()
    assert type(found) is library.DataFrame
    assert [*found.dtypes] == [*expected.dtypes]
    for column in found.columns:
        assert found[column].to_list() == expected[column].to_list()
    assert found["name"].to_list()[::5] == table["name"].to_list()[::20]
    last = rows.tail(1).with_columns(pl.col("time").dt.offset_by("1d"), name=pl.lit(IDS[name][1]))
    again.update(last.to_pandas() if library is pd else last)
    assert again.predict()["time"].to_list()[5] == expected["time"].to_list()[6]


def test_a_loaded_model_of_a_wide_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"t": range(20), "a": np.arange(20.0), "b": 2 * np.arange(20.0)})
    model = make("direct", time_column="t").fit(table)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(unrolled.load(tmp_path / "model").predict(), model.predict())


@pytest.mark.parametrize(
    "names",
    [
        pd.Series([START] * 20).dt.tz_localize("UTC"), [Decimal(1)] * 20, [(1, 2)] * 20,
        [np.inf] * 20,
    ],
    ids=["zone", "decimal", "tuple", "infinity"],
)  # fmt: skip
def test_a_series_whose_name_cannot_be_kept(names: Any) -> None:
    rows = pd.DataFrame({"t": range(20), "y": np.arange(20.0), "name": names})
    model = make("direct", time_column="t", target_columns="y", group_column="name")
    with pytest.raises(ValueError, match=r"has a name of the type .* no saved model keeps; name"):
        model.fit(rows)
    assert not hasattr(model, "series_")
