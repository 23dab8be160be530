"""The one door through which weights come in: named, counted and shaped before a single value is copied."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import save
from torch import Tensor, nn

from core.errors import ModelProblem
from core.models.build import SegmentationNet, build_network, build_outline
from core.models.build_classifier import ClassifierNet, build_classifier, build_classifier_outline
from core.models.formats import Shapes, read_shapes, read_tensors
from core.models.mil import BagNet
from core.models.records import ArchitectureConfig, ClassifierArchitecture, ModelRecord, OnnxArchitecture

Architecture = ArchitectureConfig | ClassifierArchitecture
Network = SegmentationNet | ClassifierNet
Kind = TypeVar("Kind", ArchitectureConfig, ClassifierArchitecture)
Net = TypeVar("Net", SegmentationNet, ClassifierNet, BagNet)
AnyNet = TypeVar("AnyNet", bound=nn.Module)

SMP_HEAD = "segmentation_head.0."
OWN_HEAD = "head."
COUNTER = "num_batches_tracked"
"""BatchNorm's step counter: used by nothing at inference, so files may leave it out."""
FLOAT32_NAMES = ("running_mean", "running_var")
"""Kept in single precision: small variances underflow in half precision."""


def load_member(record: ModelRecord, member: int) -> SegmentationNet:
    """One member's segmentation network in evaluation mode, float32 on the CPU, parameters frozen.

    Raises ModelProblem when the file is missing, is not the one that was recorded, or does not fit, and for
    a classifier.
    """
    return load_network(checked_file(record, member), _expect(record, ArchitectureConfig))


def load_classifier_member(record: ModelRecord, member: int) -> ClassifierNet:
    """`load_member` for a classifier."""
    return load_classifier(checked_file(record, member), _expect(record, ClassifierArchitecture))


def load_any_member(record: ModelRecord, member: int) -> Network:
    """`load_member` for whichever task the model has."""
    if isinstance(record.architecture, ClassifierArchitecture):
        return load_classifier_member(record, member)
    return load_member(record, member)


def load_network(path: Path, config: ArchitectureConfig) -> SegmentationNet:
    """The network that `config` describes with the weights of a safetensors or PyTorch state-dict file.

    Names and shapes are compared with an outline that holds no memory before the file's values are
    read; then every value must be finite. Names are smp's own (`segmentation_head.0.weight`).

    Raises ModelProblem.
    """
    tensors = _checked_tensors(path, config)
    return filled(build_network(config), {_own_name(name): each for name, each in tensors.items()})


def load_classifier(path: Path, config: ClassifierArchitecture) -> ClassifierNet:
    """`load_network` for a classifier. Names: timm's own after `encoder.`, `head.weight`, `head.bias`."""
    return filled(build_classifier(config), _checked_tensors(path, config))


def check_fit(path: Path, config: Architecture) -> int:
    """How many numbers a weight file holds that fits this network; no value is read.

    Raises ModelProblem.
    """
    shapes = read_shapes(path)
    _compare(path, shapes, expected_shapes(config, path.name))
    return sum(math.prod(shape) for shape in shapes.values())


def checked_file(record: ModelRecord, member: int) -> Path:
    """A member's weight file. Raises ModelProblem when it is missing or is not the one that was recorded."""
    path = record.weight_file(member)
    if not path.is_file():
        raise _problem(path, "A weight file is missing", "no such file", "the file named in model.json")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    expected = record.members[member].sha256
    if found != expected:
        raise _problem(path, "A weight file was changed", f"SHA-256 {found}", f"SHA-256 {expected}")
    return path


def _expect(record: ModelRecord, kind: type[Kind]) -> Kind:
    if isinstance(record.architecture, OnnxArchitecture):
        raise ModelProblem(
            "This model is an ONNX graph, which torch cannot open",
            file=record.id,
            found="an ONNX graph",
            expected="a model with safetensors weights",
            fix="choose another model",
        )
    if not isinstance(record.architecture, kind):
        raise ModelProblem(
            "This model has another task",
            file=record.id,
            found=record.task,
            expected="a segmenter" if kind is ArchitectureConfig else "a classifier",
            fix="choose another model",
        )
    return record.architecture


