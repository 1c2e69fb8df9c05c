"""RNN, GRU and LSTM in NumPy, forward and backward, one line an equation: start reading here.

Each network is three functions:

    step      one time step of a batch: the recurrence itself
    forward   all T steps: the recurrence, unrolled
    backward  backpropagation through time: the steps of forward in opposite order, each with the
              derivative of each equation, written in terms of its outputs

Letters, gate order and parameter names are in `layout.py`. In the formulas `*` is elementwise,
`s` is the logistic function, `W x` multiplies each row of a batch; `da` is the derivative of the
loss with respect to a. The sums inside the gates have two parts, `a_x = W_ih x + b_ih`, for which
no step waits and which is computed for all steps at once, and `a_h = W_hh h + b_hh`, which is not.

Arguments that mean the same everywhere:

    x            [T, N, C]  input, time-major; what stands in padding is never used
    h0, c0       [N, H]     initial states; in an LSTM with a projection, each h has P channels
    weight_ih    [G*H, C]   gate k is rows k*H to (k+1)*H
    weight_hh    [G*H, H]
    bias_ih      [G*H]
    bias_hh      [G*H]
    lengths      [N]        valid steps of each row, 1 to T; None: all T. After a row's last valid
                            step its state is frozen and its output 0.
    reverse                 run from each row's last valid step to its first
    output       [T, N, H]  the state h after each step
    h_n, c_n     [N, H]     final states: after the last step taken (the first in time if reverse)
    saved                   what backward needs of forward
    grad_...                gradient of the loss with respect to ..., in the same shape

All arrays are float32 or all are float64, and so is what is returned; no argument is changed. A
shape or dtype that does not fit is a ValueError or TypeError that names the argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.kernels.layout import check_arrays, valid_steps

Function = Callable[[np.ndarray], np.ndarray]


def sigmoid(a: np.ndarray) -> np.ndarray:
    """s(a) = 1 / (1 + exp(-a)) = (1 + tanh(a / 2)) / 2; the latter cannot overflow."""
    s: np.ndarray = 0.5 * (1 + np.tanh(0.5 * a))
    return s


# name: (phi(a), its derivative in terms of the output y = phi(a))
NONLINEARITIES: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda y: 1 - y * y),
    "relu": (lambda a: np.maximum(a, 0), lambda y: y > 0),
}


def find_nonlinearity(name: str) -> tuple[Function, Function]:
    if name not in NONLINEARITIES:
        raise ValueError(f"nonlinearity is {name!r}, but must be 'tanh' or 'relu'.")
    return NONLINEARITIES[name]


def _steps(num_steps: int, reverse: bool) -> range:
    """The time steps in the order in which forward takes them."""
    return range(num_steps - 1, -1, -1) if reverse else range(num_steps)


def _input_and_parameter_gradients(
    da_x: np.ndarray, da_h: np.ndarray, x: np.ndarray, h_prev: np.ndarray, weight_ih: np.ndarray
) -> tuple[np.ndarray, ...]:
    """From the gates' sums, da_x and da_h [T, N, G*H], to x, the weights and the biases."""
    time_and_batch = ((0, 1), (0, 1))
    grad_x = da_x @ weight_ih
    grad_weight_ih = np.tensordot(da_x, x, time_and_batch)
    grad_weight_hh = np.tensordot(da_h, h_prev, time_and_batch)
    grad_bias_ih = da_x.sum((0, 1))
    grad_bias_hh = da_h.sum((0, 1))
    return grad_x, grad_weight_ih, grad_weight_hh, grad_bias_ih, grad_bias_hh


