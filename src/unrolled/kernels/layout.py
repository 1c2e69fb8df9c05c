"""How a recurrent network's parameters are laid out: gate order, names and shapes.

The order and the names are those of `torch.nn`, so that parameters go in and out of torch without
conversion. The letters used throughout the kernels:

    T time steps    N sequences in a batch    C inputs    H hidden units
    G gates         L layers                  D directions (2 if bidirectional)

A layer's weights are `weight_ih [G*H, C]` and `weight_hh [G*H, H]`, its biases `bias_ih [G*H]` and
`bias_hh [G*H]`; gate k is rows `k*H` to `(k+1)*H`. A layer above the first has `C = D*H` inputs.
"""

from __future__ import annotations

# rnn: h the new state.
# gru: r reset, z update, n new (candidate).
# lstm: i input, f forget, g cell (candidate), o output.
GATE_NAMES: dict[str, tuple[str, ...]] = {
    "rnn": ("h",),
    "gru": ("r", "z", "n"),
    "lstm": ("i", "f", "g", "o"),
}

GATES: dict[str, int] = {cell: len(names) for cell, names in GATE_NAMES.items()}


def recurrent_shapes(
    cell: str,
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    bidirectional: bool = False,
) -> dict[str, tuple[int, ...]]:
    """Name and shape of each parameter of a recurrent stack, in torch's order.

    Args:
        cell: "rnn", "gru" or "lstm".
        input_size: C, the number of inputs of the first layer.
        hidden_size: H, the number of hidden units of each direction.
        num_layers: L.
        bidirectional: whether each layer also runs from the end (names ending in `_reverse`).

    Returns:
        Shapes by name: `weight_ih_l0 [G*H, C]`, `weight_hh_l0 [G*H, H]`, `bias_ih_l0 [G*H]`,
        `bias_hh_l0 [G*H]`, then the same for `_l0_reverse`, `_l1`, ...

    Raises:
        ValueError: if `cell` is none of the three.
    """
    if cell not in GATES:
        raise ValueError(f"cell is {cell!r}, but must be one of {', '.join(map(repr, GATES))}.")
    rows = GATES[cell] * hidden_size
    directions = ("", "_reverse") if bidirectional else ("",)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(num_layers):
        columns = input_size if layer == 0 else len(directions) * hidden_size
        for direction in directions:
            shapes[f"weight_ih_l{layer}{direction}"] = (rows, columns)
            shapes[f"weight_hh_l{layer}{direction}"] = (rows, hidden_size)
            shapes[f"bias_ih_l{layer}{direction}"] = (rows,)
            shapes[f"bias_hh_l{layer}{direction}"] = (rows,)
    return shapes
