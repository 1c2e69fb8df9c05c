"""`predict`, `evaluate` and `plot` of a saved captioner."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrolled.cli.captioned import TABLES, CaptionColumns, Captioned
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.estimators import ImageCaptioner

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predict(
    model: ImageCaptioner,
    name: Path,
    files: Sequence[Path],
    out: Path | None,
    probabilities: bool,
) -> None:
    """Write the images of a table, or image files, with their captions as a table.

    Raises:
        typer.BadParameter: The file to write is of no kind that is written.
        TypeError, ValueError, OSError: The model or a file cannot be used.
    """
    import polars as pl

    from unrolled.cli.predict import check_file, content

    if probabilities:
        raise ValueError(
            f"{name} writes captions; --probabilities are those of a classifier, and "
            f"predict_n_best gives those of captions in Python"
        )
    columns = _columns(model, name)
    if out is not None:
        check_file(out, files[0])
    part = _part(files, columns, model)
    written = pl.DataFrame({columns.image: part.paths, columns.caption: model.predict(part.images)})
    if out is None:
        sys.stdout.write(written.write_csv())
        return
    from unrolled.runtime.files import write_whole

    write_whole(out, content(written, out.suffix.lower()))
    typer.echo(f"{out}: {count(len(written), 'caption')}")


def evaluate(
    model: ImageCaptioner, name: Path, data: Path, target: str | None, as_json: bool
) -> None:
    """Print the scores of a table of images and captions.

    Raises:
        TypeError, ValueError, OSError: The model or a file cannot be used.
    """
    columns = _columns(model, name)
    if target is not None:
        columns = CaptionColumns(columns.image, target)
    part = Captioned.read("data", data, columns, size=(model.shape_[0], model.shape_[1]))
    scores = model.evaluate(part.images, part.captions)
    if as_json:
        typer.echo(json.dumps({"images": len(part.paths), "scores": scores}))
        return
    show_facts(
        [("model", f"{name}, {type(model).__name__}"), ("data", f"{data}, {part.described()}")]
    )
    show_scores([("model", scores)])


def figures(model: ImageCaptioner, name: Path, data: Path | None) -> Iterator[tuple[str, Figure]]:
    """The learning curve, and what is written of the images of a table, or of one image.

    Raises:
        TypeError, ValueError, OSError: The model or a file cannot be used.
    """
    from unrolled import plots
    from unrolled.cli.caption_report_page import (
        LOOKED,
        QUANTITY,
        attention_figures,
        captions_figure,
        spread,
    )

    columns = _columns(model, name)
    title = f"Training of {name.resolve().name}"
    yield (
        "learning_curve.png",
        plots.learning_curve(model.history_, title=title, quantity=QUANTITY),
    )
    if data is None:
        return
    part = _part([data], columns, model)
    yield "captions.png", captions_figure(model, part)
    for number, (_, figure) in enumerate(attention_figures(model, spread(part, LOOKED)), start=1):
        yield f"attention-{number}.png", figure


def _part(files: Sequence[Path], columns: CaptionColumns, model: ImageCaptioner) -> Captioned:
    """The images of a table, or of image files, at the size that the model reads."""
    size = (model.shape_[0], model.shape_[1])
    if files[0].suffix.lower() not in TABLES:
        return Captioned.of_files(files, size)
    if len(files) > 1:
        raise ValueError(f"{files[0]} is a table; give it alone, or image files")
    return Captioned.read("data", files[0], columns, size=size, target=False)


def _columns(model: ImageCaptioner, name: Path) -> CaptionColumns:
    """Where images and captions stand.

    Raises:
        ValueError: The model reads no images, or does not say as it should.
    """
    if model.reads != "images":
        raise ValueError(
            f"{name} reads {model.reads}, no images; load it in Python by "
            f"unrolled.load({str(name)!r})"
        )
    return CaptionColumns.from_config(model.table_, str(name))
