"""The first part of a network as an ONNX graph: exported once per architecture, filled with any weights.

A kept graph holds no weights, only their names and shapes, so that one file serves every network of that
architecture; whether a filled graph computes the same as the network is checked each time one is opened.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from core.config import digest
from core.inference.onnx_session import RUNTIME_ERRORS, new_session

if TYPE_CHECKING:
    from collections.abc import Mapping

GRAPH_SCHEME = 2
"""Version of how a graph is exported and kept."""
_MEMORY: dict[str, bytes] = {}
_MEMORY_LIMIT = 8
_EXPORT_LOCK = threading.Lock()


class GraphProblem(Exception):
    """A graph cannot be exported, read or filled with these weights; torch runs the network instead."""


def graph_key(architecture: object, shape: tuple[int, ...], sites: tuple[str, ...]) -> str:
    """Name of a kept graph: architecture, input shape, where it was cut, and the exporter's versions."""
    versions = (torch.__version__, onnx.__version__, version("onnxscript"))
    return digest({"architecture": architecture, "shape": shape, "sites": sites, "versions": versions,
                   "scheme": GRAPH_SCHEME})  # fmt: skip


def open_session(
    prefix: nn.Module, example: Tensor, key: str, folder: Path | None, threads: int, fresh: bool = False
) -> onnxruntime.InferenceSession:
    """A session that computes `prefix` for one picture of example's shape.

    folder: where graphs are kept between runs, or None for this process's memory alone. fresh: export even
    if there is a kept graph. Raises GraphProblem when the graph does not fit this network or cannot be run.
    """
    filled = fill_graph(_graph(prefix, example, key, folder, fresh), prefix.state_dict())
    try:
        return new_session(filled, threads)
    except RUNTIME_ERRORS as error:
        raise GraphProblem("the graph cannot be opened") from error


def fill_graph(graph: bytes, state: Mapping[str, Tensor]) -> bytes:
    """The graph with this network's weights. Raises GraphProblem when names or shapes differ."""
    try:
        model = onnx.load_model_from_string(graph)
    except DecodeError as error:
        raise GraphProblem("the kept graph is damaged") from error
    for each in model.graph.initializer:
        if each.raw_data:
            continue
        tensor = state.get(each.name)
        if tensor is None or tuple(tensor.shape) != tuple(each.dims):
            raise GraphProblem(f"the kept graph has other weights: {each.name}")
        each.raw_data = np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes()
    filled: bytes = model.SerializeToString()
    return filled


def _graph(prefix: nn.Module, example: Tensor, key: str, folder: Path | None, fresh: bool) -> bytes:
    with _EXPORT_LOCK:
        graph = None if fresh else _kept_graph(key, folder)
        if graph is None:
            graph = _export(prefix, example)
            _keep(key, graph, folder)
        return graph


def _export(prefix: nn.Module, example: Tensor) -> bytes:
    # Unoptimised, weights keep the network's own names; ONNX Runtime optimises when it opens the graph.
    try:
        program = torch.onnx.export(
            prefix, (example,), dynamo=True, optimize=False, verbose=False, input_names=["image"]
        )
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        raise GraphProblem("it cannot be exported") from error
    assert program is not None
    model = program.model_proto
    names = set(prefix.state_dict())
    for each in model.graph.initializer:
        if each.name in names:
            each.raw_data = b""
    _drop_zero_biases(model.graph)
    for node in model.graph.node:
        # Stack traces of the export, with this machine's paths.
        del node.metadata_props[:]
    graph: bytes = model.SerializeToString()
    return graph


def _drop_zero_biases(graph: onnx.GraphProto) -> None:
    # The exporter gives a convolution without bias one that is computed from 0 at run time. ONNX Runtime then
    # cannot merge the following batch normalisation, which costs a third of the speed.
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and _is_zero(node.input[2], makers):
            del node.input[2]
    _drop_unused(graph)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {each.name for each in graph.output}
    for node in reversed(list(graph.node)):
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)


def _is_zero(name: str, makers: Mapping[str, onnx.NodeProto]) -> bool:
    node = makers.get(name)
    while node is not None and node.op_type in {"Expand", "CastLike", "Cast", "Identity"}:
        node = makers.get(node.input[0])
    if node is None or node.op_type != "Constant":
        return False
    value = onnx.helper.get_node_attr_value(node, "value")
    return not np.any(onnx.numpy_helper.to_array(value))


def _kept_graph(key: str, folder: Path | None) -> bytes | None:
    if key in _MEMORY or folder is None:
        return _MEMORY.get(key)
    path = folder / f"{key}.onnx"
    return path.read_bytes() if path.is_file() else None


def _keep(key: str, graph: bytes, folder: Path | None) -> None:
    while len(_MEMORY) >= _MEMORY_LIMIT:
        _MEMORY.pop(next(iter(_MEMORY)))
    _MEMORY[key] = graph
    if folder is not None:
        # A full or read-only disk costs the next start some seconds, nothing else.
        with contextlib.suppress(OSError):
            _write(folder / f"{key}.onnx", graph)


def _write(path: Path, graph: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(graph)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
