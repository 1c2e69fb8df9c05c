"""The arguments of a `SpeechRecognizer` beside those of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from unrolled.data.utterances import Masks
from unrolled.estimators.arguments import LearningArguments
from unrolled.estimators.options import choice, factors, flag, real, share, sizes, whole
from unrolled.runtime.layers import Recurrent
from unrolled.runtime.log_mel import LogMel
from unrolled.runtime.transcription import Convolution, TranscriberSpec
from unrolled.runtime.vocabulary import UNITS

LOG_MEL, GIVEN = "log_mel", "given"
UTTERANCE, TRAINING = "utterance", "training"


@dataclass(kw_only=True, eq=False, repr=False)
class SpeechArguments(LearningArguments):
    """What is heard, how texts are cut, what the network is made of, and how it reads.

    Args:
        features: "log_mel": X is sound, of which the logarithm of the power in `num_mels` bands of
            pitch is taken; "given": X holds frames of your own.
        sample_rate: Hz at which sound is listened to; other rates are resampled, which needs the
            extra `audio`.
        window: seconds of sound that a frame is of; of "log_mel".
        step: seconds between two frames; of "given" for the times of symbols alone.
        num_mels: F, bands of pitch.
        low_frequency: Hz where the lowest band begins.
        high_frequency: Hz where the highest band ends; None is half of the sample rate.
        normalize: each feature gets mean 0 and variance 1 over the frames of its "utterance", or
            over all of the "training" part, which keeps apart words that stand alone; or "none".
        unit: a symbol that is written: "character" (blanks too), "word" or "token" (between white
            space).
        min_count: symbols that come less often in training are written as none.
        lowercase: texts are lower-cased.
        convolutions: channels of each convolution in front of the recurrent stack; () is none.
        convolution_width: steps that a convolution reads at a time.
        strides: steps that become one in each convolution; one number is for all of them.
        cell: of the recurrent stack: "rnn", "gru" or "lstm".
        hidden_size: H, units of a layer and direction.
        num_layers: layers on top of each other.
        bidirectional: a second stack reads from behind.
        dropout: probability of zeroing, in training only, an output between two layers, and what
            the output layer reads.
        input_dropout: likewise of what the first recurrent layer reads.
        speeds: how fast an utterance is played in training, one of these drawn each time; pitch
            goes with it (Ko et al. 2015 take 0.9, 1 and 1.1). Others than 1 need the extra `audio`
            and "log_mel".
        time_masks: spans of frames that are hidden of an utterance each time that it is trained on
            (Park et al. 2019, arXiv 1904.08779, SpecAugment).
        time_mask_steps: most frames of such a span, and a fifth of the utterance at most.
        feature_masks: spans of features, likewise.
        feature_mask_size: most features of such a span.
        beam_size: prefixes that are kept side by side; 1 reads the likeliest path.
        language_weight: of the log-probabilities of a language model, where one is given.
        symbol_bonus: added to the score of a text for each of its symbols.
    """

    features: str = field(
        default=LOG_MEL, metadata=choice(LOG_MEL, GIVEN, help="log_mel of sound, or given")
    )
    sample_rate: int = field(default=16000, metadata=whole(1, help="Hz of the sound"))
    window: float = field(default=0.025, metadata=real(0.0, above=True, help="seconds of a frame"))
    step: float = field(
        default=0.010, metadata=real(0.0, above=True, help="seconds between two frames")
    )
    num_mels: int = field(default=40, metadata=whole(1, help="bands of pitch"))
    low_frequency: float = field(
        default=20.0, metadata=real(0.0, help="Hz where the lowest band begins")
    )
    high_frequency: float | None = field(
        default=None, metadata=real(0.0, none=True, above=True, help="Hz where the highest ends")
    )
    normalize: str = field(
        default=UTTERANCE,
        metadata=choice(
            UTTERANCE, TRAINING, "none", help="over what features are scaled: utterance or training"
        ),
    )
    unit: str = field(
        default="character", metadata=choice(*UNITS, help="a symbol: word, character or token")
    )
    min_count: int = field(default=1, metadata=whole(1, help="rarer symbols are never written"))
    lowercase: bool = field(default=False, metadata=flag(help="lower-case texts"))
    convolutions: tuple[int, ...] = field(
        default=(64,), metadata=sizes(help="channels of the convolutions in front")
    )
    convolution_width: int = field(
        default=5, metadata=whole(1, help="steps that a convolution reads")
    )
    strides: tuple[int, ...] = field(
        default=(2,), metadata=sizes(help="steps that become one in each convolution")
    )
    cell: str = field(default="gru", metadata=choice("rnn", "gru", "lstm", help="rnn, gru or lstm"))
    hidden_size: int = field(default=128, metadata=whole(1, help="units of a layer"))
    num_layers: int = field(default=2, metadata=whole(1, help="recurrent layers"))
    bidirectional: bool = field(default=True, metadata=flag(help="read both ways"))
    dropout: float = field(default=0.1, metadata=share(help="dropout after each layer"))
    input_dropout: float = field(
        default=0.0, metadata=share(help="dropout of what the first layer reads")
    )
    speeds: tuple[float, ...] = field(
        default=(1.0,), metadata=factors(help="how fast utterances are played in training")
    )
    time_masks: int = field(default=0, metadata=whole(0, help="spans of frames that are hidden"))
    time_mask_steps: int = field(default=20, metadata=whole(0, help="most frames of such a span"))
    feature_masks: int = field(
        default=0, metadata=whole(0, help="spans of features that are hidden")
    )
    feature_mask_size: int = field(
        default=8, metadata=whole(0, help="most features of such a span")
    )
    beam_size: int = field(default=1, metadata=whole(1, help="prefixes side by side"))
    language_weight: float = field(
        default=0.5, metadata=real(0.0, help="weight of a language model")
    )
    symbol_bonus: float = field(
        default=0.0, metadata=real(-1e6, help="added to a text's score for each symbol")
    )
    learning_rate: float = field(
        default=3e-3, metadata=real(0.0, above=True, help="highest learning rate")
    )
    schedule: str = field(
        default="one_cycle",
        metadata=choice(
            "constant", "linear", "cosine", "one_cycle", help="constant, linear, cosine, one_cycle"
        ),
    )
    max_epochs: int = field(default=30, metadata=whole(1, help="epochs at most"))
    batch_size: int = field(default=16, metadata=whole(1, help="utterances of a batch"))

    def _log_mel(self) -> LogMel | None:
        """How frames are made of sound; None where they are given.

        Raises:
            ValueError: the arguments do not go together.
        """
        if self.features == GIVEN:
            return None
        high = self.high_frequency
        return LogMel(
            sample_rate=int(self.sample_rate),
            window=float(self.window),
            step=float(self.step),
            num_mels=int(self.num_mels),
            low=float(self.low_frequency),
            high=None if high is None else float(high),
            normalize=self.normalize == UTTERANCE,
        )

    def _check_speech(self) -> None:
        """Refuse arguments that do not go together.

        Raises:
            ValueError: strides are not one a convolution, one is beyond the convolution's width,
                or speeds are asked for of given frames.
        """
        channels, strides = _several(self.convolutions), _several(self.strides)
        if len(strides) not in (1, len(channels)):
            raise ValueError(
                f"strides={strides} must be one number, or one for each of the "
                f"{len(channels)} convolutions"
            )
        if channels and max(strides) > self.convolution_width:
            raise ValueError(
                f"strides={strides} would leave steps out that a convolution_width of "
                f"{self.convolution_width} does not read; give a wider one"
            )
        if self.features == GIVEN and any(speed != 1 for speed in self.speeds):
            raise ValueError(
                f'speeds={self.speeds} are of sound, and features="given" has none; leave them '
                "at (1.0,)"
            )

    def _masks(self) -> Masks:
        return Masks(
            int(self.time_masks),
            int(self.time_mask_steps),
            int(self.feature_masks),
            int(self.feature_mask_size),
        )

    def _spec(self, num_features: int, num_outputs: int) -> TranscriberSpec:
        """The model of frames of so many numbers."""
        channels, strides = _several(self.convolutions), _several(self.strides)
        if len(strides) == 1:
            strides = strides * len(channels)
        layers, dropout = int(self.num_layers), float(self.dropout)
        between = dropout if layers > 1 else 0.0
        width, both = int(self.convolution_width), bool(self.bidirectional)
        return TranscriberSpec(
            input_size=num_features,
            output_size=num_outputs,
            recurrent=Recurrent(self.cell, int(self.hidden_size), layers, both, between),
            convolutions=tuple(
                Convolution(int(size), width, int(stride))
                for size, stride in zip(channels, strides, strict=True)
            ),
            input_dropout=float(self.input_dropout),
            head_dropout=dropout,
        )


def _several(value: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, Sequence) else (int(value),)
