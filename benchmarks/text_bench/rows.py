"""What a part measured, as rows of one table beside bars, published figures and a peer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Options:
    """What the command line asks of every part.

    Attributes:
        seeds: runs, with the seeds from 0 on.
        small: a few steps of small sizes, to see that everything runs.
        minutes: a run of a test of memory, and the steps of every torch.nn model, end after so
            many; None leaves it to the part.
        peers: train the torch.nn model too.
        stretch: measure what belongs to the stretches too.
        select: score the validation parts in place of the test parts; no verdicts.
        models: a folder where language models are kept and read back; None keeps none.
    """

    seeds: int = 3
    small: bool = False
    minutes: float | None = None
    peers: bool = True
    stretch: bool = True
    select: bool = False
    models: Path | None = None

    @property
    def judged(self) -> bool:
        """Whether a score can meet a bar."""
        return not (self.select or self.small)

    def seconds(self, ours: float) -> float:
        """For how long a torch.nn model may train where ours took so many minutes."""
        return 60 * (ours if self.minutes is None else min(ours, self.minutes))


class Clock:
    """Minutes since it was made: on the wall, and of the processor in all threads of the program.

    On a busy machine the second tell better what a run takes.
    """

    def __init__(self) -> None:
        self._begun = time.perf_counter(), time.process_time()

    @property
    def minutes(self) -> float:
        """On the wall."""
        return (time.perf_counter() - self._begun[0]) / 60

    @property
    def processor(self) -> float:
        """Of the processor."""
        return (time.process_time() - self._begun[1]) / 60


@dataclass(frozen=True)
class PeerRow:
    """A torch.nn model of the same size, trained by a plain loop on the same batches; one seed.

    Attributes:
        score: in the row's measure.
        seconds: of its training steps.
        ours: seconds of the same steps with the same seed here.
        steps: optimizer steps of both.
        note: what else to say of it.
    """

    score: float
    seconds: float
    ours: float
    steps: int
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes:
        what: task and model.
        measure: what the scores are.
        scores: one a seed.
        minutes: one a seed: of the whole run, with drawing or reading data and validating.
        parameters: P.
        bar: what is asked for; None: nothing is.
        stretch: what would be better still; None: nothing more.
        more_is_better: a score has to be at least the bar; else at most.
        baseline: the score of a model that learnt nothing, where this one is expected to stay.
        published: figures of others, (model, figure).
        peer: the torch.nn model; None: not trained.
        note: how the run went.
        processor: one a seed, as `minutes`: of the processor; empty where it was not taken.
    """

    what: str
    measure: str
    scores: tuple[float, ...]
    minutes: tuple[float, ...]
    parameters: int
    bar: float | None = None
    stretch: float | None = None
    more_is_better: bool = False
    baseline: float | None = None
    published: tuple[tuple[str, str], ...] = ()
    peer: PeerRow | None = None
    note: str = ""
    processor: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Mean score over the seeds."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation over n - 1; NaN of a single seed."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else float("nan")

    def reached(self, goal: float) -> bool:
        """Whether the mean is as good as a goal."""
        return self.mean >= goal if self.more_is_better else self.mean <= goal


def show(row: Row, *, judged: bool = True) -> None:
    """Print a row with all that belongs to it."""
    each = "" if len(row.scores) == 1 else f" sd {row.deviation:.2g} ({_listed(row.scores)})"
    print(
        f"  {row.what}: {row.measure} {_number(row.mean)}{each}, {row.parameters:,} parameters, "
        f"{np.mean(row.minutes):.2f} min{_processor(row)}{', ' + row.note if row.note else ''}"
    )
    if judged:
        for told in _verdicts(row):
            print(f"    {told}")
    if row.peer is not None:
        print(f"    {_peer(row.peer, row.measure)}")
    for model, figure in row.published:
        print(f"    published {model}: {figure}")
    print(end="", flush=True)


def summary(rows: Sequence[Row], *, judged: bool = True) -> str:
    """All rows as a Markdown table."""
    head = ("what", "measure", "bar", "stretch", "ours", "parameters", "minutes", "torch.nn loop")
    lines = [head, tuple("---" for _ in head)]
    for row in rows:
        spread = "" if len(row.scores) == 1 else f" ± {row.deviation:.2g}"
        peer = "-"
        if row.peer is not None:
            times = row.peer.seconds / row.peer.ours
            peer = f"{_number(row.peer.score)}, {times:.1f} times the seconds"
        cells = (
            *(row.what, row.measure, _goal(row, row.bar, judged), _goal(row, row.stretch, judged)),
            *(f"{_number(row.mean)}{spread}", f"{row.parameters:,}"),
            *(f"{np.mean(row.minutes):.2f}", peer),
        )
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def as_json(row: Row) -> dict[str, Any]:
    """A row with its mean and deviation, JSON-ready."""
    return {**asdict(row), "mean": row.mean, "deviation": row.deviation}


def _processor(row: Row) -> str:
    return f" ({np.mean(row.processor):.2f} of the processor)" if row.processor else ""


def _verdicts(row: Row) -> list[str]:
    word = "at least" if row.more_is_better else "at most"
    told = [
        f"{name}: {word} {goal:g}, {_met(row.reached(goal))}"
        for name, goal in (("bar", row.bar), ("stretch", row.stretch))
        if goal is not None
    ]
    if row.baseline is not None:
        stays = "it learnt something" if _beats(row, row.baseline) else "it stays there"
        told.append(f"baseline without memory: {_number(row.baseline)}, {stays}")
    return told


def _beats(row: Row, baseline: float) -> bool:
    """Whether a score is a tenth of the way and more from the baseline to a perfect one."""
    perfect = 1.0 if row.more_is_better else 0.0
    return abs(perfect - row.mean) < 0.9 * abs(perfect - baseline)


def _goal(row: Row, goal: float | None, judged: bool) -> str:
    if goal is None:
        return "-"
    return f"{goal:g} {_met(row.reached(goal))}" if judged else f"{goal:g}"


def _peer(peer: PeerRow, measure: str) -> str:
    note = f", {peer.note}" if peer.note else ""
    return (
        f"torch.nn, a plain loop: {measure} {_number(peer.score)}, {peer.seconds:.1f} s for "
        f"{peer.steps:,} steps, ours {peer.ours:.1f} s: {peer.seconds / peer.ours:.1f} times as "
        f"fast{note}"
    )


def _listed(values: Sequence[float]) -> str:
    return " ".join(_number(value) for value in values)


def _number(value: float) -> str:
    """Four digits, without an exponent where that is readable; 1 - 1e-6 is not 1."""
    if 0.99 < value < 1.0:
        return f"{value:.6f}"
    return f"{value:.4g}"


def _met(reached: bool) -> str:
    return "met" if reached else "MISSED"
