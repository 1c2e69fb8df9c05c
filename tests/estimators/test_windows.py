"""Windows that overlap are held out by time: no step is both trained on and watched."""

import numpy as np
import pytest

from unrolled import SequenceRegressor
from unrolled.data import Sequences, windows
from unrolled.estimators.parts import Part, hold_out


def test_sequences_know_whether_they_overlap():
    X, _ = windows(np.arange(20.0), 4)
    assert X.overlapping
    assert not X.take(np.array([0, 4, 8])).overlapping
    apart, _ = windows(np.arange(20.0), 4, stride=4)
    assert not apart.overlapping
    inside = Sequences(np.zeros((9, 1)), np.array([0, 6, 2]), np.array([6, 3, 2]))
    assert inside.overlapping


def test_the_last_windows_are_held_out_and_their_neighbours_left_out():
    X, y = windows(np.arange(50.0), 5)
    rows = np.random.default_rng(0).permutation(len(X))
    train, held = hold_out(Part(X.take(rows), y[rows], None), 0.2, 0, None)
    assert len(held.inputs) == 9
    assert sorted(held.y) == sorted(y)[-9:]
    first_held = min(held.inputs.starts)
    assert (train.inputs.starts + train.inputs.lengths <= first_held).all()
    assert len(train.inputs) == first_held - 5 + 1


def test_a_fit_watches_what_it_has_not_seen():
    series = np.random.default_rng(0).normal(0, 1, 300).cumsum()
    X, y = windows(series, 10)
    model = SequenceRegressor(
        hidden_size=16, max_epochs=30, validation_fraction=0.3, random_state=0, verbose=False
    ).fit(X, y)
    late = model.evaluate(X.take(np.arange(len(X))[-87:]), y[-87:])["mse"]
    watched = model.history_[-1]["valid_loss"] * model.target_scaler_.scale[0] ** 2
    assert watched == pytest.approx(late, rel=1e-3)


def test_windows_that_all_share_a_step_are_refused():
    X, y = windows(np.arange(12.0), 9)
    with pytest.raises(ValueError, match="share steps with all others"):
        hold_out(Part(X, y, None), 0.5, 0, None)
