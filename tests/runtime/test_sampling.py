"""Draws by scores: temperature, the k largest, the nucleus, what is barred."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.runtime.sampling import Sampling

SHARES = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
SCORES = np.log(SHARES).astype(np.float32) + np.float32(3.0)


def kept(shares: np.ndarray, *symbols: int) -> np.ndarray:
    left = np.zeros_like(shares)
    left[list(symbols)] = shares[list(symbols)]
    return left / left.sum()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, SHARES),
        ({"temperature": 0.5}, SHARES**2 / (SHARES**2).sum()),
        ({"temperature": 2.0}, SHARES**0.5 / (SHARES**0.5).sum()),
        ({"top_k": 2}, kept(SHARES, 1, 3)),
        ({"top_k": 9}, SHARES),
        ({"top_p": 0.39}, kept(SHARES, 1)),
        ({"top_p": 0.41}, kept(SHARES, 1, 3)),
        ({"top_p": 0.85}, kept(SHARES, 1, 3, 4)),
        ({"top_p": 1.0}, SHARES),
        ({"top_k": 3, "top_p": 0.5}, kept(SHARES, 1, 3)),
        ({"temperature": 0.0}, kept(SHARES, 1)),
        ({"temperature": 1e-320}, kept(SHARES, 1)),
        ({"temperature": 0.0, "barred": (1,)}, kept(SHARES, 3)),
        ({"barred": (1, 0)}, kept(SHARES, 2, 3, 4)),
        ({"barred": (1,), "top_k": 1}, kept(SHARES, 3)),
    ],
)
def test_shares(rule: dict[str, Any], expected: np.ndarray) -> None:
    found = Sampling(**rule).shares(SCORES)
    np.testing.assert_allclose(found, expected, atol=2e-7)
    assert (found[expected == 0.0] == 0.0).all()


@pytest.mark.parametrize("rule", [{}, {"top_k": 2}, {"temperature": 0.7, "barred": (1,)}])
def test_draws_come_as_often_as_their_shares(rule: dict[str, Any]) -> None:
    sampling, rng = Sampling(**rule), np.random.default_rng(0)
    drawn = [sampling.draw(SCORES, u) for u in rng.random(20_000)]
    counts = np.bincount(drawn, minlength=5) / len(drawn)
    expected = sampling.shares(SCORES)
    np.testing.assert_allclose(counts, expected, atol=0.012)
    assert (counts[expected == 0.0] == 0.0).all()


def test_the_ends_of_the_uniform_numbers() -> None:
    scores = np.array([-1e30, 0.0, 1.0, -1e30], np.float32)
    sampling = Sampling()
    assert sampling.draw(scores, 0.0) == 1
    assert sampling.draw(scores, np.nextafter(1.0, 0.0)) == 2
    assert Sampling(temperature=0.0).draw(scores, 0.3) == 2


def test_equal_scores_are_kept_in_their_order() -> None:
    np.testing.assert_array_equal(
        Sampling(top_k=2).shares(np.zeros(4, np.float32)), [0.5, 0.5, 0.0, 0.0]
    )


def test_scores_stay_as_they_were() -> None:
    scores = SCORES.copy()
    Sampling(temperature=0.3, top_k=2, barred=(0,)).shares(scores)
    np.testing.assert_array_equal(scores, SCORES)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"temperature": 10**400},
            "temperature must be a number of at least 0, got a whole number",
        ),
        ({"temperature": -0.1}, "temperature must be a number of at least 0, got -0.1"),
        ({"temperature": np.nan}, "temperature"),
        ({"temperature": np.inf}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": 0}, "top_k must be a whole number of at least 1"),
        ({"top_k": 1.5}, "top_k"),
        ({"top_k": True}, "top_k"),
        ({"top_p": 0.0}, "top_p must be a number above 0"),
        ({"top_p": 1.1}, "top_p"),
    ],
)
def test_rules_that_cannot_be_followed(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Sampling(**rule)


def test_nothing_is_left_to_draw() -> None:
    with pytest.raises(ValueError, match="all symbols are barred"):
        Sampling(barred=(0, 1, 2, 3, 4)).draw(SCORES, 0.5)
