from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unrolled import FeedForwardClassifier, FeedForwardRegressor, SequenceClassifier
from unrolled import SequenceRegressor as Regressor
from unrolled.data import windows
from unrolled.data.sequences import Sequences

N, T = 12, 5
TABLE = np.random.default_rng(0).normal(2.0, 3.0, size=(N, T))
Y = TABLE[:, -1] + 0.1 * TABLE[:, 0]
COLUMNS = [f"t{t}" for t in range(T)]
NAMED = {name: TABLE[:, t] for t, name in enumerate(COLUMNS)}


def make(kind: Any = Regressor, **changes: Any) -> Any:
    size = {"hidden_size": 3} if kind in (Regressor, SequenceClassifier) else {}
    return kind(**{"max_epochs": 2, "batch_size": 4, "random_state": 0, **size, **changes})


SAME: dict[str, Callable[[], Any]] = {
    "[N, T] array": lambda: TABLE,
    "[N, T, 1] array": lambda: TABLE[:, :, None],
    "list of [T]": lambda: list(TABLE),
    "list of [T, 1]": lambda: list(TABLE[:, :, None]),
    "tuple": lambda: tuple(TABLE),
    "nested lists": TABLE.tolist,
    "deeper lists": TABLE[:, :, None].tolist,
    "object array": lambda: np.array([*map(np.array, TABLE.tolist()), None], dtype=object)[:-1],
    "columns first": lambda: np.asfortranarray(TABLE),
    "reversed view": lambda: TABLE[::-1].copy()[::-1],
    "sequences": lambda: Sequences(TABLE.reshape(-1, 1), np.arange(N) * T, np.full(N, T, np.int64)),
    "pandas": lambda: pd.DataFrame(NAMED),
    "polars": lambda: pl.DataFrame(NAMED),
    "pyarrow": lambda: pa.table(NAMED),
    "torch": lambda: importlib.import_module("torch").from_numpy(TABLE),
    "pandas of objects": lambda: pd.DataFrame(NAMED, dtype=object),
}


TORCH = pytest.param("torch", marks=pytest.mark.torch)


@pytest.mark.parametrize("kind", [*(kind for kind in SAME if kind != "torch"), TORCH])
def test_the_same_numbers_of_any_kind_give_the_same_bits(kind: str) -> None:
    expected = make().fit(TABLE, Y)
    X = SAME[kind]()
    model = make().fit(X, Y)
    np.testing.assert_array_equal(model.weights_, expected.weights_)
    np.testing.assert_array_equal(model.predict(X), expected.predict(TABLE))
    names = getattr(model, "feature_names_in_", None)
    assert (list(names) if names is not None else None) == (
        COLUMNS
        if kind.startswith(("pandas", "polars")) or (kind == "pyarrow" and names is not None)
        else None
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.int64, np.uint8, bool])
def test_numbers_of_every_dtype(dtype: Any) -> None:
    X = (TABLE > 2.0).astype(dtype)
    model, expected = make().fit(X, Y), make().fit(X.astype(np.float64), Y)
    np.testing.assert_array_equal(model.weights_, expected.weights_)


@pytest.mark.parametrize("kind", ["numpy", "lists", "pandas", "polars", "pyarrow", TORCH])
@pytest.mark.parametrize("estimator", [FeedForwardRegressor, FeedForwardClassifier])
def test_tables_of_any_kind_for_feed_forward_networks(estimator: Any, kind: str) -> None:
    y = Y if estimator is FeedForwardRegressor else Y.mean() < Y
    X = {
        "numpy": lambda: TABLE,
        "lists": TABLE.tolist,
        "pandas": lambda: pd.DataFrame(NAMED),
        "polars": lambda: pl.DataFrame(NAMED),
        "pyarrow": lambda: pa.table(NAMED),
        "torch": lambda: importlib.import_module("torch").from_numpy(TABLE),
    }[kind]()
    model, expected = make(estimator).fit(X, y), make(estimator).fit(TABLE, y)
    np.testing.assert_array_equal(model.weights_, expected.weights_)
    np.testing.assert_array_equal(model.predict(X), expected.predict(TABLE))
    assert model.n_features_in_ == T


