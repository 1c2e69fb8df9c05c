"""`unrolled train forecast`, `forecast`, `backtest`: from a file of series to pictures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unrolled import Forecaster, SequenceClassifier, load

Run = Callable[[str], Any]
Succeed = Callable[[str], str]
SMALL = "--hidden-size 4 --max-epochs 2 --horizon 6 --lookback 12 --random-state 0 -q"
PRICES = f"train forecast prices.csv --time date --target price --group symbol {SMALL}"
TEMPS = f"train forecast temps.csv --time date --target temp {SMALL}"
SHOP = f"train forecast shop.csv --time day --target sales {SMALL}"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models that were trained once."""
    return {"folder": tmp_path_factory.mktemp("models")}


@pytest.fixture
def prices(succeed: Succeed, made: dict[str, Path]) -> None:
    """`model`, of prices."""
    kept = made["folder"] / "prices"
    if not kept.exists():
        succeed(f"{PRICES} --out {kept}")
    shutil.copytree(kept, "model")


def frame(text: str) -> pl.DataFrame:
    return pl.read_csv(text.encode())


def test_what_is_told_of_a_training(succeed: Succeed) -> None:
    line = PRICES.removesuffix(" -q")
    said = succeed(f"{line} --test-steps 12 --loss quantile")
    for words in (
        "prices.csv, 5 series of 68 to 123 steps, frequency MS",
        "the last 12 steps of each series",
        "gru, 1 layer of 4 units",
        "reads 12 steps, forecasts 6",
        "unrolled forecast model --plot",
        "seasonal naive",
        "coverage_80",
        "5 series, 35 origins, 210 values a model",
    ):
        assert words in said


def test_forecasts_are_those_of_python(succeed: Succeed, prices: None) -> None:
    found = frame(succeed("forecast model"))
    assert found.columns == ["symbol", "date", "price"]
    assert len(found) == 5 * 6
    assert found["date"][0] == "2010-04-01"
    model = load("model")
    assert found["price"].to_list() == model.predict()["price"].to_list()
    of_data = frame(succeed("forecast model prices.csv --horizon 2"))
    assert of_data["date"].to_list()[:3] == ["2010-04-01", "2010-05-01", "2010-04-01"]
    np.testing.assert_allclose(of_data["price"][:2], found["price"][:2], rtol=1e-6)


def test_times_that_are_no_texts(succeed: Succeed) -> None:
    day, hour = pl.read_csv("shop.csv").head(90), pl.read_csv("temps.csv")
    day.with_columns(pl.col("day").str.to_date()).write_parquet("shop.parquet")
    succeed(SHOP.replace(".csv", ".parquet"))
    assert frame(succeed("forecast model"))["day"][0] == "2024-03-31"
    hour.with_columns(pl.col("date").str.to_datetime("%Y-%m-%dT%H:%M")).write_parquet("t.parquet")
    succeed(TEMPS.replace("temps.csv", "t.parquet"))
    assert frame(succeed("forecast model"))["date"][0] == "2010-01-15T00:00:00"
    succeed("forecast model t.parquet --out f.parquet")
    assert pl.read_parquet("f.parquet").schema["date"] == pl.Datetime("us")


def test_data_has_the_steps_of_training(succeed: Succeed, run: Run) -> None:
    succeed(TEMPS)
    pl.read_csv("temps.csv").head(1).write_csv("one.csv")
    assert frame(succeed("forecast model one.csv"))["date"][0] == "2010-01-01T01:00"
    table = pl.read_csv("shop.csv").head(90)
    table.select(date="day", temp="sales").write_csv("days.csv")
    assert (
        "error: days.csv: the table lacks 2047 of 2137 hours" in run("forecast model days.csv").said
    )


def test_intervals(succeed: Succeed) -> None:
    succeed(f"{TEMPS} --calibration-steps 72")
    found = frame(succeed("forecast model --coverage 0.9,0.5 --coverage 0.5"))
    ends = ["low_50", "high_50", "low_90", "high_90"]
    assert found.columns == ["date", "temp", *(f"temp_{end}" for end in ends)]
    low, inner_low, point, inner_high, high = (
        found[name]
        for name in ("temp_low_90", "temp_low_50", "temp", "temp_high_50", "temp_high_90")
    )
    assert ((low <= inner_low) & (inner_low <= point) & (point <= inner_high)).all()
    assert (inner_high <= high).all()
    assert found["date"][0] == "2010-01-15T00:00"


