"""The sounds of the benchmarks of speech, as their protocols cut them.

Files are read from the folder that the variable UNROLLED_DATA names.
"""

from __future__ import annotations

import csv
import io
import re
import wave
import zipfile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from text_bench.corpora import folder

RATE = 8000
# Of the official protocol of FSDD recordings 0 to 4 of each digit and speaker are the test part.
TEST, VALID = range(5), range(5, 10)
PAUSE = (0.05, 0.30)  # seconds between two digits of a string


class Spoken(NamedTuple):
    """N sounds [M] of whole numbers at 8 kHz, and their texts."""

    waves: list[NDArray[np.int16]]
    texts: list[str]


class SpokenParts(NamedTuple):
    """What is learnt from, and what is scored."""

    train: Spoken
    held: Spoken


class Recording(NamedTuple):
    """A digit that was spoken."""

    digit: str
    speaker: str
    index: int
    wave: NDArray[np.int16]


def digits(*, select: bool) -> SpokenParts:
    """FSDD: recordings 5 to 49 and the official test part, 0 to 4.

    To select by, 10 to 49 and 5 to 9.
    """
    parts = [Spoken([r.wave for r in part], [r.digit for r in part]) for part in recordings(select)]
    return SpokenParts(*parts)


def strings(*, select: bool, train: int, held: int) -> SpokenParts:
    """So many strings of 3 to 7 digits of one speaker, with silence between, of the same parts."""
    parts = recordings(select)
    return SpokenParts(
        _strings(parts[0], train, np.random.default_rng((0, select))),
        _strings(parts[1], held, np.random.default_rng((1, select))),
    )


def prompts(*, select: bool) -> SpokenParts:
    """The asterisk prompts: one speaker; a tenth that was drawn once is the test part.

    To select by, another tenth is held out, and the test part left out. Texts are lower-cased, and
    of their marks the apostrophe alone is left.
    """
    path = folder("asterisk_prompts")
    with (path / "transcripts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with zipfile.ZipFile(path / "prompts_wav.zip") as files:
        waves = {name.rpartition("/")[2]: name for name in files.namelist()}
        sounds = [_wave(files.read(waves[row["file"].rpartition("/")[2]])) for row in rows]
    texts = [spelled(row["transcript"]) for row in rows]
    order = np.random.default_rng(0).permutation(len(rows))
    tenth = len(rows) // 10
    held, train = order[:tenth], order[tenth:]
    if select:
        held, train = train[:tenth], train[tenth:]
    parts = [Spoken([sounds[i] for i in p], [texts[i] for i in p]) for p in (train, held)]
    return SpokenParts(*parts)


def spelled(text: str) -> str:
    """A text as it is said, near enough: letters, figures and apostrophes, single blanks."""
    return " ".join(re.sub(r"[^a-z0-9']+", " ", text.lower()).split())


def recordings(select: bool) -> tuple[list[Recording], list[Recording]]:
    """The recordings of FSDD to learn from and those to score."""
    found = []
    with zipfile.ZipFile(folder("fsdd") / "recordings.zip") as files:
        for name in sorted(files.namelist()):
            if name.endswith(".wav"):
                digit, speaker, index = name.rpartition("/")[2].removesuffix(".wav").split("_")
                found.append(Recording(digit, speaker, int(index), _wave(files.read(name))))
    held = VALID if select else TEST
    return (
        [r for r in found if r.index not in TEST and r.index not in held],
        [r for r in found if r.index in held],
    )


def _strings(parts: list[Recording], count: int, rng: np.random.Generator) -> Spoken:
    by_speaker: dict[str, list[Recording]] = {}
    for part in parts:
        by_speaker.setdefault(part.speaker, []).append(part)
    speakers, waves, texts = sorted(by_speaker), [], []
    for _ in range(count):
        own = by_speaker[speakers[int(rng.integers(len(speakers)))]]
        chosen = [own[i] for i in rng.integers(0, len(own), int(rng.integers(3, 8)))]
        pieces = [_silence(rng)]
        for part in chosen:
            pieces += [part.wave, _silence(rng)]
        waves.append(np.concatenate(pieces))
        texts.append("".join(part.digit for part in chosen))
    return Spoken(waves, texts)


def _silence(rng: np.random.Generator) -> NDArray[np.int16]:
    return np.zeros(int(rng.uniform(*PAUSE) * RATE), np.int16)


def _wave(content: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(content)) as sound:
        if (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) != (RATE, 2, 1):
            raise ValueError(f"a sound is not of {RATE} Hz, 16 bits and one channel")
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16)
