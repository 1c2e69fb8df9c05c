"""The arguments of a `Forecaster` beside those of training."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrolled.data.series_windows import NORMALIZATIONS
from unrolled.estimators.arguments import TrainingArguments
from unrolled.estimators.forecasting.transform import SCALINGS
from unrolled.estimators.options import choice, flag, instance, levels, names, share, whole
from unrolled.runtime.spec import LOSSES

STRATEGIES = ("segments", "direct", "recursive")
POINT = ("squared", "absolute", "huber")
DISTRIBUTIONS = LOSSES["distribution"]


@dataclass(kw_only=True, eq=False, repr=False)
class ForecastingArguments(TrainingArguments):
    """What is forecast, from what, and by which network.

    Args:
        horizon: H, steps to forecast.
        lookback: L, steps that are read, rounded up to whole segments; None takes three horizons
            or two seasons, whichever is more, where the series are long enough.
        strategy: "segments" reads the past in segments and decodes the horizon segment by segment
            (Lin et al. 2023, SegRNN, arXiv 2308.11200, with a state that goes on from one segment
            to the next); "direct" forecasts the whole horizon from the last state; "recursive"
            forecasts one step and goes on from it, as far as is asked.
        segment: steps of a segment; None takes a season or half the look-back, at most 48.
        cell: "rnn", "gru" or "lstm".
        hidden_size: units of a layer.
        num_layers: layers on top of each other.
        dropout: probability of zeroing, in training only, an output between two layers and what the
            output layer reads.
        loss: of the targets as they are scaled: "squared", "absolute", "huber", "quantile", or the
            negative log-likelihood of a "normal", "student_t" or "negative_binomial" distribution.
        quantiles: levels of the loss "quantile", 0.5 among them.
        scaling: of each series' targets: "standard" to mean 0 and standard deviation 1, "mean"
            divides by the mean magnitude, "none".
        normalization: of each window, undone afterwards: "last" takes its last value off, "mean"
            its mean, "standard" also divides by its standard deviation, "none"; "auto" is "last",
            and "none" with "recursive", whose state goes on.
        difference: forecast the change from the value so many steps before; 0 forecasts values.
        log: forecast logarithms.
        channels: several targets are "shared" one network, each by itself, or "joint" read and
            forecast together.
        calendar: features of the time of each step, see `unrolled.data.calendar`; "auto" takes
            those that fit the frequency, () none.
        season: steps of a season, for `lookback`, `segment` and scores; None takes that of the
            frequency, 1 where there is none.
        stride: steps from the start of a training window to that of the next.
        windows_per_epoch: windows of an epoch, drawn anew each time; None takes all.
        validation_steps: last steps of each series to watch; before `validation_fraction`.
        calibration_steps: last steps of each series, behind those that are watched, on which errors
            are measured for `predict_interval`; 0 leaves none.
        num_samples: paths that "recursive" follows with a distribution.
        time_column: of DataFrames, which need one.
        group_column: which series a row is of; None for one series.
        target_columns: of DataFrames in long form; () takes each column beside the time as a
            series.
        past_columns: covariates known up to the present.
        future_columns: covariates known ahead.
        static_columns: covariates that do not change within a series.
        frequency: of the times, as "h" or "MS"; None infers it; "rows" takes each row as a step.
        gaps: "error" refuses missing times, "fill" takes their values as missing; the network then
            reads which values were there, also where `fit` has no gap.
        standardize: scale each covariate to mean 0 and standard deviation 1.
    """

    horizon: int = field(default=24, metadata=whole(1, help="steps to forecast"))
    lookback: int | None = field(
        default=None, metadata=whole(1, none=True, help="steps that are read")
    )
    strategy: str = field(
        default="segments", metadata=choice(*STRATEGIES, help="segments, direct or recursive")
    )
    segment: int | None = field(
        default=None, metadata=whole(1, none=True, help="steps of a segment")
    )
    cell: str = field(default="gru", metadata=choice("rnn", "gru", "lstm", help="rnn, gru or lstm"))
    hidden_size: int = field(default=64, metadata=whole(1, help="units of a layer"))
    num_layers: int = field(default=1, metadata=whole(1, help="recurrent layers"))
    dropout: float = field(default=0.0, metadata=share(help="dropout after each layer"))
    loss: str = field(
        default="squared",
        metadata=choice(
            *POINT, "quantile", *DISTRIBUTIONS, help="loss, or the distribution that is learnt"
        ),
    )
    quantiles: tuple[float, ...] = field(
        default=(0.1, 0.5, 0.9), metadata=levels(help="levels of the loss quantile")
    )
    scaling: str = field(
        default="standard", metadata=choice(*SCALINGS, help="of each series: standard, mean, none")
    )
    normalization: str = field(
        default="auto",
        metadata=choice("auto", *NORMALIZATIONS, help="of each window: last, mean, standard, none"),
    )
    difference: int = field(
        default=0, metadata=whole(0, help="forecast changes over so many steps")
    )
    log: bool = field(default=False, metadata=flag(help="forecast logarithms"))
    channels: str = field(
        default="shared", metadata=choice("shared", "joint", help="several targets: shared, joint")
    )
    calendar: str | tuple[str, ...] = field(
        default="auto", metadata=names(help="features of the time, such as hour and weekday")
    )
    season: int | None = field(default=None, metadata=whole(1, none=True, help="steps of a season"))
    stride: int = field(
        default=1, metadata=whole(1, help="steps from a training window to the next")
    )
    windows_per_epoch: int | None = field(
        default=None, metadata=whole(1, none=True, help="windows drawn for an epoch")
    )
    validation_steps: int | None = field(
        default=None, metadata=whole(1, none=True, help="last steps of each series to watch")
    )
    calibration_steps: int = field(
        default=0, metadata=whole(0, help="last steps of each series for intervals")
    )
    num_samples: int = field(default=100, metadata=whole(1, help="paths of a distribution"))
    time_column: str | None = field(
        default=None, metadata=instance(str, wanted="a name", help="column of the time")
    )
    group_column: str | None = field(
        default=None, metadata=instance(str, wanted="a name", help="column of the series' name")
    )
    target_columns: str | tuple[str, ...] = field(
        default=(), metadata=names(help="columns to forecast")
    )
    past_columns: str | tuple[str, ...] = field(
        default=(), metadata=names(help="columns known up to the present")
    )
    future_columns: str | tuple[str, ...] = field(
        default=(), metadata=names(help="columns known ahead")
    )
    static_columns: str | tuple[str, ...] = field(
        default=(), metadata=names(help="columns that do not change within a series")
    )
    frequency: str | None = field(
        default=None, metadata=instance(str, wanted="a name", help="such as h, D or MS; or rows")
    )
    gaps: str = field(default="error", metadata=choice("error", "fill", help="error or fill"))
    standardize: bool = field(default=True, metadata=flag(help="scale covariates"))
    batch_size: int = field(default=64, metadata=whole(1, help="windows of a batch"))
    max_epochs: int = field(default=20, metadata=whole(1, help="epochs at most"))

    def _check_together(self) -> None:
        """Arguments that exclude each other.

        Raises:
            ValueError: two of them do.
        """
        recursive = self.strategy == "recursive"
        if recursive and self.normalization not in ("auto", "none"):
            raise ValueError(
                f"normalization={self.normalization!r} changes with each window, but the state of "
                "strategy='recursive' goes on; use scaling or difference"
            )
        if recursive and self.loss == "quantile":
            raise ValueError(
                "loss='quantile' says nothing of paths, which strategy='recursive' follows; use a "
                "distribution such as 'student_t', or strategy='segments'"
            )
        if recursive and self.past_columns:
            raise ValueError(
                "past_columns are not known where strategy='recursive' goes on from its own "
                "forecasts; use strategy='segments'"
            )
        if self.loss in (*DISTRIBUTIONS, "quantile") and self.difference and not recursive:
            raise ValueError(
                f"loss={self.loss!r} with difference={self.difference} needs strategy='recursive': "
                "the spread of a sum of changes is not the sum of their spreads"
            )
        if self.loss == "negative_binomial" and (
            self.scaling == "standard"
            or self.log
            or self.difference
            or self.normalization not in ("auto", "none")
        ):
            raise ValueError(
                "loss='negative_binomial' is of counts: it needs scaling='mean' or 'none' and "
                "neither log, difference nor normalization"
            )
        if self.loss == "quantile" and 0.5 not in self.quantiles:
            raise ValueError(
                f"quantiles must hold 0.5, which is what predict gives, got {self.quantiles!r:.80}"
            )
        if self.calibration_steps and self.calibration_steps < self.horizon:
            raise ValueError(
                f"calibration_steps must be at least horizon={self.horizon}, or 0, got "
                f"{self.calibration_steps}"
            )
        if self.segment is not None and self.strategy != "segments":
            raise ValueError(f"segment goes with strategy='segments', not {self.strategy!r}")
        watches = self.validation_steps is not None or bool(self.validation_fraction)
        if self.patience is not None and not watches:
            raise ValueError(
                f"patience={self.patience} needs something to watch: give validation_steps or "
                "validation_fraction"
            )

    def _normalization(self) -> str:
        if self.normalization != "auto":
            return self.normalization
        plain = self.strategy == "recursive" or self.loss == "negative_binomial"
        return "none" if plain else "last"