def test_rows_in_order_without_time(succeed: Succeed) -> None:
    pl.read_csv("temps.csv").with_columns(step=pl.lit(7)).write_csv("rows.csv")
    succeed(f"train forecast rows.csv --target temp --season 24 {SMALL}")
    found = frame(succeed("forecast model"))
    assert found.columns == ["step_", "temp"]
    assert found["step_"].to_list() == list(range(336, 342))
    again = frame(succeed("forecast model temps.csv"))
    np.testing.assert_allclose(again["temp"], found["temp"], rtol=1e-6)
    assert load("model").season_ == 24


def test_rows_in_order_of_each_group(succeed: Succeed) -> None:
    pl.DataFrame({"id": ["a", "b"] * 40, "y": [1.0, -1.0] * 40}).write_csv("ab.csv")
    succeed(f"train forecast ab.csv --target y --group id {SMALL}")
    found = frame(succeed("forecast model --horizon 1"))
    assert found["id"].to_list() == ["a", "b"]
    assert found["step"].to_list() == [40, 40]
    np.testing.assert_allclose(found["y"], [1.0, -1.0], atol=0.5)


def test_several_targets(succeed: Succeed) -> None:
    table = pl.read_csv("temps.csv").with_columns(other=pl.col("temp") * 2)
    table.rename({"other": "a,b"}).write_csv("two.csv")
    line = f"train forecast two.csv --time date --target 'a,b' --target temp {SMALL}"
    succeed(f"{line} --channels joint")
    assert frame(succeed("forecast model --plot")).columns == ["date", "a,b", "temp"]
    assert load("model").targets_ == ("a,b", "temp")
    assert "model-plots/residuals.png" in succeed("plot model two.csv")


def test_columns_known_ahead(succeed: Succeed, run: Run) -> None:
    succeed(f"{SHOP} --future holiday --past visits")
    found = frame(succeed("forecast model"))
    assert found["day"][0] == "2024-03-31"
    np.testing.assert_allclose(frame(succeed("forecast model shop.csv"))["sales"], found["sales"])
    table = pl.read_csv("shop.csv")
    table[:92].write_csv("short.csv")
    assert run("forecast model short.csv").said == (
        "error: short.csv: a forecast reads holiday of 6 steps ahead, and 2 are known; add rows to "
        "the data whose sales is empty"
    )


@pytest.mark.parametrize("more", ["", "--future holiday --past visits"])
def test_steps_to_test_on_are_not_learnt_but_remembered(succeed: Succeed, more: str) -> None:
    table = pl.read_csv("shop.csv")
    if not more:
        table = table.head(90)
    order = np.random.default_rng(0).permutation(len(table))
    table[order].write_csv("shop.csv")
    succeed(f"{SHOP} {more} --test-steps 12 --out tested")
    known = (
        table.with_columns(sales=pl.when(pl.int_range(pl.len()) < 78).then(pl.col("sales")))
        if more
        else table.head(78)
    )
    known.write_csv("known.csv")
    succeed(f"{SHOP.replace('shop.csv', 'known.csv')} {more} --out plain")
    tested, plain = load("tested"), load("plain")
    assert tested.weights_.tolist() == plain.weights_.tolist()
    assert tested.table_ == {"in_order": False, "test_steps": 12}
    assert frame(succeed("forecast plain"))["day"][0] == "2024-03-19"
    assert frame(succeed("forecast tested"))["day"][0] == "2024-03-31"
    np.testing.assert_allclose(
        frame(succeed("forecast tested"))["sales"],
        frame(succeed("forecast plain shop.csv"))["sales"],
        rtol=0.05,
    )


def test_a_value_that_is_missing_before_the_cut(succeed: Succeed) -> None:
    table = pl.read_csv("shop.csv")
    row = pl.int_range(pl.len())
    table = table.with_columns(sales=pl.when(~row.is_in([76, 77])).then(pl.col("sales")))
    table.write_csv("shop.csv")
    succeed(f"{SHOP} --future holiday --test-steps 12")
    assert frame(succeed("forecast model"))["day"][0] == "2024-03-31"


