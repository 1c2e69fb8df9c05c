"""What the tests of the layers share: pairs of ours and torch.nn's, and all that they give."""

from __future__ import annotations

import torch

from unrolled import nn

CELLS = ["RNN", "GRU", "LSTM"]
TOLERANCE = {
    torch.float32: {"rtol": 2e-4, "atol": 2e-5},
    torch.float64: {"rtol": 1e-9, "atol": 1e-11},
}


def pair(cell, *sizes, seed=0, dtype=torch.float64, **options):
    """(ours, torch.nn's) with the same parameters."""
    torch.manual_seed(seed)
    own = getattr(torch.nn, cell)(*sizes, dtype=dtype, **options)
    layer = getattr(nn, cell)(*sizes, dtype=dtype, **options)
    layer.load_state_dict(own.state_dict())
    return layer, own


def normal(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def states(layer, batch, seed=2, dtype=torch.float64):
    """Initial states as the layer takes them; `batch` None: unbatched."""
    rows = layer.num_layers * (1 + layer.bidirectional)
    between = () if batch is None else (batch,)
    h = normal(rows, *between, layer.proj_size or layer.hidden_size, seed=seed, dtype=dtype)
    if not isinstance(layer, torch.nn.LSTM):
        return h
    return h, normal(rows, *between, layer.hidden_size, seed=seed + 1, dtype=dtype)


def tensors(result):
    """All tensors of a call's result: output (or a PackedSequence's data) and final states."""
    output, final = result
    if isinstance(output, torch.nn.utils.rnn.PackedSequence):
        output = output.data
    return [output, *final] if isinstance(final, tuple) else [output, final]


def outcome(layer, input, hx=None, *, weigh=(True, True, True), **arguments):
    """What comes out, and the gradients of every leaf that came in.

    `weigh`: which of output, h_n and c_n take part in the loss.
    """
    layer.zero_grad()
    results = tensors(layer(input, hx, **arguments))
    loss = sum(
        (normal(*result.shape, seed=9 + k, dtype=result.dtype) * result).sum()
        for k, (result, taken) in enumerate(zip(results, weigh, strict=False))
        if taken
    )
    given = input.data if isinstance(input, torch.nn.utils.rnn.PackedSequence) else input
    leaves = [given, *((hx if isinstance(hx, tuple) else (hx,)) if hx is not None else ())]
    leaves = [leaf for leaf in (*leaves, *layer.parameters()) if leaf.requires_grad]
    grads = torch.autograd.grad(loss, leaves, materialize_grads=True) if leaves else []
    return [*(result.detach() for result in results), *grads]


def assert_same(actual, expected, dtype=torch.float64):
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE[dtype])
