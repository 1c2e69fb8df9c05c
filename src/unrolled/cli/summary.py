"""What is told of a training: the data, the network, its scores, and what to type next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.cli.columns import Layout
from unrolled.cli.rows import Rows
from unrolled.cli.saved import SavedModel
from unrolled.cli.screen import count, show_facts, show_scores
from unrolled.runtime.encoder_decoder import Decoder, EncoderDecoderSpec
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import Picture
from unrolled.runtime.spec import Spec
from unrolled.runtime.transcription import TranscriberSpec
from unrolled.training.history import Record


@dataclass(frozen=True, eq=False)
class Tested:
    """Rows to test on, their file, and whether they were held out of the training file."""

    rows: Rows
    file: Path
    held_out: bool


def tell(
    saved: SavedModel,
    data: Path,
    rows: Rows,
    tested: Tested | None,
    left_out: list[str],
) -> None:
    """Print what was trained on what, how well it does, and what to type next."""
    model = saved.model
    shown = data if tested is None else tested.file
    facts = [("data", f"{data}, {_data(rows, saved.layout)}")]
    if tested is not None:
        held_out = " held out" if tested.held_out else ""
        facts.append(("test", f"{tested.file}, {count(len(tested.rows), 'row')}{held_out}"))
    if left_out:
        facts.append(("left out", f"{', '.join(left_out)} (no numbers)"))
    facts.append(("target", _target(saved, rows.targets())))
    facts += of_training(model, saved.name, ["plot", saved.name, str(shown)])
    show_facts(facts)
    parts = [("training rows", rows)] + ([("test rows", tested.rows)] if tested else [])
    scores = [(name, model.evaluate(part.X, part.targets())) for name, part in parts]
    scores.append((saved.guess.name(model), saved.guess.evaluate(model, parts[-1][1].targets())))
    show_scores(scores)


def _data(rows: Rows, layout: Layout) -> str:
    steps = rows.steps()
    if steps is None:
        if layout.kind == "text":
            return count(len(rows), "text")
        return f"{count(len(rows), 'row')} of {count(len(layout.columns), 'number')}"
    least, most = steps
    lengths = count(most, "step") if least == most else f"{least:,} to {count(most, 'step')}"
    channels = len(layout.columns) if layout.kind == "long" else 1
    return f"{count(len(rows), 'sequence')} of {lengths}, {count(channels, 'channel')}"


def _target(saved: SavedModel, y: NDArray[Any]) -> str:
    if saved.is_classifier:
        return f"{saved.layout.target}, {count(len(saved.model.classes_), 'class')}"
    return f"{saved.layout.target}, mean {np.mean(y):.4g}, standard deviation {np.std(y):.4g}"


def of_training(
    model: Any, name: str, following: list[str], *, reads: str = "", came_to: str = ""
) -> list[tuple[str, str]]:
    """Facts of any trained model, as `show_facts` takes them.

    Args:
        model: a fitted estimator.
        name: the folder that it is saved as.
        following: what to type next behind `unrolled`.
        reads: what to say behind the network.
        came_to: what to say behind the training.
    """
    return [
        ("model", f"{type(model).__name__}: {network(model.spec_)}{reads}"),
        ("training", f"{training(model.history_)}{came_to}"),
        ("engine", model.explain().splitlines()[0].removeprefix("fit: ")),
        ("saved", name),
        ("next", shlex.join(["unrolled", *following])),
    ]


def training(history: list[Record]) -> str:
    """How long a training took, and what loss it came to."""
    epochs = f"{count(len(history), 'epoch')} in {sum(r['seconds'] for r in history):.1f} s"
    watched = {r["epoch"]: r["valid_loss"] for r in history if r["valid_loss"] is not None}
    if not watched:
        return f"{epochs}, training loss {history[-1]['train_loss']:.4g} in the last one"
    best = min(watched, key=watched.__getitem__)
    return f"{epochs}, lowest validation loss {watched[best]:.4g} in epoch {best}"


def network(spec: Spec | EncoderDecoderSpec | OneToManySpec | TranscriberSpec) -> str:
    """The layers of a network and its number of parameters."""
    if isinstance(spec, EncoderDecoderSpec):
        return _reader_and_writer(spec)
    if isinstance(spec, OneToManySpec):
        return _writer_of_one(spec)
    if isinstance(spec, TranscriberSpec):
        return _transcriber(spec)
    parts = []
    if spec.embedding_size:
        parts.append(f"{count(spec.input_size, 'symbol')} as vectors of {spec.embedding_size}")
    if spec.categories:
        size = sum(size for _, size in spec.categories)
        parts.append(
            f"{count(len(spec.categories), 'feature')} of a word as {count(size, 'number')}"
        )
    if spec.recurrent is not None:
        parts.append(_stack(spec.recurrent))
    elif spec.hidden:
        parts.append(f"hidden layers of {', '.join(str(layer.size) for layer in spec.hidden)}")
    if spec.loss == "crf":
        parts.append("conditional random field")
    return "; ".join((*parts, count(spec.num_parameters, "parameter")))


def _reader_and_writer(spec: EncoderDecoderSpec) -> str:
    symbols = f"{count(spec.input_size, 'symbol')} as vectors of {spec.embedding_size}"
    parts = (f"reads {symbols}", _stack(spec.recurrent), *_writes(spec.decoder))
    return "; ".join((*parts, count(spec.num_parameters, "parameter")))


def _writer_of_one(spec: OneToManySpec) -> str:
    reads = spec.reads
    read = f"reads a {type(reads).__name__.lower()} as {count(reads.memory_size, 'number')}"
    if isinstance(reads, Picture):
        channels = ", ".join(str(layer.channels) for layer in reads.layers)
        rows, columns = reads.grid
        read = f"convolutions of {channels} channels to {rows} x {columns} places"
    return "; ".join((read, *_writes(spec.decoder), count(spec.num_parameters, "parameter")))


def _writes(d: Decoder) -> tuple[str, ...]:
    attention = "no attention" if d.attention == "none" else f"{d.attention} attention"
    return f"writes {d.output_size:,} symbols", _stack(d.recurrent), attention


def _transcriber(spec: TranscriberSpec) -> str:
    parts = [f"frames of {count(spec.input_size, 'number')}"]
    if spec.convolutions:
        channels = ", ".join(str(c.channels) for c in spec.convolutions)
        parts.append(
            f"convolutions to {channels} channels, {count(spec.stride, 'frame')} to a step"
        )
    parts += [_stack(spec.recurrent), f"{spec.output_size - 1:,} symbols and a blank"]
    return "; ".join((*parts, count(spec.num_parameters, "parameter")))


def _stack(recurrent: Recurrent) -> str:
    layers, units = count(recurrent.num_layers, "layer"), count(recurrent.hidden_size, "unit")
    ways = "both ways, " if recurrent.bidirectional else ""
    return f"{recurrent.cell}, {ways}{layers} of {units}"
