"""Counts of what follows what, beside the formula written out."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pytest

from unrolled.runtime.ctc import ctc_beam
from unrolled.runtime.ngram import NGram

V = 5
TEXTS = [[1, 2, 1, 2, 3], [2, 1], [], [1, 2, 3, 3]]


def share(symbol: int, context: tuple[int, ...]) -> float:
    """The formula, counting anew in all texts."""
    n = len(context)
    wholes = [(0, *text, 0) for text in TEXTS]
    followed = [
        whole[t]
        for whole in wholes
        for t in range(max(1, n), len(whole))
        if whole[t - n : t] == context
    ]
    lower = share(symbol, context[1:]) if context else 1 / V
    kinds = len(set(followed))
    return (followed.count(symbol) + kinds * lower) / (len(followed) + kinds) if followed else lower


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_shares_are_those_of_the_formula(order: int) -> None:
    model = NGram.fit(TEXTS, V, order)
    for length in range(4):
        for text in product(range(1, V), repeat=length):
            state = model.start()
            for symbol in text:
                state = model.extend(state, symbol)
            context = (0, *text)[max(0, length + 2 - order) :]
            expected = [share(symbol, context) for symbol in range(V)]
            np.testing.assert_allclose(np.exp(model.following(state)), expected, rtol=1e-12)
            assert np.sum(expected) == pytest.approx(1)
            assert model.end(state) == pytest.approx(np.log(expected[0]))


def test_log_probability_is_that_of_each_symbol_and_the_end() -> None:
    model = NGram.fit(TEXTS, V)
    shares = share(2, (0,)), share(3, (0, 2)), share(0, (2, 3))
    assert model.log_probability([2, 3]) == pytest.approx(np.log(shares).sum())
    assert model.log_probability([1, 2, 3]) > model.log_probability([3, 2, 1])


def test_config_gives_the_same_model() -> None:
    model = NGram.fit(TEXTS, V)
    again = NGram.from_config(json.loads(json.dumps(model.to_config())))
    for text in product(range(1, V), repeat=3):
        assert again.log_probability(text) == model.log_probability(text)


def test_it_helps_to_read_scores() -> None:
    log_p = np.log(
        [
            [0.02, 0.5, 0.46, 0.01, 0.01],
            [0.96, 0.01, 0.01, 0.01, 0.01],
            [0.02, 0.46, 0.5, 0.01, 0.01],
        ]
    )
    model = NGram.fit([[2, 1], [2, 1], [3]], V)
    assert ctc_beam(log_p)[0].symbols.tolist() == [1, 2]
    assert ctc_beam(log_p, model=model)[0].symbols.tolist() == [2, 1]


ROW = [[], [1, 0], [2, 1]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"order": 0}, "order needs"),
        ({"order": 21}, "order needs at most 20"),
        ({"num_symbols": 1}, "num_symbols needs"),
        ({"counts": 3}, "need a list"),
        ({"counts": []}, "lack the empty context"),
        ({"counts": [ROW, ROW]}, "comes once"),
        ({"counts": [[[], [1, 1], [2, 1]]]}, "different symbols"),
        ({"counts": [[[], [1], [2, 1]]]}, "as many counts"),
        ({"counts": [[[], [5], [2]]]}, "a symbol needs a number from 0 to 4, not 5"),
        ({"counts": [[[], [1], [0]]]}, "a count needs"),
        ({"counts": [[[], [], []]]}, "followed by nothing"),
        ({"counts": [ROW, [[1, 2], [1], [1]]]}, "too long"),
        ({"order": 3, "counts": [ROW, [[1, 2], [1], [1]]]}, "without the one shorter"),
        ({"more": 1}, "holds 'more'"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(change: dict[str, Any], says: str) -> None:
    config = {"order": 2, "num_symbols": V, "counts": [ROW], **change}
    with pytest.raises(ValueError, match=says):
        NGram.from_config(config)


def test_symbols_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="sequence 1 needs a whole number of at least 1, not 0"):
        NGram.fit([[1], [0]], V)
    with pytest.raises(ValueError, match="a symbol needs a number from 0 to 4, not 7"):
        NGram.fit([[7]], V)
    with pytest.raises(TypeError, match="sequence 0 needs a whole number"):
        NGram.fit([[1.5]], V)
    with pytest.raises(ValueError, match="at least one sequence"):
        NGram.fit([], V)
