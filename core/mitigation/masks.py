"""Morphology of predicted masks: bool (slice, row, column) in, the same shape out, the input untouched."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from core.types import BoolArray, Float32Array

TOUCHING = np.ones((3, 3, 3), np.bool_)
"""Voxels that share a corner belong together."""
IN_PLANE = np.ones((3, 3), np.bool_)
MIN_SIZE_MM2 = 20.0
MIN_SIZE_PX = 20
"""Where the spacing is unknown, an area in pixels stands for one in mm²."""


def largest_component(mask: BoolArray) -> BoolArray:
    """The component with the most voxels, touching at corners; nothing stays nothing.

    >>> largest_component(np.array([[[True, False, True, True]]])).tolist()
    [[[False, False, True, True]]]
    """
    labels, count = ndimage.label(mask, TOUCHING)
    if count < 2:
        return mask.copy()
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def largest_per_side(mask: BoolArray, image: Float32Array) -> BoolArray:
    """The largest component on each side of the midline, so that a second focus across it is kept.

    A component counts for the side on which most of it lies. image: (slice, row, column), from whose
    brightness the middle column is taken: the centre of what is above a twentieth of its range.
    """
    labels, count = ndimage.label(mask, TOUCHING)
    if count < 2:
        return mask.copy()
    middle = _middle_column(image)
    columns = np.arange(mask.shape[-1])
    sizes = ndimage.sum_labels(mask, labels, range(1, count + 1))
    centres = ndimage.mean(np.broadcast_to(columns, mask.shape), labels, range(1, count + 1))
    kept: set[int] = set()
    for side in (centres < middle, centres >= middle):
        if side.any():
            kept.add(int(np.where(side, sizes, -1).argmax()) + 1)
    return np.isin(labels, sorted(kept))


def remove_small(mask: BoolArray, spacing_mm: tuple[float, float, float] | None) -> BoolArray:
    """Without the blobs of a slice that are smaller than 20 mm², or 20 pixels where no spacing is known."""
    least = MIN_SIZE_PX if spacing_mm is None else MIN_SIZE_MM2 / (spacing_mm[1] * spacing_mm[2])
    out = np.zeros_like(mask)
    for index, plane in enumerate(mask):
        labels, _ = ndimage.label(plane, IN_PLANE)
        sizes = np.bincount(labels.ravel())
        keep = sizes >= least
        keep[0] = False
        out[index] = keep[labels]
    return out


def fill_holes(mask: BoolArray) -> BoolArray:
    """With what each slice's blobs enclose."""
    return np.stack([np.asarray(ndimage.binary_fill_holes(plane), np.bool_) for plane in mask])


def clean_up(mask: BoolArray, spacing_mm: tuple[float, float, float] | None) -> BoolArray:
    """Holes filled, then small blobs removed."""
    return remove_small(fill_holes(mask), spacing_mm)


def _middle_column(image: Float32Array) -> float:
    low, high = float(image.min()), float(image.max())
    inside = image > low + 0.05 * (high - low)
    weight = inside.sum(axis=(0, 1)).astype(np.float64)
    columns = np.arange(image.shape[-1])
    return float((weight * columns).sum() / weight.sum()) if weight.any() else (image.shape[-1] - 1) / 2
