"""What estimators share that read something and write a text: fit, predict, scores."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.pairs import PairBatches
from unrolled.data.text import as_texts
from unrolled.estimators.base import predict_rows
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import Part, Seeds, hold_out
from unrolled.estimators.trainable import Trainable
from unrolled.estimators.translation import scoring, texts, writing
from unrolled.estimators.translation.texts import Source
from unrolled.estimators.translation.writing import Search
from unrolled.estimators.translation.writing_arguments import WritingArguments
from unrolled.runtime.config_checks import whole_number
from unrolled.runtime.encoder_decoder import FIRST
from unrolled.training import engines

if TYPE_CHECKING:
    from typing_extensions import Self

    from unrolled.estimators.symbols import Symbols
    from unrolled.models.decoding import Decoded


class Candidate(NamedTuple):
    """One of several texts that may be written.

    Attributes:
        text: the text; a list of symbols where the model writes such.
        score: log_probability / (symbols, with the end)^length_penalty.
        log_probability: of its symbols, and of its end where that was reached, in nats.
    """

    text: Any
    score: float
    log_probability: float


class Sides:
    """What a task gives to the dataclass below."""

    longest_: int

    if TYPE_CHECKING:

        def _target(self) -> Symbols: ...
        def _read_pairs(self, X: Any, y: Any, *, fitting: bool) -> Part: ...
        def _learn(self, part: Part) -> None: ...
        def _read_source(self, X: Any) -> Source: ...
        def _describe(self) -> Any: ...

    def _source(self, part: Part) -> Source:
        """What a part has to be read, ready for the model."""
        raise NotImplementedError

    def _targets(self, part: Part) -> tuple[list[str], NDArray[np.int64] | None]:
        """The texts of a part, and of which row of it each is; None: one of each."""
        return list(part.y), None

    def _read_references(self, y: Any, num: int) -> list[list[str]]:
        return texts.read_references(y, num)

    def _read_written(self, written: Any) -> list[str]:
        """Texts that something else wrote."""
        return as_texts(written, name="written")

    def _groups(self, part: Part) -> NDArray[np.int64] | None:
        """[N] equal numbers of rows that are held out together; None: each by itself."""
        return None

    def _warn_of(self, X: Any, inputs: Source) -> None:
        """Name what of X is unknown."""

    def _out(self, text: str) -> Any:
        """A text as the task gives it."""
        return text


@dataclass(kw_only=True, eq=False, repr=False)
class TextWriter(Sides, WritingArguments, Trainable):
    """A network that reads something and writes a text.

    Attributes:
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
            X: N inputs, see the class.
            y: what belongs to each of them, see the class.
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
        self._check_writing()
        if validation_data is not None and self.validation_fraction:
            raise ValueError("give either validation_data or validation_fraction, not both")
        with self._unchanged_on_error():
            stored, drawn = self._begin(resume_from)
            part, held = self._read_pairs(X, y, fitting=True), None
            if self.validation_fraction:
                part, held = hold_out(
                    part, self.validation_fraction, drawn.of("split"), None, self._groups(part)
                )
            self._learn(part)
            self.spec_ = self._describe()
            data = self._batches(part, drawn)
            self.longest_ = int(data.targets.lengths.max())
            watched = None if held is None else self._batches(held)
            if validation_data is not None:
                watched = self._watched(validation_data)
            self._train(data, watched, drawn, stored)
        return self

    def predict(self, X: Any) -> list[Any]:
        """The text that is written for each of X; none is empty.

        Symbols of a text to read that were not in training are read as the unknown one, and a
        `UserWarning` names them.

        Raises:
            TypeError, ValueError: X cannot be read.
        """
        self._check_fitted()
        inputs = self._read_source(X)
        self._warn_of(X, inputs)
        return [self._out(text) for text in self._written(inputs)]

    def predict_n_best(self, X: Any, n: int = 5) -> list[list[Candidate]]:
        """The `n` best texts for each of X, the best first; fewer where there are not so many.

        Of hypotheses that are one text, cut into other subwords, the best is given.

        Unknown symbols are as in `predict`.

        Raises:
            TypeError, ValueError: X cannot be read, or n is no whole number of at least 1.
        """
        n = whole_number("n", n, least=1)
        self._check_fitted()
        search = self._search()
        search = search._replace(width=max(n, search.width), n_best=n)
        inputs = self._read_source(X)
        self._warn_of(X, inputs)
        return [self._candidates(best) for best in self._write(inputs, search)]

    def perplexity(self, X: Any, y: Any) -> float:
        """exp of the mean of -log p over all symbols of y, each text's end among them.

        Args:
            X: N inputs.
            y: N texts, or N lists of several texts, each of which counts.

        Raises:
            TypeError, ValueError: X or y cannot be read.
        """
        self._check_fitted()
        inputs = self._read_source(X)
        return self._perplexity(inputs, self._read_references(y, len(inputs)))

    def score(self, X: Any, y: Any) -> float:
        """BLEU of `predict(X)`, 0 to 100, as sacrebleu takes it; needs the extra `metrics`.

        Args:
            X: N inputs.
            y: N texts, or N lists of several texts. With `lowercase` they are lower-cased, and of
                the unit "word" their words and marks are parted as the model writes them, so that
                figures compare with those of other units alone by their order.

        Raises:
            ModuleNotFoundError: sacrebleu is not installed.
            TypeError, ValueError: X or y cannot be read.
        """
        inputs, references = self._with_references(X, y)
        return scoring.bleu(self._written(inputs), references)

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Named scores of what is written, beside references.

        `exact_match` is the share of texts with all symbols of a reference, `symbol_error_rate` the
        edits to the closest reference over its symbols, `perplexity` as the method; `bleu` and what
        else the library takes, 0 to 100, where sacrebleu is installed.

        Args: as of `score`.
        """
        inputs, references = self._with_references(X, y)
        found = self._scores(self._written(inputs), references)
        return found | {"perplexity": self._perplexity(inputs, references)}

    def evaluate_written(self, written: Any, y: Any) -> dict[str, float]:
        """The scores of `evaluate` but for the perplexity, of texts that something else wrote.

        Args:
            written: N texts, of a baseline for example.
            y: as of `score`.

        Raises:
            TypeError, ValueError: an argument cannot be read.
        """
        self._check_fitted()
        parts = [[text] for text in self._read_written(written)]
        references = self._as_written(self._read_references(y, len(parts)))
        return self._scores([text for (text,) in self._as_written(parts)], references)

    def _scores(self, written: list[str], references: list[list[str]]) -> dict[str, float]:
        found = scoring.symbol_scores(written, references, self._target().split)
        if scoring.has_sacrebleu():
            found |= self._more_scores(written, references)
        return found

    def _more_scores(self, written: list[str], references: list[list[str]]) -> dict[str, float]:
        """Scores that sacrebleu takes."""
        raise NotImplementedError

    def _with_references(self, X: Any, y: Any) -> tuple[Source, list[list[str]]]:
        self._check_fitted()
        inputs = self._read_source(X)
        return inputs, self._as_written(self._read_references(y, len(inputs)))

    def _candidates(self, best: list[Decoded]) -> list[Candidate]:
        found: dict[str, Decoded] = {}
        for decoded in best:
            found.setdefault(self._text(decoded), decoded)
        return [Candidate(self._out(t), d.score, d.log_probability) for t, d in found.items()]

    def _written(self, inputs: Source) -> list[str]:
        return [self._text(best[0]) for best in self._write(inputs, self._search())]

    def _write(self, inputs: Source, search: Search) -> list[list[Decoded]]:
        choice = engines.choose(engines.AUTO, self.spec_)
        rows = min(len(inputs) * search.width, writing.AT_ONCE)
        with engines.suited_threads(choice, self.spec_, rows):
            return writing.write(self.spec_, self.weights_, inputs, search)

    def _looked(self, inputs: Source) -> list[tuple[list[str], NDArray[np.float32]]]:
        """What is written for each, with its end, and the attention [T, S] meanwhile.

        Raises:
            ValueError: the model has no attention.
        """
        if self.spec_.decoder.attention == "none":
            raise ValueError('this model has no attention; fit one with attention="additive"')
        decoded = [best[0] for best in self._write(inputs, self._search())]
        written = [np.append(d.tokens, FIRST) if d.ended else d.tokens for d in decoded]
        found = writing.attention(self.spec_, self.weights_, inputs, written)
        symbols = self._target().symbols
        return [
            ([symbols[k] for k in tokens], weights)
            for tokens, weights in zip(written, found, strict=True)
        ]

    def _search(self) -> Search:
        check_options(self)
        self._check_writing()
        most = self.longest_ if self.max_length is None else int(self.max_length)
        return Search(int(self.beam_size), float(self.length_penalty), most)

    def _text(self, decoded: Decoded) -> str:
        return self._target().decode(decoded.tokens)

    def _as_written(self, references: list[list[str]]) -> list[list[str]]:
        """References as the model would write them: in lower case, and words apart."""
        vocabulary = self._target()

        def written(text: str) -> str:
            text = text.lower() if self.lowercase else text
            return " ".join(vocabulary.split(text)) if vocabulary.unit == "word" else text

        return [[written(text) for text in several] for several in references]

    def _perplexity(self, inputs: Source, references: list[list[str]]) -> float:
        rows = np.repeat(np.arange(len(inputs)), [len(several) for several in references])
        flat = [text for several in references for text in several]
        targets = texts.numbered(flat, self._target(), "y")
        most = writing.rows_at_once(self.spec_.read_size)
        data = PairBatches(inputs.take(rows), targets, min(predict_rows(targets), most))
        choice = engines.choose(engines.AUTO, self.spec_)
        weights = self.weights_.copy()
        with engines.suited_threads(choice, self.spec_, data.batch_size):
            engine = engines.start(choice, self.spec_, weights, self._optimizer(), 0)
            nats = engine.evaluate(data)
        return math.exp(nats) if nats < 709 else math.inf

    def _batches(self, part: Part, drawn: Seeds | None = None) -> PairBatches:
        """Pairs as batches; in a new order each epoch where they are trained on."""
        flat, rows = self._targets(part)
        source = self._source(part)
        return PairBatches(
            source if rows is None else source.take(rows),
            texts.numbered(flat, self._target(), "y"),
            int(self.batch_size),
            shuffle=drawn is not None,
            seed=0 if drawn is None else drawn.of("order"),
        )

    def _watched(self, data: Any) -> PairBatches:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise ValueError(f"validation_data must be (X, y), got {data!r:.80}")
        try:
            return self._batches(self._read_pairs(*data, fitting=False))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"validation_data: {error}") from error
