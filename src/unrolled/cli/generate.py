"""`unrolled generate`: a saved language model goes on from a prompt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from unrolled.cli.errors import INTERRUPTED
from unrolled.cli.helptext import examples, paragraphs

HELP = paragraphs("""
Go on from a prompt by a saved language model.

The text appears as it is drawn, behind the prompt, until it is long enough, the model ends it (one
that was trained on several texts does), or Ctrl-C is pressed.
""")
EXAMPLES = (
    'unrolled generate model --prompt "The "',
    'unrolled generate model --prompt "The " --length 99 --temperature 0.8 --seed 1',
    "unrolled generate model --top-k 20 --top-p 0.9 --no-echo",
)
EPILOG = examples(*EXAMPLES)
NONE = "none"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="folder of a trained language model")]
Prompt = Annotated[
    str, typer.Option(metavar="TEXT", help="what comes before; without it a text begins")
]
Length = Annotated[
    str, typer.Option(metavar="N", help=f"symbols at most, or {NONE}: until Ctrl-C is pressed")
]
Temperature = Annotated[
    float,
    typer.Option(
        min=0.0,
        metavar="NUMBER",
        help="1 draws by the model's own shares, below 1 likelier symbols more often, 0 takes the "
        "likeliest",
    ),
]
TopK = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="draw from so many likeliest symbols")
]
TopP = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER", help="draw from the likeliest symbols that together reach this share"
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="the same seed gives the same text")
]
NoEcho = Annotated[bool, typer.Option("--no-echo", help="do not print the prompt itself")]


def generate(
    model: Model,
    prompt: Prompt = "",
    length: Length = "500",
    temperature: Temperature = 1.0,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    no_echo: NoEcho = False,
) -> None:
    """Read a model, and write what it draws as it comes."""
    most = _length(length)
    if top_p is not None and not 0.0 < top_p <= 1.0:
        raise typer.BadParameter(f"--top-p must be above 0 and at most 1, got {top_p:g}")
    from unrolled.estimators import LanguageModel, load

    loaded = load(model)
    if not isinstance(loaded, LanguageModel):
        raise ValueError(
            f"{model} is a {type(loaded).__name__}; `unrolled generate` goes on from texts by a "
            f"model of `unrolled train language-model`"
        )
    pieces = loaded.generate(
        prompt, most, temperature=temperature, top_k=top_k, top_p=top_p, random_state=seed
    )
    last = "" if no_echo else prompt
    try:
        _write(last)
        for piece in pieces:
            _write(piece)
            last = piece or last
    except KeyboardInterrupt as error:
        # The way to end a text without end: no word about it.
        _write("\n")
        raise typer.Exit(INTERRUPTED) from error
    if not last.endswith("\n"):
        _write("\n")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _length(text: str) -> int | None:
    if text.lower() == NONE:
        return None
    if not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(
            f"--length {text} is neither a whole number of at least 0 nor none"
        )
    return int(text)