def test_backtest_is_that_of_python(succeed: Succeed, prices: None, run: Run) -> None:
    done = run("backtest model prices.csv --steps 12 --stride 3 --metrics mae,mase --json")
    assert done.code == 0
    found = json.loads(done.out)
    assert "up to 12 scored steps of 5 series were part of the fit" in found["notes"][0]
    known = load("model").backtest(
        pl.read_csv("prices.csv"), steps=12, stride=3, metrics=("mae", "mase")
    )
    assert found == {"origins": 15, "rows": known.rows(), "notes": list(known.notes)}
    by = json.loads(run("backtest model prices.csv --by step,series --json").out)
    assert len(by["rows"]) == 5 * 5 * 6
    assert set(by["rows"][0]) == {"model", "series", "step", "mae", "rmse", "smape", "mase", "owa"}


def test_steps_that_were_not_learnt_need_no_warning(succeed: Succeed, run: Run) -> None:
    succeed(f"{TEMPS} --test-steps 12 --calibration-steps 12")
    done = run("backtest model temps.csv --plot")
    assert (done.code, done.err) == (0, "")
    assert "the last 12 steps of each, 6 at once" in done.out
    assert done.out.rstrip().endswith("model-plots/backtest.png")
    assert "part of the fit" not in done.out
    assert "were part of the fit" in run("backtest model temps.csv --steps 30").out
    done = run("backtest model temps.csv --steps 12 --stride 6 --refit")
    assert (done.code, done.err) == (0, "")


def test_pictures(succeed: Succeed, prices: None) -> None:
    named = succeed("forecast model --plot a.png --series IBM --series GOOG --out f.csv")
    assert named == "f.csv: 30 forecasts\na.png\n"
    succeed("forecast model --plot")
    assert succeed("plot model").split() == [
        f"model-plots/{name}.png" for name in ("learning_curve", "network", "forecast")
    ]
    assert succeed("plot model prices.csv --row 3 --out pictures").split() == [
        f"pictures/{name}.png" for name in ("learning_curve", "network", "forecast", "residuals")
    ]
    for path in (Path("a.png"), *Path().glob("*/*.png")):
        assert path.read_bytes().startswith(PNG)


def test_a_picture_may_stand_before_the_data(succeed: Succeed, prices: None) -> None:
    assert frame(succeed("forecast model --plot prices.csv --horizon 1"))["symbol"].len() == 5
    assert Path("model-plots/forecast.png").exists()


def test_forecasters_of_python(succeed: Succeed, run: Run, folder: Path) -> None:
    fixed: dict[str, Any] = {"hidden_size": 3, "max_epochs": 1, "horizon": 6, "verbose": False}
    model = Forecaster(time_column="date", target_columns="temp", random_state=0, **fixed)
    model.fit(pl.read_csv("temps.csv")).save("frame")
    assert len(frame(succeed("forecast frame"))) == 6
    model.fit(pl.read_csv("temps.csv").to_pandas()).save("pandas")
    assert succeed("forecast pandas") == succeed("forecast frame")
    Forecaster(**fixed).fit(np.arange(50.0)).save("arrays")
    done = run("forecast arrays")
    assert (done.code, done.out) == (1, "")
    assert "arrays was fitted on arrays and does not say which columns to read" in done.said
    assert len(succeed("plot arrays").split()) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("predict model prices.csv", "model forecasts series: `unrolled forecast` tells what"),
        ("evaluate model prices.csv", "`unrolled backtest` scores it"),
        ("forecast gone", "gone is no saved model that can be read"),
        ("forecast model temps.csv", "temps.csv has no column 'price'; its first line names"),
        ("forecast model gone.csv", "gone.csv is not a file"),
        ("forecast model --horizon 7", "forecasts 6 steps, got horizon=7"),
        ("forecast model --coverage 0.8", "train it with --calibration-steps, --loss quantile or"),
        ("forecast model --plot --series X", "--series X is none of the 5 there are: MSFT, AMZN"),
        ("backtest model prices.csv --steps 5", "--steps 5 are fewer than the 6 of a forecast"),
        ("backtest model prices.csv --steps 70", "series 'GOOG' has 68 steps, which leaves none"),
        ("backtest model prices.csv --metrics best", "best"),
        ("plot model prices.csv --row 5", "--row 5 is not there, prices.csv has 5, counted from 0"),
        (f"{PRICES} --test-steps 68", "the series 'GOOG' has 68 steps, and the last 68 leave none"),
        (f"{SHOP} --test-steps 12", "shop.csv has no sales in its last 12 steps"),
        ("train forecast prices.csv --target price --time day", "prices.csv has no column 'day'"),
        ("train forecast prices.csv --target price --time date", "prices.csv: a time comes twice"),
        ("train forecast prices.csv --target symbol", "prices.csv: column 'symbol' of table holds"),
        (f"{TEMPS} --loss quantile --strategy recursive", "loss='quantile' says nothing of paths"),
    ],
)
def test_one_line_each(run: Run, prices: None, line: str, words: str) -> None:
    done = run(line)
    assert done.code == 1
    error = done.err.splitlines()[-1]
    assert error.startswith("error: ")
    assert words in error
    assert done.out in ("", *_learnt(line))


