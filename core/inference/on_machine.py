"""Where an opened model runs and how its networks ran, as every result names it."""

from __future__ import annotations

from dataclasses import dataclass

from core.inference.settings import RunSettings


@dataclass(frozen=True)
class WhatRan:
    """How the networks of a plan ran. self_check: largest difference of a probability to torch on a fixed
    picture, None when torch itself ran. chunk: slices per pass. notes: what a reader should know."""

    backend: str
    chunk: int
    self_check: float | None
    notes: tuple[str, ...]


class OnMachine:
    """Something that runs with fixed settings."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings = settings

    @property
    def device(self) -> str:
        """What to show and keep: "cpu", or "cuda" with the GPU's name."""
        if self.settings.device == "cpu":
            return "cpu"
        from core.inference.devices import device_label

        return device_label(self.settings)

    @property
    def machine(self) -> str:
        """The class of machine, which decides the last bits. Loads torch."""
        from core.inference.devices import machine_class

        return machine_class()

    @property
    def precision(self) -> str:
        """ "float32", or "mixed": half precision where the GPU is faster with it."""
        return self.settings.precision

    @property
    def threads(self) -> int:
        """Threads of one forward pass."""
        return self.settings.threads
