"""What a run asks of an opened network, whatever computes it: torch, or an ONNX graph alone. No torch."""

from __future__ import annotations

from typing import Any, Protocol

from core.inference.settings import Backend
from core.types import Float32Array

SHARED = 32
"""Samples per folded convolution, so that memory stays bounded for many samples."""


class Network(Protocol):
    """An opened network: a first part that runs once per picture, and a second part per sample."""

    @property
    def chunk(self) -> int:
        """Pictures per pass of the first part."""

    @property
    def backend(self) -> Backend:
        """What computes it."""

    @property
    def self_check(self) -> float | None:
        """Largest difference of a probability to torch on a fixed picture, None without a comparison."""

    @property
    def note(self) -> str:
        """What a reader should know about how it runs, or ""."""

    def check_dropout(self) -> None:
        """Raises ModelProblem, with the reason, when its dropout cannot be sampled."""

    def keep(self, pictures: Float32Array) -> tuple[Any, ...]:
        """The first part's output for pictures (slice, channel, row, column); its first axis is the slice."""

    def masks(self, seed_key: str, user_seed: int) -> Any:
        """Where the dropout masks of a case come from."""

    def no_masks(self) -> Any:
        """Masks that change nothing."""

    def probabilities(self, kept: Any, masks: Any, samples: range) -> list[Float32Array]:
        """Probabilities of some samples of one kept picture: (class, row, column), or (class,)."""

    def evidence(self, kept: Any) -> Float32Array:
        """What speaks for each class and where; raises InferenceProblem where there are no such maps."""

    def features(self, kept: Any) -> Float32Array | None:
        """Averaged feature maps, float32 (slice, feature); None where there are none."""


def groups_of(samples: int) -> list[range]:
    """The sample indices in runs of at most SHARED."""
    return [range(first, min(first + SHARED, samples)) for first in range(0, samples, SHARED)]
