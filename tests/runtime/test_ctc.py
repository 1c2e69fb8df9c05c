"""Connectionist temporal classification beside sums over all paths."""

from __future__ import annotations

from itertools import groupby, product
from typing import Any

import numpy as np
import pytest

from unrolled.runtime import ctc_prefixes
from unrolled.runtime.ctc import collapse, ctc_align, ctc_beam, ctc_greedy, ctc_log_likelihood


def scores(T: int, V: int, seed: int = 0, scale: float = 2.0) -> np.ndarray:
    log_p = np.random.default_rng(seed).normal(scale=scale, size=(T, V))
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return log_p.astype(np.float32)


def read(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in groupby(path) if symbol)


def everything(log_p: np.ndarray) -> dict[tuple[int, ...], dict[tuple[int, ...], float]]:
    """All symbols that can be read, each with all its paths and their log-probabilities."""
    T, V = log_p.shape
    found: dict[tuple[int, ...], dict[tuple[int, ...], float]] = {}
    for path in product(range(V), repeat=T):
        value = float(log_p[np.arange(T), list(path)].astype(np.float64).sum())
        found.setdefault(read(path), {})[path] = value
    return found


def log_sum(paths: dict[Any, float]) -> float:
    return float(np.logaddexp.reduce(list(paths.values())))


class Bigram:
    """What follows depends on the last symbol; the state is all symbols, to see that it is kept."""

    def __init__(self, V: int, seed: int = 0) -> None:
        table = np.random.default_rng(seed).dirichlet(np.ones(V), size=V)
        self.log_p = np.log(table)  # column 0: the end
        self.calls = 0

    def start(self) -> tuple[int, ...]:
        return ()

    def following(self, state: tuple[int, ...]) -> np.ndarray:
        self.calls += 1
        line = self.log_p[(0, *state)[-1]].copy()
        line[0] = np.nan  # the blank's is not looked at
        return line

    def extend(self, state: tuple[int, ...], symbol: int) -> tuple[int, ...]:
        assert type(symbol) is int
        return (*state, symbol)

    def end(self, state: tuple[int, ...]) -> float:
        return float(self.log_p[(0, *state)[-1], 0])

    def whole(self, symbols: tuple[int, ...]) -> float:
        pairs = zip((0, *symbols), (*symbols, 0), strict=True)
        return float(sum(self.log_p[pair] for pair in pairs))


@pytest.mark.parametrize(
    ("path", "symbols", "first", "last"),
    [
        ([], [], [], []),
        ([0, 0], [], [], []),
        ([2, 2, 0, 2, 1, 1, 0], [2, 2, 1], [0, 3, 4], [1, 3, 5]),
        ([0, 3, 0, 0, 3, 3], [3, 3], [1, 4], [1, 5]),
    ],
)
def test_collapse(path: list[int], symbols: list[int], first: list[int], last: list[int]) -> None:
    found = collapse(path)
    assert [part.tolist() for part in found] == [symbols, first, last]
    assert all(part.dtype == np.int64 for part in found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("T", "V"), [(1, 2), (5, 3), (4, 4), (6, 2)])
def test_likelihood_alignment_and_greedy_are_those_of_all_paths(T: int, V: int, seed: int) -> None:
    log_p = scores(T, V, seed)
    each = everything(log_p)
    assert log_sum({s: log_sum(paths) for s, paths in each.items()}) == pytest.approx(0, abs=1e-5)
    best_of_all = max((value, path) for paths in each.values() for path, value in paths.items())
    greedy = ctc_greedy(log_p)
    assert tuple(greedy.symbols) == read(best_of_all[1])
    assert greedy.log_probability == greedy.score == pytest.approx(best_of_all[0])
    assert greedy.steps.tolist() == np.stack(collapse(best_of_all[1])[1:], axis=1).tolist()
    for symbols, paths in each.items():
        assert ctc_log_likelihood(log_p, symbols) == pytest.approx(log_sum(paths), rel=1e-12)
        likeliest = max(paths, key=lambda path: paths[path])
        _, first, last = collapse(likeliest)
        steps = ctc_align(log_p, symbols)
        assert steps.dtype == np.int64
        assert steps.tolist() == np.stack([first, last], axis=1).tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("T", "V"), [(1, 2), (5, 3), (4, 4), (7, 2)])
