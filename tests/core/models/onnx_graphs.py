"""Small ONNX graphs, made by hand: one 1x1 convolution per class, and what can be wrong with a graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 32
CONFIG = {
    "id": "my-graph",
    "title": "My graph",
    "channels": ["intensity"],
    "class_names": ["lesion"],
    "working_size": SIZE,
}
WEIGHT = np.array([8.0], dtype=np.float32).reshape(1, 1, 1, 1)
BIAS = np.array([-4.0], dtype=np.float32)


def graph(
    weight: np.ndarray = WEIGHT,
    bias: np.ndarray = BIAS,
    *,
    dims: Sequence[int | str] = ("batch", 1, "rows", "columns"),
    out: Sequence[int | str] | None = None,
    more: Sequence[onnx.NodeProto] = (),
    result: str = "logits",
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """logits = weight * image + bias, then the nodes in `more`; `result` names what goes out."""
    nodes = [helper.make_node("Conv", ["image", "w", "b"], ["logits"]), *more]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "toy",
            [helper.make_tensor_value_info("image", kind, list(dims))],
            [
                helper.make_tensor_value_info(
                    result, TensorProto.FLOAT, list(out or (dims[0], len(weight), *dims[2:]))
                )
            ],
            [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )


def write(folder: Path, model: onnx.ModelProto | bytes, **changes: object) -> tuple[Path, Path]:
    """The graph and its configuration as files."""
    path, config = folder / "mine.onnx", folder / "mine.json"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    config.write_text(json.dumps(CONFIG | changes), encoding="utf-8")
    return path, config
