"""Engines that run the first part of a network: torch as reference, ONNX Runtime where it proves equal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core.inference.devices import on_device, run_in_parts
from core.inference.onnx_graph import GraphProblem, open_session
from core.inference.settings import Backend, RunSettings
from core.inference.staged import Kept, Staged

if TYPE_CHECKING:
    import onnxruntime

SELF_CHECK_LIMIT = 1e-4
"""Largest difference of a probability between the fast engine and torch that is accepted."""


class Engine(Protocol):
    """Runs the first part. chunk: pictures per pass; it falls when a GPU's memory runs out."""

    backend: Backend
    chunk: int

    def __call__(self, batch: Tensor) -> Kept:
        """What the first part hands on for these pictures (slice, channel, row, column)."""


class TorchEngine:
    """torch's own arithmetic on the settings' device."""

    backend: Backend = "torch"

    def __init__(self, prefix: nn.Module, settings: RunSettings, any_batch: bool) -> None:
        self.prefix = prefix
        self.device = settings.device
        self.chunk = settings.chunk if any_batch else 1

    def __call__(self, batch: Tensor) -> Kept:
        """The kept tensors, on the device; `chunk` is lowered to what fitted."""
        kept, fitted = run_in_parts(self._run, batch.to(self.device), self.chunk)
        if len(batch) > fitted:
            self.chunk = fitted
        return kept

    def _run(self, part: Tensor) -> Kept:
        found = self.prefix(part)
        return found if isinstance(found, tuple) else (found,)


class OnnxEngine:
    """ONNX Runtime on the processor, one picture at a time."""

    backend: Backend = "onnxruntime"

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.chunk = 1

    def __call__(self, batch: Tensor) -> Kept:
        """The kept tensors, in the processor's memory."""
        pictures = batch.numpy()
        parts = [self.session.run(None, {"image": pictures[k : k + 1]}) for k in range(len(pictures))]
        return tuple(torch.from_numpy(np.concatenate(each)) for each in zip(*parts, strict=True))


@dataclass(frozen=True, eq=False)
class OpenedEngine:
    """An engine and what its start-up check found.

    self_check: largest difference of a probability to torch on a fixed picture, None when torch itself runs.
    note: why the fast engine is not used, or "".
    """

    engine: Engine
    self_check: float | None
    note: str = ""


def open_engine(
    staged: Staged, settings: RunSettings, example: Tensor, key: str, folder: Path | None
) -> OpenedEngine:
    """The engine that the settings name; torch instead where ONNX Runtime does not compute the same.

    example: the fixed picture that both are compared on; key, folder: the kept ONNX graph.
    """
    reference = TorchEngine(staged.prefix, settings, staged.any_batch)
    if settings.backend == "torch":
        return OpenedEngine(reference, None)
    difference: float | None = None
    for fresh in (False, True):
        try:
            fast = OnnxEngine(open_session(staged.prefix, example, key, folder, settings.threads, fresh))
        except GraphProblem as problem:
            reason = f"ONNX Runtime cannot run this network ({problem})"
            continue
        difference = probability_difference(staged, settings, fast, reference, example)
        if difference <= SELF_CHECK_LIMIT:
            return OpenedEngine(fast, difference)
        reason = f"ONNX Runtime differs from torch by {difference:.2g}"
    return OpenedEngine(reference, difference, f"{reason}; torch is used")


def probability_difference(
    staged: Staged, settings: RunSettings, one: Engine, other: Engine, picture: Tensor
) -> float:
    """Largest absolute difference of two engines' foreground probabilities on a picture, dropout off."""
    with on_device(settings):
        first, second = (_probabilities(staged, engine(picture)) for engine in (one, other))
        return float((first - second).abs().max())


def _probabilities(staged: Staged, kept: Kept) -> Tensor:
    masks = [staged.unit_masks(kept[0])]
    return torch.sigmoid(staged.draw(kept, staged.share(kept, masks), masks, 0).float())
