"""Models that write a sequence from one thing, as plain data; see `unrolled.runtime.spec`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.runtime.encoder_decoder import Decoder, Shapes, bridge_shapes, decoder_from_config
from unrolled.runtime.initial import initial_weight, recurrent_start
from unrolled.runtime.layers import MAX_LAYERS, Dense
from unrolled.runtime.readers import (
    KINDS,
    Maps,
    Picture,
    Reader,
    fan_in,
    reader_from_config,
    reader_to_config,
)
from unrolled.runtime.spec import views
from unrolled.runtime.spec_checks import check_probability, fields_of, shown


@dataclass(frozen=True)
class OneToManySpec:
    """A network that reads a vector, a label, a picture or maps, and writes symbols.

    Of a picture or of maps, memory is their places [P, N, M], and the summary the mean of these;
    of a vector or a label the summary comes first, and memory is it alone, [1, N, Q]. The dense
    layers stand behind the mean, or behind the vector. The summary becomes the first state of the
    decoder through a bridge, `s_0 = tanh(W q + b)` for each of its layers, and likewise c of an
    LSTM (Vinyals et al. 2015, arXiv 1411.4555; with attention Xu et al. 2015, arXiv 1502.03044).

    Attributes:
        reads: a `Vector`, `Label`, `Picture` or `Maps`.
        decoder: what writes.
        hidden: dense layers that make the summary.
        memory_dropout: dropout of what memory and summary are made of, and behind dense layers.
    """

    reads: Reader
    decoder: Decoder
    hidden: tuple[Dense, ...] = ()
    memory_dropout: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.reads, tuple(KINDS.values())):
            raise ValueError(f"reads must be of {', '.join(KINDS)}, got {shown(self.reads)}")
        if not isinstance(self.decoder, Decoder):
            raise ValueError(f"decoder must be a Decoder, got {shown(self.decoder)}")
        if not isinstance(self.hidden, tuple) or len(self.hidden) > MAX_LAYERS:
            raise ValueError(f"hidden must be a tuple of at most {MAX_LAYERS} layers")
        if not all(isinstance(layer, Dense) for layer in self.hidden):
            raise ValueError("hidden must hold Dense alone")
        check_probability("memory_dropout", self.memory_dropout)

    @property
    def output_size(self) -> int:
        """V of the decoder."""
        return self.decoder.output_size

    @property
    def has_places(self) -> bool:
        """Whether there are several places that attention can tell apart."""
        return isinstance(self.reads, Picture | Maps)

    @property
    def summary_size(self) -> int:
        """Q, numbers of the summary."""
        return self.hidden[-1].size if self.hidden else self.reads.memory_size

    @property
    def memory_size(self) -> int:
        """M, numbers of a place of memory."""
        return self.reads.memory_size if self.has_places else self.summary_size

    @property
    def read_size(self) -> int:
        """Numbers that are held of a sample (of maps, of each of its places) as it is read."""
        return max(self.reads.most_numbers, self.summary_size)

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return bool(self.memory_dropout or self.reads.draws or self.decoder.draws)

    def aliases(self) -> dict[str, str]:
        """Parameters of the torch module that are others of them, by their names."""
        tied = self.decoder.tied
        return {"decoder.head.weight": "decoder.embedding.weight"} if tied else {}

    def parameter_shapes(self) -> Shapes:
        """Names and shapes of all parameters, in the order of the flat array."""
        shapes = {f"encoder.{name}": shape for name, shape in self.reads.shapes().items()}
        size = self.reads.memory_size
        for i, layer in enumerate(self.hidden):
            shapes[f"encoder.hidden.{i}.weight"] = (layer.size, size)
            shapes[f"encoder.hidden.{i}.bias"] = (layer.size,)
            size = layer.size
        shapes |= bridge_shapes(size, self.decoder.recurrent)
        own = self.decoder.shapes(self.memory_size, own_embedding=True)
        return shapes | {f"decoder.{name}": shape for name, shape in own.items()}

    @property
    def num_parameters(self) -> int:
        """P, how many numbers the model learns."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def initial_values(self, seed: int | np.random.SeedSequence) -> NDArray[np.float32]:
        """First values [P]: torch's defaults, a tied embedding normal(0, 1/E), see `Spec`."""
        rng = np.random.default_rng(seed)
        flat = np.empty(self.num_parameters, np.float32)
        named = views(self, flat)
        stack = self.decoder.recurrent
        for name, value in named.items():
            layer = name.rpartition(".")[0]
            if layer.endswith("embedding"):
                value[...] = rng.standard_normal(value.shape)
                if self.decoder.tied and layer == "decoder.embedding":
                    value /= math.sqrt(value.shape[1])
            elif layer.endswith("recurrent"):
                initial_weight(value, stack.hidden_size, rng)
            elif layer.endswith("norm"):
                value[...] = name.endswith("weight")
            else:
                weight = named.get(f"{layer}.weight", named["decoder.embedding.weight"])
                initial_weight(value, fan_in(weight.shape), rng)
        own = {name.removeprefix("decoder."): value for name, value in named.items()}
        recurrent_start(stack, own, rng)
        return flat

    def to_config(self) -> dict[str, Any]:
        """The spec as JSON-ready dictionaries; `from_config` reads them back."""
        return {**asdict(self), "reads": reader_to_config(self.reads)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OneToManySpec:
        """A spec from what `to_config` gave.

        Raises:
            ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
        """
        fields = fields_of("spec", config, cls)
        fields["reads"] = reader_from_config(fields["reads"])
        fields["decoder"] = decoder_from_config(fields["decoder"])
        hidden = fields.get("hidden", ())
        if not isinstance(hidden, list | tuple):
            raise ValueError(f"hidden must be a list, got {shown(hidden)}")
        fields["hidden"] = tuple(Dense(**fields_of("hidden", layer, Dense)) for layer in hidden)
        return cls(**fields)
