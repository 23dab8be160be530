"""Where in a slice a confidence map is averaged: everywhere, inside, on or off the edge, by distance."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from core.types import BoolArray, Float32Array

Region = Literal["whole", "foreground", "non-boundary", "boundary", "distance"]
REGIONS: tuple[Region, ...] = ("whole", "foreground", "non-boundary", "boundary", "distance")

BAND_WIDTH = 4
"""Default width in pixels of the boundary band: two pixels of label boundary and one dilation step."""
DISTANCE_CLIP = 4.0
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def boundary_band(mask: BoolArray, width: int = BAND_WIDTH) -> BoolArray:
    """Pixels near the mask's edge: its inner and outer boundary pixels, dilated by (width - 2) / 2 steps.

    mask: (row, column). width: even, at least 2. The edge of the picture is no boundary. Raises ValueError
    for another width.
    """
    if width < 2 or width % 2:
        raise ValueError(f"a band of width {width}; expected an even number of pixels, at least 2")
    plane = mask.view(np.uint8)
    edge = cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, CROSS, borderType=cv2.BORDER_REPLICATE)
    steps = (width - 2) // 2
    return np.asarray(cv2.dilate(edge, CROSS, iterations=steps) if steps else edge).view(np.bool_)


def boundary_distance(mask: BoolArray) -> Float32Array:
    """Pixels to the mask's nearest inner boundary pixel, clipped at 4; 4 everywhere without a boundary.

    Jungo et al. 2020 (doi:10.3389/fnins.2020.00282) measure in millimetres; here it is pixels, whatever the
    spacing. The edge of the picture is no boundary.
    """
    plane = mask.view(np.uint8)
    inner = cv2.erode(plane, CROSS, borderType=cv2.BORDER_REPLICATE)
    if np.array_equal(plane, inner):
        return np.full(mask.shape, DISTANCE_CLIP, np.float32)
    away = (plane == inner).astype(np.uint8)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.minimum(distance, DISTANCE_CLIP), np.float32)


def region_weights(mask: BoolArray) -> Float32Array:
    """Weight of every pixel in each of REGIONS, (region, row, column); 0 or 1 but for the distance."""
    band = boundary_band(mask)
    parts = (np.ones_like(mask), mask & ~band, ~band, band, boundary_distance(mask))
    return np.stack([np.asarray(each, np.float32) for each in parts])
