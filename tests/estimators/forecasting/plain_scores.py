"""Scores of forecasts by their formulas, beside which backtests are tested."""

from __future__ import annotations

import numpy as np


def scores(
    truth: np.ndarray, forecast: np.ndarray, *, scale: np.ndarray, naive2: np.ndarray
) -> dict[str, float]:
    """Averages over known values [n, H, K]; `scale` [n, K] may be NaN."""

    def smape_mase(f: np.ndarray) -> tuple[float, float]:
        error = np.abs(truth - f)
        size = np.abs(truth) + np.abs(f)
        smape = 200 * error / np.where(size == 0, 1, size)
        scaled = error / scale[:, None]
        known = ~np.isnan(scaled)
        mase = scaled[known].mean() if known.any() else np.nan
        return float(np.nanmean(smape)), float(mase)

    smape, mase = smape_mase(forecast)
    naive_smape, naive_mase = smape_mase(naive2)
    mse = float(np.nanmean((truth - forecast) ** 2))
    return {
        "mae": float(np.nanmean(np.abs(truth - forecast))),
        "mse": mse,
        "rmse": mse**0.5,
        "smape": smape,
        "mase": mase,
        "owa": (smape / naive_smape + mase / naive_mase) / 2,
    }
