"""Problems drawn from a random generator: a random walk and tests of long memory.

`random_state` is a seed, a NumPy generator, or None; the same seed gives the same bits.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from unrolled.data import checks

RandomState: TypeAlias = "int | np.random.RandomState | np.random.Generator | None"


def generator(random_state: RandomState) -> np.random.Generator:
    """A NumPy generator from a seed, a RandomState, a generator (used as it is), or None."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31 - 1))
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    return np.random.default_rng(checks.as_count(random_state, "random_state", 0))


def random_walk(
    num_samples: int = 10, sequence_length: int = 4, random_state: RandomState = None
) -> tuple[np.ndarray, np.ndarray]:
    """The textbook's first example: forecast a random walk two steps ahead.

    With T = `sequence_length`: s_1 ~ uniform(-1, 1) and s_t = s_{t-1} + e_t, e_t ~ normal(0, 0.1).
    The inputs are s_1 .. s_{T-1}; the target is s_T plus one more normal(0, 0.1). The target is
    thus two steps after the last input, and no model's expected squared error is below
    2 x 0.1^2 = 0.02, which repeating the last input reaches.

    Returns:
        X: array [N, T - 1] float64.
        y: array [N] float64.
    """
    N = checks.as_count(num_samples, "num_samples")
    T = checks.as_count(sequence_length, "sequence_length", 2)
    rng = generator(random_state)
    walk = np.empty((N, T + 1))
    walk[:, 0] = rng.uniform(-1.0, 1.0, N)
    walk[:, 1:] = rng.normal(0.0, 0.1, (N, T))
    walk = walk.cumsum(axis=1)
    return walk[:, : T - 1].copy(), walk[:, T].copy()


def adding(
    num_samples: int = 1000,
    sequence_length: int = 100,
    random_state: RandomState = None,
    *,
    variant: str = "le2015",
) -> tuple[np.ndarray | list[np.ndarray], np.ndarray]:
    """The adding problem: sum two marked numbers of a long sequence; many to one.

    Channel 0 holds random numbers, channel 1 marks two of them.

    "le2015": all sequences have T = `sequence_length` steps, numbers ~ uniform(0, 1), marks are 1
    at two different random steps and 0 elsewhere, y is the sum of the two numbers. Always
    answering 1 has a mean squared error of 1/6. Source: Le, Jaitly and Hinton (2015), A simple way
    to initialize recurrent networks of rectified linear units.

    "hochreiter1997": lengths are uniform in T .. T + T/10, numbers ~ uniform(-1, 1). The first and
    the last mark are -1. One of the first ten steps is marked 1, then one of the first T/2 - 1
    steps that is still unmarked; should that be step 0, its number is set to 0.
    y = 0.5 + (sum of the two numbers) / 4. Source: Hochreiter and Schmidhuber (1997), Long
    short-term memory, experiment 4.

    Returns:
        X: array [N, T, 2] float64, or for "hochreiter1997" a list of N arrays [T_i, 2].
        y: array [N] float64.
    """
    N = checks.as_count(num_samples, "num_samples")
    rng = generator(random_state)
    if variant == "le2015":
        return _adding_le(N, checks.as_count(sequence_length, "sequence_length", 2), rng)
    if variant == "hochreiter1997":
        return _adding_hochreiter(N, checks.as_count(sequence_length, "sequence_length", 20), rng)
    raise ValueError(f"variant must be 'le2015' or 'hochreiter1997', got {variant!r}.")


