"""ONNX graphs from users: checked as data, before anything is run, and described. No torch.

A graph is a program. Only standard operators may come in: no code of others, no loops or branches that
could run for ever, no files beside it, no random numbers, one input and one output.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from core.config import Frozen
from core.errors import ModelProblem
from core.models.records import ModelRecord
from core.types import Task

MAX_GRAPH_BYTES = 2**30
MAX_NODES = 20_000
MAX_TENSORS = 20_000
MAX_ELEMENTS = 2**28
"""Values of the largest tensor between two operators, as far as shapes can be inferred: 1 GiB as float32."""
DOMAINS = ("", "ai.onnx")
RANDOM = (
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Bernoulli",
    "Multinomial",
)
NUMBERS = tuple(
    getattr(TensorProto, name)
    for name in ("FLOAT", "FLOAT16", "DOUBLE", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "BOOL")
)
ACTIVATIONS = ("Sigmoid", "Softmax")

Dims = tuple[int | None, ...]
"""Sizes of a tensor; None for one that is free."""


class GraphFacts(Frozen):
    """What a checked graph says about itself.

    input_name: of its one input, (batch, channel, row, column). batch: pictures per pass that it insists on,
    1 where any number goes. size: side in pixels that it insists on, None where any goes. classes: of its
    output. activation: "Sigmoid" or "Softmax" where that is its last operator, else "". weights: number of
    values in its initializers. opset: of the standard operators.
    """

    input_name: str
    channels: int
    batch: int
    size: int | None
    classes: int
    activation: str
    weights: int
    opset: int


def check_graph(data: bytes, file: str, size: int, task: Task) -> GraphFacts:
    """What the graph in these bytes is, for pictures of size x size; nothing in it is run.

    Raises ModelProblem naming the first thing that cannot be accepted.
    """
    if len(data) > MAX_GRAPH_BYTES:
        raise refusal(
            file, "The graph is too large", f"{len(data)} bytes", f"at most {MAX_GRAPH_BYTES} bytes"
        )
    model = _parsed(data, file)
    graph = model.graph
    _check_program(model, file)
    weights = sum(_checked_tensor(each, file, True) for each in graph.initializer)
    for node in graph.node:
        for tensor in _constants(node):
            _checked_tensor(tensor, file, False)
    entry, dims = _input(graph, file)
    fixed = _fixed_side(dims, size, file)
    classes = _output_classes(model, entry, dims, size, task, file)
    return GraphFacts(
        input_name=entry.name,
        channels=_known(dims[1], file, "a free number of input channels"),
        batch=dims[0] or 1,
        size=fixed,
        classes=classes,
        activation=_last_activation(graph),
        weights=weights,
        opset=next((each.version for each in model.opset_import if each.domain in DOMAINS), 1),
    )


def read_member_graph(record: ModelRecord, member: int) -> tuple[bytes, str]:
    """A member's graph and the name of its input; the file must be the one that was recorded, and sound.

    Raises ModelProblem.
    """
    path = record.weight_file(member)
    if not path.is_file():
        raise refusal(path.name, "A weight file is missing", "no such file", "the file named in model.json")
    data = path.read_bytes()
    found, expected = hashlib.sha256(data).hexdigest(), record.members[member].sha256
    if found != expected:
        raise refusal(path.name, "A weight file was changed", f"SHA-256 {found}", f"SHA-256 {expected}")
    facts = check_graph(data, path.name, record.working_size, record.task)
    return data, facts.input_name


def refusal(file: str, what: str, found: str, expected: str, fix: str = "") -> ModelProblem:
    """A ModelProblem about a graph."""
    fix = fix or "export the network in evaluation mode with torch.onnx.export, weights inside the file"
    return ModelProblem(what, file=file, found=found[:300], expected=expected, fix=fix)


def _parsed(data: bytes, file: str) -> ModelProto:
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError) as error:
        raise refusal(file, "This is not an ONNX file", "bytes that do not parse", "an ONNX model") from error
    if not model.graph.node:
        raise refusal(file, "The graph is empty", "no operator", "a network")
    _refuse_files(model.graph, file)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise refusal(
            file, "The graph is not valid ONNX", str(error), "a graph that onnx.checker passes"
        ) from error
    return model


def _refuse_files(graph: GraphProto, file: str) -> None:
    for tensor in (*graph.initializer, *(each for node in graph.node for each in _constants(node))):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise refusal(
                file,
                "The graph keeps weights in another file",
                f"external data of {tensor.name}",
                "one file that holds everything",
                "save it with onnx.save_model(model, path, save_as_external_data=False)",
            )


def _check_program(model: ModelProto, file: str) -> None:
    graph = model.graph
    if len(graph.node) > MAX_NODES or len(graph.initializer) > MAX_TENSORS:
        found = f"{len(graph.node)} operators, {len(graph.initializer)} weights"
        raise refusal(file, "The graph is too large", found, f"at most {MAX_NODES} of each")
    if model.functions or graph.sparse_initializer:
        found = "functions of its own" if model.functions else "sparse weights"
        raise refusal(file, "The graph holds more than operators and weights", found, "standard operators")
    falses = {each.name for each in graph.initializer if each.data_type == TensorProto.BOOL and _false(each)}
    for node in graph.node:
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        if node.domain not in DOMAINS:
            raise refusal(file, "The graph uses operators that are not standard", name, "domain ai.onnx only")
        if any(each.type in {AttributeProto.GRAPH, AttributeProto.GRAPHS} for each in node.attribute):
            raise refusal(file, "The graph holds loops or branches", name, "a fixed sequence of operators")
        training = node.op_type == "Dropout" and len(node.input) == 3 and node.input[2] not in {"", *falses}
        if node.op_type in RANDOM or training:
            raise refusal(file, "The graph draws random numbers", name, "the same answer every time")


def _false(tensor: TensorProto) -> bool:
    return not np.any(onnx.numpy_helper.to_array(tensor))


def _constants(node: NodeProto) -> Iterator[TensorProto]:
    for each in node.attribute:
        if each.type == AttributeProto.TENSOR:
            yield each.t
        yield from each.tensors


def _checked_tensor(tensor: TensorProto, file: str, finite: bool) -> int:
    """Number of values. Constants of operators may be infinite, as masks are; weights may not."""
    name = tensor.name or "a constant"
    if tensor.data_type not in NUMBERS:
        known = tensor.data_type in TensorProto.DataType.values()
        kind = TensorProto.DataType.Name(tensor.data_type) if known else f"number {tensor.data_type}"
        raise refusal(file, f"{name} has an odd number type", kind, "floats, integers or truth values")
    try:
        values = onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        found = f"dimensions {list(tensor.dims)} that its data do not fill"
        raise refusal(file, f"{name} is damaged", found, "as many values as its dimensions say") from error
    if values.dtype.kind == "f" and (np.isnan(values).any() or (finite and np.isinf(values).any())):
        raise refusal(file, "The weights hold NaN or infinite values", f"such values in {name}", "finite")
    return int(values.size)


def _input(graph: GraphProto, file: str) -> tuple[ValueInfoProto, Dims]:
    # Old files list their weights among the inputs.
    weights = {each.name for each in graph.initializer}
    entries = [each for each in graph.input if each.name not in weights]
    if len(entries) != 1 or len(graph.output) != 1:
        found = f"{len(entries)} inputs and {len(graph.output)} outputs"
        raise refusal(file, "The graph has another form", found, "one input and one output")
    dims = _dims(entries[0])
    if dims is None or len(dims) != 4 or not _is_float(entries[0]):
        found = "an input that is not float32" if not _is_float(entries[0]) else f"an input {_words(dims)}"
        raise refusal(file, "The input has another form", found, "float32 (batch, channel, row, column)")
    if dims[0] is not None and not 1 <= dims[0] <= 64:
        raise refusal(file, "The graph takes a fixed batch", str(dims[0]), "a free batch axis, or at most 64")
    return entries[0], dims


def _fixed_side(dims: Dims, size: int, file: str) -> int | None:
    wrong = [each for each in dims[2:] if each not in {None, size}]
    if wrong:
        found = f"{_words(dims)} in the graph, working_size {size} in the configuration"
        raise refusal(
            file, "The graph takes pictures of another size", found, "the same size in both",
            "set working_size to the graph's size, or export with free rows and columns",
        )  # fmt: skip
    return None if dims[2:] == (None, None) else size


def _output_classes(
    model: ModelProto, entry: ValueInfoProto, dims: Dims, size: int, task: Task, file: str
) -> int:
    batch = dims[0] or 1
    for axis, length in zip(entry.type.tensor_type.shape.dim, (batch, dims[1] or 1, size, size), strict=True):
        axis.dim_value = length
    stated = _dims(model.graph.output[0])
    # What the file says of shapes in between may be wrong; they are inferred anew for this size.
    del model.graph.value_info[:]
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise refusal(
            file, "The graph does not fit its input", str(error), f"a network for pictures of {size} x {size}"
        ) from error
    for each in inferred.graph.value_info:
        known = [axis or 1 for axis in _dims(each) or ()]
        if math.prod(known) > MAX_ELEMENTS:
            found = f"{each.name} with {math.prod(known)} values"
            raise refusal(file, "The graph needs too much memory", found, f"at most {MAX_ELEMENTS} values")
    result = inferred.graph.output[0]
    found_dims = _dims(result) or stated
    wanted = 4 if task == "segmentation" else 2
    form = "(batch, class, row, column)" if wanted == 4 else "(batch, class)"
    if found_dims is None or len(found_dims) != wanted or not _is_float(result):
        raise refusal(file, "The output has another form", _words(found_dims), f"float32 {form}")
    if any(each not in {None, size} for each in found_dims[2:]):
        expected = f"one value per pixel of a {size} x {size} picture"
        raise refusal(file, "The output has another size", _words(found_dims), expected)
    return _known(found_dims[1], file, "a free number of classes")


def _last_activation(graph: GraphProto) -> str:
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(graph.output[0].name)
    while node is not None and node.op_type in {"Identity", "Cast"}:
        node = makers.get(node.input[0])
    return node.op_type if node is not None and node.op_type in ACTIVATIONS else ""


def _dims(value: ValueInfoProto) -> Dims | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(each.dim_value if each.HasField("dim_value") else None for each in kind.shape.dim)


def _is_float(value: ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT)


def _known(length: int | None, file: str, found: str) -> int:
    if not length or not 1 <= length <= 64:
        raise refusal(
            file, "Channels or classes are unclear", str(length) if length else found, "1 to 64, fixed"
        )
    return length


def _words(dims: Dims | None) -> str:
    if dims is None:
        return "without a known shape"
    return "(" + ", ".join("free" if each is None else str(each) for each in dims) + ")"
