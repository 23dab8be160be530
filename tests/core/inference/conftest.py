"""A tiny ensemble on disk and a small volume, both from fixed seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

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
    return net.requires_grad_(False).eval()


def make_record(folder: Path, members: int = 3, config: ArchitectureConfig = TINY) -> ModelRecord:
    """A registered model with that many tiny members in the folder."""
    files = []
    for index in range(members):
        path = folder / f"member-{index}.safetensors"
        files.append(MemberRecord(file=path.name, sha256=save_weights(tiny_net(index, config), path)))
    return ModelRecord(
        id="tiny",
        title="Tiny",
        description="For tests",
        architecture=config,
        working_size=32,
        channels=("pre-contrast", "FLAIR", "post-contrast")[: config.in_channels],
        class_names=("lesion",),
        members=tuple(files),
        licence="none",
        source="tests",
        folder=folder,
    )


def make_image(seed: int, slices: int = 4, shape: tuple[int, int] = (28, 40)) -> Image:
    """Noise with two empty slices, at a size that is neither square nor the working size."""
    values = np.random.default_rng(seed).random((3, slices, *shape), dtype=np.float32)
    values[:, [0, -1]] = 0.0
    geometry = Geometry(None, None, "unknown", "assumed", None, (slices, *shape), (0, 1, 2), (False,) * 3)
    return Image(values, geometry, ("a", "b", "c"), None, "float32", (0.0, 1.0))


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    """Three tiny networks."""
    return make_record(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def eager(record: ModelRecord) -> Predictor:
    """The tiny ensemble on torch, one thread."""
    return Predictor(record, RunSettings("cpu", "torch", threads=1))


@pytest.fixture(scope="session")
def fast(record: ModelRecord) -> Predictor:
    """The tiny ensemble on ONNX Runtime, one thread."""
    return Predictor(record, RunSettings("cpu", "onnxruntime", threads=1))
