"""ONNX's recurrent operators, run by ONNX Runtime and by OpenVINO; inference in float32 only."""

from __future__ import annotations

import sys

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from layer_bench.cases import GATES
from layer_bench.problem import Contender, Problem, suffixes

OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
# Torch's gates (r z n; i f g o) in ONNX's order (z r n; i o f g).
ORDER = {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}


def by_onnxruntime(problem: Problem, threads: int) -> Contender | None:
    """A session on the CPU with constant weights; None where ONNX has no such operator."""
    if not _possible(problem):
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Its threads spin as usual while it runs, but not on into the turn of the next library.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(
        onnx_model(problem).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = _feed(problem)
    return Contender(
        lambda: session.run(["output"], feed),
        lambda: {"output": session.run(["output"], feed)[0]},
    )


def by_openvino(problem: Problem, threads: int) -> Contender | None:
    """A model compiled for the CPU, for least latency; None where ONNX has no such operator."""
    if not _possible(problem):
        return None
    # Without this module OpenVINO's import starts no process that reports its use.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(onnx_model(problem).SerializeToString()),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request, feed = compiled.create_infer_request(), _feed(problem)
    return Contender(
        lambda: request.infer(feed, share_inputs=True, share_outputs=True),
        lambda: {"output": request.infer(feed)[0]},
    )


def _possible(problem: Problem) -> bool:
    case = problem.case
    return case.mode == "infer" and case.cell in OPERATORS and case.dtype == "float32"


def _feed(problem: Problem) -> dict[str, np.ndarray]:
    feed = {"x": problem.x}
    if problem.lengths is not None:
        feed["lengths"] = problem.lengths.astype(np.int32)
    return feed


def onnx_model(problem: Problem) -> ModelProto:
    """Input "x" [T, N, C], and "lengths" [N] int32 where they differ; "output" [T, N, D*H]."""
    case, shape = problem.case, problem.case.shape
    lengths = "lengths" if problem.lengths is not None else ""
    width = shape.directions * shape.hidden
    constants = {"joined": np.array([0, 0, width], np.int64)}
    nodes, x = [], "x"
    for k, layer in enumerate(suffixes(case)):
        constants |= {f"{name}{k}": w for name, w in _weights(problem, layer).items()}
        extra = {"linear_before_reset": 1} if case.cell == "gru" else {}
        nodes.append(
            helper.make_node(
                OPERATORS[case.cell],
                [x, f"W{k}", f"R{k}", f"B{k}", lengths],
                [f"Y{k}"],
                hidden_size=shape.hidden,
                direction="bidirectional" if shape.bidirectional else "forward",
                **extra,
            )
        )
        x = "output" if k + 1 == shape.layers else f"x{k + 1}"
        # Y [T, D, N, H] to [T, N, D, H] to [T, N, D*H]
        nodes.append(helper.make_node("Transpose", [f"Y{k}"], [f"Z{k}"], perm=[0, 2, 1, 3]))
        nodes.append(helper.make_node("Reshape", [f"Z{k}", "joined"], [x]))
    sizes = [shape.steps, shape.batch, shape.inputs]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)]
    if lengths:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, sizes[1:2]))
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [*sizes[:2], width])
    named = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "layers", inputs, [output], named)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    checker.check_model(model)
    return model


def _weights(problem: Problem, layer: list[str]) -> dict[str, np.ndarray]:
    """W [D, G*H, C], R [D, G*H, H] and B [D, 2*G*H] of a layer, gates in ONNX's order."""
    cell = problem.case.cell

    def gates(name: str) -> list[np.ndarray]:
        parts = (np.split(problem.weights[f"{name}_{suffix}"], GATES[cell]) for suffix in layer)
        return [np.concatenate([part[k] for k in ORDER[cell]]) for part in parts]

    biases = zip(gates("bias_ih"), gates("bias_hh"), strict=True)
    return {
        "W": np.stack(gates("weight_ih")),
        "R": np.stack(gates("weight_hh")),
        "B": np.stack([np.concatenate(pair) for pair in biases]),
    }
