"""MR: is a sentence of a film review kind? In ten folds."""

from __future__ import annotations

from text_bench.rows import Options, Row
from text_bench.sentences import MR, run_problem


def run(options: Options) -> list[Row]:
    """One row."""
    return [run_problem(MR, options)]
