from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from unrolled.models import EncoderDecoder
from unrolled.models.decoding import beam, greedy
from unrolled.models.writing import Writer
from unrolled.runtime.encoder_decoder import FIRST, Decoder, EncoderDecoderSpec
from unrolled.runtime.layers import Recurrent

V = 7
LENGTHS = np.array([4, 1, 3])


def model(cell: str = "gru", **more: Any) -> EncoderDecoder:
    writes = Decoder(V, 4, Recurrent(cell, 5, 2), combined_size=6, **more)
    spec = EncoderDecoderSpec(V, 4, Recurrent(cell, 3, bidirectional=True), writes)
    return EncoderDecoder(spec, 3 * spec.initial_values(1))


MODELS = [model(), model("lstm", input_feeding=True), model(attention="none")]
X = np.random.default_rng(0).integers(2, V, (4, 3))


@pytest.mark.parametrize("module", MODELS)
def test_steps_are_the_model_s_and_leave_the_state_before_alone(module: EncoderDecoder) -> None:
    writer = Writer(module.train())
    assert not module.training
    symbols = np.array([[1, 1, 1], [3, 4, 5], [2, 6, 6]])
    with torch.no_grad():
        whole = module(torch.from_numpy(X), torch.from_numpy(LENGTHS), torch.from_numpy(symbols))
    expected = whole[0].log_softmax(dim=2).numpy()
    state = writer.read(X, LENGTHS)
    for t, tokens in enumerate(symbols):
        log_p, after = writer.step(tokens, state)
        again, _ = writer.step(tokens, state)
        np.testing.assert_array_equal(log_p, again)
        np.testing.assert_allclose(log_p, expected[t], rtol=1e-4, atol=1e-5)
        log_p[...] = 0  # it is the caller's
        state = after


@pytest.mark.parametrize("module", MODELS)
@pytest.mark.parametrize("rows", [[2, 0, 0, 1], [1], [0, 1, 2], [2, 1, 0]])
def test_rows_taken_go_on_as_they_would(module: EncoderDecoder, rows: list[int]) -> None:
    writer, tokens = Writer(module), np.array([3, 4, 5])
    _, state = writer.step(np.ones(3, np.int64), writer.read(X, LENGTHS))
    whole, _ = writer.step(tokens, state)
    index = np.array(rows)
    taken = writer.take(state, index)
    some, after = writer.step(tokens[index], taken)
    np.testing.assert_allclose(some, whole[index], rtol=1e-5, atol=1e-6)
    # Once more, from several hypotheses of one row.
    last, _ = writer.step(tokens[index[::-1]], writer.take(after, np.arange(len(rows))[::-1]))
    direct, _ = writer.step(tokens[index], after)
    np.testing.assert_allclose(last, direct[::-1], rtol=1e-5, atol=1e-6)


def test_what_was_read_is_copied_only_to_drop_half_of_it() -> None:
    writer = Writer(MODELS[0])
    before = writer.read(X, LENGTHS).memory
    state = writer.take(writer.read(X, LENGTHS), np.array([0, 0, 1, 1, 2, 2]))
    assert before is not None
    for rows, copied in (([1, 1, 2, 3, 5, 4], False), ([0, 2], False), ([4, 5], True)):
        memory = writer.take(state, np.array(rows)).memory
        assert memory is not None
        assert state.memory is not None
        assert (memory.values is not state.memory.values) == copied
        assert len(memory.values) == (1 if copied else 3)


@pytest.mark.parametrize("module", MODELS)
def test_a_beam_of_one_is_greedy_and_rows_alone_are_as_among_others(module: EncoderDecoder) -> None:
    writer, first = Writer(module), np.full(3, FIRST)
    likeliest = greedy(writer, writer.read(X, LENGTHS), first, FIRST, 6)
    narrow = beam(writer, writer.read(X, LENGTHS), first, FIRST, 6, 1)
    wide = beam(writer, writer.read(X, LENGTHS), first, FIRST, 6, 4, n_best=2)
    for n, length in enumerate(LENGTHS):
        np.testing.assert_array_equal(likeliest[n].tokens, narrow[n][0].tokens)
        alone = writer.read(X[:length, n : n + 1], None)
        (own,) = beam(writer, alone, first[:1], FIRST, 6, 4, n_best=2)
        for ours, theirs in zip(wide[n], own, strict=True):
            np.testing.assert_array_equal(ours.tokens, theirs.tokens)
            assert ours.log_probability == pytest.approx(theirs.log_probability, rel=1e-4)


def test_attention_is_the_model_s() -> None:
    symbols = np.array([[1, 1, 1], [3, 4, 5]])
    found = Writer(MODELS[0]).attention(X, LENGTHS, symbols)
    assert (found.shape, found.dtype) == ((2, 3, 4), np.float32)
    np.testing.assert_allclose(found.sum(axis=2), 1.0, rtol=1e-5)
    assert not found[:, 1, 1:].any()
    with pytest.raises(ValueError, match="this model has no attention"):
        Writer(MODELS[2]).attention(X, LENGTHS, symbols)
