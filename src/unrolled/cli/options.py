"""Options of a command from the arguments of estimators: names, help and defaults are theirs."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from unrolled.estimators.base import Network
from unrolled.estimators.feed_forward import OneToOneNetwork
from unrolled.estimators.recurrent import ManyToOneNetwork
from unrolled.estimators.trainable import Trainable

# The command line has --quiet in place of the one, and --time, --target ... of the others.
WITHOUT = frozenset(
    {
        "verbose", "time_column", "group_column", "target_columns", "past_columns",
        "future_columns", "static_columns",
    }
)  # fmt: skip
NONE = "none"
FORECAST = frozenset(
    {
        "horizon", "lookback", "season", "strategy", "segment", "quantiles", "num_samples",
        "channels",
    }
)  # fmt: skip
VALUES = frozenset(
    {"scaling", "normalization", "difference", "log", "calendar", "frequency", "gaps"}
)
TEXTS = frozenset(
    {
        "embedding_size", "unit", "min_count", "lowercase", "vocabulary_size", "affixes",
        "affix_size", "word_dropout", "embedding_dropout", "embedding_scale", "vectors",
        "target_unit", "shared_vocabulary",
    }
)  # fmt: skip
NETWORK = frozenset(
    {
        "tied", "crf", "attention", "input_feeding", "convolutions", "convolution_width",
        "strides",
    }
)  # fmt: skip
IMAGES = frozenset(
    {
        "image_size", "image_channels", "kernel_size", "pool_size", "group_norm", "shift", "zoom",
        "turn", "flip", "memory_dropout",
    }
)  # fmt: skip
WRITING = frozenset(
    {"beam_size", "length_penalty", "max_length", "language_weight", "symbol_bonus"}
)
SOUND = frozenset(
    {
        "sample_rate", "window", "step", "num_mels", "low_frequency", "high_frequency",
        "normalize",
    }
)  # fmt: skip
SAVING = frozenset({"checkpoint", "checkpoint_seconds", "checkpoint_epochs"})
SAVING_PANEL = "Saving a running fit"
PANELS = (
    *(
        "Forecast",
        "Values and times",
        "Sound",
        "Network",
        "Texts",
        "Images",
        "Writing",
        "Network of --table",
        "Training",
    ),
    SAVING_PANEL,
)


def parameters(*kinds: type[Trainable], without: Collection[str] = ()) -> list[inspect.Parameter]:
    """A keyword for each argument of these estimators, annotated as typer wants it.

    None stands for an option that was not given, so that estimators keep their own defaults.

    Args:
        kinds: the estimators
        without: arguments that the command has no use for
    """
    found: dict[str, inspect.Parameter] = {}
    for kind in kinds:
        hints = _hints(kind)
        for argument in fields(kind):
            if argument.name not in {*WITHOUT, *without, *found}:
                found[argument.name] = _parameter(argument, hints[argument.name])
    return sorted(found.values(), key=lambda parameter: PANELS.index(_panel(parameter.name)))


def arguments(kind: type[Trainable], options: Mapping[str, Any], *, texts: bool) -> dict[str, Any]:
    """The options that were given, as arguments of an estimator.

    Args:
        kind: the estimator
        options: values by name; None was not given
        texts: whether the inputs are texts

    Raises:
        typer.BadParameter: An option was given that the estimator has not, or that needs texts.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = {argument.name: argument.metadata for argument in fields(kind)}
    for name in given:
        if name not in known:
            relation = "needs" if name in _added_by(OneToOneNetwork) else "has no effect with"
            raise typer.BadParameter(f"{flag(name)} {relation} --table")
        if name in TEXTS and not texts:
            raise typer.BadParameter(f"{flag(name)} needs --text")
    return {
        name: None if value == NONE and known[name]["accepts"](None) else value
        for name, value in given.items()
    }


def flag(name: str) -> str:
    """The option of an argument: `--hidden-size` of "hidden_size"."""
    return "--" + name.replace("_", "-")


def _hints(kind: type[Trainable]) -> dict[str, Any]:
    """The types of the arguments, and of nothing else that their classes annotate."""
    names = {argument.name for argument in fields(kind)}
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        written = vars(base).get("__annotations__", {})
        own = {name: hint for name, hint in written.items() if name in names}
        space = vars(sys.modules[base.__module__])
        found |= get_type_hints(SimpleNamespace(__annotations__=own), space)
    return found


