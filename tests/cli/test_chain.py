"""Train, predict, evaluate, plot: each layout and file type, equal to the same in Python."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure

import unrolled
from unrolled import FeedForwardClassifier, SequenceClassifier, SequenceRegressor, data, plots

Succeed = Callable[[str], str]
SMALL = "--hidden-size 4 --max-epochs 3 --random-state 0"
PNG = b"\x89PNG\r\n\x1a\n"


def small(kind: Any = SequenceClassifier, **arguments: Any) -> Any:
    return kind(hidden_size=4, max_epochs=3, random_state=0, **arguments)


def table_of(printed: str) -> pl.DataFrame:
    return pl.read_csv(io.StringIO(printed))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_row_a_sequence(succeed: Succeed, folder: Path, suffix: str) -> None:
    told = succeed(
        f"train classify train.{suffix} --target label --test test.{suffix} --out model {SMALL}"
    )
    assert f"data      train.{suffix}, 30 sequences of 5 steps, 1 channel" in told
    assert f"test      test.{suffix}, 12 rows" in told
    assert "model     SequenceClassifier: gru, 1 layer of 4 units; " in told
    assert f"next      unrolled plot model test.{suffix}" in told

    train, new = pl.read_csv("train.csv"), pl.read_csv("new.csv")
    model = small().fit(train.drop("label").to_numpy(), train["label"].to_list())
    X = new.to_numpy()
    printed = table_of(succeed(f"predict model new.{suffix} --probabilities"))
    assert printed["row"].to_list() == [0, 1, 2, 3, 4]
    assert printed["prediction"].to_list() == model.predict(X).tolist()
    probabilities = printed.select("probability_down", "probability_up").to_numpy()
    np.testing.assert_array_equal(probabilities, model.predict_proba(X))

    test = pl.read_csv("test.csv")
    scores = model.evaluate(test.drop("label").to_numpy(), test["label"].to_list())
    found = json.loads(succeed(f"evaluate model test.{suffix} --json"))
    assert found["rows"] == 12
    assert found["scores"] == scores
    shown = succeed(f"evaluate model test.{suffix}")
    for name, score in scores.items():
        assert [name, f"{score:.4f}"] == next(
            line.split()[:2] for line in shown.splitlines() if line.split()[:1] == [name]
        )


def test_pictures(succeed: Succeed) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    paths = succeed("plot model test.csv --row 3").split()
    names = ["learning_curve.png", "network.png", "states.png", "confusion.png"]
    assert paths == [f"model-plots/{name}" for name in names]
    for path in paths:
        assert Path(path).read_bytes().startswith(PNG)


def test_a_row_a_step(succeed: Succeed) -> None:
    told = succeed(f"train classify steps.csv --target label --id id --time t --out model {SMALL}")
    assert "24 sequences of 2 to 6 steps, 2 channels" in told

    steps = pl.read_csv("steps.csv")
    read = data.long(steps, "id", "t", ["x", "y"], target="label")
    model = small().fit(read.sequences, read.target)
    steps.drop("label").write_csv("new steps.csv")
    printed = table_of(succeed("predict model 'new steps.csv' --probabilities"))
    assert printed["id"].to_list() == read.ids.tolist()
    np.testing.assert_array_equal(
        printed.select("probability_even", "probability_odd").to_numpy(),
        model.predict_proba(read.sequences),
    )
    assert json.loads(succeed("evaluate model steps.csv --json"))["scores"] == model.evaluate(
        read.sequences, read.target
    )


def test_chosen_channels(succeed: Succeed) -> None:
    told = succeed(
        f"train classify steps.csv --target label --id id --time t --value y --out model {SMALL}"
    )
    assert "1 channel\n" in told
    read = data.long(pl.read_csv("steps.csv"), "id", "t", ["y"], target="label")
    model = small().fit(read.sequences, read.target)
    assert json.loads(succeed("evaluate model steps.csv --json"))["scores"] == model.evaluate(
        read.sequences, read.target
    )


def test_a_row_a_text(succeed: Succeed) -> None:
    told = succeed(
        "train classify texts.tsv --target label --text sentence --out model --lowercase "
        f"--embedding-size 3 --bidirectional {SMALL}"
    )
    assert "24 texts" in told
    assert "7 symbols as vectors of 3; gru, both ways, 1 layer of 4 units" in told

    table = pl.read_csv("texts.tsv", separator="\t")
    model = small(lowercase=True, embedding_size=3, bidirectional=True)
    model.fit(table["sentence"].to_list(), table["label"].to_list())
    printed = table_of(succeed("predict model texts.tsv"))
    assert printed["prediction"].to_list() == model.predict(table["sentence"].to_list()).tolist()


def test_a_table(succeed: Succeed) -> None:
    told = succeed(
        "train classify train.parquet --target label --table --out model "
        "--hidden-layer-sizes 6,4 --max-epochs 3 --random-state 0"
    )
    assert "30 rows of 5 numbers" in told
    assert "model     FeedForwardClassifier: hidden layers of 6, 4; " in told

    train = pl.read_csv("train.csv")
    model = FeedForwardClassifier(hidden_layer_sizes=(6, 4), max_epochs=3, random_state=0)
    model.fit(train.drop("label").to_numpy(), train["label"].to_list())
    printed = table_of(succeed("predict model new.csv --probabilities"))
    np.testing.assert_array_equal(
        printed.select("probability_down", "probability_up").to_numpy(),
        model.predict_proba(pl.read_csv("new.csv").to_numpy()),
    )
    paths = succeed("plot model test.csv").split()
    assert [Path(path).name for path in paths] == [
        "learning_curve.png", "network.png", "confusion.png",
    ]  # fmt: skip


def test_numbers(succeed: Succeed) -> None:
    told = succeed(f"train regress walks.csv --target next --loss huber --out model {SMALL}")
    assert "target    next, mean " in told
    series = pl.read_csv("walks.csv")
    X, y = series.drop("next").to_numpy(), series["next"].to_numpy()
    model = small(SequenceRegressor, loss="huber").fit(X, y)
    printed = table_of(succeed("predict model walks.csv"))
    np.testing.assert_array_equal(printed["prediction"].to_numpy(), model.predict(X))

    found = json.loads(succeed("evaluate model walks.csv --json"))
    assert found["scores"] == model.evaluate(X, y)
    assert found["guess"]["mse"] == pytest.approx(np.var(y))
    assert f"always {y.mean():.4g}" in succeed("evaluate model walks.csv")
    paths = succeed("plot model walks.csv").split()
    assert Path(paths[-1]).name == "predicted_against_true.png"


def test_what_is_stored(succeed: Succeed) -> None:
    succeed(f"train classify steps.csv --target label --id id --time t --out model {SMALL} -q")
    assert unrolled.load("model").table_ == {
        "layout": {
            "kind": "long",
            "target": "label",
            "columns": ["x", "y"],
            "id": "id",
            "time": "t",
        },
        "guess": [0.5, 0.5],
        "steps": [2, 6],
    }


def test_columns_are_read_by_name(succeed: Succeed) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    before = succeed("predict model new.csv")
    table = pl.read_csv("new.csv").with_columns(note=pl.lit("new"), t9=pl.lit(1.0))
    table.select(reversed(table.columns)).write_csv("turned.csv")
    assert succeed("predict model turned.csv") == before


def test_id_names_rows_where_it_is_there(succeed: Succeed) -> None:
    table = pl.read_csv("train.csv").with_columns(number=pl.int_range(100, 130))
    table.write_csv("numbered.csv")
    succeed(f"train classify numbered.csv --target label --id number --out model {SMALL} -q")
    assert unrolled.load("model").table_["layout"]["columns"] == ["t0", "t1", "t2", "t3", "t4"]
    assert table_of(succeed("predict model numbered.csv"))["number"][0] == 100
    assert table_of(succeed("predict model new.csv"))["row"][0] == 0


def test_empty_cells_at_the_end_end_a_sequence(succeed: Succeed) -> None:
    table = pl.read_csv("train.csv").with_row_index()
    short = pl.col("index") % 3 == 0
    table = table.with_columns(
        t3=pl.when(short).then(None).otherwise(pl.col("t3")),
        t4=pl.when(short).then(None).otherwise(pl.col("t4")),
    ).drop("index")
    table.write_csv("ragged.csv")
    table.write_parquet("ragged.parquet")
    told = succeed(f"train classify ragged.csv --target label --out model {SMALL}")
    assert "30 sequences of 3 to 5 steps" in told
    X = [np.array([x for x in row if x is not None]) for row in table.drop("label").rows()]
    model = small().fit(X, table["label"].to_list())
    printed = table_of(succeed("predict model ragged.parquet --probabilities"))
    np.testing.assert_array_equal(printed["probability_up"], model.predict_proba(X)[:, 1])


def test_columns_empty_in_new_data(succeed: Succeed) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    table = pl.read_csv("new.csv").with_columns(t4=pl.lit(None, pl.String))
    table.write_csv("short.csv")
    X = list(table.drop("t4").to_numpy())
    expected = unrolled.load("model").predict(X).tolist()
    assert table_of(succeed("predict model short.csv"))["prediction"].to_list() == expected


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_predictions_in_a_file(succeed: Succeed, suffix: str) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    expected = table_of(succeed("predict model new.csv"))
    path = Path("deep") / f"found.{suffix}"
    for _ in range(2):  # the second replaces the first
        assert succeed(f"predict model new.csv --out {path}") == f"{path}: 5 predictions\n"
    readers = {"csv": pl.read_csv, "parquet": pl.read_parquet}
    readers["tsv"] = lambda file: pl.read_csv(file, separator="\t")
    assert readers[suffix](path).equals(expected)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_labels_that_are_numbers(succeed: Succeed) -> None:
    table = pl.read_csv("train.csv").with_columns(
        label=pl.when(pl.col("label") == "up").then(7).otherwise(3)
    )
    table.write_csv("coded.csv")
    succeed(f"train classify coded.csv --target label --class-weight 7=2,3=1 --out model {SMALL}")
    found = table_of(succeed("predict model coded.csv --probabilities"))
    assert found.columns == ["row", "prediction", "probability_3", "probability_7"]
    assert set(found["prediction"]) <= {3, 7}
    model = small(class_weight={7: 2.0, 3: 1.0})
    X = table.drop("label").to_numpy()
    model.fit(X, table["label"].to_numpy())
    np.testing.assert_array_equal(found["probability_7"], model.predict_proba(X)[:, 1])


def test_labels_that_look_like_numbers_in_one_file(succeed: Succeed) -> None:
    table = pl.read_csv("train.csv")
    table.with_columns(label=pl.Series(["1", "2", "x"] * 10)).write_csv("mixed.csv")
    table.with_columns(label=pl.Series(["1", "2", "1"] * 10)).write_csv("digits.csv")
    succeed(f"train classify mixed.csv --target label --out model {SMALL} -q")
    assert json.loads(succeed("evaluate model digits.csv --json"))["rows"] == 30


def test_target_of_another_name(succeed: Succeed) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    pl.read_csv("other.csv").rename({"truth": "label"}).write_csv("same.csv")
    expected = succeed("evaluate model same.csv --json")
    assert succeed("evaluate model other.csv --target truth --json") == expected


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each kind of picture was given; nothing is drawn."""
    given: dict[str, Any] = {}
    for name in plots.__all__:

        def draw(*arguments: Any, name: str = name, **options: Any) -> Figure:
            given[name] = (*arguments, options)
            return Figure((1, 1))

        monkeypatch.setattr(plots, name, draw)
    return given


