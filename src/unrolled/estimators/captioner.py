"""One to many: an image to a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unrolled.estimators.captions import sources
from unrolled.estimators.captions.arguments import CaptionArguments
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.parts import Part
from unrolled.estimators.translation import scoring, texts
from unrolled.estimators.translation.text_writer import TextWriter
from unrolled.runtime.config_checks import check_keys, whole_number
from unrolled.runtime.one_to_many import OneToManySpec
from unrolled.runtime.readers import Picture
from unrolled.runtime.transforms import Scaler

if TYPE_CHECKING:
    from unrolled.estimators.symbols import Symbols
    from unrolled.estimators.translation.texts import Source


class Looked(NamedTuple):
    """Where a model looked while it wrote.

    Attributes:
        written: T symbols that were written, "<end>" the last where it came.
        weights: float32, of each symbol those of all places add up to 1: [T, rows, columns] of an
            image, cut into so many equal parts; [T, P] of maps.
    """

    written: list[str]
    weights: NDArray[np.float32]


class LearntCaptions:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    spec_: OneToManySpec
    vocabulary_: Symbols
    scaler_: Scaler
    shape_: tuple[int, ...]


@dataclass(kw_only=True, eq=False, repr=False)
class ImageCaptioner(LearntCaptions, CaptionArguments, TextWriter):
    """Layers of convolutions that read an image and a decoder with attention that writes a text.

    X is a list of N images, each a path or an array [H, W] or [H, W, C] of uint8 or floats from 0
    to 1, or an array of all; with `reads` "vectors" or "maps" the features of N images. y is a list
    of N texts, or of N lists of several texts, each of which is learnt. What is predicted of is
    brought to the size and colours of training. It needs torch, and pillow for files and for
    resizing.

    All arguments stand in `docs/arguments.md`, described in `CaptionArguments`,
    `AttendingArguments`, `WritingArguments` and `LearningArguments`. Of one vector, attention sees
    all of it at every symbol.

    Attributes:
        vocabulary_: numbers the symbols; 0 is the unknown one, which is never written, 1 the end.
        scaler_: of the channels.
        shape_: of what is read: (height, width, channels) of images, else (numbers,).
        longest_: symbols of the longest text of y, its end among them.
    """

    def attention_weights(self, X: Any) -> list[Looked]:
        """Where the model looked while it wrote `predict(X)`, one `Looked` for each image.

        Raises:
            ValueError: the model has no attention, or reads vectors, which have no places.
        """
        self._check_fitted()
        if not self.spec_.has_places:
            raise ValueError("this model reads one vector of each sample, which has no places")
        grid = self.spec_.reads.grid if isinstance(self.spec_.reads, Picture) else (-1,)
        return [
            Looked(written, weights.reshape(len(weights), *grid))
            for written, weights in self._looked(self._read_source(X))
        ]

    def _target(self) -> Symbols:
        return self.vocabulary_

    def _read(self, X: Any, *, fitting: bool) -> Any:
        shape = None if fitting else self.shape_
        return sources.read(X, self.reads, shape, self.image_size, self.image_channels)

    def _read_pairs(self, X: Any, y: Any, *, fitting: bool) -> Part:
        inputs = self._read(X, fitting=fitting)
        captions = np.empty(len(inputs), object)
        check_consistent_length(inputs, y if isinstance(y, list | tuple) else list(y))
        captions[:] = texts.read_references(y, len(inputs))
        return Part(inputs, captions, None)

    def _learn(self, part: Part) -> None:
        self.shape_ = sources.shape_of(part.inputs)
        self.scaler_ = sources.learn_scaler(part.inputs, bool(self.standardize))
        self.vocabulary_ = texts.fit_target(self._targets(part)[0], self, self.unit)

    def _targets(self, part: Part) -> tuple[list[str], NDArray[np.int64] | None]:
        rows = np.repeat(np.arange(len(part.y)), [len(several) for several in part.y])
        return [text for several in part.y for text in several], rows

    def _read_source(self, X: Any) -> Source:
        return sources.scaled(self._read(X, fitting=False), self.scaler_)

    def _source(self, part: Part) -> Source:
        return sources.scaled(part.inputs, self.scaler_)

    def _more_scores(self, written: list[str], references: list[list[str]]) -> dict[str, float]:
        return {
            "bleu_1": scoring.bleu(written, references, most=1),
            "bleu": scoring.bleu(written, references),
        }

    def _describe(self) -> OneToManySpec:
        self._check_writing()
        return self._spec(self.shape_, len(self.vocabulary_))

    def _inputs_to_config(self) -> dict[str, Any]:
        return {"scaler": self.scaler_.to_config(), "shape": list(self.shape_)}

    def _targets_to_config(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary_.to_config(), "longest": self.longest_}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        if not isinstance(self.spec_, OneToManySpec):
            raise ValueError("a captioner needs a spec of one that reads and a decoder")
        check_keys("part inputs", config, ("scaler", "shape"))
        self.scaler_ = Scaler.from_config(config["scaler"])
        shape = config["shape"]
        num = 3 if self.reads == "images" else 1
        if not isinstance(shape, list) or len(shape) != num:
            raise ValueError(f"the inputs need a shape of {num} numbers, got {shape!r:.80}")
        self.shape_ = tuple(whole_number("shape", n, least=1) for n in shape)
        if self.scaler_.channels != self.shape_[-1]:
            raise ValueError(
                f"the scaler is of {self.scaler_.channels} channels, the inputs of "
                f"{self.shape_[-1]}"
            )

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys("part targets", config, ("vocabulary", "longest"))
        self.vocabulary_ = texts.symbols_of(config["vocabulary"], self.spec_.output_size)
        self.longest_ = whole_number("longest", config["longest"], least=1)
