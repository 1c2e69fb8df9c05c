"""`predict`, `evaluate` and `plot` of a saved translator."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrolled.cli.pairs import Pairs
from unrolled.cli.pictures import refuse_same
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.data.parallel import read_sources
from unrolled.estimators import Translator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WRITTEN = (".tsv", ".txt")
DRAWN = 3  # attention matrices


def predict(
    model: Translator,
    name: Path,
    data: Path,
    out: Path | None,
    probabilities: bool,
    n_best: int | None,
) -> None:
    """Write the sources of a file, each with a tab and its text behind it.

    With `n_best` each comes with as many texts, a line each, and their scores in a third column.

    Raises:
        typer.BadParameter: The file to write is of no kind that is written.
        TypeError, ValueError, OSError: A file cannot be used.
    """
    if probabilities:
        raise ValueError(
            f"{name} writes texts; --probabilities are those of a classifier, and --n-best 5 "
            f"gives the scores of texts"
        )
    if out is not None:
        if out.suffix.lower() not in WRITTEN:
            raise typer.BadParameter(f"--out {out} must end in {' or '.join(WRITTEN)}")
        refuse_same(out, data)
    sources = read_sources(data)
    if n_best is None:
        written: list[list[tuple[str, ...]]] = [[(text,)] for text in model.predict(sources)]
    else:
        found = model.predict_n_best(sources, n_best)
        written = [[(c.text, f"{c.score:.4f}") for c in several] for several in found]
    for number, several in enumerate(written, start=1):
        if any("\t" in text or "\n" in text for text, *_ in several):
            raise ValueError(
                f"what is written of line {number} of {data} holds a tab or a line end, which the "
                f"columns of a file cannot; predict gives it in Python"
            )
    lines = [
        "\t".join((source, *row))
        for source, several in zip(sources, written, strict=True)
        for row in several
    ]
    content = "".join(f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.write(content)
        return
    from unrolled.runtime.files import write_whole

    write_whole(out, content.encode())
    typer.echo(f"{out}: {count(len(lines), 'text')}")


def evaluate(
    model: Translator, name: Path, data: Path, targets: Path | None, as_json: bool
) -> None:
    """Print the scores of a file of pairs, or of sources and one of targets.

    Raises:
        TypeError, ValueError, OSError: The files cannot be used.
    """
    from unrolled.cli.translate_scores import Scored

    part = Pairs.read("given", [data] if targets is None else [data, targets])
    scored = Scored.of(model, part)
    if as_json:
        sizes = {"pairs": len(part.sources), "sources": len(part.references)}
        typer.echo(json.dumps({**sizes, "scores": scored.scores}))
        return
    facts = [("model", f"{name}, {type(model).__name__}"), ("data", f"{data}, {part.described()}")]
    show_facts([*facts, ("unknown", scored.unknown)] if scored.unknown else facts)
    show_scores([("model", scored.scores)])


def figures(model: Translator, name: Path, data: Path | None) -> Iterator[tuple[str, Figure]]:
    """The learning curve, and where the model looked as it wrote of the first lines of a file.

    Raises:
        TypeError, ValueError, OSError: The file cannot be used.
    """
    from unrolled import plots
    from unrolled.cli.translate_report_page import MOST_SYMBOLS, QUANTITY, attention_figures

    title = f"Training of {name.resolve().name}"
    yield (
        "learning_curve.png",
        plots.learning_curve(model.history_, title=title, quantity=QUANTITY),
    )
    if data is None:
        return
    sources = list(dict.fromkeys(read_sources(data)))[:DRAWN]
    drawn = 0
    for number, (_, figure) in enumerate(attention_figures(model, sources), start=1):
        drawn += 1
        yield f"attention-{number}.png", figure
    if not drawn:
        typer.echo(
            f"no attention is drawn: the model has none, or the first texts of {data} have more "
            f"than {MOST_SYMBOLS} symbols",
            err=True,
        )
