"""The recurrences as functions of arrays: {rnn,gru,lstm}_{step,forward,backward}."""

from __future__ import annotations

from unrolled.kernels.equations import (
    gru_backward,
    gru_forward,
    gru_step,
    lstm_backward,
    lstm_forward,
    lstm_step,
    rnn_backward,
    rnn_forward,
    rnn_step,
)

__all__ = [
    "gru_backward",
    "gru_forward",
    "gru_step",
    "lstm_backward",
    "lstm_forward",
    "lstm_step",
    "rnn_backward",
    "rnn_forward",
    "rnn_step",
]
