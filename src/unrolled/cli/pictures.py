"""An option `--plot [FILE]` that may stand without its value, and PNG files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150
REPORT = "report.html"
PLOT = "--plot"
# Stands for the value of an option that was given without one: no file has that name.
NOT_NAMED = "/"


class WithPlot(TyperCommand):
    """A command whose `--plot` takes the next word as its file only if that ends in .png."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does, `--plot` by itself being completed."""
        whole: list[str] = []
        for word, following in zip(args, [*args[1:], ""], strict=True):
            whole.append(word)
            if word == PLOT and not following.lower().endswith(".png"):
                whole.append(NOT_NAMED)
        return super().parse_args(ctx, whole)


def picture_path(plot: Path | None, model: Path, name: str) -> Path | None:
    """Where a picture goes: the file that was named, or `name` beside the model.

    Raises:
        typer.BadParameter: It is called as no picture is.
    """
    if plot is None:
        return None
    if plot == Path(NOT_NAMED):
        return picture_folder(model) / name
    if plot.suffix.lower() != ".png":
        raise typer.BadParameter(f"--plot {plot} must end in .png")
    return plot


def picture_folder(model: Path) -> Path:
    """The folder of a model's pictures, beside it."""
    return model.resolve().with_name(f"{model.resolve().name}-plots")


def refuse_same(out: Path, data: Path) -> None:
    """Keep what is read from being replaced.

    Raises:
        typer.BadParameter: The file to write is what is read.
    """
    if out.exists() and data.exists() and os.path.samefile(out, data):
        raise typer.BadParameter(f"--out {out} is DATA itself, which is not replaced")


def report_page(model: Path) -> Path:
    """The page about a model, among its pictures, checked before long work; nothing is made.

    Raises:
        OSError: It cannot be written there.
    """
    from unrolled.runtime.files import check_writable

    page = picture_folder(model) / REPORT
    check_writable(page, make_folders=False)
    return page


@contextmanager
def told(page: Path, *, quiet: bool) -> Iterator[None]:
    """Name a page on standard output once it has been written."""
    yield
    if not quiet:
        typer.echo(f"\nreport  {short(page)}")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a PNG file whole or not at all."""
    from unrolled.runtime.files import write_whole

    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH)
    write_whole(path, content.getvalue())


def short(path: Path) -> Path:
    """The path from the working folder where it lies in it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
