"""How well two outlines agree: boundary F1 within a tolerance in pixels or in mm.

The boundary of a mask is the mask minus its 4-neighbour erosion, slice by slice; outside the picture counts
as background. A boundary pixel is a hit when the other boundary has a pixel within the tolerance (Euclidean,
within the slice). Both boundaries empty = 1, one empty = 0. Not to be mixed with surface Dice with
surfels (surface-distance), which weighs by area, or MONAI's surface Dice, which pools both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.metrics.agreement.masks import check_pair, joint_rows, planes
from core.types import BoolArray

TOLERANCE_PX = 2.0
TOLERANCE_MM = 2.0


class Hits(NamedTuple):
    """Boundary pixels near the other boundary, and all of them; sums over slices are hits of the study."""

    hit_pred: int
    edge_pred: int
    hit_ref: int
    edge_ref: int


Disk = NDArray[np.uint8]
"""All offsets within a tolerance as a structuring element: odd sides, 1 inside, centred."""

CROSS: Disk = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


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
    rows, columns = (np.arange(-(reach := int(limit / each)), reach + 1) * each for each in spacing_mm)
    disk = (rows[:, None] ** 2 + columns**2 <= limit**2).astype(np.uint8)
    disk.flags.writeable = False
    return disk


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

    Within a tolerance is the same as under the other boundary dilated by the disk of that radius. Both masks
    are cut to the rows that hold anything first: these lie in one piece of memory, columns would not.
    """
    rows = joint_rows(pred, ref)
    if rows is None:
        return Hits(0, 0, 0, 0)
    edge_pred, edge_ref = _boundary(pred[rows]), _boundary(ref[rows])
    disk = _within(disk, edge_pred.shape)
    return Hits(
        hit_pred=cv2.countNonZero(cv2.bitwise_and(edge_pred, cv2.dilate(edge_ref, disk))),
        edge_pred=cv2.countNonZero(edge_pred),
        hit_ref=cv2.countNonZero(cv2.bitwise_and(edge_ref, cv2.dilate(edge_pred, disk))),
        edge_ref=cv2.countNonZero(edge_ref),
    )


def _boundary(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the 4-neighbour erosion takes away; outside counts as background."""
    eroded = cv2.erode(mask, CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(cv2.subtract(mask, eroded), np.uint8)


def _within(disk: Disk, shape: tuple[int, ...]) -> Disk:
    """The same without offsets that no two pixels of a picture of this shape have."""
    if disk.shape[0] < 2 * shape[0] and disk.shape[1] < 2 * shape[1]:
        return disk
    cuts = [max(0, side // 2 + 1 - length) for side, length in zip(disk.shape, shape, strict=True)]
    rows, columns = (slice(cut, side - cut) for cut, side in zip(cuts, disk.shape, strict=True))
    return np.ascontiguousarray(disk[rows, columns])
