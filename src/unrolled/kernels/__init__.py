"""The recurrences as functions of arrays: {rnn,gru,lstm}_{step,forward,backward}.

They are the compiled kernels or, where these are missing, the equations in NumPy, and then the
first import warns with `SlowKernelsWarning`.
"""

from __future__ import annotations

from unrolled.kernels.engine import (
    COMPILED,
    SlowKernelsWarning,
    get_num_threads,
    set_num_threads,
)

if COMPILED is not None:
    from unrolled.kernels.compiled import (
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
else:
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
    "SlowKernelsWarning",
    "get_num_threads",
    "gru_backward",
    "gru_forward",
    "gru_step",
    "lstm_backward",
    "lstm_forward",
    "lstm_step",
    "rnn_backward",
    "rnn_forward",
    "rnn_step",
    "set_num_threads",
]
