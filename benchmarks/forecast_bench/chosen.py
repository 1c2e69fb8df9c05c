"""Arguments chosen on validation parts alone, and the figures that others published.

Sources of the figures: DLinear (look-back 96) and SegRNN: the README of lss-1138/SegRNN (test
loader that keeps the last batch); GRU and DeepAR: table II of SegRNN (Lin et al. 2023); repeat
last, NLinear (336), DLinear (336) and the exchange rates: LTSF-Linear, table 2 (Zeng et al., AAAI
2023); LSTMa and Informer: zhouhaoyi/Informer2020; M4: "Evaluation and Ranks" of
Mcompetitions/M4-methods, and the README of kdgutier/esrnn_torch.
"""

from __future__ import annotations

from typing import Any

COMMON: dict[str, Any] = {
    "strategy": "segments",
    "scaling": "none",
    "cell": "gru",
    "verbose": False,
    "clip_norm": 1.0,
    "patience": 4,
}
_ETT: dict[str, Any] = {
    "lookback": 96,
    "segment": 48,
    "normalization": "mean",
    "hidden_size": 64,
    "dropout": 0.5,
    "learning_rate": 1e-3,
    "batch_size": 512,
    "max_epochs": 12,
}
ETT: dict[str, dict[int, dict[str, Any]]] = {
    name: dict.fromkeys((96, 192, 336, 720), _ETT) for name in ("ETTh1", "ETTh2")
}
ETT["ETTh1"][96] = {**_ETT, "normalization": "last", "hidden_size": 256}
INFORMER: dict[str, Any] = {
    "lookback": 336,
    "segment": 24,
    "normalization": "mean",
    "hidden_size": 64,
    "dropout": 0.5,
    "learning_rate": 1e-3,
    "batch_size": 512,
    "max_epochs": 12,
}
# Each currency as a series of its own: which one it is tells the drift of the training part alone.
EXCHANGE: dict[str, Any] = {
    "apart": True,
    "lookback": 96,
    "segment": 48,
    "normalization": "last",
    "hidden_size": 32,
    "dropout": 0.5,
    "learning_rate": 3e-5,
    "batch_size": 512,
    "max_epochs": 30,
}
M4: dict[str, Any] = {
    "strategy": "segments",
    "lookback": 168,
    "segment": 24,
    "season": 24,
    "normalization": "mean",
    "log": True,
    "hidden_size": 192,
    "loss": "quantile",
    "quantiles": (0.1, 0.25, 0.5, 0.75, 0.9),
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "batch_size": 256,
    "max_epochs": 10,
    "windows_per_epoch": 60_000,
    "verbose": False,
}

# MSE and, where it was published, MAE at horizons 96, 192, 336, 720; the look-back in brackets.
PUBLISHED_ETT = {
    "ETTh1": {
        "repeat last": ((1.295, 1.325, 1.323, 1.339), None),
        "GRU (720), iterated": ((1.135, 1.123, 1.080, 1.089), None),
        "DeepAR (720)": ((1.097, 1.080, 1.076, 1.079), None),
        "DLinear (96)": ((0.386, 0.437, 0.481, 0.519), (0.400, 0.432, 0.459, 0.516)),
        "NLinear (336)": ((0.374, 0.408, 0.429, 0.440), (0.394, 0.415, 0.427, 0.453)),
        "SegRNN (96)": ((0.368, 0.408, 0.444, 0.446), (0.395, 0.419, 0.440, 0.457)),
    },
    "ETTh2": {
        "repeat last": ((0.432, 0.534, 0.591, 0.588), None),
        "GRU (720), iterated": ((1.816, 2.530, 3.173, 3.143), None),
        "DeepAR (720)": ((2.674, 2.699, 2.505, 3.132), None),
        "DLinear (96)": ((0.333, 0.477, 0.594, 0.831), None),
        "NLinear (336)": ((0.277, 0.344, 0.357, 0.394), None),
        "SegRNN (96)": ((0.278, 0.359, 0.421, 0.432), None),
    },
}
PUBLISHED_INFORMER = {"LSTMa": (0.650, 0.624), "Informer": (0.577, 0.549), "LSTNet": (1.293, None)}
PUBLISHED_EXCHANGE = {"repeat last": 0.081, "DLinear (336)": 0.081, "FEDformer": 0.148}
# sMAPE, MASE, OWA.
PUBLISHED_M4 = {
    "Naive2": (18.383, 2.395, 1.0),
    "sNaive": (13.912, 1.193, 0.627),
    "M4's RNN benchmark": (14.698, 3.048, 1.036),
    "esrnn_torch": (None, None, 0.615),
    "ES-RNN (winner, ensemble)": (9.328, 0.893, 0.440),
}

# Bar, stretch, and for M4 a second one.
BARS: dict[str, tuple[float, ...]] = {
    "ETTh1": (0.435, 0.416),
    "ETTh2": (0.385, 0.372),
    "informer": (0.35, 0.33),
    "m4": (0.55, 0.50, 0.44),
    "exchange": (1.02, 1.00),
    "coverage": (0.75, 0.85),
    "update": (1000.0, 100.0),
    "peers": (3.0, 10.0),
    "windows": (1.2, 1.0),
    "gigabytes": (1.0, 1.0),
}
# Of a peer's error: ours may be that much higher where training times are compared.
ALIKE = 1.05
