"""Models that read one sequence and write another, as plain data; see `unrolled.runtime.spec`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels.layout import recurrent_shapes
from unrolled.runtime.initial import initial_weight, recurrent_start
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.spec import views
from unrolled.runtime.spec_checks import (
    check_choice,
    check_flag,
    check_probability,
    check_size,
    fields_of,
    shown,
)

# The symbol that a decoder reads first, which is the end of what was written before.
FIRST = 1
ATTENTIONS = ("multiplicative", "additive", "none")
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Decoder:
    """What writes: an embedding, a recurrent stack, attention over what was read, and a head.

    `s_t = cell(e(y_{t-1}), s_{t-1})`, `a_t = tanh(W [context_t; s_t])`, scores `W_hy a_t + b`
    (Luong, Pham & Manning 2015, arXiv 1508.04025); without attention `a_t = tanh(W s_t)`.

    Attributes:
        output_size: V, symbols that it writes.
        embedding_size: E, numbers of a symbol's vector.
        recurrent: the stack, of one direction.
        attention: "multiplicative", "additive" (see `unrolled.nn.attention`), or "none".
        attention_size: A, units of "additive".
        input_feeding: a_{t-1} is an input of the stack beside the symbol (as above, 3.3); it then
            runs step by step, which takes several times as long.
        combined_size: numbers of a_t; E with `tied`.
        tied: the head's weight is the embedding's (Press & Wolf 2017, arXiv 1608.05859).
        input_dropout: dropout of what the stack reads.
        head_dropout: dropout of a_t in front of the head.
        label_smoothing: share of the target that is spread evenly over all symbols (Szegedy et al.
            2016, arXiv 1512.00567), in training only.
        scheduled_sampling: probability that a step reads, in training, the model's own likeliest
            guess for the symbol before it in place of the true one (Bengio et al. 2015,
            arXiv 1506.03099), of a first pass that reads the true ones (Mihaylova & Martins 2019,
            arXiv 1906.07651).
    """

    output_size: int
    embedding_size: int
    recurrent: Recurrent
    attention: str = "multiplicative"
    attention_size: int = 0
    input_feeding: bool = False
    combined_size: int = 0
    tied: bool = False
    input_dropout: float = 0.0
    head_dropout: float = 0.0
    label_smoothing: float = 0.0
    scheduled_sampling: float = 0.0

    def __post_init__(self) -> None:
        check_size("output_size", self.output_size)
        check_size("embedding_size", self.embedding_size)
        _check_stack("the decoder's recurrent", self.recurrent)
        if self.recurrent.bidirectional:
            raise ValueError("a decoder writes in one direction; bidirectional must be false")
        check_choice("attention", self.attention, ATTENTIONS)
        check_size("attention_size", self.attention_size, least=int(self.attention == "additive"))
        check_flag("input_feeding", self.input_feeding)
        check_size("combined_size", self.combined_size)
        check_flag("tied", self.tied)
        if self.tied and self.combined_size != self.embedding_size:
            raise ValueError(
                f"tied needs combined_size={self.embedding_size}, the size of the embedding, got "
                f"{self.combined_size}"
            )
        for name in ("input_dropout", "head_dropout", "label_smoothing", "scheduled_sampling"):
            check_probability(name, getattr(self, name))

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        between = self.recurrent.dropout
        return bool(self.input_dropout or between or self.head_dropout or self.scheduled_sampling)

    def shapes(self, memory_size: int, *, own_embedding: bool) -> Shapes:
        """Names and shapes of its parameters over memory of M numbers a step."""
        V, E, r, M = self.output_size, self.embedding_size, self.recurrent, memory_size
        H, A, C = r.hidden_size, self.attention_size, self.combined_size
        shapes: Shapes = {"embedding.weight": (V, E)} if own_embedding else {}
        read = E + C * self.input_feeding
        shapes |= _stack_shapes(r, read)
        if self.attention == "additive":
            shapes |= {
                "attention.query.weight": (A, H),
                "attention.memory.weight": (A, M),
                "attention.memory.bias": (A,),
                "attention.score.weight": (1, A),
            }
        elif self.attention == "multiplicative":
            shapes["attention.memory.weight"] = (H, M)
        shapes["combine.weight"] = (C, H + M * (self.attention != "none"))
        if not self.tied:
            shapes["head.weight"] = (V, C)
        shapes["head.bias"] = (V,)
        return shapes


@dataclass(frozen=True)
class EncoderDecoderSpec:
    """A network that reads a sequence of symbols and writes one of another length.

    The last state of the encoder, of both its directions, becomes the first of the decoder through
    a bridge: `s_0 = tanh(W h + b)` for each of its layers, and likewise c of an LSTM.

    Attributes:
        input_size: V, symbols that it reads.
        embedding_size: E, numbers of a symbol's vector.
        recurrent: the encoder's stack.
        decoder: what writes.
        shared: the decoder's embedding is the encoder's: one vocabulary for both sides.
        input_dropout: dropout of what the encoder's stack reads.
    """

    input_size: int
    embedding_size: int
    recurrent: Recurrent
    decoder: Decoder
    shared: bool = False
    input_dropout: float = 0.0

    def __post_init__(self) -> None:
        check_size("input_size", self.input_size)
        check_size("embedding_size", self.embedding_size)
        _check_stack("recurrent", self.recurrent)
        if not isinstance(self.decoder, Decoder):
            raise ValueError(f"decoder must be a Decoder, got {shown(self.decoder)}")
        check_flag("shared", self.shared)
        check_probability("input_dropout", self.input_dropout)
        ours = (self.input_size, self.embedding_size)
        theirs = (self.decoder.output_size, self.decoder.embedding_size)
        if self.shared and ours != theirs:
            raise ValueError(
                f"shared needs embeddings of one shape, got {list(ours)} of the encoder and "
                f"{list(theirs)} of the decoder"
            )

    @property
    def output_size(self) -> int:
        """V of the decoder."""
        return self.decoder.output_size

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        return bool(self.input_dropout or self.recurrent.dropout or self.decoder.draws)

    @property
    def read_size(self) -> int:
        """M, numbers of each step of what was read."""
        return self.recurrent.output_size

    @property
    def embedding_of_decoder(self) -> str:
        """The name of the decoder's embedding."""
        return f"{'encoder' if self.shared else 'decoder'}.embedding.weight"

    def aliases(self) -> dict[str, str]:
        """Parameters of the torch module that are others of them, by their names."""
        found = {}
        if self.shared:
            found["decoder.embedding.weight"] = "encoder.embedding.weight"
        if self.decoder.tied:
            found["decoder.head.weight"] = self.embedding_of_decoder
        return found

    def parameter_shapes(self) -> Shapes:
        """Names and shapes of all parameters, in the order of the flat array."""
        r, d = self.recurrent, self.decoder
        shapes: Shapes = {"encoder.embedding.weight": (self.input_size, self.embedding_size)}
        shapes |= _prefixed("encoder", _stack_shapes(r, self.embedding_size))
        shapes |= bridge_shapes(r.output_size * _states(r), d.recurrent)
        own = d.shapes(r.output_size, own_embedding=not self.shared)
        return shapes | _prefixed("decoder", own)

    @property
    def num_parameters(self) -> int:
        """P, how many numbers the model learns."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def initial_values(self, seed: int | np.random.SeedSequence) -> NDArray[np.float32]:
        """First values [P]: torch's defaults, a tied embedding normal(0, 1/E), see `Spec`."""
        rng = np.random.default_rng(seed)
        flat = np.empty(self.num_parameters, np.float32)
        named = views(self, flat)
        stacks = {"encoder": self.recurrent, "decoder": self.decoder.recurrent}
        for name, value in named.items():
            part = name.partition(".")[0]
            if name.endswith("embedding.weight"):
                value[...] = rng.standard_normal(value.shape)
                if self.decoder.tied and name == self.embedding_of_decoder:
                    value /= math.sqrt(value.shape[1])
            elif ".recurrent." in name:
                initial_weight(value, stacks[part].hidden_size, rng)
            else:
                layer = name.rpartition(".")[0]
                weight = named.get(f"{layer}.weight", named[self.embedding_of_decoder])
                initial_weight(value, weight.shape[1], rng)
        for part, stack in stacks.items():
            own = {name.removeprefix(f"{part}."): value for name, value in named.items()}
            recurrent_start(stack, own, rng)
        return flat

    def to_config(self) -> dict[str, Any]:
        """The spec as JSON-ready dictionaries; `from_config` reads them back."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> EncoderDecoderSpec:
        """A spec from what `to_config` gave.

        Raises:
            ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
        """
        fields = fields_of("spec", config, cls)
        fields["recurrent"] = Recurrent(**fields_of("recurrent", fields["recurrent"], Recurrent))
        fields["decoder"] = decoder_from_config(fields["decoder"])
        return cls(**fields)


def decoder_from_config(config: object) -> Decoder:
    """A decoder from its fields as plain data.

    Raises:
        ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
    """
    fields = fields_of("decoder", config, Decoder)
    stack = fields_of("the decoder's recurrent", fields["recurrent"], Recurrent)
    return Decoder(**{**fields, "recurrent": Recurrent(**stack)})


def bridge_shapes(size: int, recurrent: Recurrent) -> Shapes:
    """Of the layers that make a stack's first states of `size` numbers: h, and c of an LSTM."""
    together = recurrent.num_layers * recurrent.hidden_size
    shapes: Shapes = {}
    for part in ("h", "c")[: _states(recurrent)]:
        shapes |= {f"bridge.{part}.weight": (together, size), f"bridge.{part}.bias": (together,)}
    return shapes


def _states(recurrent: Recurrent) -> int:
    return 2 if recurrent.cell == "lstm" else 1


def _stack_shapes(r: Recurrent, size: int) -> Shapes:
    found = recurrent_shapes(
        r.cell, size, r.hidden_size, num_layers=r.num_layers, bidirectional=r.bidirectional
    )
    return _prefixed("recurrent", found)


def _prefixed(prefix: str, shapes: Mapping[str, tuple[int, ...]]) -> Shapes:
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def _check_stack(name: str, recurrent: object) -> None:
    if not isinstance(recurrent, Recurrent):
        raise ValueError(f"{name} must be Recurrent, got {shown(recurrent)}")
    if recurrent.weight_dropout:
        raise ValueError(f"{name} has weight_dropout, which encoders and decoders lack")
