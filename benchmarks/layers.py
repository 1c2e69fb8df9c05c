"""Recurrent layers beside torch.nn, JAX, Keras on JAX, ONNX Runtime and OpenVINO.

    python benchmarks/layers.py [--quick] [--json layers.json] [--figure layers.png]
    python benchmarks/layers.py --sweep

Times a training step (forward, and backward to the weights and the input) and inference. All
libraries take turns in one process for each number of threads, after their results were compared;
the median of at least 15 samples counts. `pip install 'unrolled[torch,bench]'` brings the peers;
those that are not installed are left out. `--sweep` compares with torch.nn on random shapes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from layer_bench.cases import CELLS, MODES, QUICK, SHAPES

SWEEP_SHAPES = 60


def options_of(arguments: list[str]) -> argparse.Namespace:
    """The command line, read and completed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    add("--shapes", nargs="+", choices=SHAPES, help="default: all; lstm-proj: medium")
    add("--mode", nargs="+", choices=MODES, default=list(MODES))
    add("--threads", nargs="+", type=int, default=[2, 1])
    add("--peers", nargs="+", metavar="NAME", help="default: all that are installed")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--samples", type=int, help="at least as many of each (default: 15, or 5 with --quick)")
    add("--quick", action="store_true", help="few samples; tiny and small only, unless --shapes")
    add("--sweep", nargs="?", type=int, const=SWEEP_SHAPES, help="random shapes (default: 60)")
    add("--seed", type=int, default=0, help="of the sweep's shapes")
    add("--progress", action="store_true", help="tell each case as it is done")
    add("--markdown", action="store_true", help="print tables for a page")
    add("--json", type=Path, metavar="FILE", help="write what was measured")
    add("--from-json", type=Path, metavar="FILE", help="measure nothing, show what FILE holds")
    add("--figure", type=Path, metavar="FILE", help="draw the ratios")
    add("--worker", nargs=2, metavar=("THREADS", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)

    from layer_bench.contenders import NEEDS, OURS, TORCH, installed

    for name in options.peers or ():
        if name not in NEEDS or name == OURS:
            parser.error(f"--peers: {name} is none of {', '.join(n for n in NEEDS if n != OURS)}")
        if not installed(name):
            parser.error(f"--peers: {name} needs the packages {' and '.join(NEEDS[name])}")
    if options.sweep:
        options.peers = [TORCH]
    elif options.peers is None:
        options.peers = [name for name in NEEDS if name != OURS and installed(name)]
    # One projected case is asked for; others only by name.
    options.projected_shapes = options.shapes or (QUICK if options.quick else ("medium",))
    options.shapes = options.shapes or list(QUICK if options.quick else SHAPES)
    options.samples = options.samples or (5 if options.quick else 15)
    return options


def measured(options: argparse.Namespace, arguments: list[str]) -> list[dict[str, Any]]:
    """A "header" and "rows" for each number of threads, each measured in a process of its own."""
    from layer_bench.worker import settings

    runs = []
    for threads in options.threads:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.jsonl"
            command = [sys.executable, __file__, *arguments, "--worker", str(threads), str(file)]
            done = subprocess.run(command, env=os.environ | settings(threads), check=False)
            if done.returncode:
                raise SystemExit(done.returncode)
            *rows, header = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        runs.append({"header": header, "rows": rows})
    return runs


def main() -> None:
    """Measure, or show what was measured before."""
    arguments = sys.argv[1:]
    options = options_of(arguments)
    if options.worker:
        from layer_bench.worker import work

        work(options, int(options.worker[0]), Path(options.worker[1]))
        return
    if options.from_json:
        runs = json.loads(options.from_json.read_text(encoding="utf-8"))
    else:
        runs = measured(options, arguments)
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1), encoding="utf-8")
    if all(row["shape"] for run in runs for row in run["rows"]):
        from layer_bench.report import print_report

        print_report(runs, markdown=options.markdown)
    else:
        from layer_bench.sweep import print_sweep

        print_sweep([row for run in runs for row in run["rows"]])
    if options.figure:
        from layer_bench.figure import draw

        draw(runs).savefig(options.figure)


if __name__ == "__main__":
    main()
