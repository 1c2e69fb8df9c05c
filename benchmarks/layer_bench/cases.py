"""What is measured: cells, shapes, and the arithmetic of one pass."""

from __future__ import annotations

from dataclasses import dataclass

GATES = {"rnn": 1, "gru": 3, "lstm": 4, "lstm-proj": 4}
CELLS = tuple(GATES)
MODES = ("train", "infer")
PROJECTION = 64  # channels that "lstm-proj" hands on, or H / 2 if that is less


@dataclass(frozen=True)
class Shape:
    """Sizes of one layer, or of a stack of them.

    Attributes:
        batch: N sequences.
        steps: T time steps of the padded input.
        inputs: C channels.
        hidden: H units.
        layers: L stacked layers.
        bidirectional: whether each layer runs in both directions.
        shortest: sequences have random lengths from here to T; 0: all have T steps.
    """

    batch: int
    steps: int
    inputs: int
    hidden: int
    layers: int = 1
    bidirectional: bool = False
    shortest: int = 0

    @property
    def directions(self) -> int:
        """D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1


SHAPES = {
    "tiny": Shape(10, 3, 1, 64),
    "small": Shape(32, 50, 16, 64),
    "medium": Shape(64, 100, 32, 128),
    "wide": Shape(64, 100, 256, 256),
    "large": Shape(64, 50, 512, 512),
    "long": Shape(16, 1000, 16, 64),
    "packed": Shape(32, 60, 64, 128, layers=2, bidirectional=True, shortest=10),
}
QUICK = ("tiny", "small")


@dataclass(frozen=True)
class Case:
    """One cell at one shape, training or inference.

    Attributes:
        cell: "rnn" (tanh), "gru", "lstm" or "lstm-proj".
        shape: its sizes.
        mode: "train" (forward, and backward to input and weights) or "infer" (forward).
        dtype: "float32" or "float64".
        projection: P of "lstm-proj", 0 for the others.
    """

    cell: str
    shape: Shape
    mode: str
    dtype: str
    projection: int = 0

    @property
    def outputs(self) -> int:
        """Channels that one direction of a layer hands on: P with a projection, else H."""
        return self.projection or self.shape.hidden

    def flops(self, valid_steps: int) -> int:
        """Floating-point operations of the matrix products of one call.

        2 G H (C + P) a valid step of a sequence, and 2 H P for a projection, in each direction of
        each layer; training does three times that, once forward and twice backward.

        Args:
            valid_steps: sum of the lengths of all sequences.
        """
        shape, total = self.shape, 0
        for layer in range(shape.layers):
            inputs = shape.inputs if layer == 0 else shape.directions * self.outputs
            products = GATES[self.cell] * shape.hidden * (inputs + self.outputs)
            products += shape.hidden * self.projection
            total += 2 * shape.directions * products
        return total * valid_steps * (3 if self.mode == "train" else 1)


def case_of(cell: str, shape: str, mode: str, dtype: str) -> Case:
    """The case of a named shape."""
    sizes = SHAPES[shape]
    projection = min(PROJECTION, sizes.hidden // 2) if cell == "lstm-proj" else 0
    return Case(cell, sizes, mode, dtype, projection)