def _adding_le(N: int, T: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    X = np.zeros((N, T, 2))
    X[:, :, 0] = rng.uniform(0.0, 1.0, (N, T))
    first = rng.integers(0, T, N)
    second = _other_than(first, rng.integers(0, T - 1, N))
    rows = np.arange(N)
    X[rows, first, 1] = 1.0
    X[rows, second, 1] = 1.0
    return X, X[rows, first, 0] + X[rows, second, 0]


def _adding_hochreiter(
    N: int, T: int, rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    lengths = rng.integers(T, T + T // 10, N, endpoint=True)
    X = np.zeros((N, T + T // 10, 2))
    X[:, :, 0] = rng.uniform(-1.0, 1.0, X.shape[:2])
    rows = np.arange(N)
    X[:, 0, 1] = -1.0
    X[rows, lengths - 1, 1] = -1.0
    first = rng.integers(0, 10, N)
    half = T // 2 - 1
    # The first mark takes one of the `half` steps away only where it is among them.
    draw = rng.integers(0, half - (first < half))
    second = _other_than(first, draw)
    for marked in (first, second):
        X[rows[marked == 0], 0, 0] = 0.0
        X[rows, marked, 1] = 1.0
    y = 0.5 + (X[rows, first, 0] + X[rows, second, 0]) / 4.0
    return [x[:length] for x, length in zip(X, lengths, strict=True)], y


def _other_than(first: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Numbers 0, 1, .. with `first` left out, by their place in that row."""
    return draw + (draw >= first)


def copying(
    num_samples: int = 1000,
    delay: int = 100,
    random_state: RandomState = None,
    *,
    num_symbols: int = 8,
    num_copied: int = 10,
) -> tuple[np.ndarray, np.ndarray]:
    """The copying problem: repeat the first symbols after a long delay; many to many.

    With S = `num_copied` and T = S + `delay` + S steps: S symbols out of 1 .. `num_symbols`, then
    blanks 0, with the go mark `num_symbols + 1` at the last step before the answer is due. The
    target is blank up to there and then the S symbols. `np.eye(num_symbols + 2)[X]` are the
    inputs as one-hot channels.

    Source: Hochreiter and Schmidhuber (1997), Long short-term memory, for the idea; the form is
    that of Arjovsky, Shah and Bengio (2016), Unitary evolution recurrent neural networks.

    Returns:
        X: array [N, T] int64.
        y: array [N, T] int64.
    """
    N = checks.as_count(num_samples, "num_samples")
    D = checks.as_count(delay, "delay")
    symbols = checks.as_count(num_symbols, "num_symbols", 2)
    S = checks.as_count(num_copied, "num_copied")
    rng = generator(random_state)
    copied = rng.integers(1, symbols, (N, S), endpoint=True)
    X = np.zeros((N, S + D + S), dtype=np.int64)
    y = np.zeros_like(X)
    X[:, :S] = copied
    X[:, S + D - 1] = symbols + 1
    y[:, S + D :] = copied
    return X, y


def temporal_order(
    num_samples: int = 1000,
    sequence_length: int = 100,
    random_state: RandomState = None,
    *,
    num_marks: int = 2,
) -> tuple[list[str], np.ndarray]:
    """The temporal order problem: in which order did rare symbols come; many to one.

    A sequence is a string that begins with E and ends with B; between them are random symbols out
    of a, b, c and d, but for two (or three) steps that hold X or Y. The class is these marks in
    order, as "XY": what the paper calls Q, R, S and U is XX, XY, YX and YY.

    With T = `sequence_length`: lengths are uniform in T .. T + T/10; two marks stand in steps
    0.1 T .. 0.2 T and 0.5 T .. 0.6 T, three in 0.1 T .. 0.2 T, 0.33 T .. 0.43 T and
    0.66 T .. 0.76 T, uniformly.

    Source: Hochreiter and Schmidhuber (1997), Long short-term memory, experiments 6a and 6b.

    Returns:
        X: list of N strings, for a vocabulary of characters.
        y: array [N] of strings, the class.
    """
    N = checks.as_count(num_samples, "num_samples")
    T = checks.as_count(sequence_length, "sequence_length", 10)
    if num_marks not in (2, 3):
        raise ValueError(f"num_marks must be 2 or 3, got {num_marks}.")
    percents = ((10, 20), (50, 60)) if num_marks == 2 else ((10, 20), (33, 43), (66, 76))
    rng = generator(random_state)
    lengths = rng.integers(T, T + T // 10, N, endpoint=True)
    X = np.array(list("abcd"))[rng.integers(0, 4, (N, T + T // 10))]
    rows = np.arange(N)
    X[:, 0] = "E"
    X[rows, lengths - 1] = "B"
    marks = np.array(["X", "Y"])[rng.integers(0, 2, (N, num_marks))]
    for mark, (low, high) in enumerate(percents):
        steps = rng.integers(low * T // 100, high * T // 100, N, endpoint=True)
        X[rows, steps] = marks[:, mark]
    texts = ["".join(x[:length]) for x, length in zip(X, lengths, strict=True)]
    return texts, np.array(["".join(row) for row in marks])
