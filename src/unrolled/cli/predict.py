"""`unrolled predict`: a saved model and new rows to a table of predictions."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unrolled.cli.helptext import examples, paragraphs
from unrolled.cli.pictures import refuse_same
from unrolled.cli.screen import count

if TYPE_CHECKING:
    import polars as pl

    from unrolled.cli.rows import Rows

HELP = paragraphs("""
Predict the target of new rows by a saved model.

DATA needs the columns that the model was trained on, by name; the target may be absent and other
columns are ignored. A prediction is written for each row (or each id), as CSV to standard output
or to a file of the kind that its name ends in.

Of a tagger DATA is a .txt file with a sentence a line, a .conllu file, or one with a word a line.
Its words are written with their labels, in two columns between tabs, or as .conllu. Where DATA and
FILE are both .conllu, FILE is DATA with the labels in their field, UPOS or what the model has
learnt, and all else as it stands. Where both are columns, the labels replace the column of labels
if DATA has as many columns as the model learnt from; else they are a new last column.

Of a translator DATA has a source a line, or pairs with a tab between, of which the first is read.
Each source is written with a tab and the text behind it.

Of a captioner DATA has the column of image files that the model was trained on, or is one or more
image files. Each is written with its caption.

Of a speech recognizer DATA is a manifest with the column of sound files that it learnt from, or one
sound file or more. Each is written with its text, as CSV or to a table.
""")
EXAMPLES = (
    "unrolled predict model new.csv",
    "unrolled predict model new.csv --probabilities --out predictions.csv",
    "unrolled predict model new.csv --out predictions.parquet",
)
TAG_EXAMPLES = (
    "unrolled predict model sentences.txt",
    "unrolled predict model dev.conllu --out tagged.conllu",
)
TRANSLATE_EXAMPLES = ("unrolled predict translator sources.txt --out translated.tsv",)
SOUND_EXAMPLES = ("unrolled predict recognizer one.wav two.wav",)
CAPTION_EXAMPLES = ("unrolled predict captioner one.png two.jpg",)
EPILOG = examples(*EXAMPLES, *TAG_EXAMPLES, *TRANSLATE_EXAMPLES, *SOUND_EXAMPLES, *CAPTION_EXAMPLES)
SUFFIXES = (".csv", ".tsv", ".parquet")
PREDICTION = "prediction"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="folder of a trained model")]
Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="a .csv, .tsv or .parquet file; sentences for a tagger or a translator; for a speech "
        "recognizer or a captioner sound or image files, or a table of them",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="a .csv, .tsv or .parquet file (of a tagger .tsv or .conllu, of a translator .tsv or "
        ".txt), written whole or not at "
        "all; one that is there is replaced, unless it is DATA",
    ),
]
Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="add a column for each class (of a classifier)")
]

NBest = Annotated[
    int | None,
    typer.Option(
        "--n-best",
        min=1,
        metavar="N",
        help="the N best texts of each, with scores (of a translator or speech recognizer)",
    ),
]


def predict(
    model: Model,
    files: Data,
    out: Out = None,
    probabilities: Probabilities = False,
    n_best: NBest = None,
) -> None:
    """Read a model and rows, and write what is predicted."""
    from unrolled.cli.text_models import predict as predict_labels
    from unrolled.cli.text_models import text_model

    of_texts = text_model(model)
    if of_texts is not None:
        predict_labels(of_texts, model, files, out, probabilities, n_best)
        return
    data = only(files)
    if n_best is not None:
        raise typer.BadParameter("--n-best needs a model that writes texts")
    from unrolled.data.table_files import read

    if out is not None:
        check_file(out, data)
    table = read(data)
    from unrolled.cli.saved import SavedModel

    saved = SavedModel.read(model)
    if probabilities and not saved.is_classifier:
        raise ValueError(f"{model} predicts numbers; --probabilities are those of a classifier")
    predictions = _predictions(
        saved.model, saved.rows(table, str(data), target=False), probabilities
    )
    if out is None:
        sys.stdout.write(predictions.write_csv())
        return
    from unrolled.runtime.files import write_whole

    write_whole(out, content(predictions, out.suffix.lower()))
    typer.echo(f"{out}: {count(len(predictions), 'prediction')}")


def only(files: list[Path]) -> Path:
    """The only one of the files that were named.

    Raises:
        typer.BadParameter: There are more.
    """
    if len(files) > 1:
        raise typer.BadParameter("DATA is one file; several are read of sounds and images alone")
    return files[0]


def check_file(out: Path, data: Path | None) -> None:
    """Check before long work that a table can be written as this file.

    Raises:
        typer.BadParameter: It is of no kind that is written, or is what is read.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"--out {out} must end in {', '.join(SUFFIXES)}")
    if data is not None:
        refuse_same(out, data)


def _predictions(model: Any, rows: Rows, probabilities: bool) -> pl.DataFrame:
    import polars as pl

    columns = {rows.ids.name: rows.ids}
    if probabilities:
        shares = model.predict_proba(rows.X)
        found = model.classes_[shares.argmax(axis=1)]
        named = [(f"probability_{label}", shares[:, k]) for k, label in enumerate(model.classes_)]
    else:
        found, named = model.predict(rows.X), []
    for name, values in [(PREDICTION, found), *named]:
        if name in columns:
            raise ValueError(f"the column {name!r} names the rows, and would be written twice")
        columns[name] = pl.Series(name, values.tolist())
    return pl.DataFrame(columns)


def content(predictions: pl.DataFrame, suffix: str) -> bytes:
    """A table as the bytes of a file of this suffix."""
    content = io.BytesIO()
    if suffix == ".parquet":
        predictions.write_parquet(content)
    else:
        predictions.write_csv(content, separator="\t" if suffix == ".tsv" else ",")
    return content.getvalue()
