"""The page about a speech recognizer: its course, its scores, examples, and what it heard when."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled import plots
from unrolled.cli.report import Picture, Section, Sound, Table, write_report
from unrolled.cli.summary import network, training
from unrolled.cli.transcribe_scores import COMMONEST, Scored
from unrolled.data import as_waves
from unrolled.data.wave_files import wave_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

QUANTITY = "loss (CTC, nats a symbol)"
EXAMPLES = 12
DRAWN = 3
LONGEST = 15.0  # seconds of a sound that is drawn or can be listened to
LOUDEST = 0.9


def write_page(
    path: Path, model: Any, name: str, scored: Scored, guess: Mapping[str, float]
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the file.
        model: a fitted `SpeechRecognizer`.
        name: its folder.
        scored: what it heard in sounds.
        guess: the scores of the commonest text.

    Raises:
        OSError: The page cannot be written.
    """
    rows = [
        (score, round(value, 4), round(guess[score], 4) if score in guess else None)
        for score, value in scored.scores.items()
    ]
    part = scored.part
    examples = [(part.listed[i], heard, said) for i, heard, said in scored.examples(EXAMPLES)]
    shown: list[Any] = [
        (
            "The curves are the probabilities of symbols over time, grey that of none; below is "
            "the sound, by pitch."
        )
    ]
    for i, _, said in scored.examples(EXAMPLES):
        if len(shown) >= 1 + 2 * DRAWN:
            break
        (wave,) = as_waves([part.paths[i]], model.sample_rate)
        if len(wave) > LONGEST * model.sample_rate:
            continue
        figure = spikes_figure(model, wave)
        shown.append(Picture(figure, f"What was heard in {part.listed[i]}", f"Said: {said}"))
        shown.append(Sound(playable(wave, model.sample_rate), f"{part.listed[i]}: {said}"))
    if len(shown) == 1:
        shown = [f"All of these sounds are longer than {LONGEST:g} seconds, and none is drawn."]
    sections = [
        Section(
            "What was trained",
            (
                f"{network(model.spec_)}; {training(model.history_)}.",
                Picture(plots.learning_curve(model.history_, quantity=QUANTITY), "Loss by epoch"),
            ),
        ),
        Section(
            "How well it hears",
            (
                f"Of the {part.name} part ({part.described()}).",
                Table(("score", part.name, COMMONEST), rows),
                Table(("sound", "heard", "said"), examples, "Examples"),
            ),
        ),
        Section("What it heard when", shown),
    ]
    write_report(path, f"Speech recognizer {Path(name).resolve().name}", sections)


def spikes_figure(model: Any, wave: NDArray[np.float32], title: str | None = None) -> Figure:
    """What a recognizer of sound hears in a wave at its rate, over its spectrogram."""
    log_mel = model.log_mel_
    return plots.ctc_spikes(
        log_mel.apply(wave),
        model.log_probabilities([wave])[0],
        model.symbols_,
        seconds_per_frame=log_mel.step_samples / log_mel.sample_rate,
        seconds_per_step=model.seconds_per_step_,
        title=title,
    )


def playable(wave: NDArray[np.float32], sample_rate: int) -> bytes:
    """A WAV file of a wave, made softer where it would be cut."""
    return wave_bytes(wave * (LOUDEST / max(float(np.abs(wave).max()), LOUDEST)), sample_rate)
