"""Texts that go on from a prompt, symbol by symbol."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from language_problems import TEXT, WORDS, fitted, model

from unrolled.estimators.language import generation


@pytest.mark.parametrize("unit", ["character", "word", "token"])
def test_greedy_is_the_likeliest_symbol_each_time(unit: str) -> None:
    m, prompt = fitted(unit), "how are"
    for length in (1, 2, 5):
        text = "".join(m.generate(prompt, length, temperature=0))
        expected = prompt
        for _ in range(length):
            names = iter(m.next_probabilities(expected))
            symbol = next(name for name in names if name not in ("<unk>", "<end>"))
            gap = "" if unit == "character" or "\n" in (symbol, expected[-1]) else " "
            expected += gap + symbol
        assert prompt + text == expected


def test_next_probabilities_are_sorted_shares_of_all_symbols() -> None:
    m = fitted("word")
    found = m.next_probabilities("how are")
    assert len(found) == len(m.vocabulary_)
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert next(iter(found)) == "you", "how gives are, are with what came before gives you"
    log_p = m.log_probabilities("how are you")
    assert np.log(found["you"]) == pytest.approx(log_p[-1], abs=1e-5)


def test_pieces_come_as_they_are_drawn() -> None:
    m = fitted()
    endless = m.generate("how", None, random_state=0)
    assert isinstance(endless, Iterator)
    first = "".join(islice(endless, 300))
    assert len(first) == 300
    assert "".join(m.generate("how", 300, random_state=0)) == first
    assert "".join(m.generate("how", 300, random_state=1)) != first
    assert list(m.generate("how", 0)) == []


@pytest.mark.parametrize("rule", [{}, {"temperature": 1.7, "top_k": 9}, {"top_p": 0.8}])
def test_the_text_does_not_depend_on_how_many_symbols_are_drawn_at_once(
    rule: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    m = fitted()
    expected = [list(m.generate("how", 77, random_state=seed, **rule)) for seed in range(4)]
    for block in (1, 3, 64):
        monkeypatch.setattr(generation, "BLOCK", block)
        found = [list(m.generate("how", 77, random_state=seed, **rule)) for seed in range(4)]
        assert found == expected
    monkeypatch.setattr(generation.Stepper, "walk", draw_by_draw)
    assert [list(m.generate("how", 77, random_state=seed, **rule)) for seed in range(4)] == expected


def draw_by_draw(
    stepper: generation.Stepper, scores: Any, state: Any, sampling: generation.Sampling
) -> Any:
    """As `Stepper.walk`, each draw and each step by itself."""

    def draw(uniforms: np.ndarray, end: int) -> list[int]:
        nonlocal scores, state
        found = []
        for uniform in uniforms:
            found.append(sampling.draw(scores, uniform))
            given, state = stepper.step(np.array(found[-1:]), state)
            scores = given[0]
            if found[-1] == end:
                break
        return found

    return draw


def test_symbols_are_drawn_shortly_before_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    walk = generation.Stepper.walk

    def counted(*given: Any) -> Any:
        draw = walk(*given)

        def told(uniforms: np.ndarray, end: int) -> list[int]:
            asked.append(len(uniforms))
            return draw(uniforms, end)

        return told

    monkeypatch.setattr(generation.Stepper, "walk", counted)
    endless = fitted().generate("how", None, random_state=0)
    next(endless)
    assert asked == [1]
    next(endless)
    assert asked == [1, 2]
    assert len(list(islice(endless, 98))) == 98
    assert asked == [1, 2, 4, 8, 16, 32, 32, 32]
    for length in (1, 4, 40):
        asked.clear()
        assert len("".join(fitted().generate("how", length, random_state=0))) == length
        assert sum(asked) == length


@pytest.mark.parametrize("unit", ["word", "token"])
@pytest.mark.parametrize("prompt", ["", "how are", "how are\n", "and\nwhat"])
def test_prompt_and_text_are_one_text(unit: str, prompt: str) -> None:
    m = fitted(unit)
    drawn = list(
        generation.symbols(
            *_start(m, prompt), 40, generation.Sampling(barred=(0, 1)), np.random.default_rng(3), 1
        )
    )
    before = m.vocabulary_.encode(prompt).tolist()
    added = "".join(generation.texts(iter(drawn), m.vocabulary_.decode, before))
    assert m.vocabulary_.decode(before) + added == m.vocabulary_.decode([*before, *drawn])
    assert set(added.split()) <= set(WORDS)


def _start(m: Any, prompt: str) -> Any:
    return m._from(prompt)


def test_bytes_of_a_character_wait_for_each_other() -> None:
    """Symbols that are bytes: a text comes out when its characters are whole."""
    data = "aé😀b€".encode()

    def decode(symbols: list[int]) -> str:
        return bytes(symbols).decode("utf-8", "replace")

    for begin in (0, 1, 3, 7):
        pieces = list(generation.texts(iter(data[begin:]), decode, list(data[:begin])))
        assert "".join(pieces) == data[begin:].decode()
        assert "\ufffd" not in "".join(pieces)
    # What is never whole is said at the end.
    assert "".join(generation.texts(iter(data[:6]), decode, [])) == "aé\ufffd"


@pytest.mark.parametrize("width", [1, 2, 3])
def test_symbols_that_end_inside_a_character_never_pile_up(width: int) -> None:
    """Each symbol completes a character and begins the next, or is no character at all."""
    rest = bytes([0x80, 0x80, 0xF0, 0x9F, 0x41, 0xE6, 0xE6, 0xFF]) * 3
    for data in (("日本語" * 5).encode(), rest, "\ufffd".encode() * 9):
        parts = [data[:1], *(data[i : i + width] for i in range(1, len(data), width))]
        longest = 0

        def decode(symbols: list[int], parts: list[bytes] = parts) -> str:
            nonlocal longest
            longest = max(longest, len(symbols))
            return b"".join(parts[i] for i in symbols).decode("utf-8", "replace")

        pieces = list(generation.texts(iter(range(len(parts))), decode, []))
        assert "".join(pieces) == data.decode("utf-8", "replace")
        assert longest <= 4


def test_the_replacement_character_is_drawn_like_any_other() -> None:
    """Files that were once decoded with errors replaced hold it; a stream of it goes on."""
    m = model(max_epochs=8).fit("\ufffd" * 400)
    endless = m.generate("\ufffd", None, temperature=0)
    assert list(islice(endless, 5)) == ["\ufffd"] * 5


def test_a_long_prompt_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    m = fitted()
    expected = m.next_probabilities(TEXT[:50])
    lengths = []
    run = generation.Stepper.run

    def counted(stepper: generation.Stepper, x: np.ndarray, state: Any) -> Any:
        lengths.append(len(x))
        return run(stepper, x, state)

    monkeypatch.setattr(generation, "READ", 7)
    monkeypatch.setattr(generation.Stepper, "run", counted)
    found = m.next_probabilities(TEXT[:50])
    assert lengths == [7] * 7 + [1]
    assert list(found) == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-4)


def test_unknown_symbol_and_end_of_a_single_text_are_never_drawn() -> None:
    m = fitted()
    text = "".join(m.generate("how", 2000, temperature=5.0, random_state=0))
    assert len(text) == 2000
    assert set(text) <= set(TEXT)


def test_several_texts_end() -> None:
    texts = ["ab" * n for n in (2, 3, 4)] * 20
    m = model(max_epochs=25, bptt=12).fit(texts)
    assert m.several_
    ends = ["".join(m.generate("", 100, random_state=seed)) for seed in range(20)]
    assert np.mean([text in texts for text in ends]) > 0.7
    assert "".join(m.generate("abababab", 50, temperature=0)) == ""
    assert next(iter(m.next_probabilities("abababab"))) == "<end>"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"length": -1}, "length must be a whole number of at least 0"),
        ({"length": 2.5}, "length must be"),
        ({"length": True}, "length must be"),
        ({"temperature": -1}, "temperature must be"),
        ({"top_k": 0}, "top_k must be"),
        ({"top_p": 2.0}, "top_p must be"),
    ],
)
def test_draws_that_cannot_be_made(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fitted().generate("how", **arguments)


def test_a_prompt_is_a_text() -> None:
    with pytest.raises(TypeError, match="prompt must be a text, got list"):
        fitted().generate(["how"])  # type: ignore[arg-type]


def test_symbols_of_a_prompt_that_were_not_in_training_are_named() -> None:
    learnt = model(max_epochs=1).fit("ab " * 40)
    for call in (learnt.generate, learnt.next_probabilities):
        with pytest.warns(UserWarning, match="2 of the 4 symbols of the prompt .*: 'x', 'y'$"):
            call("axby")
        with pytest.warns(UserWarning, match="7 of the 7 .*: 'c', 'd', 'e', 'f', 'g' and others$"):
            call("cdefghi")
        call("ab")