def test_windows_over_one_series_are_sequences() -> None:
    series = np.cumsum(np.random.default_rng(0).normal(size=60))
    pasts, y = windows(series, length=6)
    model, expected = make().fit(pasts, y), make().fit(np.stack([p[:, 0] for p in pasts]), y)
    np.testing.assert_allclose(model.weights_, expected.weights_, atol=1e-6)
    np.testing.assert_allclose(model.predict(pasts), expected.predict(list(pasts)), rtol=1e-5)


def test_rows_that_no_sequence_reads_may_hold_anything() -> None:
    values = np.random.default_rng(0).normal(size=(20, 1))
    values[[7, 8, 19]] = np.nan
    cuts = np.array([0, 2, 9, 11], np.int64), np.array([7, 4, 10, 3], np.int64)
    sequences = Sequences(values, *cuts)
    model, expected = make().fit(sequences, Y[:4]), make().fit(list(sequences), Y[:4])
    np.testing.assert_allclose(model.weights_, expected.weights_, atol=1e-6)
    np.testing.assert_array_equal(model.predict(sequences), model.predict(list(sequences)))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("fitted_on", ["[N, T]", "[N, T, 1]", "ragged"])
def test_lengths_may_differ_from_those_of_the_fit(fitted_on: str, cell: str) -> None:
    X: Any = {"[N, T]": TABLE, "[N, T, 1]": TABLE[:, :, None], "ragged": list(TABLE)}[fitted_on]
    if fitted_on == "ragged":
        X = [x[: 1 + i % T] for i, x in enumerate(X)]
    model = make(cell=cell).fit(X, Y)
    new = [np.ones(1), np.arange(9.0), TABLE[0]]
    found = model.predict(new)
    assert found.shape == (3,)
    for x, value in zip(new, found, strict=True):
        np.testing.assert_allclose(model.predict([x]), value, rtol=1e-5)
        np.testing.assert_allclose(model.predict(x[None, :, None]), value, rtol=1e-5)
    assert model.score(new, np.arange(3.0)) < 1.0


def test_a_table_has_as_many_columns_as_in_the_fit() -> None:
    model = make().fit(TABLE, Y)
    assert model.n_features_in_ == T
    with pytest.raises(ValueError, match="X has 4 features, but SequenceRegressor is expecting 5"):
        model.predict(TABLE[:, :4])
    ragged = make().fit([TABLE[0], TABLE[1, :3]], Y[:2])
    assert ragged.n_features_in_ == 1
    assert ragged.predict(TABLE[:, :4]).shape == (N,)


def test_channels_are_those_of_the_fit() -> None:
    model = make().fit([np.ones((3, 2)), np.zeros((2, 2))], [1.0, 2.0])
    assert model.n_features_in_ == 2
    with pytest.raises(ValueError, match="X has 3 channels, but SequenceRegressor was fitted on 2"):
        model.predict([np.ones((4, 3))])
    with pytest.raises(ValueError, match="X has 1 channels"):
        model.predict([np.ones(4)])
    table = make(FeedForwardRegressor).fit(TABLE, Y)
    with pytest.raises(ValueError, match="X has 6 features, but FeedForwardRegressor is expecting"):
        table.predict(np.ones((2, 6)))


def test_columns_have_the_names_of_the_fit() -> None:
    for kind in (Regressor, FeedForwardRegressor):
        model = make(kind).fit(pd.DataFrame(NAMED), Y)
        assert list(model.feature_names_in_) == COLUMNS
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(pd.DataFrame(NAMED)[COLUMNS[::-1]])


TEXTS = ["the cat sat", "a dog ran far away", "the dog sat", "a cat ran"] * 3
LABELS = ["cat", "dog", "dog", "cat"] * 3


