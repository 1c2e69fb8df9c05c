from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unrolled.estimators.labels import labels_from_config, labels_to_config


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["a", "b c", "é"]),
        np.array(["a", "b"], dtype=object),
        np.array([-3, 0, 2**62]),
        np.array([0, 255], np.uint8),
        np.array([0.5, 1.5], np.float16),
        np.array([False, True]),
        np.array([True]),
    ],
    ids=str,
)
def test_labels_come_back(classes: Any) -> None:
    found = labels_from_config(labels_to_config(classes))
    assert found.dtype.kind == classes.dtype.kind
    assert found.tolist() == classes.tolist()
    if classes.dtype.kind != "U":
        assert found.dtype == classes.dtype


@pytest.mark.parametrize(
    ("labels", "dtype", "said"),
    [
        ([0, 256], "|u1", "do not fit their dtype"),
        ([-1, 1], "|u1", "do not fit their dtype"),
        ([0, 2**70], "<i8", "do not fit their dtype"),
        ([0.1, 0.2], "<f2", "do not fit their dtype"),
        ([0, 1], "|b1", "have the dtype"),
        ([False, True], "<i8", "have the dtype"),
        ([0.5, 1.5], "<i8", "have the dtype"),
        (["a", "b"], "<U1,<U1", "have the dtype"),
        (["a", "b"], "O", "have the dtype"),
        (["a", "b"], None, "have the dtype"),
        ([1, 2], "<M8[s]", "have the dtype"),
        (["b", "a"], "<U1", "sorted"),
        ([1, 1], "<i8", "sorted"),
        ([1, True], "<i8", "all texts, all numbers or all bools to be saved, got bool, int"),
        ([None, None], "|O", "got NoneType"),
        ([], "<i8", "at least one label"),
        (None, "<i8", "at least one label"),
    ],
)
def test_labels_that_cannot_be(labels: Any, dtype: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        labels_from_config({"classes": labels, "dtype": dtype})


def test_a_giant_text_dtype_takes_no_memory() -> None:
    found = labels_from_config({"classes": ["a", "b"], "dtype": "<U2000000000"})
    assert found.nbytes < 100
