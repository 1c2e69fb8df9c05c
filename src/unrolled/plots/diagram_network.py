"""What a diagram must know of a network: the fields of a model description and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

# gates in the order of the rows of each weight
GATES = {"rnn": "", "gru": "rzn", "lstm": "ifgo"}
POOLINGS = ("last", "mean", "max", "every")
NO_RECURRENT: dict[str, Any] = {
    "cell": None,
    "nonlinearity": "tanh",
    "hidden_size": 0,
    "num_layers": 0,
    "bidirectional": False,
    "dropout": 0.0,
}


@dataclass(frozen=True)
class Network:
    """A model description, checked; `shapes` are those of torch's parameters."""

    input_size: int
    output_size: int
    head: str
    embedding_size: int
    categories: tuple[tuple[int, int], ...]  # codes, size
    hidden: tuple[tuple[int, str], ...]  # size, activation
    cell: str | None
    nonlinearity: str
    hidden_size: int
    num_layers: int
    bidirectional: bool
    dropout: float
    pooling: str
    crf: bool = False
    tied: bool = False

    @property
    def directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def state_size(self) -> int:
        """D * H: what one layer hands on at each step."""
        return self.hidden_size * len(self.directions)

    @property
    def cell_name(self) -> str:
        if self.cell == "rnn":
            return f"{self.nonlinearity} RNN"
        return (self.cell or "").upper()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter names, without the prefix of the recurrent part, and their shapes."""
        shapes: dict[str, tuple[int, ...]] = {}
        features = self.input_size
        if self.embedding_size:
            shapes["embedding.weight"] = (self.input_size, self.embedding_size)
            features = self.embedding_size
        for index, (codes, size) in enumerate(self.categories):
            shapes[f"categories.{index}.weight"] = (codes, size)
            features += size - 1
        if self.cell is not None:
            rows = max(1, len(GATES[self.cell])) * self.hidden_size
            for layer in range(self.num_layers):
                for suffix in self.directions:
                    shapes[f"weight_ih_l{layer}{suffix}"] = (rows, features)
                    shapes[f"weight_hh_l{layer}{suffix}"] = (rows, self.hidden_size)
                    shapes[f"bias_ih_l{layer}{suffix}"] = (rows,)
                    shapes[f"bias_hh_l{layer}{suffix}"] = (rows,)
                features = self.state_size
        for index, (size, _) in enumerate(self.hidden):
            shapes[f"hidden.{index}.weight"] = (size, features)
            shapes[f"hidden.{index}.bias"] = (size,)
            features = size
        shapes["head.weight"] = (self.output_size, features)
        shapes["head.bias"] = (self.output_size,)
        return shapes

    def num_parameters(self) -> int:
        K = self.output_size
        moves = K * (K + 2) if self.crf else 0
        shared = K * self.embedding_size if self.tied else 0
        return sum(prod(shape) for shape in self.shapes().values()) + moves - shared

    def output_text(self) -> str:
        if self.head == "class":
            return f"probabilities of\n{self.output_size:,} classes"
        each = " a step" if self.pooling == "every" else ""
        return ("1 number" if self.output_size == 1 else f"{self.output_size:,} numbers") + each

    def input_text(self) -> str:
        if self.embedding_size:
            return f"token, 1 of {self.input_size:,}"
        return "1 value a step" if self.input_size == 1 else f"{self.input_size:,} values a step"


def read_config(config: Mapping[str, Any]) -> Network:
    """The fields of a model description as `Spec.to_config()` writes it.

    Raises:
        ValueError: A field is missing, or the diagram does not know the cell or the pooling.
    """
    try:
        recurrent = config["recurrent"] or NO_RECURRENT
        network = Network(
            input_size=config["input_size"],
            output_size=config["output_size"],
            head=config["head"],
            embedding_size=config["embedding_size"],
            categories=tuple((codes, size) for codes, size in config.get("categories", ())),
            hidden=tuple((layer["size"], layer["activation"]) for layer in config["hidden"]),
            cell=recurrent["cell"],
            nonlinearity=recurrent["nonlinearity"],
            hidden_size=recurrent["hidden_size"],
            num_layers=recurrent["num_layers"],
            bidirectional=recurrent["bidirectional"],
            dropout=recurrent["dropout"],
            pooling=config["pooling"],
            crf=config.get("loss") == "crf",
            tied=config.get("tied", False),
        )
    except KeyError as error:
        raise ValueError(f"spec_config lacks {error}; pass what Spec.to_config() gives.") from None
    if network.cell is not None and network.cell not in GATES:
        raise ValueError(f"cell must be one of {', '.join(GATES)}, got {network.cell!r}.")
    if network.pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {network.pooling!r}.")
    return network


def shape_text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"
