"""Options are the estimators' arguments: each is there, with help, default and check."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from unrolled import (
    FeedForwardClassifier,
    FeedForwardRegressor,
    Forecaster,
    LanguageModel,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from unrolled.cli.options import arguments, parameters

ALL = (SequenceClassifier, FeedForwardClassifier, SequenceRegressor, FeedForwardRegressor)


def option(name: str) -> Any:
    """The annotation of an option, as typer reads it."""
    found = {parameter.name: parameter for parameter in parameters(*ALL)}[name]
    assert found.default is None
    return found.annotation.__metadata__[0]


@pytest.mark.parametrize("kinds", [ALL[:2], ALL[2:]])
def test_every_argument_is_there_once(kinds: Any) -> None:
    names = [parameter.name for parameter in parameters(*kinds)]
    arguments_of = {argument.name for kind in kinds for argument in fields(kind)}
    assert sorted(names) == sorted(arguments_of - {"verbose"})


def test_arguments_of_a_forecaster_are_there_but_for_its_columns() -> None:
    names = {parameter.name for parameter in parameters(Forecaster)}
    assert {argument.name for argument in fields(Forecaster)} - names == {
        "verbose", "time_column", "group_column", "target_columns", "past_columns",
        "future_columns", "static_columns",
    }  # fmt: skip


def test_arguments_of_language_models_and_taggers_are_there() -> None:
    names = [parameter.name for parameter in parameters(LanguageModel)]
    assert sorted(names) == sorted({a.name for a in fields(LanguageModel)} - {"verbose"})
    tagger = {parameter.name for parameter in parameters(SequenceTagger, without={"standardize"})}
    assert {a.name for a in fields(SequenceTagger)} - tagger == {"verbose", "standardize"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("quantiles", "0.25,0.5", (0.25, 0.5)),
        ("calendar", "hour, weekday", ("hour", "weekday")),
        ("calendar", "auto", "auto"),
        ("calendar", "none", ()),
        ("loss", "student_t", "student_t"),
        ("frequency", "none", "none"),
    ],
)
def test_text_of_a_forecaster_is_read(name: str, text: str, value: Any) -> None:
    found = {parameter.name: parameter for parameter in parameters(Forecaster)}[name]
    assert found.annotation.__metadata__[0].callback(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.5,0.1", "'0.5,0.1' is not rising numbers between 0 and 1"),
        ("half", "'half' is not one or more numbers with commas between them"),
    ],
)
def test_levels_that_will_not_do(text: str, words: str) -> None:
    found = {parameter.name: parameter for parameter in parameters(Forecaster)}["quantiles"]
    with pytest.raises(typer.BadParameter) as refused:
        found.annotation.__metadata__[0].callback(text)
    assert words in str(refused.value)


@pytest.mark.parametrize("argument", fields(SequenceClassifier) + fields(SequenceRegressor))
def test_help_and_default_are_the_estimators(argument: Any) -> None:
    if argument.name == "verbose":
        return
    found = option(argument.name)
    assert argument.metadata["help"] in found.help
    plain = isinstance(argument.default, bool) or argument.default is None
    assert plain or f"default: {argument.default}]" in found.help


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden_size", "12", 12),
        ("learning_rate", "1e-2", 0.01),
        ("cell", "lstm", "lstm"),
        ("clip_norm", "none", "none"),
        ("clip_norm", "2", 2.0),
        ("checkpoint_seconds", "None", "none"),
        ("hidden_layer_sizes", "30,20", (30, 20)),
        ("hidden_layer_sizes", "30", (30,)),
        ("checkpoint", "a/b", Path("a/b")),
        ("class_weight", "balanced", "balanced"),
        ("class_weight", "a=b=2,c=1.5", {"a=b": 2.0, "c": 1.5}),
        ("random_state", "3", 3),
        ("patience", None, None),
        ("bidirectional", True, True),
        ("bidirectional", None, None),
        ("shuffle", True, False),
        ("shuffle", None, None),
    ],
)
def test_text_of_an_option_is_read(name: str, text: Any, value: Any) -> None:
    assert option(name).callback(text) == value
    assert type(option(name).callback(text)) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("hidden_size", "0", "'0' is not a whole number of at least 1"),
        ("hidden_size", "1.5", "'1.5' is not a whole number"),
        ("learning_rate", "0", "'0' is not a number above 0"),
        ("learning_rate", "nan", "'nan' is not a number above 0"),
        ("learning_rate", "fast", "'fast' is not a number"),
        ("max_epochs", "none", "'none' is not a whole number"),
        ("cell", "GRU", "'GRU' is not one of 'rnn', 'gru', 'lstm'"),
        ("hidden_layer_sizes", "3,,4", "is not one or more whole numbers with commas between them"),
        ("class_weight", "heavy", "is not balanced, nor weights by label such as spam=5,ham=1"),
        ("random_state", "x", "'x' is not a whole number"),
        ("validation_fraction", "1", "'1' is not a number from 0 to below 1"),
    ],
)
def test_text_that_will_not_do(name: str, text: str, words: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        option(name).callback(text)
    assert words in str(refused.value)


def test_flags_say_the_opposite_of_the_default() -> None:
    assert option("bidirectional").default == "--bidirectional"
    assert option("shuffle").default == "--no-shuffle"
    assert option("shuffle").help.startswith("turn off: ")


def test_options_that_were_given() -> None:
    options = {"cell": None, "clip_norm": "none", "shuffle": False, "hidden_size": 3}
    assert arguments(SequenceClassifier, options, texts=False) == {
        "clip_norm": None,
        "shuffle": False,
        "hidden_size": 3,
    }


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (FeedForwardClassifier, {"cell": "gru"}, "--cell has no effect with --table"),
        (SequenceClassifier, {"hidden_layer_sizes": (3,)}, "--hidden-layer-sizes needs --table"),
        (SequenceClassifier, {"min_count": 2}, "--min-count needs --text"),
    ],
)
def test_options_of_another_layout(kind: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        arguments(kind, options, texts=False)
