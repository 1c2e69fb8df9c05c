"""A test of memory: its sequences, its model, its score, and the run that gives a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from text_bench import peers
from text_bench.learner import (
    Budget,
    Course,
    Draw,
    Learned,
    Model,
    Steady,
    learn,
    learn_by_torch,
)
from text_bench.rows import Options, PeerRow, Row, show


@dataclass(frozen=True)
class Task:
    """A test of memory for one cell.

    Attributes:
        what: task and cell.
        measure: what the score is.
        model: an estimator by its seed, not fitted.
        draw: X and y of so many sequences.
        score: of a fitted model on X and y.
        stop: whether a fitted model is good enough on validation sequences X and y.
        budget: when training ends without.
        course: what is trained on, given the function `stop` of a model; None: `draw` throughout.
        held: X and what `score` and `stop` need of sequences that are not trained on; None: `draw`.
        num_valid: validation sequences, drawn once a seed.
        num_test: test sequences, the same for every seed, drawn once and scored once a seed.
        more_is_better: of the score.
    """

    what: str
    measure: str
    model: Callable[[int], Model]
    draw: Draw
    score: Callable[[Model, Any, Any], float]
    stop: Callable[[Model, Any, Any], bool]
    budget: Budget
    course: Callable[[Callable[[Any], bool]], Course] | None = None
    held: Draw | None = None
    num_valid: int = 1000
    num_test: int = 10_000
    more_is_better: bool = False


def small(task: Task) -> Task:
    """A few steps and sequences, to see that a task runs."""
    return replace(task, budget=Budget(4, 1.0, 2), num_valid=8, num_test=16)


def measure(
    task: Task,
    options: Options,
    *,
    bar: float | None = None,
    stretch: float | None = None,
    baseline: float | None = None,
    published: tuple[tuple[str, str], ...] = (),
    peer: bool = True,
) -> Row:
    """Train with each seed, score, train the torch.nn model with seed 0, print and return a row."""
    if options.small:
        task = small(task)
    if options.minutes is not None:
        least = min(task.budget.minutes, options.minutes)
        task = replace(task, budget=replace(task.budget, minutes=least))
    test = _test(task)
    runs: list[tuple[float, Learned, Course]] = []
    for seed in range(options.seeds):
        model, valid = task.model(seed), _validation(task, seed)
        course = _course(task, valid)
        learned = learn(model, course, seed, task.budget)
        score = task.score(model, *(valid if options.select else test))
        runs.append((score, learned, course))
        print(
            f"    {task.what}, seed {seed}: {score:.6g}, {learned.note}, {learned.minutes:.2f} min",
            flush=True,
        )
    row = Row(
        task.what,
        task.measure,
        tuple(score for score, *_ in runs),
        tuple(learned.minutes for _, learned, _ in runs),
        model.spec_.num_parameters,
        bar,
        stretch,
        task.more_is_better,
        baseline,
        published,
        _peer(task, options, *runs[0][1:]) if peer and options.peers else None,
        note=f"steps {' '.join(f'{learned.steps:,}' for _, learned, _ in runs)}",
    )
    show(row, judged=options.judged)
    return row


def _course(task: Task, valid: tuple[Any, Any]) -> Course:
    def learnt(model: Any) -> bool:
        return task.stop(model, *valid)

    return Steady(task.draw, learnt) if task.course is None else task.course(learnt)


def _validation(task: Task, seed: int) -> tuple[Any, Any]:
    return (task.held or task.draw)(task.num_valid, np.random.default_rng((seed, 2)))


def _test(task: Task) -> tuple[Any, Any]:
    return (task.held or task.draw)(task.num_test, np.random.default_rng((0, 3)))


def _peer(task: Task, options: Options, ours: Learned, course: Course) -> PeerRow | None:
    if not peers.installed():
        print(f"    torch is not installed: {peers.COMMAND}")
        return None
    model = task.model(0)
    trained = learn_by_torch(model, course.again(), 0, ours.steps, task.budget)
    held = _validation(task, 0) if options.select else _test(task)
    done = trained.steps / ours.steps
    note = "" if done == 1 else f"stopped by the clock at {trained.steps:,} of {ours.steps:,} steps"
    return PeerRow(
        task.score(model, *held), trained.seconds, ours.seconds * done, trained.steps, note
    )
