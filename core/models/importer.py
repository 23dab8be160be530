"""A user's own network becomes a model of the registry: checked, converted, stored beside the others."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.config import Frozen
from core.errors import ModelProblem
from core.mode import current_mode
from core.models.import_config import CheckpointConfig, OnnxConfig, read_import_config, record_of
from core.models.install import install, require_free_id
from core.models.onnx_file import MAX_GRAPH_BYTES, GraphFacts, check_graph, refusal
from core.models.records import MemberRecord, ModelRecord, OnnxArchitecture

ONNX_SUFFIX, SAFE_SUFFIX = ".onnx", ".safetensors"
WEIGHTS_NAME, GRAPH_NAME = "member_0.safetensors", "member_0.onnx"
UNKNOWN_SHA = "0" * 64


class ImportPreview(Frozen):
    """What a file would become. record: without the weights' digest. weights: how many numbers it holds."""

    record: ModelRecord
    format: str
    weights: int
    bytes: int


def preview_model(weights: Path, config: Path) -> ImportPreview:
    """Check a weight file or ONNX graph against its configuration without reading or running the network.

    Raises ModelProblem when a field, a name or a shape does not fit, or the id is taken.
    """
    require_allowed(weights)
    size = weights.stat().st_size
    if weights.suffix == ONNX_SUFFIX:
        wanted, facts, _ = _read_onnx(weights, config)
        record = _onnx_record(wanted, facts, UNKNOWN_SHA, config)
        require_free_id(record.id, config)
        return ImportPreview(record=record, format="ONNX graph", weights=facts.weights, bytes=size)
    from core.models.weights import check_fit

    stated = read_import_config(config, CheckpointConfig)
    record = _checkpoint_record(stated, UNKNOWN_SHA, config)
    require_free_id(record.id, config)
    count = check_fit(weights, stated.architecture)
    return ImportPreview(record=record, format="weights", weights=count, bytes=size)


def import_model(weights: Path, config: Path, own: Path | None = None) -> ModelRecord:
    """`import_onnx` or `import_checkpoint`, by the ending of the file."""
    require_allowed(weights)
    return (import_onnx if weights.suffix == ONNX_SUFFIX else import_checkpoint)(weights, config, own)


def require_allowed(weights: Path) -> None:
    """Raise ModelProblem for a kind of weights that this mode does not take."""
    if current_mode().public and weights.suffix != SAFE_SUFFIX:
        raise ModelProblem(
            "A public server takes weights as safetensors only",
            file=weights.name,
            found=f"the ending {weights.suffix!r}",
            expected=SAFE_SUFFIX,
            fix="save the network's state dict as safetensors, or add it on a server that is not public",
        )


def import_checkpoint(weights: Path, config: Path, own: Path | None = None) -> ModelRecord:
    """Check a checkpoint and its JSON configuration and add it to the user's models; returns its record.

    weights: safetensors, or a state dict in .pt or .pth (never run as a pickle). It is stored as
    half-precision safetensors. Raises ModelProblem when a field, a name, a shape or a value does not fit,
    or the id is taken.
    """
    wanted = read_import_config(config, CheckpointConfig)
    return keep_checkpoint(weights, wanted, config, own)


def keep_checkpoint(
    weights: Path, wanted: CheckpointConfig, config: Path, own: Path | None = None
) -> ModelRecord:
    """`import_checkpoint` with a configuration that was read already; `config` is named in messages."""
    from core.models.weights import load_network, save_weights

    _checkpoint_record(wanted, UNKNOWN_SHA, config)
    require_free_id(wanted.id, config, own)
    net = load_network(weights, wanted.architecture)

    def fill(folder: Path) -> ModelRecord:
        return _checkpoint_record(wanted, save_weights(net, folder / WEIGHTS_NAME), config)

    return install(wanted.id, config, own, fill)


def import_onnx(graph: Path, config: Path, own: Path | None = None) -> ModelRecord:
    """Check an ONNX graph and its JSON configuration and add it to the user's models, byte for byte.

    Nothing in it is run here. Raises ModelProblem naming the first thing that cannot be accepted.
    """
    wanted, facts, data = _read_onnx(graph, config)
    record = _onnx_record(wanted, facts, hashlib.sha256(data).hexdigest(), config)

    def fill(folder: Path) -> ModelRecord:
        (folder / GRAPH_NAME).write_bytes(data)
        return record

    return install(record.id, config, own, fill)


def _read_onnx(graph: Path, config: Path) -> tuple[OnnxConfig, GraphFacts, bytes]:
    wanted = read_import_config(config, OnnxConfig)
    if graph.stat().st_size > MAX_GRAPH_BYTES:
        raise refusal(
            graph.name,
            "The graph is too large",
            f"{graph.stat().st_size} bytes",
            f"at most {MAX_GRAPH_BYTES} bytes",
        )
    data = graph.read_bytes()
    facts = check_graph(data, graph.name, wanted.working_size, wanted.task)
    if facts.activation and wanted.output == "logits":
        raise _activated_twice(graph, facts.activation)
    return wanted, facts, data


def _activated_twice(graph: Path, activation: str) -> ModelProblem:
    return refusal(
        graph.name,
        "The graph applies the activation itself",
        f"{activation} as its last operator, and output logits in the configuration",
        "an activation that is applied once",
        'set "output" to "probabilities" in the configuration',
    )


def _onnx_record(wanted: OnnxConfig, facts: GraphFacts, sha256: str, config: Path) -> ModelRecord:
    architecture = OnnxArchitecture(
        in_channels=facts.channels,
        classes=facts.classes,
        batch=facts.batch,
        output=wanted.output,
        opset=facts.opset,
    )
    member = MemberRecord(file=GRAPH_NAME, sha256=sha256)
    fields = {name: value for name, value in dict(wanted).items() if name != "output"}
    return record_of({**fields, "architecture": architecture, "members": (member,)}, config)


def _checkpoint_record(wanted: CheckpointConfig, sha256: str, config: Path) -> ModelRecord:
    member = MemberRecord(file=WEIGHTS_NAME, sha256=sha256)
    return record_of({**dict(wanted), "members": (member,)}, config)
