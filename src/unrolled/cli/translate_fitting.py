"""From options and files of pairs to a trained and saved translator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.cli.fitting import NO_SEED, check_folder, resumable
from unrolled.cli.options import arguments
from unrolled.cli.pairs import Pairs
from unrolled.cli.pictures import report_page, told
from unrolled.cli.screen import show_facts, show_scores
from unrolled.cli.summary import of_training
from unrolled.cli.translate_scores import Scored, nearest_scores, score_columns
from unrolled.estimators import Translator
from unrolled.estimators.translation.scoring import GET_METRICS, has_sacrebleu

MOST = 1_000  # pairs of the training part that are scored where nothing else is
SHOWN = 3  # examples


def train(
    files: Sequence[Path],
    out: Path,
    options: Mapping[str, Any],
    *,
    validation: Sequence[Path],
    test: Sequence[Path],
    test_fraction: float,
    resume_from: Path | None,
    report: bool,
    quiet: bool,
) -> None:
    """Train on pairs, save the model, and print what came of it.

    Args:
        files: one of pairs, or one of sources and one of targets.
        out: folder of the model.
        options: arguments of the estimator by name; None was not given.
        validation: pairs to watch, as `files`; may be none.
        test: pairs to test on, as `files`; may be none.
        test_fraction: share of the sources of `files` to test on instead.
        resume_from: checkpoint to go on from, or None.
        report: write the page of pictures.
        quiet: print nothing.

    Raises:
        typer.BadParameter: Options contradict each other.
        TypeError, ValueError, OSError: Data, checkpoint or folder cannot be used.
    """
    given = arguments(Translator, options, texts=True)
    check_folder(out)
    page = report_page(out) if report else None
    learnt = Pairs.read("training", files)
    watched = Pairs.read("validation", validation) if validation else None
    tested = Pairs.read("test", test) if test else None
    if test_fraction:
        learnt, tested = learnt.held_out(test_fraction, given.get("random_state") or NO_SEED)
    model = Translator(**given, verbose=False if quiet else "auto")
    pair = None if watched is None else (watched.sources, watched.targets)
    with resumable(model):
        model.fit(learnt.sources, learnt.targets, validation_data=pair, resume_from=resume_from)
    model.save(out)
    if quiet and page is None:
        return
    held = [part for part in (watched, tested) if part is not None]
    scored = [Scored.of(model, part) for part in held or [learnt.beginning(MOST)]]
    # The nearest of what was learnt is itself.
    guess = nearest_scores(model, learnt, held[-1]) if held else None
    if not quiet:
        _tell(model, files, out, learnt, scored, guess)
    if page is not None:
        from unrolled.cli.translate_report_page import write_page

        with told(page, quiet=quiet):
            write_page(page, model, str(out), scored[-1], guess)


def _tell(
    model: Any,
    files: Sequence[Path],
    out: Path,
    learnt: Pairs,
    scored: list[Scored],
    guess: Mapping[str, float] | None,
) -> None:
    facts = [("data", f"{' and '.join(map(str, files))}, {learnt.described()}")]
    facts += [(s.part.name, s.part.described()) for s in scored if guess is not None]
    facts += [("unknown", s.unknown) for s in scored if s.unknown]
    source, target = model.vocabularies_
    facts.append(("symbols", f"{source.unit}s read, {target.unit}s written"))
    if not has_sacrebleu():
        facts.append(("left out", f"bleu and chrf, which need sacrebleu: {GET_METRICS}"))
    show_facts([*facts, *of_training(model, str(out), ["predict", str(out), str(files[0])])])
    show_scores(score_columns(scored, guess))
    for source_text, written, references in scored[-1].examples(SHOWN):
        print()
        show_facts(
            [("source", source_text), ("written", written)]
            + [("reference", reference) for reference in references]
        )
