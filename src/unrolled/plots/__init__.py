"""Pictures of data, training and networks: arrays and plain dicts in, matplotlib figures out.

Every function returns a `matplotlib.figure.Figure` and leaves pyplot's global state alone:
show it in a notebook, or write it by `figure.savefig(path)`.
"""

from __future__ import annotations

from unrolled.plots.attention import attention_matrix
from unrolled.plots.backtest import backtest
from unrolled.plots.captions import captions
from unrolled.plots.confusion_matrix import confusion_matrix
from unrolled.plots.ctc import ctc_spikes
from unrolled.plots.fan_chart import fan_chart
from unrolled.plots.forecast import forecast
from unrolled.plots.hidden_states import hidden_states
from unrolled.plots.label_scores import label_scores
from unrolled.plots.labelled_text import labelled_text
from unrolled.plots.learning_curve import learning_curve
from unrolled.plots.predicted_against_true import predicted_against_true
from unrolled.plots.residuals import residuals
from unrolled.plots.surprise import surprise
from unrolled.plots.unrolled_diagram import unrolled_diagram

__all__ = [
    "attention_matrix",
    "backtest",
    "captions",
    "confusion_matrix",
    "ctc_spikes",
    "fan_chart",
    "forecast",
    "hidden_states",
    "label_scores",
    "labelled_text",
    "learning_curve",
    "predicted_against_true",
    "residuals",
    "surprise",
    "unrolled_diagram",
]
