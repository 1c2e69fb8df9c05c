"""One thread, no screen, the same examples every time, and data sets that may be absent.

With the variable UNROLLED_TEST=without-torch and the folder `without_torch` on PYTHONPATH, tests
that need no PyTorch run where importing it fails; `make test` does so after the whole suite.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"
# Before SciPy is imported: with it scikit-learn's check of array inputs runs and is not skipped.
os.environ["SCIPY_ARRAY_API"] = "1"

settings.register_profile(
    "bounded", max_examples=50, deadline=None, derandomize=True, database=None
)
# For builds of the kernels that run many times slower: make sanitize.
settings.register_profile("few", parent=settings.get_profile("bounded"), max_examples=15)
settings.load_profile("bounded")

ROOT = Path(__file__).parents[1]
# Its module hides torch from whoever imports it, as the search for doctests would.
collect_ignore = ["without_torch"]
WITHOUT_TORCH = os.environ.get("UNROLLED_TEST") == "without-torch"
# What imports torch as it is imported. Single tests that need it have the marker `torch`.
NEED_TORCH = (
    "src/unrolled/_needs_torch.py",
    "src/unrolled/models/decoder.py",
    "src/unrolled/models/dropout.py",
    "src/unrolled/models/encoder_decoder.py",
    "src/unrolled/models/heads.py",
    "src/unrolled/models/many_to_many.py",
    "src/unrolled/models/many_to_one.py",
    "src/unrolled/models/one_to_many.py",
    "src/unrolled/models/one_to_one.py",
    "src/unrolled/models/reading.py",
    "src/unrolled/models/recurrent.py",
    "src/unrolled/models/sharing.py",
    "src/unrolled/models/transcriber.py",
    "src/unrolled/models/writing.py",
    "src/unrolled/nn",
    "src/unrolled/training/by_torch.py",
    "src/unrolled/training/crf.py",
    "src/unrolled/training/ctc.py",
    "src/unrolled/training/gradients.py",
    "src/unrolled/training/losses.py",
    "src/unrolled/training/optimizers.py",
    "src/unrolled/training/threads.py",
    "tests/kernels/test_equations.py",
    "tests/kernels/test_layout.py",
    "tests/models/plain_decoder.py",
    "tests/models/test_categories.py",
    "tests/models/test_dropout.py",
    "tests/models/test_encoder_decoder.py",
    "tests/models/test_many_to_many.py",
    "tests/models/test_many_to_one.py",
    "tests/models/test_one_to_many.py",
    "tests/models/test_one_to_one.py",
    "tests/models/test_sharing.py",
    "tests/models/test_transcriber.py",
    "tests/models/test_writing.py",
    "tests/nn",
    "tests/runtime/drawn_masks.py",
    "tests/runtime/test_network.py",
    "tests/runtime/test_network_carried.py",
    "tests/runtime/test_network_dropout.py",
    "tests/runtime/test_network_kinds_of_dropout.py",
    "tests/runtime/test_network_training.py",
    "tests/runtime/test_spec.py",
    "tests/runtime/torch_chains.py",
    "tests/training/test_by_torch.py",
    "tests/training/test_crf.py",
    "tests/training/test_ctc.py",
    "tests/training/test_gradients.py",
    "tests/training/test_losses.py",
    "tests/training/test_pairs_by_torch.py",
    "tests/training/test_steps.py",
    "tests/training/test_threads.py",
)
# Where tests are left without torch: a run of the whole suite that finds none in one of them fails.
WITHOUT_TORCH_TOO = (
    "src/unrolled",
    "tests/cli",
    "tests/data",
    "tests/estimators",
    "tests/hostile",
    "tests/kernels",
    "tests/models",
    "tests/plots",
    "tests/runtime",
    "tests/training",
)

if not WITHOUT_TORCH:
    import torch

    torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what needs torch where there is none."""
    config.addinivalue_line("markers", "torch: needs PyTorch; not run where it is not installed")
    if not WITHOUT_TORCH:
        return
    if importlib.util.find_spec("torch") is not None:
        raise pytest.UsageError("UNROLLED_TEST=without-torch, but torch can be imported")
    left_out = [ROOT / path for path in NEED_TORCH]
    config.option.ignore = [*(config.option.ignore or []), *map(str, left_out)]
    # A file that is named on the command line is collected, ignored or not.
    asked = {arg: (config.invocation_params.dir / arg.partition("::")[0]) for arg in config.args}
    config.args[:] = [
        arg
        for arg, path in asked.items()
        if not any(path.resolve().is_relative_to(place) for place in left_out)
    ]
    if not config.args:
        pytest.exit("all that was asked for needs torch", pytest.ExitCode.NO_TESTS_COLLECTED)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without torch, deselect the tests marked as needing it, and see that others are left."""
    if not WITHOUT_TORCH:
        return
    needing = [item for item in items if item.get_closest_marker("torch")]
    items[:] = [item for item in items if not item.get_closest_marker("torch")]
    config.hook.pytest_deselected(items=needing)
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    found = [item.path.relative_to(ROOT).as_posix() for item in items]
    for place in WITHOUT_TORCH_TOO:
        if not any(path.startswith(f"{place}/") for path in found):
            raise pytest.UsageError(f"no test of {place} is left without torch")


IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


@pytest.fixture(scope="session")
def data_folder() -> Callable[[str], Path]:
    """The folder of a data set inside UNROLLED_DATA; the test skips by name where it is absent."""

    def find(name: str) -> Path:
        root = os.environ.get("UNROLLED_DATA")
        if not root or not (Path(root) / name).is_dir():
            pytest.skip(f"data set {name!r} is absent from the folder of UNROLLED_DATA ({root})")
        return Path(root) / name

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing may be skipped: a skip fails there."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is set: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that skips itself."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = (
            f"{collector.nodeid} was skipped, and CI is set: {_reason(report.longrepr)}"
        )
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
