"""Every symbol of a text is scored once, given all before it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from language_problems import OTHER, TEXT, fitted, model, one_at_a_time, tokens_of

from unrolled.estimators.language import scoring
from unrolled.runtime.network import Network
from unrolled.runtime.train_state import Settings, TrainState

KINDS = [("character", "lstm", 1), ("word", "gru", 2), ("token", "rnn", 1)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 7, 1024])
def test_no_symbol_is_skipped_or_counted_twice(
    kind: tuple[str, str, int], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "MOST_STEPS", steps)
    monkeypatch.setattr(scoring.chunks, "__defaults__", (steps,))
    m = fitted(*kind)
    expected, _ = one_at_a_time(m, tokens_of(m, OTHER))
    found = m.log_probabilities(OTHER)
    assert len(found) == len(m.vocabulary_.encode(OTHER))
    np.testing.assert_allclose(found, expected, atol=2e-5)
    mean = -expected.mean()
    assert m.perplexity(OTHER) == pytest.approx(math.exp(mean), rel=1e-5)
    assert m.score(OTHER) == pytest.approx(-mean, rel=1e-5)
    assert m.bits_per_character(OTHER) == pytest.approx(
        -expected.sum() / math.log(2) / len(OTHER), rel=1e-5
    )


def test_named_scores() -> None:
    m = fitted()
    found = m.evaluate(OTHER)
    assert found["symbols"] == len(OTHER)
    assert found["unknown"] == pytest.approx(3 / len(OTHER)), "x, z and !"
    assert found["perplexity"] == m.perplexity(OTHER) == math.exp(found["nats"])
    assert found["bits_per_character"] == m.bits_per_character(OTHER)


def test_several_texts_count_their_ends(tmp_path: Path) -> None:
    m = fitted()
    parts = [OTHER[:40], OTHER[40:100]]
    tokens = np.concatenate([[1], *([*m.vocabulary_.encode(part), 1] for part in parts)])
    expected, _ = one_at_a_time(m, tokens)
    assert m.evaluate(parts)["symbols"] == 102
    assert m.perplexity(parts) == pytest.approx(math.exp(-expected.mean()), rel=1e-5)
    file = tmp_path / "second.txt"
    file.write_text(parts[1])
    assert m.perplexity([parts[0], file]) == m.perplexity(parts)


def test_a_chunk_of_scores_is_bounded() -> None:
    m = fitted("word")
    tokens = np.ones(100_000, np.uint8)
    sizes = [len(part) - 1 for part in scoring.chunks(m.spec_, tokens)]
    assert sum(sizes) == len(tokens) - 1
    assert max(sizes) * len(m.vocabulary_) <= scoring.MOST_SCORES


@pytest.mark.parametrize("kind", KINDS)
def test_dynamic_evaluation_scores_before_it_learns(kind: tuple[str, str, int]) -> None:
    m, rate, steps = fitted(*kind), 0.2, 11
    tokens, before = tokens_of(m, OTHER), m.weights_.copy()
    network = Network(m.spec_, m.weights_.copy())
    learning = TrainState.new(m.spec_, Settings("sgd", momentum=0.0), carry=True)
    carried, expected = scoring.zero_state(m.spec_), 0.0
    for start in range(0, len(tokens) - 1, steps):
        part = tokens[start : start + steps + 1].astype(np.int64)
        x = scoring.one_row(part[:-1])
        weights = network.flat.copy()
        same = [array.copy() for array in carried]
        expected += network.evaluate(x, part[1:], None, [scoring.ROW], carried=same)[0]
        network.train(x, part[1:], None, [scoring.ROW], [rate], learning)
        carried = same
        assert (network.flat != weights).any()
    found = scoring.dynamic_total(m.spec_, m.weights_, tokens, rate, steps)
    assert found == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(m.weights_, before)
    assert m.perplexity(OTHER, dynamic=1e-9) == pytest.approx(m.perplexity(OTHER), rel=1e-5)


def test_dynamic_evaluation_learns_what_repeats() -> None:
    m = fitted()
    text = "abab" * 150
    assert m.perplexity(text, dynamic=0.5) < 0.5 * m.perplexity(text)


def test_dynamic_evaluation_that_diverges_says_where() -> None:
    m = fitted("word", "rnn")
    with pytest.raises(FloatingPointError, match=r"dynamic evaluation diverged after \d+ of"):
        scoring.dynamic_total(m.spec_, m.weights_ * np.float32(np.nan), tokens_of(m, OTHER), 1.0, 5)


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_cache_is_the_mixture_of_its_formula(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "MOST_STEPS", 64)
    m, flatness, share = fitted("word", "lstm", 2), 0.7, 0.2
    tokens = tokens_of(m, OTHER * 2)
    by_model, states = one_at_a_time(m, tokens)
    expected = 0.0
    for t, (log_p, h) in enumerate(zip(by_model, states, strict=True)):
        entries = range(max(0, t - size), t)
        weight = np.array([math.exp(flatness * float(h @ states[i])) for i in entries])
        p = math.exp(log_p)
        if len(weight):
            hit = np.array([tokens[i + 1] == tokens[t + 1] for i in entries])
            p = (1 - share) * p + share * float(weight[hit].sum() / weight.sum())
        expected -= math.log(p)
    found = scoring.cached_total(m.spec_, m.weights_, tokens, size, flatness, share)
    assert found == pytest.approx(expected, rel=1e-5)
    perplexity = m.perplexity(OTHER * 2, cache=size, cache_share=share, cache_flatness=flatness)
    assert perplexity == pytest.approx(math.exp(expected / (len(tokens) - 1)), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dynamic": 0.0}, "dynamic must be a rate above 0"),
        ({"dynamic": "fast"}, "dynamic must be a rate above 0"),
        ({"dynamic": math.nan}, "dynamic must be a rate above 0"),
        ({"dynamic": 0.1, "cache": 3}, "do not go together"),
        ({"cache": -1}, "cache must be a whole number"),
        ({"cache": 1.5}, "cache must be a whole number"),
        ({"cache": True}, "cache must be a whole number"),
        ({"cache": 3, "cache_share": 1.0}, "cache_share must be a number from 0 to below 1"),
        ({"cache": 3, "cache_flatness": "a"}, "cache_flatness must be a number of at least 0"),
    ],
)
def test_evaluations_that_cannot_be_made(arguments: dict[str, Any], said: str) -> None:
    missing = Path("said before the file is looked for.txt")
    for call in (fitted().perplexity, fitted().bits_per_character):
        with pytest.raises(ValueError, match=said):
            call(missing, **arguments)


def test_a_perplexity_beyond_any_float_is_infinite() -> None:
    m = model(max_epochs=1).fit(TEXT)
    m.weights_ *= np.float32(1e4)
    assert m.perplexity("zz") == m.evaluate("zz")["perplexity"] == math.inf


def test_log_probabilities_are_of_one_text() -> None:
    with pytest.raises(TypeError, match="text must be one text, got list"):
        fitted().log_probabilities(["how", "are"])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [70, 10**9])
def test_likenesses_of_a_cache_are_bounded(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    m, most = fitted("word"), 4000
    tokens = np.tile(np.arange(2, 10), 50)
    expected = scoring.cached_total(m.spec_, m.weights_, tokens, size, 0.3, 0.1)
    chunks, asked = scoring.chunks, []

    def counted(*arguments: Any, most: int) -> Any:
        asked.append(most)
        return chunks(*arguments, most=most)

    monkeypatch.setattr(scoring, "MOST_SCORES", most)
    monkeypatch.setattr(scoring, "chunks", counted)
    found = scoring.cached_total(m.spec_, m.weights_, tokens, size, 0.3, 0.1)
    assert asked[0] * min(size, len(tokens)) <= most
    assert found == pytest.approx(expected, rel=1e-5)
