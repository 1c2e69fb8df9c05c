"""From options and manifests to a trained and saved speech recognizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.cli.fitting import NO_SEED, check_folder, resumable
from unrolled.cli.manifest import Columns, Sounds
from unrolled.cli.options import arguments
from unrolled.cli.pictures import report_page, told
from unrolled.cli.screen import show_facts, show_scores
from unrolled.cli.summary import of_training
from unrolled.cli.transcribe_scores import COMMONEST, Scored, guess_scores
from unrolled.estimators import SpeechRecognizer
from unrolled.estimators.speech.scoring import GET_METRICS, has_jiwer

MOST = 200  # sounds of the training part that are scored where nothing else is
SHOWN = 3  # examples


def train(
    manifest: Path,
    columns: Columns,
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
    """Train on sounds, save the model, and print what came of it.

    Args:
        manifest: names the sounds and their texts.
        columns: where they stand.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        validation: manifest of sounds to watch, or None.
        test: manifest of sounds to test on, or None.
        test_fraction: share of the sounds of `manifest` to test on instead.
        resume_from: checkpoint to go on from, or None.
        report: write the page of pictures.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Data, checkpoint or folder cannot be used.
    """
    given = arguments(SpeechRecognizer, options, texts=True)
    check_folder(out)
    page = report_page(out) if report else None
    learnt = Sounds.read("training", manifest, columns)
    watched = None if validation is None else Sounds.read("validation", validation, columns)
    tested = None if test is None else Sounds.read("test", test, columns)
    if test_fraction:
        learnt, tested = learnt.held_out(test_fraction, given.get("random_state") or NO_SEED)
    model = SpeechRecognizer(**given, verbose=False if quiet else "auto")
    pair = None if watched is None else (watched.paths, watched.texts)
    with resumable(model):
        model.fit(learnt.paths, learnt.texts, validation_data=pair, resume_from=resume_from)
    model.save(out, table=columns.to_config())
    if quiet and page is None:
        return
    held = [part for part in (watched, tested) if part is not None]
    first = learnt if len(learnt) <= MOST else learnt.take(range(MOST), f"training, first {MOST}")
    scored = [Scored.of(model, part) for part in held or [first]]
    guess = guess_scores(model, learnt, scored[-1].part)
    if not quiet:
        _tell(model, manifest, out, learnt, scored, guess)
    if page is not None:
        from unrolled.cli.transcribe_report_page import write_page

        with told(page, quiet=quiet):
            write_page(page, model, str(out), scored[-1], guess)


def _tell(
    model: Any,
    manifest: Path,
    out: Path,
    learnt: Sounds,
    scored: Sequence[Scored],
    guess: Mapping[str, float],
) -> None:
    facts = [("data", f"{manifest}, {learnt.described()}")]
    facts += [(s.part.name, s.part.described()) for s in scored if s.part.name != "training"]
    facts.append(("symbols", f"{model.vocabulary_.unit}s, {len(model.vocabulary_) - 1:,} of them"))
    if not has_jiwer():
        facts.append(("left out", f"error rates of words, which need jiwer: {GET_METRICS}"))
    show_facts([*facts, *of_training(model, str(out), ["predict", str(out), str(manifest)])])
    show_scores([*((s.part.name, s.scores) for s in scored), (COMMONEST, guess)])
    for row, heard, said in scored[-1].examples(SHOWN):
        print()
        show_facts([("sound", scored[-1].part.listed[row]), ("heard", heard), ("said", said)])
