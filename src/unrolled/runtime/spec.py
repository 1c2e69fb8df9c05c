"""A model as plain data: its layers, the names and shapes of its parameters, their first values.

Everything else is built from a `Spec`: the torch module, the saved model and its pictures. The
parameters of a model live in one flat float32 array of P numbers; the named ones are views into it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unrolled.kernels.layout import recurrent_shapes
from unrolled.runtime.initial import initial_weight, recurrent_start
from unrolled.runtime.layers import ACTIVATIONS, MAX_LAYERS, Dense, Recurrent
from unrolled.runtime.spec_checks import (
    check_choice,
    check_flag,
    check_probability,
    check_size,
    fields_of,
    shown,
)

__all__ = ["ACTIVATIONS", "Dense", "Recurrent", "Spec", "initial_values", "views"]

POOLINGS = ("last", "mean", "max", "every")
# The losses of each head, the default first.
LOSSES = {
    "point": ("squared", "absolute", "huber", "quantile"),
    "class": ("cross_entropy", "binary_cross_entropy", "crf"),
    "distribution": ("normal", "student_t", "negative_binomial"),
}
# Raw numbers that describe a distribution of one target.
DISTRIBUTION_SIZES = {"normal": 2, "student_t": 3, "negative_binomial": 2}
# Whose targets are classes, -1 where missing; those of the others are numbers.
CLASS_LOSSES = ("cross_entropy", "crf")
HEADS = tuple(LOSSES)


class AnySpec(Protocol):
    """A model as plain data: what every kind of it tells of its parameters."""

    @property
    def num_parameters(self) -> int: ...
    @property
    def output_size(self) -> int: ...
    @property
    def draws(self) -> bool: ...
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]: ...
    def aliases(self) -> dict[str, str]: ...
    def initial_values(self, seed: int | np.random.SeedSequence) -> NDArray[np.float32]: ...
    def to_config(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Spec:
    """A network from its input to its output layer, and the loss it learns by.

    Attributes:
        input_size: C, channels of an input; the number of symbols V where there is an embedding.
        output_size: K, numbers or classes that come out.
        head: "point" (numbers), "class" (one score a class) or "distribution" (the parameters of
            one for each target, see `unrolled.runtime.distributions`).
        embedding_size: E, size of a symbol's vector; 0 where the input is numbers.
        hidden: dense layers in front of the head (one to one).
        hidden_dropout: dropout after each dense layer.
        recurrent: the recurrent stack; None makes the model one to one.
        pooling: what the head reads: the "last" valid state of each direction, the "mean" or "max"
            over the valid steps, or "every" valid step: then there is an output for each.
        head_dropout: dropout in front of the head.
        tied: the head's weight is the embedding's (Press & Wolf 2017, arXiv 1608.05859).
        loss: "squared", "absolute", "huber" or "quantile" of a "point" head, "cross_entropy",
            "binary_cross_entropy" or "crf" of a "class" head; the negative log-likelihood of a
            "normal", "student_t" or "negative_binomial" distribution; None takes the head's first.
            "crf" is that of the labels of a whole sequence under a linear-chain conditional random
            field (see `unrolled.runtime.crf`), by the number of steps that have a label; it needs
            pooling "every", and a sequence's weight is that of its first step.
        quantiles: levels between 0 and 1 that the loss "quantile" asks for; the K outputs are then
            [targets, quantiles].
        categories: (V, E) of each categorical column, which are the last of the C channels: a whole
            number from 0 to V - 1 there is replaced by its row of a learned table [V, E].
        embedding_dropout: probability of zeroing a symbol's whole vector, wherever the symbol comes
            in a batch; of the embedding (Gal & Ghahramani 2016, arXiv 1512.05287).
        input_dropout: dropout of what the first recurrent layer reads.
        symbol_dropout: probability that a step's symbol, or its codes in the first `symbol_columns`
            of the categories, all together, are read as number 0, the unknown one.
        symbol_columns: how many of the categories say what the symbol is.
        locked_dropout: what is dropped of the input, between layers and in front of the head is
            the same at every step of a sequence (variational dropout, as above); a unit then lacks
            for the whole sequence, or for the window of it that a batch holds.

    All dropout is in training only, and what is left is scaled up to the same mean.
    """

    input_size: int
    output_size: int
    head: str
    embedding_size: int = 0
    hidden: tuple[Dense, ...] = ()
    hidden_dropout: float = 0.0
    recurrent: Recurrent | None = None
    pooling: str = "last"
    head_dropout: float = 0.0
    tied: bool = False
    loss: str | None = None
    quantiles: tuple[float, ...] = ()
    categories: tuple[tuple[int, int], ...] = ()
    embedding_dropout: float = 0.0
    input_dropout: float = 0.0
    symbol_dropout: float = 0.0
    symbol_columns: int = 1
    locked_dropout: bool = False

    def __post_init__(self) -> None:
        check_size("input_size", self.input_size)
        check_size("output_size", self.output_size)
        check_choice("head", self.head, HEADS)
        check_size("embedding_size", self.embedding_size, least=0)
        if not isinstance(self.hidden, tuple) or not all(isinstance(d, Dense) for d in self.hidden):
            raise ValueError(f"hidden must be a tuple of Dense layers, got {shown(self.hidden)}")
        if len(self.hidden) > MAX_LAYERS:
            raise ValueError(f"hidden has {len(self.hidden)} layers; at most {MAX_LAYERS} are read")
        check_probability("hidden_dropout", self.hidden_dropout)
        check_probability("head_dropout", self.head_dropout)
        check_choice("pooling", self.pooling, POOLINGS)
        if self.recurrent is not None and not isinstance(self.recurrent, Recurrent):
            raise ValueError(f"recurrent must be Recurrent or None, got {shown(self.recurrent)}")
        if self.recurrent is None and self.embedding_size:
            raise ValueError("embedding_size needs a recurrent stack: tokens come as sequences")
        if self.recurrent is None and self.pooling == "every":
            raise ValueError('pooling="every" needs a recurrent stack: there are no steps without')
        self._check_categories()
        self._check_dropout()
        self._check_tied()
        self._check_loss()

    def _check_categories(self) -> None:
        pairs = self.categories
        if not isinstance(pairs, tuple) or not all(
            isinstance(pair, tuple) and len(pair) == 2 for pair in pairs
        ):
            raise ValueError(
                f"categories must be pairs of a number of codes and a size, got {shown(pairs)}"
            )
        for codes, size in pairs:
            check_size("the number of codes in categories", codes)
            check_size("the size in categories", size)
        if not pairs:
            return
        if self.recurrent is None or self.embedding_size:
            raise ValueError("categories need a recurrent stack that reads numbers, not tokens")
        if len(pairs) > self.input_size:
            raise ValueError(
                f"categories are {len(pairs)} of the channels, but input_size is {self.input_size}"
            )
        check_size("the step that the recurrent stack reads", self.step_size)

    def _check_dropout(self) -> None:
        for name in ("embedding_dropout", "input_dropout", "symbol_dropout"):
            check_probability(name, getattr(self, name))
        check_flag("locked_dropout", self.locked_dropout)
        if self.embedding_dropout and not self.embedding_size:
            raise ValueError("embedding_dropout needs an embedding")
        if self.symbol_dropout and not (self.embedding_size or self.categories):
            raise ValueError("symbol_dropout needs an embedding or categories")
        check_size("symbol_columns", self.symbol_columns)
        if self.symbol_columns > max(1, len(self.categories)):
            raise ValueError(
                f"symbol_columns={self.symbol_columns} needs as many categories, got "
                f"{len(self.categories)}"
            )
        if (self.input_dropout or self.locked_dropout) and self.recurrent is None:
            raise ValueError("input_dropout and locked_dropout need a recurrent stack")

    def _check_tied(self) -> None:
        check_flag("tied", self.tied)
        if self.tied and not self.embedding_size:
            raise ValueError("tied needs an embedding, whose weight the head shares")
        if self.tied and (self.output_size, self.head_size) != (
            self.input_size,
            self.embedding_size,
        ):
            raise ValueError(
                f"tied needs a head of the embedding's shape [{self.input_size}, "
                f"{self.embedding_size}], got [{self.output_size}, {self.head_size}]; add a hidden "
                f"layer of {self.embedding_size} units or change the sizes"
            )

    def _check_loss(self) -> None:
        if self.loss is None:
            object.__setattr__(self, "loss", LOSSES[self.head][0])
        check_choice("loss", self.loss, LOSSES[self.head])
        levels = self.quantiles
        if not isinstance(levels, tuple) or not all(
            isinstance(level, float) and 0.0 < level < 1.0 for level in levels
        ):
            raise ValueError(f"quantiles must be numbers between 0 and 1, got {shown(levels)}")
        if list(levels) != sorted(set(levels)):
            raise ValueError(f"quantiles must rise, got {shown(levels)}")
        if bool(levels) != (self.loss == "quantile"):
            raise ValueError('quantiles go with the loss "quantile", and it with them')
        if self.loss == "crf" and self.pooling != "every":
            raise ValueError(
                f'the loss "crf" needs pooling="every": it is of the labels of neighbouring steps, '
                f"got {shown(self.pooling)}"
            )
        if self.output_size % self.outputs_per_target:
            what = "quantiles" if levels else f"parameters of the distribution {self.loss}"
            raise ValueError(
                f"output_size must be a multiple of the {self.outputs_per_target} {what}, got "
                f"{self.output_size}"
            )

    @property
    def outputs_per_target(self) -> int:
        """Outputs that are of one target: its quantiles, or the parameters of a distribution."""
        return DISTRIBUTION_SIZES.get(str(self.loss), max(1, len(self.quantiles)))

    @property
    def target_columns(self) -> int:
        """Columns of y where targets are numbers: one a target.

        The loss "negative_binomial" takes two, the count and the scale of its row.
        """
        targets = self.output_size // self.outputs_per_target
        return 2 * targets if self.loss == "negative_binomial" else targets

    @property
    def step_size(self) -> int:
        """How many numbers of a step the recurrent stack reads, behind all embeddings."""
        numbers = self.input_size - len(self.categories)
        return self.embedding_size or numbers + sum(size for _, size in self.categories)

    @property
    def head_size(self) -> int:
        """F, how many numbers the output layer reads."""
        if self.hidden:
            return self.hidden[-1].size
        return self.input_size if self.recurrent is None else self.recurrent.output_size

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all parameters, in the order of the flat array."""
        shapes: dict[str, tuple[int, ...]] = {}
        size = self.input_size
        if self.embedding_size:
            shapes["embedding.weight"] = (self.input_size, self.embedding_size)
        for i, table in enumerate(self.categories):
            shapes[f"categories.{i}.weight"] = table
        if self.recurrent is not None:
            r = self.recurrent
            stack = recurrent_shapes(
                r.cell,
                self.step_size,
                r.hidden_size,
                num_layers=r.num_layers,
                bidirectional=r.bidirectional,
            )
            shapes.update({f"recurrent.{name}": shape for name, shape in stack.items()})
            size = r.output_size
        for i, layer in enumerate(self.hidden):
            shapes[f"hidden.{i}.weight"] = (layer.size, size)
            shapes[f"hidden.{i}.bias"] = (layer.size,)
            size = layer.size
        if not self.tied:
            shapes["head.weight"] = (self.output_size, size)
        shapes["head.bias"] = (self.output_size,)
        if self.loss == "crf":
            labels = (self.output_size,)
            shapes |= {"crf.start": labels, "crf.end": labels, "crf.transition": labels * 2}
        return shapes

    @property
    def draws(self) -> bool:
        """Whether training draws random numbers."""
        r = self.recurrent
        of_stack = r is not None and (r.dropout or r.weight_dropout)
        of_input = self.embedding_dropout or self.input_dropout or self.symbol_dropout
        of_head = self.head_dropout or (self.hidden and self.hidden_dropout)
        return bool(of_stack or of_input or of_head)

    def initial_values(self, seed: int | np.random.SeedSequence) -> NDArray[np.float32]:
        """First values of all parameters, [P], see the function of this name."""
        return initial_values(self, seed)

    def aliases(self) -> dict[str, str]:
        """Parameters of the torch module that are others of them, by their names."""
        return {"head.weight": "embedding.weight"} if self.tied else {}

    @property
    def num_parameters(self) -> int:
        """P, how many numbers the model learns."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def to_config(self) -> dict[str, Any]:
        """The spec as JSON-ready dictionaries and lists; `from_config` reads them back."""
        config = asdict(self)
        config["hidden"] = list(config["hidden"])
        config["quantiles"] = list(config["quantiles"])
        config["categories"] = [list(pair) for pair in config["categories"]]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Spec:
        """A spec from what `to_config` gave.

        Raises:
            ValueError: a key is missing or unknown, or a value is of the wrong kind or size.
        """
        fields = fields_of("spec", config, cls)
        hidden = fields.get("hidden", ())
        if not isinstance(hidden, list | tuple):
            raise ValueError(f"hidden must be a list of layers, got {type(hidden).__name__}")
        for name in ("quantiles", "categories"):
            values = fields.get(name, ())
            if not isinstance(values, list | tuple):
                raise ValueError(f"{name} must be a list, got {type(values).__name__}")
            fields[name] = tuple(tuple(v) if isinstance(v, list) else v for v in values)
        fields["hidden"] = tuple(Dense(**fields_of("hidden", layer, Dense)) for layer in hidden)
        if fields.get("recurrent") is not None:
            fields["recurrent"] = Recurrent(
                **fields_of("recurrent", fields["recurrent"], Recurrent)
            )
        return cls(**fields)


def views(spec: AnySpec, flat: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Named parameters as views into the flat array [P]; writing to one writes to the other.

    Raises:
        ValueError: `flat` has not as many numbers as the spec has.
    """
    if flat.shape != (spec.num_parameters,):
        raise ValueError(f"flat must have shape ({spec.num_parameters},), got {flat.shape}")
    named: dict[str, NDArray[np.float32]] = {}
    start = 0
    for name, shape in spec.parameter_shapes().items():
        stop = start + math.prod(shape)
        named[name] = flat[start:stop].reshape(shape)
        start = stop
    return named


