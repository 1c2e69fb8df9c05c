"""`unrolled evaluate`: scores of a saved model on rows whose target is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.helptext import examples, paragraphs

HELP = paragraphs("""
Score a saved model on rows whose target is known.

DATA needs the columns that the model was trained on, by name. Beside the model's scores stand
those of a plain guess that looks at no input: the classes' shares, or the mean, in training.

Of a tagger DATA is a .conllu file or one with a word and its label a line, and a table by label
follows. Of a language model it is a text, plain or .gz. Of a translator it has pairs with a tab
between, or sources alone where --target names the file of their targets. Of a speech recognizer it
is a manifest of sounds; --target names another column of texts.
""")
EXAMPLES = (
    "unrolled evaluate model test.csv",
    "unrolled evaluate model test.csv --json",
    "unrolled evaluate model other.csv --target truth",
)
TEXT_EXAMPLES = (
    "unrolled evaluate tagger dev.conllu",
    "unrolled evaluate language-model other.txt",
    "unrolled evaluate translator val.de --target val.en",
)
EPILOG = examples(*EXAMPLES, *TEXT_EXAMPLES)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="folder of a trained model")]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="a .csv, .tsv or .parquet file; sentences with labels for a tagger, a text for a "
        "language model, pairs for a translator, images with captions for a captioner",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        help="the column or field of the true values, if it is another one than in training; "
        "the file of targets for a translator"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object for other programs")]


def evaluate(model: Model, data: Data, target: Target = None, as_json: Json = False) -> None:
    """Read a model and rows, and print scores."""
    from unrolled.cli.text_models import evaluate as evaluate_texts
    from unrolled.cli.text_models import text_model

    of_texts = text_model(model)
    if of_texts is not None:
        evaluate_texts(of_texts, model, data, target, as_json)
        return
    from unrolled.data.table_files import read

    table = read(data)
    from unrolled.cli.saved import SavedModel
    from unrolled.cli.screen import count, show_facts, show_scores

    saved = SavedModel.read(model)
    if target is not None:
        saved = replace(saved, layout=replace(saved.layout, target=target))
    rows = saved.rows(table, str(data), target=True)
    scores = saved.model.evaluate(rows.X, rows.targets())
    guess = saved.guess.evaluate(saved.model, rows.targets())
    if as_json:
        typer.echo(json.dumps({"rows": len(rows), "scores": scores, "guess": guess}))
        return
    show_facts(
        [
            ("model", f"{model}, {type(saved.model).__name__}"),
            ("data", f"{data}, {count(len(rows), 'row')}, target {saved.layout.target}"),
        ]
    )
    show_scores([("model", scores), (saved.guess.name(saved.model), guess)])
