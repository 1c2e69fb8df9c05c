from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    SequenceClassifier,
    SequenceRegressor,
)
from unrolled.data.batches import Batches
from unrolled.data.sequences import Sequences, as_sequences
from unrolled.estimators import trainable
from unrolled.estimators.checkpoints import Run, _digest
from unrolled.estimators.parts import Seeds
from unrolled.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from unrolled.training.loop import Pace

N = 26
rng = np.random.default_rng(0)
RAGGED = [rng.normal(size=(T, 2)) for T in rng.integers(2, 7, N)]
TABLE = np.array([x[-1] for x in RAGGED])
LABELS = np.array(["a", "b", "c"])[np.arange(N) % 3]
NUMBERS = TABLE[:, 0] + rng.normal(size=N)
TEXTS = [" ".join("abcdefg"[: 1 + i % 7]) for i in range(N)]

CASES: dict[str, tuple[Any, Any, Any]] = {
    "ragged classes": (SequenceClassifier(hidden_size=3, class_weight={"a": 2}), RAGGED, LABELS),
    "ragged numbers": (
        SequenceRegressor(hidden_size=3, num_layers=2, dropout=0.3, schedule="cosine"),
        RAGGED,
        NUMBERS,
    ),
    "texts": (SequenceClassifier(hidden_size=3, embedding_size=3, dropout=0.3), TEXTS, LABELS),
    "stops early": (
        SequenceRegressor(
            hidden_size=3, validation_fraction=0.3, patience=2, learning_rate=0.05, max_epochs=60
        ),
        RAGGED,
        NUMBERS,
    ),
    "adamw": (FeedForwardClassifier(optimizer="adamw", weight_decay=0.1), TABLE, LABELS),
    "sgd": (FeedForwardRegressor(optimizer="sgd", dropout=0.3), TABLE, NUMBERS),
    "rmsprop": (FeedForwardRegressor(optimizer="rmsprop", schedule="one_cycle"), TABLE, NUMBERS),
    "in order": (FeedForwardRegressor(shuffle=False, clip_norm=None), TABLE, NUMBERS),
}


class KilledError(BaseException):
    pass


def make(name: str, **changes: Any) -> tuple[Any, Any, Any]:
    model, X, y = CASES[name]
    usual = {"batch_size": 4, "random_state": 5, "checkpoint_seconds": 0.0}
    epochs = {} if model.patience else {"max_epochs": 4}
    return type(model)(**{**model.get_params(), **usual, **epochs, **changes}), X, y


def outcome(model: Any, X: Any) -> tuple[bytes, list[Any], bytes]:
    history = [{**record, "seconds": 0} for record in model.history_]
    return model.weights_.tobytes(), history, model.predict(X).tobytes()


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the next fits die right after their n-th checkpoint."""
    save = Run.save

    def after(saves: int) -> None:
        left = [saves]

        def save_and_die(self: Run, *arguments: Any) -> None:
            save(self, *arguments)
            left[0] -= 1
            if left[0] == 0:
                raise KilledError

        monkeypatch.setattr(Run, "save", save_and_die)

    return after


def small_slices(self: Pace, start: int, stop: int) -> Iterator[range]:
    return (range(i, min(i + 2, stop)) for i in range(start, stop, 2))


@pytest.mark.parametrize("name", CASES)
def test_a_fit_that_died_ends_with_the_same_bits(
    name: str, dies: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Died after 1, then 3, then 6 further checkpoints: within epochs, and at their ends."""
    model, X, y = make(name)
    expected = outcome(model.fit(X, y), X)
    path = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Pace, "slices", small_slices)
        resume_from = None
        for saves in (1, 3, 6):
            dies(saves)
            with pytest.raises(KilledError):
                make(name, checkpoint=path)[0].fit(X, y, resume_from=resume_from)
            resume_from = path
    dies(10**9)
    again = make(name, checkpoint=path)[0].fit(X, y, resume_from=path)
    assert outcome(again, X) == expected
    assert again.n_iter_ == len(again.history_) == model.n_iter_
    if name == "stops early":
        assert 3 < model.n_iter_ < 60
    # What goes on later goes on the same as well.
    assert again.partial_fit(X, y).weights_.tobytes() == model.partial_fit(X, y).weights_.tobytes()


