"""RNN, GRU and LSTM by the compiled kernels: the functions of `equations.py`, several times faster.

Arguments, results and errors are those of the function of the same name in `equations.py`; only
`saved` is of another kind. Shapes, dtypes and lengths are checked before any memory is touched. `x`
and `grad_output` may have any strides of their first two axes without being copied. Where an axis
is empty there is nothing to compute, and the equations answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.kernels import equations
from unrolled.kernels.call import describe_call, run_backward, run_forward
from unrolled.kernels.layout import check_arrays


def _is_empty(x: np.ndarray, weight_hh: np.ndarray) -> bool:
    return x.size == 0 or weight_hh.size == 0


def rnn_step(
    x: np.ndarray,
    h: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
    nonlinearity: str = "tanh",
) -> np.ndarray:
    """One step, x [N, C]; see `equations.rnn_step`."""
    check_arrays("rnn", x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
    equations.find_nonlinearity(nonlinearity)
    if _is_empty(x, weight_hh):
        return equations.rnn_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh, nonlinearity)
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    call = describe_call(nonlinearity, x[None], weight_hh, None, False)
    _, (h,), _ = run_forward(call, x[None], [h], weights, training=False)
    return h


def rnn_forward(
    x: np.ndarray,
    h0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple[np.ndarray, np.ndarray, Any]:
    """All steps, x [T, N, C]; see `equations.rnn_forward`."""
    check_arrays("rnn", x, {"h0": h0}, weight_ih, weight_hh, bias_ih, bias_hh)
    equations.find_nonlinearity(nonlinearity)
    call = describe_call(nonlinearity, x, weight_hh, lengths, reverse)
    if _is_empty(x, weight_hh):
        return equations.rnn_forward(
            x, h0, weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse, nonlinearity
        )
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    output, (h_n,), saved = run_forward(call, x, [h0], weights)
    return output, h_n, saved


def rnn_backward(
    grad_output: np.ndarray,
    grad_h_n: np.ndarray,
    saved: Any,
    x: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple[np.ndarray, ...]:
    """Backpropagation through time; see `equations.rnn_backward`."""
    grads = {"grad_output": grad_output, "grad_h_n": grad_h_n}
    check_arrays("rnn", x, grads, weight_ih, weight_hh)
    equations.find_nonlinearity(nonlinearity)
    call = describe_call(nonlinearity, x, weight_hh, lengths, reverse)
    if _is_empty(x, weight_hh):
        return equations.rnn_backward(
            grad_output, grad_h_n, saved, x, weight_ih, weight_hh, lengths, reverse, nonlinearity
        )
    weights = [weight_ih, weight_hh]
    return run_backward(call, saved, x, grad_output, [grad_h_n], weights)


def gru_step(
    x: np.ndarray,
    h: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> np.ndarray:
    """One step, x [N, C]; see `equations.gru_step`."""
    check_arrays("gru", x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
    if _is_empty(x, weight_hh):
        return equations.gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    call = describe_call("gru", x[None], weight_hh, None, False)
    _, (h,), _ = run_forward(call, x[None], [h], weights, training=False)
    return h


def gru_forward(
    x: np.ndarray,
    h0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[np.ndarray, np.ndarray, Any]:
    """All steps, x [T, N, C]; see `equations.gru_forward`."""
    check_arrays("gru", x, {"h0": h0}, weight_ih, weight_hh, bias_ih, bias_hh)
    call = describe_call("gru", x, weight_hh, lengths, reverse)
    if _is_empty(x, weight_hh):
        return equations.gru_forward(
            x, h0, weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse
        )
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    output, (h_n,), saved = run_forward(call, x, [h0], weights)
    return output, h_n, saved


def gru_backward(
    grad_output: np.ndarray,
    grad_h_n: np.ndarray,
    saved: Any,
    x: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[np.ndarray, ...]:
    """Backpropagation through time; see `equations.gru_backward`."""
    grads = {"grad_output": grad_output, "grad_h_n": grad_h_n}
    check_arrays("gru", x, grads, weight_ih, weight_hh)
    call = describe_call("gru", x, weight_hh, lengths, reverse)
    if _is_empty(x, weight_hh):
        return equations.gru_backward(
            grad_output, grad_h_n, saved, x, weight_ih, weight_hh, lengths, reverse
        )
    weights = [weight_ih, weight_hh]
    return run_backward(call, saved, x, grad_output, [grad_h_n], weights)


def lstm_step(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
    weight_hr: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """One step, x [N, C]; see `equations.lstm_step`."""
    check_arrays("lstm", x, {"h": h, "c": c}, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)
    if _is_empty(x, weight_hh):
        return equations.lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    weights += [] if weight_hr is None else [weight_hr]
    call = describe_call("lstm", x[None], weight_hh, None, False, weight_hr)
    _, (h, c), _ = run_forward(call, x[None], [h, c], weights, training=False)
    return h, c


def lstm_forward(
    x: np.ndarray,
    h0: np.ndarray,
    c0: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    weight_hr: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """All steps, x [T, N, C]; see `equations.lstm_forward`."""
    check_arrays("lstm", x, {"h0": h0, "c0": c0}, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)
    call = describe_call("lstm", x, weight_hh, lengths, reverse, weight_hr)
    if _is_empty(x, weight_hh):
        return equations.lstm_forward(
            x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, lengths, reverse, weight_hr
        )
    weights = [weight_ih, weight_hh, bias_ih, bias_hh]
    weights += [] if weight_hr is None else [weight_hr]
    output, (h_n, c_n), saved = run_forward(call, x, [h0, c0], weights)
    return output, h_n, c_n, saved


def lstm_backward(
    grad_output: np.ndarray,
    grad_h_n: np.ndarray,
    grad_c_n: np.ndarray,
    saved: Any,
    x: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
    weight_hr: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """Backpropagation through time; see `equations.lstm_backward`."""
    grads = {"grad_output": grad_output, "grad_h_n": grad_h_n, "grad_c_n": grad_c_n}
    check_arrays("lstm", x, grads, weight_ih, weight_hh, weight_hr=weight_hr)
    call = describe_call("lstm", x, weight_hh, lengths, reverse, weight_hr)
    if _is_empty(x, weight_hh):
        return equations.lstm_backward(
            grad_output,
            grad_h_n,
            grad_c_n,
            saved,
            x,
            weight_ih,
            weight_hh,
            lengths,
            reverse,
            weight_hr,
        )
    weights = [weight_ih, weight_hh] + ([] if weight_hr is None else [weight_hr])
    return run_backward(call, saved, x, grad_output, [grad_h_n, grad_c_n], weights)
