"""Generated problems: their rules, their distributions and their seeds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from unrolled.data import (
    adding,
    copying,
    embedded_reber,
    random_walk,
    telephone_tones,
    temporal_order,
)


def bits(problem: Any) -> list[bytes]:
    parts = problem if isinstance(problem, tuple) else tuple(vars(problem).values())
    arrays: list[np.ndarray] = []
    for part in parts:
        arrays += [np.asarray(x) for x in part] if isinstance(part, list) else [part]
    return [array.tobytes() for array in arrays]


PROBLEMS: list[Callable[..., Any]] = [
    random_walk,
    adding,
    lambda *arguments, **named: adding(*arguments, variant="hochreiter1997", **named),
    copying,
    temporal_order,
    lambda *arguments, **named: temporal_order(*arguments, num_marks=3, **named),
    embedded_reber,
    telephone_tones,
]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_same_seed_same_bits(problem: Callable[..., Any]) -> None:
    first = bits(problem(20, random_state=3))
    assert bits(problem(20, random_state=3)) == first
    assert bits(problem(20, random_state=np.int64(3))) == first
    assert bits(problem(20, random_state=np.random.default_rng(3))) == first
    assert bits(problem(20, random_state=4)) != first
    assert bits(problem(20)) != bits(problem(20))
    rng = np.random.default_rng(3)
    assert bits(problem(20, random_state=rng)) != bits(problem(20, random_state=rng))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_refuses_counts_and_seeds(problem: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"^num_samples must be at least 1, got 0\.$"):
        problem(0)
    with pytest.raises(TypeError, match=r"^num_samples must be a whole number, got float 2\.5\.$"):
        problem(2.5)
    with pytest.raises(ValueError, match=r"^random_state must be at least 0, got -1\.$"):
        problem(2, random_state=-1)
    with pytest.raises(TypeError, match=r"^random_state must be a whole number, got str 'a'\.$"):
        problem(2, random_state="a")


class TestRandomWalk:
    def test_shapes_of_the_textbook(self) -> None:
        X, y = random_walk()
        assert X.shape == (10, 3)
        assert y.shape == (10,)
        X, y = random_walk(7, sequence_length=12)
        assert X.shape == (7, 11)
        assert X.dtype == y.dtype == np.float64

    def test_distributions(self) -> None:
        X, y = random_walk(40_000, 6, random_state=0)
        start, steps, ahead = X[:, 0], np.diff(X, axis=1), y - X[:, -1]
        assert abs(start.mean()) < 0.01
        assert start.var() == pytest.approx(1 / 3, rel=0.02)
        assert -1 <= start.min() < -0.999
        assert 0.999 < start.max() < 1
        assert steps.std() == pytest.approx(0.1, rel=0.01)
        assert np.abs(steps.mean(axis=0)).max() < 0.002
        # Kurtosis tells a normal from a uniform step: 3 against 1.8.
        assert (steps**4).mean() / (steps**2).mean() ** 2 == pytest.approx(3, rel=0.03)
        assert (ahead**2).mean() == pytest.approx(0.02, rel=0.03)
        together = np.column_stack([start, steps, ahead])
        assert np.abs(np.corrcoef(together.T) - np.eye(6)).max() < 0.02

    def test_least_length(self) -> None:
        assert random_walk(3, 2)[0].shape == (3, 1)
        with pytest.raises(ValueError, match=r"^sequence_length must be at least 2, got 1\.$"):
            random_walk(3, 1)


class TestAdding:
    def test_le(self) -> None:
        X, y = adding(5000, 12, random_state=0)
        assert isinstance(X, np.ndarray)
        assert X.shape == (5000, 12, 2)
        marks = X[:, :, 1]
        assert set(np.unique(marks)) == {0.0, 1.0}
        assert (marks.sum(axis=1) == 2).all()
        np.testing.assert_allclose(y, (X[:, :, 0] * marks).sum(axis=1))
        assert np.bincount(np.nonzero(marks)[1], minlength=12).min() > 700
        assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.05)
        assert X[:, :, 0].min() >= 0
        assert X[:, :, 0].max() < 1

    def test_hochreiter(self) -> None:
        X, y = adding(5000, 40, random_state=0, variant="hochreiter1997")
        assert isinstance(X, list)
        assert {len(x) for x in X} == set(range(40, 45))
        places = []
        for x, target in zip(X, y, strict=True):
            marks = x[:, 1]
            marked = np.flatnonzero(marks == 1)
            assert len(marked) == 2
            assert marked.min() < 10
            assert marked.max() < 19
            assert marks[-1] == -1
            assert marks[0] == (1 if marked[0] == 0 else -1)
            assert (np.delete(marks, [0, *marked, len(x) - 1]) == 0).all()
            if marked[0] == 0:
                assert x[0, 0] == 0
            assert target == pytest.approx(0.5 + x[marked, 0].sum() / 4)
            places += list(marked)
        assert set(places) == set(range(19))
        assert min(x[1:, 0].min() for x in X) < -0.99

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match=r"^variant must be 'le2015' or 'hochreiter1997', got"):
            adding(2, variant="other")
        with pytest.raises(ValueError, match=r"^sequence_length must be at least 2, got 1\.$"):
            adding(2, 1)
        with pytest.raises(ValueError, match=r"^sequence_length must be at least 20, got 19\.$"):
            adding(2, 19, variant="hochreiter1997")


class TestCopying:
    def test_rules(self) -> None:
        X, y = copying(500, 7, random_state=0, num_symbols=4, num_copied=3)
        assert X.shape == y.shape == (500, 13)
        assert X.dtype == y.dtype == np.int64
        assert set(np.unique(X[:, :3])) == {1, 2, 3, 4}
        np.testing.assert_array_equal(X[:, 3:9], 0)
        np.testing.assert_array_equal(X[:, 9], 5)
        np.testing.assert_array_equal(X[:, 10:], 0)
        np.testing.assert_array_equal(y[:, :10], 0)
        np.testing.assert_array_equal(y[:, 10:], X[:, :3])

    def test_usual_form(self) -> None:
        X, _ = copying(50, 100, random_state=0)
        assert X.shape == (50, 120)
        assert X.max() == 9
        assert np.eye(10)[X].shape == (50, 120, 10)

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match=r"^delay must be at least 1, got 0\.$"):
            copying(2, 0)
        with pytest.raises(ValueError, match=r"^num_symbols must be at least 2, got 1\.$"):
            copying(2, num_symbols=1)
        with pytest.raises(ValueError, match=r"^num_copied must be at least 1, got 0\.$"):
            copying(2, num_copied=0)


class TestTemporalOrder:
    @pytest.mark.parametrize(
        ("num_marks", "ranges"),
        [(2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])],
    )
    def test_rules(self, num_marks: int, ranges: list[tuple[int, int]]) -> None:
        X, y = temporal_order(3000, random_state=0, num_marks=num_marks)
        assert {len(x) for x in X} == set(range(100, 111))
        places = []
        for text, label in zip(X, y, strict=True):
            assert re.fullmatch("E[abcdXY]+B", text)
            marked = [i for i, symbol in enumerate(text) if symbol in "XY"]
            assert "".join(text[i] for i in marked) == label
            places.append(marked)
        for column, (low, high) in zip(np.array(places).T, ranges, strict=True):
            assert set(column) == set(range(low, high + 1))
        labels, counts = np.unique(y, return_counts=True)
        assert len(labels) == 2**num_marks
        assert counts.min() > 0.8 * 3000 / 2**num_marks

    def test_short_sequences(self) -> None:
        X, y = temporal_order(200, 10, random_state=0, num_marks=3)
        assert {len(x) for x in X} == {10, 11}
        assert all(
            "".join(s for s in text if s in "XY") == label for text, label in zip(X, y, strict=True)
        )

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match=r"^sequence_length must be at least 10, got 9\.$"):
            temporal_order(2, 9)
        with pytest.raises(ValueError, match=r"^num_marks must be 2 or 3, got 4\.$"):
            temporal_order(2, num_marks=4)


def allowed(string: str) -> bool:
    """Whether the embedded grammar makes the string, by walking its published picture."""
    arrows = {
        "start": {"B": "0"},
        "0": {"T": "1", "P": "2"},
        "1": {"S": "1", "X": "3"},
        "2": {"T": "2", "V": "4"},
        "3": {"X": "2", "S": "5"},
        "4": {"P": "3", "V": "5"},
        "5": {"E": "end"},
        "end": {},
    }
    if string[0] != "B" or string[-1] != "E" or string[1] not in "TP" or string[1] != string[-2]:
        return False
    state = "start"
    for symbol in string[2:-2]:
        if symbol not in arrows[state]:
            return False
        state = arrows[state][symbol]
    return state == "end"


class TestEmbeddedReber:
    def test_strings_follow_the_grammar(self) -> None:
        problem = embedded_reber(2000, random_state=0)
        assert all(allowed(string) for string in problem.strings)
        assert len(set(problem.strings)) > 300
        assert min(map(len, problem.strings)) == 9
        # Five symbols around an inner string, which takes 7 arrows on average behind its B.
        assert np.mean([len(s) for s in problem.strings]) == pytest.approx(12, abs=0.5)

    def test_many_to_one(self) -> None:
        problem = embedded_reber(2000, random_state=0)
        for string, prefix, target in zip(
            problem.strings, problem.prefixes, problem.target, strict=True
        ):
            assert string == prefix + target + "E"
            assert string[1] == target
        assert 0.45 < (problem.target == "T").mean() < 0.55

    def test_next_symbols(self) -> None:
        problem = embedded_reber(300, random_state=0)
        seen: dict[str, set[str]] = {}
        for string in problem.strings:
            for i in range(1, len(string)):
                seen.setdefault(string[:i], set()).add(string[i])
        for string, after in zip(problem.strings, problem.next_symbols, strict=True):
            assert after.shape == (len(string), 7)
            assert after.dtype == np.bool_
            assert not after[-1].any()
            for i in range(1, len(string)):
                allowed_here = {s for s, may in zip("BTPSXVE", after[i - 1], strict=True) if may}
                assert seen[string[:i]] <= allowed_here
                assert len(allowed_here) <= 2
        first = problem.next_symbols[0]
        assert {s for s, may in zip("BTPSXVE", first[0], strict=True) if may} == {"T", "P"}
