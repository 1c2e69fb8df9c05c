"""From options and text files to a trained and saved language model."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unrolled.cli.fitting import check_folder, resumable
from unrolled.cli.language_scores import Scores, scores
from unrolled.cli.options import arguments
from unrolled.cli.pictures import picture_folder, short
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.cli.summary import network, training
from unrolled.estimators import LanguageModel
from unrolled.estimators.language.corpus import as_texts, held_out_pieces, held_out_texts

REPORT = "report.html"


def train(
    files: Sequence[Path],
    out: Path,
    options: Mapping[str, Any],
    *,
    validation: Sequence[Path],
    resume_from: Path | None,
    report: bool,
    quiet: bool,
) -> None:
    """Train on texts, save the model, and print what came of it.

    Args:
        files: the texts.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        validation: texts to watch and score; may be none.
        resume_from: checkpoint to go on from, or None.
        report: write the page of pictures.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Texts, checkpoint or folder cannot be used.
    """
    given = arguments(LanguageModel, options, texts=True)
    check_folder(out)
    texts = as_texts(list(files))
    watched = as_texts(list(validation)) if validation else []
    model = LanguageModel(**given, verbose=False if quiet else "auto")
    with resumable(model):
        model.fit(texts, validation_data=watched or None, resume_from=resume_from)
    model.save(out)
    page = picture_folder(out) / REPORT if report else None
    if quiet and page is None:
        return
    with _held_out(model, texts, watched) as held:
        found = scores(model, held) if held else None
        if page is not None:
            from unrolled.cli.language_report import write_page

            write_page(page, model, str(out), found, (held or texts)[0], held_out=bool(held))
    if not quiet:
        _tell(model, files, out, validation, found, page)


@contextmanager
def _held_out(model: Any, texts: list[Any], watched: list[Any]) -> Iterator[list[Any]]:
    """The texts that were watched; none where nothing was."""
    fraction = float(model.validation_fraction)
    if watched or not fraction:
        yield watched
    elif len(texts) > 1:
        yield held_out_texts(texts, fraction)
    else:
        # The end of a text may be larger than memory.
        with tempfile.TemporaryDirectory() as folder:
            end = Path(folder) / "held-out.txt"
            with end.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(held_out_pieces(texts[0], fraction, model.vocabulary_.unit))
            yield [end]


def _tell(
    model: Any,
    files: Sequence[Path],
    out: Path,
    validation: Sequence[Path],
    found: Scores | None,
    page: Path | None,
) -> None:
    size = sum(file.stat().st_size for file in files)
    last = model.history_[-1]["train_loss"]
    facts = [("data", f"{_named(files)}, {count(size, 'byte')}")]
    if found is not None:
        share = f"the last {model.validation_fraction:.0%} of the text"
        of = _named(validation) if validation else share
        facts.append(("held out", f"{of}, {count(found.symbols, 'symbol')}"))
    facts += [
        ("symbols", f"{model.vocabulary_.unit}s, {len(model.vocabulary_):,} different ones"),
        ("model", f"{type(model).__name__}: {network(model.spec_)}"),
        ("training", f"{training(model.history_)}, perplexity {math.exp(min(last, 700)):.4g}"),
        ("engine", model.explain().splitlines()[0].removeprefix("fit: ")),
        ("saved", str(out)),
    ]
    if page is not None:
        facts.append(("report", str(short(page))))
    facts.append(("next", shlex.join(["unrolled", "generate", str(out), "--prompt", "The "])))
    show_facts(facts)
    if found is not None:
        show_scores(found.columns("held out"))


def _named(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
