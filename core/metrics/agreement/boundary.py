"""How well two outlines agree: boundary F1 within a tolerance in pixels or in mm.

The boundary of a mask is the mask minus its 4-neighbour erosion, slice by slice; outside the picture counts
as background. A boundary pixel is a hit when the other boundary has a pixel within the tolerance (Euclidean,
within the slice). Both boundaries empty = 1, one empty = 0. Not to be mixed with surface Dice with
surfels (surface-distance), which weighs by area, or MONAI's surface Dice, which pools both directions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.metrics.agreement.masks import check_pair, joint_box, planes
from core.types import BoolArray

TOLERANCE_PX = 2.0
TOLERANCE_MM = 2.0


class Hits(NamedTuple):
    """Boundary pixels near the other boundary, and all of them; sums over slices are hits of the study."""

    hit_pred: int
    edge_pred: int
    hit_ref: int
    edge_ref: int


@dataclass(frozen=True)
class Disk:
    """All offsets within a tolerance: row offsets 0 … len - 1 and, for each, the largest column offset."""

    half_widths: tuple[int, ...]

    def within(self, rows: int, columns: int) -> Disk:
        """The same without offsets that no two pixels of a (rows, columns) picture have."""
        if len(self.half_widths) <= rows and self.half_widths[0] < columns:
            return self
        return Disk(tuple(min(width, columns - 1) for width in self.half_widths[:rows]))


def boundary_f1(mask_pred: BoolArray, mask_ref: BoolArray, tolerance_px: float = TOLERANCE_PX) -> float:
    """Harmonic mean of the shares of boundary pixels that lie within `tolerance_px` of the other boundary.

    P = share of predicted boundary pixels at most the tolerance from the reference boundary, R the reverse,
    result 2 P R / (P + R) in [0, 1]. Both empty 1, one empty 0. Masks are bool, (row, column) or (slice, row,
    column); a volume pools the pixels of its slices. Raises ValueError when the masks do not fit each other.
    Source: Csurka et al. 2013, doi:10.5244/C.27.32.

    >>> boundary_f1(np.eye(3, dtype=bool), np.eye(3, dtype=bool)[::-1])
    1.0
    """
    return boundary_score(pooled_hits(mask_pred, mask_ref, disk_px(tolerance_px)))


def boundary_f1_mm(
    mask_pred: BoolArray,
    mask_ref: BoolArray,
    spacing_mm: tuple[float, float],
    tolerance_mm: float = TOLERANCE_MM,
) -> float:
    """Boundary F1 with the tolerance in mm; spacing_mm: distance of neighbouring (rows, columns).

    Distances stay within a slice, because slices often lie further apart than the tolerance. Otherwise as
    `boundary_f1`.
    """
    return boundary_score(pooled_hits(mask_pred, mask_ref, disk_mm(tolerance_mm, spacing_mm)))


def boundary_score(hits: Hits) -> float:
    """2 P R / (P + R) from the counts; no boundary at all 1, one missing 0."""
    if hits.edge_pred == 0 and hits.edge_ref == 0:
        return 1.0
    if hits.hit_pred + hits.hit_ref == 0:
        return 0.0
    precision, recall = hits.hit_pred / hits.edge_pred, hits.hit_ref / hits.edge_ref
    return 2.0 * precision * recall / (precision + recall)


def disk_px(tolerance_px: float) -> Disk:
    """Offsets at most `tolerance_px` pixels long."""
    return disk_mm(tolerance_px, (1.0, 1.0))


@lru_cache(maxsize=64)
def disk_mm(tolerance_mm: float, spacing_mm: tuple[float, float]) -> Disk:
    """Offsets at most `tolerance_mm` long where neighbouring (rows, columns) lie `spacing_mm` apart."""
    if not tolerance_mm >= 0.0 or not min(spacing_mm) > 0.0:
        raise ValueError(f"tolerance {tolerance_mm} and spacing {spacing_mm}; expected >= 0 and > 0")
    # The rounding of 20 * 0.1 mm must not lose pixels that lie at exactly 2 mm.
    limit = tolerance_mm * (1.0 + 1e-9)
    rows = math.floor(limit / spacing_mm[0]) + 1
    return Disk(
        tuple(
            math.floor(math.sqrt(max(limit**2 - (row * spacing_mm[0]) ** 2, 0.0)) / spacing_mm[1])
            for row in range(rows)
        )
    )


def pooled_hits(mask_pred: BoolArray, mask_ref: BoolArray, disk: Disk) -> Hits:
    """Counts over all slices of two bool masks. Raises ValueError when they do not fit each other."""
    check_pair(mask_pred, mask_ref)
    if mask_pred.ndim == 2:
        return plane_hits(mask_pred.view(np.uint8), mask_ref.view(np.uint8), disk)
    return sum_hits(
        [plane_hits(*pair, disk) for pair in zip(planes(mask_pred), planes(mask_ref), strict=True)]
    )


def sum_hits(each: Sequence[Hits]) -> Hits:
    """Counts added up, all 0 for none."""
    return Hits(*(sum(column) for column in zip(Hits(0, 0, 0, 0), *each, strict=True)))


def plane_hits(pred: NDArray[np.uint8], ref: NDArray[np.uint8], disk: Disk) -> Hits:
    """Counts of one slice; pred, ref: (row, column) of 0 and 1.

    Each mask becomes one whole number with a bit per pixel, cut to the box that holds both, its rows apart by
    the largest offset: shifting the number shifts the picture, at an eighth of the bytes and without margins.
    """
    box = joint_box(pred, ref)
    if box is None:
        return Hits(0, 0, 0, 0)
    pred, ref = pred[box], ref[box]
    disk = disk.within(*pred.shape)
    stride = pred.shape[1] + max(disk.half_widths[0], 1)
    edge_pred, edge_ref = _boundary(_number(pred, stride), stride), _boundary(_number(ref, stride), stride)
    return Hits(
        hit_pred=(edge_pred & _dilated(edge_ref, disk, stride)).bit_count(),
        edge_pred=edge_pred.bit_count(),
        hit_ref=(edge_ref & _dilated(edge_pred, disk, stride)).bit_count(),
        edge_ref=edge_ref.bit_count(),
    )


def _number(mask: NDArray[np.uint8], stride: int) -> int:
    """The mask as a number whose bits are its pixels, row by row; rows end in zeros up to `stride`."""
    padded = np.zeros((mask.shape[0], stride), np.uint8)
    padded[:, : mask.shape[1]] = mask
    return int.from_bytes(np.packbits(padded).tobytes(), "big")


def _boundary(mask: int, stride: int) -> int:
    """What the 4-neighbour erosion takes away."""
    return mask ^ (mask & (mask << 1) & (mask >> 1) & (mask << stride) & (mask >> stride))


def _dilated(edge: int, disk: Disk, stride: int) -> int:
    """Pixels that have a pixel of `edge` within the disk, and some outside the picture.

    The disk is a pile of rows that widen towards its middle, so each width is built from the one before.
    """
    wide, width, near = edge, 0, 0
    for row in range(len(disk.half_widths) - 1, -1, -1):
        while width < disk.half_widths[row]:
            width += 1
            wide |= edge << width | edge >> width
        near |= wide << row * stride | wide >> row * stride if row else wide
    return near
