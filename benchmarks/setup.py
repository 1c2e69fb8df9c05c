"""A newcomer's two commands in a fresh clone: seconds of `make demo` and of `make test`.

    python benchmarks/setup.py

Clones the project into a temporary folder with a space in its name; needs git, make and whatever
the README asks for, and the package index for pip.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

from machine import describe

ROOT = Path(__file__).parents[1]


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds and output of a command that must succeed."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return seconds, done.stdout


def main() -> None:
    """Print what each step took."""
    print(describe())
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name) / "fresh clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        seconds, output = timed(["make", "demo"], clone)
        inside = re.search(r"(\d+) seconds in all", output)
        of_demo = inside.group(1) if inside else "?"
        print(f"make demo   {seconds:.0f} s with its set-up, the demo itself {of_demo} s")
        assert (clone / "unrolled-demo" / "report.html").stat().st_size > 100_000
        size = sum(f.stat().st_size for f in (clone / ".venv").rglob("*") if f.is_file())
        print(f".venv       {size / 1e6:.0f} MB")
        seconds, output = timed(["make", "test"], clone)
        closing = re.findall(r"^.*\d+ passed.*$", output, re.MULTILINE)[-1].strip("= ")
        print(f"make test   {seconds:.0f} s with what it installs on top; {closing}")


if __name__ == "__main__":
    main()
