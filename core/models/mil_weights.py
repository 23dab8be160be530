"""Weights of bag networks: read through the same checks as all others, written in half precision."""

from __future__ import annotations

from pathlib import Path

import torch

from core.models.formats import Shapes
from core.models.mil import BagNet, build_bag_net, build_bag_outline
from core.models.mil_records import BagArchitecture, BagRecord
from core.models.weights import checked_file, checked_tensors, filled


def load_bag_member(record: BagRecord, member: int) -> BagNet:
    """One member's network in evaluation mode, float32 on the CPU, parameters frozen.

    Raises ModelProblem when the file is missing, is not the one that was recorded, or does not fit.
    """
    return load_bag_net(checked_file(record, member), record.architecture)


def load_bag_net(path: Path, config: BagArchitecture) -> BagNet:
    """The network that `config` describes with the weights of a safetensors file. Raises ModelProblem."""
    return filled(build_bag_net(config), checked_tensors(path, bag_shapes(config)))


def bag_shapes(config: BagArchitecture) -> Shapes:
    """Name and shape of every weight of a bag network, without building it in memory."""
    return {name: tuple(each.shape) for name, each in build_bag_outline(config).state_dict().items()}


def set_temperature(net: BagNet, temperature: float) -> None:
    """Divide the attention's logits by this from now on."""
    with torch.no_grad():
        net.temperature.fill_(temperature)
