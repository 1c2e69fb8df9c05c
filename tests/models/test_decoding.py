"""Greedy, sampling and beam search over random automata, beside all that can be written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from unrolled.models.decoding import Decoded, beam, greedy, sample
from unrolled.runtime.sampling import Sampling

END, FIRST = 2, 4


class Automaton:
    """Of each row, a table of its own: a symbol leads from a state to the next, [Q, V].

    A state is (the row's table, its state), and both are checked to be those of the rows asked for.
    """

    def __init__(self, num_rows: int, V: int = 5, Q: int = 6, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.next = rng.integers(0, Q, (num_rows, Q, V))
        scores = rng.normal(scale=1.5, size=(num_rows, Q, V))
        scores -= np.log(np.exp(scores).sum(axis=2, keepdims=True))
        self.log_p = scores.astype(np.float32)
        self.rows_of_steps: list[int] = []

    def start(self, *rows: int) -> tuple[np.ndarray, np.ndarray]:
        table = np.array(rows or range(len(self.next)))
        return table, np.zeros(len(table), np.int64)

    def step(self, tokens: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        table, q = state
        assert tokens.dtype == np.int64
        assert len(tokens) == len(q) > 0
        self.rows_of_steps.append(len(tokens))
        q = self.next[table, q, tokens]
        return self.log_p[table, q], (table, q)

    def take(self, state: Any, rows: np.ndarray) -> Any:
        assert rows.dtype == np.int64
        return tuple(part[rows] for part in state)

    def everything(self, row: int, most: int) -> Iterator[tuple[tuple[int, ...], float, bool]]:
        """All that can be written, walked alone: tokens, log-probability, whether it has ended."""
        left: list[tuple[tuple[int, ...], float, int]] = [((), 0.0, int(self.next[row, 0, FIRST]))]
        while left:
            tokens, log_p, q = left.pop()
            for symbol, step_p in enumerate(self.log_p[row, q].astype(np.float64)):
                if symbol == END:
                    yield tokens, log_p + step_p, True
                elif len(tokens) + 1 == most:
                    yield (*tokens, symbol), log_p + step_p, False
                else:
                    after = int(self.next[row, q, symbol])
                    left.append(((*tokens, symbol), log_p + step_p, after))


def first(n: int) -> np.ndarray:
    return np.full(n, FIRST, np.int64)


def plain(found: Decoded) -> tuple[Any, ...]:
    assert found.tokens.dtype == np.int64
    return tuple(found.tokens.tolist()), found.log_probability, found.score, found.ended


def nested(found: list[list[Decoded]]) -> list[list[tuple[Any, ...]]]:
    return [[plain(one) for one in row] for row in found]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("n_best", [1, 7])
def test_a_wide_beam_finds_the_best_of_everything(length_penalty: float, n_best: int) -> None:
    model = Automaton(6)
    most = np.array([1, 2, 3, 4, 4, 4])
    found = beam(
        model, model.start(), first(6), END, most, 600,
        length_penalty=length_penalty, n_best=n_best,
    )  # fmt: skip
    for row in range(6):
        all_log_p = {
            (tokens, ended): log_p for tokens, log_p, ended in model.everything(row, int(most[row]))
        }
        ranked = sorted(
            (not ended, -log_p / (len(tokens) + ended) ** length_penalty)
            for (tokens, ended), log_p in all_log_p.items()
        )[:n_best]
        rows = [plain(one) for one in found[row]]
        assert len({tokens for tokens, *_ in rows}) == len(rows) == len(ranked)
        np.testing.assert_allclose([(not ended, -score) for _, _, score, ended in rows], ranked)
        for tokens, log_p, _, ended in rows:
            assert log_p == pytest.approx(all_log_p[tokens, ended], rel=1e-12)


def step_by_step(model: Automaton, row: int, most: int, width: int, alpha: float) -> Any:
    """Beam search of one row in loops; nothing is given up, so that all ends are seen."""
    alive, done = [((), 0.0, int(model.next[row, 0, FIRST]))], []
    for step in range(1, most + 1):
        candidates = sorted(
            (
                (-(log_p + np.float64(model.log_p[row, q, v])), rank, v)
                for rank, (_, log_p, q) in enumerate(alive)
                for v in range(model.log_p.shape[2])
            ),
        )[: width - len(done)]
        after = []
        for minus, rank, v in candidates:
            tokens, _, q = alive[rank]
            if v == END or step == most:
                written = tokens if v == END else (*tokens, v)
                done.append((v != END, minus / float(step) ** alpha, written))
            else:
                after.append(((*tokens, v), -minus, int(model.next[row, q, v])))
        alive = after
    return [tokens for _, _, tokens in sorted(done, key=lambda one: one[:2])]


@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_a_narrow_beam_is_that_of_plain_loops(width: int, alpha: float) -> None:
    model = Automaton(40, seed=3)
    most = np.random.default_rng(0).integers(1, 12, 40)
    state = model.start()
    found = beam(
        model, state, first(40), END, most, width, length_penalty=alpha, n_best=width
    )  # fmt: skip
    for row in range(40):
        expected = step_by_step(model, row, int(most[row]), width, alpha)
        assert [tuple(one.tokens) for one in found[row]] == expected
    best = beam(model, model.start(), first(40), END, most, width, length_penalty=alpha)
    assert nested(best) == nested([row[:1] for row in found])


def test_a_row_stops_when_nothing_can_become_better() -> None:
    """The end is nearly sure at the second step: hypotheses that lie far behind go no further."""
    model = Automaton(3)
    model.log_p[:] = np.log([0.4, 0.1, 0.3, 0.1, 0.1])
    model.log_p[:, 1:] = np.log([1e-9, 1e-9, 1 - 4e-9, 1e-9, 1e-9])
    model.next[:] = 1
    model.next[:, 0, FIRST] = 0
    found = beam(model, model.start(), first(3), END, 50, 4, length_penalty=1.0)
    assert model.rows_of_steps == [3, 9]
    assert [one.tokens.tolist() for row in found for one in row] == [[0]] * 3


@pytest.mark.parametrize("least", [1, 3])
def test_the_end_waits_for_as_many_symbols_as_are_asked_for(least: int) -> None:
    model = Automaton(6)
    model.log_p[..., END] += 6
    model.log_p -= np.log(np.exp(model.log_p).sum(axis=2, keepdims=True))
    wide = beam(model, model.start(), first(6), END, 4, 600, n_best=7, least=least)
    for row in range(6):
        ranked = sorted(
            (not ended, -log_p / (len(tokens) + ended))
            for tokens, log_p, ended in model.everything(row, 4)
            if len(tokens) >= least
        )[:7]
        np.testing.assert_allclose([(not one.ended, -one.score) for one in wide[row]], ranked)
    short = greedy(model, model.start(), first(6), END, 4, least=least)
    assert min(len(one.tokens) for one in short) == least
    # The plain one has the end at once.
    assert not any(len(one.tokens) for one in greedy(model, model.start(), first(6), END, 4))


def test_hypotheses_far_behind_are_given_up() -> None:
    model, most = Automaton(40, seed=3), 12

    def rows(margin: float, ahead: float) -> tuple[int, list[float]]:
        model.rows_of_steps.clear()
        found = beam(model, model.start(), first(40), END, most, 5, margin=margin, ahead=ahead)
        return sum(model.rows_of_steps), [row[0].score for row in found]

    whole, best = rows(np.inf, np.inf)
    assert rows(1e9, 1e9) == (whole, best)
    for margin, ahead in ((1.0, np.inf), (np.inf, 1.0)):
        fewer, scores = rows(margin, ahead)
        assert fewer < 0.9 * whole
        assert np.mean(scores) == pytest.approx(np.mean(best), abs=0.1)
    # The likeliest of those that go on alone: a hypothesis a row.
    rows(0.0, np.inf)
    assert max(model.rows_of_steps) == 40


@pytest.mark.parametrize("barred", [(), (0, 3), (END,)])
def test_a_width_of_1_is_greedy(barred: tuple[int, ...]) -> None:
    model = Automaton(50, seed=1)
    most = np.random.default_rng(2).integers(1, 15, 50)
    found = greedy(model, model.start(), first(50), END, most, barred=barred)
    narrow = beam(model, model.start(), first(50), END, most, 1, barred=barred)
    assert nested(narrow) == [[plain(one)] for one in found]
    assert {one.ended for one in found} == ({False} if barred == (END,) else {True, False})
    for row, one in enumerate(found):
        tokens, log_p, q = FIRST, 0.0, 0
        for written in [*one.tokens, *[END] * one.ended]:
            q = model.next[row, q, tokens]
            line = model.log_p[row, q].astype(np.float64)
            line[list(barred)] = -np.inf
            assert written == line.argmax()
            tokens, log_p = written, log_p + line[written]
        assert one.log_probability == log_p
        assert one.ended or len(one.tokens) == most[row]


def test_a_row_alone_is_the_row_among_others() -> None:
    model = Automaton(12, seed=5)
    most = np.arange(1, 13)
    together = beam(model, model.start(), first(12), END, most, 4, n_best=3)
    single = greedy(model, model.start(), first(12), END, most)
    for row in range(12):
        start, one = model.start(row), most[row : row + 1]
        assert nested(beam(model, start, first(1), END, one, 4, n_best=3)) == nested(
            together[row : row + 1]
        )
        assert plain(greedy(model, start, first(1), END, int(most[row]))[0]) == plain(single[row])


def test_rows_that_have_ended_leave() -> None:
    model = Automaton(30, seed=1)
    found = greedy(model, model.start(), first(30), END, 20)
    steps = np.array([len(one.tokens) + one.ended for one in found])
    assert model.rows_of_steps == [int((steps > t).sum()) for t in range(steps.max())]
    assert len(set(model.rows_of_steps)) > 2


def test_of_equal_continuations_the_smaller_symbol_goes_on() -> None:
    model = Automaton(2)
    model.log_p[:] = np.log(0.2)
    assert greedy(model, model.start(), first(2), END, 3)[1].tokens.tolist() == [0, 0, 0]
    found = beam(model, model.start(), first(2), END, 2, 3, n_best=3, barred=(END,))
    assert [one.tokens.tolist() for one in found[1]] == [[0, 0], [0, 1], [0, 3]]


def test_beam_holds_no_symbol_that_cannot_follow() -> None:
    model = Automaton(1)
    model.log_p[:, :, [0, 1]] = -np.inf
    found = beam(model, model.start(), first(1), END, 2, 50, n_best=50)
    assert {tuple(one.tokens) for one in found[0]} == {
        (), (3,), (4,), (3, 3), (3, 4), (4, 3), (4, 4),
    }  # fmt: skip


def test_draws_come_as_often_as_the_model_says() -> None:
    model, num = Automaton(1, seed=2), 4_000
    drawn = sample(
        model, model.start(*[0] * num), first(num), END, 3, Sampling(), np.random.default_rng(0)
    )
    counts: dict[tuple[int, ...], int] = {}
    for one in drawn:
        counts[tuple(one.tokens)] = counts.get(tuple(one.tokens), 0) + 1
    log_p = {tokens: (log_p, ended) for tokens, log_p, ended in model.everything(0, 3)}
    for one in drawn[:50]:
        expected, ended = log_p[tuple(one.tokens)]
        assert (one.ended, one.log_probability) == (ended, pytest.approx(expected))
        assert one.score == one.log_probability / (len(one.tokens) + one.ended)
    for tokens, (p, _) in log_p.items():
        share = np.exp(p)
        deviation = np.sqrt(num * share * (1 - share))
        assert abs(counts.get(tokens, 0) - num * share) < 4.5 * deviation + 1


def test_draws_without_heat_are_greedy_and_obey_the_rule() -> None:
    model = Automaton(20, seed=4)
    rng = np.random.default_rng(0)
    cold = sample(model, model.start(), first(20), END, 9, Sampling(0.0, barred=(1,)), rng)
    likeliest = greedy(model, model.start(), first(20), END, 9, barred=(1,))
    assert [plain(one) for one in cold] == [plain(one) for one in likeliest]
    warm = sample(model, model.start(), first(20), END, 9, Sampling(2.0, barred=(1, 3)), rng)
    assert {int(token) for one in warm for token in one.tokens} == {0, 4}


def test_no_row_gives_nothing() -> None:
    model = Automaton(1)
    none = np.zeros(0, np.int64)
    assert greedy(model, (none, none), none, END, none) == []
    assert beam(model, (none, none), none, END, 4, 2) == []


def test_the_model_may_give_what_must_not_be_written_into() -> None:
    class Frozen(Automaton):
        def step(self, tokens: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
            scores, state = super().step(tokens, state)
            scores.setflags(write=False)
            return scores, state

    a, b = Automaton(3), Frozen(3)
    found = [nested(beam(m, m.start(), first(3), END, 5, 3, n_best=3, barred=(1,))) for m in (a, b)]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"first": [4, 4]}, TypeError, "first needs an array"),
        ({"first": np.full(2, 4, np.int32)}, TypeError, "first needs an array"),
        ({"end": 5}, ValueError, "end needs a symbol from 0 to 4, not 5"),
        ({"barred": (1, -1)}, ValueError, "barred needs a symbol from 0 to 4, not -1"),
        ({"barred": (0, 1, 2, 3, 4)}, ValueError, "no symbol"),
        ({"most": 0}, ValueError, "most needs a whole number of at least 1"),
        ({"most": np.array([3, 0])}, ValueError, "most needs whole numbers of at least 1, not 0"),
        ({"most": np.array([3])}, TypeError, "most needs one whole number or an array"),
        ({"width": 0}, ValueError, "width needs"),
        ({"n_best": 4}, ValueError, "n_best needs at most the width of the beam, 3, not 4"),
        ({"n_best": 0}, ValueError, "n_best needs"),
        ({"length_penalty": -1.0}, ValueError, "length_penalty needs a number from 0 to 10"),
        ({"length_penalty": float("nan")}, ValueError, "length_penalty needs"),
        ({"margin": -0.1}, ValueError, "margin needs a number of at least 0, not -0.1"),
        ({"ahead": 0.9}, ValueError, "ahead needs a number of at least 1, not 0.9"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], kind: Any, says: str) -> None:
    model = Automaton(2)
    given = {"first": first(2), "end": END, "most": 4, "width": 3, **change}
    with pytest.raises(kind, match=says):
        beam(model, model.start(), **given)
    if not change.keys() & {"width", "n_best", "length_penalty", "margin", "ahead"}:
        del given["width"]
        with pytest.raises(kind, match=says):
            greedy(model, model.start(), **given)


def test_a_model_that_gives_nan_or_another_shape_is_refused() -> None:
    model = Automaton(2)
    model.log_p[1, :, 3] = np.nan
    with pytest.raises(ValueError, match="the model gave NaN"):
        greedy(model, model.start(), first(2), END, 4)
    with pytest.raises(ValueError, match="the model gave NaN"):
        beam(model, model.start(), first(2), END, 4, 2)
    with pytest.raises(ValueError, match="the model gave NaN"):
        sample(model, model.start(), first(2), END, 4, Sampling(), np.random.default_rng(0))
    model.log_p = np.zeros((2, 6, 5, 1), np.float32)
    with pytest.raises(ValueError, match=r"a step of 2 rows gave .* shape \[2, 5, 1\]"):
        greedy(model, model.start(), first(2), END, 4)
