"""Telephone keys that are heard through noise: sound to a string of another length."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unrolled.cli.report import Picture, Section, Sound, Table
from unrolled.cli.transcribe_report_page import playable, spikes_figure
from unrolled.data import telephone_tones
from unrolled.estimators import SpeechRecognizer
from unrolled.estimators.speech.scoring import symbol_scores

RATE = 8000
WAVES, HELD_OUT, QUICK = 800, 100, 16
SHOWN = 6  # examples in the table


@dataclass(frozen=True)
class Tones:
    """A recognizer of the keys that were pressed.

    Attributes:
        model: the fitted estimator.
        scores: on sounds that it has not learnt from.
        guess: of the commonest string of training, whatever is heard.
        seconds: of the fit.
        num_waves: how many sounds were learnt from.
        examples: (heard, pressed) of some held-out sounds.
        wave: one of them.
        keys: what was pressed in it.
    """

    model: SpeechRecognizer
    scores: dict[str, float]
    guess: dict[str, float]
    seconds: float
    num_waves: int
    examples: list[tuple[str, str]]
    wave: NDArray[np.float32]
    keys: str


def learn_tones(quick: bool = False) -> Tones:
    """Learn which keys are heard in sounds, without being told when; others are held out."""
    X, y = telephone_tones(QUICK if quick else WAVES, 0, sample_rate=RATE)
    X_held, y_held = telephone_tones(HELD_OUT // 10 if quick else HELD_OUT, 1, sample_rate=RATE)
    model = SpeechRecognizer(
        sample_rate=RATE,
        convolutions=(24,),
        hidden_size=8 if quick else 32,
        num_layers=1,
        dropout=0.0,
        batch_size=8,
        max_epochs=1 if quick else 8,
        learning_rate=1e-2,
        random_state=0,
        verbose=False,
    )
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    heard = model.predict(X_held)
    commonest = Counter(y).most_common(1)[0][0]
    shown = max(range(len(y_held)), key=lambda i: (heard[i] == y_held[i], len(y_held[i]), -i))
    return Tones(
        model=model,
        scores=symbol_scores(heard, y_held, list),
        guess=symbol_scores([commonest] * len(y_held), y_held, list),
        seconds=seconds,
        num_waves=len(X),
        examples=list(zip(heard[:SHOWN], y_held, strict=False)),
        wave=X_held[shown],
        keys=y_held[shown],
    )


def tones_table(tones: Tones) -> Table:
    """Error rates beside those of one guess for all."""
    rows = [
        ("keys", *(round(of["symbol_error_rate"], 3) for of in (tones.scores, tones.guess))),
        ("strings", *(round(1 - of["exact_match"], 3) for of in (tones.scores, tones.guess))),
    ]
    return Table(
        ("error rate of", "here", "without listening", "seconds"),
        [(*row, round(tones.seconds, 1)) for row in rows],
        f"Telephone keys in noise, {tones.num_waves:,} sounds learnt, by others; without "
        "listening: always the commonest string",
    )


def tones_section(tones: Tones) -> Section:
    """The part of the report."""
    return Section(
        "Sound to text: the keys of a telephone",
        (
            (
                "Each key sounds as two tones. The network reads how loud each band of pitch is, a "
                "hundred times a second, and learns from strings alone which keys were pressed: it "
                "is never told when. Of sounds that it has not heard it gets "
                f"{1 - tones.scores['symbol_error_rate']:.1%} of the keys right."
            ),
            tones_table(tones),
            Table(("heard", "pressed"), tones.examples, "The first of the held-out sounds"),
            Picture(
                spikes_figure(tones.model, tones.wave, f"Keys {tones.keys}"),
                "Probabilities of the keys over time, above the spectrogram of the sound",
                "The probability of each key over time, grey that of none; below is the sound, by "
                "pitch, with a line where a key was written.",
            ),
            Sound(playable(tones.wave, RATE), f"The sound of {tones.keys}"),
        ),
    )
