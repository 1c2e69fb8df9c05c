"""The .ts format of the UCR and UEA time series archives."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class LabelledSeries:
    """What a .ts file holds.

    Attributes:
        X: N arrays [T_i, C] float64, of unequal length where the file's series are.
        y: array [N]; class labels as text, or float64 where the file declares a numeric target.
    """

    X: list[np.ndarray]
    y: np.ndarray


@dataclass(frozen=True)
class _Header:
    classes: frozenset[str]  # empty for a numeric target
    channels: int | None


def read_ts(path: str | os.PathLike[str]) -> LabelledSeries:
    """Read a .ts file: `#` comments, `@` lines, then a case a line after `@data`.

    A case is `channel:channel:...:label`, a channel is comma separated numbers. All channels of a
    case have the same length; cases may differ.

    Source: https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html

    Raises:
        ValueError: the file is not in that format, has time stamps, has no labels, or a value is
            missing; the line is named.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text.") from error
    lines = _significant(text)
    header = _read_header(lines, file)
    X: list[np.ndarray] = []
    labels: list[str] = []
    channels = header.channels
    for number, line in lines:
        where = f"{file} line {number}"
        *parts, label = line.split(":")
        label = label.strip()
        if not parts:
            raise ValueError(f"{where} has no ':' between its values and its label.")
        if header.classes and label not in header.classes:
            raise ValueError(
                f"{where} has the label {label!r}, which @classLabel does not list; "
                f"it lists {', '.join(sorted(header.classes))}."
            )
        if channels is None:
            channels = len(parts)
        if len(parts) != channels:
            raise ValueError(f"{where} has {len(parts)} channels where {channels} are expected.")
        X.append(_case(parts, where))
        labels.append(label)
    if not X:
        raise ValueError(f"{file} has no case after @data.")
    if header.classes:
        return LabelledSeries(X, np.array(labels))
    return LabelledSeries(X, _targets(labels, file))


def _significant(text: str) -> Iterator[tuple[int, str]]:
    """Line numbers and lines that are neither blank nor comments; some files use % for #."""
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if line and line[0] not in "#%":
            yield number, line


def _read_header(lines: Iterator[tuple[int, str]], file: Path) -> _Header:
    """Take the `@` lines up to and with `@data`."""
    classes: frozenset[str] = frozenset()
    labelled = False
    channels: int | None = None
    for number, line in lines:
        key, *words = line.split()
        key = key.lower()
        if key == "@data":
            if not labelled:
                raise ValueError(f"{file} has no labels; @classLabel or @targetLabel must be true.")
            return _Header(classes, channels)
        if not key.startswith("@"):
            raise ValueError(f"{file} line {number} comes before @data and does not begin with @.")
        switched_on = bool(words) and words[0].lower() == "true"
        if key == "@timestamps" and switched_on:
            raise ValueError(f"{file} line {number}: series with time stamps are not read.")
        if key == "@univariate" and switched_on:
            channels = 1
        elif key in ("@dimensions", "@dimension"):
            if len(words) != 1 or not words[0].isdecimal() or int(words[0]) < 1:
                raise ValueError(f"{file} line {number}: @dimensions must be a whole number.")
            channels = int(words[0])
        elif key == "@classlabel" and switched_on:
            if len(words) < 2:
                raise ValueError(f"{file} line {number}: @classLabel true must list the classes.")
            labelled, classes = True, frozenset(words[1:])
        elif key == "@targetlabel" and switched_on:
            labelled = True
    raise ValueError(f"{file} has no line @data.")


def _case(parts: list[str], where: str) -> np.ndarray:
    """One case as [T, C] float64."""
    channels = []
    for channel, part in enumerate(parts):
        values = []
        for step, value in enumerate(part.split(",")):
            value = value.strip()
            if value in ("?", "") or value.lower() == "nan":
                raise ValueError(
                    f"{where} has no value in channel {channel} at step {step}; fill or drop it."
                )
            try:
                values.append(float(value))
            except ValueError as error:
                raise ValueError(
                    f"{where} has {value!r} in channel {channel} at step {step}, not a number."
                ) from error
            if math.isinf(values[-1]):
                raise ValueError(
                    f"{where} has {value!r} in channel {channel} at step {step}, not a finite "
                    f"number."
                )
        channels.append(values)
        if len(values) != len(channels[0]):
            raise ValueError(
                f"{where} has {len(channels[0])} steps in channel 0 and {len(values)} in channel "
                f"{channel}; all channels of a case need the same length."
            )
    return np.ascontiguousarray(np.array(channels, dtype=np.float64).T)


def _targets(labels: list[str], file: Path) -> np.ndarray:
    targets = np.empty(len(labels))
    for i, label in enumerate(labels):
        try:
            targets[i] = float(label)
        except ValueError as error:
            raise ValueError(f"{file} has a target that is no number: {label!r}.") from error
        if not math.isfinite(targets[i]):
            raise ValueError(f"{file} has a target that is no number: {label!r}.")
    return targets
