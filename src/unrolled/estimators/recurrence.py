"""The arguments of a recurrent stack, which every estimator with one takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from unrolled.estimators.options import choice, flag, real, share, whole
from unrolled.runtime.layers import INITIALS, Recurrent


@dataclass(kw_only=True, eq=False, repr=False)
class CausalRecurrence:
    """What a recurrent stack is made of, how it begins, and what is dropped in training.

    Args:
        cell: "rnn" `h_t = tanh(W_ih x_t + W_hh h_{t-1} + b)`, "gru" or "lstm".
        hidden_size: H, units of a layer and direction.
        num_layers: L, layers on top of each other.
        nonlinearity: "tanh" or "relu", for the cell "rnn".
        dropout: probability of zeroing, in training only, an output between two layers, and what
            the output layer reads.
        input_dropout: probability of zeroing what the first layer reads.
        weight_dropout: probability of zeroing a weight of the recurrence W_hh, the same ones at all
            steps of a batch (Merity, Keskar & Socher 2018, arXiv 1708.02182).
        locked_dropout: `dropout` and `input_dropout` zero the same units at every step of a
            sequence (Gal & Ghahramani 2016, arXiv 1512.05287).
        initializer: how W_hh begins: "uniform" as torch has it, "orthogonal" (Saxe, McClelland &
            Ganguli 2014, arXiv 1312.6120) or "identity", which with nonlinearity="relu" is the
            IRNN (Le, Jaitly & Hinton 2015, arXiv 1504.00941).
        forget_bias: what the bias of the forget gate of "lstm" begins with (Gers, Schmidhuber &
            Cummins 2000); None leaves torch's.
        chrono: longest span of steps to remember, from which the biases of the gates of "lstm" and
            "gru" are drawn (Tallec & Ollivier 2018, arXiv 1804.11188); 0 leaves torch's.
    """

    cell: str = field(default="gru", metadata=choice("rnn", "gru", "lstm", help="rnn, gru or lstm"))
    hidden_size: int = field(default=64, metadata=whole(1, help="units of a layer"))
    num_layers: int = field(default=1, metadata=whole(1, help="recurrent layers"))
    nonlinearity: str = field(
        default="tanh", metadata=choice("tanh", "relu", help="tanh or relu, of the cell rnn")
    )
    dropout: float = field(default=0.0, metadata=share(help="dropout after each layer"))
    input_dropout: float = field(
        default=0.0, metadata=share(help="dropout of what the first layer reads")
    )
    weight_dropout: float = field(
        default=0.0, metadata=share(help="dropout of the weights of the recurrence")
    )
    locked_dropout: bool = field(
        default=False, metadata=flag(help="drop the same units at all steps of a sequence")
    )
    initializer: str = field(
        default="uniform",
        metadata=choice(*INITIALS, help="uniform, orthogonal or identity, of the recurrence"),
    )
    forget_bias: float | None = field(
        default=None, metadata=real(-1e6, none=True, help="first bias of an lstm's forget gate")
    )
    chrono: int = field(
        default=0, metadata=whole(0, help="longest span to remember, for the first gate biases")
    )

    def _recurrent(self) -> Recurrent:
        """The stack; dropout between layers where there are several."""
        return Recurrent(
            cell=self.cell,
            hidden_size=int(self.hidden_size),
            num_layers=int(self.num_layers),
            bidirectional=self._reads_both_ways(),
            dropout=float(self.dropout) if self.num_layers > 1 else 0.0,
            nonlinearity=self.nonlinearity,
            weight_dropout=float(self.weight_dropout),
            initializer=self.initializer,
            forget_bias=None if self.forget_bias is None else float(self.forget_bias),
            chrono=int(self.chrono),
        )

    def _recurrence(self) -> dict[str, Any]:
        """The entries of a `Spec` that stand for these arguments."""
        return {
            "recurrent": self._recurrent(),
            "head_dropout": float(self.dropout),
            "input_dropout": float(self.input_dropout),
            "locked_dropout": bool(self.locked_dropout),
        }

    def _reads_both_ways(self) -> bool:
        return False


@dataclass(kw_only=True, eq=False, repr=False)
class RecurrenceArguments(CausalRecurrence):
    """A recurrent stack that may read both ways.

    Args:
        bidirectional: a second stack reads from the last step to the first.
    """

    bidirectional: bool = field(default=False, metadata=flag(help="read both ways"))

    def _reads_both_ways(self) -> bool:
        return bool(self.bidirectional)