def test_a_wide_beam_finds_everything(T: int, V: int, seed: int) -> None:
    log_p = scores(T, V, seed)
    each = {symbols: log_sum(paths) for symbols, paths in everything(log_p).items()}
    found = ctc_beam(log_p, 2000, prune=-np.inf, n_best=2000)
    ranked = sorted(each, key=lambda symbols: -each[symbols])
    assert [tuple(one.symbols) for one in found] == ranked
    for one in found:
        assert one.log_probability == one.score == pytest.approx(each[tuple(one.symbols)])
        assert one.steps.tolist() == ctc_align(log_p, one.symbols).tolist()


@pytest.mark.parametrize(("weight", "bonus"), [(0.7, 0.4), (2.0, -0.3), (0.0, 1.5)])
def test_a_wide_beam_with_a_model_finds_the_best_of_everything(weight: float, bonus: float) -> None:
    log_p, model = scores(5, 3, seed=7), Bigram(3)
    expected = {
        symbols: log_sum(paths) + weight * model.whole(symbols) + bonus * len(symbols)
        for symbols, paths in everything(log_p).items()
    }
    found = ctc_beam(log_p, 500, model=model, weight=weight, bonus=bonus, prune=-np.inf, n_best=500)
    assert [tuple(one.symbols) for one in found] == sorted(expected, key=lambda s: -expected[s])
    for one in found:
        assert one.score == pytest.approx(expected[tuple(one.symbols)])
        assert one.log_probability == pytest.approx(ctc_log_likelihood(log_p, one.symbols))


def prefix_search(log_p: np.ndarray, width: int, prune: float, value: Any) -> list[Any]:
    """The search in loops over dictionaries; `value` is what symbols alone are worth."""
    beam = {(): (0.0, -np.inf)}
    for line in log_p.astype(np.float64):
        after: dict[tuple[int, ...], list[float]] = {}

        def add(prefix: tuple[int, ...], ending: int, p: float, into: Any = after) -> None:
            both = into.setdefault(prefix, [-np.inf, -np.inf])
            both[ending] = np.logaddexp(both[ending], p)

        for prefix, (blank, symbol) in beam.items():
            add(prefix, 0, np.logaddexp(blank, symbol) + line[0])
            for v in range(1, len(line)):
                again = prefix[-1:] == (v,)
                if again:
                    add(prefix, 1, symbol + line[v])
                # What is not tried does not grow, not even into what is there already.
                if line[v] >= prune:
                    add(
                        (*prefix, v), 1, (blank if again else np.logaddexp(blank, symbol)) + line[v]
                    )
        ranked = sorted(after, key=lambda s: -(np.logaddexp(*after[s]) + value(s)))
        beam = {prefix: (after[prefix][0], after[prefix][1]) for prefix in ranked[:width]}
    return [(s, float(np.logaddexp(*both))) for s, both in beam.items()]


