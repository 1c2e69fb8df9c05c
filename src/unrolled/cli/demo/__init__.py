"""The main job: recurrent networks learn from embedded data, with pictures, in a minute or so."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.table import Table as ScreenTable

from unrolled.cli.report import Table


def run(out: Path = Path("unrolled-demo"), quick: bool = False) -> Path:
    """Train on random walks, real series, digits and texts; print tables, write a report.

    Args:
        out: folder of the report; made where it is missing.
        quick: ten walks only and few epochs elsewhere, to see that everything works.

    Returns:
        The path of the report.

    Raises:
        ModuleNotFoundError: an extra is not installed; says which and how to install it.
        OSError: the folder cannot be written.
    """
    from unrolled.cli.demo.images import read_digits
    from unrolled.cli.demo.page import digits_table, series_table, walks_table, write_page
    from unrolled.cli.demo.series import forecast_prices, forecast_temperatures
    from unrolled.cli.demo.text_page import texts_table
    from unrolled.cli.demo.texts import learn_highlighting, learn_reference
    from unrolled.cli.demo.walks import SIZES, learn_walks
    from unrolled.cli.demo.with_torch import learn_with_torch

    started = time.perf_counter()
    console = Console()
    out.mkdir(parents=True, exist_ok=True)
    walks = []
    for size in SIZES[:1] if quick else SIZES:
        with console.status(f"Learning {size:,} random walks"):
            walks.append(learn_walks(size))
    shapes = ", ".join(f"{name} {list(shape)}" for name, shape in walks[0].shapes.items())
    console.print("[bold]Random walks[/bold]: 64 tanh units read 3 values and forecast one")
    console.print(
        f"shapes at {walks[0].num_samples} samples: {shapes}", highlight=False, soft_wrap=True
    )
    console.print(
        f"engine of every {walks[0].model.explain().splitlines()[0]}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    show(console, walks_table(walks))
    series = []
    for title, forecast in (
        ("share prices", forecast_prices),
        ("temperatures", forecast_temperatures),
    ):
        with console.status(f"Forecasting {title}"):
            series.append(forecast(quick))
    show(console, series_table(series))
    with console.status("Reading handwritten digits"):
        digits = read_digits(quick)
    show(console, digits_table(digits))
    with console.status("Learning Python's reference character by character"):
        reference = learn_reference(quick)
    with console.status("Learning to highlight Python"):
        highlighter = learn_highlighting(quick)
    show(console, texts_table(reference, highlighter))
    more = learn_with_torch(console, show, quick)
    path = out / "report.html"
    with console.status("Drawing the report"):
        write_page(path, walks, series, digits, reference, highlighter, more)
    console.print(f"{time.perf_counter() - started:.0f} seconds in all. Open the report:")
    console.print(f"  {path}", highlight=False, soft_wrap=True)
    return path


def show(console: Console, table: Table) -> None:
    """Print a table of the report on the screen."""
    drawn = ScreenTable(title=table.caption, title_justify="left", title_style="bold")
    numbers = [all(isinstance(row[i], int | float) for row in table.rows) for i in _columns(table)]
    for name, is_number in zip(table.header, numbers, strict=True):
        drawn.add_column(name, justify="right" if is_number else "left")
    for row in table.rows:
        drawn.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row))
    console.print(drawn)


def _columns(table: Table) -> range:
    return range(len(table.header))
