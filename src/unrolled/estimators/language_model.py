"""Language modelling: a text to each of its next symbols."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.streams import Streams
from unrolled.data.text_files import encode_corpus
from unrolled.estimators.inputs import INPUTS
from unrolled.estimators.language import generation, scoring
from unrolled.estimators.language.arguments import LanguageArguments
from unrolled.estimators.language.corpus import as_texts, encode, learn, vocabulary_from_config
from unrolled.estimators.parts import seeds
from unrolled.estimators.symbols import unseen
from unrolled.estimators.trainable import Trainable
from unrolled.runtime.config_checks import check_keys
from unrolled.runtime.sampling import Sampling
from unrolled.runtime.spec import Dense, Spec
from unrolled.runtime.stepper import Stepper

if TYPE_CHECKING:
    from typing_extensions import Self

    from unrolled.estimators.symbols import Symbols

CHARACTER_SIZE = 64


class LearntTexts:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    vocabulary_: Symbols
    several_: bool


@dataclass(kw_only=True, eq=False, repr=False)
class LanguageModel(LearntTexts, LanguageArguments, Trainable):
    """A recurrent network that foretells the next symbol of a text from all before it.

    X is a text (a string), a text file (a `pathlib.Path`, plain or .gz, of any size), or a list of
    texts and files, which are read one after the other, with the end of a text behind each.

    All arguments stand in `docs/arguments.md`, described in `LanguageArguments`,
    `CausalRecurrence` and `LearningArguments`.

    Attributes:
        vocabulary_: numbers the symbols; 0 is the unknown one, 1 the end of a text.
        several_: whether it was fitted on several texts, so that it knows where texts end.

    >>> from unrolled import LanguageModel
    >>> text = "how are you? fine, and how are you? " * 40
    >>> model = LanguageModel(hidden_size=32, bptt=16, max_epochs=15, random_state=0,
    ...                       learning_rate=0.02).fit(text)
    >>> model.perplexity(text) < 1.5
    True
    >>> "".join(model.generate("how are", length=5, temperature=0))
    ' you?'
    """

    def fit(
        self,
        X: Any,
        y: None = None,
        *,
        validation_data: Any = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from texts; a fit that fails or is interrupted leaves the estimator as it was.

        Args:
            X: the texts, see the class.
            y: not read; here for scikit-learn's pipelines.
            validation_data: texts to watch instead of a held-out share.
            resume_from: a checkpoint of a fit with the same arguments and data that was stopped.

        Returns:
            The estimator itself.

        Raises:
            ValueError: an argument or a text cannot be used; says which and why.
            TypeError: X is of a wrong kind.
            FileNotFoundError: a file is not there.
            FloatingPointError: the loss became NaN or infinite; says in which batch.
            OSError: the checkpoint cannot be written.
        """
        self._check_fit(given_validation=validation_data is not None)
        if validation_data is not None and self.validation_fraction:
            raise ValueError("give either validation_data or validation_fraction, not both")
        with self._unchanged_on_error():
            stored, drawn = self._begin(resume_from)
            texts = as_texts(X)
            self._check_vectors(self.unit)
            self.vocabulary_, tokens, watched = learn(texts, self)
            self._read_vectors(
                self.vocabulary_.symbols,
                self.unit,
                None if self.embedding_size is None else int(self.embedding_size),
            )
            self.several_ = len(texts) > 1
            if validation_data is not None:
                name = "validation_data"
                watched = encode(as_texts(validation_data, name), self.vocabulary_, name)
            self.spec_ = self._describe()
            data = Streams(
                tokens,
                int(self.batch_size),
                int(self.bptt),
                float(self.bptt_variation),
                drawn.of("order"),
            )
            held = None if watched is None else Streams(watched, int(self.batch_size), data.bptt)
            self._train(data, held, drawn, stored)
        return self

    def perplexity(
        self,
        X: Any,
        *,
        dynamic: float | None = None,
        cache: int = 0,
        cache_share: float = 0.1,
        cache_flatness: float = 0.3,
    ) -> float:
        """exp of the mean of -log p over all symbols of texts, each given all before it.

        The state goes through all texts, from the beginning of the first to the end of the last.
        The symbols of one text are counted without the end, those of several with the end of each.

        Args:
            X: the texts, as in `fit`.
            dynamic: rate of dynamic evaluation, which is another task: a copy of the model learns
                by plain gradient descent from each `bptt` symbols once they have been scored
                (Mikolov et al. 2010; Krause et al. 2018, arXiv 1709.07432); None does not.
            cache: entries of a continuous cache, which is another task too: the last states and
                what followed them (Grave, Joulin & Usunier 2017, arXiv 1612.04426); 0 is none.
            cache_share: of the cache in the mixture.
            cache_flatness: by which the likeness of two states is multiplied.

        Raises:
            TypeError, ValueError: as in `fit`, or an argument cannot be used.
        """
        self._check_fitted()
        scoring.check_adaption(dynamic, cache, cache_share, cache_flatness)
        tokens = self._tokens(X)
        nats = self._nats(tokens, dynamic, cache, cache_share, cache_flatness)
        return _exp(nats / (len(tokens) - 1))

    def bits_per_character(
        self,
        X: Any,
        *,
        dynamic: float | None = None,
        cache: int = 0,
        cache_share: float = 0.1,
        cache_flatness: float = 0.3,
    ) -> float:
        """-log2 p of texts over their characters, whatever a symbol is; see `perplexity`."""
        self._check_fitted()
        scoring.check_adaption(dynamic, cache, cache_share, cache_flatness)
        corpus = encode_corpus(as_texts(X), self.vocabulary_, name="X")
        nats = self._nats(corpus.tokens, dynamic, cache, cache_share, cache_flatness)
        return nats / math.log(2) / corpus.num_characters

    def score(self, X: Any, y: None = None) -> float:
        """Mean log-probability of a symbol of the texts, in nats: the higher the better."""
        tokens = self._tokens(X)
        return -scoring.total(self.spec_, self.weights_, tokens) / (len(tokens) - 1)

    def evaluate(self, X: Any) -> dict[str, float]:
        """Named scores of texts: perplexity, nats, bits_per_character, symbols, unknown (share)."""
        self._check_fitted()
        corpus = encode_corpus(as_texts(X), self.vocabulary_, name="X")
        tokens = corpus.tokens
        nats, count = scoring.total(self.spec_, self.weights_, tokens), len(tokens) - 1
        return {
            "perplexity": _exp(nats / count),
            "nats": nats / count,
            "bits_per_character": nats / math.log(2) / corpus.num_characters,
            "symbols": float(count),
            "unknown": float(np.count_nonzero(tokens == 0)) / count,
        }

    def log_probabilities(self, text: str) -> NDArray[np.float64]:
        """log p, in nats, of each symbol of one text given all before it, [T]."""
        if not isinstance(text, str):
            raise TypeError(f"text must be one text, got {type(text).__name__}")
        tokens = self._tokens([text])
        return np.concatenate(list(scoring.log_probabilities(self.spec_, self.weights_, tokens)))

    def next_probabilities(self, prompt: str = "") -> dict[str, float]:
        """Probability of each symbol to follow a text, the likeliest first.

        Symbols of the prompt that were not in training are read as the unknown one, and a
        `UserWarning` names them.
        """
        stepper, tokens = self._from(prompt)
        scores, _ = generation.read(stepper, tokens)
        shares = np.exp(scoring.log_softmax(scores))
        order = np.argsort(-shares, kind="stable")
        names = self.vocabulary_.symbols
        return {names[i]: float(shares[i]) for i in order}

    def generate(
        self,
        prompt: str = "",
        length: int | None = 200,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: Any = None,
    ) -> Iterator[str]:
        """Go on from a prompt, symbol by symbol: `"".join(...)` is the text behind it.

        Symbols of the prompt that were not in training are read as the unknown one, and a
        `UserWarning` names them. The unknown symbol is never drawn. A model of several texts stops
        where one ends; one of a single text goes on.

        Args:
            prompt: what comes before; "" is the beginning of a text.
            length: symbols at most; None goes on for as long as it is asked.
            temperature: 1 draws by the model's shares, below 1 likelier ones more often, 0 takes
                the likeliest.
            top_k: how many of the likeliest symbols are kept; None keeps all.
            top_p: of the likeliest ones those are kept that together reach this share.
            random_state: seed of the draws.

        Yields:
            What each symbol adds; up to 32 are drawn ahead, the first ones fewer.

        Raises:
            ValueError: an argument cannot be used.
        """
        if length is not None and not scoring.is_count(length):
            raise ValueError(
                f"length must be a whole number of at least 0, or None, got {length!r}"
            )
        barred = (0,) if self.__sklearn_is_fitted__() and self.several_ else (0, 1)
        sampling = Sampling(temperature, top_k, top_p, barred)
        stepper, tokens = self._from(prompt)
        rng = np.random.default_rng(seeds(random_state).base)
        drawn = generation.symbols(stepper, tokens, length, sampling, rng, end=1)
        return generation.texts(drawn, self.vocabulary_.decode, tokens[1:].tolist())

    def _from(self, prompt: str) -> tuple[Stepper, NDArray[np.int64]]:
        self._check_fitted()
        if not isinstance(prompt, str):
            raise TypeError(f"prompt must be a text, got {type(prompt).__name__}")
        tokens = np.concatenate([np.ones(1, np.int64), self.vocabulary_.encode(prompt)])
        unknown = unseen([prompt], self.vocabulary_, "the prompt")
        if unknown:
            warnings.warn(unknown, UserWarning, stacklevel=3)
        return Stepper(self.spec_, self.weights_), tokens

    def _tokens(self, X: Any) -> NDArray[Any]:
        self._check_fitted()
        return encode(as_texts(X), self.vocabulary_)

    def _nats(
        self,
        tokens: NDArray[Any],
        dynamic: float | None,
        cache: int,
        cache_share: float,
        cache_flatness: float,
    ) -> float:
        if dynamic is not None:
            return scoring.dynamic_total(
                self.spec_, self.weights_, tokens, float(dynamic), int(self.bptt)
            )
        if not cache:
            return scoring.total(self.spec_, self.weights_, tokens)
        return scoring.cached_total(
            self.spec_, self.weights_, tokens, int(cache), float(cache_flatness), float(cache_share)
        )

    def _describe(self) -> Spec:
        hidden, size = int(self.hidden_size), self.embedding_size
        if size is None:
            by_unit = CHARACTER_SIZE if self.vocabulary_.unit == "character" else hidden
            size = self._given_size() or (hidden if self.tied else by_unit)
        between = (Dense(int(size), "tanh"),) if self.tied and size != hidden else ()
        return Spec(
            input_size=len(self.vocabulary_),
            output_size=len(self.vocabulary_),
            head="class",
            embedding_size=int(size),
            hidden=between,
            pooling="every",
            tied=bool(self.tied),
            embedding_dropout=float(self.embedding_dropout),
            **self._recurrence(),
        )

    def _inputs_to_config(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary_.to_config(),
            "several": self.several_,
            "vectors": self._vectors_to_config(),
        }

    def _targets_to_config(self) -> dict[str, Any]:
        return {}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys(INPUTS, config, (), ("vocabulary", "several", "vectors"))
        self.vocabulary_ = vocabulary_from_config(config["vocabulary"])
        if len(self.vocabulary_) != self.spec_.output_size:
            raise ValueError(
                f"there are {len(self.vocabulary_)} symbols and {self.spec_.output_size} outputs"
            )
        self.several_ = config["several"]
        if not isinstance(self.several_, bool):
            raise ValueError(f"several must be true or false, got {self.several_!r:.80}")
        self._vectors_from_config(config.get("vectors"))

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        if config:
            raise ValueError(f"a language model has no targets of its own, got {list(config)}")


def _exp(nats: float) -> float:
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf
