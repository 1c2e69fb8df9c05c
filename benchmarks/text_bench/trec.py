"""TREC: what does a question ask for?"""

from __future__ import annotations

from text_bench.rows import Options, Row
from text_bench.sentences import TREC, run_problem


def run(options: Options) -> list[Row]:
    """One row."""
    return [run_problem(TREC, options)]
