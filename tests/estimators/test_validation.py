from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled import FeedForwardClassifier, FeedForwardRegressor, SequenceClassifier
from unrolled.estimators.parts import Part, Seeds, hold_out, seeds

rng = np.random.default_rng(0)
N = 40
X = rng.normal(size=(N, 3))
NOISE = rng.normal(scale=2.0, size=N)
Y = X[:, 0] + NOISE


def regressor(**changes: Any) -> Any:
    usual = {"max_epochs": 4, "batch_size": 8, "random_state": 0}
    return FeedForwardRegressor(**{**usual, **changes})


def losses(model: Any, name: str = "valid_loss") -> list[float]:
    return [record[name] for record in model.history_]


def test_without_validation_nothing_is_watched() -> None:
    assert losses(regressor().fit(X, Y)) == [None] * 4


def test_given_validation_data_are_watched_in_the_units_of_training() -> None:
    held = X[:7] + 1.0, Y[:7]
    weight = np.random.default_rng(1).uniform(0.2, 3.0, 7)
    for data in (held, [*held], (*held, weight)):
        model = regressor().fit(X, Y, validation_data=data)
        scale = model.target_scaler_.scale[0]
        error = ((model.predict(held[0]) - held[1]) / scale) ** 2
        expected = np.average(error, weights=weight if len(data) == 3 else None)
        assert losses(model)[-1] == pytest.approx(expected, rel=1e-4)


def test_given_validation_data_leave_the_share_alone() -> None:
    held = X[:5], Y[:5]
    both = regressor(validation_fraction=0.5).fit(X, Y, validation_data=held)
    np.testing.assert_array_equal(both.weights_, regressor().fit(X, Y).weights_)
    assert losses(both) == losses(regressor().fit(X, Y, validation_data=held))


def test_watching_changes_no_weight() -> None:
    plain = regressor().fit(X, Y)
    watched = regressor().fit(X, Y, validation_data=(X[:5], Y[:5]))
    np.testing.assert_array_equal(watched.weights_, plain.weights_)
    assert losses(watched, "train_loss") == losses(plain, "train_loss")


