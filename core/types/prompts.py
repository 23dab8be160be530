"""What a person draws on a slice so that a network answers: a box, or a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.types.arrays import BoolArray

PromptKind = Literal["box", "point"]


@dataclass(frozen=True)
class Box:
    """Pixels from (top, left) up to but not including (bottom, right), never empty.

    >>> Box(2, 3, 5, 9).shape
    (3, 6)
    """

    top: int
    left: int
    bottom: int
    right: int

    def __post_init__(self) -> None:
        if not (0 <= self.top < self.bottom and 0 <= self.left < self.right):
            raise ValueError(f"a box needs 0 <= top < bottom and 0 <= left < right; got {self}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns inside."""
        return self.bottom - self.top, self.right - self.left

    @property
    def text(self) -> str:
        """As captions and tables write it."""
        return f"rows {self.top} to {self.bottom - 1}, columns {self.left} to {self.right - 1}"


@dataclass(frozen=True)
class Point:
    """One pixel."""

    row: int
    column: int

    @property
    def text(self) -> str:
        """As captions and tables write it."""
        return f"row {self.row}, column {self.column}"


Prompt = Box | Point


def kind_of(prompt: Prompt) -> PromptKind:
    """Which kind of prompt this is."""
    return "box" if isinstance(prompt, Box) else "point"


def box_of(mask: BoolArray) -> Box | None:
    """The smallest box round everything in a mask (row, column); None for an empty mask.

    >>> box_of(np.array([[0, 0, 0], [0, 1, 1]], dtype=bool))
    Box(top=1, left=1, bottom=2, right=3)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
