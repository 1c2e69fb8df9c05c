from __future__ import annotations

import subprocess
import sys

import pytest

from unrolled.plots.measure import text_size, wrap
from unrolled.plots.style import line_style, number, spread


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.02, "0.02"),
        (0.023456, "0.02346"),
        (1.0, "1"),
        (-12.3456, "-12.35"),
        (123456.7, "123457"),
        (100.0, "100"),
        (2e-7, "2e-07"),
        (3.14159e9, "3.14e+09"),
    ],
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_spread_keeps_order_distance_and_bounds() -> None:
    assert spread([0.1, 0.5, 0.9], 0.2, 0.0, 1.0) == [0.1, 0.5, 0.9]
    assert spread([0.5, 0.5], 0.2, 0.0, 1.0) == pytest.approx([0.4, 0.6])
    assert spread([0.98, 0.2, 0.97], 0.2, 0.1, 0.9) == pytest.approx([0.9, 0.2, 0.7])
    moved = spread([0.31, 0.3, 0.32, 0.05], 0.15, 0.0, 1.0)
    assert sorted(moved) == pytest.approx([moved[3], moved[1], moved[0], moved[2]])
    assert min(b - a for a, b in zip(sorted(moved), sorted(moved)[1:], strict=False)) > 0.1499


def test_lines_are_told_apart() -> None:
    assert len({line_style(index) for index in range(18)}) == 18


def test_wrap_keeps_every_word_and_the_width() -> None:
    text = "the longest words of a line that must be broken, and $ signs $ too"
    lines = wrap(text, 1.5, 10).split("\n")
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert all(text_size(line.replace("$", r"\$"), 10)[0] <= 1.5 for line in lines)
    assert wrap("unbreakable" * 9, 1.0, 10) == "unbreakable" * 9


def test_plots_leave_pyplot_and_the_rest_of_the_package_alone() -> None:
    program = (
        "import sys, matplotlib; before = dict(matplotlib.rcParams);"
        "from unrolled import plots;"
        "plots.learning_curve([{'epoch': 1, 'train_loss': 1.0}]);"
        "assert before == dict(matplotlib.rcParams);"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('torch', 'sklearn')"
        " or m == 'matplotlib.pyplot' or m.startswith('unrolled.')"
        " and not m.startswith('unrolled.plots')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
