"""Tables of what was measured, beside the bars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layer_bench.bars import OURS, TORCH, aim_of_peak, bar_of_best, bar_of_torch, rivals
from layer_bench.sweep import ratio_to_torch

Row = dict[str, Any]
SIDES = {"train": "training step", "infer": "inference"}


def best_rival(row: Row) -> tuple[str, float] | None:
    """The fastest rival and how many times faster than it this library is; None: none ran."""
    times = {n: row["milliseconds"][n] for n in _rivals(row) if n in row["milliseconds"]}
    if not times:
        return None
    name = min(times, key=times.__getitem__)
    return name, times[name] / row["milliseconds"][OURS]


def _rivals(row: Row) -> tuple[str, ...]:
    return rivals(row["cell"], row["mode"], row["dtype"])


def gflops(row: Row) -> float:
    """GFLOP/s of this library."""
    return row["flops"] / row["milliseconds"][OURS] / 1e6


def judged(ratio: float | None, bar: float | None) -> str:
    """A ratio beside its bar."""
    if ratio is None:
        return "-"
    return f"{ratio:.2f}" if bar is None else f"{ratio:.2f} (bar {bar:.2g}: {verdict(ratio, bar)})"


def verdict(ratio: float, bar: float) -> str:
    """Whether a bar is met."""
    return "met" if ratio >= bar else "MISSED"


def _cells_of(row: Row, peak: float, peers: list[str]) -> Iterator[str]:
    """The columns of one row."""
    where = (row["cell"], row["shape"], row["mode"], row["threads"])
    best = best_rival(row)
    yield f"{row['cell']} {row['shape']}"
    for name in (OURS, *peers):
        milliseconds = row["milliseconds"].get(name)
        yield "-" if milliseconds is None else f"{milliseconds:.3g}"
    yield f"{gflops(row):.1f}"
    part = gflops(row) / peak
    aim = aim_of_peak(row["sizes"][3]) if row["mode"] == "train" else None
    yield f"{100 * part:.0f}" + ("" if aim is None else f" (aim {100 * aim:.0f})")
    yield judged(best and best[1], bar_of_best(*where)) + (f" {best[0]}" if best else "")
    to_torch = ratio_to_torch(row) if TORCH in row["milliseconds"] else None
    yield judged(to_torch, bar_of_torch(*where))


def tables(header: dict[str, Any], rows: list[Row]) -> Iterator[tuple[str, list[list[str]]]]:
    """A title and the lines of cells, the first with the columns' names, for each mode."""
    for mode, side in SIDES.items():
        chosen = [row for row in rows if row["mode"] == mode]
        if not chosen:
            continue
        peers = [n for n in chosen[0]["milliseconds"] if n != OURS]
        for row in chosen[1:]:
            peers += [n for n in row["milliseconds"] if n != OURS and n not in peers]
        columns = ["ms:", OURS, *peers, "GFLOP/s", "% of peak"]
        columns += ["times faster than the best", "than torch.nn"]
        lines = [list(_cells_of(row, header["peak_gflops"], peers)) for row in chosen]
        threads = f"{header['threads']} thread{'s' if header['threads'] > 1 else ''}"
        kind = chosen[0]["dtype"]
        yield f"{side}, {threads}, {kind}", [columns, *lines]


def print_report(runs: list[dict[str, Any]], *, markdown: bool) -> None:
    """Plain tables, or markdown ones for a page."""
    for run in runs:
        header, rows = run["header"], run["rows"]
        print(f"\n{header['machine']}; kernels: {header['kernels']}")
        if header["peers"]:
            print(f"beside {', '.join(header['peers'])}")
        peak = f"{header['peak_gflops']:.0f} GFLOP/s ({header['peak_measured_by']})"
        print(f"peak on {header['threads']} thread(s): {peak}")
        if header["load"] is not None:
            print(f"load average of the machine before: {header['load']:.1f}")
        for title, lines in tables(header, rows):
            print(f"\n{'### ' if markdown else ''}{title}\n")
            widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
            for k, line in enumerate(lines):
                cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
                print(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
                if k == 0 and markdown:
                    print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
        print(f"\n{_summary(rows)}")


def _summary(rows: list[Row]) -> str:
    """How many bars are met, and who was not there."""
    met, asked = 0, 0
    for row in rows:
        where = (row["cell"], row["shape"], row["mode"], row["threads"])
        best, bar = best_rival(row), bar_of_best(*where)
        if best is not None and bar is not None:
            asked, met = asked + 1, met + (best[1] >= bar)
        bar = bar_of_torch(*where)
        if bar is not None and TORCH in row["milliseconds"]:
            asked, met = asked + 1, met + (ratio_to_torch(row) >= bar)
    present = {name for row in rows for name in row["milliseconds"]}
    wanted = {name for row in rows for name in _rivals(row)}
    missing = sorted(wanted - present)
    absent = f"; not there to compare with: {', '.join(missing)}" if missing else ""
    return f"{met} of {asked} bars are met{absent}"