def rnn_step(
    x: np.ndarray,
    h: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
    nonlinearity: str = "tanh",
) -> np.ndarray:
    """One step of the simple recurrent network (Elman, 1990): x [N, C], h [N, H] -> h' [N, H].

        h' = phi(W_ih x + b_ih + W_hh h + b_hh)

    phi is "tanh" or "relu"; weights [H, C] and [H, H], biases [H].
    """
    check_arrays("rnn", x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
    phi, _ = find_nonlinearity(nonlinearity)
    return phi(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)


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
    """`rnn_step` at each t: x [T, N, C], h0 [N, H] -> output [T, N, H], h_n [N, H], saved.

    saved [2, T, N, H] is the state before and after each step.
    """
    check_arrays("rnn", x, {"h0": h0}, weight_ih, weight_hh, bias_ih, bias_hh)
    phi, _ = find_nonlinearity(nonlinearity)
    valid = valid_steps(lengths, *x.shape[:2])
    h_prev, h_next = saved = np.empty((2, len(x), *h0.shape), x.dtype)

    a_x = np.where(valid, x, 0) @ weight_ih.T + bias_ih
    h = h0
    for t in _steps(len(x), reverse):
        h_prev[t] = h
        h = np.where(valid[t], phi(a_x[t] + h @ weight_hh.T + bias_hh), h)
        h_next[t] = h
    return np.where(valid, h_next, 0), h, saved


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
    """From output [T, N, H] and h_n [N, H] to each array that entered `rnn_forward`.

    Returns the gradients of x [T, N, C], h0 [N, H], weight_ih [H, C], weight_hh [H, H],
    bias_ih [H], bias_hh [H].
    """
    grads = {"grad_output": grad_output, "grad_h_n": grad_h_n}
    check_arrays("rnn", x, grads, weight_ih, weight_hh)
    _, derivative = find_nonlinearity(nonlinearity)
    valid = valid_steps(lengths, *x.shape[:2])
    x, grad_output = np.where(valid, x, 0), np.where(valid, grad_output, 0)
    h_prev, h_next = saved
    da = np.empty_like(h_prev)

    dh = grad_h_n
    for t in reversed(_steps(len(x), reverse)):
        dh = dh + grad_output[t]
        da[t] = np.where(valid[t], dh * derivative(h_next[t]), 0)
        dh = np.where(valid[t], da[t] @ weight_hh, dh)
    grad_x, *rest = _input_and_parameter_gradients(da, da, x, h_prev, weight_ih)
    return grad_x, dh, *rest


def _gru_equations(
    a_x: np.ndarray, h: np.ndarray, weight_hh: np.ndarray, bias_hh: np.ndarray
) -> tuple[np.ndarray, ...]:
    """a_x [N, 3H], h [N, H] -> h', r, z, n and m = W_hn h + b_hn, each [N, H]."""
    a_h = h @ weight_hh.T + bias_hh
    x_r, x_z, x_n = np.split(a_x, 3, axis=-1)
    h_r, h_z, m = np.split(a_h, 3, axis=-1)
    r = sigmoid(x_r + h_r)
    z = sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * m)
    h = (1 - z) * n + z * h
    return h, r, z, n, m


