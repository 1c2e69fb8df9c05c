"""The arguments of an `ImageCaptioner` and a `SequenceGenerator` beside those of what writes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from unrolled.estimators.options import choice, flag, pixels, real, share, sizes, whole
from unrolled.estimators.translation.writing_arguments import AttendingArguments, WritingArguments
from unrolled.runtime.layers import Dense
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import (
    MAX_TURN,
    Augmentation,
    Convolution,
    Label,
    Maps,
    Picture,
    Reader,
    Vector,
)

READS = ("images", "vectors", "maps")
MOST_GROUPS = 8
Shape = tuple[int, ...]


def several(value: tuple[int, ...] | int) -> tuple[int, ...]:
    """One size or several as several."""
    return tuple(map(int, value)) if isinstance(value, tuple | list) else (int(value),)


@dataclass(kw_only=True, eq=False, repr=False)
class CaptionArguments(AttendingArguments):
    """What is read and how, beside what `AttendingArguments` says.

    Args:
        reads: what X is: "images" (files or pixels), "vectors" [N, C], or "maps", several vectors
            [P, M] of each sample, as another network gives them of an image's places.
        image_size: pixels of a side, or (height, width), to which images are resized; None takes
            them as they are.
        image_channels: 1 (grey) or 3; None is 1 where all images of training are grey, else 3.
        convolutions: channels of each layer of convolutions.
        kernel_size: side of a layer's squares of weights, odd.
        pool_size: side of the squares of which a layer keeps the largest; 1 keeps all.
        group_norm: channels are normalised, each sample by itself, in up to 8 groups (Wu & He 2018,
            arXiv 1803.08494).
        memory_dropout: probability of zeroing, in training only, a number of what was read.
        shift: share of a side by which images are moved at most, in training only.
        zoom: share by which they are made larger or smaller at most.
        turn: degrees by which they are turned at most.
        flip: half of them are mirrored, left to right.
        standardize: scale each channel to mean 0 and standard deviation 1 of the training part.
    """

    reads: str = field(
        default="images", metadata=choice(*READS, help="images, vectors or maps, which X is")
    )
    image_size: tuple[int, ...] | int | None = field(
        default=None, metadata=pixels(help="pixels of a side, or height,width")
    )
    image_channels: int | None = field(
        default=None, metadata=choice(None, 1, 3, help="1 (grey) or 3 (colours)")
    )
    convolutions: tuple[int, ...] | int = field(
        default=(32, 64, 128), metadata=sizes(help="channels of each layer of convolutions")
    )
    kernel_size: int = field(default=3, metadata=whole(1, help="side of the squares of weights"))
    pool_size: int = field(default=2, metadata=whole(1, help="side of the squares that are pooled"))
    group_norm: bool = field(
        default=True, metadata=flag(help="normalise channels in groups, each image by itself")
    )
    memory_dropout: float = field(default=0.0, metadata=share(help="dropout of what was read"))
    shift: float = field(
        default=0.0, metadata=share(help="share of a side by which images move in training")
    )
    zoom: float = field(
        default=0.0, metadata=share(help="share by which images grow or shrink in training")
    )
    turn: float = field(
        default=0.0, metadata=real(0.0, help="degrees by which images turn in training")
    )
    flip: bool = field(default=False, metadata=flag(help="mirror half of the images in training"))
    standardize: bool = field(
        default=True, metadata=flag(help="scale inputs, and targets of a regression")
    )

    def _check_writing(self) -> None:
        """Refuse arguments that do not go together.

        Raises:
            ValueError: images have no layers, kernel_size is even, or turn is too large.
        """
        super()._check_writing()
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be an odd number, got {self.kernel_size!r:.80}")
        if self.turn > MAX_TURN:
            raise ValueError(f"turn must be at most {MAX_TURN:g} degrees, got {self.turn!r:.80}")
        if self.reads == "images" and not several(self.convolutions):
            raise ValueError("convolutions must have one layer or more to read images, got none")

    def _spec(self, shape: Shape, num_written: int) -> OneToManySpec:
        """The model of inputs of this shape, without N and P, and so many symbols."""
        return OneToManySpec(
            reads=self._reader(shape),
            decoder=self._decoder(num_written, self.attention, self.input_feeding),
            memory_dropout=float(self.memory_dropout),
        )

    def _reader(self, shape: Shape) -> Reader:
        if self.reads == "vectors":
            return Vector(shape[0])
        if self.reads == "maps":
            return Maps(shape[0])
        layers = tuple(
            Convolution(
                channels,
                int(self.kernel_size),
                pooling=int(self.pool_size),
                groups=math.gcd(channels, MOST_GROUPS) if self.group_norm else 0,
            )
            for channels in several(self.convolutions)
        )
        changes = Augmentation(
            float(self.shift), float(self.zoom), float(self.turn), bool(self.flip)
        )
        height, width, depth = shape
        return Picture(height, width, depth, layers, changes)


@dataclass(kw_only=True, eq=False, repr=False)
class GeneratorArguments(WritingArguments):
    """What is read, beside what `WritingArguments` says.

    Args:
        hidden_layer_sizes: units of each dense layer between what is read and what writes.
        every_step: what was read is seen at every symbol; else it is the first state alone.
        memory_dropout: probability of zeroing, in training only, a number of what was read.
        standardize: scale each number of vectors to mean 0 and standard deviation 1 of training.
    """

    hidden_layer_sizes: tuple[int, ...] | int = field(
        default=(), metadata=sizes(help="units of each hidden layer")
    )
    every_step: bool = field(
        default=True, metadata=flag(help="what was read is seen at every symbol")
    )
    memory_dropout: float = field(default=0.0, metadata=share(help="dropout of what was read"))
    standardize: bool = field(
        default=True, metadata=flag(help="scale inputs, and targets of a regression")
    )

    def _spec(self, size: int, num_written: int, *, labels: bool) -> OneToManySpec:
        """The model of so many labels, or numbers of a vector, and so many symbols."""
        return OneToManySpec(
            reads=Label(size, int(self.hidden_size)) if labels else Vector(size),
            # Attention to a single place sees all of it, each time.
            decoder=self._decoder(num_written, "multiplicative" if self.every_step else "none"),
            hidden=tuple(Dense(units) for units in several(self.hidden_layer_sizes)),
            memory_dropout=float(self.memory_dropout),
        )
