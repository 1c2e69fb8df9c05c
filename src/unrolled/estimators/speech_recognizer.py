"""Many to many of other lengths: sound to text, by connectionist temporal classification."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.data.batches import Batches
from unrolled.data.pairs import PairBatches
from unrolled.data.text import as_texts
from unrolled.estimators.base import predict_rows
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.options import check_options
from unrolled.estimators.parts import Part, hold_out
from unrolled.estimators.speech import reading, scoring, texts
from unrolled.estimators.speech.arguments import UTTERANCE
from unrolled.estimators.speech.language import as_scorer
from unrolled.estimators.speech.prepared import SpeechData, names_of
from unrolled.estimators.speech.reading import Clock, Search, Timed
from unrolled.runtime.config_checks import whole_number
from unrolled.runtime.ctc import CtcDecoded, ctc_align
from unrolled.runtime.ngram import NGram
from unrolled.training import engines

if TYPE_CHECKING:
    from typing_extensions import Self

    from unrolled.data.sequences import Sequences

BLANK = "<blank>"


class Heard(NamedTuple):
    """One of several texts that may have been said.

    Attributes:
        text: the text.
        score: log_probability, and what a language model and `symbol_bonus` add to it.
        log_probability: of the text given the sound, in nats.
    """

    text: str
    score: float
    log_probability: float


@dataclass(kw_only=True, eq=False, repr=False)
class SpeechRecognizer(SpeechData):
    """A recurrent network over frames of sound that learns which symbols come, not when.

    X is a list of N sounds, each a path (WAV; FLAC, OGG and other formats with the extra `audio`),
    an array [M] at `sample_rate`, or a pair (array [M], its rate in Hz); with features="given" it
    is N arrays [T_i, F] of frames. y is a list of N texts. The loss is that of connectionist
    temporal classification (Graves et al. 2006), in nats per symbol. It needs torch.

    All arguments stand in `docs/arguments.md`, described in `SpeechArguments` and
    `LearningArguments`.

    Attributes:
        vocabulary_: numbers the symbols; 0 is the unknown one, which is never written.
        log_mel_: what makes frames of sound; None where they are given.
        scaler_: scales frames by those of the training part; None with another `normalize`.
        symbols_: [K] names of the outputs, the blank first.
    """

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        validation_data: tuple[Any, Any] | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Learn from sounds and their texts; a fit that fails leaves the estimator as it was.

        Args:
            X: N sounds, see the class.
            y: N texts.
            validation_data: (X, y) to watch instead of a held-out share.
            resume_from: a checkpoint of a fit with the same arguments and data that was stopped.

        Returns:
            The estimator itself.

        Raises:
            ValueError: an argument, a sound or a text cannot be used, or a sound has fewer steps
                than its text needs; says which and why.
            TypeError: X or y is of a wrong kind.
            FileNotFoundError: a file is not there.
            ModuleNotFoundError: a library is needed that is not installed.
            FloatingPointError: the loss became NaN or infinite; says in which batch.
            OSError: the checkpoint cannot be written.
        """
        self._check_fit(given_validation=validation_data is not None)
        self._check_speech()
        if validation_data is not None and self.validation_fraction:
            raise ValueError("give either validation_data or validation_fraction, not both")
        # What cannot be trained is found before any sound is read.
        engines.choose(self.engine, self._spec(1, 2))
        with self._unchanged_on_error():
            stored, drawn = self._begin(resume_from)
            self.log_mel_, self.normalized_ = self._log_mel(), self.normalize == UTTERANCE
            items, said = self._read(X, y)
            part, held = Part(np.arange(len(said)), np.array(said, dtype=object), None), None
            if self.validation_fraction:
                part, held = hold_out(part, self.validation_fraction, drawn.of("split"), None)
            self.vocabulary_ = self._fit_symbols(part.y.tolist())
            targets = texts.outputs(said, self.vocabulary_)
            parts, rows = self._frames(items, tuple(self.speeds)), np.asarray(part.inputs)
            self.scaler_ = self._fit_scaler(parts[0], rows)
            whole, *versions = map(self._scaled, parts)
            self.spec_ = self._describe(whole.channels)
            names, at_speeds = names_of(items, len(said)), [one.take(rows) for one in versions]
            own = [names[i] for i in rows]
            texts.check_long_enough(self.spec_, at_speeds, self.speeds, targets.take(rows), own)
            data = self._changed(self._pairs(whole, targets, rows, drawn), versions, rows, drawn)
            watched = None
            if held is not None:
                kept = np.asarray(held.inputs)
                own = [names[i] for i in kept]
                texts.check_long_enough(
                    self.spec_, [whole.take(kept)], [1.0], targets.take(kept), own
                )
                watched = self._pairs(whole, targets, kept)
            if validation_data is not None:
                watched = self._watched(validation_data)
            self._train(data, watched, drawn, stored)
        return self

    def predict(self, X: Any, *, language_model: Any = None) -> list[str]:
        """The text that is heard in each of X.

        Args:
            X: sounds, as in `fit`.
            language_model: what knows which symbols follow which, by `language_weight`: a fitted
                `LanguageModel` of the same unit or the folder of a saved one, what `ngram` gives,
                or another `unrolled.runtime.ctc.Scorer`; best with a `beam_size` above 1.

        Raises:
            TypeError, ValueError: X or the language model cannot be used.
        """
        search = self._search(language_model)
        return [self._text(best[0]) for best in self._decoded(X, search)]

    def predict_n_best(
        self, X: Any, n: int = 5, *, language_model: Any = None
    ) -> list[list[Heard]]:
        """The `n` best texts for each of X, the best first; fewer where there are not so many.

        Args:
            X: sounds, as in `fit`.
            n: how many; that many prefixes at least are kept side by side.
            language_model: as of `predict`.

        Raises:
            TypeError, ValueError: X or the language model cannot be used, or n is no whole number
                of at least 1.
        """
        n = whole_number("n", n, least=1)
        search = self._search(language_model)
        # A width of 1 would take the likeliest path, which is of one text alone.
        search = search._replace(width=max(n, search.width, 2), n_best=n)
        return [
            [Heard(self._text(d), d.score, d.log_probability) for d in best]
            for best in self._decoded(X, search)
        ]

    def transcribe_with_times(
        self, X: Any, *, words: bool = False, language_model: Any = None
    ) -> list[list[Timed]]:
        """The symbols that are heard in each of X, and when.

        What a network of this kind writes at is often a short moment of the symbol.

        Args:
            X: sounds, as in `fit`.
            words: put characters together to words.
            language_model: as of `predict`.

        Returns:
            N lists of (symbol, start, end), in seconds.
        """
        search, found = self._search(language_model), []
        for log_p, count in self._outputs(X):
            decoded = reading.read(log_p, search)[0]
            found.append(self._timed(decoded.symbols, decoded.steps, count, words))
        return found

    def align(self, X: Any, y: Any, *, words: bool = False) -> list[list[Timed]]:
        """When the symbols of y are in X, by the likeliest path that stands for them.

        Args:
            X: sounds, as in `fit`.
            y: N texts that are said in them.
            words: put characters together to words.

        Returns:
            N lists of (symbol, start, end), in seconds.

        Raises:
            ValueError: a sound has fewer steps than its text needs.
        """
        self._check_fitted()
        inputs, targets = self._inputs_and_targets(X, y)
        texts.check_long_enough(self.spec_, [inputs], [1.0], targets, names_of(X, len(inputs)))
        found = []
        for i, log_p in enumerate(self._log_p(inputs)):
            steps = ctc_align(log_p, targets[i])
            found.append(self._timed(targets[i], steps, int(inputs.lengths[i]), words))
        return found

    def log_probabilities(self, X: Any) -> list[NDArray[np.float32]]:
        """[T', K] log-probabilities of `symbols_` at each step of each of X."""
        return [log_p for log_p, _ in self._outputs(X)]

    def ngram(self, y: Any, order: int = 3) -> NGram:
        """Which symbols follow which in texts, counted, as a `language_model`.

        Args:
            y: texts; they need no sound.
            order: symbols that are looked at together, see `unrolled.runtime.ngram.NGram`.

        Raises:
            TypeError, ValueError: y cannot be read, or order is no whole number of at least 1.
        """
        self._check_fitted()
        targets = texts.outputs(y, self.vocabulary_)
        symbols = (targets[i] for i in range(len(targets)))
        return NGram.fit(symbols, self.spec_.output_size, order)

    def score(self, X: Any, y: Any) -> float:
        """1 - symbol_error_rate of `predict(X)`: of characters 1 - the character error rate."""
        self._check_fitted()
        items = self._counted(X)
        said = as_texts(y, name="y")
        check_consistent_length(items, texts.outputs(said, self.vocabulary_))
        said = self._as_written(said)
        heard = self.predict(items)
        found = scoring.symbol_scores(heard, said, self.vocabulary_.split)
        return 1.0 - found["symbol_error_rate"]

    def evaluate(self, X: Any, y: Any, *, language_model: Any = None) -> dict[str, float]:
        """Named scores of sounds and their texts; needs the extra `metrics`.

        `word_error_rate` and `character_error_rate` as jiwer takes them, `exact_match` the share
        of texts with all symbols right, `symbol_error_rate` the edits over the symbols, and `loss`
        in nats per symbol, infinite where a sound has fewer steps than its text needs. Words of the
        unit "word" are parted from marks as the model writes them, on both sides.

        Args:
            X: sounds, as in `fit`.
            y: N texts.
            language_model: as of `predict`; it has no part in `loss`.

        Raises:
            ModuleNotFoundError: jiwer is not installed.
            TypeError, ValueError: X or y cannot be read.
        """
        return self._evaluate(X, y, language_model, rates=True)

    def _evaluate(self, X: Any, y: Any, language_model: Any, *, rates: bool) -> dict[str, float]:
        """Scores, without those of jiwer where `rates` is false."""
        self._check_fitted()
        if rates:
            scoring.require_jiwer()
        search = self._search(language_model)
        said = as_texts(y, name="y")
        inputs, targets = self._inputs_and_targets(X, said)
        said = self._as_written(said)
        heard = [self._text(reading.read(log_p, search)[0]) for log_p in self._log_p(inputs)]
        found = scoring.error_rates(heard, said) if rates else {}
        found |= scoring.symbol_scores(heard, said, self.vocabulary_.split)
        data = PairBatches(inputs, targets, predict_rows(inputs))
        choice, weights = engines.choose(engines.AUTO, self.spec_), self.weights_.copy()
        with engines.suited_threads(choice, self.spec_, data.batch_size):
            engine = engines.start(choice, self.spec_, weights, self._optimizer(), 0)
            return {**found, "loss": engine.evaluate(data)}

    @property
    def symbols_(self) -> tuple[str, ...]:
        """[K] names of the outputs, the blank first."""
        self._check_fitted()
        return (BLANK, *self.vocabulary_.symbols)

    @property
    def seconds_per_step_(self) -> float:
        """Seconds from a step of `log_probabilities` to the next."""
        return self._clock().step

    def _clock(self) -> Clock:
        self._check_fitted()
        return Clock(self.spec_, self.log_mel_, float(self.step))

    def _timed(
        self, outputs: NDArray[np.int64], steps: NDArray[np.int64], count: int, words: bool
    ) -> list[Timed]:
        symbols = [self.symbols_[k] for k in outputs]
        found = reading.timed(symbols, self._clock().seconds(steps, count))
        return reading.words(found) if words and self.vocabulary_.unit == "character" else found

    def _search(self, language_model: Any) -> Search:
        self._check_fitted()
        check_options(self)
        return Search(
            int(self.beam_size),
            as_scorer(language_model, self.vocabulary_),
            float(self.language_weight),
            float(self.symbol_bonus),
        )

    def _text(self, decoded: CtcDecoded) -> str:
        return texts.text_of(decoded.symbols, self.vocabulary_)

    def _decoded(self, X: Any, search: Search) -> list[list[CtcDecoded]]:
        return [reading.read(log_p, search) for log_p, _ in self._outputs(X)]

    def _outputs(self, X: Any) -> list[tuple[NDArray[np.float32], int]]:
        """Of each of X the log-probabilities [T', K] of its steps, and its frames."""
        self._check_fitted()
        inputs = self._inputs(X)
        return list(zip(self._log_p(inputs), inputs.lengths.tolist(), strict=True))

    def _log_p(self, inputs: Sequences) -> list[NDArray[np.float32]]:
        batches = Batches(inputs, batch_size=predict_rows(inputs), bucket=True)
        choice = engines.choose(engines.AUTO, self.spec_)
        found: list[Any] = [None] * len(inputs)
        with engines.suited_threads(choice, self.spec_, batches.batch_size):
            for rows, parts in engines.log_probabilities(self.spec_, self.weights_, batches):
                for row, log_p in zip(rows, parts, strict=True):
                    found[row] = log_p
        return found