def gru_step(
    x: np.ndarray,
    h: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray,
    bias_hh: np.ndarray,
) -> np.ndarray:
    """One step of the gated recurrent unit: x [N, C], h [N, H] -> h' [N, H].

        r  = s(W_ir x + b_ir + W_hr h + b_hr)           reset gate
        z  = s(W_iz x + b_iz + W_hz h + b_hz)           update gate
        n  = tanh(W_in x + b_in + r * (W_hn h + b_hn))  candidate
        h' = (1 - z) * n + z * h

    The reset gate is applied after the matrix product, as in torch and cuDNN (and version 1 of Cho
    et al., arXiv:1406.1078), so that one product W_hh h serves all gates; the later versions of
    that paper apply it to h before: W_hn (r * h). Weights [3H, C] and [3H, H], biases [3H].
    """
    check_arrays("gru", x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
    h, *_ = _gru_equations(x @ weight_ih.T + bias_ih, h, weight_hh, bias_hh)
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
    """`gru_step` at each t: x [T, N, C], h0 [N, H] -> output [T, N, H], h_n [N, H], saved.

    saved [5, T, N, H] is the state before each step, r, z, n and m = W_hn h + b_hn.
    """
    check_arrays("gru", x, {"h0": h0}, weight_ih, weight_hh, bias_ih, bias_hh)
    valid = valid_steps(lengths, *x.shape[:2])
    h_prev, r, z, n, m = saved = np.empty((5, len(x), *h0.shape), x.dtype)
    output = np.empty_like(h_prev)

    a_x = np.where(valid, x, 0) @ weight_ih.T + bias_ih
    h = h0
    for t in _steps(len(x), reverse):
        h_prev[t] = h
        h_next, r[t], z[t], n[t], m[t] = _gru_equations(a_x[t], h, weight_hh, bias_hh)
        h = np.where(valid[t], h_next, h)
        output[t] = np.where(valid[t], h, 0)
    return output, h, saved


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
    """From output [T, N, H] and h_n [N, H] to each array that entered `gru_forward`.

    Returns the gradients of x [T, N, C], h0 [N, H], weight_ih [3H, C], weight_hh [3H, H],
    bias_ih [3H], bias_hh [3H].
    """
    grads = {"grad_output": grad_output, "grad_h_n": grad_h_n}
    check_arrays("gru", x, grads, weight_ih, weight_hh)
    valid = valid_steps(lengths, *x.shape[:2])
    x, grad_output = np.where(valid, x, 0), np.where(valid, grad_output, 0)
    h_prev, r, z, n, m = saved
    da_x, da_h = np.empty((2, *x.shape[:2], len(weight_hh)), x.dtype)

    dh = grad_h_n
    for t in reversed(_steps(len(x), reverse)):
        dh = dh + grad_output[t]
        dn = dh * (1 - z[t]) * (1 - n[t] ** 2)
        dz = dh * (h_prev[t] - n[t]) * z[t] * (1 - z[t])
        dr = dn * m[t] * r[t] * (1 - r[t])
        dm = dn * r[t]
        da_x[t] = np.where(valid[t], np.concatenate((dr, dz, dn), axis=1), 0)
        da_h[t] = np.where(valid[t], np.concatenate((dr, dz, dm), axis=1), 0)
        dh = np.where(valid[t], dh * z[t] + da_h[t] @ weight_hh, dh)
    grad_x, *rest = _input_and_parameter_gradients(da_x, da_h, x, h_prev, weight_ih)
    return grad_x, dh, *rest


def _lstm_equations(
    a_x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    weight_hh: np.ndarray,
    bias_hh: np.ndarray,
    weight_hr: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """a_x [N, 4H], h [N, P], c [N, H] -> h', c', and i, f, g, o, q = tanh(c'), each [N, H]."""
    a = a_x + h @ weight_hh.T + bias_hh
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=-1)
    i = sigmoid(a_i)
    f = sigmoid(a_f)
    g = np.tanh(a_g)
    o = sigmoid(a_o)
    c = f * c + i * g
    q = np.tanh(c)
    h = o * q if weight_hr is None else (o * q) @ weight_hr.T
    return h, c, i, f, g, o, q


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
    """One step of long short-term memory: x [N, C], h and c [N, H] -> h', c' [N, H].

        i  = s(W_ii x + b_ii + W_hi h + b_hi)     input gate
        f  = s(W_if x + b_if + W_hf h + b_hf)     forget gate
        g  = tanh(W_ig x + b_ig + W_hg h + b_hg)  candidate
        o  = s(W_io x + b_io + W_ho h + b_ho)     output gate
        c' = f * c + i * g
        m  = o * tanh(c')
        h' = m, or W_hr m with a projection

    Hochreiter and Schmidhuber (1997) with the forget gate of Gers, Schmidhuber and Cummins (2000)
    and, if `weight_hr` [P, H] is given, the recurrent projection of Sak, Senior and Beaufays
    (2014); no peepholes, as in torch and cuDNN. Weights [4H, C] and [4H, H or P], biases [4H].
    """
    check_arrays("lstm", x, {"h": h, "c": c}, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)
    a_x = x @ weight_ih.T + bias_ih
    h, c, *_ = _lstm_equations(a_x, h, c, weight_hh, bias_hh, weight_hr)
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
    """`lstm_step` at each t: x [T, N, C], h0, c0 [N, H] -> output [T, N, H], h_n, c_n, saved.

    h_n and c_n are [N, H]; h0, h_n and output have P channels with `weight_hr` [P, H]. saved is
    the state h before each step, and [6, T, N, H]: c before each step, i, f, g, o, q = tanh(c').
    """
    states = {"h0": h0, "c0": c0}
    check_arrays("lstm", x, states, weight_ih, weight_hh, bias_ih, bias_hh, weight_hr)
    valid = valid_steps(lengths, *x.shape[:2])
    h_prev = np.empty((len(x), *h0.shape), x.dtype)
    output = np.empty_like(h_prev)
    c_prev, i, f, g, o, q = parts = np.empty((6, len(x), *c0.shape), x.dtype)

    a_x = np.where(valid, x, 0) @ weight_ih.T + bias_ih
    h, c = h0, c0
    for t in _steps(len(x), reverse):
        h_prev[t], c_prev[t] = h, c
        h_next, c_next, *gates = _lstm_equations(a_x[t], h, c, weight_hh, bias_hh, weight_hr)
        i[t], f[t], g[t], o[t], q[t] = gates
        h, c = np.where(valid[t], h_next, h), np.where(valid[t], c_next, c)
        output[t] = np.where(valid[t], h, 0)
    return output, h, c, (h_prev, parts)


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
    """From output [T, N, H], h_n and c_n [N, H] to each array that entered `lstm_forward`.

    Returns the gradients of x [T, N, C], h0 [N, H], c0 [N, H], weight_ih [4H, C],
    weight_hh [4H, H], bias_ih [4H], bias_hh [4H] and, if it is given, weight_hr [P, H].
    """
    grads = {"grad_output": grad_output, "grad_h_n": grad_h_n, "grad_c_n": grad_c_n}
    check_arrays("lstm", x, grads, weight_ih, weight_hh, weight_hr=weight_hr)
    valid = valid_steps(lengths, *x.shape[:2])
    x, grad_output = np.where(valid, x, 0), np.where(valid, grad_output, 0)
    h_prev, (c_prev, i, f, g, o, q) = saved
    da = np.empty((*x.shape[:2], len(weight_hh)), x.dtype)
    dh_next = np.empty_like(h_prev)

    dh, dc = grad_h_n, grad_c_n
    for t in reversed(_steps(len(x), reverse)):
        dh = dh + grad_output[t]
        dh_next[t] = np.where(valid[t], dh, 0)
        dm = dh if weight_hr is None else dh @ weight_hr
        dc_next = dc + dm * o[t] * (1 - q[t] ** 2)
        di = dc_next * g[t] * i[t] * (1 - i[t])
        df = dc_next * c_prev[t] * f[t] * (1 - f[t])
        dg = dc_next * i[t] * (1 - g[t] ** 2)
        do = dm * q[t] * o[t] * (1 - o[t])
        da[t] = np.where(valid[t], np.concatenate((di, df, dg, do), axis=1), 0)
        dh = np.where(valid[t], da[t] @ weight_hh, dh)
        dc = np.where(valid[t], dc_next * f[t], dc)
    grad_x, *rest = _input_and_parameter_gradients(da, da, x, h_prev, weight_ih)
    if weight_hr is not None:
        rest.append(np.tensordot(dh_next, o * q, ((0, 1), (0, 1))))
    return grad_x, dh, dc, *rest
