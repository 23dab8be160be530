"""What a corruption is: one row of the table, and what its effect gets to work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.types import Float32Array

Group = Literal["photographic", "mri", "x-ray", "geometric", "ct", "adversarial"]
Domain = Literal["picture", "magnitude"]
Draw = Mapping[str, float | int]
"""What was drawn once for all severities, as plain JSON: places, angles, signs, and the seed of fields."""

SEVEREST = 5.0
REFERENCE_SIDE = 224.0
"""Lengths in pixels hold at this side and grow with the shorter side of the picture."""
FIELD_OF_VIEW_MM = 240.0
"""What the shorter side is taken for where the spacing of the pixels is unknown."""
TISSUE = 0.05
"""Values above this share of the range are tissue; the rest is background."""


@dataclass(frozen=True)
class Parameter:
    """A number that the severity sets: `identity` at 0, then `levels` at 1 … 5, linear in between."""

    name: str
    unit: str
    identity: float
    levels: tuple[float, float, float, float, float]

    def at(self, severity: float) -> float:
        """Its value at a severity in [0, 5].

        >>> Parameter("sigma", "px", 0.0, (1, 2, 3, 4, 6)).at(4.5)
        5.0
        """
        return float(np.interp(severity, range(6), (self.identity, *self.levels)))


@dataclass(frozen=True, eq=False)
class Scene:
    """What an effect knows beside the values and its parameters.

    domain: how values were scaled: of a picture to [0, 1] by its stored range, of a magnitude image by its
    own. pixel: how many pixels stand for one at a side of 224. per_mm: pixels per mm in the slice, (row,
    column). draw: what was drawn. seed: of random fields.
    """

    domain: Domain
    pixel: float
    per_mm: tuple[float, float]
    draw: Draw
    seed: int


Drawing = Callable[[np.random.Generator], Draw]
Effect = Callable[[Float32Array, tuple[float, ...], Scene], Float32Array]
"""(channel, slice, row, column) values in shares of the range, the parameters, the scene: the new values."""


def nothing_drawn(generator: np.random.Generator) -> Draw:
    """For an effect without chance, or with the chance of its fields alone."""
    return {}


@dataclass(frozen=True, eq=False)
class CorruptionSpec:
    """One row of the table.

    imitates: what happens in the real world. source: where the levels come from. example: what it looks like
    at severity 3. effect: None where a model is needed. random: whether another seed gives another picture.
    background_kept: whether a background of 0 stays 0 in a magnitude image. geometric: the reference moves
    too. steps: damage rises between whole levels but may step back on the way. cost: of one slice.
    """

    key: str
    group: Group
    label: str
    imitates: str
    parameters: tuple[Parameter, ...]
    source: str
    example: str
    effect: Effect | None
    draw: Drawing = nothing_drawn
    random: bool = False
    background_kept: bool = False
    geometric: bool = False
    steps: bool = False
    cost: Literal["cheap", "medium", "dear"] = "cheap"

    @property
    def adversarial(self) -> bool:
        """Whether it is a worst case against the model and no physics."""
        return self.group == "adversarial"

    def values_at(self, severity: float) -> tuple[float, ...]:
        """Its parameters at a severity in [0, 5]."""
        return tuple(each.at(severity) for each in self.parameters)

    def text_at(self, severity: float) -> str:
        """Its parameters at a severity, in words: "sigma 0.12 of the range"."""
        return ", ".join(
            f"{each.name} {each.at(severity):.3g} {each.unit}".rstrip() for each in self.parameters
        )
