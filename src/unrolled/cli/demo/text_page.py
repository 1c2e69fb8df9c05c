"""The parts of the demo's report that are about texts."""

from __future__ import annotations

from unrolled import plots
from unrolled.cli.demo.texts import PROMPT, TEMPERATURE, Highlighter, Reference
from unrolled.cli.language_report import learning_curve
from unrolled.cli.language_scores import SHARES
from unrolled.cli.report import Picture, Section, Table, Verbatim
from unrolled.cli.tag_report_page import scores_figure


def texts_table(reference: Reference, highlighter: Highlighter) -> Table:
    """What both networks reach on held-out text."""
    bits = reference.scores
    return Table(
        ("the network reads", "measure", "here", "without looking", "seconds"),
        [
            (
                "Python's reference, and foretells it",
                "bits per character",
                round(bits.model["bits_per_character"], 2),
                round(bits.guess["bits_per_character"], 2),
                round(reference.seconds, 1),
            ),
            (
                "Python code, and highlights it",
                "accuracy per character",
                round(highlighter.accuracy, 3),
                round(highlighter.commonest, 3),
                round(highlighter.seconds, 1),
            ),
        ],
        "Texts that come with Python; without looking: by the characters' shares, or always the "
        "commonest class",
    )


def reference_section(reference: Reference) -> Section:
    """What the language model wrote, and what it did not foresee."""
    model, found = reference.model, reference.scores
    return Section(
        "A language model of Python's reference",
        (
            (
                f"A network of {model.hidden_size} gated units reads the language reference that "
                "comes with every Python, character by character, and foretells the next one from "
                "all before it. On text that it has not seen it needs "
                f"{found.model['bits_per_character']:.2f} bits for a character; their shares alone "
                f"need {found.guess['bits_per_character']:.2f}."
            ),
            Picture(
                learning_curve(model, found),
                "Bits per character by epoch",
                f"Bits per character; “{SHARES}” are those of the held-out characters.",
            ),
            Verbatim(
                reference.written,
                f"Written by the network behind “{PROMPT}”, at a temperature of {TEMPERATURE:g}",
            ),
            Picture(
                plots.surprise(
                    list(reference.shown), reference.nats, title="What it did not foresee"
                ),
                "Held-out text, each character on a ground by its surprise",
                "Held-out text; the darker a character's ground, the less it was foreseen.",
            ),
        ),
    )


def highlighter_section(highlighter: Highlighter) -> Section:
    """Source as the tagger colours it, beside the truth."""
    return Section(
        "A syntax highlighter that learns",
        (
            (
                "A network that reads both ways gives each character of Python source its token "
                "class. It knows no rule of the language, but some modules of the standard "
                "library, whose classes Python's own tokenizer found. Of the characters of source "
                f"that it has not seen it gets {highlighter.accuracy:.1%} right."
            ),
            Picture(
                plots.labelled_text(
                    list(highlighter.snippet),
                    highlighter.predicted,
                    highlighter.truth,
                    title="Held-out source",
                    columns=60,
                ),
                "Python source in the colours of the predicted and the true token classes",
            ),
            Picture(
                scores_figure(highlighter.report, "Token classes"), "Scores of each token class"
            ),
        ),
    )
