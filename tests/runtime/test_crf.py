"""The conditional random field beside sums over all paths."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from unrolled.runtime import crf

LENGTHS = np.array([4, 1, 5, 2, 5, 1, 3])
M, N = int(LENGTHS.sum()), len(LENGTHS)
CUTS = np.split(np.arange(M), np.cumsum(LENGTHS)[:-1])


def scores(K: int = 3, scale: float = 1.0, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Emissions [M, K], start [K], end [K] and transition [K, K]."""
    rng = np.random.default_rng(seed)
    shapes = ((M, K), (K,), (K,), (K, K))
    return tuple(rng.normal(scale=scale, size=shape) for shape in shapes)


def labels(K: int = 3, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(1)
    y = rng.integers(0, K, M)
    y[rng.random(M) < missing] = -1
    return y


def score(e: np.ndarray, path: Any, start: Any, end: Any, transition: Any) -> float:
    """The score of one path by its formula."""
    pairs = sum(transition[j, k] for j, k in pairwise(path))
    steps = sum(e[t, k] for t, k in enumerate(path))
    return float(start[path[0]] + steps + pairs + end[path[-1]])


def paths(rows: np.ndarray, parts: tuple[np.ndarray, ...]) -> dict[tuple[int, ...], float]:
    """All paths of a sequence and their scores."""
    e, *rest = parts
    K = e.shape[1]
    return {path: score(e[rows], path, *rest) for path in product(range(K), repeat=len(rows))}


def log_sum(values: list[float]) -> float:
    return float(np.logaddexp.reduce(values))


# Transitions that lie within 300 and beyond.
SCALES = [0.0, 1.0, 7.0, 400.0]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("missing", [0.0, 0.5, 1.0])
def test_log_likelihood_is_that_of_all_paths(scale: float, missing: float) -> None:
    e, start, end, transition = scores(scale=scale)
    y = labels(missing=missing)
    found = crf.log_likelihood(e, y, LENGTHS, start, end, transition)
    assert found.shape == (N,)
    for n, rows in enumerate(CUTS):
        each = paths(rows, (e, start, end, transition))
        agree = [
            value
            for path, value in each.items()
            if all(given in (-1, k) for given, k in zip(y[rows], path, strict=True))
        ]
        expected = log_sum(agree) - log_sum(list(each.values()))
        assert found[n] == pytest.approx(expected, rel=1e-10, abs=1e-11)
    if missing == 1.0:
        assert (found == 0).all()
    else:
        assert (found <= 1e-11).all()


@pytest.mark.parametrize("scale", SCALES[1:])
@pytest.mark.parametrize("seed", range(4))
def test_viterbi_gives_the_best_of_all_paths(scale: float, seed: int) -> None:
    parts = scores(scale=scale, seed=seed)
    e, start, end, transition = parts
    found = crf.viterbi(e, LENGTHS, start, end, transition)
    assert found.dtype == np.int64
    assert found.shape == (M,)
    for rows in CUTS:
        each = paths(rows, parts)
        best = max(each, key=lambda path: each[path])
        assert tuple(found[rows]) == best
        assert score(e[rows], found[rows], start, end, transition) == each[best]


@pytest.mark.parametrize("scale", SCALES)
def test_marginals_are_sums_over_paths(scale: float) -> None:
    parts = scores(scale=scale)
    e, start, end, transition = parts
    found = crf.marginals(e, LENGTHS, start, end, transition)
    assert found.shape == (M, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    for rows in CUTS:
        each = paths(rows, parts)
        total = log_sum(list(each.values()))
        expected = np.zeros((len(rows), 3))
        for path, value in each.items():
            expected[np.arange(len(rows)), path] += np.exp(value - total)
        np.testing.assert_allclose(found[rows], expected, rtol=0, atol=1e-11)


def test_marginals_are_slopes_of_the_sum_over_all_paths() -> None:
    """By differences, with more labels than paths could be listed for."""
    e, start, end, transition = scores(K=17)
    nothing = np.full(M, -1)
    found = crf.marginals(e, LENGTHS, start, end, transition)
    for row, k in ((0, 3), (3, 16), (7, 0), (20, 8)):
        given = nothing.copy()
        given[row] = k
        likely = crf.log_likelihood(e, given, LENGTHS, start, end, transition)
        assert np.exp(likely.sum()) == pytest.approx(found[row, k], rel=1e-12)


def test_pairs_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = scores(K=17, scale=90.0)
    e, start, end, transition = parts
    rest = (LENGTHS, start, end, transition)
    whole = crf.viterbi(e, *rest), crf.marginals(e, *rest)
    for numbers in (1, 500):
        monkeypatch.setattr(crf, "AT_ONCE", numbers)
        np.testing.assert_array_equal(crf.viterbi(e, *rest), whole[0])
        np.testing.assert_array_equal(crf.marginals(e, *rest), whole[1])


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_scores_are_finite(size: float) -> None:
    e, start, end, transition = scores()
    y = labels(missing=0.3)
    for at in range(4):
        parts = [e.copy(), start.copy(), end.copy(), transition.copy()]
        parts[at].flat[1] = size
        parts[at].flat[-1] = -size
        likely = crf.log_likelihood(parts[0], y, LENGTHS, *parts[1:])
        shares = crf.marginals(parts[0], LENGTHS, *parts[1:])
        assert np.isfinite(likely).all()
        assert np.isfinite(shares).all()
        for n, rows in enumerate(CUTS):
            each = paths(rows, tuple(parts))
            best = log_sum(list(each.values()))
            agree = [
                value
                for path, value in each.items()
                if all(given in (-1, k) for given, k in zip(y[rows], path, strict=True))
            ]
            assert likely[n] == pytest.approx(log_sum(agree) - best, rel=1e-9, abs=1e-9)


def test_of_equal_scores_the_lower_label_is_taken() -> None:
    found = crf.viterbi(np.zeros((M, 4)), LENGTHS, np.zeros(4), np.zeros(4), np.zeros((4, 4)))
    np.testing.assert_array_equal(found, 0)


def test_a_sequence_alone_is_as_among_others() -> None:
    e, start, end, transition = scores(K=5)
    rest = (start, end, transition)
    whole = crf.viterbi(e, LENGTHS, *rest), crf.marginals(e, LENGTHS, *rest)
    for rows in CUTS:
        length = np.array([len(rows)])
        np.testing.assert_array_equal(crf.viterbi(e[rows], length, *rest), whole[0][rows])
        np.testing.assert_allclose(
            crf.marginals(e[rows], length, *rest), whole[1][rows], rtol=1e-12
        )


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        ("emissions", np.zeros(M), ValueError, r"emissions must have shape \[M, K\], got \[21\]"),
        ("emissions", np.full((M, 3), np.nan), ValueError, "emissions holds NaN or infinity"),
        ("lengths", LENGTHS[:-1], ValueError, "lengths must add up to the 21 rows"),
        ("lengths", LENGTHS.astype(np.int32), TypeError, "lengths must be an array of int64"),
        ("lengths", LENGTHS - 1, ValueError, "lengths must be from 1 to 21, got 0"),
        ("lengths", np.empty(0, np.int64), ValueError, "lengths must add up to the 21 rows"),
        ("start", np.zeros(2), ValueError, r"start must have shape \[3\], got \[2\]"),
        ("end", np.zeros((1, 3)), ValueError, r"end must have shape \[3\], got \[1, 3\]"),
        ("transition", np.zeros((3, 2)), ValueError, r"transition must have shape \[3, 3\]"),
        ("transition", np.full((3, 3), -np.inf), ValueError, "transition holds NaN or infinity"),
        ("labels", labels()[:-1], ValueError, r"labels must have shape \[21\], got \[20\]"),
        ("labels", labels() + 1, ValueError, "labels must be from -1 to 2, got 3"),
        ("labels", labels() - 2, ValueError, "labels must be from -1 to 2, got -2"),
        ("labels", labels().astype(float), TypeError, "labels must be an array of int64"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: Any, error: type, words: str) -> None:
    e, start, end, transition = scores()
    given: dict[str, Any] = {
        "emissions": e, "lengths": LENGTHS, "start": start, "end": end, "transition": transition,
    }  # fmt: skip
    y = {"labels": labels()}
    (y if name == "labels" else given)[name] = value
    functions: list[Any] = [lambda: crf.log_likelihood(**given, **y)]
    if name != "labels":
        functions += [lambda: crf.viterbi(**given), lambda: crf.marginals(**given)]
    for function in functions:
        with pytest.raises(error, match=words):
            function()