def _parameter(argument: Field[Any], hint: Any) -> inspect.Parameter:
    kinds = (hint,) if get_origin(hint) is tuple else get_args(hint) or (hint,)
    annotation = _switch(argument) if bool in kinds else _value(argument, kinds)
    return inspect.Parameter(
        argument.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _switch(argument: Field[Any]) -> Any:
    """An argument that is True or False: a flag that says the opposite of its default."""
    name, help, opposite = flag(argument.name), argument.metadata["help"], not argument.default
    option = typer.Option(
        name if opposite else f"--no-{name[2:]}",
        help=help if opposite else f"turn off: {help}",
        show_default=False,
        rich_help_panel=_panel(argument.name),
        callback=lambda given: opposite if given else None,
    )
    return Annotated[bool | None, option]


def _value(argument: Field[Any], kinds: tuple[Any, ...]) -> Any:
    """Any other argument: its value as text, which is read and checked as the estimator does."""
    metavar, read = _reader(kinds)
    help, accepts = argument.metadata["help"], argument.metadata["accepts"]
    if argument.default is not None:
        # None is the default of the other arguments that accept it, and need not be typed.
        help += f", or {NONE}" if accepts(None) else ""
        help += f" [dim]\\[default: {_shown(argument.default)}][/dim]"

    def check(text: str | None) -> Any:
        if text is None or (text.lower() == NONE and accepts(None)):
            return text and NONE
        try:
            value = read(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is not {_READ_AS[read]}") from error
        if not accepts(value):
            raise typer.BadParameter(f"{text!r} is not {argument.metadata['wanted']}")
        return value

    option = typer.Option(
        flag(argument.name),
        metavar=metavar,
        help=help,
        show_default=False,
        rich_help_panel=_panel(argument.name),
        callback=check,
    )
    return Annotated[str | None, option]


def _reader(kinds: tuple[Any, ...]) -> tuple[str, Callable[[str], Any]]:
    """What an argument of these types is called in the help, and how its text is read."""
    several = next((kind for kind in kinds if get_origin(kind) is tuple), None)
    if several is not None:
        return _READERS_OF_SEVERAL[get_args(several)[0]]
    origins = {get_origin(kind) or kind for kind in kinds}
    return next(reader for kind, reader in _READERS.items() if kind in origins)


def _sizes(text: str) -> tuple[int, ...]:
    return () if text.lower() == NONE else tuple(int(size) for size in text.split(","))


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between them."""
    return tuple(float(number) for number in text.split(","))


def _names(text: str) -> str | tuple[str, ...]:
    """One name as it is, which may have a meaning of its own; several; or none at all."""
    names = tuple(name.strip() for name in text.split(","))
    if names == (NONE,):
        return ()
    return names if len(names) > 1 else text


def _weights(text: str) -> str | dict[str, float]:
    if text == "balanced":
        return text
    pairs = (pair.rpartition("=") for pair in text.split(","))
    return {label: float(weight) for label, _, weight in pairs}


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _panel(name: str) -> str:
    if name in SAVING:
        return SAVING_PANEL
    if name in FORECAST:
        return "Forecast"
    if name in VALUES:
        return "Values and times"
    if name in TEXTS:
        return "Texts"
    if name in IMAGES:
        return "Images"
    if name in SOUND:
        return "Sound"
    if name in WRITING:
        return "Writing"
    if name in NETWORK or name in _added_by(ManyToOneNetwork):
        return "Network"
    return "Network of --table" if name in _added_by(OneToOneNetwork) else "Training"


def _added_by(kind: type[Trainable]) -> set[str]:
    """The arguments that a class adds to those of `Network`."""
    return {argument.name for argument in fields(kind)} - {a.name for a in fields(Network)}


# By what a tuple holds, where one is among an argument's types.
_READERS_OF_SEVERAL: dict[Any, tuple[str, Callable[[str], Any]]] = {
    int: ("N,N,...", _sizes),
    float: ("NUMBER,NUMBER,...", numbers),
    str: ("NAME,NAME,...", _names),
}
# Else by the first of these that is among them.
_READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    dict: ("A=2,B=1", _weights),
    int: ("N", int),
    float: ("NUMBER", float),
    os.PathLike: ("FILE", Path),
    str: ("NAME", str),
}
_READ_AS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    _sizes: "one or more whole numbers with commas between them",
    numbers: "one or more numbers with commas between them",
    _weights: "balanced, nor weights by label such as spam=5,ham=1",
}
