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
    """Several times in each run; weights, losses and predictions are the same bits."""
    moments = np.random.default_rng()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("fit_and_die.py")), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def run(name: str, *, checkpoints: bool = True, dies_after: float | None = None) -> str:
        assert server.stdin is not None
        assert server.stdout is not None
        resume = checkpoints and (tmp_path / "run.checkpoint").exists()
        job = {"case": name, "checkpoints": checkpoints, "resume": resume, "dies_after": dies_after}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        return server.stdout.readline().strip()

    def result() -> dict[str, Any]:
        found = json.loads((tmp_path / "result.json").read_text())
        (tmp_path / "result.json").unlink()
        return found

    with server:
        for name in ("sequences", "table"):
            assert run(name, checkpoints=False) == "done"
            expected = result()
            duration = expected.pop("seconds")
            killed = 0
            while killed < 4:
                # The first two cannot reach the end: two fifths of what the whole fit takes.
                dies_after = moments.uniform(0.02, 0.2 if killed < 2 else 0.4) * duration
                if run(name, dies_after=dies_after) == "done":
                    break
                killed += 1
            else:
                assert run(name) == "done"
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
