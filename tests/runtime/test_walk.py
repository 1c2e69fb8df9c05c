"""Symbols drawn and read by the kernels are those that `Sampling` draws from step to step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chain_problems import recurrent_spec

from unrolled.runtime import stepper as stepper_module
from unrolled.runtime.repeated_step import RepeatedStep
from unrolled.runtime.sampling import Sampling
from unrolled.runtime.spec import Spec, initial_values, views
from unrolled.runtime.stepper import Stepper

RULES = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.6},
    {"temperature": 3.0},
    {"temperature": 1e-9},
    {"temperature": 1e-320},
    {"top_k": 1},
    {"top_k": 4},
    {"top_k": 1000},
    {"top_k": 10**30, "temperature": 2},
    {"top_p": 0.3},
    {"top_p": 0.9},
    {"top_p": 1.0},
    {"top_p": 1e-12},
    {"top_k": 5, "top_p": 0.7, "temperature": 1.3},
]
NEVER = -2


def symbols_spec(cell: str = "lstm", V: int = 6, **changes: Any) -> Spec:
    spec = recurrent_spec(cell, tokens=True, loss="cross_entropy", **changes)
    return replace(spec, pooling="every", input_size=V, output_size=V)


def scores_of(V: int) -> Iterator[np.ndarray]:
    """Of ordinary size, equal ones, sharp ones, enormous ones, and some that bar their symbol."""
    rng = np.random.default_rng(V)
    for _ in range(8):
        yield rng.normal(size=V)
    yield np.zeros(V)
    yield rng.integers(3, size=V)
    yield 200 * rng.normal(size=V)
    yield np.float32(3e38) * rng.choice([-1, 1, 0], size=V)
    yield 1e-39 * rng.normal(size=V)
    yield np.where(rng.random(V) < 0.5, -np.inf, rng.normal(size=V)) + np.eye(V)[0] * 1000
    yield np.where(np.arange(V) == V - 1, 0.0, -np.inf)


def drawn(step: RepeatedStep, rule: Sampling, scores: np.ndarray, uniform: float) -> int:
    step.begin(scores, step(step._x, step._parts)[1])
    (symbol,) = step.draw(rule, np.array([uniform]), NEVER)
    return symbol


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_each_draw_is_that_of_sampling(rule: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    for V, barred in [(1, ()), (6, (0, 3)), (6, ()), (65, (0, 1)), (300, (299,))]:
        sampling = Sampling(**rule, barred=barred)
        spec = symbols_spec(V=V)
        step = RepeatedStep(spec, initial_values(spec, 0), 1)
        for given in scores_of(V):
            scores = given.astype(np.float32)
            if not np.isfinite(np.delete(scores, list(barred))).any():
                continue
            reached = sampling.shares(scores).cumsum()
            for uniform in [0.0, np.nextafter(1.0, 0.0), *rng.random(6)]:
                edge = np.abs(reached - uniform).min() < 1e-12 and uniform not in (0, 1)
                found = drawn(step, sampling, scores, uniform)
                assert edge or found == sampling.draw(scores, uniform)
                assert reached[found] > (reached[found - 1] if found else 0.0)


def test_a_barred_symbol_beside_which_all_others_vanish() -> None:
    spec, rng = symbols_spec(), np.random.default_rng(1)
    step = RepeatedStep(spec, initial_values(spec, 0), 1)
    sampling = Sampling(barred=(2,))
    for distance in (700.0, 740.0, 5000.0, np.inf, np.nan):
        scores = rng.normal(size=6).astype(np.float32)
        scores[2] = distance
        for uniform in rng.random(50):
            expected = sampling.shares(scores).cumsum().searchsorted(uniform, side="right")
            assert sampling.draw(scores, uniform) == expected
            assert drawn(step, sampling, scores, uniform) == expected


@pytest.mark.parametrize("rule", [{}, {"temperature": 0.0}, {"top_k": 2}, {"top_p": 0.5}], ids=str)
@pytest.mark.parametrize(
    ("scores", "barred", "said"),
    [
        ([1.0, 2.0, 3.0], (0, 1, 2), "^all symbols are barred, so that none can be drawn$"),
        ([1.0, -np.inf, -np.inf], (0,), "^all symbols are barred, so that none can be drawn$"),
        ([-np.inf] * 3, (), "^all symbols are barred, so that none can be drawn$"),
        ([1.0, np.nan, 0.0], (0,), "^a score is NaN or infinite, so that no symbol can be drawn$"),
        ([np.nan] * 3, (), "^a score is NaN or infinite"),
        ([1.0, np.inf, 0.0], (), "^a score is NaN or infinite"),
    ],
)
def test_scores_of_which_nothing_can_be_drawn(
    rule: dict[str, Any], scores: list[float], barred: tuple[int, ...], said: str
) -> None:
    sampling, spec = Sampling(**rule, barred=barred), symbols_spec(V=3)
    step, given = RepeatedStep(spec, initial_values(spec, 0), 1), np.array(scores, np.float32)
    with pytest.raises(ValueError, match=said):
        sampling.draw(given, 0.5)
    with pytest.raises(ValueError, match=said):
        drawn(step, sampling, given, 0.5)


def test_barred_symbols_are_symbols() -> None:
    spec = symbols_spec(V=3)
    step = RepeatedStep(spec, initial_values(spec, 0), 1)
    with pytest.raises(ValueError, match="barred holds 3, but a symbol is from 0 to 2"):
        drawn(step, Sampling(barred=(0, 3)), np.zeros(3, np.float32), 0.5)


WALKS = {
    "gru": symbols_spec("gru"),
    "two lstms": symbols_spec("lstm", num_layers=2, hidden_size=19),
    "relu": symbols_spec("rnn", nonlinearity="relu", num_layers=2),
    "tied": symbols_spec("lstm", tied=True),
    "wide": symbols_spec("gru", V=70, hidden_size=40),
}


def started(name: str) -> tuple[Stepper, np.ndarray, Any]:
    spec = WALKS[name]
    stepper = Stepper(spec, 2 * initial_values(spec, 1))
    scores, state = stepper.step(np.array([2]), stepper.zeros(1))
    return stepper, scores[0], state


@pytest.mark.parametrize("name", WALKS)
@pytest.mark.parametrize("compiled", [True, False])
def test_a_walk_is_step_after_draw(
    name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(stepper_module, "engine", SimpleNamespace(COMPILED=None))
    stepper, scores, state = started(name)
    sampling = Sampling(1.2, barred=(0,))
    draw, uniforms = stepper.walk(scores, state, sampling), np.random.default_rng(2).random(60)
    found = [symbol for part in np.split(uniforms, [1, 2, 30]) for symbol in draw(part, NEVER)]
    expected = []
    for uniform in uniforms:
        expected.append(sampling.draw(scores, uniform))
        given, state = stepper.step(np.array(expected[-1:]), state)
        scores = given[0]
    assert found == expected
    assert len(set(found)) > 2


@pytest.mark.parametrize("compiled", [True, False])
def test_a_walk_ends(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(stepper_module, "engine", SimpleNamespace(COMPILED=None))
    stepper, scores, state = started("gru")
    uniforms = np.random.default_rng(2).random(40)
    whole = stepper.walk(scores, state, Sampling())(uniforms, NEVER)
    end = next(symbol for symbol in whole if symbol != whole[0])
    assert stepper.walk(scores, state, Sampling())(uniforms, end) == whole[: whole.index(end) + 1]


@pytest.mark.parametrize("compiled", [True, False])
def test_what_is_drawn_before_an_error_is_kept(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind symbol 3 all scores are NaN."""
    if not compiled:
        monkeypatch.setattr(stepper_module, "engine", SimpleNamespace(COMPILED=None))
    spec = WALKS["gru"]
    flat = initial_values(spec, 1)
    views(spec, flat)["embedding.weight"][3] = np.nan
    stepper = Stepper(spec, flat)
    scores, state = stepper.step(np.array([2]), stepper.zeros(1))
    draw, uniforms = stepper.walk(scores[0], state, Sampling()), np.random.default_rng(2).random(99)
    found = draw(uniforms, NEVER)
    assert found[-1] == 3
    assert 3 not in found[:-1]
    assert len(found) > 1
    for _ in range(2):
        with pytest.raises(ValueError, match="a score is NaN or infinite"):
            draw(uniforms, NEVER)


def test_a_walk_begins_where_it_is_told() -> None:
    stepper, scores, state = started("gru")
    with pytest.raises(ValueError, match="a step takes"):
        stepper.walk(scores[:-1], state, Sampling())
    with pytest.raises(ValueError, match="a step takes"):
        stepper.walk(scores, tuple(part[:, :-1] for part in state), Sampling())
    kept = [scores.copy(), *(part.copy() for part in state)]
    stepper.walk(scores, state, Sampling())(np.full(5, 0.5), NEVER)
    for now, before in zip((scores, *state), kept, strict=True):
        np.testing.assert_array_equal(now, before)