def initial_values(spec: Spec, seed: int | np.random.SeedSequence) -> NDArray[np.float32]:
    """First values of all parameters, [P] float32, the same for the same seed.

    The distributions are torch's defaults: uniform(-1/sqrt(H), 1/sqrt(H)) for a recurrent layer of
    H units, uniform(-1/sqrt(F), 1/sqrt(F)) for a dense layer of F inputs, normal(0, 1) for
    embeddings. But an embedding [V, E] that is the head's weight too begins with normal(0, 1/E),
    which is of the size of a head's weight, and a recurrent layer as `Recurrent` says; the scores
    of the loss "crf" begin with 0.
    """
    rng = np.random.default_rng(seed)
    flat = np.empty(spec.num_parameters, np.float32)
    named = views(spec, flat)
    for name, value in named.items():
        if name.startswith(("embedding.", "categories.")):
            value[...] = rng.standard_normal(value.shape)
            if spec.tied:
                value /= math.sqrt(spec.embedding_size)
        elif name.startswith("recurrent."):
            assert spec.recurrent is not None
            initial_weight(value, spec.recurrent.hidden_size, rng)
        elif name.startswith("crf."):
            value[...] = 0.0
        else:
            layer = name.rpartition(".")[0]
            # A tied head has no weight of its own.
            weight = named.get(f"{layer}.weight", named.get("embedding.weight", value))
            initial_weight(value, weight.shape[1], rng)
    if spec.recurrent is not None:
        recurrent_start(spec.recurrent, named, rng)
    return flat
