"""Many to many of other lengths: a text to a text."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.text import as_texts
from unrolled.estimators.parts import Part
from unrolled.estimators.symbols import unseen
from unrolled.estimators.translation import scoring, texts
from unrolled.estimators.translation.arguments import TranslationArguments
from unrolled.estimators.translation.text_writer import Candidate as Candidate
from unrolled.estimators.translation.text_writer import TextWriter
from unrolled.estimators.translation.texts import Vocabularies
from unrolled.estimators.translation.writing import Attended
from unrolled.runtime.config_checks import check_keys, whole_number
from unrolled.runtime.encoder_decoder import EncoderDecoderSpec

if TYPE_CHECKING:
    from unrolled.data.sequences import Sequences
    from unrolled.estimators.symbols import Symbols
    from unrolled.estimators.translation.texts import Source


class LearntPairs:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    spec_: EncoderDecoderSpec
    vocabularies_: Vocabularies


@dataclass(kw_only=True, eq=False, repr=False)
class Translator(LearntPairs, TranslationArguments, TextWriter):
    """An encoder that reads a text and a decoder with attention that writes another.

    X is a list of N texts, y a list of as many: sentences and their translations, spellings and
    their sounds. It needs torch.

    All arguments stand in `docs/arguments.md`, described in `TranslationArguments`,
    `AttendingArguments`, `WritingArguments` and `LearningArguments`.

    Attributes:
        vocabularies_: number the symbols of `source` and `target`; 0 is the unknown one, which is
            never written, 1 the end of a text.
        longest_: symbols of the longest text of y, its end among them.
    """

    def attention_weights(self, X: Any) -> list[Attended]:
        """Where the model looked while it wrote `predict(X)`, one `Attended` for each text.

        Raises:
            ValueError: the model has no attention.
        """
        self._check_fitted()
        inputs = self._read_source(X)
        source = self.vocabularies_.source.symbols
        return [
            Attended([source[k] for k in inputs[i]], written, weights)
            for i, (written, weights) in enumerate(self._looked(inputs))
        ]

    def _warn_of(self, X: Any, inputs: Source) -> None:
        if not inputs.values.all():
            unknown = unseen(as_texts(X), self.vocabularies_.source, "X")
            warnings.warn(unknown, UserWarning, stacklevel=3)

    def _target(self) -> Symbols:
        return self.vocabularies_.target

    def _read_pairs(self, X: Any, y: Any, *, fitting: bool) -> Part:
        return texts.read_pairs(X, y)

    def _groups(self, part: Part) -> NDArray[np.int64] | None:
        """Rows of one source, where a source comes more than once."""
        places: dict[str, int] = {}
        assert isinstance(part.inputs, list)
        groups = [places.setdefault(source, len(places)) for source in part.inputs]
        return None if len(places) == len(groups) else np.array(groups)

    def _learn(self, part: Part) -> None:
        self.vocabularies_ = texts.fit_vocabularies(part, self)

    def _read_source(self, X: Any) -> Sequences:
        return texts.numbered(X, self.vocabularies_.source)

    def _source(self, part: Part) -> Sequences:
        return texts.numbered(part.inputs, self.vocabularies_.source)

    def _more_scores(self, written: list[str], references: list[list[str]]) -> dict[str, float]:
        return {
            "bleu": scoring.bleu(written, references),
            "chrf": scoring.chrf(written, references),
        }

    def _describe(self) -> EncoderDecoderSpec:
        self._check_writing()
        source, target = self.vocabularies_
        return self._spec(len(source), len(target))

    def _inputs_to_config(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabularies_.source.to_config()}

    def _targets_to_config(self) -> dict[str, Any]:
        target = None if self.spec_.shared else self.vocabularies_.target.to_config()
        return {"vocabulary": target, "longest": self.longest_}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        if not isinstance(self.spec_, EncoderDecoderSpec):
            raise ValueError("a translator needs a spec of an encoder and a decoder")
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
