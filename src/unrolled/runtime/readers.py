"""What is read before a sequence is written: a vector, a label, a picture, or maps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from unrolled.runtime.layers import MAX_LAYERS
from unrolled.runtime.spec_checks import (
    check_flag,
    check_probability,
    check_size,
    fields_of,
    shown,
)

Shapes = dict[str, tuple[int, ...]]
MAX_KERNEL = 63
MAX_TURN = 180.0


@dataclass(frozen=True)
class Vector:
    """Reads C numbers, which are their own summary.

    Attributes:
        size: C.
    """

    size: int

    def __post_init__(self) -> None:
        check_size("size", self.size)

    @property
    def memory_size(self) -> int:
        """Numbers of the summary."""
        return self.size

    @property
    def most_numbers(self) -> int:
        """Numbers that the largest layer gives of a sample."""
        return self.size

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return False

    def shapes(self) -> Shapes:
        """Names and shapes of its parameters."""
        return {}


@dataclass(frozen=True)
class Label:
    """Reads one of V labels as a vector.

    Attributes:
        num_labels: V.
        embedding_size: E, numbers of a label's vector.
    """

    num_labels: int
    embedding_size: int

    def __post_init__(self) -> None:
        check_size("num_labels", self.num_labels)
        check_size("embedding_size", self.embedding_size)

    @property
    def memory_size(self) -> int:
        """Numbers of the summary."""
        return self.embedding_size

    @property
    def most_numbers(self) -> int:
        """Numbers that the largest layer gives of a sample."""
        return self.embedding_size

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return False

    def shapes(self) -> Shapes:
        """Names and shapes of its parameters."""
        return {"embedding.weight": (self.num_labels, self.embedding_size)}


@dataclass(frozen=True)
class Convolution:
    """A layer over a picture: `max over squares of relu(norm(W * x + b))`.

    Zeros stand around the picture, k // 2 on each side.

    Attributes:
        channels: of what it gives.
        kernel: k, the side of its squares of weights, an odd number.
        stride: pixels from one square to the next.
        pooling: side of the squares whose largest number is kept; 1 keeps all.
        groups: of channels that are normalised together, each sample by itself (Wu & He 2018,
            arXiv 1803.08494); 0 does not.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    pooling: int = 1
    groups: int = 0

    def __post_init__(self) -> None:
        check_size("channels", self.channels)
        check_size("kernel", self.kernel, MAX_KERNEL)
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be an odd number, got {self.kernel}")
        check_size("stride", self.stride)
        check_size("pooling", self.pooling)
        check_size("groups", self.groups, least=0)
        if self.groups and self.channels % self.groups:
            raise ValueError(
                f"groups must divide the {self.channels} channels of a layer, got {self.groups}"
            )

    def side(self, pixels: int) -> int:
        """What it makes of a side of so many pixels."""
        return ((pixels - 1) // self.stride + 1) // self.pooling


@dataclass(frozen=True)
class Augmentation:
    """How pictures are changed in training alone, each differently every time.

    What comes in from outside is the pixel at the edge.

    Attributes:
        shift: moved by up to this share of a side, each way.
        zoom: made larger or smaller by up to this share.
        turn: turned by up to so many degrees.
        flip: half of them are mirrored, left to right.
    """

    shift: float = 0.0
    zoom: float = 0.0
    turn: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        check_probability("shift", self.shift)
        check_probability("zoom", self.zoom)
        turn = self.turn
        if isinstance(turn, bool) or not isinstance(turn, int | float):
            raise ValueError(f"turn must be a number from 0 to 180, got {shown(turn)}")
        if not 0.0 <= turn <= MAX_TURN:
            raise ValueError(f"turn must be a number from 0 to 180, got {shown(turn)}")
        check_flag("flip", self.flip)

    def __bool__(self) -> bool:
        return bool(self.shift or self.zoom or self.turn or self.flip)


@dataclass(frozen=True)
class Picture:
    """Reads a picture [H, W, C]; the places of the last layer's map are what attention looks at.

    Attributes:
        height: H.
        width: W.
        channels: C, 1 (grey) or 3 (red, green, blue), or another number.
        layers: one after the other.
        augmentation: in training.
    """

    height: int
    width: int
    channels: int
    layers: tuple[Convolution, ...]
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels"):
            check_size(name, getattr(self, name))
        if not isinstance(self.layers, tuple) or not 1 <= len(self.layers) <= MAX_LAYERS:
            raise ValueError(f"layers must be 1 to {MAX_LAYERS} convolutions in a tuple")
        if not all(isinstance(layer, Convolution) for layer in self.layers):
            raise ValueError("layers must hold Convolution alone")
        if not isinstance(self.augmentation, Augmentation):
            raise ValueError(f"augmentation must be Augmentation, got {shown(self.augmentation)}")
        if min(self.grid) < 1:
            raise ValueError(
                f"{len(self.layers)} layers leave nothing of pictures of {self.height} x "
                f"{self.width} pixels; give fewer layers or less pooling"
            )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the last layer's map."""
        return self._sides()[-1]

    @property
    def memory_size(self) -> int:
        """Numbers of a place of the map."""
        return self.layers[-1].channels

    @property
    def most_numbers(self) -> int:
        """Numbers that the largest layer gives of a sample, before pooling."""
        return max(rows * columns * layer.channels for rows, columns, layer in self._maps())

    @property
    def operations(self) -> float:
        """Floating-point operations of the largest layer for a sample."""
        found, channels = 0.0, self.channels
        for rows, columns, layer in self._maps():
            found = max(found, 2.0 * rows * columns * layer.channels * channels * layer.kernel**2)
            channels = layer.channels
        return found

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return bool(self.augmentation)

    def shapes(self) -> Shapes:
        """Names and shapes of its parameters."""
        shapes: Shapes = {}
        channels = self.channels
        for i, layer in enumerate(self.layers):
            shapes |= {
                f"layers.{i}.convolution.weight": (
                    *(layer.channels, channels),
                    *(layer.kernel, layer.kernel),
                ),
                f"layers.{i}.convolution.bias": (layer.channels,),
            }
            if layer.groups:
                shapes |= {
                    f"layers.{i}.norm.weight": (layer.channels,),
                    f"layers.{i}.norm.bias": (layer.channels,),
                }
            channels = layer.channels
        return shapes

    def _sides(self) -> list[tuple[int, int]]:
        """Rows and columns of what comes in, and of what each layer gives."""
        sides = [(self.height, self.width)]
        for layer in self.layers:
            sides.append((layer.side(sides[-1][0]), layer.side(sides[-1][1])))
        return sides

    def _maps(self) -> list[tuple[int, int, Convolution]]:
        """Rows and columns of each layer before its pooling."""
        return [
            ((rows - 1) // layer.stride + 1, (columns - 1) // layer.stride + 1, layer)
            for (rows, columns), layer in zip(self._sides(), self.layers, strict=False)
        ]


@dataclass(frozen=True)
class Maps:
    """Reads vectors of M numbers, several of a sample, made elsewhere; attention looks at them.

    Attributes:
        size: M.
    """

    size: int

    def __post_init__(self) -> None:
        check_size("size", self.size)

    @property
    def memory_size(self) -> int:
        """M."""
        return self.size

    @property
    def most_numbers(self) -> int:
        """Numbers of one of the vectors."""
        return self.size

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return False

    def shapes(self) -> Shapes:
        """Names and shapes of its parameters."""
        return {}


Reader = Vector | Label | Picture | Maps
KINDS: dict[str, type[Reader]] = {
    "vector": Vector,
    "label": Label,
    "picture": Picture,
    "maps": Maps,
}


def reader_to_config(reader: Reader) -> dict[str, Any]:
    """A reader as JSON-ready dictionaries."""
    (kind,) = (name for name, known in KINDS.items() if isinstance(reader, known))
    return {"kind": kind, **asdict(reader)}


def reader_from_config(config: object) -> Reader:
    """What `reader_to_config` gave.

    Raises:
        ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
    """
    kind = config.get("kind") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"reads must be a mapping whose kind is of {', '.join(KINDS)}")
    rest = {name: value for name, value in config.items() if name != "kind"}
    fields = fields_of("reads", rest, KINDS[kind])
    if kind == "picture":
        layers = fields["layers"]
        if not isinstance(layers, list | tuple):
            raise ValueError(f"layers must be a list, got {shown(layers)}")
        fields["layers"] = tuple(
            Convolution(**fields_of("layers", layer, Convolution)) for layer in layers
        )
        if "augmentation" in fields:
            changes = fields_of("augmentation", fields["augmentation"], Augmentation)
            fields["augmentation"] = Augmentation(**changes)
    return KINDS[kind](**fields)


def fan_in(shape: tuple[int, ...]) -> int:
    """Numbers that one output of a layer's weight reads."""
    return math.prod(shape[1:])
