"""SST-2: is a sentence of a film review kind?"""

from __future__ import annotations

from text_bench.rows import Options, Row
from text_bench.sentences import SST2, run_problem


def run(options: Options) -> list[Row]:
    """One row."""
    return [run_problem(SST2, options)]
