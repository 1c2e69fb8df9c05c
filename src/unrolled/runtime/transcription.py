"""Models that read frames and give symbols of fewer steps, as plain data; see `runtime.spec`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels.layout import recurrent_shapes
from unrolled.runtime.initial import initial_weight, recurrent_start
from unrolled.runtime.layers import MAX_LAYERS, Recurrent
from unrolled.runtime.spec import views
from unrolled.runtime.spec_checks import check_probability, check_size, fields_of, shown

# The first of the K outputs: no symbol at this step.
BLANK = 0
# Frames that one number of a convolution reads at most, and that become one step of its output.
MOST_WIDTH = 1024
# Whole numbers, as an int or as an array of them.
Count = TypeVar("Count", int, NDArray[np.int64], Any)


@dataclass(frozen=True)
class Convolution:
    """`y_t = relu(sum_k W_k x_{ts + k - left} + b)` over `width` steps, one step of s = `stride`.

    There are zeros before the first and behind the last step, so that a sequence of T steps becomes
    one of ceil(T / s), whose step t has x_{ts} in the middle of what it reads (of an even width the
    first of the middle two).

    Attributes:
        channels: numbers of a step of y.
        width: steps of x that one of y reads.
        stride: steps of x between those that two of y stand for, at most `width`.
    """

    channels: int
    width: int = 3
    stride: int = 1

    def __post_init__(self) -> None:
        check_size("channels", self.channels)
        check_size("width", self.width, MOST_WIDTH)
        check_size("stride", self.stride, MOST_WIDTH)
        if self.stride > self.width:
            raise ValueError(
                f"stride must be at most the width of a convolution, {self.width}, which would "
                f"else leave steps out, got {self.stride}"
            )

    @property
    def left(self) -> int:
        """Steps of zeros in front."""
        return (self.width - 1) // 2

    @property
    def right(self) -> int:
        """Steps of zeros behind."""
        return self.width // 2

    def steps(self, count: Count) -> Count:
        """Steps of y for so many of x."""
        return -(-count // self.stride)


@dataclass(frozen=True)
class TranscriberSpec:
    """Convolutions, a recurrent stack, and log-probabilities of K - 1 symbols and none at a step.

    It learns by connectionist temporal classification (Graves et al. 2006), see
    `unrolled.runtime.ctc`: which symbols came, not when.

    Attributes:
        input_size: F, numbers of a frame.
        output_size: K, output 0 being the blank.
        recurrent: the stack.
        convolutions: in front of it; may be none.
        input_dropout: dropout of what the stack reads.
        head_dropout: dropout of what the output layer reads.
    """

    input_size: int
    output_size: int
    recurrent: Recurrent
    convolutions: tuple[Convolution, ...] = ()
    input_dropout: float = 0.0
    head_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_size("input_size", self.input_size)
        check_size("output_size", self.output_size, least=2)
        if not isinstance(self.recurrent, Recurrent):
            raise ValueError(f"recurrent must be Recurrent, got {shown(self.recurrent)}")
        if self.recurrent.weight_dropout:
            raise ValueError("recurrent has weight_dropout, which a transcriber lacks")
        if not isinstance(self.convolutions, tuple) or len(self.convolutions) > MAX_LAYERS:
            raise ValueError(
                f"convolutions must be a tuple of at most {MAX_LAYERS}, got "
                f"{shown(self.convolutions)}"
            )
        for convolution in self.convolutions:
            if not isinstance(convolution, Convolution):
                raise ValueError(f"a convolution must be Convolution, got {shown(convolution)}")
        for name in ("input_dropout", "head_dropout"):
            check_probability(name, getattr(self, name))

    @property
    def stride(self) -> int:
        """Frames that become one step."""
        return math.prod(c.stride for c in self.convolutions)

    @property
    def step_size(self) -> int:
        """Numbers of a step that the recurrent stack reads."""
        return self.convolutions[-1].channels if self.convolutions else self.input_size

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return bool(self.input_dropout or self.recurrent.dropout or self.head_dropout)

    def steps(self, frames: Count) -> Count:
        """T', the steps for so many frames."""
        for convolution in self.convolutions:
            frames = convolution.steps(frames)
        return frames

    def aliases(self) -> dict[str, str]:
        """No parameter is another's."""
        return {}

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all parameters, in the order of the flat array."""
        shapes: dict[str, tuple[int, ...]] = {}
        size, r = self.input_size, self.recurrent
        for i, c in enumerate(self.convolutions):
            shapes[f"convolutions.{i}.weight"] = (c.channels, size, c.width)
            shapes[f"convolutions.{i}.bias"] = (c.channels,)
            size = c.channels
        stack = recurrent_shapes(
            r.cell, size, r.hidden_size, num_layers=r.num_layers, bidirectional=r.bidirectional
        )
        shapes |= {f"recurrent.{name}": shape for name, shape in stack.items()}
        shapes["head.weight"] = (self.output_size, r.output_size)
        shapes["head.bias"] = (self.output_size,)
        return shapes

    @property
    def num_parameters(self) -> int:
        """P, how many numbers the model learns."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def initial_values(self, seed: int | np.random.SeedSequence) -> NDArray[np.float32]:
        """First values [P]: torch's defaults, the stack as `Recurrent` says."""
        rng = np.random.default_rng(seed)
        flat = np.empty(self.num_parameters, np.float32)
        named = views(self, flat)
        for name, value in named.items():
            if name.startswith("recurrent."):
                fan = self.recurrent.hidden_size
            else:
                fan = math.prod(named[f"{name.rpartition('.')[0]}.weight"].shape[1:])
            initial_weight(value, fan, rng)
        recurrent_start(self.recurrent, named, rng)
        return flat

    def to_config(self) -> dict[str, Any]:
        """The spec as JSON-ready dictionaries and lists; `from_config` reads them back."""
        config = asdict(self)
        config["convolutions"] = list(config["convolutions"])
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TranscriberSpec:
        """A spec from what `to_config` gave.

        Raises:
            ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
        """
        fields = fields_of("spec", config, cls)
        fields["recurrent"] = Recurrent(**fields_of("recurrent", fields["recurrent"], Recurrent))
        convolutions = fields.get("convolutions", [])
        if not isinstance(convolutions, list | tuple):
            raise ValueError(f"convolutions must be a list, got {type(convolutions).__name__}")
        fields["convolutions"] = tuple(
            Convolution(**fields_of("a convolution", entry, Convolution)) for entry in convolutions
        )
        return cls(**fields)
