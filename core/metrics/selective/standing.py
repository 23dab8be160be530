"""Where one unit stands among the others by confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.types import Float64Array


@dataclass(frozen=True)
class Standing:
    """The place of one unit in the order of confidence.

    lower_than: share in [0, 1] of the other units whose confidence is higher, None where its own is undefined
    or there is no other unit. equal: other units with the same confidence. n: units with a confidence, itself
    included. undefined: units without one. less, more: rows of its neighbours in the order, None at its ends.
    """

    lower_than: float | None
    equal: int
    n: int
    undefined: int
    less: int | None
    more: int | None


def standing(confidence: Float64Array, row: int) -> Standing:
    """Where the unit in this row of `confidence` (unit,), NaN where undefined, stands.

    Ties are walked through in the order of the rows. A unit without a confidence cannot be accepted by any
    threshold, so it comes before all others.

    >>> standing(np.array([0.2, 0.9, 0.5, np.nan]), 2)
    Standing(lower_than=0.5, equal=0, n=3, undefined=1, less=0, more=1)
    """
    known = ~np.isnan(confidence)
    order = np.argsort(np.where(known, confidence, -np.inf), kind="stable")
    place = int(np.flatnonzero(order == row)[0])
    n = int(known.sum())
    higher = float((confidence > confidence[row]).sum())
    return Standing(
        lower_than=higher / (n - 1) if known[row] and n > 1 else None,
        equal=int((confidence == confidence[row]).sum()) - 1 if known[row] else 0,
        n=n,
        undefined=int((~known).sum()),
        less=int(order[place - 1]) if place else None,
        more=int(order[place + 1]) if place + 1 < len(order) else None,
    )
