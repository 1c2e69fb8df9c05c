from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
def test_a_process_killed_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL, several times in each run; weights, losses and predictions are the same bits."""
    moments = np.random.default_rng()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fit_and_die.py")), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def run(name: str, *, resume: bool, saves: int | None, delay: float = 0.0) -> str:
        assert server.stdin is not None
        assert server.stdout is not None
        job = {"case": name, "resume": resume, "saves": saves, "delay": delay}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        return server.stdout.readline().strip()

    def result() -> dict[str, Any]:
        found = json.loads((tmp_path / "result.json").read_text())
        (tmp_path / "result.json").unlink()
        return found

    with server:
        for name in ("sequences", "table"):
            assert run(name, resume=False, saves=None) == "done"
            expected = result()
            duration = expected.pop("seconds")
            killed = 0
            while (
                run(
                    name,
                    resume=killed > 0,
                    saves=int(moments.integers(1, 4)),
                    delay=moments.uniform(0, 0.2 * duration),
                )
                == "killed"
            ):
                killed += 1
                assert killed < 60
                if killed == 4:
                    assert run(name, resume=True, saves=None) == "done"
                    break
            assert killed >= 2
            found = result()
            del found["seconds"]
            assert found == expected, "the last bit counts"
            assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {
                "run.checkpoint"
            }
            (tmp_path / "run.checkpoint").unlink()
        assert server.stdin is not None
        server.stdin.close()
    assert server.returncode == 0
