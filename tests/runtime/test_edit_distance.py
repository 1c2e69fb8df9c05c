from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.runtime.edit_distance import closest, edit_distance

WORDS = st.text("abc", max_size=7)


def by_definition(a: str, b: str) -> int:
    @cache
    def d(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = d(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(same, d(i - 1, j) + 1, d(i, j - 1) + 1)

    return d(len(a), len(b))


@given(WORDS, WORDS)
def test_it_is_that_of_the_recurrence(a: str, b: str) -> None:
    assert edit_distance(a, b) == by_definition(a, b)


def test_known_distances_of_any_symbols() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance(["K", "AE1", "T"], ["K", "T", "S"]) == 2
    assert edit_distance([], [1, 2]) == edit_distance([1, 2], []) == 2
    assert edit_distance([], []) == 0


def test_the_closest_reference_and_of_equals_the_longest() -> None:
    assert closest("abc", ["abcd", "xbc", "zzz"]) == (1, 4)
    assert closest("abc", ["zzz", "abc"]) == (0, 3)
    with pytest.raises(ValueError, match="references holds none"):
        closest("abc", [])
