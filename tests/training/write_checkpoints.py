"""Writes one checkpoint after another until it is killed. Usage: write_checkpoints.py FILE"""

from __future__ import annotations

import itertools
import sys

import numpy as np

from unrolled.training.checkpoint import save_checkpoint


def main(path: str) -> None:
    for step in itertools.count(1):
        rng = np.random.default_rng(step)
        arrays = {"weights": rng.normal(size=20_000), "random": rng.integers(0, 256, 5_000, "u1")}
        save_checkpoint(path, {"step": step, "history": [{"epoch": i} for i in range(50)]}, arrays)
        print(step, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
