"""How far the samples' own masks agree: pairwise Dice, and components that come and go.

Every function takes the member masks of one slice, bool (sample, class, row, column), foreground classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import BoolArray, Float32Array, LabelArray

PairCounts = NDArray[np.int64]
"""(class, sample, sample): pixels that two samples' masks share; the diagonal holds each mask's size."""


@dataclass(frozen=True)
class SliceAgreement:
    """Agreement of the samples in one slice; None where it is undefined.

    pairwise_dice: in [0, 1], None with one sample. component_iou: in [0, 1], component_cv: >= 0, means
    over `components`, the predicted blobs of at least two pixels that any sample has; None where there are
    none.
    """

    pairwise_dice: float | None
    component_iou: float | None
    component_cv: float | None
    components: int


def member_mask(prob: Float32Array) -> BoolArray:
    """Mask of one sample, (class, row, column): the class with the highest probability, background included.

    With one foreground class: probability above 0.5.
    """
    if len(prob) == 1:
        single: BoolArray = prob > 0.5
        return single
    best = prob.argmax(axis=0)
    found = prob.max(axis=0) > 1.0 - prob.sum(axis=0)
    several: BoolArray = (best[None] == np.arange(len(prob))[:, None, None]) & found[None]
    return several


def pair_counts(masks: BoolArray) -> PairCounts:
    """Shared pixels of every two samples, per class; exact."""
    samples, classes = masks.shape[:2]
    box = _bounding_box(masks)
    if box is None:
        return np.zeros((classes, samples, samples), np.int64)
    # A product of zeros and ones in float32 counts exactly up to 2**24 pixels, far more than a slice has.
    flat = masks[:, :, box[0], box[1]].reshape(samples, classes, -1).transpose(1, 0, 2).astype(np.float32)
    counts: PairCounts = np.rint(flat @ flat.transpose(0, 2, 1)).astype(np.int64)
    return counts


def mean_pairwise_dice(counts: PairCounts) -> float | None:
    """Mean over pairs i < j and foreground classes of Dice(M_i, M_j): both empty 1, one empty 0.

    None with fewer than two samples. Source: Roy et al. 2019, doi:10.1016/j.neuroimage.2019.03.042.

    >>> mean_pairwise_dice(np.array([[[2, 1], [1, 2]]]))
    0.5
    """
    samples = counts.shape[1]
    if samples < 2:
        return None
    sizes = np.diagonal(counts, axis1=1, axis2=2)
    total = sizes[:, :, None] + sizes[:, None, :]
    dice = np.where(total == 0, 1.0, 2.0 * counts / np.maximum(total, 1))
    first, second = np.triu_indices(samples, 1)
    return float(dice[:, first, second].mean())


def component_agreement(mask_pred: LabelArray, masks: BoolArray) -> tuple[float | None, float | None, int]:
    """Mean IoU and mean coefficient of variation of the predicted blobs over the samples, and their number.

    Both are undefined for a blob that no sample has, and such a blob is not counted.

    For each 8-connected blob of the predicted foreground with at least two pixels, the blobs of each sample
    that overlap it form that sample's version; IoU = shared by all versions / covered by any, CV = standard
    deviation / mean of their sizes. Source: ivadomed, doi:10.21105/joss.02868.
    """
    count, labels = cv2.connectedComponents((mask_pred > 0).astype(np.uint8), connectivity=8)
    blobs = [labels == k for k in range(1, count)]
    blobs = [blob for blob in blobs if np.count_nonzero(blob) > 1]
    if not blobs or len(masks) < 2:
        return None, None, len(blobs)
    versions = [
        cv2.connectedComponents(mask.any(axis=0).astype(np.uint8), connectivity=8)[1] for mask in masks
    ]
    values = [found for blob in blobs if (found := _blob_agreement(blob, versions)) is not None]
    if not values:
        return None, None, 0
    iou, variation = np.mean(values, axis=0)
    return float(iou), float(variation), len(values)


def _blob_agreement(blob: BoolArray, versions: list[NDArray[np.int32]]) -> tuple[float, float] | None:
    shared, covered, sizes = np.ones_like(blob), np.zeros_like(blob), []
    for labels in versions:
        touching = np.unique(labels[blob])
        version = np.isin(labels, touching[touching > 0])
        shared &= version
        covered |= version
        sizes.append(np.count_nonzero(version))
    mean = float(np.mean(sizes))
    # A predicted blob needs support from the mean only, so it can happen that no single sample has it.
    if mean == 0.0:
        return None
    return np.count_nonzero(shared) / np.count_nonzero(covered), float(np.std(sizes)) / mean


def _bounding_box(masks: BoolArray) -> tuple[slice, slice] | None:
    anywhere: BoolArray = np.any(masks, axis=(0, 1))
    rows, columns = np.flatnonzero(anywhere.any(axis=1)), np.flatnonzero(anywhere.any(axis=0))
    if rows.size == 0:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
