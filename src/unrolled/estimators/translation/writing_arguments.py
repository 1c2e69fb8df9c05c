"""The arguments of estimators that write texts: their symbols, the decoder, and how it writes."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrolled.estimators.arguments import LearningArguments
from unrolled.estimators.options import choice, flag, real, share, whole
from unrolled.estimators.symbols import UNITS
from unrolled.models.decoding import MOST_PENALTY
from unrolled.runtime.encoder_decoder import ATTENTIONS, Decoder
from unrolled.runtime.layers import Recurrent


@dataclass(kw_only=True, eq=False, repr=False)
class WritingArguments(LearningArguments):
    """How texts are cut into symbols, what the decoder is made of, and how it writes.

    Args:
        unit: a symbol: "word", "character", "token" (between white space) or "subword" (byte-pair
            encoding; needs the extra `text`).
        min_count: symbols that come less often are the unknown symbol; not of subwords.
        vocabulary_size: most symbols of a vocabulary, the unknown one and the end among them; None
            keeps all, and is 8,000 for subwords.
        lowercase: texts are lower-cased.
        cell: of the recurrent stack, or stacks: "rnn", "gru" or "lstm".
        hidden_size: H, units of a layer and direction, and of "additive" attention.
        embedding_size: size of a symbol's vector; None is `hidden_size`.
        num_layers: of each stack.
        tied: the output layer's weight is the embedding of what is written (Press & Wolf 2017,
            arXiv 1608.05859).
        dropout: probability of zeroing, in training only, an output between two layers, and what
            the output layer reads.
        input_dropout: probability of zeroing what the first layers read.
        label_smoothing: share of the target that is spread evenly over all symbols (Szegedy et al.
            2016, arXiv 1512.00567).
        scheduled_sampling: probability that in training the model's own guess is read in place of
            the true symbol before (Bengio et al. 2015, arXiv 1506.03099).
        beam_size: hypotheses that are written side by side; 1 takes the likeliest symbol each time.
        length_penalty: hypotheses are compared by log p / (symbols written)^length_penalty.
        max_length: symbols of a text that is written at most, its end among them; None is the most
            that a text in training had.
    """

    unit: str = field(
        default="word",
        metadata=choice(*UNITS, help="a symbol: word, character, token or subword"),
    )
    min_count: int = field(default=1, metadata=whole(1, help="rarer symbols are unknown"))
    vocabulary_size: int | None = field(
        default=None, metadata=whole(3, none=True, help="most symbols of a vocabulary")
    )
    lowercase: bool = field(default=False, metadata=flag(help="lower-case texts"))
    cell: str = field(default="gru", metadata=choice("rnn", "gru", "lstm", help="rnn, gru or lstm"))
    hidden_size: int = field(default=128, metadata=whole(1, help="units of a layer"))
    embedding_size: int | None = field(
        default=None, metadata=whole(1, none=True, help="size of a symbol's vector")
    )
    num_layers: int = field(default=1, metadata=whole(1, help="recurrent layers"))
    tied: bool = field(
        default=False, metadata=flag(help="the output layer's weight is the embedding's")
    )
    dropout: float = field(default=0.0, metadata=share(help="dropout after each layer"))
    input_dropout: float = field(
        default=0.0, metadata=share(help="dropout of what the first layer reads")
    )
    label_smoothing: float = field(
        default=0.0, metadata=share(help="share of the target spread over all symbols")
    )
    scheduled_sampling: float = field(
        default=0.0, metadata=share(help="how often training reads the model's own guesses")
    )
    beam_size: int = field(default=5, metadata=whole(1, help="hypotheses side by side"))
    length_penalty: float = field(
        default=1.0, metadata=real(0.0, help="power of the length that log p is divided by")
    )
    max_length: int | None = field(
        default=None, metadata=whole(1, none=True, help="symbols that are written at most")
    )
    schedule: str = field(
        default="cosine",
        metadata=choice(
            "constant", "linear", "cosine", "one_cycle", help="constant, linear, cosine, one_cycle"
        ),
    )
    max_epochs: int = field(default=20, metadata=whole(1, help="epochs at most"))
    batch_size: int = field(default=64, metadata=whole(1, help="pairs of a batch"))

    def _check_writing(self) -> None:
        """Refuse arguments that do not go together.

        Raises:
            ValueError: length_penalty is too large.
        """
        if self.length_penalty > MOST_PENALTY:
            raise ValueError(
                f"length_penalty must be at most {MOST_PENALTY:g}, got {self.length_penalty!r:.80}"
            )

    def _symbol_size(self) -> int:
        """Numbers of a symbol's vector."""
        return int(self.hidden_size if self.embedding_size is None else self.embedding_size)

    def _between(self) -> float:
        """Dropout between two recurrent layers."""
        return float(self.dropout) if self.num_layers > 1 else 0.0

    def _decoder(
        self, num_written: int, attention: str = "none", input_feeding: bool = False
    ) -> Decoder:
        """What writes so many symbols."""
        hidden, size = int(self.hidden_size), self._symbol_size()
        return Decoder(
            output_size=num_written,
            embedding_size=size,
            recurrent=Recurrent(self.cell, hidden, int(self.num_layers), dropout=self._between()),
            attention=attention,
            attention_size=hidden if attention == "additive" else 0,
            input_feeding=bool(input_feeding),
            combined_size=size if self.tied else hidden,
            tied=bool(self.tied),
            input_dropout=float(self.input_dropout),
            head_dropout=float(self.dropout),
            label_smoothing=float(self.label_smoothing),
            scheduled_sampling=float(self.scheduled_sampling),
        )


@dataclass(kw_only=True, eq=False, repr=False)
class AttendingArguments(WritingArguments):
    """Attention, where there are several places to look at.

    Args:
        attention: "multiplicative" (Luong, Pham & Manning 2015, arXiv 1508.04025), "additive"
            (Bahdanau, Cho & Bengio 2015, arXiv 1409.0473) or "none".
        input_feeding: what attention gave for the symbol before is read beside it (Luong et al.,
            3.3); training then goes symbol by symbol, which takes several times as long.
    """

    attention: str = field(
        default="multiplicative",
        metadata=choice(*ATTENTIONS, help="multiplicative, additive or none"),
    )
    input_feeding: bool = field(
        default=False, metadata=flag(help="what attention gave is read at the next symbol")
    )
