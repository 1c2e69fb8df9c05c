"""How much faster the layers have to be, in one table."""

from __future__ import annotations

from layer_bench.cases import GATES, MODES, SHAPES

OURS, TORCH = "unrolled", "torch.nn"
RIVALS = {  # of which the fastest counts
    "train": (TORCH, "jax", "keras-jax"),
    "infer": (TORCH, "onnxruntime", "openvino"),
}
FEW_RIVALS = {"train": (TORCH, "jax"), "infer": (TORCH,)}  # with a projection, or in float64

# A training step on two threads: times faster than the fastest rival.
TRAINING_BARS = {
    "rnn": {"small": 2.5, "medium": 2.0, "wide": 1.7, "large": 1.2, "long": 3.0, "packed": 3.0},
    "gru": {"small": 2.5, "medium": 3.0, "wide": 1.7, "large": 1.4, "long": 3.5, "packed": 3.0},
    "lstm": {"small": 1.6, "medium": 1.9, "wide": 1.3, "large": 1.1, "long": 2.8, "packed": 3.5},
}
# The same against torch.nn alone.
TORCH_BARS = {
    "rnn": {"tiny": 2.0, "small": 9.0, "long": 9.0},
    "gru": {"tiny": 2.0, "small": 9.0, "long": 9.0},
    "lstm": {"tiny": 2.0},
    "lstm-proj": {"medium": 4.0},
}
# Inference on two threads: times faster than the fastest rival.
INFERENCE_BARS = {shape: 1.5 if shape in ("small", "medium") else 1.0 for shape in SHAPES}
ONE_THREAD = 0.8  # of each bar above

assert set(RIVALS) == set(MODES)
assert set(TRAINING_BARS) | set(TORCH_BARS) == set(GATES)


def rivals(cell: str, mode: str, dtype: str) -> tuple[str, ...]:
    """Names of the libraries that have such a layer and are counted in such a comparison."""
    return (FEW_RIVALS if cell == "lstm-proj" or dtype != "float32" else RIVALS)[mode]


def bar_of_best(cell: str, shape: str, mode: str, threads: int) -> float | None:
    """Times faster than the fastest of `RIVALS` that the layers have to be; None: nothing asked."""
    if mode == "train":
        bar = TRAINING_BARS.get(cell, {}).get(shape)
    else:
        bar = INFERENCE_BARS[shape] if cell in TRAINING_BARS else None
    return _for_threads(bar, threads)


def bar_of_torch(cell: str, shape: str, mode: str, threads: int) -> float | None:
    """Times faster than torch.nn that the layers have to be; None: nothing asked."""
    bar = TORCH_BARS.get(cell, {}).get(shape) if mode == "train" else None
    return _for_threads(bar, threads)


def aim_of_peak(hidden: int) -> float | None:
    """Part of the FMA peak to aim at in training with `hidden` units."""
    return 0.75 if hidden >= 128 else 0.55 if hidden >= 64 else None


def _for_threads(bar: float | None, threads: int) -> float | None:
    return bar * ONE_THREAD if bar is not None and threads == 1 else bar