@pytest.mark.parametrize("with_model", [False, True])
@pytest.mark.parametrize("prune", [-np.inf, -3.0])
@pytest.mark.parametrize("width", [1, 2, 5, 12])
def test_a_narrow_beam_is_that_of_plain_loops(
    width: int, prune: float, with_model: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctc_prefixes, "STATES_OF_ONE", 2)  # states are forgotten often
    log_p, model = scores(40, 6, seed=width, scale=1.5), Bigram(6)

    def value(symbols: tuple[int, ...]) -> float:
        if not with_model:
            return 0.0
        pairs = zip((0, *symbols), symbols, strict=False)
        return float(sum(0.5 * model.log_p[pair] + 0.2 for pair in pairs))

    expected = [
        (symbols, p, p + value(symbols) + 0.5 * with_model * model.log_p[(0, *symbols)[-1], 0])
        for symbols, p in prefix_search(log_p, width, prune, value)
    ]
    expected.sort(key=lambda one: -one[2])
    found = ctc_beam(
        log_p, width, model=model if with_model else None, bonus=0.2 * with_model,
        prune=prune, n_best=width,
    )  # fmt: skip
    assert [tuple(one.symbols) for one in found] == [symbols for symbols, *_ in expected]
    np.testing.assert_allclose([one.log_probability for one in found], [p for _, p, _ in expected])
    np.testing.assert_allclose([one.score for one in found], [score for *_, score in expected])


def test_a_model_is_asked_once_about_a_prefix() -> None:
    log_p, model = scores(30, 5, seed=1), Bigram(5)
    ctc_beam(log_p, 4, model=model)
    assert 0 < model.calls <= 30 * 4 + 1


def test_symbols_that_are_surely_not_there_are_never_read() -> None:
    log_p = scores(6, 4)
    log_p[:, 2] = -np.inf
    found = ctc_beam(log_p, 2000, prune=-np.inf, n_best=2000)
    assert not any((one.symbols == 2).any() for one in found)
    assert len(found) == len({tuple(one.symbols) for one in found})
    assert ctc_log_likelihood(log_p, [1, 2]) == -np.inf
    with pytest.raises(ValueError, match="no path of the 6 steps that has a probability"):
        ctc_align(log_p, [1, 2])
    log_p[3] = -np.inf
    with pytest.raises(ValueError, match="no symbols have a probability above 0"):
        ctc_beam(log_p)


def test_symbols_need_steps_enough() -> None:
    log_p = scores(3, 3)
    assert ctc_log_likelihood(log_p, [1, 1, 2]) == -np.inf
    assert np.isfinite(ctc_log_likelihood(log_p, [1, 2, 1]))
    with pytest.raises(ValueError, match="3 symbols came that need 4 steps or more, but there are"):
        ctc_align(log_p, [1, 1, 2])


@pytest.mark.parametrize("function", [ctc_greedy, ctc_beam])
@pytest.mark.parametrize(
    ("log_p", "says"),
    [
        (np.zeros(3), r"shape \[3\]"),
        (np.zeros((0, 3)), r"shape \[0, 3\]"),
        (np.zeros((3, 1)), r"shape \[3, 1\]"),
        (np.array([[0.0, np.nan]]), "NaN"),
        (np.array([[-1.0, 2.5]]), "holds 2.5, but log-probabilities are at most 0"),
        (np.array([[-1.0, np.inf]]), "holds inf"),
    ],
)
def test_scores_that_do_not_fit_are_refused(function: Any, log_p: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        function(log_p)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"width": 0}, "width needs"),
        ({"n_best": 11}, "n_best needs at most the width of the beam, 10, not 11"),
        ({"weight": -1.0}, "weight needs"),
        ({"bonus": np.inf}, "bonus needs"),
        ({"prune": 0.5}, "prune needs"),
        ({"model": Bigram(4)}, r"log-probabilities of shape \[4\]"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ctc_beam(scores(3, 3), **options)


def test_symbols_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="symbols needs numbers from 1 to 2, not 3"):
        ctc_align(scores(3, 3), [1, 3])
    with pytest.raises(ValueError, match="symbols needs numbers of at least 1, not 0"):
        ctc_log_likelihood(scores(3, 3), [0])
    with pytest.raises(TypeError, match="symbols needs a row of whole numbers"):
        ctc_align(scores(3, 3), [1.5])
    with pytest.raises(TypeError, match="path needs a row of whole numbers"):
        collapse("ab")
