"""The module `_kernels` itself: several directions in one call, what may be absent, no byte beside.

Every array lies in a larger one that is full of NaN, so that a read beside it spoils a result and a
write beside it is seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_problems import as_float64, assert_accurate, problems, solve, torch_like

from unrolled.kernels import engine, equations
from unrolled.kernels.call import CODES

ORDERS = ("time first", "batch first", "wider rows")


class Memory:
    """An array inside a larger one full of NaN."""

    def __init__(self, shape, dtype, order="time first"):
        places = np.arange(int(np.prod(shape)) * 2 + 200)
        if order == "batch first":
            steps, batch, width = shape
            inside = places[37 : 37 + steps * batch * width].reshape(batch, steps, width)
            self.places = inside.transpose(1, 0, 2)
        elif order == "wider rows":
            steps, batch, width = shape
            inside = places[37 : 37 + steps * (batch * (width + 1) + 2)].reshape(steps, -1)
            self.places = inside[:, 1:-1].reshape(steps, batch, width + 1)[..., :width]
        else:
            self.places = places[37 : 37 + int(np.prod(shape))].reshape(shape)
        self.whole = np.full(len(places), np.nan, dtype)
        self.address = self.whole.ctypes.data + int(self.places.flat[0]) * self.whole.itemsize

    @classmethod
    def of(cls, values, order="time first"):
        memory = cls(values.shape, values.dtype, order)
        memory.whole[memory.places] = values
        return memory

    @property
    def strides(self):
        steps, batch, _ = self.places.shape
        first = int(self.places.flat[0])
        return (
            int(self.places[1, 0, 0]) - first if steps > 1 else 0,
            int(self.places[0, 1, 0]) - first if batch > 1 else 0,
        )

    @property
    def values(self):
        """A copy; fails if anything beside the array has been written."""
        beside = np.delete(self.whole, self.places.ravel())
        assert np.isnan(beside).all(), "memory beside the array was written"
        return self.whole[self.places]


def solve_raw(p, directions, orders, absent, threads):
    """What `kernel_problems.solve` gives, for each direction, from one call for all of them.

    `directions` are problems with p's x, lengths and dtype; `absent` are names of arguments and of
    gradients given as address 0.
    """
    kernels = engine.COMPILED
    code = CODES[p.nonlinearity or p.cell]
    (steps, batch, inputs), item = p.x.shape, p.x.itemsize
    state_size = p.states["h0"].shape[1]
    hidden = p.states["c0" if p.cell == "lstm" else "h0"].shape[1]
    sizes = steps, batch, inputs, hidden, state_size
    count = len(directions)
    lengths = None if p.lengths is None else np.ascontiguousarray(p.lengths, np.int64)
    lengths_address = 0 if lengths is None else lengths.ctypes.data
    projected = "weight_hr" in p.parameters
    valid = steps * batch if lengths is None else int(lengths.sum())
    saved_size = kernels.saved_size(code, item, valid, hidden, state_size, projected)

    x = Memory.of(p.x, orders[0])
    output = Memory((steps, batch, count * state_size), p.x.dtype, orders[1])
    columns = np.concatenate([one.grad_output for one in directions], axis=2)
    grad_output, grad_x = Memory.of(columns, orders[2]), Memory(p.x.shape, p.x.dtype, orders[3])

    def address(memory, name=""):
        return 0 if memory is None or name in absent else memory.address

    parts = []
    for one in directions:
        part = {name: Memory.of(value) for name, value in one.parameters.items()}
        part |= {name: Memory.of(value) for name, value in one.states.items()}
        part |= {name: Memory.of(value) for name, value in one.grad_final.items()}
        part |= {f"final {n}": Memory(v.shape, v.dtype) for n, v in one.states.items()}
        outcomes = {**one.parameters, **one.states}
        part |= {f"grad {n}": Memory(v.shape, v.dtype) for n, v in outcomes.items()}
        part["saved"] = Memory((saved_size,), p.x.dtype)
        parts.append(part)

    def pointers(names):
        found = []
        for one, part in zip(directions, parts, strict=True):
            found += [int(one.reverse), *(address(part.get(name), name) for name in names)]
        return tuple(found)

    entering = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "h0", "c0"]
    leaving = ["final h0", "final c0", "saved"]
    kernels.forward(
        *(code, item, *sizes, threads, x.address, *x.strides, lengths_address),
        *(output.address, *output.strides),
        pointers(entering + leaving),
    )
    entering = ["weight_ih", "weight_hh", "weight_hr", "h0", "c0", "saved"]
    entering += ["grad_h_n", "grad_c_n"]
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "h0", "c0"]
    leaving = [f"grad {name}" for name in names]
    kernels.backward(
        *(code, item, *sizes, threads, x.address, *x.strides, lengths_address),
        *(address(grad_output, "grad_output"), *grad_output.strides),
        *(address(grad_x, "grad x"), *grad_x.strides),
        pointers(entering + leaving),
    )
    results = []
    for d, (one, part) in enumerate(zip(directions, parts, strict=True)):
        for name in (*one.parameters, *one.states, *one.grad_final, "saved"):
            assert part[name].values is not None
        slices = slice(d * state_size, (d + 1) * state_size)
        result = {"output": output.values[..., slices]}
        result |= {f"final {name}": part[f"final {name}"].values for name in one.states}
        result |= {"grad x": grad_x.values}
        result |= {f"grad {n}": part[f"grad {n}"].values for n in (*one.states, *one.parameters)}
        results.append({name: value for name, value in result.items() if name not in absent})
        for name in set(result) & set(absent):
            assert np.isnan(result[name]).all(), f"{name} was written, but its address was 0"
    return results


def expected_of(p, directions, absent):
    """By the equations: what is absent of the arguments is zero."""

    def without(arrays):
        return {n: np.zeros_like(a) if n in absent else a for n, a in arrays.items()}

    results = []
    for one in directions:
        one = as_float64(one)
        one = replace(
            one,
            states=without(one.states),
            parameters=without(one.parameters),
            grad_final=without(one.grad_final),
            grad_output=without({"grad_output": one.grad_output})["grad_output"],
        )
        results.append(solve(one, equations))
    total = sum(result["grad x"] for result in results)
    for result in results:
        result["grad x"] = total
    return [{n: a for n, a in result.items() if n not in absent} for result in results]


MAY_BE_ABSENT = [
    *("bias_ih", "bias_hh", "h0", "c0", "grad_output", "grad_h_n", "grad_c_n"),
    *("grad x", "grad weight_ih", "grad weight_hh", "grad bias_ih", "grad bias_hh"),
    *("grad weight_hr", "grad h0", "grad c0"),
]


@pytest.mark.usefixtures("simd", "poisoned_scratch")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    p=problems(),
    others=st.lists(st.booleans(), max_size=2),
    orders=st.tuples(*[st.sampled_from(ORDERS)] * 4),
    absent=st.frozensets(st.sampled_from(MAY_BE_ABSENT), max_size=5),
    threads=st.integers(1, 3),
)
def test_directions_layouts_and_what_is_absent(p, others, orders, absent, threads):
    directions = [p]
    for d, reverse in enumerate(others):
        kind = (p.cell, p.nonlinearity, len(p.parameters.get("weight_hr", ())))
        hidden = p.states["c0" if p.cell == "lstm" else "h0"].shape[1]
        sizes = (*p.x.shape, hidden)
        other = torch_like(kind, sizes=sizes, dtype=p.x.dtype, reverse=reverse, seed=d + 1)
        directions.append(replace(other, x=p.x, lengths=p.lengths))
    expected = expected_of(p, directions, absent)
    results = solve_raw(p, directions, orders, absent, threads)
    for actual, wanted in zip(results, expected, strict=True):
        assert_accurate(actual, wanted)
