"""The plain loop over time, for a cell of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unrolled.nn.lengths import Lengths, host_lengths


def unroll(
    cell: Callable[[Tensor, Any], Any],
    x: Tensor,
    state: Any,
    lengths: Lengths | None = None,
) -> tuple[Tensor, Any]:
    """Call `cell` at each time step, its state handed on from step to step.

        for t in range(T):
            output[t], state = cell(x[t], state)

    Args:
        cell: any callable, called as `cell(x_t, state)` with x_t [N, ...]. It returns the next
            state, built as `state` is, or a pair (output, next state), output [N, ...]; it leaves
            the state that it was given as it was. If it returns the state alone, the output is
            that state or, of a tuple, its first tensor: h, with torch.nn's GRUCell and LSTMCell.
        x: [T, N, ...], time first, of any dtype.
        state: the initial state, a tensor [N, ...] or a tuple (of tuples) of such tensors.
        lengths: valid steps of each sequence, [N] integers from 1 to T of any integer type, in any
            order, on any device; None: all T. After its last valid step a sequence's state is
            frozen and its output 0. What stands in padding is never used.

    Returns:
        outputs [T, N, ...] and the final state, built as `state` is.

    Raises:
        TypeError: if `state` or what `cell` returns is not as said, or `lengths` holds anything
            but integers.
        ValueError: if `x` has no time step, the shape of `lengths` is not [N], a length is not
            from 1 to T, or, with `lengths`, a tensor of an output or state has not N rows.
    """
    _check_state(state)
    if x.dim() == 0 or len(x) == 0:
        raise ValueError(f"x has shape {tuple(x.shape)}, but must have at least one time step.")
    valid = None if lengths is None else _valid(x, lengths)
    outputs = []
    for t, x_t in enumerate(x):
        if valid is None:
            output, state = _output_and_state(cell(x_t, state), state)
        else:
            # In padding the cell sees a valid value again: a NaN there would come back as 0 * NaN
            # in the gradients of the weights.
            x_t = _where("x", valid[t], x_t, x[0])
            output, next_state = _output_and_state(cell(x_t, state), state)
            output = _where("output", valid[t], output, torch.zeros_like(output))
            state = _freeze(valid[t], next_state, state)
        outputs.append(output)
    return torch.stack(outputs), state


def _check_state(state: Any) -> None:
    if isinstance(state, tuple):
        for part in state:
            _check_state(part)
    elif not isinstance(state, Tensor):
        raise TypeError(
            f"state holds {_structure(state)}, but must be a tensor or a tuple of them."
        )


def _structure(state: Any) -> str:
    """How a state is built, in words: "Tensor", "(Tensor, Tensor)", ..."""
    if isinstance(state, tuple):
        return f"({', '.join(map(_structure, state))})"
    return "Tensor" if isinstance(state, Tensor) else type(state).__name__


def _output_and_state(result: Any, state: Any) -> tuple[Tensor, Any]:
    """What a cell returned as (output, next state), told apart by how `state` is built.

    No pair (tensor, s) is built as s itself is, so this is never ambiguous.
    """
    structure = _structure(state)
    if _structure(result) == structure:
        first = result[0] if isinstance(result, tuple) and result else result
        if isinstance(first, Tensor):
            return first, result
    elif _structure(result) == f"(Tensor, {structure})":
        output, next_state = result
        return output, next_state
    raise TypeError(
        f"cell returned {_structure(result)}, but with a state {structure} must return "
        f"(Tensor, {structure}), the output and the next state."
    )


def _valid(x: Tensor, lengths: Lengths) -> Tensor:
    """[T, N] bool on the device of x: whether sequence n has a step t."""
    if x.dim() < 2:
        raise ValueError(f"x has shape {tuple(x.shape)}, but with lengths must be [T, N, ...].")
    num_steps, num_sequences = x.shape[:2]
    counts = torch.from_numpy(host_lengths(lengths, num_steps, num_sequences))
    steps = torch.arange(num_steps, device="cpu")
    return (steps[:, None] < counts).to(x.device)


def _where(name: str, valid: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """`new` [N, ...] in valid rows, else `old`."""
    if new.dim() == 0 or len(new) != len(valid):
        raise ValueError(
            f"{name} has shape {tuple(new.shape)} at one step, but with lengths must have "
            f"{len(valid)} rows, one for each sequence."
        )
    return torch.where(valid.view(-1, *[1] * (new.dim() - 1)), new, old)


def _freeze(valid: Tensor, new: Any, old: Any) -> Any:
    """`_where` on each tensor of a state."""
    if isinstance(new, Tensor):
        return _where("state", valid, new, old)
    parts = [_freeze(valid, *pair) for pair in zip(new, old, strict=True)]
    return type(new)(*parts) if hasattr(new, "_fields") else tuple(parts)
