"""Which bin a probability belongs to: bins of equal width, or of equal mass.

Equal width: closed on the right; the first bin includes 0, the last includes 1. Equal mass: the sorted
probabilities cut into parts of equal count. Equal probabilities are one block: a block that lies across a cut
is shared in proportion, so the order of the rows never matters and the counts are exactly equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.types import Float64Array

Binning = Literal["width", "mass"]
BINNINGS: dict[Binning, str] = {"width": "equal width", "mass": "equal mass"}


@dataclass(frozen=True, eq=False)
class Assignment:
    """Point `point[t]` lies in bin `bin[t]` with the share `weight[t]`; the shares of a point add up to 1."""

    bins: int
    point: NDArray[np.int64]
    bin: NDArray[np.int64]
    weight: Float64Array

    def matrix(self, points: int) -> Float64Array:
        """The shares as (point, bin)."""
        out = np.zeros((points, self.bins))
        out[self.point, self.bin] = self.weight
        return out


def equal_width(prob: Float64Array, bins: int) -> Assignment:
    """Bins (k / bins, (k + 1) / bins], the first with 0. prob: (point,) in [0, 1].

    >>> equal_width(np.array([0.0, 0.5, 0.51, 1.0]), 2).bin.tolist()
    [0, 0, 1, 1]
    """
    edges = np.arange(1, bins) / bins
    return whole(np.searchsorted(edges, prob, side="left"), bins)


def whole(index: NDArray[np.integer], bins: int) -> Assignment:
    """Every point lies in one bin."""
    return Assignment(bins, np.arange(len(index)), index.astype(np.int64), np.ones(len(index)))


def equal_mass(prob: Float64Array, count: Float64Array, bins: int) -> Assignment:
    """Bins that hold the same count each. prob: (point,) in [0, 1]; count: (point,) how often it occurs.

    Raises ValueError when nothing was counted.

    >>> equal_mass(np.array([0.1, 0.2, 0.2, 0.2]), np.ones(4), 2).matrix(4).round(3).tolist()
    [[1.0, 0.0], [0.333, 0.667], [0.333, 0.667], [0.333, 0.667]]
    """
    _, block = np.unique(prob, return_inverse=True)
    size = np.bincount(block, weights=count)
    end = np.cumsum(size)
    if end.size == 0 or end[-1] <= 0:
        raise ValueError("no counts to cut into bins of equal mass")
    start = np.r_[0.0, end[:-1]] * bins / end[-1]
    end = end * bins / end[-1]
    first = np.minimum(np.floor(start + 1e-9), bins - 1).astype(np.int64)
    last = np.clip(np.ceil(end - 1e-9) - 1, first, bins - 1).astype(np.int64)
    parts = (last - first + 1)[block]
    point = np.repeat(np.arange(len(prob)), parts)
    index = (
        np.repeat(first[block], parts) + np.arange(len(point)) - np.repeat(np.cumsum(parts) - parts, parts)
    )
    overlap = np.minimum(end[block[point]], index + 1) - np.maximum(start[block[point]], index)
    shares = np.bincount(point, weights=overlap, minlength=len(prob))
    # A block without counts has no length: it goes whole into its one bin.
    weight = np.where(shares[point] > 0, overlap / np.where(shares[point] > 0, shares[point], 1.0), 1.0)
    return Assignment(bins, point, index, weight)