def test_a_checkpoint_right_behind_the_last_batch_of_an_epoch(
    dies: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X, y = make("ragged numbers")
    monkeypatch.setattr(
        Pace, "slices", lambda self, start, stop: iter([range(start, stop)][: start < stop])
    )
    dies(2)
    path = tmp_path / "run"
    with pytest.raises(KilledError):
        make("ragged numbers", checkpoint=path)[0].fit(X, y)
    stands = load_checkpoint(path).state["progress"]
    assert (stands["epoch"], stands["batch"]) == (1, -(-N // 4))
    again = make("ragged numbers")[0].fit(X, y, resume_from=path)
    assert outcome(again, X) == outcome(model.fit(X, y), X)


@pytest.mark.parametrize("behind", [1, 2])
def test_the_best_weights_are_remembered_past_a_death(
    behind: int, dies: Callable[[int], None], tmp_path: Path
) -> None:
    """Died in an epoch after the best one, before patience ran out."""
    by_epoch = {"checkpoint_seconds": None, "checkpoint_epochs": 1, "patience": 4}
    model, X, y = make("stops early", **by_epoch)
    expected = outcome(model.fit(X, y), X)
    best = int(np.argmin([record["valid_loss"] for record in model.history_])) + 1
    assert model.n_iter_ == best + 4 < 60
    path = tmp_path / "run"
    dies(best + behind)
    with pytest.raises(KilledError):
        make("stops early", checkpoint=path, **by_epoch)[0].fit(X, y)
    again = make("stops early", **by_epoch)[0].fit(X, y, resume_from=path)
    assert outcome(again, X) == expected


def test_a_run_is_told_by_every_part_of_its_data() -> None:
    sequences = as_sequences([x.astype(np.float32) for x in RAGGED])
    y, weight = np.arange(float(N)), np.linspace(1.0, 2.0, N, dtype=np.float32)
    other = sequences.values + np.float32(1e-6)
    digests = [
        _digest(data)
        for data in (
            Batches(sequences, y, weight),
            Batches(sequences.with_values(other), y, weight),
            Batches(sequences.take(np.arange(N)[::-1]), y, weight),
            Batches(Sequences(sequences.values, sequences.starts, np.ones(N, np.int64)), y, weight),
            Batches(sequences, y[::-1], weight),
            Batches(sequences, y.reshape(-1, 1), weight),
            Batches(sequences, y, weight[::-1]),
            Batches(sequences, y),
            Batches(sequences.values[:N], y, weight),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert digests[0] == _digest(Batches(sequences, y.copy(), weight.copy()))


def test_a_finished_run_is_just_read(tmp_path: Path) -> None:
    model, X, y = make("stops early", checkpoint=tmp_path / "run", checkpoint_seconds=None)
    expected = outcome(model.fit(X, y), X)
    assert load_checkpoint(tmp_path / "run").state["progress"]["finished"] is True
    again = make("stops early")[0].fit(X, y, resume_from=str(tmp_path / "run"))
    assert outcome(again, X) == expected
    assert again.history_ == model.history_, "seconds too"


def test_checkpoints_change_no_bit_and_come_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = Run.save

    def counts(self: Run, path: Any, weights: Any, engine: Any, progress: Any) -> None:
        saved.append(progress.epoch)
        save(self, path, weights, engine, progress)

    monkeypatch.setattr(Run, "save", counts)
    plain, X, y = make("texts", checkpoint_seconds=None)
    expected = outcome(plain.fit(X, y), X)
    assert saved == []
    for asked, epochs in (
        ({"checkpoint_seconds": None}, [4]),
        ({"checkpoint_seconds": 1e6}, [4]),
        ({"checkpoint_seconds": None, "checkpoint_epochs": 1}, [1, 2, 3, 4]),
        ({"checkpoint_seconds": None, "checkpoint_epochs": 3}, [3, 4]),
    ):
        saved.clear()
        model = make("texts", checkpoint=tmp_path / "deep" / "run", **asked)[0].fit(X, y)
        assert saved == epochs
        assert outcome(model, X) == expected


def test_without_a_random_state_the_stored_seed_goes_on(
    dies: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    model, X, y = make("sgd", random_state=None, checkpoint=path)
    dies(3)
    with pytest.raises(KilledError):
        model.fit(X, y)
    again = make("sgd", random_state=None)[0].fit(X, y, resume_from=path)
    stored = load_checkpoint(path).state["seed"]
    monkeypatch.setattr(trainable, "seeds", lambda random_state: Seeds(stored))
    whole = make("sgd", random_state=None)[0].fit(X, y)
    assert outcome(again, X) == outcome(whole, X)


@pytest.fixture
def started(dies: Callable[[int], None], tmp_path: Path) -> Path:
    """The checkpoint of a run on `ragged classes` that has died."""
    path = tmp_path / "run"
    model, X, y = make("ragged classes", checkpoint=path)
    dies(2)
    with pytest.raises(KilledError):
        model.fit(X, y)
    dies(10**9)
    return path


def resume(
    path: Path, *, X: Any = RAGGED, y: Any = LABELS, weight: Any = None, **changes: Any
) -> Any:
    model = make("ragged classes", **changes)[0]
    return model.fit(X, y, weight, resume_from=path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learning_rate": 0.5}, "learning_rate=0.001, now 0.5"),
        ({"max_epochs": 9}, "max_epochs=4, now 9"),
        ({"hidden_size": 4}, "hidden_size=3, now 4"),
        ({"optimizer": "sgd"}, "optimizer='adam', now 'sgd'"),
        ({"batch_size": 5}, "batch_size=4, now 5"),
        ({"class_weight": {"a": 3}}, "class_weight="),
        ({"class_weight": None}, "class_weight="),
        ({"random_state": 6}, "another random_state"),
        ({"patience": 2, "validation_fraction": 0.2}, "patience=None, now 2"),
        ({"X": RAGGED[1:] + RAGGED[:1]}, "other training data"),
        ({"X": [x[:, :1] for x in RAGGED]}, "another model"),
        ({"y": LABELS[::-1]}, "other training data"),
        ({"weight": np.linspace(1, 2, N)}, "other training data"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_another_run_is_refused_by_what_differs(
    changes: dict[str, Any], said: str, started: Path
) -> None:
    with pytest.raises(CheckpointError) as error:
        resume(started, **changes)
    message = str(error.value)
    assert said in message
    assert "resume with the same arguments and data" in message
    assert str(started) in message
    assert "\n" not in message


def test_what_changes_no_bit_may_change(started: Path, tmp_path: Path) -> None:
    model = resume(
        started,
        checkpoint=tmp_path / "elsewhere",
        checkpoint_seconds=None,
        checkpoint_epochs=2,
        verbose=False,
        class_weight={np.str_("a"): np.float64(2)},
        hidden_size=np.int64(3),
    )
    whole, X, y = make("ragged classes")
    assert outcome(model, X) == outcome(whole.fit(X, y), X)


def test_another_estimator_or_validation_is_refused(started: Path) -> None:
    with pytest.raises(CheckpointError, match="estimator='SequenceClassifier', now 'SequenceRegr"):
        SequenceRegressor(random_state=5).fit(RAGGED, NUMBERS, resume_from=started)
    model = make("ragged classes")[0]
    with pytest.raises(CheckpointError, match="other validation data"):
        model.fit(RAGGED, LABELS, resume_from=started, validation_data=(RAGGED[:3], LABELS[:3]))


def test_a_missing_or_damaged_checkpoint_is_one_sentence(started: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        resume(tmp_path / "nowhere")
    data = started.read_bytes()
    for damaged in (b"", data[:-1], data[:50], data[:-1] + bytes([data[-1] ^ 1]), b"{}" + data[2:]):
        started.write_bytes(damaged)
        with pytest.raises(CheckpointError) as error:
            resume(started)
        assert "\n" not in str(error.value)
    started.unlink()
    started.mkdir()
    with pytest.raises(CheckpointError):
        resume(started)


EDITS: list[tuple[list[Any], Any, str]] = [
    (["run"], [], "no checkpoint of an estimator's fit"),
    (["seed"], "5", "no checkpoint of an estimator's fit"),
    (["seed"], True, "no checkpoint of an estimator's fit"),
    (["progress"], None, "no checkpoint of an estimator's fit"),
    (["more"], 1, "no checkpoint of an estimator's fit"),
    (["run", "estimator"], None, "estimator=None"),
    (["progress", "epoch"], "1", "its epoch is of the type str"),
    (["progress", "batch"], 1.5, "its batch is of the type float"),
    (["progress", "finished"], 0, "its finished is of the type int"),
    (["progress", "history"], {}, "its history is of the type dict"),
    (["progress", "history"], [{"epoch": 1}], "records of epochs"),
    (["progress", "totals", "loss"], "1", "its totals hold something else than numbers"),
    (["progress", "totals"], {"sum": 1.0}, "no state to go on from"),
    (["progress", "more"], 1, "no state to go on from"),
]


@pytest.mark.parametrize(("place", "value", "said"), EDITS, ids=str)
def test_a_checkpoint_that_is_well_formed_but_wrong(
    place: list[Any], value: Any, said: str, started: Path
) -> None:
    state, arrays = load_checkpoint(started)
    inside: Any = state
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    save_checkpoint(started, state, arrays)
    with pytest.raises(CheckpointError, match=said) as error:
        resume(started)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["weights", "engine.adam.step", "engine.adam.exp_avg"])
def test_a_checkpoint_whose_arrays_do_not_fit(name: str, started: Path) -> None:
    state, arrays = load_checkpoint(started)
    wrong = [{key: value for key, value in arrays.items() if key != name}]
    wrong.append({**arrays, name: arrays[name].ravel()[:1]})
    wrong.append({**arrays, name: arrays[name].astype(np.float64)})
    for changed in wrong[: 1 if name == "engine.adam.step" else 2]:
        save_checkpoint(started, state, changed)
        with pytest.raises(CheckpointError, match="no state to go on from"):
            resume(started)


def test_best_weights_of_another_size_are_refused(started: Path) -> None:
    state, arrays = load_checkpoint(started)
    save_checkpoint(started, state, {**arrays, "best_weights": arrays["weights"][:-1]})
    with pytest.raises(CheckpointError, match="its best_weights have the shape"):
        resume(started)
