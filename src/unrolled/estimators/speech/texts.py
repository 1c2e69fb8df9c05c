"""Texts as the outputs of a network that has a blank, and whether an utterance is long enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.sequences import Sequences
from unrolled.data.text import encode
from unrolled.runtime.ctc import steps_needed
from unrolled.runtime.transcription import BLANK, TranscriberSpec

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols

# Output k + 1 stands for symbol k of the vocabulary, the first of which is the unknown one.
SHIFT = BLANK + 1
UNKNOWN = SHIFT


def outputs(texts: Any, vocabulary: Symbols, name: str = "y") -> Sequences:
    """The outputs that texts are read as, [K_i] each.

    Raises:
        TypeError: it is no list of texts.
        ValueError: there are none, or one has no symbols.
    """
    numbers = encode(texts, vocabulary, name=name)
    return numbers.with_values(numbers.values + SHIFT)


def text_of(numbers: NDArray[np.int64], vocabulary: Symbols) -> str:
    """The text of outputs [K], none of which is the blank."""
    return vocabulary.decode(numbers - SHIFT)


def check_long_enough(
    spec: TranscriberSpec,
    versions: Sequence[Sequences],
    speeds: Sequence[float],
    targets: Sequences,
    names: Sequence[str],
) -> None:
    """Refuse an utterance that has fewer steps than its text needs: its loss is infinite.

    Args:
        spec: the model.
        versions: frames of N utterances, at each of the speeds.
        speeds: how fast each of them is.
        targets: outputs of N texts.
        names: N, what the utterances are called.

    Raises:
        ValueError: there is one; says which, its steps, what it needs and what would do.
    """
    needs = np.array([steps_needed(targets[i]) for i in range(len(targets))])
    for version, speed in zip(versions, speeds, strict=True):
        steps = spec.steps(version.lengths)
        short = np.flatnonzero(steps < needs)
        if not len(short):
            continue
        i = int(short[0])
        symbols, frames = int(targets.lengths[i]), int(version.lengths[i])
        equal = int(needs[i]) - symbols
        between = f" and {equal} between equal ones" if equal else ""
        played = "" if speed == 1 else f", played at speed {speed:g},"
        others = f" ({len(short) - 1} more are as short)" if len(short) > 1 else ""
        raise ValueError(
            f"{names[i]}{played} has {steps[i]} steps ({frames} frames, {spec.stride} to a step), "
            f"and its text of {symbols} symbols needs {needs[i]}: one each{between}; subsample "
            f"less by strides, take frames of a shorter step, or leave it out{others}"
        )
