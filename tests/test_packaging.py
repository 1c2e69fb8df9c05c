"""What an installed `unrolled` offers: version, types, command, licence."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path

import pytest

import unrolled

ROOT = Path(__file__).parents[1]


def stated(key: str) -> str:
    """A string of pyproject.toml's [project] table (Python 3.10 has no TOML reader)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf'^{key} = "(.+)"$', text, flags=re.MULTILINE)
    assert found is not None, f"pyproject.toml states no {key}"
    return found[1]


def test_version_is_stated_once() -> None:
    assert unrolled.__version__ == stated("version") == metadata.version("unrolled")
    assert stated("version") not in (ROOT / "src/unrolled/__init__.py").read_text(encoding="utf-8")


def test_package_is_typed() -> None:
    assert resources.files("unrolled").joinpath("py.typed").is_file()


def test_command_is_there() -> None:
    (script,) = metadata.distribution("unrolled").entry_points.select(group="console_scripts")
    assert script.name == "unrolled"
    assert callable(script.load())


def test_licence_and_python_are_told() -> None:
    told = metadata.metadata("unrolled")
    assert told["License-Expression"] == stated("license") == "Apache-2.0"
    assert told["Requires-Python"] == stated("requires-python") == ">=3.10"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_torch_is_an_extra() -> None:
    needs = metadata.requires("unrolled") or []
    assert [need for need in needs if need.startswith("torch")] == ['torch>=2.6; extra == "torch"']


@pytest.mark.parametrize("need", metadata.requires("unrolled") or [])
def test_needs_are_ranges_and_pinned_where_tested(need: str) -> None:
    name, bound = re.match(r"([\w-]+)(.*?)(?:;|$)", need).groups()
    assert bound.startswith(">=")
    if 'extra == "bench"' not in need:
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
        assert re.search(rf"^{name.replace('_', '-')}==", pins, flags=re.MULTILINE)
