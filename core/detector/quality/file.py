"""The quality networks as one safetensors file; no code can hide in it."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from core.detector.kept_file import kept_bytes
from core.detector.quality.network import QualityNet
from core.detector.quality.networks import HEADS, STATES, QualityNetworks
from core.errors import ModelProblem

FORMAT = "1"
COUNTER = "num_batches_tracked"
SINGLE = ("running_mean", "running_var")
"""Kept in single precision: small variances underflow in half precision."""


def write_quality(networks: QualityNetworks, path: Path) -> str:
    """Write the file, weights in half precision, and return its SHA-256."""
    tensors: dict[str, Tensor] = {
        "left_out": torch.tensor(networks.left_out, dtype=torch.int64),
        "calibration": torch.from_numpy(networks.calibration.copy()),
    }
    for place, net in enumerate(networks.nets):
        for name, tensor in net.state_dict().items():
            if not name.endswith(COUNTER):
                wanted = torch.float32 if name.endswith(SINGLE) else torch.float16
                tensors[f"{place}/{name}"] = tensor.detach().to(wanted).contiguous()
    data = save(tensors, {"format": FORMAT})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_quality(path: Path, sha256: str) -> QualityNetworks:
    """The file's content, remembered. Raises ModelProblem when it is missing, was changed or does not fit."""
    return _read(path, sha256)


@lru_cache(maxsize=4)
def _read(path: Path, sha256: str) -> QualityNetworks:
    data = kept_bytes(path, sha256, _problem)
    try:
        tensors = load(data)
        left_out = tuple(int(each) for each in tensors["left_out"])
        calibration = tensors["calibration"].to(torch.float64)
        if calibration.shape != (HEADS, STATES, 2) or not left_out:
            raise ValueError(f"a calibration of shape {tuple(calibration.shape)}, {len(left_out)} networks")
        if not all(bool(torch.isfinite(each).all()) for each in tensors.values()):
            raise ValueError("values that are not finite")
        nets = tuple(_network(tensors, place) for place in range(len(left_out)))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise _problem(path, str(error)[:200], "a file as `core train quality` writes it") from error
    return QualityNetworks(nets, left_out, calibration.numpy())


def _network(tensors: dict[str, Tensor], place: int) -> QualityNet:
    # The network initialises itself from the global generator: fork it, so that others' numbers stay.
    with torch.random.fork_rng(devices=[]):
        net = QualityNet()
    own = {
        name: tensors[f"{place}/{name}"].to(torch.float32)
        for name in net.state_dict()
        if not name.endswith(COUNTER)
    }
    counters = {name: each for name, each in net.state_dict().items() if name.endswith(COUNTER)}
    net.load_state_dict({**own, **counters}, strict=True)
    return net.requires_grad_(False).eval()


def _problem(path: Path, found: str, expected: str) -> ModelProblem:
    return ModelProblem(
        "The quality network cannot be used",
        file=path.name,
        found=found,
        expected=expected,
        fix="restore the file, or make it again with `python -m core train quality`",
    )