def _learnt(line: str) -> list[str]:
    """What `plot` has drawn before the rows that are wrong."""
    names = ["learning_curve", "network"] if line.startswith("plot") else []
    return ["".join(f"model-plots/{name}.png\n" for name in names)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train forecast prices.csv", "Missing option '--target'"),
        (f"{PRICES} --past symbol", "--past and --group name the same column 'symbol'"),
        (f"{TEMPS} --patience 3", "--patience needs --validation-steps"),
        (f"{TEMPS} --test-steps 5", "--test-steps 5 are fewer than the 6 of --horizon"),
        (f"{TEMPS} --test-steps 6 --gaps fill", "--test-steps needs times without gaps"),
        (f"{TEMPS} --horizon 0", "'0' is not a whole number of at least 1"),
        ("forecast model --coverage 1", "--coverage must be between 0 and 1, got 1"),
        ("forecast model --coverage wide", "--coverage wide is not one or more numbers"),
        ("forecast model --series IBM", "--series says what is drawn, and needs --plot"),
        ("forecast model --plot=a.pdf", "--plot a.pdf must end in .png"),
        ("forecast model --out f.json", "--out f.json must end in .csv, .tsv, .parquet"),
        ("forecast model prices.csv --out prices.csv", "is DATA itself, which is not replaced"),
        ("backtest model prices.csv --by horizon", "--by horizon is not one or more of model"),
    ],
)
def test_wrong_usage(run: Run, folder: Path, line: str, words: str) -> None:
    done = run(line)
    assert (done.code, done.out) == (2, "")
    assert words in done.said


def test_a_model_that_is_no_forecaster(run: Run, folder: Path) -> None:
    SequenceClassifier(hidden_size=2, max_epochs=1).fit(np.eye(4), [0, 1, 0, 1]).save("other")
    for line in ("forecast other", "backtest other temps.csv"):
        done = run(line)
        assert done.code == 1
        assert "other is a SequenceClassifier, which forecasts no series" in done.said


def test_what_a_model_says_of_its_columns_is_checked(run: Run, prices: None) -> None:
    model = load("model")
    for stored in ({}, {"in_order": 1, "test_steps": 0}, {"in_order": True, "test_steps": -1}):
        model.save("odd", table=stored)
        assert "odd does not say as it should which columns to read" in run("forecast odd").said


def test_files_are_written_whole_or_not_at_all(
    run: Run, prices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("f.csv").write_text("old")
    Path("f.png").write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    for line in ("forecast model --out f.csv", "forecast model --plot f.png"):
        done = run(line)
        assert (done.code, done.err) == (1, "error: No space left on device\n")
    assert Path("f.csv").read_text() == Path("f.png").read_text() == "old"
    assert not list(Path().glob(".f.*"))


def test_a_stopped_training_goes_on(succeed: Succeed) -> None:
    succeed(f"{TEMPS} --checkpoint run --checkpoint-epochs 1 --out whole")
    succeed(f"{TEMPS} --resume-from run --out resumed")
    assert load("resumed").weights_.tolist() == load("whole").weights_.tolist()
