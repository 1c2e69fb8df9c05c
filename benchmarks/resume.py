"""Kill a fit by SIGKILL at random moments, go on from its checkpoint, compare every bit.

    python benchmarks/resume.py [--rounds 5]

Each round trains once without interruption and once in child processes that are killed after a
random time, until one ends; the weights and the history's losses must then be equal.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import describe

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from unrolled import SequenceClassifier
rng = np.random.default_rng(0)
X = [rng.normal(size=(rng.integers(5, 20), 3)) for _ in range(300)]
y = [int(x[:, 0].sum() > 0) for x in X]
checkpoint, out, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
model = SequenceClassifier(
    hidden_size=24, num_layers=2, dropout=0.2, schedule="cosine", max_epochs=30,
    validation_fraction=0.2, patience=12, checkpoint=checkpoint, checkpoint_seconds=0.0,
    random_state=seed, verbose=False,
)
print("ready", flush=True)
model.fit(X, y, resume_from=checkpoint if checkpoint.exists() else None)
losses = [[r["train_loss"], r["valid_loss"]] for r in model.history_]
np.savez(out, weights=model.weights_, losses=losses)
"""


def run(folder: Path, name: str, seed: int, kill: random.Random | None) -> tuple[Path, int]:
    """Train to the end; with `kill`, in processes that are killed at random moments."""
    out, killed = folder / f"{name}.npz", 0
    command = [sys.executable, "-c", PROGRAM, str(folder / f"{name}.ckpt"), str(out), str(seed)]
    while True:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            child.stdout.readline()
            if kill is not None and killed < 6:
                time.sleep(kill.uniform(0.05, 1.5))
                child.send_signal(signal.SIGKILL)
        if out.exists():
            return out, killed
        if child.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the fit ended with status {child.returncode}")
        killed += 1


def main() -> None:
    """Print, for each round, how often it was killed and whether the bits are equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    print(describe())
    for seed in range(parser.parse_args().rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            whole, _ = run(folder, "whole", seed, None)
            parts, killed = run(folder, "parts", seed, random.Random(seed))
            with np.load(whole) as a, np.load(parts) as b:
                equal = all(np.array_equal(a[key], b[key]) for key in ("weights", "losses"))
                epochs = len(a["losses"])
        print(
            f"round {seed}: {epochs} epochs, killed {killed} times, equal to the last bit: {equal}"
        )
        if not killed:
            raise SystemExit("the fit ended before it was killed: this round shows nothing")
        if not equal:
            raise SystemExit("the bits differ")


if __name__ == "__main__":
    main()
