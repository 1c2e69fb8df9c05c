"""What does not fit is named before it is used, alike by the equations and the compiled kernels."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from kernel_problems import KINDS, problem

from unrolled import kernels
from unrolled.kernels import compiled, engine, equations

ENGINES = [equations, compiled]
FUNCTIONS = [f"{c}_{f}" for c in ("gru", "lstm", "rnn") for f in ("backward", "forward", "step")]
LSTM_P = ("lstm", None, 2)


def arguments_of(p, function):
    """Fitting arguments of step, forward or backward, by name, without `saved`."""
    if function == "forward":
        return p.inputs | p.options
    if function == "step":
        states = {name.removesuffix("0"): state for name, state in p.states.items()}
        parameters = {name: p.inputs[name] for name in list(p.inputs)[1 + len(states) :]}
        return {"x": p.x[0], **states, **parameters, **p.own}
    weights = {name: p.parameters[name] for name in ("weight_ih", "weight_hh")}
    return {"grad_output": p.grad_output, **p.grad_final, "x": p.x, **weights, **p.options}


def call_with(module, function, kind, **changes):
    """The function of a fitting problem with some arguments replaced."""
    p = problem(*kind)
    arguments = arguments_of(p, function) | changes
    if function == "backward":
        *_, saved = getattr(module, f"{p.cell}_forward")(**p.inputs, **p.options)
        arguments = {"saved": saved} | arguments
    return getattr(module, f"{p.cell}_{function}")(**arguments)


SHAPE = "x of shape (7, 4, 3) and 5 hidden units"
FORWARD = [
    ({"x": np.ones((7, 3))}, ValueError, "x has shape (7, 3), but must have three axes [T, N, C]."),
    ({"x": np.ones((7, 4, 3), int)}, TypeError, "x is int64, but must be float32 or float64."),
    ({"x": np.ones((7, 4, 3), ">f8")}, TypeError, "x is >f8, but must be float32 or float64."),
    ({"x": np.ones((7, 4, 3), "f2")}, TypeError, "x is float16, but must be float32 or float64."),
    ({"x": [[[1.0]]]}, TypeError, "x is list, but must be a NumPy array."),
    ({"h0": None}, TypeError, "h0 is NoneType, but must be a NumPy array."),
    ({"h0": np.ones(5)}, ValueError, f"h0 has shape (5,), but {SHAPE} need (4, 5)."),
    ({"h0": np.ones((4, 5), "f4")}, TypeError, "h0 is float32, but must be float64 like x."),
    ({"h0": np.ones((4, 5), ">f8")}, TypeError, "h0 is >f8, but must be float64 like x."),
    ({"weight_ih": np.ones((20, 3))}, ValueError, "weight_ih has shape (20, 3), but x of "),
    ({"weight_hh": np.ones((15, 4))}, ValueError, "weight_ih has shape (15, 3), but x of "),
    ({"weight_hh": np.ones(5)}, ValueError, "weight_hh has shape (5,), but must have two axes."),
    ({"bias_ih": np.ones(1)}, ValueError, "bias_ih has shape (1,), but x of shape"),
    ({"bias_hh": np.ones(5)}, ValueError, "bias_hh has shape (5,), but x of shape"),
]
TOO_LONG = np.array([7, 2**64 - 1, 1, 1], np.uint64)
LENGTHS = [
    ({"lengths": [1, 2, 3]}, ValueError, "lengths has shape (3,), but must be one length for each"),
    ({"lengths": [7, 2, 0, 1]}, ValueError, "lengths[2] is 0, but must be from 1 to 7, the number"),
    ({"lengths": [7, 2, -3, 1]}, ValueError, "lengths[2] is -3, but must be from 1 to 7, the "),
    ({"lengths": [7, 8, 1, 1]}, ValueError, "lengths[1] is 8, but must be from 1 to 7, the number"),
    ({"lengths": TOO_LONG}, ValueError, "lengths[1] is 18446744073709551615, but must be from 1"),
    ({"lengths": [7.0, 2, 1, 1]}, TypeError, "lengths holds float64, but must hold integers."),
    ({"lengths": [True] * 4}, TypeError, "lengths holds bool, but must hold integers."),
]
BACKWARD = [
    ({"grad_output": np.ones((7, 4, 4))}, ValueError, "grad_output has shape (7, 4, 4), but x of"),
    ({"grad_output": np.ones((6, 4, 5))}, ValueError, "grad_output has shape (6, 4, 5), but x of"),
    ({"grad_output": np.ones((7, 4, 5), "f4")}, TypeError, "grad_output is float32, but must be "),
    ({"grad_h_n": np.ones((1, 5))}, ValueError, f"grad_h_n has shape (1, 5), but {SHAPE} need "),
    ({"weight_ih": np.ones((15, 2))}, ValueError, "weight_ih has shape (15, 2), but x of shape"),
    ({"x": np.ones((7, 4, 3), "f4")}, TypeError, "weight_ih is float64, but must be float32 like"),
]
CASES = [
    *(("forward", "gru", *case) for case in FORWARD),
    *(("forward", "gru", *case) for case in LENGTHS),
    *(("backward", "gru", *case) for case in BACKWARD),
    *(("backward", "gru", *case) for case in LENGTHS),
]


@pytest.mark.parametrize("module", ENGINES)
@pytest.mark.parametrize(("function", "cell", "changes", "error", "sentence"), CASES)
def test_what_does_not_fit_is_named(module, function, cell, changes, error, sentence):
    with pytest.raises(error) as caught:
        call_with(module, function, (cell, None, 0), **changes)
    message = str(caught.value)
    assert message.startswith(sentence)
    assert message.endswith(".")


LSTM_CASES = [
    ("forward", {"c0": np.ones((4, 1))}, "c0 has shape (4, 1), but x of shape (7, 4, 3) and 5 "),
    ("forward", {"h0": np.ones((4, 5))}, "h0 has shape (4, 5), but x of shape (7, 4, 3) and 5 "),
    ("forward", {"weight_hr": np.ones((0, 5))}, "weight_hr has shape (0, 5), but must be [P, H]"),
    ("forward", {"weight_hr": np.ones(5)}, "weight_hr has shape (5,), but must be [P, H] with "),
    ("forward", {"weight_hr": np.ones((3, 5))}, "weight_hh has shape (20, 2), but x of shape "),
    ("forward", {"weight_hr": np.ones((2, 6))}, "weight_ih has shape (20, 3), but x of shape "),
    ("forward", {"weight_hr": None}, "weight_ih has shape (20, 3), but x of shape (7, 4, 3) and 2"),
    ("step", {"x": np.ones((1, 4, 3))}, "x has shape (1, 4, 3), but must have two axes [N, C]."),
    ("step", {"c": np.ones((5, 5))}, "c has shape (5, 5), but x of shape (4, 3) and 5 hidden "),
    ("step", {"h": np.ones((4, 5))}, "h has shape (4, 5), but x of shape (4, 3) and 5 hidden "),
    ("backward", {"grad_c_n": np.ones((4, 2))}, "grad_c_n has shape (4, 2), but x of shape "),
    ("backward", {"grad_h_n": np.ones((4, 5))}, "grad_h_n has shape (4, 5), but x of shape "),
    ("backward", {"grad_output": np.ones((7, 4, 5))}, "grad_output has shape (7, 4, 5), but x "),
    ("backward", {"weight_hr": np.ones((2, 4))}, "weight_ih has shape (20, 3), but x of shape "),
]


@pytest.mark.parametrize("module", ENGINES)
@pytest.mark.parametrize(("function", "changes", "sentence"), LSTM_CASES)
def test_an_lstm_with_a_projection_is_checked(module, function, changes, sentence):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the sentence is compared below)
        call_with(module, function, LSTM_P, **changes)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("module", ENGINES)
@pytest.mark.parametrize("function", ["step", "forward", "backward"])
def test_unknown_nonlinearity_is_named(module, function):
    with pytest.raises(ValueError, match=r"^nonlinearity is 'sine', but must be 'tanh' or 'relu'"):
        call_with(module, function, ("rnn", "tanh"), nonlinearity="sine")


@pytest.mark.parametrize("module", ENGINES)
@pytest.mark.parametrize("function", ["step", "forward", "backward"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_fits_passes(module, function, kind):
    call_with(module, function, kind)


def test_saved_of_the_equations_is_no_saved_of_the_kernels():
    p = problem("gru")
    *_, saved = equations.gru_forward(**p.inputs)
    with pytest.raises(TypeError, match=r"^saved is ndarray, but must be what the forward of this"):
        call_with(compiled, "backward", ("gru",), saved=saved)


@pytest.mark.parametrize(
    ("kind", "other", "changes"),
    [
        (("gru",), {}, {"reverse": True}),
        (("gru",), {}, {"lengths": np.array([1, 7, 2, 3])}),
        (("gru",), {"lengths": np.array([1, 7, 2, 3])}, {"lengths": None}),
        (("gru",), {"lengths": np.array([1, 7, 2, 3])}, {"lengths": np.array([1, 7, 3, 2])}),
        (("gru",), {"sizes": (6, 4, 3, 5)}, {}),
        (("gru",), {"sizes": (7, 3, 3, 5)}, {}),
        (("gru",), {"sizes": (7, 4, 2, 5)}, {}),
        (("gru",), {"sizes": (7, 4, 3, 4)}, {}),
        (("gru",), {"dtype": np.float32}, {}),
        (("rnn", "tanh"), {}, {"nonlinearity": "relu"}),
    ],
)
def test_saved_of_another_forward_is_refused(kind, other, changes):
    p = problem(*kind, **other)
    *_, saved = getattr(compiled, f"{p.cell}_forward")(**p.inputs, **p.options)
    with pytest.raises(ValueError, match=r"^saved is of a forward with another cell, x, lengths "):
        call_with(compiled, "backward", kind, saved=saved, **changes)


def test_lengths_of_all_steps_are_no_lengths():
    p = problem("gru", lengths=np.array([7, 7, 7, 7]))
    *_, saved = compiled.gru_forward(**p.inputs, **p.options)
    call_with(compiled, "backward", ("gru",), saved=saved, lengths=None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_engines_have_the_same_signatures(name):
    assert inspect.signature(getattr(compiled, name)) == inspect.signature(getattr(equations, name))


def test_the_package_exports_nine_functions_of_one_engine():
    others = {"SlowKernelsWarning", "get_num_threads", "set_num_threads"}
    assert set(kernels.__all__) - others == set(FUNCTIONS)
    module = equations if engine.COMPILED is None else compiled
    assert all(getattr(kernels, name) is getattr(module, name) for name in FUNCTIONS)
