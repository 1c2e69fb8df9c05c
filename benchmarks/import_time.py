"""How long `import unrolled` takes, in fresh processes, and that it brings no torch.

python benchmarks/import_time.py [--repeats 11]
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from machine import describe, median_and_spread

PROGRAM = """
import sys, time
started = time.perf_counter()
import unrolled
print(time.perf_counter() - started, "torch" in sys.modules, "numpy" in sys.modules)
"""


def main() -> None:
    """Print seconds and what was brought."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=11)
    print(describe())
    seconds = []
    for _ in range(parser.parse_args().repeats):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
        )
        taken, torch_too, numpy_too = done.stdout.split()
        seconds.append(float(taken))
    middle, least, most = median_and_spread(seconds)
    print(f"import unrolled: median {middle:.4f} s (min {least:.4f}, max {most:.4f})")
    print(f"torch imported: {torch_too}, numpy imported: {numpy_too}")


if __name__ == "__main__":
    main()
