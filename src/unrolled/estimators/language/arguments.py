"""The arguments of a `LanguageModel` beside those of training."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrolled.estimators.arguments import LearningArguments
from unrolled.estimators.given_vectors import VectorArguments
from unrolled.estimators.options import choice, flag, real, share, whole
from unrolled.estimators.recurrence import CausalRecurrence

UNITS = ("character", "word", "token", "subword")


@dataclass(kw_only=True, eq=False, repr=False)
class LanguageArguments(CausalRecurrence, VectorArguments, LearningArguments):
    """How a text is cut into symbols and streams, and what the network is made of.

    Args:
        unit: a symbol: "character", "word", "token" (between white space, of texts that are cut
            into tokens already) or "subword" (byte-pair encoding; needs the extra `text`). Words
            and tokens have line ends as symbols of their own.
        min_count: symbols that come less often are the unknown symbol; not of subwords.
        vocabulary_size: most symbols, the unknown one and the end of a text among them; None keeps
            all, and is 8,000 for subwords.
        lowercase: texts are lower-cased.
        embedding_size: size of a symbol's vector; None is that of `vectors`, else 64 for characters
            and hidden_size for others.
        embedding_dropout: probability of zeroing a symbol's whole vector, wherever the symbol
            comes in a batch (Gal & Ghahramani 2016, arXiv 1512.05287).
        tied: the output layer's weight is the embedding's (Press & Wolf 2017, arXiv 1608.05859);
            where embedding_size is not hidden_size a tanh layer lies between.
        bptt: steps over which gradients go back; the state goes on from window to window.
        bptt_variation: in an epoch each cut between windows is moved at random by up to half this
            share of a window either way.
        batch_size: parallel streams into which the texts are cut.
        validation_fraction: last share of the texts, held out to watch.
    """

    cell: str = field(
        default="lstm", metadata=choice("rnn", "gru", "lstm", help="rnn, gru or lstm")
    )
    hidden_size: int = field(default=256, metadata=whole(1, help="units of a layer"))
    unit: str = field(
        default="character",
        metadata=choice(*UNITS, help="a symbol: character, word, token or subword"),
    )
    min_count: int = field(default=1, metadata=whole(1, help="rarer symbols are unknown"))
    vocabulary_size: int | None = field(
        default=None, metadata=whole(3, none=True, help="most symbols of a vocabulary")
    )
    lowercase: bool = field(default=False, metadata=flag(help="lower-case texts"))
    embedding_size: int | None = field(
        default=None, metadata=whole(1, none=True, help="size of a symbol's vector")
    )
    embedding_dropout: float = field(
        default=0.0, metadata=share(help="dropout of whole symbols' vectors")
    )
    tied: bool = field(
        default=False, metadata=flag(help="the output layer's weight is the embedding's")
    )
    bptt: int = field(default=128, metadata=whole(1, help="steps over which gradients go back"))
    bptt_variation: float = field(
        default=0.5, metadata=share(help="by how much windows of an epoch vary")
    )
    learning_rate: float = field(
        default=2e-3, metadata=real(0.0, above=True, help="highest learning rate")
    )
    schedule: str = field(
        default="cosine",
        metadata=choice(
            "constant", "linear", "cosine", "one_cycle", help="constant, linear, cosine, one_cycle"
        ),
    )
    max_epochs: int = field(default=10, metadata=whole(1, help="epochs at most"))
    batch_size: int = field(default=32, metadata=whole(1, help="parallel streams of text"))
