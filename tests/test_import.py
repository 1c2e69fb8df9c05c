"""`import unrolled` is quick, brings nothing heavy, and still shows every public name."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import unrolled

HEAVY = {
    "torch", "numpy", "scipy", "sklearn", "matplotlib", "pandas", "polars", "rich", "typer",
}  # fmt: skip


def imported_by(statement: str) -> set[str]:
    """Top-level modules that a new interpreter holds after the statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


def seconds_to_import(module: str) -> float:
    """Processor seconds of the import itself in a new interpreter, without the latter's start."""
    code = (
        "from time import process_time\n"
        f"start = process_time()\nimport {module}\nprint(process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_package_brings_nothing_heavy() -> None:
    assert imported_by("import unrolled").isdisjoint(HEAVY)


def test_package_is_imported_in_a_fifth_of_a_second() -> None:
    assert min(seconds_to_import("unrolled") for _ in range(3)) < 0.2


TEXTBOOK = """
from unrolled import SequenceRegressor
from unrolled.data import random_walk
X, y = random_walk(num_samples=10, sequence_length=4, random_state=0)
model = SequenceRegressor(cell="rnn", max_epochs=50, random_state=0, verbose=False).fit(X, y)
model.evaluate(X, y), model.score(X, y), model.hidden_states(X), repr(model)
"""


def test_a_small_fit_brings_no_library_that_takes_longer_to_import_than_the_fit() -> None:
    assert {"numpy", "unrolled"} <= imported_by(TEXTBOOK)
    slow = {*HEAVY, "narwhals", "joblib", "pooch"} - {"numpy"}
    assert imported_by(TEXTBOOK) & slow == set()


@pytest.mark.parametrize("name", ["data", "kernels", "plots", "runtime"])
def test_part_brings_no_torch(name: str) -> None:
    assert "torch" not in imported_by(f"import unrolled; unrolled.{name}")


def test_decoding_brings_no_torch() -> None:
    assert imported_by("import unrolled.models.decoding").isdisjoint(HEAVY - {"numpy"})


def test_estimators_bring_neither_torch_nor_scikit_learn() -> None:
    assert imported_by("import unrolled.estimators").isdisjoint(HEAVY - {"numpy"})
    assert imported_by("import unrolled.training.engines").isdisjoint(HEAVY - {"numpy"})


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.torch) if n == "nn" else n for n in unrolled.__all__],
)
def test_public_name_is_there(name: str) -> None:
    assert getattr(unrolled, name) is not None
    assert name in dir(unrolled)


def test_type_checkers_see_every_public_name() -> None:
    tree = ast.parse(Path(unrolled.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in ast.walk(block) if isinstance(node, ast.ImportFrom)
            for alias in node.names}  # fmt: skip
    seen |= {node.target.id for node in block.body
             if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)}  # fmt: skip
    assert seen == set(unrolled.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'unrolled' has no attribute 'Transformer'"):
        unrolled.Transformer  # noqa: B018  (the access itself is tested)
