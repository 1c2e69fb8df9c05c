"""Many to many of other lengths: a text to a text."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unrolled.data.pairs import PairBatches
from unrolled.data.text import as_texts
from unrolled.estimators.base import predict_rows
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import Part, Seeds, hold_out
from unrolled.estimators.symbols import unseen
from unrolled.estimators.trainable import Trainable
from unrolled.estimators.translation import scoring, texts, writing
from unrolled.estimators.translation.arguments import TranslationArguments
from unrolled.estimators.translation.texts import Vocabularies
from unrolled.estimators.translation.writing import Attended, Search
from unrolled.runtime.config_checks import check_keys, whole_number
from unrolled.runtime.encoder_decoder import FIRST, EncoderDecoderSpec
from unrolled.training import engines

if TYPE_CHECKING:
    from typing_extensions import Self

    from unrolled.data.sequences import Sequences
    from unrolled.models.decoding import Decoded


class Candidate(NamedTuple):
    """One of several texts that may be written.

    Attributes:
        text: the text.
        score: log_probability / (symbols, with the end)^length_penalty.
        log_probability: of its symbols, and of its end where that was reached, in nats.
    """

    text: str
    score: float
    log_probability: float


class LearntPairs:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    spec_: EncoderDecoderSpec
    vocabularies_: Vocabularies
    longest_: int


@dataclass(kw_only=True, eq=False, repr=False)
class Translator(LearntPairs, TranslationArguments, Trainable):
    """An encoder that reads a text and a decoder with attention that writes another.

    X is a list of N texts, y a list of as many: sentences and their translations, spellings and
    their sounds. It needs torch.

    All arguments stand in `docs/arguments.md`, described in `TranslationArguments` and
    `LearningArguments`.

    Attributes:
        vocabularies_: number the symbols of `source` and `target`; 0 is the unknown one, which is
            never written, 1 the end of a text.
        longest_: symbols of the longest text of y, its end among them.
    """

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: tuple[Any, Any] | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from pairs; a fit that fails or is interrupted leaves the estimator as it was.

        Args:
            X: N texts.
            y: N texts.
            validation_data: (X, y) to watch instead of a held-out share.
            resume_from: a checkpoint of a fit with the same arguments and data that was stopped.

        Returns:
            The estimator itself.

        Raises:
            ValueError: an argument or a text cannot be used; says which and why.
            TypeError: X or y is of a wrong kind.
            FloatingPointError: the loss became NaN or infinite; says in which batch.
            OSError: the checkpoint cannot be written.
        """
        self._check_fit(given_validation=validation_data is not None)
        self._check_translation()
        if validation_data is not None and self.validation_fraction:
            raise ValueError("give either validation_data or validation_fraction, not both")
        with self._unchanged_on_error():
            stored, drawn = self._begin(resume_from)
            part, held = texts.read_pairs(X, y), None
            if self.validation_fraction:
                part, held = hold_out(part, self.validation_fraction, drawn.of("split"), None)
            self.vocabularies_ = texts.fit_vocabularies(part, self)
            self.spec_ = self._describe()
            data = self._batches(part, drawn)
            self.longest_ = int(data.targets.lengths.max())
            watched = None if held is None else self._batches(held)
            if validation_data is not None:
                watched = self._watched(validation_data)
            self._train(data, watched, drawn, stored)
        return self

    def predict(self, X: Any) -> list[str]:
        """The text that is written for each of X; none is empty.

        Symbols of X that were not in training are read as the unknown one, and a `UserWarning`
        names them.

        Raises:
            TypeError, ValueError: X cannot be read.
        """
        inputs = self._inputs(X)
        self._warn_of_unknown(X, inputs)
        return self._written(inputs)

    def predict_n_best(self, X: Any, n: int = 5) -> list[list[Candidate]]:
        """The `n` best texts for each of X, the best first; fewer where there are not so many.

        Unknown symbols are as in `predict`.

        Raises:
            TypeError, ValueError: X cannot be read, or n is no whole number of at least 1.
        """
        n = whole_number("n", n, least=1)
        search = self._search()
        search = search._replace(width=max(n, search.width), n_best=n)
        inputs = self._inputs(X)
        self._warn_of_unknown(X, inputs)
        return [
            [Candidate(self._text(d), d.score, d.log_probability) for d in best]
            for best in self._write(inputs, search)
        ]

    def attention_weights(self, X: Any) -> list[Attended]:
        """Where the model looked while it wrote `predict(X)`, one `Attended` for each text.

        Raises:
            ValueError: the model has no attention.
        """
        self._check_fitted()
        if self.spec_.decoder.attention == "none":
            raise ValueError('this model has no attention; fit one with attention="additive"')
        inputs = self._inputs(X)
        decoded = [best[0] for best in self._write(inputs, self._search())]
        written = [np.append(d.tokens, FIRST) if d.ended else d.tokens for d in decoded]
        found = writing.attention(self.spec_, self.weights_, inputs, written)
        source, target = (vocabulary.symbols for vocabulary in self.vocabularies_)
        return [
            Attended([source[k] for k in inputs[i]], [target[k] for k in tokens], weights)
            for i, (tokens, weights) in enumerate(zip(written, found, strict=True))
        ]

    def perplexity(self, X: Any, y: Any) -> float:
        """exp of the mean of -log p over all symbols of y, each text's end among them.

        Args:
            X: N texts.
            y: N texts, or N lists of several texts, each of which counts.

        Raises:
            TypeError, ValueError: X or y cannot be read.
        """
        inputs = self._inputs(X)
        return self._perplexity(inputs, texts.read_references(y, len(inputs)))

    def score(self, X: Any, y: Any) -> float:
        """BLEU of `predict(X)`, 0 to 100, as sacrebleu takes it; needs the extra `metrics`.

        Args:
            X: N texts.
            y: N texts, or N lists of several texts. With `lowercase` they are lower-cased, and of
                the unit "word" their words and marks are parted as the model writes them, so that
                figures compare with those of other units alone by their order.

        Raises:
            ModuleNotFoundError: sacrebleu is not installed.
            TypeError, ValueError: X or y cannot be read.
        """
        inputs = self._inputs(X)
        references = texts.read_references(y, len(inputs))
        written = self._written(inputs)
        return scoring.bleu(written, self._as_written(references))

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Named scores of texts and their references.

        `exact_match` is the share of texts with all symbols of a reference (for spelling and
        sounds the word accuracy), `symbol_error_rate` the edits to the closest reference over its
        symbols, `perplexity` as the method, `bleu` and `chrf` 0 to 100 where sacrebleu is
        installed.

        Args: as of `score`.
        """
        inputs = self._inputs(X)
        references = texts.read_references(y, len(inputs))
        found = self.evaluate_written(self._written(inputs), references)
        return found | {"perplexity": self._perplexity(inputs, references)}

    def evaluate_written(self, written: Any, y: Any) -> dict[str, float]:
        """The scores of `evaluate` but for the perplexity, of texts that something else wrote.

        Args:
            written: N texts, of a baseline for example; with `lowercase` they are lower-cased.
            y: as of `score`.

        Raises:
            TypeError, ValueError: an argument cannot be read.
        """
        self._check_fitted()
        parts = [[text] for text in as_texts(written, name="written")]
        references = self._as_written(texts.read_references(y, len(parts)))
        found = [text for (text,) in self._as_written(parts)]
        scores = scoring.symbol_scores(found, references, self.vocabularies_.target.split)
        if scoring.has_sacrebleu():
            scores["bleu"] = scoring.bleu(found, references)
            scores["chrf"] = scoring.chrf(found, references)
        return scores

    def _inputs(self, X: Any) -> Sequences:
        self._check_fitted()
        return texts.numbered(X, self.vocabularies_.source)

    def _warn_of_unknown(self, X: Any, inputs: Sequences) -> None:
        unknown = "" if inputs.values.all() else unseen(as_texts(X), self.vocabularies_.source, "X")
        if unknown:
            warnings.warn(unknown, UserWarning, stacklevel=3)

    def _written(self, inputs: Sequences) -> list[str]:
        return [self._text(best[0]) for best in self._write(inputs, self._search())]

    def _write(self, inputs: Sequences, search: Search) -> list[list[Decoded]]:
        choice = engines.choose(engines.AUTO, self.spec_)
        rows = min(len(inputs) * search.width, writing.AT_ONCE)
        with engines.suited_threads(choice, self.spec_, rows):
            return writing.write(self.spec_, self.weights_, inputs, search)

    def _search(self) -> Search:
        check_options(self)
        self._check_translation()
        most = self.longest_ if self.max_length is None else int(self.max_length)
        return Search(int(self.beam_size), float(self.length_penalty), most)

    def _text(self, decoded: Decoded) -> str:
        return self.vocabularies_.target.decode(decoded.tokens)

    def _as_written(self, references: list[list[str]]) -> list[list[str]]:
        """References as the model would write them: in lower case, and words apart."""
        vocabulary = self.vocabularies_.target

        def written(text: str) -> str:
            text = text.lower() if self.lowercase else text
            return " ".join(vocabulary.split(text)) if vocabulary.unit == "word" else text

        return [[written(text) for text in several] for several in references]

    def _perplexity(self, inputs: Sequences, references: list[list[str]]) -> float:
        rows = np.repeat(np.arange(len(inputs)), [len(several) for several in references])
        flat = [text for several in references for text in several]
        targets = texts.numbered(flat, self.vocabularies_.target, "y")
        data = PairBatches(inputs.take(rows), targets, predict_rows(targets))
        choice = engines.choose(engines.AUTO, self.spec_)
        weights = self.weights_.copy()
        with engines.suited_threads(choice, self.spec_, data.batch_size):
            engine = engines.start(choice, self.spec_, weights, self._optimizer(), 0)
            nats = engine.evaluate(data)
        return math.exp(nats) if nats < 709 else math.inf

    def _batches(self, part: Part, drawn: Seeds | None = None) -> PairBatches:
        """Pairs as batches; in a new order each epoch where they are trained on."""
        source, target = self.vocabularies_
        return PairBatches(
            texts.numbered(part.inputs, source),
            texts.numbered(part.y, target, "y"),
            int(self.batch_size),
            shuffle=drawn is not None,
            seed=0 if drawn is None else drawn.of("order"),
        )

    def _watched(self, data: Any) -> PairBatches:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise ValueError(f"validation_data must be (X, y), got {data!r:.80}")
        try:
            return self._batches(texts.read_pairs(*data))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"validation_data: {error}") from error

    def _describe(self) -> EncoderDecoderSpec:
        self._check_translation()
        source, target = self.vocabularies_
        return self._spec(len(source), len(target))

    def _inputs_to_config(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabularies_.source.to_config()}

    def _targets_to_config(self) -> dict[str, Any]:
        target = None if self.spec_.shared else self.vocabularies_.target.to_config()
        return {"vocabulary": target, "longest": self.longest_}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        if not isinstance(self.spec_, EncoderDecoderSpec):
            raise ValueError("a translator needs a spec with a decoder")
        check_keys("part inputs", config, ("vocabulary",))
        source = texts.symbols_of(config["vocabulary"], self.spec_.input_size)
        self.vocabularies_ = Vocabularies(source, source)

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys("part targets", config, ("vocabulary", "longest"))
        if (config["vocabulary"] is None) != self.spec_.shared:
            raise ValueError("a translator has one vocabulary where it is shared, else two")
        if config["vocabulary"] is not None:
            target = texts.symbols_of(config["vocabulary"], self.spec_.output_size)
            self.vocabularies_ = self.vocabularies_._replace(target=target)
        self.longest_ = whole_number("longest", config["longest"], least=1)
