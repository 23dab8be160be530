"""The networks that are timed: the reference U-Net, two with dropout elsewhere, and the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import segmentation_models_pytorch as smp
import torch
from torch import nn

from core.inference.member import Member, open_member
from core.inference.settings import RunSettings
from core.models import ArchitectureConfig, list_models, promptless
from core.models.build import build_network, initialise
from core.models.weights import load_member

SIZE = 256
BACKENDS: tuple[Literal["torch", "onnxruntime"], ...] = ("torch", "onnxruntime")


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to time, at its input shape (channel, row, column)."""

    name: str
    net: nn.Module
    shape: tuple[int, int, int]

    def opened(self, backend: Literal["torch", "onnxruntime"], threads: int) -> Member:
        """The network as the product opens it."""
        return open_member(
            self.net,
            RunSettings("cpu", backend, threads=threads),
            picture_shape=self.shape,
            activation="sigmoid",
            weights="0" * 64,
            name=self.name,
            architecture=f"benchmark {self.name}",
            graphs=None,
        )


def subjects() -> Iterator[Subject]:
    """All networks; those without shipped weights are filled from a fixed seed."""
    yield reference()
    yield Subject("fpn resnet18", _seeded(smp.FPN("resnet18", encoder_weights=None)), (3, SIZE, SIZE))
    yield Subject("unet resnet18, dropout in decoder", _seeded(_decoder_dropout()), (3, SIZE, SIZE))
    for record in promptless(list_models()):
        if record.task != "segmentation":
            continue
        shape = (len(record.channels), record.working_size, record.working_size)
        yield Subject(f"{record.id} (shipped)", load_member(record, 0), shape)


def reference() -> Subject:
    """segmentation-models-pytorch's U-Net on a ResNet-18 with channel dropout before its head."""
    config = ArchitectureConfig(kind="unet", encoder="resnet18", head_dropout=0.2)
    net = build_network(config)
    initialise(net, torch.Generator().manual_seed(0))
    return Subject("unet resnet18", net.requires_grad_(False), (3, SIZE, SIZE))


def _decoder_dropout() -> nn.Module:
    net = smp.Unet("resnet18", encoder_weights=None)
    block = net.decoder.blocks[2]
    block.conv1 = nn.Sequential(nn.Dropout2d(0.2), block.conv1)
    return net


def _seeded(net: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, generator=generator)
    return net.requires_grad_(False).eval()