def _checked_tensors(path: Path, config: Architecture) -> dict[str, Tensor]:
    return checked_tensors(path, expected_shapes(config, path.name))


def checked_tensors(path: Path, expected: Shapes) -> dict[str, Tensor]:
    """Every weight of a file: names and shapes compared before a value is read, then every value finite.

    Raises ModelProblem.
    """
    _compare(path, read_shapes(path), expected)
    tensors = read_tensors(path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise _problem(
                path, "The weights hold NaN or infinite values", f"such values in {name}", "finite"
            )
    return tensors


def filled(net: AnyNet, tensors: dict[str, Tensor]) -> AnyNet:
    """The network with these values, frozen and in evaluation mode."""
    state = net.state_dict()
    for name, tensor in tensors.items():
        state[name] = tensor.to(torch.float32) if tensor.is_floating_point() else tensor
    net.load_state_dict(state, strict=True)
    return net.requires_grad_(False).eval()


def expected_shapes(config: Architecture, file: str = "") -> Shapes:
    """Name and shape of every weight of a network, as its file names them, without building it in memory."""
    if isinstance(config, ClassifierArchitecture):
        return {
            name: tuple(each.shape) for name, each in build_classifier_outline(config).state_dict().items()
        }
    try:
        outline = build_outline(config)
    except (ValueError, KeyError, RuntimeError, TypeError, NotImplementedError) as error:
        raise ModelProblem(
            "The architecture cannot be built",
            file=file,
            found=f"{config.kind} with encoder {config.encoder}: {str(error)[:300]}",
            expected="a pair that segmentation-models-pytorch supports",
            fix="correct kind, encoder, encoder_depth or decoder_channels in the configuration",
        ) from error
    return {_smp_name(name): tuple(tensor.shape) for name, tensor in outline.state_dict().items()}


def save_weights(net: nn.Module, path: Path) -> str:
    """Write the weights as safetensors, half precision where that is safe; returns the file's SHA-256."""
    file_name = _smp_name if isinstance(net, SegmentationNet) else str
    tensors = {
        file_name(name): _storable(name, tensor)
        for name, tensor in net.state_dict().items()
        if not name.endswith(COUNTER)
    }
    data = save(tensors)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _storable(name: str, tensor: Tensor) -> Tensor:
    wanted = torch.float32 if name.endswith(FLOAT32_NAMES) else torch.float16
    return tensor.detach().to(wanted).contiguous()


def _compare(path: Path, found: Shapes, expected: Shapes) -> None:
    missing = [name for name in expected if name not in found and not name.endswith(COUNTER)]
    strange = [name for name in found if name not in expected]
    if strange:
        told = f"{len(strange)} strange names ({_few(strange)}); {len(missing)} missing ({_few(missing)})"
        raise _problem(path, "The weights hold a name that the network lacks", told, "only its own names")
    for name, shape in found.items():
        if shape != expected[name]:
            raise _problem(path, f"The weight {name} has another shape", str(shape), str(expected[name]))
    if missing:
        text = f"{len(missing)} missing: {_few(missing)}"
        raise _problem(
            path, "The weights are incomplete", text, f"all {len(expected)} weights of the network"
        )


def _few(names: list[str]) -> str:
    """The first five of many names."""
    return ", ".join(each[:80] for each in names[:5]) + (", …" if len(names) > 5 else "") or "none"


def _own_name(name: str) -> str:
    return OWN_HEAD + name.removeprefix(SMP_HEAD) if name.startswith(SMP_HEAD) else name


def _smp_name(name: str) -> str:
    return SMP_HEAD + name.removeprefix(OWN_HEAD) if name.startswith(OWN_HEAD) else name


def _problem(path: Path, what: str, found: str, expected: str) -> ModelProblem:
    fix = "give the weights and the configuration of the same network, or restore the file"
    return ModelProblem(what, file=path.name, found=found, expected=expected, fix=fix)
