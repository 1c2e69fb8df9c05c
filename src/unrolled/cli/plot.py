"""`unrolled plot`: pictures of a saved model, and of what it does with data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.helptext import examples, paragraphs
from unrolled.cli.pictures import picture_folder, refuse_same, short, write_picture

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from unrolled.cli.rows import Rows
    from unrolled.cli.saved import SavedModel

HELP = paragraphs("""
Draw a saved model and what it does with data, as PNG files.

learning_curve.png and network.png need the model alone. With DATA come states.png, the hidden
states over the steps of one row (of a recurrent model), and where the target column is there
confusion.png (labels) or predicted_against_true.png (numbers).

Of a forecaster also forecast.png: what follows the series that it remembers, or with DATA the last
horizon of one of its series beside what came, and residuals.png.

Of a language model with a text as DATA also surprise.png, the text coloured by what was not
foreseen; of a tagger with labelled sentences labels.png, the scores of each label, and
confusion.png. Of a translator learning_curve.png and, with sources as DATA, attention-1.png and so
on: where it looked while it wrote of the first ones. Of a captioner with a table of images, or
one image, as DATA captions.png, images with what it writes, and attention-1.png and so on. Of a
speech recognizer learning_curve.png and, with a manifest or a sound file as DATA, heard-1.png and
so on: what it heard when.
""")
EXAMPLES = (
    "unrolled plot model",
    "unrolled plot model test.csv --row 3 --out pictures",
)
EPILOG = examples(*EXAMPLES)
# Pictures of texts grow with their words, so that each word can be read.
INCHES_A_WORD, WIDTHS, TEXT_HEIGHT = 0.2, (7.0, 20.0), 6.0

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="folder of a trained model")]
Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DATA]",
        help="a .csv, .tsv or .parquet file; sentences with labels for a tagger, a text for a "
        "language model, sources for a translator, images for a captioner",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="folder for the pictures, MODEL-plots without it; pictures of the same name are "
        "replaced",
    ),
]
Row = Annotated[
    int, typer.Option(min=0, help="the row (or the id or series, counted from 0) that is drawn")
]


def plot(model: Model, data: Data = None, out: Out = None, row: Row = 0) -> None:
    """Read a model and rows, draw pictures, and print their paths."""
    folder = out or picture_folder(model)
    from unrolled.cli.text_models import figures as figures_of_texts
    from unrolled.cli.text_models import text_model

    of_texts = text_model(model)
    if of_texts is not None:
        if row:
            raise typer.BadParameter("--row has no effect with a model of texts")
        _write(figures_of_texts(of_texts, model, data), folder, data)
        return
    if row and data is None:
        raise typer.BadParameter("--row needs DATA, whose row it is")
    from unrolled.data.table_files import read

    table = None if data is None else read(data)
    from unrolled.cli.saved import SavedModel
    from unrolled.estimators import Forecaster, load

    figures: Iterator[tuple[str, Figure]]
    loaded = load(model)
    if isinstance(loaded, Forecaster):
        figures = _of_forecaster(loaded, model, table, str(data), row)
    elif data is None or table is None:
        figures = _of_model(loaded, model, None)
    else:
        saved = SavedModel.read(model)
        rows = saved.rows(table, str(data), target=saved.layout.target in table.columns)
        if row >= len(rows):
            raise ValueError(f"--row {row} is not there, {data} has {len(rows)}, counted from 0")
        least, most = saved.steps or (0, 1)
        figures = chain(
            _of_model(saved.model, model, most if least == most else None),
            _of_rows(saved, rows, data, row),
        )
    _write(figures, folder, data)


def _write(figures: Iterator[tuple[str, Figure]], folder: Path, data: Path | None) -> None:
    for name, figure in figures:
        if data is not None:
            refuse_same(folder / name, data)
        write_picture(figure, folder / name)
        typer.echo(short(folder / name))


def _of_forecaster(
    model: Any, path: Path, table: pl.DataFrame | None, name: str, row: int
) -> Iterator[tuple[str, Figure]]:
    """Pictures of a forecaster, with what a table of series shows."""
    yield from _of_model(model, path, None)
    from unrolled.cli.plot_forecaster import of_data, of_memory
    from unrolled.cli.saved_forecaster import SavedForecaster

    if model.time_column is None and table is None:
        return
    saved = SavedForecaster.read(path)
    yield from of_memory(saved) if table is None else of_data(saved, table, name, row)


def _of_model(model: Any, path: Path, length: int | None) -> Iterator[tuple[str, Figure]]:
    """Pictures of an estimator by file name; `length` is that of all sequences, or None."""
    from unrolled import plots

    quantity = "loss (cross-entropy in nats)"
    if hasattr(model, "horizon"):
        quantity = f"loss ({model.loss}, of scaled values)"
    elif not hasattr(model, "classes_"):
        scaled = ", targets scaled to standard deviation 1" if model.standardize else ""
        quantity = f"loss ({model.loss} error{scaled})"
    title = f"Training of {path.resolve().name}"
    curve = plots.learning_curve(model.history_, title=title, quantity=quantity)
    yield "learning_curve.png", curve
    yield "network.png", plots.unrolled_diagram(model.spec_.to_config(), length=length)


def _of_rows(saved: SavedModel, rows: Rows, data: Path, row: int) -> Iterator[tuple[str, Figure]]:
    """Pictures of what a model does with rows of a file."""
    from unrolled import plots
    from unrolled.cli.screen import count

    model = saved.model
    if model.spec_.recurrent is not None:
        yield "states.png", _states(saved, rows, data, row)
    if rows.y is None:
        return
    predicted = model.predict(rows.X)
    title = f"{saved.layout.target} of {count(len(rows), 'row')} of {data.name}"
    if saved.is_classifier:
        from sklearn.metrics import confusion_matrix

        matrix = confusion_matrix(rows.y, predicted, labels=model.classes_)
        yield "confusion.png", plots.confusion_matrix(matrix, list(model.classes_), title=title)
    else:
        figure = plots.predicted_against_true(
            rows.y, predicted, quantity=saved.layout.target, title=title
        )
        yield "predicted_against_true.png", figure


def _states(saved: SavedModel, rows: Rows, data: Path, row: int) -> Figure:
    import numpy as np

    from unrolled import plots

    one = rows.take(np.array([row]))
    states = saved.model.hidden_states(one.X)[0]
    steps = size = None
    if saved.layout.kind == "text":
        assert isinstance(one.X, list)
        steps = saved.model.vocabulary_.split(one.X[0])
        size = (float(np.clip(INCHES_A_WORD * len(steps) + 2.0, *WIDTHS)), TEXT_HEIGHT)
    elif saved.layout.kind == "wide":
        steps = list(saved.layout.columns[: len(states)])
    title = f"Hidden states of {one.ids.name} {one.ids[0]} of {data.name}"
    if saved.model.spec_.recurrent.bidirectional:
        title += ", forward then backward"
    return plots.hidden_states(states, steps=steps, title=title, size=size)
