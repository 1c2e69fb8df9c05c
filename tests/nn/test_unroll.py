"""The plain loop: torch's cells against torch's layers, and cells of one's own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from unrolled import nn
from unrolled.nn import unroll

LENGTHS = np.array([2, 5, 1, 4])
STEPS, BATCH, INPUTS, HIDDEN = 5, 4, 3, 2
PADDING = torch.arange(STEPS)[:, None] >= torch.from_numpy(LENGTHS)
CELLS = ["RNN", "GRU", "LSTM"]


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def outcome(module, run):
    """Output, final states and the gradients of x, the initial states and the parameters."""
    x = normal(STEPS, BATCH, INPUTS, seed=1)
    x[PADDING] = torch.nan
    states = tuple(normal(BATCH, HIDDEN, seed=seed) for seed in (2, 3))
    leaves = [value.requires_grad_() for value in (x, *states)]
    output, final = run(*leaves)
    grads = [normal(*value.shape, seed=4 + k) for k, value in enumerate((output, *final))]
    grads[0][PADDING] = torch.nan
    torch.autograd.backward([output, *final], grads)
    return [output, *final, *(value.grad for value in (*leaves, *module.parameters()))]


@pytest.mark.parametrize("cell", CELLS)
def test_unrolled_cells_are_the_layers(cell):
    torch.manual_seed(5)
    one_step = getattr(torch.nn, f"{cell}Cell")(INPUTS, HIDDEN, dtype=torch.float64)
    layer = getattr(nn, cell)(INPUTS, HIDDEN, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": value for name, value in one_step.state_dict().items()})

    def by_unroll(x, h, c):
        if cell == "LSTM":
            return unroll(one_step, x, (h, c), LENGTHS)
        output, final = unroll(one_step, x, h, LENGTHS)
        return output, (final,)

    def by_layer(x, h, c):
        hx = (h[None], c[None]) if cell == "LSTM" else h[None]
        output, final = layer(x, hx, LENGTHS)
        return output, [part[0] for part in final] if cell == "LSTM" else [final[0]]

    actual, expected = outcome(one_step, by_unroll), outcome(layer, by_layer)
    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


def leaky_sum(x_t, state):
    """A cell whose output is not its state."""
    state = 0.5 * state + x_t
    return state.sum(-1, keepdim=True), state


def test_without_lengths_all_steps_count():
    outputs, state = unroll(leaky_sum, torch.ones(3, 2, 4), torch.zeros(2, 4))
    torch.testing.assert_close(state, torch.full((2, 4), 1.75))
    torch.testing.assert_close(outputs[:, 0, 0], torch.tensor([4.0, 6.0, 7.0]))
    assert outputs.shape == (3, 2, 1)


def test_lengths_freeze_the_state_and_blank_the_output():
    outputs, state = unroll(leaky_sum, torch.ones(3, 2, 4), torch.zeros(2, 4), [1, 3])
    torch.testing.assert_close(state, torch.tensor([[1.0], [1.75]]).expand(2, 4))
    torch.testing.assert_close(outputs[..., 0], torch.tensor([[4.0, 4.0], [0.0, 6.0], [0.0, 7.0]]))


class Memory(NamedTuple):
    total: torch.Tensor
    counts: tuple[torch.Tensor, torch.Tensor]


def test_a_state_may_be_a_tree_of_tuples_and_keeps_its_type():
    def cell(x_t, memory):
        assert isinstance(memory, Memory)
        steps, tokens = memory.counts
        return x_t * 2, Memory(memory.total + x_t, (steps + 1, tokens * 10 + x_t))

    tokens = torch.tensor([[1, 2], [3, -9], [4, -9]])
    zeros = torch.zeros(2, dtype=torch.int64)
    outputs, memory = unroll(cell, tokens, Memory(zeros, (zeros, zeros)), torch.tensor([3, 1]))
    assert outputs.tolist() == [[2, 4], [6, 0], [8, 0]]
    assert isinstance(memory, Memory)
    assert memory.total.tolist() == [8, 2]
    assert [count.tolist() for count in memory.counts] == [[3, 1], [134, 2]]


def test_a_cell_defined_on_positive_numbers_alone_gets_no_nan_gradient_from_padding():
    weight = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

    def cell(x_t, state):
        return torch.tanh(weight * torch.log(x_t) + state)

    x = normal(3, 2, 4).abs() + 0.1
    x[1:, 0] = 0
    unroll(cell, x, torch.zeros(2, 4, dtype=x.dtype), [1, 3])[1].sum().backward()
    together = weight.grad.clone()
    weight.grad = None
    for n, length in enumerate([1, 3]):
        unroll(cell, x[:length, n], torch.zeros(4, dtype=x.dtype))[1].sum().backward()
    torch.testing.assert_close(together, weight.grad)


def test_gradcheck():
    cell = torch.nn.LSTMCell(INPUTS, HIDDEN, dtype=torch.float64)

    def function(x, h, c):
        outputs, state = unroll(cell, x, (h, c), LENGTHS)
        return (outputs, *state)

    leaves = [normal(STEPS, BATCH, INPUTS), normal(BATCH, HIDDEN), normal(BATCH, HIDDEN, seed=1)]
    assert torch.autograd.gradcheck(function, [leaf.requires_grad_() for leaf in leaves])


X = torch.ones(3, 2, 4)
H = torch.zeros(2, 4)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((leaky_sum, X, None), TypeError, "state holds NoneType, but must be a tensor or a tuple"),
        ((leaky_sum, X, (H, [H])), TypeError, "state holds list, but must be a tensor or a tuple"),
        ((leaky_sum, X[:0], H), ValueError, "x has shape (0, 2, 4), but must have at least one "),
        ((leaky_sum, torch.tensor(1.0), H), ValueError, "x has shape (), but must have at least "),
        ((leaky_sum, X[:, 0, 0], H, [1]), ValueError, "x has shape (3,), but with lengths must be"),
        ((leaky_sum, X, H, [1, 4]), ValueError, "lengths[1] is 4, but must be from 1 to 3, "),
        ((leaky_sum, X, H, [1.0, 2.0]), TypeError, "lengths holds float64, but must hold integers"),
        (
            (lambda x, h: (h.sum(), h), X, H, [1, 2]),
            ValueError,
            "output has shape () at one step, but with lengths must have 2 rows",
        ),
        (
            (lambda x, h: (h, h[:1]), X, H, [1, 2]),
            ValueError,
            "state has shape (1, 4) at one step, but with lengths must have 2 rows",
        ),
        (
            (lambda x, h: [h, h], X, H),
            TypeError,
            "cell returned list, but with a state Tensor must return (Tensor, Tensor), the output",
        ),
        (
            (lambda x, s: s[0], X, (H, H)),
            TypeError,
            "cell returned Tensor, but with a state (Tensor, Tensor) must return (Tensor, (Tensor",
        ),
        (
            (lambda x, s: s, X, ((H, H), H)),
            TypeError,
            "cell returned ((Tensor, Tensor), Tensor), but with a state ((Tensor, Tensor), Tensor)",
        ),
    ],
)
def test_what_does_not_fit_is_named(arguments, error, sentence):
    with pytest.raises(error) as caught:
        unroll(*arguments)
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).endswith(".")


def test_a_default_device_changes_nothing():
    cell, x = torch.nn.GRUCell(2, 3), torch.ones(4, 2, 2)
    state = torch.zeros(2, 3)
    expected, _ = unroll(cell, x, state, lengths=[4, 2])
    with torch.device("meta"):
        output, _ = unroll(cell, x, state, lengths=[4, 2])
    torch.testing.assert_close(output, expected)
