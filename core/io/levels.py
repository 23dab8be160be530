"""Which values of many reference masks are classes, and which are only the grey rim of a shrunk mask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.config import ReadOptions
from core.io.boundary import at_boundary
from core.io.decoded import Array
from core.io.limits import Limits, limits_in_force
from core.io.names import display_name
from core.io.reference import MOST_LABELS
from core.io.upload import decode_upload
from core.types import NamedBytes

_PATCH = 3


@dataclass(frozen=True)
class Levels:
    """Of one mask. values: all different ones where there are at most 20 besides 0, else None.

    solid: those that somewhere fill a patch of 3 x 3 pixels. A rim made by shrinking or by smoothing is one
    pixel wide and does not.
    """

    values: tuple[int, ...] | None
    solid: tuple[int, ...]


def reference_levels(file: NamedBytes, limits: Limits | None = None) -> Levels:
    """Levels of a mask file; raises InputProblem where it cannot be decoded."""
    limits = limits or limits_in_force()
    name = display_name(file.name)
    return at_boundary(name, lambda: levels_of(decode_upload([file], ReadOptions(), limits).values[0]))


def levels_of(mask: Array) -> Levels:
    """Levels of a mask (slice, row, column).

    >>> levels_of(np.full((1, 3, 3), 128, np.uint8))
    Levels(values=(128,), solid=(128,))
    """
    found = np.unique(mask)
    whole = bool(np.all(np.isfinite(found)) and np.all(found == np.rint(found)))
    kept = found[found != 0]
    if not whole or len(kept) > MOST_LABELS or (kept.size and (kept[0] < 0 or kept[-1] > 255)):
        return Levels(None, ())
    values = tuple(int(value) for value in kept)
    return Levels(values, tuple(value for value in values if _fills_a_patch(mask == value)))


def class_values(levels: Iterable[Levels]) -> tuple[int, ...]:
    """Mask values that stand for classes 1, 2, ... of a cohort; () where there is only inside and outside.

    Whole numbers up to 20 are labels as they stand: every number up to the largest, so that class k is
    value k. Grey levels (such as 0, 128, 255) are classes where each of at least two levels fills a patch
    somewhere and no mask holds any other level; else they are one mask, inside above 127.

    >>> class_values([Levels((1, 2), ()), Levels((4,), ())])
    (1, 2, 3, 4)
    >>> class_values([Levels((128, 255), (128, 255)), Levels((255,), (255,))])
    (128, 255)
    >>> class_values([Levels((128, 255), (255,))])
    ()
    """
    known = list(levels)
    if not known or any(each.values is None for each in known):
        return ()
    present = sorted({value for each in known for value in each.values or ()})
    if len(present) < 2 and present in ([], [1], [255]):
        return ()
    if present[-1] <= MOST_LABELS:
        return tuple(range(1, present[-1] + 1))
    solid = {value for each in known for value in each.solid}
    return tuple(present) if len(present) >= 2 and solid == set(present) else ()


def _fills_a_patch(where: Array) -> bool:
    """Whether 3 x 3 neighbouring pixels of one slice are all True."""
    if min(where.shape[-2:]) < _PATCH:
        return bool(where.any())
    rows = where[:, :-2] & where[:, 1:-1] & where[:, 2:]
    return bool((rows[:, :, :-2] & rows[:, :, 1:-1] & rows[:, :, 2:]).any())
