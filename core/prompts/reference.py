"""The prompt that a careful person would give: from the reference of a slice."""

from __future__ import annotations

import cv2
import numpy as np

from core.types import BoolArray
from core.types.prompts import Box, Point, Prompt, PromptKind, box_of

MIN_AREA = 16
"""Smallest reference lesion on a slice, in pixels, that a prompt is made from."""


def reference_prompt(mask_ref: BoolArray, kind: PromptKind) -> tuple[Prompt, Box] | None:
    """The prompt for a slice's reference (row, column) and its box; None where it has under MIN_AREA pixels.

    A box goes round everything that is drawn. A point is the innermost pixel of the largest part.
    """
    if int(mask_ref.sum()) < MIN_AREA:
        return None
    box = box_of(mask_ref)
    assert box is not None
    return (box if kind == "box" else innermost(mask_ref)), box


def innermost(mask: BoolArray) -> Point:
    """The pixel of the largest 8-connected part that lies farthest from its edge; the picture's edge counts.

    >>> innermost(np.ones((3, 5), dtype=bool))
    Point(row=1, column=1)
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    padded = np.pad((parts == largest).astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return Point(int(row), int(column))
