"""Where and how a network runs: fixed once per predictor, part of every result's key."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Literal

from core.errors import InferenceProblem

THREADS = 1
"""Threads of one forward pass, whatever the machine has: their number can change the last bits, and two of
them wait for each other on a busy machine (measured: four times slower with both cores taken)."""
CHUNK_CPU = 1
"""Slices per forward pass on a CPU: larger batches are slower there, and change the last bits."""
CHUNK_CUDA = 8
"""Slices per forward pass on a GPU; halved when memory runs out."""

Backend = Literal["onnxruntime", "torch"]
Precision = Literal["float32", "mixed"]


@dataclass(frozen=True)
class RunSettings:
    """device: "cpu" or "cuda". threads, chunk: see the constants of this module."""

    device: Literal["cpu", "cuda"]
    backend: Backend
    precision: Precision = "float32"
    threads: int = THREADS
    chunk: int = CHUNK_CPU


def resolve_settings(device: str = "auto", backend: str = "auto", precision: str = "float32") -> RunSettings:
    """What "auto" means on this machine: the GPU when there is one, else ONNX Runtime on the processor.

    Raises InferenceProblem for a GPU that is not there and for combinations that do not exist.
    """
    found = _has_cuda() if device in {"auto", "cuda"} else False
    if device == "cuda" and not found:
        raise InferenceProblem(
            "No GPU can be used",
            found="no CUDA device",
            expected="a CUDA device and a CUDA build of torch",
            fix='choose the device "auto" or "cpu"',
        )
    if found:
        _refuse(backend == "onnxruntime", "ONNX Runtime on a GPU", 'backend "torch" on a GPU')
        return RunSettings("cuda", "torch", _precision(precision), chunk=CHUNK_CUDA)
    _refuse(precision == "mixed", "mixed precision without a GPU", 'precision "float32" on the processor')
    return RunSettings("cpu", "torch" if backend == "torch" else "onnxruntime")


def graph_settings(device: str = "auto", backend: str = "auto", precision: str = "float32") -> RunSettings:
    """Settings of a model that came as an ONNX graph: ONNX Runtime on the processor, in single precision.

    Raises InferenceProblem when something else is asked for by name.
    """
    _refuse(device == "cuda", "a GPU for an ONNX graph", 'device "auto" or "cpu"')
    _refuse(backend == "torch", "torch for an ONNX graph", 'backend "auto" or "onnxruntime"')
    _refuse(precision == "mixed", "mixed precision for an ONNX graph", 'precision "float32"')
    return RunSettings("cpu", "onnxruntime")


def bag_settings(device: str = "auto", backend: str = "auto", precision: str = "float32") -> RunSettings:
    """Settings of a bag model, which runs in torch and in single precision.

    Raises InferenceProblem when something else is asked for by name, and for a GPU that is not there.
    """
    _refuse(backend == "onnxruntime", "ONNX Runtime for a bag model", 'backend "auto" or "torch"')
    _refuse(precision == "mixed", "mixed precision for a bag model", 'precision "float32"')
    return resolve_settings(device, "torch")


def _precision(precision: str) -> Precision:
    return "mixed" if precision == "mixed" else "float32"


def _refuse(wrong: bool, found: str, expected: str) -> None:
    if wrong:
        raise InferenceProblem(
            "These settings do not go together", found=found, expected=expected, fix="change one of them"
        )


def _has_cuda() -> bool:
    # Without a driver there is no need to load torch, which takes seconds that a stored result has not.
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