def test_validation_rows_of_weight_zero_do_not_count() -> None:
    weight = np.array([1.0, 0.0, 2.0, 0.0])
    some = weight > 0
    model = regressor().fit(X, Y, validation_data=(X[:4], Y[:4], weight))
    other = regressor().fit(X, Y, validation_data=(X[:4][some], Y[:4][some], weight[some]))
    assert losses(model) == losses(other)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X,), r"validation_data must be \(X, y\) or"),
        ((X, Y, None, None), "validation_data must be"),
        (X, "validation_data must be"),
        (3, "validation_data must be"),
        ((X[:, :2], Y), "X has 2 features"),
        ((X, Y[:-1]), "inconsistent"),
        ((X, np.full(N, np.nan)), "y holds NaN"),
        ((X, np.ones((N, 2))), "y has 2 numbers a row"),
        ((X, Y, np.zeros(N)), "sample_weight is zero"),
    ],
)
def test_validation_data_that_cannot_be(data: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        regressor().fit(X, Y, validation_data=data)


def test_a_validation_label_must_be_known() -> None:
    model = FeedForwardClassifier(max_epochs=1)
    with pytest.raises(ValueError, match=r"^validation_data: y holds the label 'c', which is"):
        model.fit(X, ["a", "b"] * 20, validation_data=(X[:2], ["a", "c"]))


def test_a_share_is_held_out_once_for_a_seed() -> None:
    def rows(model: Any) -> float:
        return float(model.scaler_.mean[0])

    first, again, other = (
        regressor(validation_fraction=0.25, random_state=seed).fit(X, Y) for seed in (0, 0, 1)
    )
    assert rows(first) == rows(again) != rows(other)
    assert None not in losses(first)
    assert losses(first) == losses(again)


def test_what_is_held_out_is_not_trained_on() -> None:
    part, held = hold_out(Part(X, Y, None), 0.25, seed=3, labels=None)
    assert (len(part.inputs), len(held.inputs)) == (30, 10)
    both = np.concatenate([part.y, held.y])
    np.testing.assert_array_equal(np.sort(both), np.sort(Y))
    assert not set(part.y) & set(held.y)
    drawn = seeds(0)
    part, held = hold_out(Part(X, Y, None), 0.25, drawn.of("split"), labels=None)
    model = regressor(validation_fraction=0.25).fit(X, Y)
    np.testing.assert_allclose(model.scaler_.mean, part.inputs.mean(axis=0))
    same = regressor().fit(part.inputs, part.y, validation_data=(held.inputs, held.y))
    np.testing.assert_array_equal(model.weights_, same.weights_)
    assert losses(model) == losses(same)


def test_weights_are_held_out_with_their_rows() -> None:
    weight = np.arange(1.0, N + 1)
    y = np.arange(1.0, N + 1)
    for part in hold_out(Part(X, y, weight), 0.3, seed=3, labels=None):
        np.testing.assert_array_equal(part.weight, part.y)
        np.testing.assert_array_equal(part.inputs, X[part.y.astype(int) - 1])


def test_classes_are_held_out_in_proportion_where_they_can_be() -> None:
    y = np.repeat(["a", "b", "c"], [20, 12, 8])
    for seed in range(5):
        _, held = hold_out(Part(X, y, None), 0.25, seed, labels=y)
        assert [list(held.y).count(k) for k in "abc"] == [5, 3, 2]
    y[-1] = "alone"
    sizes = {len(hold_out(Part(X, y, None), 0.25, seed, labels=y)[1].y) for seed in range(5)}
    assert sizes == {10}
    few = hold_out(Part(X[:6], np.array(list("aabbcc")), None), 0.3, 0, np.array(list("aabbcc")))
    assert len(few[1].y) == 2


def test_a_rare_label_is_a_class_wherever_it_falls() -> None:
    y = np.array(["a", "b"] * 19 + ["a", "rare"])
    for seed in range(12):
        model = FeedForwardClassifier(max_epochs=1, validation_fraction=0.3, random_state=seed)
        assert model.fit(X, y).classes_.tolist() == ["a", "b", "rare"]
        assert np.isfinite(losses(model)).all()


@pytest.mark.parametrize(
    ("rows", "fraction", "said"),
    [
        (40, 0.01, "validation_fraction=0.01 of 40 samples holds out none"),
        (1, 0.9, "validation_fraction=0.9 of 1 samples holds out all"),
        (2, 0.9, "validation_fraction=0.9 of 2 samples holds out all"),
    ],
)
def test_a_share_of_none_or_all_is_refused(rows: int, fraction: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        regressor(validation_fraction=fraction).fit(X[:rows], Y[:rows])


def test_patience_stops_early_and_gives_back_the_best_weights() -> None:
    held = X[30:], Y[30:]
    model = regressor(max_epochs=300, patience=5, learning_rate=0.02)
    model.fit(X[:30], Y[:30], validation_data=held)
    watched = losses(model)
    best = int(np.argmin(watched))
    assert len(watched) == model.n_iter_ == best + 1 + 5 < 300
    scale = model.target_scaler_.scale[0]
    error = (((model.predict(held[0]) - held[1]) / scale) ** 2).mean()
    assert error == pytest.approx(watched[best], rel=1e-4)
    until = regressor(max_epochs=best + 1, learning_rate=0.02).fit(X[:30], Y[:30])
    np.testing.assert_array_equal(model.weights_, until.weights_)


def test_without_patience_the_last_weights_stay() -> None:
    held = X[30:], Y[30:]
    model = regressor(max_epochs=60, learning_rate=0.02)
    model.fit(X[:30], Y[:30], validation_data=held)
    watched = losses(model)
    scale = model.target_scaler_.scale[0]
    error = (((model.predict(held[0]) - held[1]) / scale) ** 2).mean()
    assert error == pytest.approx(watched[-1], rel=1e-4)
    assert watched[-1] > min(watched)


def test_texts_and_ragged_sequences_are_held_out_too() -> None:
    texts = [f"word{i % 5} and more"[: 9 + i % 7] for i in range(N)]
    ragged = [X[i, : 1 + i % 3] for i in range(N)]
    for data in (texts, ragged):
        model = SequenceClassifier(hidden_size=3, max_epochs=2, validation_fraction=0.2)
        model.fit(data, np.arange(N) % 2)
        assert None not in losses(model)


def test_seeds_of_each_use_differ_and_follow_from_one() -> None:
    uses = ("weights", "order", "dropout", "split")
    drawn = [Seeds(base).of(use) for base in (0, 1) for use in uses]
    assert len(set(drawn)) == 8
    assert drawn[:4] == [Seeds(0).of(use) for use in uses]
    assert all(0 <= seed < 2**32 for seed in drawn)
    assert seeds(5) == seeds(np.random.RandomState(5)) != seeds(6)


def test_rows_of_a_group_are_held_out_together() -> None:
    groups = np.array([0, 1, 0, 2, 3, 1, 0, 2])
    rows = np.arange(8.0)[:, None]
    part, held = hold_out(Part(rows, np.arange(8), None), 0.5, 0, None, groups)
    assert sorted([*part.y, *held.y]) == list(range(8))
    assert not {*groups[part.y]} & {*groups[held.y]}
    assert len({*groups[held.y]}) == 2
    with pytest.raises(ValueError, match="of 4 different samples holds out none"):
        hold_out(Part(rows, np.arange(8), None), 0.1, 0, None, groups)
