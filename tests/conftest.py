"""One thread, no screen, the same examples every time, and data sets that may be absent."""

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

if importlib.util.find_spec("torch") is not None:
    import torch

    torch.set_num_threads(1)

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
