"""What became of a picture that was made worse on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from core.config import Frozen
from core.types.case import Image


class AppliedStep(Frozen):
    """One corruption as it was applied; enough to make it again.

    parameters: (name, value) of the parameter that the severity sets. unit: of them. seed: of the draw,
    which no severity changes. domain: how intensities were scaled, in words for the screen. clipped_share:
    share of values cut at an end of their range, [0, 1]. damage: mean absolute change in shares of the range.
    """

    key: str
    severity: float
    parameters: tuple[tuple[str, float], ...] = ()
    unit: str = ""
    seed: int = 0
    domain: str = ""
    clipped_share: float = 0.0
    damage: float = 0.0


@dataclass(frozen=True)
class Move:
    """Where a geometric step put the picture, in its own plane, the same for every slice.

    matrix: the upper two rows of the affine map from a place (column, row, 1) of the clean picture to its
    place in the moved one, in pixels.
    """

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class Corrupted:
    """The picture after all steps, in the unit and geometry of the clean one.

    move: all geometric steps together, None where nothing was moved. damage: of all steps together.
    """

    image: Image
    suite: str
    steps: tuple[AppliedStep, ...] = ()
    move: Move | None = None
    damage: float = 0.0
