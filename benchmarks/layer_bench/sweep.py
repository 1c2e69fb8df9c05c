"""Random shapes: where is this library slower than torch.nn?"""

from __future__ import annotations

from typing import Any

import numpy as np

from layer_bench.bars import OURS, TORCH
from layer_bench.cases import CELLS, MODES, Case, Shape

MOST_SECONDS = 1.0  # of torch.nn's training step, as `_guess` has it


def sweep_cases(count: int, seed: int, dtype: str) -> list[Case]:
    """`count` random shapes, training and inference of each.

    Sizes are uniform on a logarithmic scale: batch 1..256, time 1..500, channels and units 1..700.
    A third of the shapes have unequal lengths, a quarter both directions, every sixth a projection.
    Draws that would take torch.nn longer than about `MOST_SECONDS` are drawn anew.
    """
    rng, cases = np.random.default_rng(seed), []
    for k in range(count):
        cell = CELLS[k % 3] if k % 6 != 5 else "lstm-proj"
        while True:
            batch, steps, inputs, hidden = (
                int(np.exp(rng.uniform(0, np.log(most + 1)))) for most in (256, 500, 700, 700)
            )
            ragged, both = rng.random() < 1 / 3, rng.random() < 1 / 4
            projection = 0
            if cell == "lstm-proj":
                hidden = max(hidden, 2)
                projection = int(rng.integers(1, hidden))
            shape = Shape(batch, steps, inputs, hidden, 1, both, 1 if ragged else 0)
            if _guess(Case(cell, shape, "train", dtype, projection)) <= MOST_SECONDS:
                break
        cases += [Case(cell, shape, mode, dtype, projection) for mode in MODES]
    return cases


def _guess(case: Case) -> float:
    """Seconds that torch.nn may take: 30 GFLOP/s, and 200 microseconds a step and direction."""
    shape = case.shape
    overhead = 2e-4 * shape.steps * shape.directions
    return case.flops(shape.batch * shape.steps) / 30e9 + overhead


def print_sweep(rows: list[dict[str, Any]]) -> None:
    """Every ratio, the lowest first, and how many are below 1."""
    for threads in sorted({row["threads"] for row in rows}):
        ordered = sorted((r for r in rows if r["threads"] == threads), key=ratio_to_torch)
        print(f"\n{threads} thread(s): times faster than torch.nn on random shapes")
        print(f"{'':>6} {'batch':>6}{'time':>6}{'inputs':>7}{'units':>6}  ", end="")
        print(f"{'unrolled ms':>12}{'torch.nn ms':>12}")
        for row in ordered:
            sizes = "".join(f"{n:>{w}}" for n, w in zip(row["sizes"], (6, 6, 7, 6), strict=True))
            ours, torch = (row["milliseconds"][name] for name in (OURS, TORCH))
            what = [row["cell"], row["mode"], "ragged" * row["ragged"]]
            what.append("bidirectional" * row["bidirectional"])
            named = " ".join(word for word in what if word)
            print(f"{ratio_to_torch(row):>6.2f} {sizes}  {ours:>12.4g}{torch:>12.4g}  {named}")
        ratios = [ratio_to_torch(row) for row in ordered]
        below = sum(ratio < 1 for ratio in ratios)
        print(f"{below} of {len(ratios)} are below 1; the median is {np.median(ratios):.2f}")


def ratio_to_torch(row: dict[str, Any]) -> float:
    """Times faster than torch.nn."""
    return row["milliseconds"][TORCH] / row["milliseconds"][OURS]
