"""What a signal model refuses, in one sentence each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aligned_problems import (
    LENGTHS,
    signal,
    signals,
)

X, Y = signals()


WRONG: dict[str, tuple[dict[str, Any], Any, Any, type[Exception], str]] = {
    "no y": ({}, X, None, ValueError, "requires y to be passed"),
    "too few": ({}, X, Y[:-1], ValueError, "inconsistent numbers of samples"),
    "shorter": ({}, X, [*Y[:2], Y[2][1:], *Y[3:]], ValueError, r"X\[2\] has 12 .* y\[2\] 11"),
    "a number a sequence": ({}, X, [1.0] * 10, TypeError, r"y\[0\] is 1.0, not a list"),
    "an array of those": ({}, X, np.ones(10), TypeError, r"y\[0\] is .*1.0.*, not a list"),
    "one number": ({}, X, 3.0, TypeError, "y must be a list"),
    "texts": ({}, X, [["a"] * n for n in LENGTHS], TypeError, r"y\[0\] holds text"),
    "texts as X": ({}, ["ab", "c"], [[1.0, 2.0], [3.0]], TypeError, "X holds texts"),
    "words as X": ({}, [["a", "b"], ["c"]], [[1.0, 2.0], [3.0]], TypeError, "X holds texts"),
    "infinity": ({}, X, [*Y[:2], Y[2] * np.inf, *Y[3:]], ValueError, "infinity in sequence 2"),
    "nothing known": ({}, X, [row * np.nan for row in Y], ValueError, "no number: all"),
    "a column of nothing": (
        {}, X, [np.stack([r, r * np.nan], axis=1) for r in Y], ValueError, "no number in column 1",
    ),
    "several widths": ({}, X, [*Y[:-1], Y[-1][:, None]], ValueError, r"y\[0\] has the shape \[7\]"),
    "empty": ({}, X, [*Y[:-1], []], ValueError, r"y\[9\] is empty"),
    "both ways": (
        {"bidirectional": True, "output_feedback": True}, X, Y, ValueError, "output_feedback needs",
    ),
    "no flag": ({"output_feedback": 1}, X, Y, ValueError, "output_feedback must be True or False"),
    "all weights 0": ({}, X, Y, ValueError, "sample_weight is zero"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(case: str) -> None:
    arguments, inputs, targets, kind, said = WRONG[case]
    model = signal(**arguments)
    weight = np.zeros(10) if case == "all weights 0" else None
    with pytest.raises(kind, match=said):
        model.fit(inputs, targets, weight)
    assert not model.__sklearn_is_fitted__()


def test_new_inputs_that_do_not_fit_are_refused() -> None:
    model = signal().fit(X, Y)
    with pytest.raises(ValueError, match="X has 1 channels, but SignalRegressor was fitted on 2"):
        model.predict([x[:, 0] for x in X])
    with pytest.raises(ValueError, match="y holds no number to score"):
        model.evaluate(X, [row * np.nan for row in Y])
    with pytest.raises(TypeError, match="X holds texts"):
        model.predict(["ab"])
