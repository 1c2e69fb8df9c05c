"""`predict`, `evaluate` and `plot` of models whose data are texts, or images with texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.estimators import (
    ImageCaptioner,
    LanguageModel,
    SequenceTagger,
    SpeechRecognizer,
    Translator,
    load,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TextModel = LanguageModel | SequenceTagger | SpeechRecognizer | Translator | ImageCaptioner


def text_model(path: Path) -> TextModel | None:
    """The saved model if it is of texts; None if it is another one.

    Raises:
        ArtifactError: There is none, or it is damaged.
    """
    model = load(path)
    return model if isinstance(model, TextModel) else None


def predict(
    model: TextModel,
    name: Path,
    files: list[Path],
    out: Path | None,
    probabilities: bool,
    n_best: int | None = None,
) -> None:
    """Write the words of a file with their labels; its sources, sounds or images with texts.

    Raises:
        typer.BadParameter: The file to write is of no kind that is written, or an option has no
            effect.
        TypeError, ValueError, OSError: The model is of another kind, or a file cannot be used.
    """
    if isinstance(model, ImageCaptioner):
        from unrolled.cli import captioning

        if n_best is not None:
            raise typer.BadParameter("--n-best needs a translator or speech recognizer")
        captioning.predict(model, name, files, out, probabilities)
        return
    if isinstance(model, SpeechRecognizer):
        from unrolled.cli import transcriptions

        transcriptions.predict(model, name, files, out, probabilities, n_best)
        return
    from unrolled.cli.predict import only

    data = only(files)
    if isinstance(model, Translator):
        from unrolled.cli import translations

        translations.predict(model, name, data, out, probabilities, n_best)
        return
    if n_best is not None:
        raise typer.BadParameter("--n-best needs a model that writes texts")
    if isinstance(model, LanguageModel):
        raise ValueError(
            f"{name} is a language model: `unrolled generate` goes on from a text, and `unrolled "
            f"evaluate` scores one"
        )
    from unrolled.cli.tagged import check_written, read_sentences, write

    columns = _columns(model, name)
    if probabilities:
        raise ValueError(
            f"{name} labels words; --probabilities are those of a classifier of rows, and "
            f"predict_proba gives them in Python"
        )
    if out is not None:
        check_written(out, data, columns)
    sentences = read_sentences(data, columns)
    labels = [[str(label) for label in one] for one in model.predict(sentences)]
    sys.stdout.write(write(out, data, sentences, labels, columns))


def evaluate(
    model: TextModel,
    name: Path,
    data: Path,
    target: str | None,
    as_json: bool,
) -> None:
    """Print the scores of a file.

    Raises:
        typer.BadParameter: A target was named that there is not.
        TypeError, ValueError, OSError: The model or the file cannot be used.
    """
    if isinstance(model, ImageCaptioner):
        from unrolled.cli import captioning

        captioning.evaluate(model, name, data, target, as_json)
        return
    if isinstance(model, SpeechRecognizer):
        from unrolled.cli import transcriptions

        transcriptions.evaluate(model, name, data, target, as_json)
        return
    if isinstance(model, Translator):
        from unrolled.cli import translations

        targets = None if target is None else Path(target)
        translations.evaluate(model, name, data, targets, as_json)
        return
    if isinstance(model, LanguageModel):
        if target is not None:
            raise typer.BadParameter("--target has no effect with a language model")
        _evaluate_language(model, name, data, as_json)
        return
    from unrolled.cli.tag_fitting import Tagged, scores_of
    from unrolled.cli.tagged import column
    from unrolled.data.conll import is_conllu

    columns = _columns(model, name).of(data)
    if target is not None:
        labels = column("--target", target, is_conllu(data))
        columns = replace(columns, labels=labels, num_columns=None)
    part = Tagged("data", *columns.read(data))
    scores = scores_of(model, part)
    table = model.report(part.words, part.labels)
    if as_json:
        # Where there are unknown labels, log_loss is null.
        others = part.unknown_labels(model.classes_)
        named = [label for label, _ in others.most_common()]
        plain = {"log_loss": None, **scores}
        whole = {
            "sentences": len(part.words),
            "scores": plain,
            "labels": list(table.rows),
            "unknown": {"labels": named, "words": others.total()} if others else None,
        }
        typer.echo(json.dumps(whole))
        return
    facts = [("model", f"{name}, {type(model).__name__}"), ("data", f"{data}, {part.described()}")]
    unknown = part.unknown(model.classes_)
    show_facts(facts if unknown is None else [*facts, ("unknown", unknown)])
    show_scores([("model", scores)])
    sys.stdout.write(f"\n{table}\n")


def figures(model: TextModel, name: Path, data: Path | None) -> Iterator[tuple[str, Figure]]:
    """Pictures of a model by file name, and of what it does with a file.

    Raises:
        TypeError, ValueError, OSError: The model or the file cannot be used.
    """
    if isinstance(model, ImageCaptioner):
        from unrolled.cli import captioning

        yield from captioning.figures(model, name, data)
        return
    if isinstance(model, SpeechRecognizer):
        from unrolled.cli import transcriptions

        yield from transcriptions.figures(model, name, data)
        return
    if isinstance(model, Translator):
        from unrolled.cli import translations

        yield from translations.figures(model, name, data)
        return
    from unrolled import plots

    title = f"Training of {name.resolve().name}"
    network = plots.unrolled_diagram(model.spec_.to_config())
    if isinstance(model, LanguageModel):
        from unrolled.cli.language_report import beginning, learning_curve, surprise_figure

        yield "learning_curve.png", learning_curve(model, title=title)
        yield "network.png", network
        if data is not None:
            of = f"What {name.resolve().name} did not foresee in {data.name}"
            yield "surprise.png", surprise_figure(model, beginning(data), title=of)
        return
    from unrolled.cli.tag_report_page import MOST_LABELS, confusion_figure, quantity, scores_figure

    yield (
        "learning_curve.png",
        plots.learning_curve(model.history_, title=title, quantity=quantity(model)),
    )
    yield "network.png", network
    if data is None:
        return
    words, labels = _columns(model, name).read(data)
    table = model.report(words, labels)
    of = f"{count(sum(map(len, words)), 'word')} of {data.name}"
    yield "labels.png", scores_figure(table, of)
    if len(table.rows) <= MOST_LABELS:
        names = [row["label"] for row in table.rows]
        yield "confusion.png", confusion_figure(labels, model.predict(words), names, of)


def _evaluate_language(model: LanguageModel, name: Path, data: Path, as_json: bool) -> None:
    from unrolled.cli.language_scores import Part, columns, scores

    found = scores(model, [data])
    if as_json:
        whole = {"symbols": found.symbols, "scores": found.model, "guess": found.guess}
        typer.echo(json.dumps(whole))
        return
    symbols = count(found.symbols, model.vocabulary_.unit)
    show_facts([("model", f"{name}, {type(model).__name__}"), ("data", f"{data}, {symbols}")])
    show_scores(columns([Part("model", symbols, found)]))


def _columns(model: SequenceTagger, name: Path) -> Any:
    """Where words and labels stand, of a tagger of words.

    Raises:
        ValueError: It labels something else, or does not say as it should.
    """
    from unrolled.cli.tagged import TagColumns

    if model.words_ is None:
        raise ValueError(
            f"{name} labels no words, but characters or numbers; load it in Python by "
            f"unrolled.load({str(name)!r})"
        )
    return TagColumns.from_config(model.table_, str(name))
