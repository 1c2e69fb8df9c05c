"""From options and text files to a trained and saved language model."""

from __future__ import annotations

import math
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unrolled.cli.fitting import check_folder, resumable
from unrolled.cli.language_scores import Part, columns, scores
from unrolled.cli.options import arguments
from unrolled.cli.pictures import report_page, told
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.cli.summary import of_training
from unrolled.data.text_files import source_pieces
from unrolled.estimators import LanguageModel
from unrolled.estimators.language.corpus import as_texts, held_out_pieces, held_out_texts

PROMPT = "The "
UNKNOWN = 0


def train(
    files: Sequence[Path],
    out: Path,
    options: Mapping[str, Any],
    *,
    validation: Sequence[Path],
    test: Sequence[Path],
    resume_from: Path | None,
    report: bool,
    quiet: bool,
) -> None:
    """Train on texts, save the model, and print what came of it.

    Args:
        files: the texts.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        validation: texts to watch; may be none.
        test: texts to score once the model is trained; may be none.
        resume_from: checkpoint to go on from, or None.
        report: write the page of pictures.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Texts, checkpoint or folder cannot be used.
    """
    given = arguments(LanguageModel, options, texts=True)
    check_folder(out)
    page = report_page(out) if report else None
    texts = as_texts(list(files))
    watched = as_texts(list(validation)) if validation else []
    tested = as_texts(list(test)) if test else []
    if tested:
        # What cannot be read is found before training.
        deque(source_pieces(tested), maxlen=0)
    model = LanguageModel(**given, verbose=False if quiet else "auto")
    with resumable(model):
        model.fit(texts, validation_data=watched or None, resume_from=resume_from)
    model.save(out)
    if quiet and page is None:
        return
    with _held_out(model, texts, watched) as (held, described):
        parts = [Part("watched", described, scores(model, held))] if held else []
        if tested:
            parts.append(Part("test", _named(tested), scores(model, tested)))
        if not quiet:
            _tell(model, files, out, parts)
        if page is not None:
            from unrolled.cli.language_report import write_page

            shown = (tested or held or texts)[0]
            with told(page, quiet=quiet):
                write_page(page, model, str(out), parts, shown)


@contextmanager
def _held_out(model: Any, texts: list[Any], watched: list[Any]) -> Iterator[tuple[list[Any], str]]:
    """The texts that were watched, none where nothing was, and what they are."""
    fraction = float(model.validation_fraction)
    if watched or not fraction:
        yield watched, _named(watched) if watched else ""
    elif len(texts) > 1:
        held = held_out_texts(texts, fraction)
        yield held, f"{_named(held)}, the last {len(held):,} of {count(len(texts), 'file')}"
    else:
        # The end of a text may be larger than memory.
        with tempfile.TemporaryDirectory() as folder:
            end = Path(folder) / "held-out.txt"
            with end.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(held_out_pieces(texts[0], fraction, model.vocabulary_.unit))
            yield [end], f"the last {100 * fraction:.3g}% of {texts[0]}"


def _tell(model: Any, files: Sequence[Path], out: Path, parts: list[Part]) -> None:
    size = sum(file.stat().st_size for file in files)
    last = model.history_[-1]["train_loss"]
    facts = [("data", f"{_named(files)}, {count(size, 'byte')}")]
    facts += [
        (part.name, f"{part.described}, {count(part.scores.symbols, 'symbol')}") for part in parts
    ]
    unit, following = model.vocabulary_.unit, ["generate", str(out)]
    facts.append(("symbols", f"{unit}s, {len(model.vocabulary_):,} different ones"))
    if (model.vocabulary_.encode(PROMPT) != UNKNOWN).all():
        following += ["--prompt", PROMPT]
    came_to = f", training perplexity {math.exp(min(last, 700)):.4g}"
    show_facts([*facts, *of_training(model, str(out), following, came_to=came_to)])
    if parts:
        show_scores(columns(parts))


def _named(files: Sequence[str | Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
