"""From options and a table of images to a trained and saved captioner."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from unrolled.cli.captioned import CaptionColumns, Captioned, nearest_captions
from unrolled.cli.fitting import NO_SEED, check_folder, resumable
from unrolled.cli.options import arguments
from unrolled.cli.pictures import report_page, told
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.cli.summary import of_training
from unrolled.estimators import ImageCaptioner
from unrolled.estimators.translation.scoring import GET_METRICS, has_sacrebleu

MOST = 500  # images of the training part that are scored where nothing else is
NEAREST = "caption of the nearest image"
Columns = list[tuple[str, Mapping[str, float]]]


def train(
    data: Path,
    columns: CaptionColumns,
    out: Path,
    options: Mapping[str, Any],
    *,
    validation: Path | None,
    test: Path | None,
    test_fraction: float,
    resume_from: Path | None,
    report: bool,
    quiet: bool,
) -> None:
    """Train on a table, save the model, and print what came of it.

    Args:
        data: the table.
        columns: where its images and captions stand.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        validation: images to watch, or None.
        test: images to test on, or None.
        test_fraction: share of the images of `data` to test on instead.
        resume_from: checkpoint to go on from, or None.
        report: write the page of pictures.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Data, checkpoint or folder cannot be used.
    """
    given = arguments(ImageCaptioner, options, texts=True)
    check_folder(out)
    page = report_page(out) if report else None
    size = given.get("image_size")
    if isinstance(size, tuple) and len(size) == 1:
        size = size[0]
    learnt = Captioned.read("training", data, columns, size=size, alike=size is None)
    seen = learnt.images[0].shape
    read = partial(Captioned.read, columns=columns, size=(seen[0], seen[1]))
    watched = None if validation is None else read("validation", validation)
    tested = None if test is None else read("test", test)
    if test_fraction:
        learnt, tested = learnt.held_out(test_fraction, given.get("random_state") or NO_SEED)
    model = ImageCaptioner(**given, verbose=False if quiet else "auto")
    pair = None if watched is None else (watched.images, watched.captions)
    with resumable(model):
        model.fit(learnt.images, learnt.captions, validation_data=pair, resume_from=resume_from)
    model.save(out, table=columns.to_config())
    if quiet and page is None:
        return
    held = [part for part in (watched, tested) if part is not None]
    parts = held or [learnt.taken(range(min(MOST, len(learnt.paths))), learnt.name)]
    scores: Columns = [(part.name, model.evaluate(part.images, part.captions)) for part in parts]
    if held:
        nearest = nearest_captions(
            learnt.images, [each[0] for each in learnt.captions], held[-1].images, model.shape_
        )
        scores.append((NEAREST, model.evaluate_written(nearest, held[-1].captions)))
    if not quiet:
        _tell(model, data, out, learnt, held, scores)
    if page is not None:
        from unrolled.cli.caption_report_page import write_page

        with told(page, quiet=quiet):
            write_page(page, model, str(out), parts[-1], scores)


def _tell(
    model: Any, data: Path, out: Path, learnt: Captioned, held: list[Captioned], scores: Columns
) -> None:
    facts = [("data", f"{data}, {learnt.described()}")]
    facts += [(part.name, part.described()) for part in held]
    height, width, channels = model.shape_
    colours = "grey" if channels == 1 else "in colours"
    facts.append(("images", f"{height} x {width} pixels, {colours}"))
    symbols = count(len(model.vocabulary_), "symbol")
    facts.append(("symbols", f"{model.vocabulary_.unit}s, {symbols}"))
    if not has_sacrebleu():
        facts.append(("left out", f"bleu, which needs sacrebleu: {GET_METRICS}"))
    show_facts([*facts, *of_training(model, str(out), ["predict", str(out), str(data)])])
    show_scores(scores)
