"""A tiny ensemble on disk and a small volume, both from fixed seeds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.inference import Predictor, RunSettings
from core.models import ArchitectureConfig, MemberRecord, ModelRecord
from core.models.build import SegmentationNet, build_network, initialise
from core.models.weights import save_weights
from core.types import Geometry, Image

TINY = ArchitectureConfig(
    kind="unet", encoder="tu-regnetx_002", encoder_depth=3, decoder_channels=(16, 8, 8), head_dropout=0.3
)


def tiny_net(seed: int, config: ArchitectureConfig = TINY) -> SegmentationNet:
    """A network of some ten thousand parameters, filled from the seed."""
    net = build_network(config)
    initialise(net, torch.Generator().manual_seed(seed))
    # Without its prior for background, so that there are masks to compare.
    torch.nn.init.zeros_(net.head.bias)
    return net.requires_grad_(False).eval()


def stub_net(seed: int) -> SegmentationNet:
    """Two convolutions in the four named parts: exported in a moment."""
    first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    parts = SimpleNamespace(
        encoder=nn.Sequential(first, nn.BatchNorm2d(8), nn.ReLU()),
        decoder=nn.Identity(),
        segmentation_head=(nn.Conv2d(8, 1, 3, padding=1), nn.Identity(), nn.Identity()),
    )
    net = SegmentationNet(parts, 0.3)
    initialise(net, torch.Generator().manual_seed(seed))
    torch.nn.init.zeros_(net.head.bias)
    return net.requires_grad_(False).eval()


def make_record(
    folder: Path, members: int = 3, config: ArchitectureConfig = TINY, **changes: Any
) -> ModelRecord:
    """A registered model with that many tiny members in the folder."""
    files = []
    for index in range(members):
        path = folder / f"member-{index}.safetensors"
        files.append(MemberRecord(file=path.name, sha256=save_weights(tiny_net(index, config), path)))
    fields: dict[str, Any] = {
        "id": "tiny",
        "title": "Tiny",
        "description": "For tests",
        "architecture": config,
        "working_size": 32,
        "channels": ("pre-contrast", "FLAIR", "post-contrast")[: config.in_channels],
        "class_names": ("lesion",),
        "members": tuple(files),
        "licence": "none",
        "source": "tests",
        "folder": folder,
    }
    return ModelRecord(**{**fields, **changes})


def make_image(seed: int, slices: int = 4, shape: tuple[int, int] = (28, 40)) -> Image:
    """Noise with two empty slices, at a size that is neither square nor the working size."""
    values = np.random.default_rng(seed).random((3, slices, *shape), dtype=np.float32)
    values[:, [0, -1]] = 0.0
    geometry = Geometry(None, None, "unknown", "assumed", None, (slices, *shape), (0, 1, 2), (False,) * 3)
    return Image(values, geometry, ("a", "b", "c"), None, "float32", (0.0, 1.0))


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    """Three tiny networks."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    return make_record(folder)


@pytest.fixture(scope="session")
def eager(record: ModelRecord) -> Predictor:
    """The tiny ensemble on torch, one thread."""
    return Predictor(record, RunSettings("cpu", "torch", threads=1))


@pytest.fixture(scope="session")
def fast(record: ModelRecord) -> Predictor:
    """The tiny ensemble on ONNX Runtime, one thread."""
    return Predictor(record, RunSettings("cpu", "onnxruntime", threads=1))
