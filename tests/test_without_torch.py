"""Without PyTorch the parts that need it say so in one sentence; the others work."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == "torch" or name.startswith("torch."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run(program):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKED + program],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "program",
    [
        "from unrolled import SequenceClassifier",
        "from unrolled import load",
        "import unrolled.nn",
        "from unrolled.estimators import FeedForwardRegressor",
        "from unrolled.models import ManyToOne",
    ],
)
def test_what_needs_torch_says_how_to_get_it(program):
    done = run(program)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: PyTorch is not installed")
    assert "pip install 'unrolled[torch]'" in last


def test_data_plots_kernels_and_runtime_work_without_torch():
    done = run(
        "import unrolled.kernels, unrolled.plots, unrolled.runtime.artifact, unrolled.cli\n"
        "from unrolled.data import random_walk, windows, digits\n"
        "from unrolled.runtime.spec import Recurrent, Spec, initial_values\n"
        "spec = Spec(3, 1, 'point', recurrent=Recurrent('gru', 8))\n"
        "print(len(initial_values(spec, 0)), random_walk()[0].shape)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["321", "(10,", "3)"]
