"""The data of a speech recognizer: from sounds and texts to batches, and to and from a config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unrolled.data.audio import sound_items
from unrolled.data.pairs import PairBatches
from unrolled.data.text import as_texts
from unrolled.data.utterances import ChangedPairs, Masks
from unrolled.estimators.contract import check_consistent_length
from unrolled.estimators.parts import Seeds
from unrolled.estimators.speech import frames, texts
from unrolled.estimators.speech.arguments import TRAINING, UTTERANCE, SpeechArguments
from unrolled.estimators.symbols import fit_symbols, symbols_from_config
from unrolled.estimators.trainable import Trainable
from unrolled.runtime.config_checks import check_keys
from unrolled.runtime.log_mel import LogMel
from unrolled.runtime.transcription import TranscriberSpec
from unrolled.runtime.transforms import Scaler

if TYPE_CHECKING:
    from unrolled.data.sequences import Sequences
    from unrolled.estimators.symbols import Symbols


class LearntSpeech:
    """What a fit leaves behind; apart from the dataclass, whose fields are arguments."""

    spec_: TranscriberSpec
    vocabulary_: Symbols
    log_mel_: LogMel | None
    normalized_: bool
    scaler_: Scaler | None


@dataclass(kw_only=True, eq=False, repr=False)
class SpeechData(LearntSpeech, SpeechArguments, Trainable):
    """An estimator of sounds and texts, before what it does with them."""

    def _read(self, X: Any, y: Any) -> tuple[Any, list[str]]:
        """The items of X, none of them read yet where they are sound, and the texts of y."""
        of_sound = self.log_mel_ is not None
        items: Any = sound_items(X) if of_sound else frames.given(X, self.normalized_)
        said = as_texts(y, name="y")
        check_consistent_length(items, said)
        return items, said

    def _frames(self, items: Any, speeds: tuple[float, ...] = ()) -> tuple[Sequences, ...]:
        """Frames of what `_read` gave, as they are, and at each speed."""
        if self.log_mel_ is None:
            return (items, *(items for _ in speeds))
        return frames.of_sound(items, self.log_mel_, speeds)

    def _inputs(self, X: Any) -> Sequences:
        """Frames of sounds that the model has not learnt from."""
        if self.log_mel_ is not None:
            return self._scaled(frames.of_sound(X, self.log_mel_, ())[0])
        found = frames.given(X, self.normalized_)
        if found.channels != self.spec_.input_size:
            raise ValueError(
                f"X has frames of {found.channels} features, and this model was fitted on "
                f"{self.spec_.input_size}"
            )
        return self._scaled(found)

    def _fit_scaler(self, whole: Sequences, rows: NDArray[np.int64]) -> Scaler | None:
        """How frames are scaled by those of the training part; None where they are not."""
        if self.normalize != TRAINING:
            return None
        return Scaler.fit(np.concatenate([whole[i] for i in rows]))

    def _scaled(self, found: Sequences) -> Sequences:
        if self.scaler_ is None:
            return found
        return found.with_values(self.scaler_.apply(found.values))

    def _inputs_and_targets(self, X: Any, y: Any) -> tuple[Sequences, Sequences]:
        targets = texts.outputs(y, self.vocabulary_)
        items = self._counted(X)
        check_consistent_length(items, targets)
        inputs = self._inputs(items)
        return inputs, targets

    def _counted(self, X: Any) -> Any:
        """X, of whose sounds none is read yet."""
        return X if self.log_mel_ is None else sound_items(X)

    def _as_written(self, said: list[str]) -> list[str]:
        """Texts as the model would write them: in lower case, and words apart."""
        self._check_fitted()
        vocabulary = self.vocabulary_
        said = [text.lower() for text in said] if self.lowercase else said
        if vocabulary.unit == "character":
            return said
        return [" ".join(vocabulary.split(text)) for text in said]

    def _fit_symbols(self, said: list[str]) -> Symbols:
        return fit_symbols(
            said,
            self.unit,
            min_count=int(self.min_count),
            vocabulary_size=None,
            lowercase=bool(self.lowercase),
        )

    def _pairs(
        self,
        whole: Sequences,
        targets: Sequences,
        rows: NDArray[np.int64],
        drawn: Seeds | None = None,
    ) -> PairBatches:
        """Rows as batches; in a new order each epoch where they are trained on."""
        return PairBatches(
            whole.take(rows),
            targets.take(rows),
            int(self.batch_size),
            shuffle=drawn is not None,
            seed=0 if drawn is None else drawn.of("order"),
        )

    def _changed(
        self, pairs: PairBatches, versions: list[Sequences], rows: NDArray[np.int64], drawn: Seeds
    ) -> PairBatches | ChangedPairs:
        """The pairs, or where the arguments say so with sources that are changed each epoch."""
        masks: Masks = self._masks()
        if all(s == 1 for s in self.speeds) and not (masks.num_time or masks.num_feature):
            return pairs
        taken = tuple(version.take(rows) for version in versions)
        return ChangedPairs(pairs, taken, masks, drawn.of("order"))

    def _watched(self, data: Any) -> PairBatches:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise ValueError(f"validation_data must be (X, y), got {data!r:.80}")
        try:
            inputs, targets = self._inputs_and_targets(*data)
            texts.check_long_enough(
                self.spec_, [inputs], [1.0], targets, names_of(data[0], len(inputs))
            )
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"validation_data: {error}") from error
        return self._pairs(inputs, targets, np.arange(len(inputs)))

    def _describe(self, num_features: int | None = None) -> TranscriberSpec:
        self._check_speech()
        by = (self.normalized_, self.scaler_ is not None)
        asked = (self.normalize == UTTERANCE, self.normalize == TRAINING)
        if self._log_mel() != self.log_mel_ or by != asked:
            raise ValueError("its arguments describe other frames than those it was fitted on")
        size = self.spec_.input_size if num_features is None else num_features
        return self._spec(size, len(self.vocabulary_) + texts.SHIFT)

    def _inputs_to_config(self) -> dict[str, Any]:
        parts = {"log_mel": self.log_mel_, "scaler": self.scaler_}
        return {name: None if part is None else part.to_config() for name, part in parts.items()}

    def _targets_to_config(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary_.to_config()}

    def _inputs_from_config(self, config: Mapping[str, Any]) -> None:
        if not isinstance(self.spec_, TranscriberSpec):
            raise ValueError("a speech recognizer needs a spec with convolutions")
        check_keys("part inputs", config, ("log_mel", "scaler"))
        features, scaler = config["log_mel"], config["scaler"]
        self.log_mel_ = None if features is None else LogMel.from_config(features)
        self.scaler_ = None if scaler is None else Scaler.from_config(scaler)
        self.normalized_ = self.normalize == UTTERANCE
        if (scaler is None) == (self.normalize == TRAINING):
            raise ValueError(f"normalize={self.normalize!r} and its scaler do not go together")
        if self.scaler_ is not None and len(self.scaler_.mean) != self.spec_.input_size:
            raise ValueError("its scaler has another number of features than its spec")

    def _targets_from_config(self, config: Mapping[str, Any]) -> None:
        check_keys("part targets", config, ("vocabulary",))
        self.vocabulary_ = symbols_from_config(config["vocabulary"])


def names_of(X: Any, count: int) -> list[str]:
    """What so many sounds are called in errors: files by their paths."""
    items = X if isinstance(X, list | tuple) else [None] * count
    return [
        os.fspath(item) if isinstance(item, str | os.PathLike) else f"X[{i}]"
        for i, item in enumerate(items)
    ]
