"""Several threads: torch's own where they can be had, and right where they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = {
    "as usual": {},
    "no second thread allowed": {"OMP_THREAD_LIMIT": "1"},
    "as many as OpenMP likes": {"OMP_DYNAMIC": "true"},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_threads(settings: dict[str, str]) -> None:
    program = Path(__file__).with_name("use_threads.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "2", **settings}
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
