"""`predict`, `evaluate` and `plot` of a saved speech recognizer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unrolled.cli.manifest import SUFFIXES, Columns, Sounds
from unrolled.cli.pictures import refuse_same
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.estimators import SpeechRecognizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = 3


def predict(
    model: SpeechRecognizer,
    name: Path,
    data: Sequence[Path],
    out: Path | None,
    probabilities: bool,
    n_best: int | None,
) -> None:
    """Write the sounds of a manifest, or sound files, each with its text.

    With `n_best` each comes with as many texts, a row each, and their scores in a third column.

    Raises:
        typer.BadParameter: The file to write is of no kind that is written.
        TypeError, ValueError, OSError: A file cannot be used.
    """
    import polars as pl

    from unrolled.cli.predict import content

    if probabilities:
        raise ValueError(
            f"{name} writes texts; --probabilities are those of a classifier, and "
            f"log_probabilities gives those of symbols in Python"
        )
    if out is not None:
        if out.suffix.lower() not in SUFFIXES:
            raise typer.BadParameter(f"--out {out} must end in {', '.join(SUFFIXES)}")
        for file in data:
            refuse_same(out, file)
    columns = Columns.from_config(model.table_)
    sounds = _sounds(data, columns)
    if n_best is None:
        rows: list[tuple[Any, ...]] = list(
            zip(sounds.listed, model.predict(sounds.paths), strict=True)
        )
    else:
        several = model.predict_n_best(sounds.paths, n_best)
        rows = [
            (listed, heard.text, round(heard.score, 4))
            for listed, best in zip(sounds.listed, several, strict=True)
            for heard in best
        ]
    names = [columns.audio, columns.text, *([] if n_best is None else ["score"])]
    table = pl.DataFrame(rows, schema=names, orient="row")
    if out is None:
        sys.stdout.write(table.write_csv())
        return
    from unrolled.runtime.files import write_whole

    write_whole(out, content(table, out.suffix.lower()))
    typer.echo(f"{out}: {count(len(table), 'text')}")


def evaluate(
    model: SpeechRecognizer, name: Path, data: Path, target: str | None, as_json: bool
) -> None:
    """Print the scores of a manifest.

    Raises:
        TypeError, ValueError, OSError: It cannot be used.
    """
    from unrolled.cli.transcribe_scores import Scored

    columns = Columns.from_config(model.table_)
    if target is not None:
        columns = replace(columns, text=target)
    part = Sounds.read("model", data, columns)
    scored = Scored.of(model, part)
    if as_json:
        typer.echo(json.dumps({"sounds": len(part), "scores": scored.scores}))
        return
    show_facts(
        [("model", f"{name}, {type(model).__name__}"), ("data", f"{data}, {part.described()}")]
    )
    show_scores([("model", scored.scores)])


def figures(model: SpeechRecognizer, name: Path, data: Path | None) -> Iterator[tuple[str, Figure]]:
    """The learning curve, and what is heard in the first sounds of a manifest or in a sound file.

    Raises:
        TypeError, ValueError, OSError: The file cannot be used.
    """
    from unrolled import plots
    from unrolled.cli.transcribe_report_page import QUANTITY, spikes_figure
    from unrolled.data import as_waves

    title = f"Training of {name.resolve().name}"
    yield (
        "learning_curve.png",
        plots.learning_curve(model.history_, title=title, quantity=QUANTITY),
    )
    if data is None:
        return
    sounds = _sounds([data], Columns.from_config(model.table_))
    for i, path in enumerate(sounds.paths[:DRAWN]):
        (wave,) = as_waves([path], int(model.sample_rate))
        yield f"heard-{i + 1}.png", spikes_figure(model, wave, sounds.listed[i])


def _sounds(data: Sequence[Path], columns: Columns) -> Sounds:
    """Of one manifest, or of sound files."""
    tables = [file for file in data if file.suffix.lower() in SUFFIXES]
    if not tables:
        return Sounds.files("data", data)
    if len(data) > 1:
        raise ValueError(f"{tables[0]} is a manifest, which stands alone; give it, or sound files")
    return Sounds.read("data", data[0], columns, texts=False)
