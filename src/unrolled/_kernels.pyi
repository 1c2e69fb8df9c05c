"""The compiled kernels of csrc/: private; `unrolled.kernels` checks what enters them.

Memory is given by address (0: absent), strides in items, the last axis contiguous.
"""

from typing import Any

from numpy.typing import NDArray

INTERFACE: int

def lend(count: int, item: int) -> NDArray[Any]: ...
def idle_memory() -> int: ...
def saved_size(cell: int, item: int, S: int, H: int, P: int, projected: bool = False) -> int: ...
def forward(
    cell: int,
    item: int,
    T: int,
    N: int,
    C: int,
    H: int,
    P: int,
    threads: int,
    x: int,
    x_stride_t: int,
    x_stride_n: int,
    lengths: int,
    out: int,
    out_stride_t: int,
    out_stride_n: int,
    directions: tuple[int, ...],
) -> None: ...
def backward(
    cell: int,
    item: int,
    T: int,
    N: int,
    C: int,
    H: int,
    P: int,
    threads: int,
    x: int,
    x_stride_t: int,
    x_stride_n: int,
    lengths: int,
    grad_out: int,
    g_stride_t: int,
    g_stride_n: int,
    grad_x: int,
    gx_stride_t: int,
    gx_stride_n: int,
    directions: tuple[int, ...],
) -> None: ...
def threads_for(
    cell: int, item: int, T: int, N: int, C: int, H: int, P: int, threads: int, backward: bool
) -> int: ...
def simd() -> str: ...
def simd_available() -> list[str]: ...
def use_simd(name: str) -> None: ...
def poison_scratch(flag: bool) -> None: ...
def fma_peak(threads: int, seconds: float) -> float: ...
def share_openmp() -> bool: ...
def use_division(name: str) -> None: ...
def chain_train(
    network: tuple[int, ...],
    w: int,
    data: tuple[int, ...],
    count: int,
    rows: int,
    first: int,
    settings: tuple[int, ...],
    clip_norm: float,
    step: float,
    threads: int,
) -> int: ...
def chain_evaluate(
    network: tuple[int, ...],
    w: int,
    data: tuple[int, ...],
    count: int,
    rows: int,
    first: int,
    h: int,
    c: int,
    result: int,
    threads: int,
) -> None: ...
def chain_predict(
    network: tuple[int, ...],
    w: int,
    data: tuple[int, ...],
    count: int,
    rows: int,
    first: int,
    h: int,
    c: int,
    outputs: int,
    states: bool,
    threads: int,
    packed: int,
) -> None: ...
def chain_packed_size(network: tuple[int, ...]) -> int: ...
def chain_pack(network: tuple[int, ...], w: int, to: int) -> None: ...
def chain_gradient(
    network: tuple[int, ...],
    w: int,
    data: tuple[int, ...],
    count: int,
    rows: int,
    first: int,
    seed: int,
    step: int,
    grad: int,
    threads: int,
) -> float: ...
