"""Penn Treebank by characters."""

from __future__ import annotations

from text_bench.language import PTB_CHARACTERS, run_job
from text_bench.rows import Options, Row


def run(options: Options) -> list[Row]:
    """One row."""
    return [run_job(PTB_CHARACTERS, options)]
