"""Overlap of a predicted and a reference mask, with one rule for empty masks everywhere.

Both empty = 1 and counted apart, one empty = 0. A mean over slices hides how many of them are empty, so
`summarise` always gives three numbers. Masks are bool, (row, column) or (slice, row, column).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.metrics.agreement.boundary import TOLERANCE_PX, Hits, boundary_score, disk_px, plane_hits, sum_hits
from core.metrics.agreement.masks import check_pair, planes
from core.types import BoolArray, Overlap, OverlapReport

State = Literal["both present", "both empty", "reference empty", "prediction empty"]


class Counts(NamedTuple):
    """Pixels in both masks, in the prediction, in the reference; sums over slices are counts of the study."""

    both: int
    pred: int
    ref: int


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

    Raises ValueError when the masks do not fit each other. Source: Dice 1945, doi:10.2307/1932409.

    >>> dice(np.array([[True, True, False]]), np.array([[False, True, True]]))
    0.5
    """
    return dice_of(counts_of(mask_pred, mask_ref))


def jaccard(mask_pred: BoolArray, mask_ref: BoolArray) -> float:
    """|P and R| / |P or R|, in [0, 1]; both empty 1, one empty 0. Equals Dice / (2 - Dice).

    Raises ValueError when the masks do not fit each other. Source: Jaccard 1912,
    doi:10.1111/j.1469-8137.1912.tb05611.x.
    """
    return jaccard_of(counts_of(mask_pred, mask_ref))


def counts_of(mask_pred: BoolArray, mask_ref: BoolArray) -> Counts:
    """Pixel counts of two bool masks. Raises ValueError when they do not fit each other."""
    check_pair(mask_pred, mask_ref)
    if mask_pred.ndim == 2:
        return plane_counts(next(planes(mask_pred)), next(planes(mask_ref)))
    return sum_counts([plane_counts(*pair) for pair in zip(planes(mask_pred), planes(mask_ref), strict=True)])


def plane_counts(pred: NDArray[np.uint8], ref: NDArray[np.uint8]) -> Counts:
    """Pixel counts of one slice of 0 and 1."""
    return Counts(cv2.countNonZero(pred & ref), cv2.countNonZero(pred), cv2.countNonZero(ref))


def sum_counts(each: Sequence[Counts]) -> Counts:
    """Counts added up, all 0 for none."""
    return Counts(*(sum(column) for column in zip(Counts(0, 0, 0), *each, strict=True)))


def dice_of(counts: Counts) -> float:
    """Dice from counts, with the empty-mask rule."""
    both, pred, ref = counts
    return 1.0 if pred + ref == 0 else 2.0 * both / (pred + ref)


def jaccard_of(counts: Counts) -> float:
    """Jaccard from counts, with the empty-mask rule."""
    both, pred, ref = counts
    return 1.0 if pred + ref == 0 else both / (pred + ref - both)


def overlap_report(mask_pred: BoolArray, mask_ref: BoolArray) -> OverlapReport:
    """Overlap of the whole study (slice, row, column) and of each of its slices.

    Counts are taken once per slice and summed for the study. Raises ValueError when the shapes differ.
    """
    check_pair(mask_pred, mask_ref)
    disk = disk_px(TOLERANCE_PX)
    pairs = list(zip(planes(mask_pred), planes(mask_ref), strict=True))
    counts = [plane_counts(*pair) for pair in pairs]
    hits = [plane_hits(*pair, disk) for pair in pairs]
    return OverlapReport(
        whole=_overlap(sum_counts(counts), sum_hits(hits)),
        slices=tuple(_overlap(*each) for each in zip(counts, hits, strict=True)),
    )


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


def _overlap(counts: Counts, hits: Hits) -> Overlap:
    return Overlap(
        dice=dice_of(counts),
        jaccard=jaccard_of(counts),
        boundary_f1_2px=boundary_score(hits),
        state=state_of(counts),
    )


def state_of(counts: Counts) -> State:
    """Which of the two masks hold anything."""
    if counts.pred and counts.ref:
        return "both present"
    if counts.ref:
        return "prediction empty"
    return "reference empty" if counts.pred else "both empty"


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
