"""docs/arguments.md says what the estimators' arguments are: every row, nothing else."""

import re
from dataclasses import fields
from pathlib import Path

from unrolled.estimators import ESTIMATORS

PAGE = Path(__file__).parents[1] / "docs" / "arguments.md"
ROW = re.compile(r"^\| `(\w+)` \| `([^`]*)` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def test_the_page_lists_every_argument_with_its_default_and_what_it_accepts():
    wanted = set()
    for kind in ESTIMATORS.values():
        for argument in fields(kind):
            default = argument.default
            shown = f'"{default}"' if isinstance(default, str) else str(default)
            rule = argument.metadata
            wanted.add((argument.name, shown, rule["wanted"], rule["help"]))
    found = [tuple(cell.strip() for cell in row) for row in ROW.findall(PAGE.read_text())]
    assert len(found) > 30
    assert set(found) == wanted
