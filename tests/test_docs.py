"""Every code block of README.md and docs/ runs, in order, as a reader would type it.

A file's ```python blocks share one namespace; of its ```console blocks the lines `$ unrolled ...`
and `$ python ...` are run, other commands (pip, make) are not; both in one new working folder. A
block is left out only by a comment with its reason, on the line above:
`<!-- not run: the reason -->`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NEED_TORCH = ("captions.md", "layers.md", "speech.md", "translation.md")
CLI = "import sys; from unrolled.cli import main; sys.exit(main())"
NOT_RUN = re.compile(r"<!-- not run: .{10,} -->")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of code: its language, its text and the line of its first line of text."""

    language: str
    text: str
    line: int
    runs: bool


def blocks(page: str) -> Iterator[Block]:
    above = ""
    language: str | None = None
    held: list[str] = []
    runs, start = True, 0
    for number, line in enumerate(page.splitlines(), start=1):
        if language is None:
            if line.startswith("```"):
                language, held, start = line[3:].strip(), [], number + 1
                runs = NOT_RUN.fullmatch(above.strip()) is None
            above = line
        elif line.startswith("```"):
            yield Block(language, "\n".join(held), start, runs)
            language, above = None, ""
        else:
            held.append(line)
    if language is not None:
        raise ValueError(f"the block that begins on line {start} is never closed")


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of a console block that are run here, as arguments of this Python."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True) if line.startswith("$ ") else []
        if words[:1] == ["unrolled"]:
            yield [sys.executable, "-W", "error", "-c", CLI, *words[1:]]
        elif words[:1] == ["python"]:
            yield [sys.executable, "-W", "error", *words[1:]]


def run_page(page: str, name: str, folder: Path) -> None:
    """Run a page's blocks; what a block raises, or a command prints as it fails, is the test's."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if not block.runs:
            continue
        if block.language == "python":
            # The empty lines make a traceback name the page's own line.
            code = compile("\n" * (block.line - 1) + block.text, name, "exec", dont_inherit=True)
            exec(code, namespace)
        elif block.language == "console":
            for command in commands(block.text):
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                if done.returncode:
                    raise AssertionError(
                        f"{name}, console block of line {block.line}: {shlex.join(command[3:])} "
                        f"ended with {done.returncode}: {done.stdout}{done.stderr}"
                    )
        elif block.language in {"py", "pycon", "python3", "sh", "shell", "bash"}:
            raise AssertionError(
                f"{name}, line {block.line}: a block is ```python or ```console if it is to be "
                f"run, ```text if not, and this one is ```{block.language}"
            )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of one page, with figures drawn to files and nowhere else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.torch) if p.name in NEED_TORCH else p for p in PAGES],
    ids=[str(path.relative_to(ROOT)) for path in PAGES],
)
def test_page_runs(path: Path, folder: Path) -> None:
    run_page(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)), folder)


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in link and not link.startswith("mailto:"):
            assert (path.parent / link).exists(), f"{path.name} links to {link}, which is not there"


def test_blocks_share_names_and_folder(folder: Path) -> None:
    page = """
```python
from pathlib import Path
x = "3"
```
```python
Path("x").write_text(x)
```
```console
$ make nothing
$ python -c 'from pathlib import Path; Path("y").write_text(Path("x").read_text() * 2)'
```
"""
    run_page(page, "page.md", folder)
    assert (folder / "y").read_text() == "33"


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("```python\nassert 1 == 2, 'unequal'\n```\n", r"unequal"),
        ("```console\n$ python -c 'raise OSError(7)'\n```\n", r"OSError: 7"),
        ("```console\n$ python \\\n  -c 'raise OSError(8)'\n```\n", r"OSError: 8"),
        ("```console\n$ unrolled nonsense\n```\n", r"No such command"),
        ("```console\n$ python -c 'import warnings; warnings.warn(\"old\")'\n```\n", r"old"),
        ("<!-- not run: -->\n```python\nassert 1 == 2, 'unequal'\n```\n", r"unequal"),
        ("<!-- not run: far away -->\n\n```python\nassert 1 == 2, 'unequal'\n```\n", r"unequal"),
        ("```py\nx = 1\n```\n", r"page\.md, line 2: .* this one is ```py"),
    ],
)
def test_fault_in_a_page_is_reported(page: str, fault: str, folder: Path) -> None:
    with pytest.raises(AssertionError, match=fault):
        run_page(page, "page.md", folder)


def test_warning_in_a_page_is_an_error(folder: Path) -> None:
    page = "```python\nimport warnings\nwarnings.warn('old', DeprecationWarning)\n```\n"
    with pytest.raises(DeprecationWarning, match="old"):
        run_page(page, "page.md", folder)


def test_traceback_names_the_line_of_the_page(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_page("# Title\n\n```python\nx = 1\nx / 0\n```\n", "page.md", folder)
    assert (str(caught.traceback[-1].path), caught.traceback[-1].lineno + 1) == ("page.md", 5)


def test_block_with_a_reason_is_left_out(folder: Path) -> None:
    page = "<!-- not run: takes an hour on two cores -->\n```python\nassert 1 == 2\n```\n"
    run_page(page, "page.md", folder)


def test_open_block_is_reported(folder: Path) -> None:
    with pytest.raises(ValueError, match="begins on line 3 is never closed"):
        run_page("text\n```python\nx = 1\n", "page.md", folder)
