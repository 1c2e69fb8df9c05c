"""Without PyTorch the parts that need it say so in one sentence; the others work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKED = Path(__file__).with_name("without_torch")


def run(program):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={
            **os.environ,
            "PYTHONPATH": f"{BLOCKED}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "program",
    [
        "import unrolled.nn",
        "from unrolled.models import ManyToOne",
    ],
)
def test_what_needs_torch_says_how_to_get_it(program):
    done = run(program)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: PyTorch is not installed")
    assert "pip install 'unrolled[torch]'" in last


ESTIMATORS = """
import numpy as np
import unrolled
from unrolled import FeedForwardClassifier, SequenceRegressor, SequenceTagger, SignalRegressor
from unrolled import load, plots
X = [np.random.default_rng(i).normal(size=(3 + i % 4, 2)) for i in range(20)]
y = np.array([x.sum() for x in X])
model = SequenceRegressor(hidden_size=4, dropout=0.1, max_epochs=2, validation_fraction=0.2,
                          checkpoint="run", random_state=0).fit(X, y)
model.partial_fit(X, y).save("model")
again = load("model")
assert (again.predict(X) == model.predict(X)).all()
assert again.evaluate(X, y) == model.evaluate(X, y)
assert again.engine_ == "kernels" and "kernels" in again.explain()
plots.hidden_states(again.hidden_states(X)[0])
plots.unrolled_diagram(again.spec_.to_config())
plots.learning_curve(again.history_)
steps = SignalRegressor(hidden_size=4, max_epochs=2, output_feedback=True).fit(X, X)
assert [len(numbers) for numbers in steps.predict(X)] == [len(x) for x in X]
tagger = SequenceTagger(hidden_size=4, max_epochs=2, crf=True).fit([["a", "b"]], [["x", "y"]])
tagger.save("tagger")
assert load("tagger").predict([["b"]]) == tagger.predict([["b"]])
table = FeedForwardClassifier(max_epochs=2).fit(np.eye(4), list("abab"))
print(table.predict_proba(np.eye(4)).shape, table.score(np.eye(4), list("abab")) >= 0.0)
"""


def test_estimators_train_predict_save_and_plot_without_torch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(ESTIMATORS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["(4,", "2)", "True"]


def test_torch_is_asked_for_in_one_sentence_by_what_needs_it():
    done = run(
        "from unrolled import SequenceRegressor\n"
        "from unrolled.data import random_walk\n"
        "SequenceRegressor(engine='torch').fit(*random_walk())"
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ValueError: engine='torch' needs PyTorch, which is not installed")
    assert last.endswith("pip install 'unrolled[torch]'")


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


def test_only_what_imports_torch_is_left_out_of_the_run_without_it(request):
    conftest = next(
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if getattr(plugin, "__file__", None) == str(ROOT / "tests" / "conftest.py")
    )
    torch = r"^\s*(import|from) (torch|torch_chains|unrolled\.(nn|models))\b|_needs_torch"
    asks = re.compile(torch, re.MULTILINE)
    helpers = ROOT / "tests" / "runtime"
    for name in ("torch_chains", "chain_problems"):
        imports_torch = asks.search((helpers / f"{name}.py").read_text(encoding="utf-8"))
        assert bool(imports_torch) == bool(asks.search(f"from {name} import make")), name
    for place in conftest.NEED_TORCH:
        path = ROOT / place
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        assert files, place
        texts = [file.read_text(encoding="utf-8") for file in files]
        assert any(asks.search(text) for text in texts), f"{place} imports no torch"
    for place in conftest.WITHOUT_TORCH_TOO:
        assert (ROOT / place).is_dir()
