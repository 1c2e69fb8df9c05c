"""Estimators by scikit-learn's contract, one file a task."""

from __future__ import annotations

import os
from typing import Any

from unrolled.estimators.captioner import ImageCaptioner
from unrolled.estimators.classifier import SequenceClassifier
from unrolled.estimators.feed_forward import FeedForwardClassifier, FeedForwardRegressor
from unrolled.estimators.forecaster import Forecaster
from unrolled.estimators.generator import SequenceGenerator
from unrolled.estimators.language_model import LanguageModel
from unrolled.estimators.regressor import SequenceRegressor
from unrolled.estimators.signal import SignalRegressor
from unrolled.estimators.speech_recognizer import SpeechRecognizer
from unrolled.estimators.tagger import SequenceTagger
from unrolled.estimators.trainable import Trainable
from unrolled.estimators.translator import Translator

__all__ = [
    "FeedForwardClassifier",
    "FeedForwardRegressor",
    "Forecaster",
    "ImageCaptioner",
    "LanguageModel",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SignalRegressor",
    "SpeechRecognizer",
    "Translator",
    "load",
]

ESTIMATORS: dict[str, type[Trainable]] = {
    kind.__name__: kind
    for kind in (
        SequenceClassifier,
        SequenceRegressor,
        SequenceTagger,
        SignalRegressor,
        FeedForwardClassifier,
        FeedForwardRegressor,
        Forecaster,
        LanguageModel,
        Translator,
        SpeechRecognizer,
        ImageCaptioner,
        SequenceGenerator,
    )
}


def load(path: str | os.PathLike[str]) -> Any:
    """Read a saved estimator of any class.

    Args:
        path: the folder that `save` wrote.

    Raises:
        ArtifactError: there is none, or it is damaged.
    """
    from unrolled.estimators.saving import restore

    return restore(ESTIMATORS, path)
