"""The least confident place of a study: a sliding cube, shrunk to the image where that is smaller."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from core.types import Float32Array, Float64Array

SIDE = 10


class Patch(NamedTuple):
    """The cube with the lowest mean confidence: its middle slice and box (top, left, bottom, right)."""

    value: float
    slice: int
    box: tuple[int, int, int, int]


def lowest_patch(plane_of: Callable[[int], Float32Array], scope: range, side: int = SIDE) -> Patch:
    """Minimum over all positions of the mean confidence in a cube of `side` slices, rows and columns.

    plane_of: confidence (row, column) of a slice; scope: the slices to search, in order. The first of equal
    places is returned. Source: Zenk et al. 2025, doi:10.1016/j.media.2024.103392.
    """
    depth = min(side, len(scope))
    window: deque[Float64Array] = deque()
    best: Patch | None = None
    for index in scope:
        plane = plane_of(index)
        window.append(_box_sums(plane, side))
        if len(window) < depth:
            continue
        best = _lower(best, window, plane.shape, side, index)
        window.popleft()
    if best is None:
        raise ValueError("no slice to search")
    return best


def _lower(
    best: Patch | None, window: deque[Float64Array], shape: tuple[int, ...], side: int, last: int
) -> Patch:
    total = np.sum(window, axis=0)
    place = int(total.argmin())
    top, left = divmod(place, total.shape[1])
    height, width = min(side, shape[0]), min(side, shape[1])
    value = float(total[top, left]) / (len(window) * height * width)
    if best is not None and best.value <= value:
        return best
    return Patch(value, last - len(window) + 1 + len(window) // 2, (top, left, top + height, left + width))


def _box_sums(plane: Float32Array, side: int) -> Float64Array:
    height, width = min(side, plane.shape[0]), min(side, plane.shape[1])
    # Sums of a million float32 values lose digits; the integral image is float64.
    table = np.asarray(cv2.integral(plane, sdepth=cv2.CV_64F), np.float64)
    sums: Float64Array = (
        table[height:, width:] - table[:-height, width:] - table[height:, :-width] + table[:-height, :-width]
    )
    return sums