@pytest.mark.parametrize("unit", ["word", "character"])
@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, pl.Series, pa.array])
def test_texts_of_any_kind(kind: Any, unit: str) -> None:
    model = make(SequenceClassifier, unit=unit, embedding_size=4)
    model.fit(kind(TEXTS), LABELS)
    symbols = {symbol for text in TEXTS for symbol in (text.split() if unit == "word" else text)}
    assert set(model.vocabulary_.symbols) == {"<unk>", *symbols}
    assert model.spec_.input_size == len(symbols) + 1
    assert model.spec_.embedding_size == 4
    shares = model.predict_proba(kind(["the new zebra", "a", "dog dog dog dog dog dog"]))
    assert shares.shape == (3, 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert [len(states) for states in model.hidden_states(["a dog", "cat"])] == (
        [2, 1] if unit == "word" else [5, 3]
    )


def test_rare_symbols_and_case() -> None:
    texts = ["Up up down", "up Down", "left"]
    model = make(min_count=2).fit(texts, [1.0, 2.0, 3.0])
    assert model.vocabulary_.symbols == ("<unk>", "up")
    model = make(lowercase=True).fit(texts, [1.0, 2.0, 3.0])
    assert model.vocabulary_.symbols == ("<unk>", "up", "down", "left")
    np.testing.assert_array_equal(model.predict(["UP"]), model.predict(["up"]))
    np.testing.assert_array_equal(model.predict(["one"]), model.predict(["two"]))


def test_texts_and_numbers_do_not_mix() -> None:
    numbers, texts = make().fit(TABLE, Y), make().fit(TEXTS, Y)
    with pytest.raises(TypeError, match="X holds texts, but SequenceRegressor was fitted on num"):
        numbers.predict(TEXTS)
    with pytest.raises(TypeError, match="X holds numbers, but SequenceRegressor was fitted on te"):
        texts.predict(TABLE)
    with pytest.raises(TypeError, match=r"X\[1\] must be a text"):
        make().fit(["one", 2, "three"], [1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="text"):
        make(FeedForwardRegressor).fit(TEXTS, Y)


@pytest.mark.parametrize("unit", ["word", "character"])
def test_a_text_without_a_symbol_is_named_by_its_own_number(unit: str) -> None:
    empty = " \t\n" if unit == "word" else ""
    texts, y = [*TEXTS[:9], empty, *TEXTS[9:]], np.arange(13.0)
    for fraction in (0.0, 0.4):
        model = make(unit=unit, validation_fraction=fraction)
        with pytest.raises(ValueError, match=rf"X\[9\] is .* a text without a {unit}"):
            model.fit(texts, y)
    model = make(unit=unit).fit(TEXTS, Y)
    with pytest.raises(ValueError, match=r"X\[1\] is"):
        model.predict(["a", empty])
    if unit == "character":
        assert model.predict([" "]).shape == (1,)


def damaged(place: tuple[int, int, int], bad: float) -> list[np.ndarray]:
    X = [np.ones((3 + i, 2)) for i in range(4)]
    X[place[0]][place[1:]] = bad
    return X


@pytest.mark.parametrize(("bad", "said"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
@pytest.mark.parametrize("place", [(0, 0, 0), (2, 4, 1), (3, 5, 0)])
def test_what_is_no_number_is_told_with_its_place(
    place: tuple[int, int, int], bad: float, said: str
) -> None:
    n, t, c = place
    where = f"{said}.* in sequence {n} at step {t}, channel {c}"
    with pytest.raises(ValueError, match=where):
        make().fit(damaged(place, bad), [1.0, 2.0, 3.0, 4.0])
    model = make().fit([np.ones((3, 2))] * 2, [1.0, 2.0])
    with pytest.raises(ValueError, match=where):
        model.predict(damaged(place, bad))
    table = TABLE.copy()
    table[n, t % T] = bad
    with pytest.raises(ValueError, match=f"{said}.* in sample {n}, feature {t % T}"):
        make(FeedForwardRegressor).fit(table, Y)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (None, "X must be an array"),
        (3.0, "X must be an array"),
        (np.ones(4), "X has shape"),
        (np.ones((0, 3)), "0 sample"),
        (np.ones((3, 0)), "0 feature"),
        ([], "X"),
        ([np.ones(3), np.ones(0), np.ones(2)], r"X\[1\] is an empty sequence"),
        ([np.ones((3, 2)), np.ones((3, 1)), np.ones((3, 2))], r"X\[1\] has 1"),
        (np.ones((3, 4)) + 1j, "Complex data not supported"),
        (np.array([["a", "b"]] * 3), "text"),
        (np.ones((2, 2, 2, 2)), "X must be"),
        (iter([1, 2, 3]), "X"),
    ],
)
def test_what_is_no_input(X: Any, said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said) as error:
        make().fit(X, [1.0, 2.0, 3.0])
    assert "\n" not in str(error.value)


def test_transforms_are_fitted_on_the_training_part_alone() -> None:
    training, held = TABLE, 1000.0 + TABLE
    model = make().fit(training, Y, validation_data=(held, 50.0 + Y))
    np.testing.assert_allclose(model.scaler_.mean, training.mean())
    np.testing.assert_allclose(model.scaler_.scale, training.std())
    np.testing.assert_allclose(model.target_scaler_.mean, Y.mean())
    y = np.arange(float(N))
    model = make(FeedForwardRegressor, validation_fraction=0.25).fit(TABLE, y)
    kept = list(range(N))
    means = {
        tuple(np.delete(TABLE, [a, b, c], axis=0).mean(axis=0).round(12))
        for a in kept
        for b in kept[a + 1 :]
        for c in kept[b + 1 :]
    }
    assert tuple(model.scaler_.mean.round(12)) in means, "the mean of some 9 of the 12 rows"


def test_the_vocabulary_is_of_the_training_part_alone() -> None:
    texts = [f"w{i}" for i in range(N)]
    model = make(validation_fraction=0.25).fit(texts, Y)
    assert len(model.vocabulary_) == 1 + 9
    model = make().fit(texts, Y, validation_data=(["else", "w3"], [1.0, 2.0]))
    assert set(model.vocabulary_.symbols) == {"<unk>", *texts}


def test_without_standardize_numbers_go_in_as_they_are() -> None:
    model = make(standardize=False).fit(TABLE, Y)
    for scaler in (model.scaler_, model.target_scaler_):
        assert (scaler.mean.tolist(), scaler.scale.tolist()) == ([0.0], [1.0])
    assert make(SequenceClassifier).fit(TABLE, Y > 0).scaler_.mean[0] == pytest.approx(TABLE.mean())


def test_a_constant_channel_and_constant_targets_are_no_trouble() -> None:
    X = np.dstack([TABLE, np.full_like(TABLE, 7.0)])
    model = make(max_epochs=30, learning_rate=0.05).fit(X, np.full(N, 3.0))
    np.testing.assert_allclose(model.predict(X), 3.0, atol=0.5)


def test_numbers_beyond_float32_are_told_by_argument() -> None:
    for kind in (Regressor, FeedForwardRegressor):
        model = make(kind).fit(TABLE, Y)
        with pytest.raises(ValueError, match=r"X cannot be scaled: .* beyond float32"):
            model.predict(1e300 * TABLE)
        with pytest.raises(ValueError, match=r"y cannot be scaled: .* beyond float32"):
            model.partial_fit(TABLE, 1e300 * Y)


@pytest.mark.parametrize("weight", [None, np.arange(10.0, 64.0)], ids=["equal", "weighted"])
def test_a_step_counts_for_each_window_that_reads_it(weight: np.ndarray | None) -> None:
    series = np.cumsum(np.random.default_rng(0).normal(size=(60, 2)), axis=0)
    pasts, y = windows(series, length=6, target=0)
    assert len(pasts) == 54
    found = make(max_epochs=1).fit(pasts, y, weight).scaler_
    expected = make(max_epochs=1).fit(list(pasts), y, weight).scaler_
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-12)


def test_dataframes_in_a_list_have_the_columns_of_the_first_and_of_the_fit() -> None:
    rng = np.random.default_rng(0)
    X = [pd.DataFrame(rng.normal(size=(T, 2)), columns=["p", "q"]) for T in (2, 3, 4)]
    swapped = [frame[["q", "p"]] for frame in X]
    with pytest.raises(ValueError, match=r"^X\[2\] has the columns \['q', 'p'\] and X\[0\]"):
        make().fit([*X[:2], swapped[2]], [1.0, 2.0, 3.0])
    model = make().fit(X, [1.0, 2.0, 3.0])
    assert list(model.feature_names_in_) == ["p", "q"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(swapped)


def test_tokens_are_refused_in_a_sentence() -> None:
    tokens = Sequences(np.arange(6), np.array([0, 3]), np.array([3, 3]))
    with pytest.raises(TypeError, match="X holds tokens; pass the texts themselves"):
        make().fit(tokens, [1.0, 2.0])