def test_pictures_show_the_chosen_row_and_all_labels(
    succeed: Succeed, drawn: dict[str, Any]
) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    succeed("plot model test.csv --row 3")
    test = pl.read_csv("test.csv")
    X, y = test.drop("label").to_numpy(), test["label"].to_numpy()
    model = unrolled.load("model")
    states, options = drawn["hidden_states"]
    np.testing.assert_array_equal(states, model.hidden_states(X)[3])
    assert options["steps"] == ["t0", "t1", "t2", "t3", "t4"]
    assert options["title"] == "Hidden states of row 3 of test.csv"
    matrix, classes, options = drawn["confusion_matrix"]
    assert classes == ["down", "up"]
    guess = model.predict(X)
    assert matrix.tolist() == [
        [int(((y == a) & (guess == b)).sum()) for b in classes] for a in classes
    ]
    assert options["title"] == "label of 12 rows of test.csv"
    assert drawn["learning_curve"][0] == model.history_
    assert drawn["unrolled_diagram"][-1]["length"] == 5


def test_pictures_of_texts_name_the_words(succeed: Succeed, drawn: dict[str, Any]) -> None:
    succeed(
        "train classify texts.tsv --target label --text sentence --out model --bidirectional "
        f"{SMALL} -q"
    )
    succeed("plot model texts.tsv --row 1")
    states, options = drawn["hidden_states"]
    assert options["steps"] == pl.read_csv("texts.tsv", separator="\t")["sentence"][1].split()
    assert states.shape == (len(options["steps"]), 8)
    assert options["title"] == "Hidden states of row 1 of texts.tsv, forward then backward"
    assert drawn["unrolled_diagram"][-1]["length"] is None


def test_pictures_of_numbers(succeed: Succeed, drawn: dict[str, Any]) -> None:
    succeed(f"train regress walks.csv --target next --out model {SMALL} -q")
    succeed("plot model walks.csv")
    walks = pl.read_csv("walks.csv")
    truth, guess, options = drawn["predicted_against_true"]
    assert truth.tolist() == walks["next"].to_list()
    model = unrolled.load("model")
    assert guess.tolist() == model.predict(walks.drop("next").to_numpy()).tolist()
    assert options["quantity"] == "next"


def test_pictures_without_data_or_target(succeed: Succeed) -> None:
    succeed(f"train classify train.csv --target label --out model {SMALL} -q")
    paths = succeed("plot model new.csv --out a/b").split()
    names = ["learning_curve.png", "network.png", "states.png"]
    assert paths == [f"a/b/{name}" for name in names]


def test_model_of_python_is_drawn_without_data(succeed: Succeed) -> None:
    small().fit(np.eye(4), [0, 1, 0, 1]).save("own")
    assert succeed("plot own").split() == ["own-plots/learning_curve.png", "own-plots/network.png"]
