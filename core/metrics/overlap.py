"""Overlap of a predicted and a reference mask, with one rule for empty masks everywhere.

Both empty = 1 and counted apart, one empty = 0. A mean over slices hides how many of them are empty, so
`summarise` always gives three numbers. Masks are bool, (row, column) or (slice, row, column).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.types import BoolArray, Overlap, OverlapReport

State = Literal["both present", "both empty", "reference empty", "prediction empty"]

BOUNDARY_TOLERANCE_PX = 2
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class OverlapSummary(Frozen):
    """Mean Dice under each empty-mask convention; None where no slice qualifies.

    mean_dice: all. mean_dice_present: non-empty references only. false_alarm_rate: share of empty
    references on which something was predicted. n_empty_agree: both empty.
    """

    n: int
    n_present: int
    n_empty_agree: int
    mean_dice: float | None
    mean_dice_present: float | None
    false_alarm_rate: float | None


def dice(mask_pred: BoolArray, mask_ref: BoolArray) -> float:
    """2 |P and R| / (|P| + |R|), in [0, 1]; both empty 1, one empty 0.

    Raises ValueError when the shapes differ. Source: Dice 1945, doi:10.2307/1932409.

    >>> dice(np.array([[True, True, False]]), np.array([[False, True, True]]))
    0.5
    """
    both, pred, ref = _counts(mask_pred, mask_ref)
    return 1.0 if pred + ref == 0 else 2.0 * both / (pred + ref)


def jaccard(mask_pred: BoolArray, mask_ref: BoolArray) -> float:
    """|P and R| / |P or R|, in [0, 1]; both empty 1, one empty 0. Equals Dice / (2 - Dice).

    Raises ValueError when the shapes differ.
    """
    both, pred, ref = _counts(mask_pred, mask_ref)
    return 1.0 if pred + ref == 0 else both / (pred + ref - both)


def boundary_f1(
    mask_pred: BoolArray, mask_ref: BoolArray, tolerance_px: int = BOUNDARY_TOLERANCE_PX
) -> float:
    """Harmonic mean of the shares of boundary pixels that lie within `tolerance_px` of the other boundary.

    The boundary is the mask minus its 4-neighbour erosion; outside the picture counts as background.
    P = share of predicted boundary pixels at most the tolerance (Euclidean) from the reference boundary,
    R the reverse, result 2 P R / (P + R) in [0, 1]. Both empty 1, one empty 0. A volume pools the pixels of
    its slices; distances stay within a slice. Raises ValueError when the shapes differ.
    Source: Csurka et al. 2013, doi:10.5244/C.27.32.
    """
    _check(mask_pred, mask_ref)
    disk = _disk(tolerance_px)
    hits = np.zeros(4, np.int64)
    for pred, ref in zip(_planes(mask_pred), _planes(mask_ref), strict=True):
        hits += _boundary_hits(pred, ref, disk)
    return _boundary_score(*(int(each) for each in hits))


def overlap_report(mask_pred: BoolArray, mask_ref: BoolArray) -> OverlapReport:
    """Overlap of the whole study (slice, row, column) and of each of its slices.

    Counts are taken once per slice and summed for the study. Raises ValueError when the shapes differ.
    """
    _check(mask_pred, mask_ref)
    disk = _disk(BOUNDARY_TOLERANCE_PX)
    counts = [
        (*_plane_counts(pred, ref), *_boundary_hits(pred, ref, disk))
        for pred, ref in zip(_planes(mask_pred), _planes(mask_ref), strict=True)
    ]
    whole = tuple(sum(column) for column in zip(*counts, strict=True))
    return OverlapReport(whole=_overlap(whole), slices=tuple(_overlap(each) for each in counts))


def summarise(overlaps: Sequence[Overlap]) -> OverlapSummary:
    """The three means that belong together: all, non-empty references, false alarms on empty ones."""
    present = [each.dice for each in overlaps if each.state in {"both present", "prediction empty"}]
    agree = sum(each.state == "both empty" for each in overlaps)
    alarms = sum(each.state == "reference empty" for each in overlaps)
    return OverlapSummary(
        n=len(overlaps),
        n_present=len(present),
        n_empty_agree=agree,
        mean_dice=_mean([each.dice for each in overlaps]),
        mean_dice_present=_mean(present),
        false_alarm_rate=alarms / (alarms + agree) if alarms + agree else None,
    )


def _overlap(counts: Sequence[int]) -> Overlap:
    both, pred, ref, *hits = counts
    empty = pred + ref == 0
    return Overlap(
        dice=1.0 if empty else 2.0 * both / (pred + ref),
        jaccard=1.0 if empty else both / (pred + ref - both),
        boundary_f1_2px=_boundary_score(*hits),
        state=_state(pred, ref),
    )


def _state(pred: int, ref: int) -> State:
    if pred and ref:
        return "both present"
    if ref:
        return "prediction empty"
    return "reference empty" if pred else "both empty"


def _boundary_hits(
    pred: NDArray[np.uint8], ref: NDArray[np.uint8], disk: NDArray[np.uint8]
) -> tuple[int, int, int, int]:
    if not pred.any() and not ref.any():
        return 0, 0, 0, 0
    edge_pred, edge_ref = _boundary(pred), _boundary(ref)
    hits_pred = cv2.countNonZero(cv2.bitwise_and(edge_pred, cv2.dilate(edge_ref, disk)))
    hits_ref = cv2.countNonZero(cv2.bitwise_and(edge_ref, cv2.dilate(edge_pred, disk)))
    return hits_pred, cv2.countNonZero(edge_pred), hits_ref, cv2.countNonZero(edge_ref)


def _boundary_score(hits_pred: int, n_pred: int, hits_ref: int, n_ref: int) -> float:
    if n_pred == 0 and n_ref == 0:
        return 1.0
    if n_pred == 0 or n_ref == 0 or hits_pred + hits_ref == 0:
        return 0.0
    precision, recall = hits_pred / n_pred, hits_ref / n_ref
    return 2.0 * precision * recall / (precision + recall)


def _boundary(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # OpenCV's default border for erosion is "inside", which would lose the boundary of a mask at the edge.
    inner = cv2.erode(mask, CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(cv2.subtract(mask, inner), np.uint8)


@lru_cache(maxsize=16)
def _disk(radius: int) -> NDArray[np.uint8]:
    # A pixel lies within the radius of a boundary exactly when the boundary, dilated by this disk, covers it.
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk: NDArray[np.uint8] = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    return disk


def _counts(mask_pred: BoolArray, mask_ref: BoolArray) -> tuple[int, int, int]:
    _check(mask_pred, mask_ref)
    each = [_plane_counts(p, r) for p, r in zip(_planes(mask_pred), _planes(mask_ref), strict=True)]
    both, pred, ref = (sum(column) for column in zip(*each, strict=True))
    return both, pred, ref


def _plane_counts(pred: NDArray[np.uint8], ref: NDArray[np.uint8]) -> tuple[int, int, int]:
    return cv2.countNonZero(pred & ref), cv2.countNonZero(pred), cv2.countNonZero(ref)


def _planes(mask: BoolArray) -> Iterator[NDArray[np.uint8]]:
    whole = np.ascontiguousarray(mask).view(np.uint8)
    return iter(whole[None] if whole.ndim == 2 else whole)


def _check(mask_pred: BoolArray, mask_ref: BoolArray) -> None:
    if mask_pred.shape != mask_ref.shape or mask_pred.ndim not in {2, 3}:
        raise ValueError(f"masks of shape {mask_pred.shape} and {mask_ref.shape}; expected equal, 2-D or 3-D")
    if mask_pred.dtype != np.bool_ or mask_ref.dtype != np.bool_:
        raise ValueError(f"masks of type {mask_pred.dtype} and {mask_ref.dtype}; expected bool")


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
